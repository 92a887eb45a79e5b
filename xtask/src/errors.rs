//! `cargo xtask errors`: each operation on the disk fails once, and the count.

use crate::machine::{cargo, must, target};
use crate::torture::number;
use anyhow::{Context as _, Result, anyhow, bail};
use dropleaf_test_support::torture::errors::{self, Plan, Report};
use rustix::io::Errno;
use std::path::PathBuf;

/// Builds the daemon where none is given, and lets its disk fail.
pub fn run(arguments: &[&str]) -> Result<()> {
    let mut plan = Plan {
        program: PathBuf::new(),
        errno: Errno::IO.raw_os_error(),
        first: 1,
        every: 1,
        most: u32::MAX,
        place: None,
        at_once: 1,
    };
    let (mut program, mut name) = (None, "EIO");
    let mut words = arguments.iter();
    while let Some(&word) = words.next() {
        let value = *words
            .next()
            .with_context(|| format!("`{word}` needs a value"))?;
        match word {
            "--error" => (plan.errno, name) = (errno(value)?, value),
            "--first" => plan.first = number(word, value)?,
            "--every" => plan.every = number(word, value)?,
            "--most" => plan.most = number(word, value)?,
            "--at-once" => plan.at_once = number(word, value)?,
            "--place" => plan.place = Some(PathBuf::from(value)),
            "--program" => program = Some(PathBuf::from(value)),
            other => bail!(
                "`errors` has no option `{other}`; it has --error, --first, --every, --most, --at-once, --place and --program"
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
    plan.program = std::path::absolute(&program).with_context(|| program.display().to_string())?;
    let report = errors::run(&plan, &|line| println!("{line}")).map_err(|fault| anyhow!(fault))?;
    let Report {
        errors,
        went_on,
        ended,
        refused,
        faults,
    } = report;
    println!(
        "{name} at {errors} operations, one each time: {went_on} times the daemon went on, {ended} times it ended and \
         {refused} times it did not start, and said why; {} faults",
        faults.len()
    );
    if faults.is_empty() {
        Ok(())
    } else {
        bail!("{} faults", faults.len())
    }
}

fn errno(name: &str) -> Result<i32> {
    let known = [
        ("EIO", Errno::IO),
        ("ENOSPC", Errno::NOSPC),
        ("EDQUOT", Errno::DQUOT),
        ("EACCES", Errno::ACCESS),
        ("EROFS", Errno::ROFS),
    ];
    let found = known.into_iter().find(|(known, _)| *known == name);
    let found =
        found.with_context(|| format!("`{name}` is none of the errors that are known here"))?;
    Ok(found.1.raw_os_error())
}
