//! So many files that only their number is hostile: full rate for minutes, a burst, a stop with a full queue, and a count.

use super::feeding::Feeding;
use super::gauges::{CLEAN, CLEAN_YAML, Gauge, REST, look};
use super::lone::{Lone, Phase};
use super::{Finding, Place};
use crate::daemon::{TestDaemon, TestHome};
use crate::process::halted;
use crate::{folder, sample};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The pipeline of all the others.
const MANY: &str = "many";
const MANY_YAML: &str =
    "watch: { folder: inbox/many, quiet: 0s }\nsteps: [{ uses: rotate, with: { angle: 90 } }]\n";
/// Files under way at full rate.
const AT_ONCE: usize = 64;
/// Files in the queue when the daemon is told to stop.
const FULL: u64 = 500;
/// What a daemon may take to stop: its limit for attempts, and the time to say so.
const STOP: Duration = Duration::from_secs(35);
/// What a lone file may take until it stands in the queue: it settles, is journalled, taken, synced and journalled again. None of that
/// waits for the burst's files, but the disk and the processors are shared with them.
const TAKING_MS: f64 = 1_000.0;
/// Job lengths that it may wait there: each worker begins so many others meanwhile, at the most.
const LENGTHS: u64 = 2;
/// What bursts may leave in memory beyond what the second one left.
const LEFT_KIB: u64 = 8 << 10;
/// Growth that counts: caches and the journal's pages fill at first.
const GROWTH_KIB: u64 = 32 << 10;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where.
    pub place: Place,
    /// How long files come at full rate.
    pub minutes: u64,
    /// Files that come all at once.
    pub burst: u64,
    /// How often.
    pub bursts: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Files at full rate.
    pub soaked: u64,
    /// Files of all bursts.
    pub burst: u64,
    /// Seconds until the bursts were worked off.
    pub burst_seconds: f64,
    /// A lone file in another pipeline: alone, beside the soak, beside the burst.
    pub lone: [Phase; 3],
    /// Attempts that may run at once.
    pub workers: u64,
    /// The median of what the burst's jobs took, in milliseconds.
    pub job_ms: f64,
    /// The daemon when it had rested after each burst.
    pub rests: Vec<Gauge>,
    /// Seconds from SIGTERM to the end.
    pub stop_seconds: f64,
    /// Files that were open when the daemon was told to stop.
    pub open_at_stop: u64,
    /// The daemon over time.
    pub gauges: Vec<Gauge>,
    /// Everything that is not as promised.
    pub findings: Vec<Finding>,
}

/// Runs the plan; `say` hears a line now and then.
///
/// # Errors
/// It could not be carried out at all.
pub fn run(plan: &Plan, say: &mut dyn FnMut(&str)) -> Result<Report, String> {
    let home = plan.place.home();
    home.write("config.yaml", "min_free_mb: 64\n");
    home.pipeline(CLEAN, CLEAN_YAML);
    home.pipeline(MANY, MANY_YAML);
    let mut load = Load {
        home: &home,
        template: sample::Sample::new("m00000000", 1).bytes(),
        given: 0,
        report: Report::default(),
        began: Instant::now(),
    };
    let daemon = home.serve_with(&["--log", "warn"]);
    let lone = Lone::default();
    std::thread::scope(|scope| {
        scope.spawn(|| lone.run(&home, &daemon));
        let ended = load.all(plan, &daemon, &lone, say);
        lone.stop();
        ended
    })?;
    load.stop_full(daemon)?;
    load.count(say)?;
    Ok(load.report)
}

struct Load<'a> {
    home: &'a TestHome,
    template: Vec<u8>,
    given: u64,
    report: Report,
    began: Instant,
}

