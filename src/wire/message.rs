//! What is said over a worker's control socket.
//!
//! One conversation: the worker says [`ToDaemon::Ready`] once it is sandboxed; the daemon answers with one
//! [`ToWorker::Attempt`], [`ToWorker::Inspect`] or [`ToWorker::Describe`]; the worker reports and ends with `Finished`,
//! `Inspected`, `Described` or `Failed`, then exits. Where the plan allowed it and `Finished` says so it waits for another attempt
//! instead. Documents and libraries travel as file descriptors beside a frame, never in it.

use crate::job::attempt::Bill;
use crate::job::event::GivenUp;
use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Both sides must say the same number.
pub const PROTOCOL: u32 = 7;

/// From the daemon to a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum ToWorker {
    /// Run this attempt. One descriptor comes with it: the input, opened read-only.
    Attempt(Box<Plan>),
    /// Look this file over: its pages, and whether it is sound. One descriptor comes with it. The plan has no steps.
    Inspect(Box<Plan>),
    /// Load the library and tell its manifest.
    Describe {
        /// The content-addressed copy.
        library: String,
    },
    /// Stop soon; SIGKILL follows.
    Cancel,
}

/// Everything an attempt needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The job's id, for log lines and `param`.
    pub job: String,
    /// The steps in order.
    pub steps: Vec<PlanStep>,
    /// Values for templates: `input`, `job`, `env`, `now` (each a JSON object or value).
    pub variables: BTreeMap<String, serde_json::Value>,
    /// Template of the output's name.
    pub output_name: String,
    /// Template of the output's folder.
    pub output_folder: String,
    /// Templates of passwords to try.
    pub passwords: Vec<String>,
    /// Whether signed documents are refused.
    pub refuse_signed: bool,
    /// Bytes that one decoded stream may have.
    pub max_decoded: u64,
    /// Bytes of the input above which it is refused.
    pub max_input: u64,
    /// Whether the worker may wait for another attempt after this one, if nothing of this one is left in it.
    #[serde(default)]
    pub rests: bool,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanStep {
    /// Its id.
    pub id: String,
    /// The plugin, for blame: name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// BLAKE3 of the library (hex).
    pub blake3: String,
    /// The content-addressed copy to load.
    pub library: String,
    /// The operation.
    pub operation: String,
    /// Whether it runs once for all documents.
    pub takes_all: bool,
    /// An expression; false skips the step.
    pub condition: Option<String>,
    /// Parameters; strings may hold templates.
    pub with: serde_json::Value,
    /// Names that the operation fills in itself, by JSON pointer of the parameter.
    pub own_variables: BTreeMap<String, Vec<String>>,
    /// Wall-clock limit in milliseconds, held by the daemon.
    pub timeout_ms: Option<u64>,
    /// A failure of this step is a warning.
    pub continue_on_error: bool,
    /// Whether the operation may write into the worker's scratch folder.
    #[serde(default)]
    pub temp: bool,
    /// On which documents it is not run, and reported as failed: it has cost earlier attempts their workers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<GivenUp>,
}

impl PlanStep {
    /// Why the step is not to run on this document, where it is not.
    #[must_use]
    pub fn given_up_on(&self, place: &Place) -> Option<&Problem> {
        let given_up = self.given_up.iter();
        let mut here = given_up.filter(|given_up| given_up.covers(place.part, place.parts));
        here.next().map(|given_up| &given_up.failure.problem)
    }
}

