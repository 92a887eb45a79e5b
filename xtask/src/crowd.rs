//! `cargo xtask crowd`: very many clients of the feed, and what they cost.

use crate::options::Options;
use anyhow::{Result, anyhow, bail};
use dropleaf_test_support::crowd::{self, Plan, Report};

/// Bytes a client that no kernel takes for one who does not read.
const TELLING: u64 = 512 << 10;

/// Builds the daemon where none is given, lets the crowd in, and prints what came of it.
///
/// # Errors
/// A reader missed something, or one who never reads was kept.
pub fn run(arguments: &[&str]) -> Result<()> {
    let known = ["clients", "deaf", "files", "limits", "program"];
    let options = Options::read("crowd", &known, arguments)?;
    let plan = Plan {
        clients: options.number("clients", 1000)?,
        deaf: options.number("deaf", 100)?,
        files: options.number("files", 300)?,
        usual_limits: match options.text("limits") {
            None => false,
            Some("usual") => true,
            Some(other) => bail!("`--limits` can only be `usual`, not `{other}`"),
        },
        program: options.program()?,
    };
    let report = crowd::run(&plan).map_err(|fault| anyhow!(fault))?;
    tell(&report);
    if report.ends[0] < plan.files {
        bail!(
            "a reader heard of {} ends of {}",
            report.ends[0],
            plan.files
        );
    }
    if plan.files > 0 && report.left > plan.clients.saturating_sub(plan.deaf) {
        let each = report.bytes / plan.clients.saturating_sub(plan.deaf).max(1) as u64;
        if each < TELLING {
            bail!(
                "{} streams are open, and {} KiB a client cannot tell who reads: they fit into the buffers of its own machine; give more `--files`",
                report.left,
                each >> 10
            );
        }
        bail!("{} streams are open: some that nobody reads", report.left);
    }
    Ok(())
}

fn tell(report: &Report) {
    let [alone, idle, most, end] = report.memory.map(|kib| kib as f64 / 1024.0);
    println!(
        "let in, turned away:            {}, {}",
        report.let_in, report.turned_away
    );
    println!("memory alone, idle, most, end:  {alone:.1}, {idle:.1}, {most:.1}, {end:.1} MiB");
    println!("processor time for the files:   {} ms", report.cpu_ms);
    println!(
        "bytes to all readers:           {:.1} MiB",
        report.bytes as f64 / 1_048_576.0
    );
    println!(
        "ends heard of (fewest, most):   {}, {}",
        report.ends[0], report.ends[1]
    );
    println!("from first to last reader:      {} ms", report.spread_ms);
    match report.slowest_ms {
        Some(ms) => println!("slowest of ten other requests:  {ms} ms"),
        None => println!("other requests:                 turned away for now"),
    }
    println!("streams left at the end:        {}", report.left);
}
