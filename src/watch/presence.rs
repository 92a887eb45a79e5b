//! What is known about the watched folder itself.

use crate::watch::mount::Mount;
use crate::watch::update::FolderState;
use std::path::PathBuf;

/// What is known about the watched folder itself.
#[derive(Debug)]
pub(crate) struct Presence {
    pub(crate) state: FolderState,
    pub(crate) reason: Option<String>,
    /// The folder with its symbolic links resolved.
    pub(crate) real: Option<PathBuf>,
    pub(crate) device: Option<u64>,
    pub(crate) mark: Option<String>,
    pub(crate) adopt: bool,
    pub(crate) usable: bool,
    pub(crate) mount: Option<Mount>,
    pub(crate) told: Option<(bool, String)>,
    /// Whether the log says that it is away or cannot be used.
    pub(crate) missed: bool,
}

impl Presence {
    pub(crate) fn new() -> Self {
        Self {
            state: FolderState::Starting,
            reason: None,
            real: None,
            device: None,
            mark: None,
            adopt: false,
            usable: false,
            mount: None,
            told: None,
            missed: false,
        }
    }

    pub(crate) fn is_online(&self) -> bool {
        self.state == FolderState::Online
    }

    pub(crate) fn state(&self) -> FolderState {
        self.state
    }

    /// Why it is not online.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    pub(crate) fn mount(&self) -> Option<&Mount> {
        self.mount.as_ref()
    }

    /// A person asks for a scan: whatever is there now is the folder.
    pub(crate) fn adopt_next(&mut self) {
        self.adopt = true;
    }
}
