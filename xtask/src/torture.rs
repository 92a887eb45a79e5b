//! `cargo xtask torture`: kill -9 under load, and the count.

use crate::machine::{cargo, must, target};
use anyhow::{Context as _, Result, anyhow, bail};
use dropleaf_test_support::torture::{self, Plan, Report};
use std::path::PathBuf;

/// Builds the daemon with its failpoints (a debug build) where none is given, and tortures it.
pub fn run(arguments: &[&str]) -> Result<()> {
    let (mut kills, mut seed, mut place, mut program) = (1000, 1, None, None);
    let mut words = arguments.iter();
    while let Some(&word) = words.next() {
        let value = *words
            .next()
            .with_context(|| format!("`{word}` needs a value"))?;
        match word {
            "--kills" => kills = number(word, value)?,
            "--seed" => seed = number(word, value)?,
            "--home" => place = Some(PathBuf::from(value)),
            "--program" => program = Some(PathBuf::from(value)),
            other => bail!(
                "`torture` has no option `{other}`; it has --kills, --seed, --home and --program"
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
        kills,
        seed,
        place,
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

/// The value of an option.
pub fn number<T: std::str::FromStr>(option: &str, value: &str) -> Result<T> {
    value
        .parse()
        .map_err(|_| anyhow!("`{option}` needs a whole number, not `{value}`"))
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
