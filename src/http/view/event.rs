//! Facts of the journal as the feeds show them.
//!
//! Each is sufficient in itself and depends on nothing but the stored fact, so that a replay says the same words again:
//! `seq` and `at` always; `pipeline`, `path` and `name` where it is about a file; `job`, `rev` and the `state` after it where
//! it is about a job; then what this kind of fact has to say.

pub mod catalog;
pub mod data;
pub mod passing;

use crate::event::{DaemonEvent, Event, FileEvent, PipelineEvent, PluginEvent, Stored, WatchEvent};
use crate::http::view::artifact::{ArtifactView, artifact_name, artifacts};
use crate::http::view::event::data::{
    AboutDaemon, AboutJob, AboutJobStill, AboutPipeline, ArtifactWritten, DaemonDraining,
    DaemonIntake, DaemonStarted, FileNews, JobAccepted, JobCancelled, JobDelivering, JobFailed,
    JobQueued, JobStarted, JobSucceeded, JobWaiting, JobWarned, PipelineInvalid, PipelineLoaded,
    PipelinePaused, PipelineRemoved, PipelineResumed, PluginFailed, PluginLoaded, StepFailed,
    StepFinished, StepNameView, StepPlaceView, StepSkipped, StepStarted, WatchBlocked,
    WatchOffline, WatchOnline, WorkerCrashed,
};
use crate::http::view::job::{self, PluginUseView, ProblemView};
use crate::http::view::link::segment;
use crate::job::event::{
    Accepted, Delivering, JobEvent, RequeueReason, Started, StepName, StepPlace,
};
use crate::job::id::JobId;
use crate::job::redo::{MoveKind, Verdict};
use crate::raw_path::RawPath;
use serde_json::{Value, json};

/// An event's name and JSON.
#[must_use]
pub fn event(stored: &Stored) -> (&'static str, Value) {
    let (seq, at) = (stored.seq, stored.at.rfc3339());
    let of_pipeline = |pipeline: &str| AboutPipeline {
        seq,
        at: at.clone(),
        rev: seq,
        pipeline: pipeline.to_owned(),
    };
    let of_daemon = || AboutDaemon {
        seq,
        at: at.clone(),
    };
    let data = match &stored.event {
        Event::Job { job, what } => job_event(about_job(stored, *job), *job, what),
        Event::Pipeline { pipeline, what } => pipeline_event(of_pipeline(pipeline), pipeline, what),
        Event::Plugin(what) => plugin_event(of_daemon(), what),
        Event::Watch { pipeline, what } => watch_event(of_pipeline(pipeline), what),
        Event::File {
            pipeline,
            path,
            what,
        } => {
            let (FileEvent::Settling { reason }
            | FileEvent::Ignored { reason }
            | FileEvent::Incomplete { reason }
            | FileEvent::Gone { reason }) = what;
            json!(FileNews {
                about: of_daemon(),
                pipeline: pipeline.clone(),
                path: path.encode(),
                name: name(path),
                reason: reason.clone(),
            })
        }
        Event::Daemon(what) => daemon_event(of_daemon(), what),
    };
    (stored.event.name(), data)
}

/// An event's JSON alone; the feed's view.
#[must_use]
pub fn data(stored: &Stored) -> Value {
    event(stored).1
}

fn about_job(stored: &Stored, job: JobId) -> AboutJobStill {
    let path = stored.path.as_ref();
    AboutJobStill {
        seq: stored.seq,
        at: stored.at.rfc3339(),
        job: job.to_string(),
        rev: stored.rev.unwrap_or(0),
        pipeline: stored.pipeline.clone().unwrap_or_default(),
        path: path.map(RawPath::encode).unwrap_or_default(),
        name: path.map(name).unwrap_or_default(),
    }
}

