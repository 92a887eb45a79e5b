//! Facts of the journal as the feeds show them.
//!
//! Each is sufficient in itself and depends on nothing but the stored fact, so that a replay says the same words again:
//! `seq` and `at` always; `pipeline`, `path` and `name` where it is about a file; `job`, `rev` and the `state` after it where
//! it is about a job; then what this kind of fact has to say.

use crate::event::{DaemonEvent, Event, FileEvent, PipelineEvent, PluginEvent, Stored, WatchEvent};
use crate::http::view::job::{
    self, ArtifactView, PluginUseView, ProblemView, artifact_name, artifacts,
};
use crate::http::view::link::segment;
use crate::job::attempt::{Bill, Failure};
use crate::job::event::{Accepted, JobEvent, RequeueReason, StepName, StepPlace};
use crate::job::id::JobId;
use crate::job::redo::{MoveKind, Redo, Verdict};
use crate::raw_path::RawPath;
use serde_json::{Map, Value, json};

/// An event's name and JSON.
#[must_use]
pub fn event(stored: &Stored) -> (&'static str, Value) {
    let mut fields = Map::new();
    fields.insert("seq".into(), json!(stored.seq));
    fields.insert("at".into(), json!(stored.at.rfc3339()));
    match &stored.event {
        Event::Job { job, what } => {
            fields.insert("job".into(), json!(job.to_string()));
            fields.insert("rev".into(), json!(stored.rev));
            place(
                &mut fields,
                stored.pipeline.as_deref(),
                stored.path.as_ref(),
            );
            if let Some(state) = state_after(what) {
                fields.insert("state".into(), json!(state));
            }
            about_job(&mut fields, *job, what);
        }
        Event::Pipeline { pipeline, what } => {
            fields.insert("rev".into(), json!(stored.seq));
            place(&mut fields, Some(pipeline), None);
            about_pipeline(&mut fields, pipeline, what);
        }
        Event::Plugin(what) => about_plugin(&mut fields, what),
        Event::Watch { pipeline, what } => {
            fields.insert("rev".into(), json!(stored.seq));
            place(&mut fields, Some(pipeline), None);
            about_folder(&mut fields, what);
        }
        Event::File {
            pipeline,
            path,
            what,
        } => {
            place(&mut fields, Some(pipeline), Some(path));
            let (FileEvent::Settling { reason }
            | FileEvent::Ignored { reason }
            | FileEvent::Incomplete { reason }) = what;
            fields.insert("reason".into(), json!(reason));
        }
        Event::Daemon(what) => about_daemon(&mut fields, what),
    }
    (stored.event.name(), Value::Object(fields))
}

/// An event's JSON alone; the feed's view.
#[must_use]
pub fn data(stored: &Stored) -> Value {
    event(stored).1
}

fn place(fields: &mut Map<String, Value>, pipeline: Option<&str>, path: Option<&RawPath>) {
    if let Some(pipeline) = pipeline {
        fields.insert("pipeline".into(), json!(pipeline));
    }
    if let Some(path) = path {
        fields.insert("path".into(), json!(path.encode()));
        if let Some(name) = path.0.file_name() {
            fields.insert("name".into(), json!(name.to_string_lossy()));
        }
    }
}

/// The state that an event leaves a job in, where the event alone decides it.
pub(crate) const fn state_after(what: &JobEvent) -> Option<&'static str> {
    Some(match what {
        JobEvent::Accepted(_) => "claiming",
        JobEvent::Queued(_) | JobEvent::Requeued(_) => "queued",
        JobEvent::Started(_)
        | JobEvent::StepStarted(_)
        | JobEvent::StepFinished(_)
        | JobEvent::StepSkipped(_)
        | JobEvent::StepFailed(_)
        | JobEvent::WorkerCrashed(_) => "running",
        JobEvent::Warned(_) => return None,
        JobEvent::Waiting(_) => "waiting",
        JobEvent::Delivering(_) | JobEvent::ArtifactWritten(_) => "delivering",
        JobEvent::Succeeded(_) => "succeeded",
        JobEvent::Failed(_) => "failed",
        JobEvent::Cancelled(_) => "cancelled",
    })
}

fn about_job(fields: &mut Map<String, Value>, id: JobId, what: &JobEvent) {
    let specifics = match what {
        JobEvent::Accepted(accepted) => about_accepted(accepted),
        JobEvent::Queued(queued) => json!({
            "reason": "new",
            "size": queued.size,
            "blake3": queued.blake3,
            "duplicateOf": queued.duplicate_of,
        }),
        JobEvent::Requeued(requeued) => json!({ "reason": requeue_word(requeued.why) }),
        JobEvent::Started(started) => json!({
            "attempt": started.attempt,
            "revision": started.revision,
            "worker": started.worker,
            "sandbox": started.sandbox,
            "plugins": started.plugins.iter().map(PluginUseView::new).collect::<Vec<_>>(),
            "steps": steps(&started.steps),
        }),
        JobEvent::StepStarted(place) => about_place(place),
        JobEvent::StepFinished(finished) => with(
            about_place(&finished.place),
            json!({ "ms": finished.ms, "documents": finished.documents, "results": finished.results }),
        ),
        JobEvent::StepSkipped(skipped) => with(
            about_place(&skipped.place),
            json!({ "condition": skipped.condition }),
        ),
        JobEvent::StepFailed(failed) => with(
            about_place(&failed.place),
            json!({
                "ms": failed.ms,
                "problem": ProblemView::new(&failed.problem),
                "continued": failed.continued,
            }),
        ),
        JobEvent::Warned(warned) => json!({
            "step": warned.step,
            "code": warned.code,
            "message": warned.message,
        }),
        JobEvent::WorkerCrashed(crashed) => json!({
            "worker": crashed.worker,
            "signal": crashed.signal,
            "exit": crashed.exit,
            "problem": ProblemView::new(&crashed.problem),
        }),
        JobEvent::Waiting(waiting) => with(
            about_failure(&waiting.failure),
            json!({ "until": waiting.until.rfc3339() }),
        ),
        JobEvent::Delivering(delivering) => {
            with(about_redo(&delivering.redo), about_bill(&delivering.bill))
        }
        JobEvent::ArtifactWritten(written) => json!({
            "artifact": ArtifactView::new(&id.to_string(), artifact_name(written), written),
        }),
        JobEvent::Succeeded(ended) | JobEvent::Cancelled(ended) => {
            json!({ "artifacts": artifacts(&id.to_string(), &ended.delivered) })
        }
        JobEvent::Failed(ended) => json!({
            "artifacts": artifacts(&id.to_string(), &ended.delivered),
            "problem": ended.problem.as_ref().map(ProblemView::new),
        }),
    };
    extend(fields, specifics);
}

