//! One try of a job: how it ended, and what it left behind.

use crate::problem::Problem;
use serde::{Deserialize, Serialize};

/// How an attempt ended without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The document's fault: encrypted, damaged, signed. No retry.
    Rejected,
    /// Retried, then the job fails.
    Failed,
    /// The worker died. Retried once, alone.
    Crashed,
    /// A wall, stall, memory or processor limit.
    TimedOut,
    /// The daemon stopped or died. Does not count against `attempts`; three deaths in a row fail the job.
    Interrupted,
    /// A person said so.
    Cancelled,
    /// The disk is full or a folder is blocked: nobody's fault in this job. Does not count against `attempts`.
    Environment,
}

/// Why an attempt gave no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of end.
    pub ending: Ending,
    /// What went wrong.
    pub problem: Problem,
}

/// Where one step of an attempt stands, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not reached yet.
    Pending,
    /// At work.
    Running,
    /// Done.
    Finished,
    /// Its condition was false.
    Skipped,
    /// Failed, and the job with it.
    Failed,
    /// Failed under `continue_on_error`: rolled back, the job went on.
    Passed,
}

/// What an attempt cost and where it ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// How many times a document was parsed.
    pub parses: u32,
    /// How many times a document was saved.
    pub saves: u32,
    /// Pages of the input.
    pub pages_in: u64,
    /// Pages of all outputs.
    pub pages_out: u64,
    /// Peak resident memory of the worker in KiB.
    pub peak_kib: u64,
    /// Processor time of the worker.
    pub cpu_ms: u64,
}
