//! `cargo xtask schemathesis`: a daemon is asked everything that its OpenAPI description allows, and much that it does not; every
//! answer is held against the description. The tool makes the questions; here is the daemon that is asked.

use crate::machine::{must, root};
use crate::options::Options;
use crate::python;
use anyhow::{Context as _, Result};
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::sample;
use std::process::Command;

/// Feeds never end, so that a tool that waits for the end of an answer learns nothing of them; they have tests of their own.
const FEEDS: &str = "/events$";

/// Builds the daemon, gives it something to tell of, and lets the tool ask.
///
/// # Errors
/// A finding, or the tool cannot be had.
pub fn run(arguments: &[&str]) -> Result<()> {
    let options = Options::read("schemathesis", &["examples", "seed", "program"], arguments)?;
    let (examples, seed) = (
        options.number("examples", 20_u32)?,
        options.number("seed", 1_u64)?,
    );
    let tool = python::program("schemathesis")?;
    let program = options.program()?;
    let home = TestHome::new(&program.display().to_string());
    let daemon = busy(&home);
    println!("asking {}", daemon.url("/openapi.json"));
    must(
        Command::new(tool)
            .current_dir(home.path(""))
            .arg("--config-file")
            .arg(root().join("xtask/python/schemathesis.toml"))
            .args(["run", &daemon.url("/openapi.json")])
            .args(["--exclude-path-regex", FEEDS])
            .args(["--max-examples", &examples.to_string()])
            .args(["--seed", &seed.to_string()])
            .args(["--request-timeout", "30", "--generation-database", "none"]),
    )
    .context("the tool found something, or could not ask")
}

/// A daemon with a pipeline, a job that succeeded and one that failed.
fn busy(home: &TestHome) -> TestDaemon {
    home.pipeline(
        "receive",
        "watch: { folder: inbox/receive, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/receive", "good.pdf", sample::pdf(2));
    let locked = sample::Sample::new("locked", 1).encrypted("secret", "owner");
    home.drop_file("inbox/receive", "locked.pdf", locked.bytes());
    feed.until_ended(2);
    daemon
}