/// From a worker to the daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum ToDaemon {
    /// Before `Ready`, where denied calls are held up: one descriptor, this worker's memory for reading. The names of files that it opens
    /// lie there.
    Memory,
    /// Limited, sandboxed and waiting.
    Ready {
        /// Must equal [`PROTOCOL`].
        protocol: u32,
        /// The sandbox level reached: `full`, `partial: no landlock`, `off`.
        sandbox: String,
        /// Whether denied calls are held up. One descriptor comes with it then: what they are answered through.
        counts: bool,
    },
    /// The input is open.
    Opened {
        /// Its pages.
        pages: u64,
    },
    /// A step began on one document.
    StepStarted(Place),
    /// How far it is; the newest counts.
    Progress {
        /// Which step on which document.
        #[serde(flatten)]
        place: Place,
        /// Done so far.
        done: u64,
        /// Of how many; 0 = unknown.
        total: u64,
    },
    /// A step ended well.
    StepFinished {
        /// Which.
        #[serde(flatten)]
        place: Place,
        /// How long it took.
        ms: u64,
        /// How many documents it left.
        documents: u32,
        /// Values it published.
        results: BTreeMap<String, serde_json::Value>,
    },
    /// A step's condition was false.
    StepSkipped {
        /// Which.
        #[serde(flatten)]
        place: Place,
        /// The condition.
        condition: String,
    },
    /// A step failed; its edits are rolled back.
    StepFailed {
        /// Which.
        #[serde(flatten)]
        place: Place,
        /// How long it took.
        ms: u64,
        /// Why.
        problem: Problem,
        /// The attempt goes on.
        continued: bool,
    },
    /// A log line of an operation.
    Log {
        /// The step.
        step: Option<String>,
        /// `trace` to `error`.
        level: String,
        /// The line.
        message: String,
    },
    /// Log lines that there was no room for on the worker's side, counted until the attempt's end.
    LinesDropped {
        /// How many.
        lines: u64,
    },
    /// Something odd that lost nothing.
    Warning {
        /// The step.
        step: Option<String>,
        /// A stable word.
        code: String,
        /// For people.
        message: String,
    },
    /// A side artifact. One descriptor comes with it: a sealed memfd.
    Artifact {
        /// The step.
        step: String,
        /// A plain file name.
        name: String,
        /// Media type.
        mime: String,
        /// Which document it belongs to, from 1.
        part: u32,
        /// The rendered folder (absolute), checked again by the daemon.
        folder: String,
    },
    /// One resulting document. One descriptor comes with it: a sealed memfd.
    Output {
        /// From 1.
        part: u32,
        /// Its pages.
        pages: u64,
        /// The rendered file name, checked again by the daemon.
        name: String,
        /// The rendered folder (absolute), checked again by the daemon.
        folder: String,
    },
    /// All outputs are sent; the attempt is done.
    Finished {
        /// What it cost.
        bill: Bill,
        /// Whether the worker waits for another attempt.
        #[serde(default)]
        rests: bool,
    },
    /// The attempt gave no result.
    Failed {
        /// Whether the document is to blame (no retry).
        rejected: bool,
        /// Whether this is the answer to `Cancel`.
        cancelled: bool,
        /// Whether the system took no descriptor for a long time: nobody's fault in this job.
        #[serde(default)]
        crowded: bool,
        /// Why.
        problem: Problem,
    },
    /// The answer to `Inspect`.
    Inspected(Inspected),
    /// On the way to the answer to `Describe`: this function of the library is called next, after its constructors.
    Calls(Entrance),
    /// The answer to `Describe`.
    Described {
        /// The manifest's text.
        manifest: String,
        /// The entry's toolchain text.
        toolchain: String,
    },
}

/// A function of a library that is called before anything is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entrance {
    /// The entry's `init`.
    Init,
    /// The entry's `operation`.
    Operation,
}

/// What a worker without plugins has found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspected {
    /// Pages of its tree.
    pub pages: u64,
    /// What was mended to read it.
    pub mended: Vec<String>,
    /// References that lead nowhere.
    pub dangling: u64,
    /// Why a reader that forgives nothing refuses it.
    pub by_the_letter: Option<String>,
}

/// Which step on which document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The step's index in the plan, from 0.
    pub step: u32,
    /// Which document, from 1.
    pub part: u32,
    /// Of how many.
    pub parts: u32,
}
