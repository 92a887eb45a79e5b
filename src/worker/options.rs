//! What the nursery is told on its command line for all of its workers: their limits and how far they lock themselves in.

use crate::raw_path::RawPath;
use serde::{Deserialize, Serialize};

/// The one argument of `dropleaf worker`, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The daemon's process id; a worker whose parent is somebody else ends at once.
    pub parent: u32,
    /// How much of the sandbox must be there.
    pub sandbox: Sandbox,
    /// What it may use.
    pub limits: Limits,
    /// The folder of content-addressed libraries, the only one that plugins are loaded from.
    pub store: RawPath,
    /// Files and folders that may be read besides the system's libraries.
    pub readable: Vec<RawPath>,
}

/// Resource limits of one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of data memory (`RLIMIT_DATA`).
    pub memory: u64,
    /// Seconds of processor time that one attempt may take.
    pub cpu_seconds: u64,
    /// Seconds of processor time that attempts before the last one may have taken together; `RLIMIT_CPU` is the sum of both.
    pub cpu_seconds_before: u64,
    /// Open files (`RLIMIT_NOFILE`).
    pub open_files: u64,
    /// Bytes that one result or scratch file may have (`RLIMIT_FSIZE`).
    pub file_size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 2 << 30,
            cpu_seconds: 600,
            cpu_seconds_before: 0,
            open_files: 256,
            file_size: 8 << 30,
        }
    }
}

/// How much of the sandbox must be there before a plugin is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sandbox {
    /// All of it, or no job runs.
    Require,
    /// As much as this system has; what is missing is said.
    #[default]
    BestEffort,
    /// None of it. Resource limits still hold.
    Off,
}
