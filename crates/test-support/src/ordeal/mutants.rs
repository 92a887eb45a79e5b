//! Hostile files through every standard operation.

use super::ends::End;
use super::feeding::Feeding;
use super::gauges::{CLEAN, CLEAN_YAML, Gauge, look, probe, quantile};
use super::judge::{self, Opinion};
use super::{Finding, Place};
use crate::daemon::{TestDaemon, TestHome};
use crate::mutate::{Mutant, mutant};
use crate::{hostile, sample};
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
];
/// Waits for files that will never be whole are short; limits are such that a worker meets them before this machine does.
const CONFIG: &str = "\
settling: { not_pdf_seconds: 0, truncated_seconds: 0, incomplete_seconds: 600 }
max_decoded_mb: 32
worker_memory_mb: 512
worker_cpu_seconds: 60
min_free_mb: 64
retention: { days: 1, jobs: 5000 }
";

/// Each standard operation with its parameters, in an order in which each of them finds a document to work on.
const OPERATIONS: &[(&str, &str)] = &[
    ("repair", "{}"),
    ("rotate", "{ angle: 90 }"),
    ("reverse", "{}"),
    ("stamp-text", "{ text: \"{{ page }} of {{ pages }}\" }"),
    ("set-metadata", "{ title: \"{{ input.stem }}\" }"),
    ("extract-text", "{ format: json }"),
    ("optimize", "{ images: { max_dpi: 72, quality: 40 } }"),
    ("merge", "{}"),
    ("delete-pages", "{ pages: last }"),
    ("extract-pages", "{ pages: 1 }"),
    ("split", "{ every: 1 }"),
];

/// The pipeline in which every operation comes after every other, each forgiven.
const EVERY: &str = "every";

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where.
    pub place: Place,
    /// Hostile files. Each goes through the pipeline of all operations; one in four through one operation alone, too.
    pub files: u64,
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
    /// Milliseconds that a small sound file took before, at 50 % and 95 %.
    pub before: (f64, f64),
    /// The same meanwhile.
    pub during: (f64, f64),
    /// The largest worker, in KiB, and the longest processor time, in milliseconds.
    pub largest: (u64, u64),
    /// Everything that is not as promised.
    pub findings: Vec<Finding>,
}

/// Runs the plan; `say` hears a line now and then.
///
/// # Errors
/// It could not be carried out at all.
pub fn run(plan: &Plan, say: &mut dyn FnMut(&str)) -> Result<Report, String> {
    judge::are_there()?;
    let sounds = sounds(plan)?;
    let home = plan.place.home();
    home.write("config.yaml", CONFIG);
    home.pipeline(CLEAN, CLEAN_YAML);
    for (name, parameters) in OPERATIONS {
        home.pipeline(name, &pipeline(name, &[(name, parameters)]));
    }
    home.pipeline(EVERY, &pipeline(EVERY, OPERATIONS));
    let daemon = home.serve_with(&["--log", "warn"]);
    has_all_operations(&daemon)?;
    let (stop, took) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let report = std::thread::scope(|scope| {
        scope.spawn(|| probe(&home, "sound", Duration::from_millis(1500), &stop, &took));
        std::thread::park_timeout(Duration::from_secs(1));
        wait_for(&took, 20);
        let before = std::mem::take(&mut *took.lock().expect("no probe panics"));
        let mut ordeal = Ordeal::new(plan, &home, &daemon, sounds);
        let ended = ordeal.go(say);
        stop.store(true, Ordering::Relaxed);
        let during = std::mem::take(&mut *took.lock().expect("no probe panics"));
        let mut report = ordeal.report;
        report.before = (quantile(&before, 0.5), quantile(&before, 0.95));
        report.during = (quantile(&during, 0.5), quantile(&during, 0.95));
        ended.map(|()| report)
    });
    let mut report = report?;
    for line in daemon
        .log()
        .lines()
        .filter(|line| line.contains("panicked"))
    {
        report.findings.push(Finding {
            kind: "panic",
            text: line.to_owned(),
        });
    }
    let status = daemon.stop();
    if !status.success() {
        report.findings.push(Finding {
            kind: "stop",
            text: format!("the daemon ended with {status}"),
        });
    }
    Ok(report)
}

