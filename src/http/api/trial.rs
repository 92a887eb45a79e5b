//! Samples that are tried: what is asked, what became of them, what is kept.

use crate::http::slot::Slot;
use crate::job::attempt::Bill;
use crate::job::state::StepRecord;
use crate::problem::Problem;
use crate::time::Timestamp;
use std::fs::File;
use std::sync::Arc;

/// One run of a sample.
pub struct Trial {
    /// The pipeline.
    pub pipeline: String,
    /// Its text; `None` takes the saved one.
    pub yaml: Option<Vec<u8>>,
    /// The sample's name.
    pub name: String,
    /// The sample.
    pub sample: Slot,
}

/// A sample and what it became, kept for a while.
#[derive(Debug)]
pub struct KeptTrial {
    /// Its name in the API.
    pub id: String,
    /// Until when it is kept, if no newer ones need the room.
    pub expires: Timestamp,
    /// The sample's name.
    pub name: String,
    /// The sample.
    pub input: File,
    /// The sample's bytes.
    pub size: u64,
    /// What it became.
    pub outcome: TryOutcome,
}

/// What a sample became.
#[derive(Debug, Default)]
pub struct TryOutcome {
    /// Pages of the sample, once it was open.
    pub pages: Option<u64>,
    /// The steps.
    pub steps: Vec<StepRecord>,
    /// What was odd.
    pub warnings: Vec<String>,
    /// Why there is no result.
    pub problem: Option<Problem>,
    /// What it cost.
    pub bill: Bill,
    /// What would have been delivered.
    pub outputs: Vec<TryOutput>,
}

/// One result of a sample.
#[derive(Debug)]
pub struct TryOutput {
    /// The rendered name.
    pub name: String,
    /// Media type.
    pub mime: String,
    /// Pages, of a document.
    pub pages: Option<u64>,
    /// How many bytes.
    pub size: u64,
    /// Where they begin in the file.
    pub start: u64,
    /// The file that all outputs of the trial share.
    pub file: Arc<File>,
}
