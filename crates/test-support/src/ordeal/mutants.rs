//! Hostile files through every standard operation.

use super::ends::End;
use super::feeding::Feeding;
use super::gauges::{CLEAN, Gauge, REST, ask, look, probe, quantile};
use super::judge;
use super::operations::{self, EVERY, OPERATIONS};
use super::{Finding, Place};
use crate::daemon::{TestDaemon, TestHome};
use crate::mutate::{Mutant, mutant};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Files under way at once: enough that workers never wait, few enough that the small sound file does not wait for them.
const AT_ONCE: usize = 24;
/// Failures that a file can be blamed for; every other one is the daemon's or a plugin's.
const HONEST: &[&str] = &[
    "pdf-encrypted",
    "pdf-damaged",
    "not-a-pdf",
    "pdf-signed",
    "document-rejected",
    "step-failed",
    "parameters-refused",
    "template-failed",
    "result-invalid",
    "memory-limit",
    "too-large",
];

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where.
    pub place: Place,
    /// Hostile files. Each goes through the pipeline of all operations; one in four through one operation alone, too.
    pub files: u64,
    /// No more files are given after so many minutes.
    pub minutes: u64,
    /// The seed of everything that is random.
    pub seed: u64,
    /// A folder of PDFs to make hostile, besides those of our own.
    pub corpus: Option<PathBuf>,
    /// One output in so many is looked at by other programs.
    pub sample: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Files given.
    pub files: u64,
    /// Operations run on a document, or refused before it because the document did not open.
    pub operations: BTreeMap<String, BTreeMap<String, u64>>,
    /// How the jobs ended, by pipeline.
    pub ends: BTreeMap<String, BTreeMap<String, u64>>,
    /// Outputs that other programs looked at.
    pub outputs: u64,
    /// Refused files that other programs looked at.
    pub refused: u64,
    /// How often each move was made.
    pub moves: BTreeMap<&'static str, u64>,
    /// The daemon from beginning to end.
    pub gauges: Vec<Gauge>,
    /// The daemon at rest, after small sound files and after everything.
    pub at_rest: [Gauge; 2],
    /// What others noticed before.
    pub before: Others,
    /// And meanwhile.
    pub during: Others,
    /// The largest worker, in KiB, and the longest processor time, in milliseconds.
    pub largest: (u64, u64),
    /// Everything that is not as promised.
    pub findings: Vec<Finding>,
}

/// What others than the hostile files' owner noticed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Others {
    /// Milliseconds that a small sound file took, at 50 % and 95 %.
    pub files: (f64, f64),
    /// Milliseconds that the daemon took to answer a question over HTTP, at 50 %, 95 % and at worst.
    pub answers: (f64, f64, f64),
}

/// Sends small sound files and asks the daemon while `work` is done, which sees how long the files took so far.
fn beside<T>(
    home: &TestHome,
    daemon: &TestDaemon,
    label: &str,
    work: impl FnOnce(&Mutex<Vec<f64>>) -> T,
) -> (T, Others) {
    let (stop, files, answers) = (
        AtomicBool::new(false),
        Mutex::default(),
        Mutex::new(Vec::new()),
    );
    let done = std::thread::scope(|scope| {
        scope.spawn(|| probe(home, label, Duration::from_millis(1500), &stop, &files));
        scope.spawn(|| ask(daemon, &stop, &answers));
        let done = work(&files);
        stop.store(true, Ordering::Relaxed);
        done
    });
    let files = files.into_inner().expect("no probe panics");
    let answers = answers.into_inner().expect("no probe panics");
    let others = Others {
        files: (quantile(&files, 0.5), quantile(&files, 0.95)),
        answers: (
            quantile(&answers, 0.5),
            quantile(&answers, 0.95),
            quantile(&answers, 1.0),
        ),
    };
    (done, others)
}

