//! `cargo run --release --package dropleaf-benches`: every figure of `docs/benchmarks.md`, as ratios within one run.
//!
//! Needs the daemon and its plugins built in release (`cargo build --release`) and `qpdf` as the peer.

mod latency;
mod memory;
mod steps;
mod throughput;

use anyhow::{Context as _, Result, bail};
use dropleaf_test_support::daemon::TestHome;
use std::path::PathBuf;
use std::time::Duration;

fn main() -> Result<()> {
    let program = program()?;
    println!(
        "machine: {} processors; program: {}",
        std::thread::available_parallelism()?,
        program.display()
    );
    let text = program
        .to_str()
        .context("the program's path is not UTF-8")?;
    steps::measure(text)?;
    latency::measure(text)?;
    throughput::measure(text)?;
    memory::measure(text)
}

/// The release build beside this program.
fn program() -> Result<PathBuf> {
    let here = std::env::current_exe().context("failed to find this program")?;
    let program = here.with_file_name("dropleaf");
    if !program.is_file() {
        bail!(
            "`{}` is missing: run `cargo build --release` first",
            program.display()
        );
    }
    Ok(program)
}

/// A home whose plugins are those of the release build.
fn home(program: &str) -> Result<TestHome> {
    let home = TestHome::bare(program);
    let built = PathBuf::from(program);
    for name in ["pages", "stamp", "metadata"] {
        let file = format!("libdropleaf_plugin_{name}.so");
        let from = built.with_file_name(&file);
        std::fs::copy(&from, home.path("plugins").join(&file))
            .with_context(|| format!("failed to copy `{}`", from.display()))?;
    }
    Ok(home)
}

/// The median of some times.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