fn name(path: &RawPath) -> String {
    let name = path.0.file_name();
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
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

fn job_event(still: AboutJobStill, id: JobId, what: &JobEvent) -> Value {
    let Some(state) = state_after(what) else {
        return job_aside(still, what);
    };
    let about = AboutJob { still, state };
    match what {
        JobEvent::Accepted(accepted) => json!(job_accepted(about, accepted)),
        JobEvent::Queued(queued) => json!(JobQueued {
            about,
            reason: "new",
            size: Some(queued.size),
            blake3: Some(queued.blake3.clone()),
            duplicate_of: queued.duplicate_of.map(|job| job.to_string()),
            problem: None,
        }),
        JobEvent::Requeued(requeued) => json!(JobQueued {
            about,
            reason: requeue_word(requeued.why),
            size: None,
            blake3: None,
            duplicate_of: None,
            problem: requeued
                .given_up
                .as_ref()
                .map(|given_up| ProblemView::new(&given_up.failure.problem)),
        }),
        JobEvent::Started(started) => json!(job_started(about, started)),
        JobEvent::StepStarted(on) => json!(StepStarted {
            about,
            place: place(on),
        }),
        JobEvent::StepFinished(finished) => json!(StepFinished {
            about,
            place: place(&finished.place),
            ms: finished.ms,
            documents: finished.documents,
            results: finished.results.clone(),
        }),
        JobEvent::StepSkipped(skipped) => json!(StepSkipped {
            about,
            place: place(&skipped.place),
            condition: skipped.condition.clone(),
        }),
        JobEvent::StepFailed(failed) => json!(StepFailed {
            about,
            place: place(&failed.place),
            ms: failed.ms,
            problem: ProblemView::new(&failed.problem),
            continued: failed.continued,
        }),
        JobEvent::WorkerCrashed(crashed) => json!(WorkerCrashed {
            about,
            worker: crashed.worker,
            signal: crashed.signal,
            exit: crashed.exit,
            problem: ProblemView::new(&crashed.problem),
        }),
        JobEvent::Waiting(waiting) => json!(JobWaiting {
            about,
            ending: job::ending(waiting.failure.ending),
            problem: ProblemView::new(&waiting.failure.problem),
            until: waiting.until.rfc3339(),
        }),
        JobEvent::Delivering(delivering) => json!(job_delivering(about, delivering)),
        JobEvent::ArtifactWritten(written) => json!(ArtifactWritten {
            about,
            artifact: ArtifactView::new(&id.to_string(), artifact_name(written), written),
        }),
        JobEvent::Succeeded(ended) => json!(JobSucceeded {
            about,
            artifacts: artifacts(&id.to_string(), &ended.delivered),
        }),
        JobEvent::Cancelled(ended) => json!(JobCancelled {
            about,
            artifacts: artifacts(&id.to_string(), &ended.delivered),
        }),
        JobEvent::Failed(ended) => json!(JobFailed {
            about,
            artifacts: artifacts(&id.to_string(), &ended.delivered),
            problem: ended.problem.as_ref().map(ProblemView::new),
        }),
        JobEvent::Warned(_) => job_aside(about.still, what),
    }
}

/// What leaves a job in its state.
fn job_aside(about: AboutJobStill, what: &JobEvent) -> Value {
    match what {
        JobEvent::Warned(warned) => json!(JobWarned {
            about,
            step: warned.step.clone(),
            code: warned.code.clone(),
            message: warned.message.clone(),
        }),
        _ => json!(about),
    }
}

fn job_accepted(about: AboutJob, accepted: &Accepted) -> JobAccepted {
    JobAccepted {
        about,
        revision: accepted.revision.clone(),
        relative: accepted.relative.encode(),
        size: accepted.identity.size,
        origin: job::origin(accepted.origin),
        priority: accepted.priority,
        steps: steps(&accepted.steps),
    }
}

fn job_started(about: AboutJob, started: &Started) -> JobStarted {
    JobStarted {
        about,
        attempt: started.attempt,
        revision: started.revision.clone(),
        worker: started.worker,
        sandbox: started.sandbox.clone(),
        plugins: started.plugins.iter().map(PluginUseView::new).collect(),
        steps: steps(&started.steps),
    }
}

fn job_delivering(about: AboutJob, delivering: &Delivering) -> JobDelivering {
    let (redo, bill) = (&delivering.redo, &delivering.bill);
    let documents = redo
        .moves
        .iter()
        .filter(|step| step.kind == MoveKind::Document);
    let (verdict, problem) = match &redo.verdict {
        Verdict::Succeed => ("succeed", None),
        Verdict::Fail { problem } => ("fail", Some(ProblemView::new(problem))),
        Verdict::Cancel => ("cancel", None),
    };
    JobDelivering {
        about,
        verdict,
        outputs: documents.count(),
        problem,
        parses: bill.parses,
        saves: bill.saves,
        pages_in: bill.pages_in,
        pages_out: bill.pages_out,
        peak_kib: bill.peak_kib,
        cpu_ms: bill.cpu_ms,
    }
}

fn steps(steps: &[StepName]) -> Vec<StepNameView> {
    let view = |step: &StepName| StepNameView {
        id: step.id.clone(),
        uses: step.uses.clone(),
    };
    steps.iter().map(view).collect()
}

fn place(place: &StepPlace) -> StepPlaceView {
    StepPlaceView {
        step: place.step.clone(),
        index: place.index,
        part: place.part,
        parts: place.parts,
    }
}

const fn requeue_word(why: RequeueReason) -> &'static str {
    match why {
        RequeueReason::Due => "due",
        RequeueReason::Interrupted => "interrupted",
        RequeueReason::Asked => "asked",
        RequeueReason::Environment => "environment",
        RequeueReason::StepGivenUp => "step_given_up",
    }
}

