//! What a feed shows first, when it cannot go on from where its client was.

use crate::event::{Event, Stored, WatchEvent};
use crate::http::view::event::{self, data::FileNews};
use crate::http::view::job::JobView;
use crate::http::view::words;
use crate::raw_path::RawPath;
use crate::statistics::Statistics;
use crate::store::query::{PipelineRow, Snapshot};
use crate::time::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The state of things at one place of the journal. The feed adds its `cursor`: the next event is the one after it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotView {
    /// The number of the last event that it knows of.
    pub seq: u64,
    /// The pipelines, by id.
    pub pipelines: Vec<SnapshotPipelineView>,
    /// The jobs that have not ended, then the last ones that have; of each, those that changed last first.
    pub jobs: Vec<JobView>,
    /// Whether more jobs are open than are shown; `/api/v1/jobs?state=open` has them all.
    pub more_jobs: bool,
    /// The last thing that happened to the file while it was no job, in the feed of one path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<SnapshotFileView>,
    /// Jobs by state.
    pub counters: BTreeMap<String, u64>,
}

/// A pipeline as its events tell it; `/api/v1/pipelines/{id}` tells more.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotPipelineView {
    /// The stem of its file.
    pub id: String,
    /// The number of the last event about it.
    pub rev: u64,
    /// When that was.
    pub updated_at: String,
    /// The revision that new jobs run.
    pub revision: Option<String>,
    /// `active`, `paused`, or `invalid` (no revision to run).
    #[schemars(with = "words::PipelineState")]
    pub state: &'static str,
    /// Why it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// What is wrong with its file: `file:line:column: text`.
    pub faults: Vec<String>,
    /// Its inbox.
    pub folder: Option<SnapshotFolderView>,
    /// Jobs by state.
    pub jobs: BTreeMap<String, u64>,
}

/// An inbox as its events tell it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotFolderView {
    /// The folder.
    pub folder: String,
    /// `online`, `offline` or `blocked`.
    #[schemars(with = "words::FolderState")]
    pub state: &'static str,
    /// `events` or `polling`, while it is online.
    #[schemars(with = "Option<words::WatchMode>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Why.
    pub reason: String,
}

/// What happened to a file that is no job.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotFileView {
    /// `file.settling`, `file.ignored`, `file.incomplete` or `file.gone`.
    pub event: &'static str,
    /// The data of that event.
    #[schemars(with = "FileNews")]
    pub data: Value,
}

/// A snapshot as JSON; the feed's view.
#[must_use]
pub fn snapshot(snapshot: &Snapshot, statistics: &Statistics) -> Value {
    json!(SnapshotView::new(snapshot, statistics))
}

impl SnapshotView {
    /// A snapshot as JSON.
    #[must_use]
    pub fn new(snapshot: &Snapshot, statistics: &Statistics) -> Self {
        let now = Timestamp::now();
        let mut counters = BTreeMap::new();
        for (state, count) in snapshot.counts.values().flatten() {
            *counters.entry(state.clone()).or_default() += count;
        }
        Self {
            seq: snapshot.seq,
            pipelines: snapshot
                .pipelines
                .iter()
                .filter(|row| !row.removed)
                .map(|row| {
                    let jobs = snapshot.counts.get(&row.id).cloned().unwrap_or_default();
                    SnapshotPipelineView::new(row, jobs)
                })
                .collect(),
            jobs: snapshot
                .open
                .iter()
                .chain(&snapshot.ended)
                .map(|job| JobView::live(job, statistics, now))
                .collect(),
            more_jobs: snapshot.more_open,
            file: snapshot.file.as_deref().and_then(SnapshotFileView::new),
            counters,
        }
    }
}

impl SnapshotPipelineView {
    fn new(row: &PipelineRow, jobs: BTreeMap<String, u64>) -> Self {
        Self {
            id: row.id.clone(),
            rev: row.changed,
            updated_at: row.updated.rfc3339(),
            revision: row.revision.clone(),
            state: match (&row.revision, &row.paused) {
                (None, _) => "invalid",
                (Some(_), Some(_)) => "paused",
                (Some(_), None) => "active",
            },
            paused: row.paused.clone(),
            faults: row.faults.clone(),
            folder: row.folder.as_ref().map(SnapshotFolderView::new),
            jobs,
        }
    }
}

impl SnapshotFolderView {
    fn new(event: &WatchEvent) -> Self {
        let view = |folder: &RawPath, state, mode: Option<&String>, reason: &String| Self {
            folder: folder.encode(),
            state,
            mode: mode.cloned(),
            reason: reason.clone(),
        };
        match event {
            WatchEvent::Online {
                folder,
                mode,
                reason,
            } => view(folder, "online", Some(mode), reason),
            WatchEvent::Offline { folder, reason } => view(folder, "offline", None, reason),
            WatchEvent::Blocked { folder, reason } => view(folder, "blocked", None, reason),
        }
    }
}

impl SnapshotFileView {
    fn new(stored: &Stored) -> Option<Self> {
        if !matches!(stored.event, Event::File { .. }) {
            return None;
        }
        let (event, data) = event::event(stored);
        Some(Self { event, data })
    }
}
