//! Jobs as JSON.

use crate::http::view::artifact::{ArtifactView, artifacts};
use crate::http::view::link::segment;
use crate::http::view::words;
use crate::job::attempt::{Ending, StepStatus};
use crate::job::event::{Origin, PluginUse};
use crate::job::state::{Job, State, StepRecord};
use crate::problem::Problem;
use crate::statistics::Statistics;
use crate::time::{Timestamp, millis};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A job.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// ULID; sorts by creation.
    pub id: String,
    /// How many events it has seen. An object with a smaller `rev` is older.
    pub rev: u64,
    /// The pipeline's id.
    pub pipeline: String,
    /// The pipeline revision of the last attempt, or at acceptance.
    pub revision: String,
    /// The file's name.
    pub name: String,
    /// Where the file lay when it was seen.
    pub path: String,
    /// The path below the watched folder.
    pub relative: String,
    /// How it came: `watch` or `upload`.
    #[schemars(with = "words::JobOrigin")]
    pub origin: &'static str,
    /// `claiming`, `queued`, `running`, `waiting`, `delivering`, `succeeded`, `failed` or `cancelled`.
    #[schemars(with = "words::JobState")]
    pub state: &'static str,
    /// Since when it has been queued or running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// When the next attempt may begin, of a waiting job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Milliseconds until it should be done, of a running job whose pipeline's jobs tell; absent where they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_ms: Option<u64>,
    /// When it was accepted.
    pub created_at: String,
    /// When its last event was.
    pub updated_at: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Of the pipeline, when it was accepted.
    pub priority: i32,
    /// Milliseconds in the queue, over all attempts.
    pub queued_ms: u64,
    /// Milliseconds at work, over all attempts.
    pub ran_ms: u64,
    /// The steps of the last attempt.
    pub steps: Vec<StepView>,
    /// What was odd.
    pub warnings: Vec<String>,
    /// Why it (or its last attempt) failed.
    pub problem: Option<ProblemView>,
    /// What it put out.
    pub artifacts: Vec<ArtifactView>,
    /// The original.
    pub input: InputView,
    /// The plugin builds of the last attempt.
    pub plugins: Vec<PluginUseView>,
    /// The sandbox level of the last attempt.
    pub sandbox: Option<String>,
    /// How often a document was parsed.
    pub parses: u32,
    /// How often a document was saved.
    pub saves: u32,
    /// Pages of the input.
    pub pages_in: u64,
    /// Pages of all outputs.
    pub pages_out: u64,
    /// Peak resident memory of the worker in KiB.
    pub peak_kib: u64,
    /// Processor time of the worker.
    pub cpu_ms: u64,
    /// Where to go from here.
    pub links: LinksView,
}

/// One step.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// Its id.
    pub id: String,
    /// `plugin/operation`.
    pub uses: String,
    /// `pending`, `running`, `finished`, `skipped`, `failed`, or `passed` (failed under `continue_on_error`).
    #[schemars(with = "words::StepState")]
    pub status: &'static str,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// Milliseconds over all documents.
    pub ms: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemView>,
    /// Values it published.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub results: BTreeMap<String, Value>,
}

/// What went wrong.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemView {
    /// Its page: `/problems/pdf-encrypted`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short title.
    pub title: &'static str,
    /// What happened to which thing.
    pub detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The step it happened in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The page (from 1) it happened on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// `name version (hash)` of the plugin to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Whether the same document could pass by trying again.
    pub retryable: bool,
}

/// The original.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputView {
    /// Bytes.
    pub size: u64,
    /// BLAKE3, hex, once it is known.
    pub blake3: Option<String>,
    /// An earlier job with the same content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<String>,
    /// Where to get it.
    pub href: String,
}

/// A plugin build.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginUseView {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// BLAKE3 of the library, hex.
    pub blake3: String,
}

/// Where to go from a job.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinksView {
    /// Itself.
    #[serde(rename = "self")]
    pub this: String,
    /// Its feed.
    pub events: String,
    /// Its log.
    pub log: String,
    /// Its pipeline.
    pub pipeline: String,
}

/// Some jobs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobPageView {
    /// Newest first.
    pub jobs: Vec<JobView>,
    /// The next page.
    pub next: Option<String>,
    /// How many there are on all pages, where that is known without counting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// A feed opened with this as its last event id goes on exactly here.
    pub cursor: String,
}

