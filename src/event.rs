//! Everything that the journal can hold: facts about jobs, pipelines, plugins, folders, files and the daemon itself.

use crate::job::event::JobEvent;
use crate::job::id::JobId;
use crate::raw_path::RawPath;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A fact on its way into the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

impl Draft {
    /// A fact of this moment.
    #[must_use]
    pub fn now(event: Event) -> Self {
        Self {
            at: Timestamp::now(),
            event,
        }
    }
}

/// A fact in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its place in the one, gap-free order of all facts.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The job's `rev` after it, where it is about a job.
    pub rev: Option<u64>,
    /// The pipeline it belongs to.
    pub pipeline: Option<String>,
    /// The path in an inbox that it is about.
    pub path: Option<RawPath>,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Event {
    /// To a job.
    Job {
        /// Which.
        job: JobId,
        /// What.
        what: JobEvent,
    },
    /// To a pipeline.
    Pipeline {
        /// Which.
        pipeline: String,
        /// What.
        what: PipelineEvent,
    },
    /// To a plugin.
    Plugin(PluginEvent),
    /// To a watched folder.
    Watch {
        /// The pipeline that watches it.
        pipeline: String,
        /// What.
        what: WatchEvent,
    },
    /// To a file that is not (yet) a job.
    File {
        /// The pipeline that watches its folder.
        pipeline: String,
        /// Where it lies.
        path: RawPath,
        /// What.
        what: FileEvent,
    },
    /// To the daemon.
    Daemon(DaemonEvent),
}

/// What happened to a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PipelineEvent {
    /// A revision became current.
    Loaded {
        /// Its hash (hex).
        revision: String,
        /// Its YAML, so that a job's revision can always be shown.
        yaml: String,
    },
    /// Its file has faults; the last good revision (if any) goes on.
    Invalid {
        /// `file:line:column: text`, one each.
        faults: Vec<String>,
    },
    /// Its file is gone; running jobs end by the text they were started with, others wait until it is back or they are cancelled.
    Removed,
    /// No new attempts.
    Paused {
        /// Why.
        reason: String,
    },
    /// Attempts again.
    Resumed,
}

/// What happened to a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PluginEvent {
    /// A build became current for new jobs.
    Loaded {
        /// Name.
        name: String,
        /// Version.
        version: String,
        /// BLAKE3 of the library (hex).
        blake3: String,
    },
    /// A file cannot be used as a plugin.
    Failed {
        /// The file.
        file: RawPath,
        /// Why, and what to do.
        reason: String,
    },
}

/// What happened to a watched folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum WatchEvent {
    /// It is watched.
    Online {
        /// The folder.
        folder: RawPath,
        /// `events` or `polling`.
        mode: String,
        /// Why this mode.
        reason: String,
    },
    /// It is gone (a mount that went away); nothing is concluded from its absence.
    Offline {
        /// The folder.
        folder: RawPath,
        /// Why.
        reason: String,
    },
    /// It is there but cannot be used.
    Blocked {
        /// The folder.
        folder: RawPath,
        /// Owner, mode and uid, and what to do.
        reason: String,
    },
}

/// What happened to a file before it is a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum FileEvent {
    /// It was seen and is waited for.
    Settling {
        /// What is waited for.
        reason: String,
    },
    /// It stays where it is.
    Ignored {
        /// Which rule.
        reason: String,
    },
    /// It has been incomplete for ten minutes.
    Incomplete {
        /// What is missing.
        reason: String,
    },
    /// It was waited for or left, and is not there any more.
    Gone {
        /// What it was last.
        reason: String,
    },
}

/// What happened to the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum DaemonEvent {
    /// It started.
    Started {
        /// Its version.
        version: String,
    },
    /// It takes no more files and waits for its workers.
    Draining,
    /// Intake stopped or went on by itself.
    Intake {
        /// Whether files are taken.
        open: bool,
        /// Why.
        reason: String,
    },
}

impl Event {
    /// The event's name on the feed.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Job { what, .. } => what.name(),
            Self::Pipeline { what, .. } => match what {
                PipelineEvent::Loaded { .. } => "pipeline.loaded",
                PipelineEvent::Invalid { .. } => "pipeline.invalid",
                PipelineEvent::Removed => "pipeline.removed",
                PipelineEvent::Paused { .. } => "pipeline.paused",
                PipelineEvent::Resumed => "pipeline.resumed",
            },
            Self::Plugin(PluginEvent::Loaded { .. }) => "plugin.loaded",
            Self::Plugin(PluginEvent::Failed { .. }) => "plugin.failed",
            Self::Watch { what, .. } => match what {
                WatchEvent::Online { .. } => "watch.online",
                WatchEvent::Offline { .. } => "watch.offline",
                WatchEvent::Blocked { .. } => "watch.blocked",
            },
            Self::File { what, .. } => match what {
                FileEvent::Settling { .. } => "file.settling",
                FileEvent::Ignored { .. } => "file.ignored",
                FileEvent::Incomplete { .. } => "file.incomplete",
                FileEvent::Gone { .. } => "file.gone",
            },
            Self::Daemon(DaemonEvent::Started { .. }) => "daemon.started",
            Self::Daemon(DaemonEvent::Draining) => "daemon.draining",
            Self::Daemon(DaemonEvent::Intake { .. }) => "daemon.intake",
        }
    }

    /// The job it is about.
    #[must_use]
    pub fn job(&self) -> Option<JobId> {
        match self {
            Self::Job { job, .. } => Some(*job),
            _ => None,
        }
    }
}
