//! What each kind of event carries. A member that may be absent is never null.

use crate::http::view::artifact::ArtifactView;
use crate::http::view::job::{PluginUseView, ProblemView};
use crate::http::view::words;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Structs of JSON members; what stands before the braces is the event.
macro_rules! data {
    ($($(#[doc = $doc:literal])+ $name:ident { $($body:tt)* })+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Serialize, JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($body)* }
    )+};
}

data! {
    /// What every event about a job says, apart from its state.
    AboutJobStill {
        /// Its number in the journal.
        pub seq: u64,
        /// When.
        pub at: String,
        /// The job.
        pub job: String,
        /// The job's `rev` after it.
        pub rev: u64,
        /// The job's pipeline.
        pub pipeline: String,
        /// Where the job's file lay when it was seen.
        pub path: String,
        /// The file's name.
        pub name: String,
    }
    /// What every event about a job says that decides the job's state.
    AboutJob {
        #[serde(flatten)]
        pub(crate) still: AboutJobStill,
        /// The job's state after it.
        #[schemars(with = "words::JobState")]
        pub state: &'static str,
    }
    /// What every event about a pipeline or its folder says.
    AboutPipeline {
        /// Its number in the journal.
        pub seq: u64,
        /// When.
        pub at: String,
        /// The same number: what is older has a smaller one.
        pub rev: u64,
        /// The pipeline.
        pub pipeline: String,
    }
    /// What every other event says.
    AboutDaemon {
        /// Its number in the journal.
        pub seq: u64,
        /// When.
        pub at: String,
    }
    /// A step's id and operation.
    StepNameView {
        /// Its id.
        pub id: String,
        /// `plugin/operation`.
        pub uses: String,
    }
    /// Which step on which document.
    StepPlaceView {
        /// The step's id.
        pub step: String,
        /// Its place, from 0.
        pub index: u32,
        /// Which document, from 1.
        pub part: u32,
        /// Of how many.
        pub parts: u32,
    }
    /// The daemon means to take the file; it still lies in its inbox.
    JobAccepted {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        /// The pipeline's revision.
        pub revision: String,
        /// The path below the watched folder.
        pub relative: String,
        /// Bytes.
        pub size: u64,
        /// How it came.
        #[schemars(with = "words::JobOrigin")]
        pub origin: &'static str,
        /// Higher goes first.
        pub priority: i32,
        /// The pipeline's steps.
        pub steps: Vec<StepNameView>,
    }
    /// The file is ours and waits for its turn.
    JobQueued {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        /// `new`, or why it is in the queue again.
        #[schemars(with = "words::QueuedReason")]
        pub reason: &'static str,
        /// Bytes, of a new one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub size: Option<u64>,
        /// BLAKE3 of the content (hex), of a new one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub blake3: Option<String>,
        /// An earlier job with the same content.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub duplicate_of: Option<String>,
        /// Why the last attempt gave no result, of one that goes on without a step.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub problem: Option<ProblemView>,
    }
    /// An attempt began.
    JobStarted {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        /// Its number, from 1.
        pub attempt: u32,
        /// The pipeline's revision that it runs.
        pub revision: String,
        /// Process id of the worker.
        pub worker: u32,
        /// The sandbox level.
        pub sandbox: String,
        /// The plugin builds.
        pub plugins: Vec<PluginUseView>,
        /// The steps.
        pub steps: Vec<StepNameView>,
    }
    /// A step began on one document.
    StepStarted {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        #[serde(flatten)]
        pub(crate) place: StepPlaceView,
    }
    /// A step ended well.
    StepFinished {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        #[serde(flatten)]
        pub(crate) place: StepPlaceView,
        /// Milliseconds.
        pub ms: u64,
        /// How many documents it left.
        pub documents: u32,
        /// Values it published.
        pub results: BTreeMap<String, Value>,
    }
    /// A step's condition was false.
    StepSkipped {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        #[serde(flatten)]
        pub(crate) place: StepPlaceView,
        /// The condition.
        pub condition: String,
    }
    /// A step failed and its edits are rolled back.
    StepFailed {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        #[serde(flatten)]
        pub(crate) place: StepPlaceView,
        /// Milliseconds.
        pub ms: u64,
        /// Why.
        pub problem: ProblemView,
        /// The job goes on.
        pub continued: bool,
    }
    /// Something odd that lost nothing. Has no `state`.
    JobWarned {
        #[serde(flatten)]
        pub(crate) about: AboutJobStill,
        /// The step, where one is to blame.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub step: Option<String>,
        /// A stable word.
        pub code: String,
        /// For people.
        pub message: String,
    }
    /// The worker process died; what becomes of the job follows.
    WorkerCrashed {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        /// Process id.
        pub worker: u32,
        /// The signal that ended it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub signal: Option<i32>,
        /// Its exit code, where no signal did.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub exit: Option<i32>,
        /// What is known.
        pub problem: ProblemView,
    }
    /// The attempt gave no result; the next one begins later.
    JobWaiting {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        /// How the attempt ended.
        #[schemars(with = "words::AttemptEnding")]
        pub ending: &'static str,
        /// Why.
        pub problem: ProblemView,
        /// When the next one may begin.
        pub until: String,
    }
    /// The point of no return: the moves are journalled.
    JobDelivering {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        /// How the job will end.
        #[schemars(with = "words::DeliveryVerdict")]
        pub verdict: &'static str,
        /// Documents that will be delivered.
        pub outputs: usize,
        /// Why it fails.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub problem: Option<ProblemView>,
        /// How often a document was parsed.
        pub parses: u32,
        /// How often a document was saved.
        pub saves: u32,
        /// Pages of the input.
        pub pages_in: u64,
        /// Pages of all outputs.
        pub pages_out: u64,
        /// Peak resident memory of the worker in KiB.
        pub peak_kib: u64,
        /// Processor time of the worker.
        pub cpu_ms: u64,
    }
    /// One file lies in its place.
    ArtifactWritten {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        /// The file.
        pub artifact: ArtifactView,
    }
    /// Done.
    JobSucceeded {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        /// Everything as it lies now.
        pub artifacts: Vec<ArtifactView>,
    }
    /// Failed; the original and its notes are in the failed folder.
    JobFailed {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        /// Everything as it lies now.
        pub artifacts: Vec<ArtifactView>,
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub problem: Option<ProblemView>,
    }
    /// Cancelled.
    JobCancelled {
        #[serde(flatten)]
        pub(crate) about: AboutJob,
        /// Everything as it lies now.
        pub artifacts: Vec<ArtifactView>,
    }
    /// A revision became current.
    PipelineLoaded {
        #[serde(flatten)]
        pub(crate) about: AboutPipeline,
        /// The revision.
        pub revision: String,
        /// The pipeline.
        pub href: String,
    }
    /// Its file has faults; the last good revision goes on.
    PipelineInvalid {
        #[serde(flatten)]
        pub(crate) about: AboutPipeline,
        /// `file:line:column: text`, one each.
        pub faults: Vec<String>,
        /// The pipeline.
        pub href: String,
    }
    /// Its file is gone; running jobs end by the text they were started with, others wait until it is back or they are cancelled.
    PipelineRemoved {
        #[serde(flatten)]
        pub(crate) about: AboutPipeline,
        /// Where the pipeline was.
        pub href: String,
    }
    /// No new attempts.
    PipelinePaused {
        #[serde(flatten)]
        pub(crate) about: AboutPipeline,
        /// Why.
        pub reason: String,
        /// The pipeline.
        pub href: String,
    }
    /// Attempts again.
    PipelineResumed {
        #[serde(flatten)]
        pub(crate) about: AboutPipeline,
        /// The pipeline.
        pub href: String,
    }
    /// A build became current for new jobs.
    PluginLoaded {
        #[serde(flatten)]
        pub(crate) about: AboutDaemon,
        /// The plugin's name.
        pub plugin: String,
        /// Its version.
        pub version: String,
        /// BLAKE3 of the library (hex).
        pub blake3: String,
    }
    /// A file cannot be used as a plugin.
    PluginFailed {
        #[serde(flatten)]
        pub(crate) about: AboutDaemon,
        /// The file.
        pub file: String,
        /// Why, and what to do.
        pub reason: String,
    }
    /// An inbox is watched.
    WatchOnline {
        #[serde(flatten)]
        pub(crate) about: AboutPipeline,
        /// The folder.
        pub folder: String,
        /// How it is watched.
        #[schemars(with = "words::WatchMode")]
        pub mode: String,
        /// Why so.
        pub reason: String,
    }
    /// An inbox is gone for now; nothing is concluded from its absence.
    WatchOffline {
        #[serde(flatten)]
        pub(crate) about: AboutPipeline,
        /// The folder.
        pub folder: String,
        /// Why.
        pub reason: String,
    }
    /// An inbox is there but cannot be used.
    WatchBlocked {
        #[serde(flatten)]
        pub(crate) about: AboutPipeline,
        /// The folder.
        pub folder: String,
        /// Why.
        pub reason: String,
    }
    /// A file that is no job waits or stays where it is.
    FileNews {
        #[serde(flatten)]
        pub(crate) about: AboutDaemon,
        /// The pipeline that watches its folder.
        pub pipeline: String,
        /// Where it lies.
        pub path: String,
        /// Its name.
        pub name: String,
        /// Why.
        pub reason: String,
    }
    /// The daemon started.
    DaemonStarted {
        #[serde(flatten)]
        pub(crate) about: AboutDaemon,
        /// Its version.
        pub version: String,
    }
    /// The daemon takes no more files and waits for its workers.
    DaemonDraining {
        #[serde(flatten)]
        pub(crate) about: AboutDaemon,
    }
    /// Intake stopped or went on by itself.
    DaemonIntake {
        #[serde(flatten)]
        pub(crate) about: AboutDaemon,
        /// Whether files are taken.
        pub open: bool,
        /// Why.
        pub reason: String,
    }
}
