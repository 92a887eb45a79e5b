//! A pipeline without faults. Only `check` makes one.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// A checked pipeline. All folders are absolute.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// The stem of its file.
    pub id: String,
    /// BLAKE3 of its text and of its operations' schemas, hex, 16 characters.
    pub revision: String,
    /// For people.
    pub description: Option<String>,
    /// The text it was made from.
    pub yaml: String,
    /// Where files come from.
    pub watch: Watch,
    /// What is done.
    pub steps: Vec<Step>,
    /// Where results go.
    pub output: Output,
    /// What becomes of the original after success.
    pub original: Original,
    /// Where originals go after a failure.
    pub failed: PathBuf,
    /// What results must be like.
    pub expect: Expect,
    /// How transient failures are tried again.
    pub retry: Retry,
    /// Wall-clock limit of an attempt.
    pub timeout: Duration,
    /// Limit of the time without progress.
    pub stalled_after: Duration,
    /// How many jobs at once.
    pub concurrency: u32,
    /// Higher goes first.
    pub priority: i32,
    /// What is done about signed documents.
    pub on_signed: OnSigned,
    /// Templates of passwords to try.
    pub passwords: Vec<String>,
    /// What is done about content that was processed before.
    pub duplicates: Duplicates,
    /// Whom to tell how jobs ended.
    pub notify: Vec<Notify>,
    /// Outputs may lie in another pipeline's inbox.
    pub allow_chain: bool,
}

/// Where a pipeline's files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The inbox.
    pub folder: PathBuf,
    /// Glob patterns of names to take, without regard to case.
    pub include: Vec<String>,
    /// Glob patterns to leave, besides the built-in ones.
    pub exclude: Vec<String>,
    /// Whether folders below are watched too.
    pub recursive: bool,
    /// How long a file must rest; `None` lets the way it arrived decide.
    pub quiet: Option<Duration>,
    /// What is done about files that lie there when the pipeline is first seen.
    pub existing: Existing,
    /// `{name}.ok`: a file is complete when this one lies beside it.
    pub done_file: Option<String>,
    /// `None` lets the file system decide.
    pub polling: Option<bool>,
}

/// What is done about files that lie in a folder when its pipeline is first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Existing {
    /// They are processed.
    Process,
    /// They stay until they change.
    Ignore,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Unique in its pipeline.
    pub id: String,
    /// The plugin that offers the operation.
    pub plugin: String,
    /// The operation.
    pub operation: String,
    /// BLAKE3 of the build of the plugin that the parameters were checked against.
    pub build: String,
    /// An expression; false skips the step.
    pub condition: Option<String>,
    /// Parameters as the YAML has them; strings may hold templates.
    pub with: serde_json::Value,
    /// Wall-clock limit.
    pub timeout: Option<Duration>,
    /// A failure of this step is a warning.
    pub continue_on_error: bool,
}

impl Step {
    /// `plugin/operation`.
    #[must_use]
    pub fn uses(&self) -> String {
        format!("{}/{}", self.plugin, self.operation)
    }
}

/// Where results go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The outbox; may hold templates in the parts after `root`.
    pub folder: String,
    /// The longest leading part of `folder` without a template: no output ever leaves it.
    pub root: PathBuf,
    /// Template of the file name.
    pub name: String,
    /// What is done about a file that has the name.
    pub if_exists: IfExists,
    /// Whether `<name>.json` is written beside each output.
    pub receipt: bool,
}

/// What is done about a file that already has an output's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IfExists {
    /// `name-1.pdf`, `name-2.pdf`, ...
    Number,
    /// It is replaced.
    Overwrite,
    /// The new output is dropped, with a warning.
    Skip,
    /// The job fails.
    Fail,
}

/// What becomes of the original after success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Original {
    /// It moves into this folder.
    Archive(PathBuf),
    /// It goes back to where it lay, and is not taken again until it changes.
    Keep,
    /// It is deleted.
    Delete,
}

/// What results must be like; by default anything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expect {
    /// How many pages.
    pub pages: Option<Pages>,
    /// Whether a worker without plugins must be able to open them.
    pub opens: bool,
    /// How many times the original's size they may have together.
    pub max_growth: Option<f64>,
}

/// How many pages results have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// Each as many as the original.
    Same,
    /// All together as many as the original.
    Sum,
    /// Each this many.
    Exactly(u64),
}

/// How transient failures are tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// Before the second attempt; doubles each time.
    pub backoff: Duration,
    /// At the most.
    pub max_backoff: Duration,
}

/// What is done about signed documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnSigned {
    /// They are rejected once a step has changed them: that breaks the signature.
    Refuse,
    /// They are processed; the signature breaks.
    Process,
}

/// What is done about content that this pipeline processed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// It is processed and marked.
    Process,
    /// The original goes to the archive, nothing is put out.
    Skip,
    /// The job fails.
    Fail,
}

/// Somebody to tell how jobs ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// An `http` or `https` address.
    pub webhook: String,
    /// Which ends are told.
    pub when: Vec<Outcome>,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Its results lie in the outbox.
    Succeeded,
    /// Its original lies in the failed folder.
    Failed,
    /// A person stopped it, or it was skipped.
    Cancelled,
}
