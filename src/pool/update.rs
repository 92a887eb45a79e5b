//! What an attempt tells while it runs, and how it is stopped.

use crate::job::attempt::{Bill, Failure};
use crate::job::event::{StepFailed, StepFinished, StepPlace, StepSkipped, Warned, WorkerCrashed};
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How many updates may wait for their reader. Each can hold an open file, so the number is small; a reader that falls
/// behind holds up the worker, whose stall limit does not run meanwhile.
pub(crate) const WAITING: usize = 32;

/// Wall-clock limits of an attempt; those of its steps stand in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the whole attempt.
    pub deadline: Duration,
    /// Without any progress.
    pub stall: Duration,
}

/// Whether anybody but the machine minds how soon an attempt is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// A job's.
    Job,
    /// What is only to look at: its worker gets less processor time than others.
    Behind,
}

/// Attempts whose workers may be used for each other, one after the other: they run the same steps of the same libraries, and
/// nothing keeps them apart but the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kin(String);

impl Kin {
    /// By the pipeline, its revision and the hashes of its libraries.
    #[must_use]
    pub fn of<'a>(
        pipeline: &str,
        revision: &str,
        libraries: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut text = format!("{pipeline}\n{revision}");
        for library in libraries {
            text.push('\n');
            text.push_str(library);
        }
        Self(text)
    }
}

/// A running attempt. Dropping `updates` cancels it.
#[derive(Debug)]
pub struct Attempt {
    /// Counted from 1 over the pool's life.
    pub id: u64,
    /// What happens, [`Update::Ended`] last and exactly once.
    pub updates: mpsc::Receiver<Update>,
    /// Stops it.
    pub stop: StopHandle,
}

/// Why an attempt is stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A person said so.
    Cancelled,
    /// The daemon is going down.
    Interrupted,
}

/// Stops an attempt: its worker is asked first and killed after a moment.
#[derive(Clone, Debug)]
pub struct StopHandle(pub(crate) Arc<watch::Sender<Option<Stop>>>);

impl StopHandle {
    /// Stops it; the first reason counts.
    pub fn stop(&self, why: Stop) {
        self.0.send_if_modified(|now| {
            let first = now.is_none();
            *now = now.or(Some(why));
            first
        });
    }

    /// Waits until it is stopped; for ever where it is not.
    pub(crate) async fn stopped(&self) -> Stop {
        let mut stopped = self.0.subscribe();
        let why = stopped.wait_for(Option::is_some).await;
        // Its sender is ours, so that it is not gone.
        why.ok().and_then(|why| *why).unwrap_or(Stop::Cancelled)
    }
}

/// One piece of news of an attempt.
#[derive(Debug)]
pub enum Update {
    /// A worker has the plan.
    Began {
        /// Its process id.
        worker: u32,
        /// The sandbox level it reached.
        sandbox: String,
    },
    /// The input is open.
    Opened {
        /// Its pages.
        pages: u64,
    },
    /// A step began on one document.
    StepStarted(StepPlace),
    /// How far it is; at most 20 a second, the newest wins.
    Progress {
        /// Which step on which document.
        place: StepPlace,
        /// Done so far.
        done: u64,
        /// Of how many; 0 = unknown.
        total: u64,
    },
    /// A step ended well.
    StepFinished(StepFinished),
    /// A step's condition was false.
    StepSkipped(StepSkipped),
    /// A step failed and was rolled back.
    StepFailed(StepFailed),
    /// A log line: of an operation, or printed by something in the worker.
    Log {
        /// The step, where there is one.
        step: Option<String>,
        /// `trace` to `error`.
        level: String,
        /// One line.
        message: String,
    },
    /// Something odd that lost nothing.
    Warning(Warned),
    /// A side artifact.
    Artifact {
        /// The step.
        step: String,
        /// A plain file name.
        name: String,
        /// Media type.
        mime: String,
        /// Which document it belongs to, from 1.
        part: u32,
        /// An absolute folder without `..`; whether it may be written is the reader's question.
        folder: String,
        /// The content, sealed.
        file: File,
    },
    /// One resulting document.
    Output {
        /// From 1, in order.
        part: u32,
        /// Its pages.
        pages: u64,
        /// A plain file name.
        name: String,
        /// An absolute folder without `..`; whether it may be written is the reader's question.
        folder: String,
        /// The content, sealed.
        file: File,
    },
    /// The worker died unasked. `Ended` follows.
    Crashed(WorkerCrashed),
    /// The attempt is over and its worker is dead, or waits for another one.
    Ended(Result<Bill, Failure>),
}
