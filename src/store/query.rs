//! Questions to the journal. Each answer is read in one transaction and says at which event it holds.

pub(crate) mod history;
pub mod hour;
pub(crate) mod jobs;
pub(crate) mod snapshot;

use crate::event::{Stored, WatchEvent};
use crate::job::id::JobId;
use crate::job::state::Job;
use crate::raw_path::RawPath;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The words of the states in which a job has not ended.
pub const OPEN_STATES: [&str; 5] = ["claiming", "queued", "running", "waiting", "delivering"];
/// The words of the states in which a job has ended.
pub const ENDED_STATES: [&str; 3] = ["succeeded", "failed", "cancelled"];
/// Jobs of one page at most.
pub const MAX_PAGE: u32 = 500;

/// Jobs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobQuery {
    /// Only of this pipeline.
    pub pipeline: Option<String>,
    /// Only in these states (their words); empty means any.
    pub states: Vec<String>,
    /// Only with this in their name, whatever the case.
    pub q: Option<String>,
    /// Which come first.
    pub order: Order,
    /// Those after the last one of an earlier page: its `next`.
    pub before: Option<String>,
    /// How many; 0 means 50, and 500 is the most.
    pub limit: u32,
}

/// Which jobs come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Those that changed last.
    #[default]
    Changed,
    /// Those that came last.
    Created,
}

/// Some jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct JobPage {
    /// In the order asked for.
    pub jobs: Vec<Job>,
    /// The `before` of the next page, where there is one.
    pub next: Option<String>,
    /// How many there are on all pages; `None` where a name was looked for, which would take as long as to list them all.
    pub total: Option<u64>,
    /// The number of the last event that the page knows of.
    pub seq: u64,
}

/// Another job of the pipeline that has processed the same content, or is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Same {
    /// The job.
    pub job: JobId,
    /// Whether it has succeeded.
    pub is_done: bool,
}

/// Events to list, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only after this number.
    pub after: u64,
    /// Only from where nothing has been removed any more.
    pub gapless: bool,
    /// Only up to this number.
    pub until: Option<u64>,
    /// Only of this pipeline.
    pub pipeline: Option<String>,
    /// Only of this job.
    pub job: Option<JobId>,
    /// Only about a file at this path.
    pub path: Option<RawPath>,
    /// Only of these types: `job.failed`, or `job.*`; empty means any.
    pub types: Vec<String>,
    /// How many at most.
    pub limit: u32,
}

/// Some events and the ends of the journal at that moment.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Oldest first.
    pub events: Vec<Arc<Stored>>,
    /// Whether these are all; else a limit cut them off.
    pub complete: bool,
    /// The number after which they begin.
    pub after: u64,
    /// The number of the journal's last event.
    pub head: u64,
    /// The number of the newest event that retention has removed.
    pub floor: u64,
}

/// The last state of a pipeline as its events tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineRow {
    /// The pipeline's id.
    pub id: String,
    /// The number of its last event.
    pub changed: u64,
    /// When that was.
    pub updated: Timestamp,
    /// The current revision (hex).
    pub revision: Option<String>,
    /// What is wrong with its file.
    pub faults: Vec<String>,
    /// Whether its file is gone.
    pub removed: bool,
    /// Why it is paused.
    pub paused: Option<String>,
    /// Its folder's last state.
    pub folder: Option<WatchEvent>,
}

/// What a snapshot is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything.
    #[default]
    Everything,
    /// One pipeline and its jobs.
    Pipeline(String),
    /// One job.
    Job(JobId),
    /// What happened to the files at one path.
    Path(RawPath),
}

/// The state of things at one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// What it is of.
    pub scope: Scope,
    /// The number of the last event that it knows of.
    pub seq: u64,
    /// The pipelines.
    pub pipelines: Vec<PipelineRow>,
    /// The jobs that have not ended, those that changed last first.
    pub open: Vec<Job>,
    /// Whether there are more of them than a snapshot holds.
    pub more_open: bool,
    /// The last ones that have ended, the newest first.
    pub ended: Vec<Job>,
    /// The last thing that happened to the file at the path while it was no job.
    pub file: Option<Arc<Stored>>,
    /// How many jobs each pipeline has in each state.
    pub counts: Counts,
}

/// How many jobs each pipeline has in each state; states without jobs are left out.
pub type Counts = BTreeMap<String, BTreeMap<String, u64>>;
