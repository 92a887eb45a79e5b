//! The daemon's own state as JSON.

use crate::http::api::Health;
use crate::http::view::words;
use crate::store::log::NumberedLine;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How the daemon is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthView {
    /// `ok`, `degraded` (see `concerns`) or `stopping` (takes no work).
    #[schemars(with = "words::DaemonStatus")]
    pub status: &'static str,
    /// The daemon's version; absent for clients without the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'static str>,
    /// All the rest; absent for clients without the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<HealthDetailsView>,
}

/// How the daemon is, for those who may know.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthDetailsView {
    /// What an operator should look at.
    pub concerns: Vec<String>,
    /// Whether files are taken, and if not why.
    pub intake: IntakeView,
    /// When the daemon started.
    pub started_at: Option<String>,
    /// The sandbox level that workers reach: `full`, `partial: ...`, `off`.
    pub sandbox: String,
    /// Worker processes.
    pub workers: WorkersView,
    /// Jobs by state.
    pub jobs: BTreeMap<String, u64>,
    /// Plugins installed.
    pub plugins: u64,
    /// Files that cannot be used as plugins.
    pub plugins_broken: u64,
    /// Whether thumbnails can be had: a plugin that draws pages is installed.
    pub thumbnails: bool,
    /// Free bytes, by folder.
    pub disk_free: BTreeMap<String, u64>,
    /// Bytes of the journal's files.
    pub journal_bytes: u64,
    /// Open feeds.
    pub streams: usize,
    /// The journal's place.
    pub cursor: String,
}

/// Whether files are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntakeView {
    /// They are.
    pub open: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Worker processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkersView {
    /// At work.
    pub busy: u64,
    /// Allowed at once.
    pub limit: u64,
}

/// Part of a job's log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogView {
    /// Oldest first.
    pub lines: Vec<LogLineView>,
    /// What `after` gives the lines that follow.
    pub next: u64,
}

/// One line of a job's log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogLineView {
    /// Its place, from 1.
    pub number: u64,
    /// When.
    pub at: String,
    /// `trace`, `debug`, `info`, `warn`, `error`; `truncated` where the log was cut.
    pub level: String,
    /// The step that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The line.
    pub message: String,
}

/// Facts of the journal.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryView {
    /// Oldest first.
    pub events: Vec<HistoryEventView>,
    /// What `after` gives the events that follow.
    pub cursor: String,
    /// Whether these were all there are so far.
    pub complete: bool,
}

/// One fact of the journal: what the feed would say.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEventView {
    /// The event's name.
    pub event: &'static str,
    /// The event's data.
    pub data: Value,
}

/// What opens a session.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The daemon's token.
    pub token: String,
}

/// What may be said when a pipeline is paused.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Why; shown to everyone who wonders.
    pub reason: Option<String>,
}

/// Where an original was put back.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoredView {
    /// The path.
    pub path: String,
    /// Why it is not taken from there, where that is known: no pattern of `include` takes its name, it needs a mark (`done_file`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl HealthView {
    /// The daemon's state.
    #[must_use]
    pub fn new(health: &Health, details: Option<HealthDetailsView>) -> Self {
        Self {
            status: status(health),
            version: details.is_some().then_some(env!("CARGO_PKG_VERSION")),
            details,
        }
    }
}

/// The word for how the daemon is.
#[must_use]
pub fn status(health: &Health) -> &'static str {
    match (health.ready, health.concerns.is_empty()) {
        (false, _) => "stopping",
        (true, true) => "ok",
        (true, false) => "degraded",
    }
}

impl IntakeView {
    /// Whether files are taken, as JSON.
    #[must_use]
    pub fn new(health: &Health) -> Self {
        Self {
            open: health.intake_closed.is_none(),
            reason: health.intake_closed.clone(),
        }
    }
}

impl WorkersView {
    /// The worker processes as JSON.
    #[must_use]
    pub fn new(health: &Health) -> Self {
        Self {
            busy: health.workers_busy,
            limit: health.workers_limit,
        }
    }
}

impl HealthDetailsView {
    /// The daemon's state in full.
    #[must_use]
    pub fn new(health: &Health, streams: usize, cursor: String) -> Self {
        Self {
            concerns: health.concerns.clone(),
            intake: IntakeView::new(health),
            started_at: health.started.map(|at| at.rfc3339()),
            sandbox: health.sandbox.clone(),
            workers: WorkersView::new(health),
            jobs: health.jobs.clone(),
            plugins: health.plugins,
            plugins_broken: health.plugins_broken,
            thumbnails: health.draws_pages,
            disk_free: health.disk_free.clone(),
            journal_bytes: health.journal_bytes,
            streams,
            cursor,
        }
    }
}

impl LogLineView {
    /// A line as JSON.
    #[must_use]
    pub fn new(numbered: &NumberedLine) -> Self {
        let line = &numbered.line;
        Self {
            number: numbered.n + 1,
            at: line.at.rfc3339(),
            level: line.level.clone(),
            step: line.step.clone(),
            message: line.message.clone(),
        }
    }
}
