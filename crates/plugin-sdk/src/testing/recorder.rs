//! Listens to a run and keeps what it says.

use std::sync::{Mutex, MutexGuard, PoisonError};

use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host as host;

use crate::testing::Artifact;

/// What a run has told.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) warnings: Vec<String>,
    pub(super) log: Vec<(i32, String)>,
    pub(super) progress: Vec<(u64, u64)>,
    pub(super) artifacts: Vec<Artifact>,
}

/// Listens to a run.
pub(super) struct Recorder {
    cancel_after: Option<u64>,
    heard: Mutex<Heard>,
}

impl Recorder {
    /// Cancels the job once `cancel_after` is reported.
    pub(super) fn new(cancel_after: Option<u64>) -> Self {
        Self {
            cancel_after,
            heard: Mutex::default(),
        }
    }

    pub(super) fn into_heard(self) -> Heard {
        self.heard
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl host::Observer for Recorder {
    fn progress(&self, done: u64, total: u64) {
        self.heard().progress.push((done, total));
    }

    fn log(&self, level: i32, message: &str, _: &str) {
        let mut heard = self.heard();
        if level == abi::LOG_WARN {
            heard.warnings.push(message.to_owned());
        }
        heard.log.push((level, message.to_owned()));
    }

    fn cancelled(&self) -> bool {
        let reached = self.heard().progress.last().map(|&(done, _)| done);
        self.cancel_after
            .is_some_and(|after| after == 0 || reached.is_some_and(|done| done >= after))
    }

    fn artifact(&self, name: &str, mime: &str, bytes: &[u8]) -> Result<(), String> {
        self.heard().artifacts.push(Artifact {
            name: name.to_owned(),
            mime: mime.to_owned(),
            bytes: bytes.to_vec(),
        });
        Ok(())
    }
}