impl Load<'_> {
    fn all(
        &mut self,
        plan: &Plan,
        daemon: &TestDaemon,
        lone: &Lone,
        say: &mut dyn FnMut(&str),
    ) -> Result<(), String> {
        std::thread::park_timeout(Duration::from_secs(20));
        self.report.lone[0] = lone.phase(Vec::new());
        let begun = self.soak(plan.minutes, daemon, say)?;
        self.report.lone[1] = lone.phase(begun);
        let mut begun = Vec::new();
        for _ in 0..plan.bursts {
            begun.extend(self.burst(plan.burst, (daemon, lone), say)?);
            lone.at_rest(|| std::thread::park_timeout(REST));
            self.report.rests.push(look(daemon.pid(), self.began));
        }
        self.report.lone[2] = lone.phase(begun);
        self.judge_rests();
        self.judge_turns(daemon);
        Ok(())
    }

    /// The last burst leaves no more in memory than the second did; the first fills caches.
    fn judge_rests(&mut self) {
        let rests = &self.report.rests;
        if let (Some(second), Some(last)) = (rests.get(1), rests.last())
            && last.resident_kib > second.resident_kib + LEFT_KIB
        {
            let text = format!("after each burst: {rests:?}");
            self.report.findings.push(Finding {
                kind: "growth",
                text,
            });
        }
    }

    /// A pipeline of one file waits at most two job lengths behind the burst. How long that is on this machine at this moment nobody
    /// knows, but the journal knows what began while the file stood in the queue, in which order, whatever the machine was doing.
    fn judge_turns(&mut self, daemon: &TestDaemon) {
        let pipeline = daemon.get(&format!("/pipelines/{MANY}")).body;
        self.report.job_ms = pipeline["typicalMs"].as_f64().unwrap_or(0.0);
        let health = daemon.get("/healthz").body;
        self.report.workers = health["details"]["workers"]["limit"].as_u64().unwrap_or(0);
        let lone = self.report.lone[2];
        #[expect(clippy::cast_precision_loss, reason = "a few workers")]
        let most = (LENGTHS * self.report.workers) as f64;
        let mut found = |kind, text| self.report.findings.push(Finding { kind, text });
        if lone.before[2] > most {
            let text = format!(
                "{} jobs of the burst began while a lone file stood in the queue: more than {LENGTHS} for each worker",
                lone.before[2]
            );
            found("starved", text);
        }
        if lone.taking[2] > TAKING_MS {
            let text = format!(
                "a lone file stood in the queue only {:.0} ms after it was dropped beside the burst: more than {TAKING_MS:.0} ms",
                lone.taking[2]
            );
            found("taken late", text);
        }
    }

    /// A document that no other file is like: its number stands in it.
    fn next(&mut self) -> (String, Vec<u8>) {
        let mark = format!("m{:08}", self.given);
        self.given += 1;
        let mut bytes = self.template.clone();
        let places: Vec<usize> = bytes
            .windows(9)
            .enumerate()
            .filter(|(_, window)| *window == b"m00000000")
            .map(|(at, _)| at)
            .collect();
        for at in places {
            bytes[at..at + 9].copy_from_slice(mark.as_bytes());
        }
        (format!("{mark}.pdf"), bytes)
    }

    fn gauge(&mut self, daemon: &TestDaemon) {
        self.report.gauges.push(look(daemon.pid(), self.began));
    }

    fn soak(
        &mut self,
        minutes: u64,
        daemon: &TestDaemon,
        say: &mut dyn FnMut(&str),
    ) -> Result<Vec<u64>, String> {
        let mut feeding = Feeding::new(self.home, daemon).counting(MANY);
        let until = Instant::now() + Duration::from_secs(60 * minutes);
        let mut told = Instant::now();
        let first = self.report.gauges.len();
        while Instant::now() < until {
            let (name, bytes) = self.next();
            feeding.give(MANY, &name, &bytes);
            self.report.soaked += 1;
            while feeding.under_way() >= AT_ONCE {
                self.take(&mut feeding)?;
            }
            if told.elapsed() > Duration::from_secs(15) {
                told = Instant::now();
                self.gauge(daemon);
                say(&format!(
                    "{} files at full rate; {:?}",
                    self.report.soaked,
                    self.report.gauges.last()
                ));
            }
        }
        while feeding.under_way() > 0 {
            self.take(&mut feeding)?;
        }
        self.gauge(daemon);
        self.judge_growth(first);
        Ok(feeding.begun())
    }

    /// The last quarter takes no more than the second one; the first fills caches.
    fn judge_growth(&mut self, first: usize) {
        let gauges = &self.report.gauges[first..];
        let quarter = gauges.len() / 4;
        if quarter == 0 {
            return;
        }
        let most = |part: &[Gauge]| {
            part.iter()
                .map(|gauge| gauge.resident_kib)
                .max()
                .unwrap_or(0)
        };
        let held = |part: &[Gauge]| {
            part.iter()
                .map(|gauge| gauge.descriptors)
                .max()
                .unwrap_or(0)
        };
        let (second, last) = (
            &gauges[quarter..2 * quarter],
            &gauges[gauges.len() - quarter..],
        );
        if most(last) > most(second) + GROWTH_KIB || held(last) > held(second) + 64 {
            let text = format!("{second:?} and then {last:?}");
            self.report.findings.push(Finding {
                kind: "growth",
                text,
            });
        }
    }

    fn take(&mut self, feeding: &mut Feeding<'_>) -> Result<(), String> {
        let Some(end) = feeding.next_end(Duration::from_secs(1))? else {
            return Ok(());
        };
        if end.pipeline != MANY {
            feeding.not_ours();
        }
        if !end.succeeded {
            let text = format!("{}: {} {}", end.name, end.code, end.detail);
            self.report.findings.push(Finding {
                kind: "failed",
                text,
            });
        }
        Ok(())
    }

    /// All files come at once: while they come the daemon is halted, so that the kernel's queue of events overflows.
    fn burst(
        &mut self,
        count: u64,
        (daemon, lone): (&TestDaemon, &Lone),
        say: &mut dyn FnMut(&str),
    ) -> Result<Vec<u64>, String> {
        let mut feeding = Feeding::new(self.home, daemon).counting(MANY);
        let began = Instant::now();
        let mut told = Instant::now();
        lone.halt();
        halted(daemon.pid(), || {
            for _ in 0..count {
                let (name, bytes) = self.next();
                feeding.give(MANY, &name, &bytes);
                self.report.burst += 1;
            }
        });
        lone.halt();
        let worked = Instant::now();
        say(&format!(
            "{count} files given in {:.0} s",
            began.elapsed().as_secs_f64()
        ));
        while feeding.under_way() > 0 {
            self.take(&mut feeding)?;
            if told.elapsed() > Duration::from_secs(15) {
                told = Instant::now();
                self.gauge(daemon);
                say(&format!(
                    "{} of the burst left; {:?}",
                    feeding.under_way(),
                    self.report.gauges.last()
                ));
            }
        }
        self.report.burst_seconds += worked.elapsed().as_secs_f64();
        self.gauge(daemon);
        Ok(feeding.begun())
    }

    /// SIGTERM while hundreds wait.
    fn stop_full(&mut self, daemon: TestDaemon) -> Result<(), String> {
        let mut feeding = Feeding::new(self.home, &daemon);
        for _ in 0..FULL {
            let (name, bytes) = self.next();
            feeding.give(MANY, &name, &bytes);
        }
        // Some are in the queue, some still in the inbox, some at work.
        for _ in 0..20 {
            self.take(&mut feeding)?;
        }
        self.report.open_at_stop = feeding.under_way() as u64;
        let began = Instant::now();
        let status = daemon.stop();
        self.report.stop_seconds = began.elapsed().as_secs_f64();
        if !status.success() || began.elapsed() > STOP {
            let text = format!("{status} after {:.1} s", self.report.stop_seconds);
            self.report.findings.push(Finding { kind: "stop", text });
        }
        Ok(())
    }

    /// After the next start all is worked off, and every file is there once with its one output.
    fn count(&mut self, say: &mut dyn FnMut(&str)) -> Result<(), String> {
        let daemon = self.home.serve_with(&["--log", "warn"]);
        let until = Instant::now() + Duration::from_secs(600);
        loop {
            let open = daemon
                .get("/jobs?limit=1&state=claiming,queued,running,waiting,delivering")
                .body;
            let none = open["jobs"].as_array().is_some_and(Vec::is_empty);
            if none && folder::files(&self.home.path("inbox")).is_empty() {
                break;
            }
            if Instant::now() > until {
                return Err(format!("not all was worked off: {open}"));
            }
            std::thread::park_timeout(Duration::from_millis(200));
        }
        let expected: BTreeSet<PathBuf> = (0..self.given)
            .map(|number| PathBuf::from(format!("m{number:08}.pdf")))
            .collect();
        for kind in ["archive", "outbox"] {
            let found: BTreeSet<PathBuf> = folder::files(&self.home.path(format!("{kind}/{MANY}")))
                .into_iter()
                .collect();
            say(&format!(
                "{} of {} files in {kind}",
                found.len(),
                expected.len()
            ));
            for (what, names) in [
                ("lost", &expected - &found),
                ("too many", &found - &expected),
            ] {
                if let Some(name) = names.first() {
                    let text = format!("{} in {kind}: {} ...", names.len(), name.display());
                    self.report.findings.push(Finding { kind: what, text });
                }
            }
        }
        if !daemon.stop().success() {
            let text = "after the count".to_owned();
            self.report.findings.push(Finding { kind: "stop", text });
        }
        Ok(())
    }
}
