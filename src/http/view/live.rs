//! What passes by on the feeds and is not kept.

use crate::feed::progress::Progress;
use crate::job::id::JobId;
use crate::store::log::LogLine;
use serde_json::{Value, json};

/// How far a job's running step is.
#[must_use]
pub fn progress(progress: &Progress) -> Value {
    json!({
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
        "rate": progress.rate.map(|rate| (rate * 10.0).round() / 10.0),
        "etaMs": progress.eta_ms,
    })
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
