//! What passes by on the feeds and is not kept.

use crate::feed::progress::Progress;
use crate::job::id::JobId;
use crate::statistics::{Said, Statistics};
use crate::store::log::LogLine;
use crate::time::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// How far a job's running step is.
#[must_use]
pub fn progress(progress: &Progress, statistics: &Statistics) -> Value {
    let said = Said {
        job: progress.job,
        index: progress.index,
        // Of one document alone it says nothing about the whole job.
        total: if progress.parts == 1 {
            progress.total
        } else {
            0
        },
        left: progress
            .eta_ms
            .filter(|_| progress.parts == 1)
            .map(Duration::from_millis),
    };
    let left = statistics.hear(&said, Timestamp::now());
    let mut value = json!({
        "job": progress.job.to_string(),
        "pipeline": progress.pipeline,
        "path": progress.path.encode(),
        "rev": progress.rev,
        "step": progress.step,
        "index": progress.index,
        "steps": progress.steps,
        "part": progress.part,
        "parts": progress.parts,
        "done": progress.done,
        "total": progress.total,
    });
    if let Some(rate) = progress.rate {
        value["rate"] = json!((rate * 10.0).round() / 10.0);
    }
    if let Some(eta_ms) = progress.eta_ms {
        value["etaMs"] = json!(eta_ms);
    }
    if let Some(left) = left {
        value["jobEtaMs"] = json!(millis(left));
    }
    value
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Lines that a job's operations wrote.
#[must_use]
pub fn log(job: JobId, lines: &[LogLine]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| {
            let mut value = json!({
                "at": line.at.rfc3339(),
                "level": line.level,
                "message": line.message,
            });
            if let Some(step) = &line.step {
                value["step"] = json!(step);
            }
            value
        })
        .collect();
    json!({ "job": job.to_string(), "lines": lines })
}
