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
    /// Goes up whenever the daemon is halted and let go on: what overlaps that says nothing.
    halts: AtomicU64,
    heard: Mutex<Heard>,
}

/// Milliseconds from its drop until a file's attempt began, of these in the queue, and until its job was done.
#[derive(Debug, Default)]
struct Heard {
    waits: Vec<f64>,
    turns: Vec<f64>,
    took: Vec<f64>,
}

/// What a phase was like for the lone files: at 50 %, 95 % and worst.
#[derive(Clone, Copy, Debug, Default)]
pub struct Phase {
    /// Files.
    pub files: usize,
    /// Milliseconds from the drop until the attempt began.
    pub waits: [f64; 3],
    /// Of these, milliseconds in the queue: what the scheduler has in its hands.
    pub turns: [f64; 3],
    /// Milliseconds from the drop until the job was done.
    pub took: [f64; 3],
}

impl Lone {
    /// Sends one file after the other until told to stop. A feed that ends (the daemon stops) ends it, too.
    pub(super) fn run(&self, home: &TestHome, daemon: &TestDaemon) {
        let document = crate::sample::pdf(1);
        let mut feed = daemon.follow(&format!("/pipelines/{CLEAN}/events"));
        for number in 0_u32.. {
            let name = format!("lone-{number}.pdf");
            let halts = self.halts.load(Ordering::Relaxed);
            let dropped = Instant::now();
            home.drop_file(&format!("inbox/{CLEAN}"), &name, &document);
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
                if event.name == "job.queued" {
                    queued.get_or_insert(dropped.elapsed());
                }
                if event.name == "job.started" {
                    began.get_or_insert(dropped.elapsed());
                }
                if is_end(&event) {
                    break;
                }
            }
            if halts == self.halts.load(Ordering::Relaxed)
                && let (Some(queued), Some(began)) = (queued, began)
            {
                let mut heard = self.heard.lock().expect("no reader panics");
                let turn = began.saturating_sub(queued);
                heard.turns.push(turn.as_secs_f64() * 1000.0);
                heard.waits.push(began.as_secs_f64() * 1000.0);
                heard.took.push(dropped.elapsed().as_secs_f64() * 1000.0);
            }
            std::thread::park_timeout(PAUSE);
        }
    }

    /// No more files.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The daemon is halted, or goes on.
    pub(super) fn halt(&self) {
        self.halts.fetch_add(1, Ordering::Relaxed);
    }

    /// What was heard since the last call.
    pub(super) fn phase(&self) -> Phase {
        let heard = std::mem::take(&mut *self.heard.lock().expect("no reader panics"));
        let parts = |values: &[f64]| [0.5, 0.95, 1.0].map(|part| quantile(values, part));
        Phase {
            files: heard.waits.len(),
            waits: parts(&heard.waits),
            turns: parts(&heard.turns),
            took: parts(&heard.took),
        }
    }
}

fn is_end(event: &Event) -> bool {
    matches!(event.name.as_str(), "job.succeeded" | "job.failed")
}
