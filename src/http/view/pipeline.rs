//! Pipelines and their folders as JSON.

use crate::http::api::{
    Checked, CurrentText, Explanation, Fault, FolderEntry, PipelineEntry, WaitingFile,
};
use crate::http::view::graph::GraphView;
use crate::http::view::link::segment;
use crate::http::view::stats::LastJobView;
use crate::http::view::words;
use crate::pipeline::checked::Pipeline;
use crate::raw_path::RawPath;
use crate::statistics::Summary;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// A pipeline.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineView {
    /// The stem of its file.
    pub id: String,
    /// The number of the last event about it.
    pub rev: u64,
    /// Its file.
    pub file: String,
    /// The revision that new jobs run; absent while no text of it was ever good.
    pub revision: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// `active`, `paused`, or `invalid` (no revision to run).
    #[schemars(with = "words::PipelineState")]
    pub state: &'static str,
    /// Why it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// What is wrong with its file; the last good revision goes on.
    pub faults: Vec<FaultView>,
    /// Its steps.
    pub steps: Vec<PipelineStepView>,
    /// Its inbox.
    pub folder: Option<FolderView>,
    /// Where results go (may hold templates).
    pub output: Option<String>,
    /// Where failed originals go.
    pub failed: Option<String>,
    /// Higher goes first.
    pub priority: i32,
    /// How many jobs at once.
    pub concurrency: u32,
    /// Jobs by state.
    pub jobs: BTreeMap<String, u64>,
    /// The last job that succeeded.
    pub last_succeeded: Option<LastJobView>,
    /// The last job that failed.
    pub last_failed: Option<LastJobView>,
    /// Milliseconds at work of a usual job.
    pub typical_ms: Option<u64>,
    /// The revision that new jobs run, as a graph; only where one pipeline is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<GraphView>,
    /// Its file's text; only where one pipeline is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yaml: Option<String>,
    /// The text that new jobs run, where the file says something else; only where one pipeline is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good_yaml: Option<String>,
    /// What `If-Match` wants; also the ETag of this pipeline.
    pub tag: String,
    /// Where to go from here.
    pub links: PipelineLinksView,
}

/// One step of a pipeline.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineStepView {
    /// Its id.
    pub id: String,
    /// `plugin/operation`.
    pub uses: String,
    /// Its condition.
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Its parameters.
    pub with: serde_json::Value,
}

/// An inbox.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FolderView {
    /// The folder.
    pub folder: String,
    /// `online`, `offline` or `blocked`.
    #[schemars(with = "words::FolderState")]
    pub state: String,
    /// `events` or `polling`.
    #[schemars(with = "words::WatchMode")]
    pub mode: String,
    /// Why.
    pub reason: String,
    /// Files that are waited for.
    pub settling: u64,
    /// Files that stay where they are.
    pub ignored: u64,
    /// When it was last scanned.
    pub last_scan_at: Option<String>,
}

/// One thing wrong in a pipeline's file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FaultView {
    /// The file's name.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// JSON pointer of the place.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Where to go from a pipeline.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineLinksView {
    /// Itself.
    #[serde(rename = "self")]
    pub this: String,
    /// Its feed.
    pub events: String,
    /// Its jobs.
    pub jobs: String,
}

/// All pipelines.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineListView {
    /// By id.
    pub pipelines: Vec<PipelineView>,
}

/// What the check of a text found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckView {
    /// Whether there are no faults.
    pub valid: bool,
    /// All of them.
    pub faults: Vec<FaultView>,
    /// What the text would be, where nothing is wrong with it alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<GraphView>,
}

/// A pipeline was written.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PutView {
    /// Its id.
    pub id: String,
    /// It did not exist before.
    pub created: bool,
    /// Its revision.
    pub revision: String,
    /// What the next `If-Match` wants.
    pub tag: String,
}

/// A pipeline's file as it is now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrentTextView {
    /// Its text.
    pub yaml: String,
    /// What `If-Match` wants.
    pub tag: String,
}

/// A pipeline that comes with the program.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineExampleView {
    /// The stem of its file.
    pub id: &'static str,
    /// What it does.
    pub description: String,
    /// Its text.
    pub yaml: &'static str,
}

/// Files in inboxes that are no jobs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingFileListView {
    /// By pipeline and name.
    pub files: Vec<WaitingFileView>,
}

/// A file in an inbox that is no job.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingFileView {
    /// The pipeline that watches the inbox.
    pub pipeline: String,
    /// Where it lies.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Where it stands.
    #[schemars(with = "words::WaitingState")]
    pub state: String,
    /// What it waits for, or by which rule it stays.
    pub reason: String,
}

/// Why a file has (not) been processed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplanationView {
    /// The file.
    pub path: String,
    /// The chain of decisions, in order.
    pub chain: Vec<LinkView>,
    /// Its job.
    pub job: Option<String>,
}