/// Runs the plan; `say` hears a line now and then.
///
/// # Errors
/// It could not be carried out at all.
pub fn run(plan: &Plan, say: &mut dyn FnMut(&str)) -> Result<Report, String> {
    judge::are_there()?;
    let sounds = operations::sounds(plan.corpus.as_deref())?;
    let home = plan.place.home();
    operations::prepare(&home);
    let daemon = home.serve_with(&["--log", "warn"]);
    operations::has_all_operations(&daemon)?;
    let ((), before) = beside(&home, &daemon, "before", |files| wait_for(files, 20));
    let mut ordeal = Ordeal::new(plan, &home, &daemon, sounds);
    let at_first = ordeal.rest();
    let (ended, during) = beside(&home, &daemon, "meanwhile", |_| ordeal.go(say));
    ended?;
    let at_last = ordeal.rest();
    let mut report = ordeal.report;
    report.at_rest = [at_first, at_last];
    (report.before, report.during) = (before, during);
    report.findings.extend(super::panics(&daemon));
    let status = daemon.stop();
    if !status.success() {
        report.findings.push(Finding {
            kind: "stop",
            text: format!("the daemon ended with {status}"),
        });
    }
    Ok(report)
}

/// Deeper nesting than the engine reads is a known limit (`docs/reliability.md`); qpdf's is higher.
fn is_nested(made: &Mutant) -> bool {
    made.moves.contains(&"nesting") || made.moves.contains(&"inside")
}

