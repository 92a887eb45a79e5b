//! `cargo xtask errors`: each operation on the disk fails once, and the count.

use crate::options::Options;
use anyhow::{Context as _, Result, anyhow, bail};
use dropleaf_test_support::torture::errors::{self, Plan, Report};
use rustix::io::Errno;

/// Builds the daemon where none is given, and lets its disk fail.
pub fn run(arguments: &[&str]) -> Result<()> {
    let known = [
        "error", "first", "every", "most", "at-once", "place", "program",
    ];
    let options = Options::read("errors", &known, arguments)?;
    let name = options.text("error").unwrap_or("EIO");
    let plan = Plan {
        errno: errno(name)?,
        first: options.number("first", 1)?,
        every: options.number("every", 1)?,
        most: options.number("most", u32::MAX)?,
        at_once: options.number("at-once", 1)?,
        place: options.path("place")?,
        program: options.program()?,
    };
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
