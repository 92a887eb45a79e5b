//! `cargo xtask powercut`: the power fails at any moment of a recorded load, and the count.

use crate::machine::{cargo, must, target};
use crate::torture::number;
use anyhow::{Context as _, Result, anyhow, bail};
use dropleaf_test_support::torture::powercut::{self, Plan, Report, Syncs};
use std::path::PathBuf;

/// Builds the daemon where none is given, and cuts its power.
pub fn run(arguments: &[&str]) -> Result<()> {
    let (mut cuts, mut seed, mut at_once, mut place, mut program) = (1000, 1, 1, None, None);
    let mut syncs = Syncs::Kept;
    let mut words = arguments.iter();
    while let Some(&word) = words.next() {
        let value = *words
            .next()
            .with_context(|| format!("`{word}` needs a value"))?;
        match word {
            "--cuts" => cuts = number(word, value)?,
            "--seed" => seed = number(word, value)?,
            "--at-once" => at_once = number(word, value)?,
            "--syncs" if value == "forgotten" => syncs = Syncs::Forgotten,
            "--syncs" if value == "kept" => {}
            "--place" => place = Some(PathBuf::from(value)),
            "--program" => program = Some(PathBuf::from(value)),
            other => bail!(
                "`powercut` has no option `{other}`; it has --cuts, --seed, --at-once, --syncs, --place and --program"
            ),
        }
    }
    let program = match program {
        Some(program) => program,
        None => {
            must(&mut cargo(&["build", "--workspace", "--all-targets"]))?;
            target().join("debug/dropleaf")
        }
    };
    let program = std::path::absolute(&program).with_context(|| program.display().to_string())?;
    let plan = Plan {
        program,
        cuts,
        seed,
        place,
        at_once,
        syncs,
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
        "seed {seed}: {cuts} cuts ({torn} with something lost) in {sessions} recorded loads of {operations} operations, {syncs} of them syncs; \
         {files} files had been given: {processed} processed to {outputs} outputs, {failed} kept as failed; \
         {told} events had been told; {} faults",
        faults.len()
    );
}
