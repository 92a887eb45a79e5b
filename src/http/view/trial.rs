//! Samples and what they became, as JSON.

use crate::http::api::{KeptTrial, TryOutput};
use crate::http::view::job::{ProblemView, StepView};
use schemars::JsonSchema;
use serde::Serialize;

/// What a sample became. It is kept until `expiresAt`, if no newer ones need the room.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TryView {
    /// Its name in the API.
    pub id: String,
    /// Until when it is kept.
    pub expires_at: String,
    /// Whether there is a result.
    pub ok: bool,
    /// The sample.
    pub input: TryInputView,
    /// Pages of the sample.
    pub pages: Option<u64>,
    /// The steps.
    pub steps: Vec<StepView>,
    /// What was odd.
    pub warnings: Vec<String>,
    /// Why there is no result.
    pub problem: Option<ProblemView>,
    /// What would have been delivered.
    pub outputs: Vec<TryOutputView>,
    /// How often a document was parsed.
    pub parses: u32,
    /// How often a document was saved.
    pub saves: u32,
    /// Peak resident memory of the worker in KiB.
    pub peak_kib: u64,
    /// Processor time of the worker.
    pub cpu_ms: u64,
}

/// The sample.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TryInputView {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Pages, once it was open.
    pub pages: Option<u64>,
    /// Where to get it.
    pub href: String,
}

/// One result of a sample.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TryOutputView {
    /// The rendered name.
    pub name: String,
    /// Media type.
    pub mime: String,
    /// Bytes.
    pub size: u64,
    /// Pages, of a document.
    pub pages: Option<u64>,
    /// Where to get it.
    pub href: String,
}

impl TryView {
    /// A trial as JSON.
    #[must_use]
    pub fn new(trial: &KeptTrial) -> Self {
        let (base, outcome) = (format!("/api/v1/trials/{}", trial.id), &trial.outcome);
        let output = |(place, output): (usize, &TryOutput)| TryOutputView {
            name: output.name.clone(),
            mime: output.mime.clone(),
            size: output.size,
            pages: output.pages,
            href: format!("{base}/outputs/{place}"),
        };
        Self {
            id: trial.id.clone(),
            expires_at: trial.expires.rfc3339(),
            ok: outcome.problem.is_none(),
            input: TryInputView {
                name: trial.name.clone(),
                size: trial.size,
                pages: outcome.pages,
                href: format!("{base}/input"),
            },
            pages: outcome.pages,
            steps: outcome.steps.iter().map(StepView::new).collect(),
            warnings: outcome.warnings.clone(),
            problem: outcome.problem.as_ref().map(ProblemView::new),
            outputs: outcome.outputs.iter().enumerate().map(output).collect(),
            parses: outcome.bill.parses,
            saves: outcome.bill.saves,
            peak_kib: outcome.bill.peak_kib,
            cpu_ms: outcome.bill.cpu_ms,
        }
    }
}