impl JobView {
    /// A job as JSON, with how long it still takes.
    #[must_use]
    pub fn live(job: &Job, statistics: &Statistics, now: Timestamp) -> Self {
        let left = match &job.state {
            State::Running { .. } => statistics.left(job.id, now),
            _ => None,
        };
        Self {
            eta_ms: left.map(millis),
            ..Self::new(job)
        }
    }

    /// A job as JSON.
    #[must_use]
    pub fn new(job: &Job) -> Self {
        let id = job.id.to_string();
        let base = format!("/api/v1/jobs/{id}");
        let (since, until) = match &job.state {
            State::Queued { since } | State::Running { since } => (Some(since.rfc3339()), None),
            State::Waiting { until, .. } => (None, Some(until.rfc3339())),
            _ => (None, None),
        };
        Self {
            rev: job.rev,
            pipeline: job.accepted.pipeline.clone(),
            revision: job
                .revision
                .clone()
                .unwrap_or_else(|| job.accepted.revision.clone()),
            name: job.name(),
            path: job.accepted.path.encode(),
            relative: job.accepted.relative.encode(),
            origin: origin(job.accepted.origin),
            state: job.state.word(),
            since,
            until,
            eta_ms: None,
            created_at: job.created.rfc3339(),
            updated_at: job.updated.rfc3339(),
            attempts: job.attempts,
            priority: job.accepted.priority,
            queued_ms: job.queued_ms,
            ran_ms: job.ran_ms,
            steps: job.steps.iter().map(StepView::new).collect(),
            warnings: job.warnings.clone(),
            problem: job.problem.as_ref().map(ProblemView::new),
            artifacts: artifacts(&id, &job.delivered),
            input: InputView {
                size: job.accepted.identity.size,
                blake3: job.blake3.clone(),
                duplicate_of: job.duplicate_of.map(|other| other.to_string()),
                href: format!("{base}/input"),
            },
            plugins: job.plugins.iter().map(PluginUseView::new).collect(),
            sandbox: job.sandbox.clone(),
            parses: job.bill.parses,
            saves: job.bill.saves,
            pages_in: job.bill.pages_in,
            pages_out: job.bill.pages_out,
            peak_kib: job.bill.peak_kib,
            cpu_ms: job.bill.cpu_ms,
            links: LinksView {
                events: format!("{base}/events"),
                log: format!("{base}/log"),
                pipeline: format!("/api/v1/pipelines/{}", segment(&job.accepted.pipeline)),
                this: base,
            },
            id,
        }
    }
}

impl StepView {
    /// A step as JSON.
    #[must_use]
    pub fn new(step: &StepRecord) -> Self {
        Self {
            id: step.id.clone(),
            uses: step.uses.clone(),
            status: status(step.status),
            started_at: step.started.map(|at| at.rfc3339()),
            ms: step.ms,
            problem: step.problem.as_ref().map(ProblemView::new),
            results: step.results.clone(),
        }
    }
}

impl ProblemView {
    /// A problem as JSON.
    #[must_use]
    pub fn new(problem: &Problem) -> Self {
        Self {
            kind: format!("/problems/{}", problem.code.as_str()),
            title: problem.code.title(),
            detail: problem.detail.clone(),
            hint: problem.hint.clone(),
            step: problem.step.clone(),
            page: problem.page,
            plugin: problem.plugin.clone(),
            retryable: !problem.code.is_permanent(),
        }
    }
}

impl PluginUseView {
    /// A plugin build as JSON.
    #[must_use]
    pub fn new(used: &PluginUse) -> Self {
        Self {
            name: used.name.clone(),
            version: used.version.clone(),
            blake3: used.blake3.clone(),
        }
    }
}

/// The word of a step's status.
#[must_use]
pub const fn status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "pending",
        StepStatus::Running => "running",
        StepStatus::Finished => "finished",
        StepStatus::Skipped => "skipped",
        StepStatus::Failed => "failed",
        StepStatus::Passed => "passed",
    }
}

/// The word of an attempt's end.
#[must_use]
pub const fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Rejected => "rejected",
        Ending::Failed => "failed",
        Ending::Crashed => "crashed",
        Ending::TimedOut => "timed_out",
        Ending::Interrupted => "interrupted",
        Ending::Cancelled => "cancelled",
        Ending::Environment => "environment",
    }
}

/// The word of an origin.
#[must_use]
pub const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Watch => "watch",
        Origin::Upload => "upload",
    }
}
