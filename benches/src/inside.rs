//! The work of a worker by itself, in this process: three steps over 2,000 pages against one bare lopdf load and save.
//!
//! What surrounds it in a job (starting the worker, the sandbox, staging, syncing) is in [`crate::steps`].

use crate::{by_hand, documents, median, ms};
use anyhow::{Context as _, Result, anyhow};
use dropleaf_plugin_host::{Bill, Document, Input, Invocation, Library, Limits, Observer, run};
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Pairs that are measured, one after the other.
const RUNS: usize = 9;

const STEPS: [(&str, &str, &str); 3] = [
    ("pages", "rotate", r#"{"angle":90}"#),
    (
        "stamp",
        "stamp-text",
        r#"{"text":"Page {{ page }} of {{ pages }}"}"#,
    ),
    ("metadata", "set-metadata", r#"{"title":"A title"}"#),
];

struct Quiet;

impl Observer for Quiet {
    fn progress(&self, _: u64, _: u64) {}
    fn log(&self, _: i32, _: &str, _: &str) {}
    fn cancelled(&self) -> bool {
        false
    }
    fn artifact(&self, _: &str, _: &str, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

/// Prints the ratio for a file of tiny pages and for a realistic one.
pub fn measure(program: &str) -> Result<()> {
    let libraries: Vec<&'static Library> = STEPS
        .iter()
        .map(|(plugin, ..)| {
            let file = format!("libdropleaf_plugin_{plugin}.so");
            let path = Path::new(program).with_file_name(file);
            Library::load(&path).with_context(|| format!("failed to load `{}`", path.display()))
        })
        .collect::<Result<_>>()?;
    pair("tiny pages", &documents::tiny(2_000), &libraries)?;
    pair("realistic pages", &documents::realistic(2_000)?, &libraries)
}

fn pair(name: &str, bytes: &[u8], libraries: &[&'static Library]) -> Result<()> {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let (mut ours_used, mut bare_used) = (Vec::new(), Vec::new());
    let mut edited = Vec::new();
    let mut parts: BTreeMap<usize, (&str, Vec<Duration>)> = BTreeMap::new();
    let mut bill = (0, 0);
    let input = Input::from(bytes.to_vec());
    for _ in 0..RUNS {
        let begin = processor_time();
        bare.push(load_and_save(bytes)?);
        bare_used.push(processor_time().saturating_sub(begin));
        let begin = processor_time();
        by_hand::rotate_stamp_title(bytes)?;
        edited.push(processor_time().saturating_sub(begin));
        let begin = processor_time();
        let (laps, counted) = pipeline(input.clone(), libraries)?;
        ours_used.push(processor_time().saturating_sub(begin));
        ours.push(laps.iter().map(|(_, time, _)| *time).sum());
        for (index, (part, _, time)) in laps.into_iter().enumerate() {
            parts
                .entry(index)
                .or_insert((part, Vec::new()))
                .1
                .push(time);
        }
        bill = counted;
    }
    let (ours, bare, edited) = (median(ours), median(bare), median(edited));
    let parts: Vec<String> = parts
        .into_values()
        .map(|(part, times)| format!("{part} {:.1}", ms(median(times))))
        .collect();
    let (ours_used, bare_used) = (median(ours_used), median(bare_used));
    println!(
        "{name}, {:.1} MB: 3 steps inside the worker {:.1} ms, bare lopdf load + save {:.1} ms, ratio {:.2}; \
         processor time {:.1} ({}) to {:.1} ms, ratio {:.2}; parses {}, saves {}",
        bytes.len() as f64 / 1e6,
        ms(ours),
        ms(bare),
        ms(ours) / ms(bare),
        ms(ours_used),
        parts.join(", "),
        ms(bare_used),
        ms(ours_used) / ms(bare_used),
        bill.0,
        bill.1
    );
    println!(
        "{name}: the same three edits by a program on lopdf itself (no font embedded, no content looked at) need {:.1} ms of \
         processor time, {:.2} of the bare load + save; the steps need {:.2} of it",
        ms(edited),
        ms(edited) / ms(bare_used),
        ms(ours_used) / ms(edited)
    );
    Ok(())
}

/// The processor time of this process so far, all threads: what other work on the machine does not blur.
fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

/// The name of a part, what the clock says it took, and its processor time.
type Laps = Vec<(&'static str, Duration, Duration)>;

/// Opens, runs the steps and saves into memory; how long each took, and parses and saves.
fn pipeline(input: Input, libraries: &[&'static Library]) -> Result<(Laps, (u32, u32))> {
    let (limits, bill, values) = (Limits::default(), Bill::new(), BTreeMap::new());
    let mut laps = Vec::new();
    let mut begin = (Instant::now(), processor_time());
    let mut lap = |laps: &mut Laps, name| {
        let used = processor_time().saturating_sub(begin.1);
        laps.push((name, begin.0.elapsed(), used));
        begin = (Instant::now(), processor_time());
    };
    let (mut document, _) = Document::open(input, &[], &limits, &bill)?;
    document.facts()?;
    lap(&mut laps, "open");
    let mut documents = vec![document];
    for ((_, operation, parameters), library) in STEPS.iter().zip(libraries) {
        let invocation = Invocation {
            operation,
            parameters,
            values: &values,
            temp_dir: None,
            limits: &limits,
            observer: &Quiet,
        };
        run(library, &invocation, &mut documents)?;
        lap(&mut laps, operation);
    }
    let mut out = Vec::new();
    let document = documents
        .first_mut()
        .ok_or_else(|| anyhow!("the document is gone"))?;
    document.save(&mut out)?;
    lap(&mut laps, "save");
    Ok((laps, (bill.parses(), bill.saves())))
}

/// The peer: one bare load and save into memory.
pub fn load_and_save(bytes: &[u8]) -> Result<Duration> {
    let begin = Instant::now();
    let mut document = lopdf::Document::load_mem(bytes)?;
    let mut out = Vec::new();
    document.save_to(&mut out)?;
    Ok(begin.elapsed())
}
