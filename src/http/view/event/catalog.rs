//! Every event that a feed can carry, with what it carries; `/openapi.json` and the tests read it.

use crate::http::view::event::data::{
    ArtifactWritten, DaemonDraining, DaemonIntake, DaemonStarted, FileNews, JobAccepted,
    JobCancelled, JobDelivering, JobFailed, JobQueued, JobStarted, JobSucceeded, JobWaiting,
    JobWarned, PipelineInvalid, PipelineLoaded, PipelinePaused, PipelineRemoved, PipelineResumed,
    PluginFailed, PluginLoaded, StepFailed, StepFinished, StepSkipped, StepStarted, WatchBlocked,
    WatchOffline, WatchOnline, WorkerCrashed,
};
use crate::http::view::event::passing::{
    End, Hello, LogLines, Ping, Reset, Shutdown, SnapshotEvent, StepProgress,
};
use crate::http::view::stats::StatsView;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// What is known of one kind of event.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Whether it is in the journal, and so has an `id`.
    pub durable: bool,
    /// What it carries.
    pub data: fn(&mut SchemaGenerator) -> Schema,
}

const fn durable<T: JsonSchema>(name: &'static str) -> Entry {
    Entry {
        name,
        durable: true,
        data: schema::<T>,
    }
}

const fn passing<T: JsonSchema>(name: &'static str) -> Entry {
    Entry {
        name,
        durable: false,
        data: schema::<T>,
    }
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// All of them.
pub const EVENTS: &[Entry] = &[
    durable::<JobAccepted>("job.accepted"),
    durable::<JobQueued>("job.queued"),
    durable::<JobStarted>("job.started"),
    durable::<StepStarted>("step.started"),
    durable::<StepFinished>("step.finished"),
    durable::<StepSkipped>("step.skipped"),
    durable::<StepFailed>("step.failed"),
    durable::<JobWarned>("job.warned"),
    durable::<WorkerCrashed>("worker.crashed"),
    durable::<JobWaiting>("job.waiting"),
    durable::<JobDelivering>("job.delivering"),
    durable::<ArtifactWritten>("artifact.written"),
    durable::<JobSucceeded>("job.succeeded"),
    durable::<JobFailed>("job.failed"),
    durable::<JobCancelled>("job.cancelled"),
    durable::<PipelineLoaded>("pipeline.loaded"),
    durable::<PipelineInvalid>("pipeline.invalid"),
    durable::<PipelineRemoved>("pipeline.removed"),
    durable::<PipelinePaused>("pipeline.paused"),
    durable::<PipelineResumed>("pipeline.resumed"),
    durable::<PluginLoaded>("plugin.loaded"),
    durable::<PluginFailed>("plugin.failed"),
    durable::<WatchOnline>("watch.online"),
    durable::<WatchOffline>("watch.offline"),
    durable::<WatchBlocked>("watch.blocked"),
    durable::<FileNews>("file.settling"),
    durable::<FileNews>("file.ignored"),
    durable::<FileNews>("file.incomplete"),
    durable::<FileNews>("file.gone"),
    durable::<DaemonStarted>("daemon.started"),
    durable::<DaemonDraining>("daemon.draining"),
    durable::<DaemonIntake>("daemon.intake"),
    passing::<StepProgress>("step.progress"),
    passing::<LogLines>("log"),
    passing::<StatsView>("stats"),
    passing::<Hello>("hello"),
    passing::<SnapshotEvent>("snapshot"),
    passing::<Reset>("reset"),
    passing::<Ping>("ping"),
    passing::<End>("end"),
    passing::<Shutdown>("shutdown"),
];
