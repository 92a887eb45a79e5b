//! A pipeline of one file at a time beside all the others: how long its file waits for its turn.

use super::gauges::{CLEAN, quantile};
use crate::daemon::{TestDaemon, TestHome};
use crate::feed::Event;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two files.
const PAUSE: Duration = Duration::from_millis(500);

/// The files of the pipeline.
#[derive(Debug, Default)]
pub(super) struct Lone {
    stop: AtomicBool,
    /// No files for now.
    rest: AtomicBool,
    /// Goes up whenever the daemon is halted and let go on: what overlaps that says nothing.
    halts: AtomicU64,
    heard: Mutex<Vec<Told>>,
}

/// One file: milliseconds from its drop until it stood in the queue, until its attempt began and until its job was done, and the
/// journal's numbers of the first two.
#[derive(Clone, Copy, Debug)]
struct Told {
    queued: (f64, u64),
    began: (f64, u64),
    done: f64,
}

/// What a phase was like for the lone files: at 50 %, 95 % and worst.
#[derive(Clone, Copy, Debug, Default)]
pub struct Phase {
    /// Files.
    pub files: usize,
    /// Milliseconds from the drop until it stood in the queue: it settled, was journalled, taken, synced and journalled again.
    pub taking: [f64; 3],
    /// Milliseconds from then until its attempt began.
    pub turns: [f64; 3],
    /// Jobs of the other pipeline that began in between.
    pub before: [f64; 3],
    /// Milliseconds from the drop until the job was done.
    pub took: [f64; 3],
}

impl Lone {
    /// Sends one file after the other until told to stop. A feed that ends (the daemon stops) ends it, too.
    pub(super) fn run(&self, home: &TestHome, daemon: &TestDaemon) {
        let document = crate::sample::pdf(1);
        let mut feed = daemon.follow(&format!("/pipelines/{CLEAN}/events"));
        for number in 0_u32.. {
            while self.rest.load(Ordering::Relaxed) && !self.stop.load(Ordering::Relaxed) {
                std::thread::park_timeout(PAUSE);
            }
            let name = format!("lone-{number}.pdf");
            let halts = self.halts.load(Ordering::Relaxed);
            let dropped = Instant::now();
            home.drop_file(&format!("inbox/{CLEAN}"), &name, &document);
            let milliseconds = || dropped.elapsed().as_secs_f64() * 1000.0;
            let (mut queued, mut began) = (None, None);
            loop {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(event) = feed.take_next(Duration::from_millis(200)) else {
                    continue;
                };
                if event.data["name"] != name.as_str() {
                    continue;
                }
                let told = |number| (milliseconds(), number);
                match event.name.as_str() {
                    "job.queued" if queued.is_none() => queued = event.number().map(told),
                    "job.started" if began.is_none() => began = event.number().map(told),
                    _ => {}
                }
                if is_end(&event) {
                    break;
                }
            }
            if halts == self.halts.load(Ordering::Relaxed)
                && let (Some(queued), Some(began)) = (queued, began)
            {
                let done = milliseconds();
                let mut heard = self.heard.lock().expect("no reader panics");
                heard.push(Told {
                    queued,
                    began,
                    done,
                });
            }
            std::thread::park_timeout(PAUSE);
        }
    }

    /// No more files.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// No files while `work` is done.
    pub(super) fn at_rest(&self, work: impl FnOnce()) {
        self.rest.store(true, Ordering::Relaxed);
        work();
        self.rest.store(false, Ordering::Relaxed);
    }

    /// The daemon is halted, or goes on.
    pub(super) fn halt(&self) {
        self.halts.fetch_add(1, Ordering::Relaxed);
    }

    /// What was heard since the last call. `others` are the journal's numbers of the attempts of the other pipeline that began.
    pub(super) fn phase(&self, mut others: Vec<u64>) -> Phase {
        others.sort_unstable();
        let heard = std::mem::take(&mut *self.heard.lock().expect("no reader panics"));
        let parts = |value: &dyn Fn(&Told) -> f64| {
            let values: Vec<f64> = heard.iter().map(value).collect();
            [0.5, 0.95, 1.0].map(|part| quantile(&values, part))
        };
        let until = |number: u64| others.partition_point(|other| *other < number);
        #[expect(clippy::cast_precision_loss, reason = "a few jobs")]
        let before = |told: &Told| (until(told.began.1) - until(told.queued.1)) as f64;
        Phase {
            files: heard.len(),
            taking: parts(&|told| told.queued.0),
            turns: parts(&|told| told.began.0 - told.queued.0),
            before: parts(&before),
            took: parts(&|told| told.done),
        }
    }
}

fn is_end(event: &Event) -> bool {
    matches!(event.name.as_str(), "job.succeeded" | "job.failed")
}
