//! What the store is told about its place and its limits.

use std::path::PathBuf;

/// Where the journal lies and what it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The state folder: `journal.db`, `lock` and `ballast` lie in it.
    pub folder: PathBuf,
    /// Bytes kept in reserve against a full disk; 0 keeps none.
    pub ballast: u64,
    /// Bytes that the journal may have; beyond them it counts as full.
    pub max_bytes: Option<u64>,
}

impl Config {
    /// The defaults in a state folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            ballast: 64 * 1024 * 1024,
            max_bytes: None,
        }
    }
}
