//! `cargo xtask powercut`: the power fails at any moment of a recorded load, and the count.

use crate::options::Options;
use anyhow::{Result, anyhow, bail};
use dropleaf_test_support::torture::powercut::{self, Plan, Report, Syncs};

/// Builds the daemon where none is given, and cuts its power.
pub fn run(arguments: &[&str]) -> Result<()> {
    let known = [
        "cuts", "seed", "at-once", "syncs", "place", "program", "old-jobs",
    ];
    let options = Options::read("powercut", &known, arguments)?;
    let seed = options.number("seed", 1)?;
    let plan = Plan {
        cuts: options.number("cuts", 1000)?,
        seed,
        at_once: options.number("at-once", 1)?,
        syncs: match options.text("syncs") {
            None | Some("kept") => Syncs::Kept,
            Some("forgotten") => Syncs::Forgotten,
            Some(other) => bail!("`--syncs` is `kept` or `forgotten`, not `{other}`"),
        },
        place: options.path("place")?,
        program: options.program()?,
        old_jobs: u32::try_from(options.number("old-jobs", 0)?)?,
    };
    let report =
        powercut::run(&plan, &|line| println!("{line}")).map_err(|fault| anyhow!(fault))?;
    tell(&report, seed);
    if report.faults.is_empty() {
        Ok(())
    } else {
        bail!("{} faults with seed {seed}", report.faults.len())
    }
}

fn tell(report: &Report, seed: u64) {
    let Report {
        sessions,
        operations,
        syncs,
        given_back,
        cuts,
        torn,
        files,
        processed,
        failed,
        outputs,
        told,
        faults,
    } = report;
    println!(
        "seed {seed}: {cuts} cuts ({torn} with something lost) in {sessions} recorded loads of {operations} operations, {syncs} of them syncs, {given_back} of a journal that gave pages back; \
         {files} files had been given: {processed} processed to {outputs} outputs, {failed} kept as failed; \
         {told} events had been told; {} faults",
        faults.len()
    );
}
