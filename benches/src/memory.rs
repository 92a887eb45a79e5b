//! What the daemon holds and does when it is idle, fresh and after many jobs.

use crate::home;
use anyhow::{Context as _, Result};
use dropleaf_test_support::folder::files;
use dropleaf_test_support::sample;
use std::time::Duration;

const JOBS: usize = 2_000;

/// Prints resident memory and wake-ups.
pub fn measure(program: &str) -> Result<()> {
    let home = home(program)?;
    home.pipeline("p", "watch: { folder: inbox/p, quiet: 0s }\nconcurrency: 64\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n");
    let daemon = home.serve();
    std::thread::park_timeout(Duration::from_secs(5));
    let fresh = resident(daemon.pid())?;
    let before = switches(daemon.pid())?;
    std::thread::park_timeout(Duration::from_secs(10));
    let wakes = switches(daemon.pid())?.saturating_sub(before);
    let bytes = sample::pdf(1);
    for number in 0..JOBS {
        home.drop_file("inbox/p", &format!("{number}.pdf"), &bytes);
    }
    while files(&home.path("archive/p")).len() < JOBS {
        std::thread::park_timeout(Duration::from_millis(50));
    }
    std::thread::park_timeout(Duration::from_secs(12));
    let after = resident(daemon.pid())?;
    println!(
        "idle: {fresh} KiB resident, {wakes} context switches in 10 s; after {JOBS} jobs {after} KiB"
    );
    Ok(())
}

fn status(pid: u32, key: &str) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("status"))?;
        let line = text
            .lines()
            .find(|line| line.starts_with(key))
            .with_context(|| format!("no `{key}`"))?;
        sum += line
            .split_whitespace()
            .nth(1)
            .and_then(|number| number.parse::<u64>().ok())
            .context("a number")?;
    }
    Ok(sum)
}

fn resident(pid: u32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .context("no `VmRSS`")?;
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .context("a number")
}

fn switches(pid: u32) -> Result<u64> {
    status(pid, "voluntary_ctxt_switches:")
}