fn about_accepted(accepted: &Accepted) -> Value {
    json!({
        "revision": accepted.revision,
        "relative": accepted.relative.encode(),
        "size": accepted.identity.size,
        "origin": job::origin(accepted.origin),
        "priority": accepted.priority,
        "steps": steps(&accepted.steps),
    })
}

fn steps(steps: &[StepName]) -> Value {
    steps
        .iter()
        .map(|step| json!({ "id": step.id, "uses": step.uses }))
        .collect()
}

const fn requeue_word(why: RequeueReason) -> &'static str {
    match why {
        RequeueReason::Due => "due",
        RequeueReason::Interrupted => "interrupted",
        RequeueReason::Asked => "asked",
        RequeueReason::Environment => "environment",
    }
}

fn about_place(place: &StepPlace) -> Value {
    json!({ "step": place.step, "index": place.index, "part": place.part, "parts": place.parts })
}

fn about_failure(failure: &Failure) -> Value {
    json!({ "ending": failure.ending, "problem": ProblemView::new(&failure.problem) })
}

fn about_redo(redo: &Redo) -> Value {
    let outputs = redo
        .moves
        .iter()
        .filter(|step| step.kind == MoveKind::Document)
        .count();
    match &redo.verdict {
        Verdict::Succeed => json!({ "verdict": "succeed", "outputs": outputs }),
        Verdict::Fail { problem } => {
            json!({ "verdict": "fail", "outputs": outputs, "problem": ProblemView::new(problem) })
        }
        Verdict::Cancel => json!({ "verdict": "cancel", "outputs": outputs }),
    }
}

fn about_bill(bill: &Bill) -> Value {
    json!({
        "parses": bill.parses,
        "saves": bill.saves,
        "pagesIn": bill.pages_in,
        "pagesOut": bill.pages_out,
        "peakKib": bill.peak_kib,
        "cpuMs": bill.cpu_ms,
    })
}

fn about_pipeline(fields: &mut Map<String, Value>, id: &str, what: &PipelineEvent) {
    let specifics = match what {
        PipelineEvent::Loaded { revision, .. } => json!({ "revision": revision }),
        PipelineEvent::Invalid { faults } => json!({ "faults": faults }),
        PipelineEvent::Paused { reason } => json!({ "reason": reason }),
        PipelineEvent::Removed | PipelineEvent::Resumed => json!({}),
    };
    extend(fields, specifics);
    fields.insert(
        "href".into(),
        json!(format!("/api/v1/pipelines/{}", segment(id))),
    );
}

fn about_plugin(fields: &mut Map<String, Value>, what: &PluginEvent) {
    let specifics = match what {
        PluginEvent::Loaded {
            name,
            version,
            blake3,
        } => json!({ "plugin": name, "version": version, "blake3": blake3 }),
        PluginEvent::Failed { file, reason } => {
            json!({ "file": file.encode(), "reason": reason })
        }
    };
    extend(fields, specifics);
}

fn about_folder(fields: &mut Map<String, Value>, what: &WatchEvent) {
    let specifics = match what {
        WatchEvent::Online {
            folder,
            mode,
            reason,
        } => json!({ "folder": folder.encode(), "mode": mode, "reason": reason }),
        WatchEvent::Offline { folder, reason } | WatchEvent::Blocked { folder, reason } => {
            json!({ "folder": folder.encode(), "reason": reason })
        }
    };
    extend(fields, specifics);
}

fn about_daemon(fields: &mut Map<String, Value>, what: &DaemonEvent) {
    let specifics = match what {
        DaemonEvent::Started { version } => json!({ "version": version }),
        DaemonEvent::Draining => json!({}),
        DaemonEvent::Intake { open, reason } => json!({ "open": open, "reason": reason }),
    };
    extend(fields, specifics);
}

fn with(mut a: Value, b: Value) -> Value {
    if let (Value::Object(a), b) = (&mut a, b) {
        extend(a, b);
    }
    a
}

/// Adds members; what is null is left out.
fn extend(fields: &mut Map<String, Value>, specifics: Value) {
    if let Value::Object(specifics) = specifics {
        fields.extend(specifics.into_iter().filter(|(_, value)| !value.is_null()));
    }
}

#[cfg(test)]
mod tests;
