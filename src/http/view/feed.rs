//! What a feed shows besides the journal's events: where things stand, how far a step is, log lines.

use crate::event::WatchEvent;
use crate::feed::progress::Progress;
use crate::http::view::job::JobView;
use crate::job::id::JobId;
use crate::store::log::LogLine;
use crate::store::query::{PipelineRow, Snapshot};
use serde_json::{Value, json};

/// The data of `snapshot`; the feed adds `cursor`.
#[must_use]
pub fn snapshot(snapshot: &Snapshot) -> Value {
    let jobs = snapshot.open.iter().chain(&snapshot.ended).map(JobView::new);
    let mut counters = serde_json::Map::new();
    for states in snapshot.counts.values() {
        for (state, number) in states {
            let sum = counters.get(state).and_then(Value::as_u64).unwrap_or(0) + number;
            counters.insert(state.clone(), json!(sum));
        }
    }
    json!({
        "pipelines": snapshot.pipelines.iter().filter(|row| !row.removed).map(pipeline).collect::<Vec<_>>(),
        "jobs": jobs.collect::<Vec<_>>(),
        "moreJobs": snapshot.more_open,
        "counters": counters,
        "countersByPipeline": snapshot.counts,
        "file": snapshot.file.as_ref().map(|stored| crate::http::view::event::event(stored).1),
    })
}

fn pipeline(row: &PipelineRow) -> Value {
    let folder = row.folder.as_ref().map(|folder| match folder {
        WatchEvent::Online { folder, mode, reason } => json!({ "folder": folder, "state": "online", "mode": mode, "reason": reason }),
        WatchEvent::Offline { folder, reason } => json!({ "folder": folder, "state": "offline", "reason": reason }),
        WatchEvent::Blocked { folder, reason } => json!({ "folder": folder, "state": "blocked", "reason": reason }),
    });
    json!({
        "id": row.id,
        "rev": row.changed,
        "revision": row.revision,
        "faults": row.faults,
        "paused": row.paused,
        "folder": folder,
    })
}

/// The data of `step.progress`.
#[must_use]
pub fn progress(progress: &Progress) -> Value {
    // Numbers and text always serialise.
    serde_json::to_value(progress).unwrap_or_default()
}

/// The data of `log`.
#[must_use]
pub fn log(job: JobId, lines: &[LogLine]) -> Value {
    let line = |line: &LogLine| json!({ "at": line.at.rfc3339(), "level": line.level, "step": line.step, "message": line.message });
    json!({ "job": job, "lines": lines.iter().map(line).collect::<Vec<_>>() })
}