fn pipeline_event(about: AboutPipeline, id: &str, what: &PipelineEvent) -> Value {
    let href = format!("/api/v1/pipelines/{}", segment(id));
    match what {
        PipelineEvent::Loaded { revision, .. } => json!(PipelineLoaded {
            about,
            revision: revision.clone(),
            href,
        }),
        PipelineEvent::Invalid { faults } => json!(PipelineInvalid {
            about,
            faults: faults.clone(),
            href,
        }),
        PipelineEvent::Removed => json!(PipelineRemoved { about, href }),
        PipelineEvent::Paused { reason } => json!(PipelinePaused {
            about,
            reason: reason.clone(),
            href,
        }),
        PipelineEvent::Resumed => json!(PipelineResumed { about, href }),
    }
}

fn plugin_event(about: AboutDaemon, what: &PluginEvent) -> Value {
    match what {
        PluginEvent::Loaded {
            name,
            version,
            blake3,
        } => json!(PluginLoaded {
            about,
            plugin: name.clone(),
            version: version.clone(),
            blake3: blake3.clone(),
        }),
        PluginEvent::Failed { file, reason } => json!(PluginFailed {
            about,
            file: file.encode(),
            reason: reason.clone(),
        }),
    }
}

fn watch_event(about: AboutPipeline, what: &WatchEvent) -> Value {
    match what {
        WatchEvent::Online {
            folder,
            mode,
            reason,
        } => json!(WatchOnline {
            about,
            folder: folder.encode(),
            mode: mode.clone(),
            reason: reason.clone(),
        }),
        WatchEvent::Offline { folder, reason } => json!(WatchOffline {
            about,
            folder: folder.encode(),
            reason: reason.clone(),
        }),
        WatchEvent::Blocked { folder, reason } => json!(WatchBlocked {
            about,
            folder: folder.encode(),
            reason: reason.clone(),
        }),
    }
}

fn daemon_event(about: AboutDaemon, what: &DaemonEvent) -> Value {
    match what {
        DaemonEvent::Started { version } => json!(DaemonStarted {
            about,
            version: version.clone(),
        }),
        DaemonEvent::Draining => json!(DaemonDraining { about }),
        DaemonEvent::Intake { open, reason } => json!(DaemonIntake {
            about,
            open: *open,
            reason: reason.clone(),
        }),
    }
}

#[cfg(test)]
mod tests;
