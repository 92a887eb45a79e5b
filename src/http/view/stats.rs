//! The numbers at a glance: the answer of `/stats` and the data of the `stats` event alike.

use crate::http::api::{FolderEntry, Health};
use crate::http::view::system::{IntakeView, WorkersView, status};
use crate::http::view::words;
use crate::statistics::hour::Minute;
use crate::statistics::{Last, Statistics, Summary};
use crate::store::query::Counts;
use crate::time::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Free space is told in steps of this many bytes, or every event would be another one.
const DISK_STEP: u64 = 16 << 20;
/// As [`DISK_STEP`], for the time of the last scan: so many milliseconds.
const SCAN_STEP: i64 = 15_000;
/// As [`DISK_STEP`], for the journal's size.
const JOURNAL_STEP: u64 = 64 << 10;

/// The numbers at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatsView {
    /// Jobs by state.
    pub counters: BTreeMap<String, u64>,
    /// The pipelines that watch a folder, or have or had jobs, by id.
    pub pipelines: Vec<PipelineStatsView>,
    /// The running jobs.
    pub running: Vec<RunningView>,
    /// The daemon.
    pub daemon: DaemonView,
}

/// The numbers of one pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineStatsView {
    /// Its id.
    pub pipeline: String,
    /// Jobs by state.
    pub jobs: BTreeMap<String, u64>,
    /// The last job that succeeded.
    pub last_succeeded: Option<LastJobView>,
    /// The last job that failed.
    pub last_failed: Option<LastJobView>,
    /// Milliseconds at work of a usual job: the median of the last ones that succeeded.
    pub typical_ms: Option<u64>,
    /// The minutes of the last hour in which jobs ended, oldest first.
    pub minutes: Vec<MinuteView>,
    /// What lies in its inbox; absent where none is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<FolderStatsView>,
}

/// The numbers of an inbox.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FolderStatsView {
    /// Files that are waited for.
    pub settling: u64,
    /// Files that stay where they are.
    pub ignored: u64,
    /// Another number after every change of what `/files` lists of it; it counts from 0 when the daemon starts.
    pub changes: u64,
    /// When it was last scanned; in steps of 15 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_scan_at: Option<String>,
}

/// A job that was the last to end in some way.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastJobView {
    /// Its id.
    pub job: String,
    /// Its file's name.
    pub name: String,
    /// When it ended.
    pub at: String,
}

/// The jobs that ended within one minute.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MinuteView {
    /// When the minute began.
    pub at: String,
    /// Succeeded.
    pub succeeded: u64,
    /// Failed.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Pages of the originals.
    pub pages: u64,
    /// Bytes of the originals.
    pub bytes: u64,
}

/// A running job, and when it should be done.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunningView {
    /// Its id.
    pub job: String,
    /// When it should be done, from what its pipeline's jobs took; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_at: Option<String>,
}

/// The daemon at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DaemonView {
    /// How it is.
    #[schemars(with = "words::DaemonStatus")]
    pub status: &'static str,
    /// Its version.
    pub version: &'static str,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// What an operator should look at.
    pub concerns: Vec<String>,
    /// Whether files are taken, and if not why.
    pub intake: IntakeView,
    /// The sandbox level that workers reach: `full`, `partial: ...`, `off`.
    pub sandbox: String,
    /// Worker processes.
    pub workers: WorkersView,
    /// Jobs that wait for their turn or their next attempt.
    pub queue: u64,
    /// Plugins installed.
    pub plugins: u64,
    /// Files that cannot be used as plugins.
    pub plugins_broken: u64,
    /// Free bytes, by folder; in steps of 16 MiB.
    pub disk_free: BTreeMap<String, u64>,
    /// The journal.
    pub journal: JournalView,
}

/// The journal at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalView {
    /// Bytes of its files; in steps of 64 KiB.
    pub bytes: u64,
    /// Whether its reserve is there; without it the disk was full.
    pub reserve: bool,
}

impl StatsView {
    /// Everything as JSON.
    #[must_use]
    pub fn new(
        health: &Health,
        counts: &Counts,
        folders: &BTreeMap<String, FolderEntry>,
        statistics: &Statistics,
        now: Timestamp,
    ) -> Self {
        let summaries = statistics.summaries(now);
        let ids: BTreeSet<&String> = counts
            .keys()
            .chain(summaries.keys())
            .chain(folders.keys())
            .collect();
        let none = Summary::default();
        let pipelines = ids.into_iter().map(|id| {
            let jobs = counts.get(id).cloned().unwrap_or_default();
            let mut view = PipelineStatsView::new(id, jobs, summaries.get(id).unwrap_or(&none));
            view.folder = folders.get(id).map(FolderStatsView::new);
            view
        });
        let running = statistics.running(now);
        Self {
            counters: health.jobs.clone(),
            pipelines: pipelines.collect(),
            running: running
                .into_iter()
                .map(|(job, end)| RunningView {
                    job: job.to_string(),
                    end_at: end.map(Timestamp::rfc3339),
                })
                .collect(),
            daemon: DaemonView::new(health),
        }
    }
}

impl PipelineStatsView {
    fn new(id: &str, jobs: BTreeMap<String, u64>, summary: &Summary) -> Self {
        Self {
            pipeline: id.to_owned(),
            jobs,
            last_succeeded: summary.last_succeeded.as_ref().map(LastJobView::new),
            last_failed: summary.last_failed.as_ref().map(LastJobView::new),
            typical_ms: summary.typical_ms,
            minutes: summary.minutes.iter().map(MinuteView::new).collect(),
            folder: None,
        }
    }
}

impl FolderStatsView {
    fn new(entry: &FolderEntry) -> Self {
        let in_steps = |at: Timestamp| Timestamp(at.0 / SCAN_STEP * SCAN_STEP).rfc3339();
        Self {
            settling: entry.settling,
            ignored: entry.ignored,
            changes: entry.changes,
            last_scan_at: entry.last_scan.map(in_steps),
        }
    }
}

impl LastJobView {
    /// A job that ended as JSON.
    #[must_use]
    pub fn new(last: &Last) -> Self {
        Self {
            job: last.job.to_string(),
            name: last.name.clone(),
            at: last.at.rfc3339(),
        }
    }
}

impl MinuteView {
    fn new(minute: &Minute) -> Self {
        Self {
            at: Timestamp(minute.start).rfc3339(),
            succeeded: minute.succeeded,
            failed: minute.failed,
            cancelled: minute.cancelled,
            pages: minute.pages,
            bytes: minute.bytes,
        }
    }
}

impl DaemonView {
    fn new(health: &Health) -> Self {
        let waiting = ["queued", "waiting"];
        let in_steps =
            |(folder, free): (&String, &u64)| (folder.clone(), free / DISK_STEP * DISK_STEP);
        Self {
            status: status(health),
            version: env!("CARGO_PKG_VERSION"),
            started_at: health.started.map(Timestamp::rfc3339),
            concerns: health.concerns.clone(),
            intake: IntakeView::new(health),
            sandbox: health.sandbox.clone(),
            workers: WorkersView::new(health),
            queue: waiting
                .iter()
                .filter_map(|state| health.jobs.get(*state))
                .sum(),
            plugins: health.plugins,
            plugins_broken: health.plugins_broken,
            disk_free: health.disk_free.iter().map(in_steps).collect(),
            journal: JournalView {
                bytes: health.journal_bytes.div_ceil(JOURNAL_STEP) * JOURNAL_STEP,
                reserve: health.journal_reserve,
            },
        }
    }
}
