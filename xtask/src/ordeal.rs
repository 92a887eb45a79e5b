//! `cargo xtask hostile`, `cargo xtask corpus`, `cargo xtask soak`: many files through a real daemon, and what came of them.

use crate::machine::root;
use crate::options::Options;
use anyhow::{Context as _, Result, anyhow, bail};
use dropleaf_test_support::ordeal::{Finding, Place, corpus, mutants, soak};
use std::collections::BTreeMap;

/// Where an ordeal takes place, and with which daemon.
fn place(options: &Options) -> Result<Place> {
    let findings = options.path("findings")?;
    Ok(Place {
        folder: options.path("home")?,
        findings: findings.unwrap_or_else(|| root().join("target/findings")),
        program: options.program()?,
    })
}

/// Mutated files through every standard operation.
pub fn hostile(arguments: &[&str]) -> Result<()> {
    let known = [
        "files", "minutes", "seed", "corpus", "sample", "findings", "home", "program",
    ];
    let options = Options::read("hostile", &known, arguments)?;
    let plan = mutants::Plan {
        files: options.number("files", 1000)?,
        minutes: options.number("minutes", 24 * 60)?,
        seed: options.number("seed", 1)?,
        corpus: options.path("corpus")?,
        sample: options.number("sample", 10)?,
        place: place(&options)?,
    };
    let report =
        mutants::run(&plan, &mut |line| println!("{line}")).map_err(|fault| anyhow!(fault))?;
    for (operation, words) in &report.operations {
        println!("operation {operation}: {}", listed(words));
    }
    for (pipeline, words) in &report.ends {
        println!("pipeline {pipeline}: {}", listed(words));
    }
    println!("moves: {}", listed(&report.moves));
    let gauge = |of: fn(&dropleaf_test_support::ordeal::Gauge) -> u64| {
        let values: Vec<u64> = report.gauges.iter().map(of).collect();
        let most = values.iter().max().copied().unwrap_or(0);
        format!(
            "{} first, {most} at most, {} last",
            values.first().unwrap_or(&0),
            values.last().unwrap_or(&0)
        )
    };
    let ran: u64 = report.operations.values().flat_map(BTreeMap::values).sum();
    println!(
        "seed {}: {} files given, {ran} operations on files; daemon: KiB resident {}, at rest {} before and {} after; descriptors {}; threads {}; \
         a small sound file took {:.0} ms before (95 %: {:.0}) and {:.0} ms (95 %: {:.0}) meanwhile; \
         an answer over HTTP took (50 %, 95 %, worst) {:.1?} ms before and {:.1?} ms meanwhile; \
         largest worker {} KiB, longest {} ms of processor; {} outputs and {} refused files looked at by qpdf and mutool",
        plan.seed,
        report.files,
        gauge(|gauge| gauge.resident_kib),
        report.at_rest[0].resident_kib,
        report.at_rest[1].resident_kib,
        gauge(|gauge| gauge.descriptors as u64),
        gauge(|gauge| gauge.threads),
        report.before.files.0,
        report.before.files.1,
        report.during.files.0,
        report.during.files.1,
        report.before.answers,
        report.during.answers,
        report.largest.0,
        report.largest.1,
        report.outputs,
        report.refused,
    );
    verdict(&report.findings, &plan.place)
}

/// A folder of PDFs through the shipped pipelines.
pub fn corpus(arguments: &[&str]) -> Result<()> {
    let known = ["folder", "pipelines", "findings", "home", "program"];
    let options = Options::read("corpus", &known, arguments)?;
    let folder = options
        .path("folder")?
        .context("`corpus` needs --folder DIR, a folder of PDFs")?;
    let pipelines = options
        .path("pipelines")?
        .unwrap_or_else(|| root().join("pipelines"));
    let place = place(&options)?;
    let report = corpus::run(&place, &folder, &pipelines, &mut |line| println!("{line}"));
    let report = report.map_err(|fault| anyhow!(fault))?;
    for (pipeline, words) in &report.ends {
        println!("pipeline {pipeline}: {}", listed(words));
    }
    println!(
        "{} files; {} outputs looked at by qpdf and mutool, {} pages compared as pictures",
        report.files, report.outputs, report.pictures
    );
    verdict(&report.findings, &place)
}

/// Files at full rate, a burst, a stop with a full queue.
pub fn soak(arguments: &[&str]) -> Result<()> {
    let options = Options::read(
        "soak",
        &["minutes", "burst", "bursts", "findings", "home", "program"],
        arguments,
    )?;
    let plan = soak::Plan {
        minutes: options.number("minutes", 5)?,
        burst: options.number("burst", 10_000)?,
        bursts: options.number("bursts", 1)?,
        place: place(&options)?,
    };
    let report =
        soak::run(&plan, &mut |line| println!("{line}")).map_err(|fault| anyhow!(fault))?;
    for gauge in &report.gauges {
        println!(
            "{:>6} s: {:>7} KiB resident, {:>4} descriptors, {:>3} threads",
            gauge.seconds, gauge.resident_kib, gauge.descriptors, gauge.threads
        );
    }
    for gauge in &report.rests {
        println!(
            "at rest after a burst: {} KiB resident, {} threads",
            gauge.resident_kib, gauge.threads
        );
    }
    for (phase, lone) in ["alone", "beside the soak", "beside the burst"]
        .iter()
        .zip(report.lone)
    {
        let parts = |[half, most, worst]: [f64; 3]| format!("{half:.0}, {most:.0}, {worst:.0} ms");
        println!(
            "{} lone files {phase} (50 %, 95 %, worst): in the queue after {}, began {} later, behind {:?} others; done after {}",
            lone.files,
            parts(lone.taking),
            parts(lone.turns),
            lone.before,
            parts(lone.took)
        );
    }
    println!(
        "a job of the burst: {:.0} ms (median), {} at once",
        report.job_ms, report.workers
    );
    println!(
        "{} files in {} minutes, {} in bursts in {:.0} s; stopped with {} open in {:.1} s",
        report.soaked,
        plan.minutes,
        report.burst,
        report.burst_seconds,
        report.open_at_stop,
        report.stop_seconds
    );
    verdict(&report.findings, &plan.place)
}

fn listed<K: std::fmt::Display>(words: &BTreeMap<K, u64>) -> String {
    let words: Vec<String> = words
        .iter()
        .map(|(word, count)| format!("{word} {count}"))
        .collect();
    words.join(", ")
}

fn verdict(findings: &[Finding], place: &Place) -> Result<()> {
    for Finding { kind, text } in findings {
        println!("FINDING {kind}: {text}");
    }
    if findings.is_empty() {
        println!("nothing found");
        return Ok(());
    }
    bail!(
        "{} findings; files are kept in `{}`",
        findings.len(),
        place.findings.display()
    )
}