fn pipeline(name: &str, steps: &[(&str, &str)]) -> String {
    let mut text = format!(
        "watch: {{ folder: inbox/{name}, quiet: 0s }}\nretry: {{ attempts: 1 }}\ntimeout: 2m\nstalled_after: 1m\non_signed: process\nsteps:\n"
    );
    for (operation, parameters) in steps {
        text.push_str(&format!(
            "  - {{ id: {operation}, uses: {operation}, with: {parameters}, continue_on_error: {} }}\n",
            steps.len() > 1
        ));
    }
    text
}

/// The table above has what is installed.
fn has_all_operations(daemon: &TestDaemon) -> Result<(), String> {
    let listed = daemon.get("/operations").body;
    let listed = listed.as_array().cloned().unwrap_or_default();
    let names: Vec<&str> = listed
        .iter()
        .filter_map(|operation| operation["name"].as_str())
        .collect();
    let missing: Vec<&&str> = names
        .iter()
        .filter(|name| OPERATIONS.iter().all(|(known, _)| known != *name))
        .collect();
    if names.len() < OPERATIONS.len() || !missing.is_empty() {
        return Err(format!(
            "operations that are not tried: {missing:?}, of {names:?}"
        ));
    }
    Ok(())
}

fn wait_for(took: &Mutex<Vec<f64>>, count: usize) {
    while took.lock().expect("no probe panics").len() < count {
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// What is made hostile: samples of our own, and the small ones of the corpus.
fn sounds(plan: &Plan) -> Result<Vec<Vec<u8>>, String> {
    use lopdf::Object;
    let mut sounds = vec![
        sample::pdf(1),
        sample::pdf(5),
        hostile::sound(),
        sample::Sample::new("packed", 4).object_streams().bytes(),
        sample::Sample::new("named", 3)
            .info("Title", Object::string_literal("A title"))
            .outline()
            .field("name", "value")
            .bytes(),
        sample::Sample::new("turned", 3)
            .inherited_rotation(90)
            .rotation(1, 180)
            .bytes(),
        sample::Sample::new("locked", 2)
            .encrypted("", "owner")
            .bytes(),
        hostile::deep_pages(60),
        hostile::doubling_pages(),
    ];
    if let Some(folder) = &plan.corpus {
        for path in super::pdfs(folder)? {
            let bytes =
                std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            if bytes.len() < 64 << 10 {
                sounds.push(bytes);
            }
        }
    }
    Ok(sounds)
}

/// A file that is under way.
struct Given {
    seed: u64,
    sound: usize,
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
        for number in 0..self.plan.files {
            self.give(number);
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

    fn gauge(&mut self) {
        self.report.gauges.push(look(self.process, self.began));
    }

    fn make(&self, given: &Given) -> Mutant {
        mutant(&self.sounds[given.sound], given.seed)
    }

    fn give(&mut self, number: u64) {
        // Mixed, so that the seeds of two runs do not make the same files but for a shift.
        let mut random = fastrand::Rng::with_seed(self.plan.seed);
        let seed = random
            .u64(..)
            .wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let sound = fastrand::Rng::with_seed(seed ^ 1).usize(..self.sounds.len());
        let made = mutant(&self.sounds[sound], seed);
        for name in &made.moves {
            *self.report.moves.entry(name).or_default() += 1;
        }
        let alone = number.is_multiple_of(4).then(|| {
            let at = usize::try_from(number / 4).unwrap_or(0) % OPERATIONS.len();
            OPERATIONS[at].0
        });
        for pipeline in [EVERY].into_iter().chain(alone) {
            let name = format!("m{number}.pdf");
            let given = Given { seed, sound };
            self.given
                .insert((pipeline.to_owned(), name.clone()), given);
            self.feeding.give(pipeline, &name, &made.bytes);
            self.report.files += 1;
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
        let made = self.make(&given);
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
        let lost = before.is_sound() && before.qpdf_pages != Some(end.pages_in);
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
            let Opinion {
                qpdf, qpdf_pages, ..
            } = judge::opinion(&path);
            self.report.outputs += 1;
            pages += qpdf_pages.unwrap_or(0);
            if !matches!(qpdf, Some(0 | 3)) && (qpdf.is_some() && before.qpdf != Some(2)) {
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
        if !looked_at.contains(&end.code.as_str()) {
            return;
        }
        self.report.refused += 1;
        let opinion = judge::opinion(original);
        if opinion.is_sound() && !opinion.encrypted {
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
