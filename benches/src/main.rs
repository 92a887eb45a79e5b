//! `cargo run --release --package dropleaf-benches`: every figure of `docs/benchmarks.md`, as ratios within one run.
//!
//! The names of benchmarks as arguments run only those. Needs the daemon and its plugins built in release (`cargo build --release`) and `qpdf` as the peer.

mod by_hand;
mod documents;
mod inside;
mod latency;
mod memory;
mod processes;
mod steps;
mod throughput;

use anyhow::{Context as _, Result, bail};
use dropleaf_test_support::daemon::TestHome;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Libraries of the build that belong to no release: the SDK's parts and the tests' plugin.
const NOT_SHIPPED: &[&str] = &["abi", "host", "sdk", "faulty"];

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
    let all: [(&str, Measure); 5] = [
        ("inside", inside::measure),
        ("steps", steps::measure),
        ("latency", latency::measure),
        ("throughput", throughput::measure),
        ("memory", memory::measure),
    ];
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|name| all.iter().all(|(known, _)| known != name))
    {
        let known = all.map(|(name, _)| name).join(", ");
        bail!("there is no benchmark `{unknown}`; there are {known}");
    }
    for (name, measure) in all {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            measure(text)?;
        }
    }
    Ok(())
}

/// One benchmark: it is given the program's path and prints its figures.
type Measure = fn(&str) -> Result<()>;

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

/// A home as `dropleaf init` makes it, with every plugin that is shipped.
fn shipped_home(program: &str) -> Result<TestHome> {
    let home = TestHome::bare(program);
    let (code, _, said) = home.run(&["init"]);
    if code != 0 {
        bail!("`dropleaf init` failed: {said}");
    }
    let built = PathBuf::from(program);
    let folder = built.parent().context("the program lies in a folder")?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_shipped = name.starts_with("libdropleaf_plugin_")
            && name.ends_with(".so")
            && !NOT_SHIPPED.iter().any(|other| name.contains(other));
        if is_shipped {
            std::fs::copy(&path, home.path("plugins").join(&*name))?;
        }
    }
    Ok(home)
}

/// How many files lie in a folder.
fn count(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .count()
}

/// The median of some times.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
