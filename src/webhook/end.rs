//! What is told of a job's end.

use crate::event::{Event, Stored};
use crate::job::event::{Ended, JobEvent};
use crate::job::id::JobId;
use crate::job::redo::MoveKind;
use crate::pipeline::checked::Outcome;
use serde_json::{Value, json};

/// The types of the events that end a job.
pub(super) const TYPES: [&str; 3] = ["job.succeeded", "job.failed", "job.cancelled"];

/// How a job ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) seq: u64,
    pub(super) job: JobId,
    pub(super) pipeline: String,
    pub(super) outcome: Outcome,
    pub(super) body: Value,
}

/// How an event ends its job, if it does.
pub(super) fn outcome(event: &Event) -> Option<(JobId, Outcome, &Ended)> {
    let Event::Job { job, what } = event else {
        return None;
    };
    match what {
        JobEvent::Succeeded(ended) => Some((*job, Outcome::Succeeded, ended)),
        JobEvent::Failed(ended) => Some((*job, Outcome::Failed, ended)),
        JobEvent::Cancelled(ended) => Some((*job, Outcome::Cancelled, ended)),
        _ => None,
    }
}

impl End {
    /// The end that an event is.
    pub(super) fn of(stored: &Stored) -> Option<Self> {
        let (job, outcome, ended) = outcome(&stored.event)?;
        Some(Self {
            seq: stored.seq,
            job,
            pipeline: stored.pipeline.clone()?,
            outcome,
            body: body(stored, job, ended),
        })
    }
}

/// The same words in every attempt.
fn body(stored: &Stored, job: JobId, ended: &Ended) -> Value {
    let name = stored.path.as_ref().and_then(|path| path.0.file_name());
    let lying = |kinds: &[MoveKind]| -> Vec<String> {
        let of_kind = ended
            .delivered
            .iter()
            .filter(|moved| kinds.contains(&moved.kind));
        of_kind
            .filter_map(|moved| moved.path.as_ref())
            .map(ToString::to_string)
            .collect()
    };
    let problem = ended.problem.as_ref().map(|problem| {
        json!({
            "code": problem.code.as_str(),
            "title": problem.code.title(),
            "detail": problem.detail,
            "hint": problem.hint,
            "step": problem.step,
        })
    });
    json!({
        "event": stored.event.name(),
        "seq": stored.seq,
        "at": stored.at.rfc3339(),
        "job": job.to_string(),
        "pipeline": stored.pipeline,
        "path": stored.path.as_ref().map(ToString::to_string),
        "name": name.map(|name| name.to_string_lossy()),
        "outputs": lying(&[MoveKind::Document, MoveKind::Artifact]),
        "original": lying(&[MoveKind::Original]).pop(),
        "problem": problem,
    })
}
