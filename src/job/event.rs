//! What can happen to a job: the facts its history is made of.

mod requeued;

pub use self::requeued::Requeued;
use crate::job::attempt::{Bill, Failure};
use crate::job::id::JobId;
use crate::job::redo::{Delivered, Redo, Verdict};
use crate::problem::Problem;
use crate::raw_path::RawPath;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

/// One fact about one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum JobEvent {
    /// The daemon means to take the file; it still lies in its inbox.
    Accepted(Box<Accepted>),
    /// The file is ours and waits for its turn.
    Queued(Queued),
    /// An attempt began.
    Started(Started),
    /// A step began on one document.
    StepStarted(StepPlace),
    /// A step ended well.
    StepFinished(StepFinished),
    /// A step's condition was false.
    StepSkipped(StepSkipped),
    /// A step failed; with `continued` the job goes on without its edits.
    StepFailed(StepFailed),
    /// Something odd that lost nothing: a repaired file, a warning of an operation.
    Warned(Warned),
    /// The worker of the running attempt died.
    WorkerCrashed(WorkerCrashed),
    /// The attempt gave no result; the job waits for the next one.
    Waiting(Waiting),
    /// The job goes back into the queue: its waiting time is over, it was interrupted, or a person said `retry`.
    Requeued(Requeued),
    /// The point of no return: these moves will be made.
    Delivering(Delivering),
    /// One output or note lies in its place.
    ArtifactWritten(Delivered),
    /// All moves are made and the job is done.
    Succeeded(Ended),
    /// All moves are made and the job has failed.
    Failed(Ended),
    /// All moves are made (or the file was never taken) and the job is cancelled.
    Cancelled(Ended),
}

/// Where a job came from and what it is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// The pipeline's id.
    pub pipeline: String,
    /// The pipeline's revision (hex).
    pub revision: String,
    /// Where the file lay when it was seen.
    pub path: RawPath,
    /// The watched folder.
    pub folder: RawPath,
    /// The path below the watched folder.
    pub relative: RawPath,
    /// Where the claimed file will lie.
    pub held: RawPath,
    /// Who the file is.
    pub identity: Identity,
    /// How it came.
    pub origin: Origin,
    /// Priority of the pipeline at that time.
    pub priority: i32,
    /// Ids of the pipeline's steps with their operations, in order.
    pub steps: Vec<StepName>,
}

/// A step's id and operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepName {
    /// The step's id.
    pub id: String,
    /// `plugin/operation`.
    pub uses: String,
}

/// How a file came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It lay in a watched folder.
    Watch,
    /// It was uploaded over HTTP.
    Upload,
}

/// Who a file is, short of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
    /// Modification time in nanoseconds.
    #[serde(with = "nanoseconds")]
    pub mtime_ns: i128,
    /// Status change time in nanoseconds; a rename changes it on most file systems.
    #[serde(with = "nanoseconds")]
    pub ctime_ns: i128,
}

impl Identity {
    /// Who the file is that was looked at.
    #[must_use]
    pub fn of(found: &Metadata) -> Self {
        let nanoseconds = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            mtime_ns: nanoseconds(found.mtime(), found.mtime_nsec()),
            ctime_ns: nanoseconds(found.ctime(), found.ctime_nsec()),
        }
    }

    /// The same for a look that was taken from a folder that is held open.
    #[must_use]
    pub fn of_stat(found: &rustix::fs::Stat) -> Self {
        let nanoseconds = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
        Self {
            device: found.st_dev,
            inode: found.st_ino,
            size: found.st_size as u64,
            mtime_ns: nanoseconds(found.st_mtime, found.st_mtime_nsec as i64),
            ctime_ns: nanoseconds(found.st_ctime, found.st_ctime_nsec as i64),
        }
    }

    /// Whether this is the other with the same content, renamed or re-owned perhaps: a rename changes the ctime, and a
    /// network file system that was mounted anew has another device number.
    #[must_use]
    pub fn same_file(&self, other: &Self) -> bool {
        self.inode == other.inode && self.same_content(other)
    }

    /// As [`Identity::same_file`], for file systems whose inode numbers do not last.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        self.size == other.size && self.mtime_ns == other.mtime_ns
    }
}

/// Nanoseconds as a number, or as text where 64 bits do not hold them: serde's tagged enums cannot carry an `i128`.
mod nanoseconds {
    use serde::{Deserializer, Serializer, de};
    use std::fmt;

    pub(super) fn serialize<S: Serializer>(value: &i128, to: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(*value) {
            Ok(value) => to.serialize_i64(value),
            Err(_) => to.collect_str(value),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i128, D::Error> {
        from.deserialize_any(Nanoseconds)
    }

    struct Nanoseconds;

    impl de::Visitor<'_> for Nanoseconds {
        type Value = i128;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("nanoseconds")
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<i128, E> {
            Ok(value.into())
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<i128, E> {
            Ok(value.into())
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<i128, E> {
            value.parse().map_err(de::Error::custom)
        }
    }
}

/// The file is ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// BLAKE3 of its content, in hex.
    pub blake3: String,
    /// How many bytes.
    pub size: u64,
    /// An earlier job of this pipeline with the same content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<JobId>,
    /// The mark of the folder in which it is held; earlier versions left none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_in: Option<String>,
}

/// An attempt began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Counted from 1 over the job's whole life.
    pub attempt: u32,
    /// The pipeline revision it runs (hex).
    pub revision: String,
    /// Process id of the worker.
    pub worker: u32,
    /// The sandbox level reached: `full`, `partial: ...`, `off`.
    pub sandbox: String,
    /// The plugins it loads.
    pub plugins: Vec<PluginUse>,
    /// Ids of the steps with their operations, in order.
    pub steps: Vec<StepName>,
}

/// Which build of a plugin a job used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginUse {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// BLAKE3 of the library, in hex.
    pub blake3: String,
}

