//! What passes by on the feeds and is not kept.

use crate::feed::progress::Progress;
use crate::http::view::event::passing::{LiveLine, LogLines, StepProgress};
use crate::job::id::JobId;
use crate::statistics::{Said, Statistics};
use crate::store::log::LogLine;
use crate::time::{Timestamp, millis};
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
    json!(StepProgress {
        job: progress.job.to_string(),
        pipeline: progress.pipeline.clone(),
        path: progress.path.encode(),
        rev: progress.rev,
        step: progress.step.clone(),
        index: progress.index,
        steps: progress.steps,
        part: progress.part,
        parts: progress.parts,
        done: progress.done,
        total: progress.total,
        rate: progress.rate.map(|rate| (rate * 10.0).round() / 10.0),
        eta_ms: progress.eta_ms,
        job_eta_ms: left.map(millis),
    })
}

/// Lines that a job's operations wrote.
#[must_use]
pub fn log(job: JobId, lines: &[LogLine]) -> Value {
    let line = |line: &LogLine| LiveLine {
        at: line.at.rfc3339(),
        level: line.level.clone(),
        message: line.message.clone(),
        step: line.step.clone(),
    };
    json!(LogLines {
        job: job.to_string(),
        lines: lines.iter().map(line).collect(),
    })
}
