//! What the daemon of the shipped home holds and does when it is idle, and what it holds after many jobs.

use crate::throughput::distinct;
use crate::{count, processes, shipped_home};
use anyhow::Result;
use std::time::Duration;

const JOBS: usize = 10_000;
/// After these the daemon has done whatever it does once.
const FIRST: usize = 8;

/// Prints resident memory and wake-ups.
pub fn measure(program: &str) -> Result<()> {
    let home = shipped_home(program)?;
    let daemon = home.serve();
    let run = |from: usize, to: usize| {
        for number in from..to {
            home.drop_file("inbox/rotate", &format!("{number}.pdf"), distinct(number));
        }
        while count(&home.path("archive/rotate")) < to {
            std::thread::park_timeout(Duration::from_millis(50));
        }
    };
    std::thread::park_timeout(Duration::from_secs(5));
    let fresh = processes::resident(daemon.pid())?;
    run(0, FIRST);
    std::thread::park_timeout(Duration::from_secs(15));
    let idle = processes::resident(daemon.pid())?;
    let before = processes::wake_ups(daemon.pid())?;
    std::thread::park_timeout(Duration::from_secs(60));
    let wakes = processes::wake_ups(daemon.pid())?.saturating_sub(before);
    run(FIRST, JOBS);
    std::thread::park_timeout(Duration::from_secs(15));
    let after = processes::resident(daemon.pid())?;
    println!(
        "shipped home: {:.1} MiB resident when fresh, {:.1} MiB after {FIRST} jobs, {wakes} wake-ups in the idle minute after; {:.1} MiB after {JOBS} jobs",
        mib(fresh),
        mib(idle),
        mib(after)
    );
    Ok(())
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
