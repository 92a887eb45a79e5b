//! `cargo xtask torture`: kill -9 under load, and the count.

use crate::options::Options;
use anyhow::{Result, anyhow, bail};
use dropleaf_test_support::torture::{self, Plan, Report};

/// Builds the daemon with its failpoints (a debug build) where none is given, and tortures it.
pub fn run(arguments: &[&str]) -> Result<()> {
    let options = Options::read("torture", &["kills", "seed", "home", "program"], arguments)?;
    let seed = options.number("seed", 1)?;
    let plan = Plan {
        kills: options.number("kills", 1000)?,
        seed,
        place: options.path("home")?,
        program: options.program()?,
    };
    let report =
        torture::run(&plan, &mut |line| println!("{line}")).map_err(|fault| anyhow!(fault))?;
    tell(&report, seed);
    if report.faults.is_empty() {
        Ok(())
    } else {
        bail!("{} faults with seed {seed}", report.faults.len())
    }
}

fn tell(report: &Report, seed: u64) {
    for fault in &report.faults {
        println!("FAULT {fault}");
    }
    let Report {
        kills,
        failpoints,
        early,
        workers,
        files,
        processed,
        failed,
        outputs,
        events,
        connections,
        faults,
    } = report;
    println!(
        "seed {seed}: killed {} times ({failpoints} by failpoints, {early} during the start), and {workers} workers; \
         {files} files given: {processed} processed to {outputs} outputs, {failed} kept as failed; \
         {events} events over {connections} connections; {} faults",
        kills + early,
        faults.len()
    );
}