/// One decision about a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkView {
    /// Whether the file passed.
    pub ok: bool,
    /// For people.
    pub text: String,
}

impl PipelineView {
    /// A pipeline as it stands in a list.
    #[must_use]
    pub fn new(entry: &PipelineEntry, summary: &Summary) -> Self {
        let base = format!("/api/v1/pipelines/{}", segment(&entry.id));
        let current = entry.current.as_deref();
        Self {
            id: entry.id.clone(),
            rev: entry.rev,
            file: entry.file.encode(),
            revision: current.map(|pipeline| pipeline.revision.clone()),
            description: current.and_then(|pipeline| pipeline.description.clone()),
            state: match (current, &entry.paused) {
                (None, _) => "invalid",
                (Some(_), Some(_)) => "paused",
                (Some(_), None) => "active",
            },
            paused: entry.paused.clone(),
            faults: entry.faults.iter().map(FaultView::new).collect(),
            steps: current.map(steps).unwrap_or_default(),
            folder: entry.folder.as_ref().map(FolderView::new),
            output: current.map(|pipeline| pipeline.output.folder.clone()),
            failed: current.map(|pipeline| RawPath::from(pipeline.failed.as_path()).encode()),
            priority: current.map_or(0, |pipeline| pipeline.priority),
            concurrency: current.map_or(0, |pipeline| pipeline.concurrency),
            jobs: entry.counts.clone(),
            last_succeeded: summary.last_succeeded.as_ref().map(LastJobView::new),
            last_failed: summary.last_failed.as_ref().map(LastJobView::new),
            typical_ms: summary.typical_ms,
            graph: None,
            yaml: None,
            good_yaml: None,
            tag: entry.tag.clone(),
            links: PipelineLinksView {
                events: format!("{base}/events"),
                jobs: format!("/api/v1/jobs?pipeline={}", segment(&entry.id)),
                this: base,
            },
        }
    }

    /// With its text.
    #[must_use]
    pub fn with_text(entry: &PipelineEntry, summary: &Summary) -> Self {
        let current = entry.current.as_deref();
        let good = current.filter(|pipeline| pipeline.yaml != entry.yaml);
        Self {
            graph: current.map(GraphView::new),
            yaml: Some(entry.yaml.clone()),
            good_yaml: good.map(|pipeline| pipeline.yaml.clone()),
            ..Self::new(entry, summary)
        }
    }
}

fn steps(pipeline: &Pipeline) -> Vec<PipelineStepView> {
    pipeline
        .steps
        .iter()
        .map(|step| PipelineStepView {
            id: step.id.clone(),
            uses: step.uses(),
            condition: step.condition.clone(),
            with: step.with.clone(),
        })
        .collect()
}

impl FolderView {
    /// An inbox as JSON.
    #[must_use]
    pub fn new(entry: &FolderEntry) -> Self {
        Self {
            folder: entry.folder.encode(),
            state: entry.state.clone(),
            mode: entry.mode.clone(),
            reason: entry.reason.clone(),
            settling: entry.settling,
            ignored: entry.ignored,
            last_scan_at: entry.last_scan.map(|at| at.rfc3339()),
        }
    }
}

impl FaultView {
    /// A fault as JSON.
    #[must_use]
    pub fn new(fault: &Fault) -> Self {
        Self {
            file: fault.file.clone(),
            line: fault.line,
            column: fault.column,
            pointer: fault.pointer.clone(),
            message: fault.message.clone(),
            hint: fault.hint.clone(),
        }
    }
}

impl CurrentTextView {
    /// A file as JSON.
    #[must_use]
    pub fn new(current: &CurrentText) -> Self {
        Self {
            yaml: current.yaml.clone(),
            tag: current.tag.clone(),
        }
    }
}

impl CheckView {
    /// What a check found, as JSON.
    #[must_use]
    pub fn new(checked: &Checked) -> Self {
        Self {
            valid: checked.faults.is_empty(),
            faults: checked.faults.iter().map(FaultView::new).collect(),
            graph: checked.pipeline.as_deref().map(GraphView::new),
        }
    }
}

impl WaitingFileView {
    /// A file as JSON.
    #[must_use]
    pub fn new(file: &WaitingFile) -> Self {
        let name = file.path.0.file_name();
        Self {
            pipeline: file.pipeline.clone(),
            path: file.path.encode(),
            name: name.map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            state: file.state.clone(),
            reason: file.reason.clone(),
        }
    }
}

impl ExplanationView {
    /// An explanation as JSON.
    #[must_use]
    pub fn new(explanation: &Explanation) -> Self {
        Self {
            path: explanation.path.encode(),
            chain: explanation
                .chain
                .iter()
                .map(|link| LinkView {
                    ok: link.ok,
                    text: link.text.clone(),
                })
                .collect(),
            job: explanation.job.map(|job| job.to_string()),
        }
    }
}