/// Which step on which document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepPlace {
    /// The step's id.
    pub step: String,
    /// Its place in the pipeline, from 0.
    pub index: u32,
    /// Which document of the job, from 1.
    pub part: u32,
    /// How many documents the step runs on.
    pub parts: u32,
}

/// A step ended well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepFinished {
    /// Which.
    #[serde(flatten)]
    pub place: StepPlace,
    /// How long it took.
    pub ms: u64,
    /// How many documents it left.
    pub documents: u32,
    /// Values it published.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub results: BTreeMap<String, serde_json::Value>,
}

/// A step was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSkipped {
    /// Which.
    #[serde(flatten)]
    pub place: StepPlace,
    /// The condition that was false.
    pub condition: String,
}

/// A step failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFailed {
    /// Which.
    #[serde(flatten)]
    pub place: StepPlace,
    /// How long it took.
    pub ms: u64,
    /// Why.
    pub problem: Problem,
    /// The job goes on without its edits.
    pub continued: bool,
}

/// A warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warned {
    /// The step, where one is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// A stable word: `repaired`, `step-warning`, `result-dropped`, ...
    pub code: String,
    /// For people.
    pub message: String,
    /// How the job is to end, where that is decided by now: the next life goes on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Box<Verdict>>,
}

impl Warned {
    /// A warning about no step.
    #[must_use]
    pub fn new(code: &str, message: String) -> Self {
        Self {
            step: None,
            code: code.to_owned(),
            message,
            decided: None,
        }
    }

    /// The same, with how the job is to end.
    #[must_use]
    pub fn ends(self, verdict: Verdict) -> Self {
        Self {
            decided: Some(Box::new(verdict)),
            ..self
        }
    }
}

/// A worker died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerCrashed {
    /// Process id.
    pub worker: u32,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Its exit code, where no signal did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Step, page, plugin, and the last lines it wrote.
    pub problem: Problem,
}

/// The job waits for its next attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Why the last one failed.
    pub failure: Failure,
    /// When the next one may begin.
    pub until: Timestamp,
}

/// A step under `continue_on_error` that took its worker along. The job goes on without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// Which, and on which document.
    #[serde(flatten)]
    pub place: StepPlace,
    /// On every document, and not only on that one.
    pub everywhere: bool,
    /// The pipeline revision it stands in (hex). Other revisions run it.
    pub revision: String,
    /// How the attempt ended.
    pub failure: Failure,
}

impl GivenUp {
    /// Whether the step is not to run on this document. Where there are more or fewer documents than there were, the numbers mean
    /// others.
    #[must_use]
    pub fn covers(&self, part: u32, parts: u32) -> bool {
        self.everywhere || (part, parts) == (self.place.part, self.place.parts)
    }
}

/// Why a job is in the queue again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequeueReason {
    /// Its waiting time is over.
    Due,
    /// The daemon stopped or died during the attempt.
    Interrupted,
    /// A person said `retry`.
    Asked,
    /// The environment failed (disk full, folder blocked), not the document.
    Environment,
    /// A step took its worker along, and the job goes on without it.
    StepGivenUp,
}

/// The point of no return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivering {
    /// The moves.
    pub redo: Redo,
    /// What the attempt cost.
    #[serde(default)]
    pub bill: Bill,
}

/// The end of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Everything as it lies now.
    pub delivered: Vec<Delivered>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

impl JobEvent {
    /// The event's name on the feed.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "job.accepted",
            Self::Queued(_) | Self::Requeued(_) => "job.queued",
            Self::Started(_) => "job.started",
            Self::StepStarted(_) => "step.started",
            Self::StepFinished(_) => "step.finished",
            Self::StepSkipped(_) => "step.skipped",
            Self::StepFailed(_) => "step.failed",
            Self::Warned(_) => "job.warned",
            Self::WorkerCrashed(_) => "worker.crashed",
            Self::Waiting(_) => "job.waiting",
            Self::Delivering(_) => "job.delivering",
            Self::ArtifactWritten(_) => "artifact.written",
            Self::Succeeded(_) => "job.succeeded",
            Self::Failed(_) => "job.failed",
            Self::Cancelled(_) => "job.cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_survives_json_whatever_its_times() {
        for mtime_ns in [0, -1, 1_763_788_211_123_456_789, i128::MAX, i128::MIN] {
            let identity = Identity {
                device: 1,
                inode: u64::MAX,
                size: 3,
                mtime_ns,
                ctime_ns: 5,
            };
            let text = serde_json::to_string(&identity).expect("written");
            assert_eq!(
                serde_json::from_str::<Identity>(&text).expect("read"),
                identity
            );
        }
    }
}
