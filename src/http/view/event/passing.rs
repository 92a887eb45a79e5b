//! What passes by on the feeds without being kept, and what the feed says of itself. Tests hold the latter to the bytes that
//! the feed writes.

use crate::http::view::snapshot::SnapshotView;
use crate::http::view::words;
use schemars::JsonSchema;
use serde::Serialize;

/// How far the running step of a job is: the latest value, a few times a second, only if what is shown has changed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepProgress {
    /// The job.
    pub job: String,
    /// Its pipeline.
    pub pipeline: String,
    /// Where its file lay.
    pub path: String,
    /// The job's `rev` that it belongs to.
    pub rev: u64,
    /// The step's id.
    pub step: String,
    /// Its place, from 0.
    pub index: u32,
    /// How many steps there are.
    pub steps: u32,
    /// Which document, from 1.
    pub part: u32,
    /// Of how many.
    pub parts: u32,
    /// How much is done.
    pub done: u64,
    /// Of how much; 0 where it is not known.
    pub total: u64,
    /// How much a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Milliseconds that the step still takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_ms: Option<u64>,
    /// Milliseconds that the job still takes, from what its pipeline's jobs took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_eta_ms: Option<u64>,
}

/// Lines that a job's operations wrote, as they come.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogLines {
    /// The job.
    pub job: String,
    /// Oldest first.
    pub lines: Vec<LiveLine>,
}

/// One line of a log as it comes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveLine {
    /// When.
    pub at: String,
    /// `trace`, `debug`, `info`, `warn`, `error`.
    pub level: String,
    /// The line.
    pub message: String,
    /// The step that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// The first event of every stream.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct Hello {
    /// The version of this contract.
    pub protocol: u32,
    /// The journal's identity.
    pub epoch: String,
    /// What the client knows once it has read what follows.
    pub cursor: String,
    /// Whether a replay follows; else a snapshot.
    pub resumed: bool,
    /// How many events the replay has.
    pub replayed: u64,
    /// How often a `ping` comes.
    pub heartbeat_ms: u64,
    /// The daemon's version.
    pub build: String,
    /// Which page is served: `plain`, or the hash of the built one.
    pub ui_build: String,
    /// This stream's name in the daemon's log.
    pub connection: String,
    /// What the stream is about.
    pub topics: Vec<String>,
}

/// The state of things, and where it stands in the journal.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct SnapshotEvent {
    /// The state.
    #[schemars(flatten)]
    pub state: SnapshotView,
    /// What a feed opened with this as its last event id goes on from.
    pub cursor: String,
}

/// The client's cursor cannot be honoured: what it has is not what it thinks.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct Reset {
    /// Why.
    pub reason: words::ResetReason,
    /// The newest cursor.
    pub cursor: String,
}

/// The stream is alive, and this is the newest event.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct Ping {
    /// The number of the journal's last event.
    pub seq: u64,
    /// The daemon's time.
    pub at: String,
}

/// The job has ended and its stream with it.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct End {
    /// The event that ended the job.
    pub because: String,
}

/// The daemon stops.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct Shutdown {
    /// When to come back.
    pub retry_ms: u64,
}
