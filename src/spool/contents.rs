//! What is known of the contents of claimed files, and which of them need not be read any more.

use crate::job::event::Identity;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A small file is read once more rather than believed by its times: a mapping of it may be written without changing them.
pub(super) const SMALL: u64 = 1 << 20;

/// Cloning it gives another handle to the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    /// The size above which no file is read.
    limit: u64,
    /// How each file was, by where it is held, when it was hashed.
    hashed: HashMap<PathBuf, Identity>,
    /// Whose hash nobody waits for any more.
    halted: HashSet<PathBuf>,
    /// Nobody waits for any.
    all_halted: bool,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            limit: u64::MAX,
            hashed: HashMap::new(),
            halted: HashSet::new(),
            all_halted: false,
        }
    }
}

impl Contents {
    pub(super) fn set_limit(&self, limit: u64) {
        self.inner().limit = limit;
    }

    pub(super) fn limit(&self) -> u64 {
        self.inner().limit
    }

    pub(super) fn halt(&self, held: &Path) {
        self.inner().halted.insert(held.to_path_buf());
    }

    pub(super) fn halt_all(&self) {
        self.inner().all_halted = true;
    }

    pub(super) fn is_halted(&self, held: &Path) -> bool {
        let inner = self.inner();
        inner.all_halted || inner.halted.contains(held)
    }

    /// The file was hashed while it was as it is.
    pub(super) fn hashed(&self, held: &Path, identity: Identity) {
        self.inner().hashed.insert(held.to_path_buf(), identity);
    }

    /// Whether the file is as it was when it was hashed, as far as that can be seen without reading it.
    pub(super) fn is_as_hashed(&self, held: &Path, identity: &Identity) -> bool {
        identity.size > SMALL && self.inner().hashed.get(held) == Some(identity)
    }

    /// The claim of this file has ended.
    pub(super) fn over(&self, held: &Path) {
        self.inner().halted.remove(held);
    }

    /// Nothing is held there any more.
    pub(super) fn forget(&self, held: &Path) {
        let mut inner = self.inner();
        inner.hashed.remove(held);
        inner.halted.remove(held);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Each change is one assignment, insertion or removal: a panic elsewhere leaves all of it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
