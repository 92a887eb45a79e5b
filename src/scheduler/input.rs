//! What the decider is told and what it answers.

use crate::event::Draft;
use crate::job::attempt::{Bill, Failure};
use crate::job::event::{Accepted, GivenUp, JobEvent, Queued};
use crate::job::id::JobId;
use crate::job::redo::{Delivered, Redo};
use crate::pipeline::checked::Pipeline;
use crate::problem::Problem;
use crate::raw_path::RawPath;
use crate::watch::update::Decline;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// A file has settled in a watched folder, or was uploaded. The id is fresh.
    Arrival {
        /// The new job's id.
        job: JobId,
        /// What is known of the file.
        accepted: Box<Accepted>,
    },
    /// The claim of a job's file ended.
    Claimed {
        /// The job.
        job: JobId,
        /// Its content, or why it could not be taken.
        result: Result<Queued, ClaimFailure>,
        /// Whether the job that had the same content had succeeded when the journal was asked.
        was_done: bool,
    },
    /// A step event, a warning or a crash of the running attempt.
    Told {
        /// The job.
        job: JobId,
        /// What happened.
        event: JobEvent,
    },
    /// The worker of the running attempt has done its part; what it brought is still being staged.
    WorkerDone {
        /// The job.
        job: JobId,
    },
    /// The running attempt ended; outputs are staged and named.
    AttemptEnded {
        /// The job.
        job: JobId,
        /// The redo list, or why there is none.
        result: Result<(Redo, Bill), Failure>,
    },
    /// The redo list of a failing or cancelled job is ready.
    Prepared {
        /// The job.
        job: JobId,
        /// The list, or why the notes could not be written.
        result: Result<Redo, Problem>,
    },
    /// A redo list was carried out.
    Redone {
        /// The job.
        job: JobId,
        /// What lies where, or why a move failed.
        result: Result<Vec<Delivered>, Problem>,
    },
    /// What was to be delivered is lost before any of it was, and the original is still held.
    Lost {
        /// The job.
        job: JobId,
        /// What was lost, and where.
        problem: Problem,
    },
    /// The original of a failed job, adopted before, was fetched back for a retry.
    Reclaimed {
        /// The job.
        job: JobId,
    },
    /// A person wants a job cancelled.
    Cancel {
        /// The job.
        job: JobId,
    },
    /// A person wants a pipeline paused (`Some`: why) or resumed.
    Pause {
        /// The pipeline.
        pipeline: String,
        /// Why; `None` resumes.
        reason: Option<String>,
    },
    /// The pipelines that are current from now on.
    Pipelines(Vec<Arc<Pipeline>>),
    /// Whether new files are taken, by pipeline folder state or disk space.
    Intake {
        /// `None` opens; else why it is closed.
        closed: Option<Closed>,
    },
    /// The pipelines of which nothing begins, and why; all others may.
    Held(BTreeMap<String, Hold>),
    /// A deadline passed.
    Tick,
    /// No new work; running attempts may finish.
    Drain,
    /// The drain's deadline passed: interrupt what still runs.
    Interrupt,
}

/// Why no new files are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// What is lacking.
    pub lack: Lack,
    /// The same for people, with the numbers of the last look.
    pub reason: String,
}

/// What is lacking where no new files are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Room where this folder lies.
    Room(PathBuf),
    /// The journal's reserve.
    Reserve,
}

/// Why nothing of a pipeline begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Its folders are being looked through after the start. Files may arrive: they are taken after that.
    Unswept,
    /// This folder of it does not answer. Files stay where they are.
    Silent(PathBuf),
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unswept => f.write_str("its folders are being looked through after the start"),
            Self::Silent(folder) => write!(
                f,
                "`{}` does not answer (a network mount that hangs?)",
                folder.display()
            ),
        }
    }
}

/// Why a file could not be taken, or its content not be read.
#[derive(Debug)]
pub enum ClaimFailure {
    /// It was taken; so large a file is not read.
    TooLarge {
        /// Its size.
        size: u64,
        /// The largest that is read.
        limit: u64,
    },
    /// It was taken; the job was cancelled, or the daemon stops, before it was read.
    Halted,
    /// It is gone: somebody else took it.
    Vanished,
    /// It changed since it settled.
    Changed,
    /// It cannot be taken now (permissions, disk); it stays and is offered again.
    Later(String),
    /// It may be ours already, and could be neither taken whole nor put back: it is claimed again.
    Stuck(String),
}

impl ClaimFailure {
    /// Whether the file is ours all the same.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::Halted | Self::Stuck(_))
    }
}

/// What the decider wants.
#[derive(Debug, Default)]
pub struct Decision {
    /// For the journal, in order, as one unit.
    pub events: Vec<Draft>,
    /// For the hands, in order.
    pub actions: Vec<Action>,
}

/// Something to do.
#[derive(Debug)]
pub enum Action {
    /// Take the file, after the intent is durable.
    Claim {
        /// The job.
        job: JobId,
        /// What is known of the file.
        accepted: Box<Accepted>,
        /// Whether an earlier try may hold it.
        again: bool,
    },
    /// Nobody waits any more for the content of the file that is held there, or will be.
    HaltClaim {
        /// Where.
        held: RawPath,
    },
    /// Tell the watcher that a file is ours.
    Taken {
        /// The pipeline.
        pipeline: String,
        /// Where it lay.
        path: RawPath,
    },
    /// Tell the watcher that a file was not taken.
    Declined {
        /// The pipeline.
        pipeline: String,
        /// Where it lies.
        path: RawPath,
        /// Why.
        why: Decline,
    },
    /// Start an attempt. Nothing of it shows outside, so it does not wait for the journal.
    Start(Box<Start>),
    /// End the running attempt.
    StopAttempt {
        /// The job.
        job: JobId,
    },
    /// Write the notes of a failing (`Some`) or cancelled job and list its moves.
    PrepareEnd {
        /// The job.
        job: JobId,
        /// Everything about it.
        about: Box<EndOf>,
    },
    /// Carry out a redo list, after it is durable.
    Redo {
        /// The job.
        job: JobId,
        /// The list.
        redo: Redo,
    },
}

/// What an attempt is started with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The job.
    pub job: JobId,
    /// Counted from 1.
    pub attempt: u32,
    /// The revision to run.
    pub pipeline: Arc<Pipeline>,
    /// The job's first event.
    pub accepted: Accepted,
    /// BLAKE3 of the original.
    pub blake3: String,
    /// The mark of the folder in which it is held, if known.
    pub held_in: Option<String>,
    /// When the job was accepted.
    pub created: crate::time::Timestamp,
    /// What the job goes on without.
    pub given_up: Vec<GivenUp>,
}

/// What a failing or cancelled job's notes are made of.
#[derive(Debug)]
pub struct EndOf {
    /// The job as it stands.
    pub job: crate::job::state::Job,
    /// Why it fails; `None` for a cancelled one.
    pub problem: Option<Problem>,
    /// Where failed originals go; `None` where the pipeline is gone, or says something else by now than the job's attempt went by.
    pub failed: Option<PathBuf>,
    /// The pipeline's `watch.done_file`: what a file needs beside it to be taken.
    pub done_file: Option<String>,
    /// Where the original goes instead without notes: a duplicate under `duplicates: skip`.
    pub archive: Option<crate::pipeline::checked::Original>,
    /// Results that were staged for it and go nowhere any more.
    pub staged: Vec<PathBuf>,
}