fn wait_for(took: &Mutex<Vec<f64>>, count: usize) {
    while took.lock().expect("no probe panics").len() < count {
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// A file that is under way.
#[derive(Clone)]
enum Given {
    /// As it lies in the corpus.
    Whole(PathBuf),
    /// Made hostile.
    Mutant { seed: u64, sound: usize },
}

struct Ordeal<'a> {
    plan: &'a Plan,
    home: &'a TestHome,
    process: u32,
    feeding: Feeding<'a>,
    sounds: Vec<Vec<u8>>,
    given: BTreeMap<(String, String), Given>,
    began: Instant,
    report: Report,
}

impl<'a> Ordeal<'a> {
    fn new(plan: &'a Plan, home: &'a TestHome, daemon: &TestDaemon, sounds: Vec<Vec<u8>>) -> Self {
        Self {
            plan,
            home,
            process: daemon.pid(),
            feeding: Feeding::new(home, daemon),
            sounds,
            given: BTreeMap::new(),
            began: Instant::now(),
            report: Report::default(),
        }
    }

    fn go(&mut self, say: &mut dyn FnMut(&str)) -> Result<(), String> {
        let mut told = Instant::now();
        self.gauge();
        let whole = self.plan.corpus.as_deref().map(super::pdfs).transpose()?;
        for (number, path) in whole.into_iter().flatten().enumerate() {
            self.give_whole(number, path)?;
            while self.feeding.under_way() >= AT_ONCE {
                self.take(Duration::from_secs(1))?;
            }
        }
        let until = Duration::from_secs(60 * self.plan.minutes);
        for number in 0..self.plan.files {
            if self.began.elapsed() > until {
                say("the time is over");
                break;
            }
            self.give_mutant(number);
            while self.feeding.under_way() >= AT_ONCE {
                self.take(Duration::from_secs(1))?;
            }
            if told.elapsed() > Duration::from_secs(20) {
                told = Instant::now();
                self.gauge();
                let last = self.report.gauges.last().copied().unwrap_or_default();
                say(&format!(
                    "{number} of {} files, {} findings, {} MiB resident, {} s",
                    self.plan.files,
                    self.report.findings.len(),
                    last.resident_kib >> 10,
                    last.seconds
                ));
            }
        }
        while !self.given.is_empty() {
            self.take(Duration::from_secs(1))?;
        }
        self.gauge();
        Ok(())
    }

    /// The daemon when it has had nothing to do for a while.
    fn rest(&self) -> Gauge {
        std::thread::park_timeout(REST);
        look(self.process, self.began)
    }

    fn gauge(&mut self) {
        self.report.gauges.push(look(self.process, self.began));
    }

    fn make(&self, given: &Given) -> Result<Mutant, String> {
        match given {
            Given::Whole(path) => {
                let bytes =
                    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
                let moves = Vec::new();
                Ok(Mutant { bytes, moves })
            }
            Given::Mutant { seed, sound } => Ok(mutant(&self.sounds[*sound], *seed)),
        }
    }

    /// The file as it is to this pipeline.
    fn give(&mut self, pipeline: &str, name: String, given: Given, bytes: &[u8]) {
        self.feeding.give(pipeline, &name, bytes);
        self.given.insert((pipeline.to_owned(), name), given);
        self.report.files += 1;
    }

    /// Every file of the corpus, whole as it is, to every operation.
    fn give_whole(&mut self, number: usize, path: PathBuf) -> Result<(), String> {
        let given = Given::Whole(path);
        let made = self.make(&given)?;
        self.give(EVERY, format!("c{number}.pdf"), given, &made.bytes);
        Ok(())
    }

    fn give_mutant(&mut self, number: u64) {
        // Mixed, so that the seeds of two runs do not make the same files but for a shift.
        let mut random = fastrand::Rng::with_seed(self.plan.seed);
        let seed = random
            .u64(..)
            .wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let sound = fastrand::Rng::with_seed(seed ^ 1).usize(..self.sounds.len());
        let made = mutant(&self.sounds[sound], seed);
        // An empty file waits in its inbox for content: no job of it ever ends.
        if made.bytes.is_empty() {
            return;
        }
        for name in &made.moves {
            *self.report.moves.entry(name).or_default() += 1;
        }
        let alone = number.is_multiple_of(4).then(|| {
            let at = usize::try_from(number / 4).unwrap_or(0) % OPERATIONS.len();
            OPERATIONS[at].0
        });
        for pipeline in [EVERY].into_iter().chain(alone) {
            let given = Given::Mutant { seed, sound };
            self.give(pipeline, format!("m{number}.pdf"), given, &made.bytes);
        }
    }

    fn take(&mut self, wait: Duration) -> Result<(), String> {
        let Some(end) = self.feeding.next_end(wait)? else {
            return Ok(());
        };
        if end.pipeline == CLEAN {
            self.feeding.not_ours();
            if !end.succeeded {
                self.find("sound-failed", &end, &[]);
            }
            return Ok(());
        }
        let Some(given) = self.given.remove(&(end.pipeline.clone(), end.name.clone())) else {
            self.find("doubled", &end, &[]);
            return Ok(());
        };
        self.count(&end);
        let made = self.make(&given)?;
        self.check(&end, &made);
        Ok(())
    }

    fn count(&mut self, end: &End) {
        let word = if end.succeeded {
            "delivered"
        } else {
            &end.code
        };
        let ends = self.report.ends.entry(end.pipeline.clone()).or_default();
        *ends.entry(word.to_owned()).or_default() += 1;
        let largest = &mut self.report.largest;
        *largest = (largest.0.max(end.peak_kib), largest.1.max(end.cpu_ms));
        let mut steps = end.steps.clone();
        if steps.is_empty() && end.pipeline != EVERY {
            steps.push((end.pipeline.clone(), end.code.clone()));
        }
        for (operation, code) in steps {
            let word = if code.is_empty() {
                "done".to_owned()
            } else {
                code
            };
            let operations = self.report.operations.entry(operation).or_default();
            *operations.entry(word).or_default() += 1;
        }
    }

    fn find(&mut self, kind: &'static str, end: &End, bytes: &[u8]) {
        let text = format!(
            "{} in {}: {} {}",
            end.name, end.pipeline, end.code, end.detail
        );
        self.report.findings.push(Finding { kind, text });
        if !bytes.is_empty() {
            self.plan
                .place
                .keep(kind, &format!("{}-{}", end.pipeline, end.name), bytes);
        }
    }

    /// Whether the end is true.
    fn check(&mut self, end: &End, made: &Mutant) {
        for (_, code) in end.steps.iter().filter(|(_, code)| !code.is_empty()) {
            if !HONEST.contains(&code.as_str()) {
                self.find("step", end, &made.bytes);
            }
        }
        if !end.deaths.is_empty() {
            self.find("death", end, &made.bytes);
        }
        let (kept, other) = if end.succeeded {
            ("archive", "failed")
        } else {
            ("failed", "archive")
        };
        let original = self
            .home
            .path(format!("{kept}/{}/{}", end.pipeline, end.name));
        if std::fs::read(&original).ok().as_deref() != Some(&made.bytes) {
            self.find("lost", end, &made.bytes);
        }
        if self
            .home
            .path(format!("{other}/{}/{}", end.pipeline, end.name))
            .exists()
        {
            self.find("doubled", end, &made.bytes);
        }
        if end.succeeded {
            self.check_outputs(end, made, &original);
        } else {
            self.check_refusal(end, made, &original);
        }
        self.tidy(end, &original);
    }

    fn is_sampled(&self, end: &End) -> bool {
        let number: u64 = end
            .name
            .trim_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .unwrap_or(0);
        number.is_multiple_of(self.plan.sample.max(1))
    }

    fn check_outputs(&mut self, end: &End, made: &Mutant, original: &std::path::Path) {
        if end.outputs.is_empty() {
            self.find("no-output", end, &made.bytes);
        }
        if !self.is_sampled(end) {
            return;
        }
        let before = judge::opinion(original);
        // qpdf believes `/Count`; more pages than that are no loss. Pages that are nested deeper than the engine reads are told of.
        let too_deep = is_nested(made);
        let lost = before.is_sound()
            && !too_deep
            && before.qpdf_pages.is_some_and(|pages| pages > end.pages_in);
        if lost {
            self.find("pages", end, &made.bytes);
        }
        let mut pages = 0;
        for output in &end.outputs {
            let path = self.home.path(output);
            // What no step changed is delivered as it came, however broken.
            if std::fs::read(&path).ok().as_deref() == Some(&made.bytes) {
                return;
            }
            let after = judge::opinion(&path);
            self.report.outputs += 1;
            pages += after.qpdf_pages.unwrap_or(0);
            let has_errors = !matches!(after.qpdf, None | Some(0 | 3));
            let is_good = match before.qpdf {
                Some(0) => !has_errors,
                // Errors may stay.
                Some(2) => true,
                // Pages that qpdf did not find have contents that it did not look at either.
                _ => !has_errors || after.is_as_broken(&path, original, &before),
            };
            // One that mutool cannot decrypt stays encrypted as it was.
            let is_locked = before.encrypted && before.mutool_pages.is_none();
            let opens = before.qpdf != Some(3) || is_locked || after.mutool_pages.is_some();
            if !is_good || !opens {
                self.find("output", end, &made.bytes);
            }
        }
        if pages != end.pages_out {
            self.find("output-pages", end, &made.bytes);
        }
    }

    /// What is refused is refused for a cause that others see, too.
    fn check_refusal(&mut self, end: &End, made: &Mutant, original: &std::path::Path) {
        if !HONEST.contains(&end.code.as_str()) {
            self.find("refusal", end, &made.bytes);
            return;
        }
        let looked_at = [
            "pdf-damaged",
            "not-a-pdf",
            "pdf-encrypted",
            "result-invalid",
            "document-rejected",
        ];
        // An operation may refuse what it opened.
        if !looked_at.contains(&end.code.as_str()) || end.pages_in > 0 {
            return;
        }
        self.report.refused += 1;
        let opinion = judge::opinion(original);
        let too_deep = is_nested(made);
        // A document keeps its only page.
        let is_only_page = end.pipeline == "delete-pages"
            && end.code == "document-rejected"
            && end
                .detail
                .contains("would leave no page: the document has 1 page")
            && opinion.qpdf_pages == Some(1);
        if opinion.is_sound() && !opinion.encrypted && !too_deep && !is_only_page {
            self.find("refused-sound", end, &made.bytes);
        }
    }

    /// What was looked at is not kept: a long run would fill the disk.
    fn tidy(&self, end: &End, original: &std::path::Path) {
        for path in end.outputs.iter().map(|output| self.home.path(output)) {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
        let _ = std::fs::remove_file(original);
        let text = format!(
            "outbox/{}/{}",
            end.pipeline,
            end.name.replace(".pdf", ".json")
        );
        let _ = std::fs::remove_file(self.home.path(text));
        let note = format!("failed/{}/{}.error.txt", end.pipeline, end.name);
        let _ = std::fs::remove_file(self.home.path(note));
    }
}
