//! What has been told of a file, in this life or an earlier one, so that nothing is told twice.

use crate::event::FileEvent;
use crate::job::event::Identity;
use crate::time::Timestamp;
use crate::watch::settle::Waits;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The last thing that the journal tells of the file at an absolute path, and when that was.
type Ask = dyn Fn(&Path) -> Option<(Timestamp, FileEvent)> + Send + Sync;

/// Earlier lives, as far as the journal knows them.
#[derive(Clone)]
pub struct Earlier(Arc<Ask>);

/// What was said last about a file that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// In this life.
    Now(Waits),
    /// In an earlier one, in these words.
    Before(String),
}

impl Earlier {
    /// Asks this for what was told last of a path.
    #[must_use]
    pub fn new(
        ask: impl Fn(&Path) -> Option<(Timestamp, FileEvent)> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(ask))
    }

    /// There were none.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|_| None)
    }

    /// What was told last of this file. Nothing counts that was told before its last change: that was about other content, or
    /// about another file.
    pub(crate) fn of(&self, path: &Path, identity: &Identity) -> Option<FileEvent> {
        let (at, what) = (self.0)(path)?;
        let changed = identity.ctime_ns.div_euclid(1_000_000);
        (changed <= i128::from(at.0)).then_some(what)
    }

    /// Whether it was told last that the file stays for this reason. Such a reason is about names and kinds, not about content.
    pub(crate) fn is_ignored(&self, path: &Path, reason: &str) -> bool {
        matches!((self.0)(path), Some((_, FileEvent::Ignored { reason: told })) if told == reason)
    }
}

impl Said {
    /// In words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Now(waits) => waits.reason(),
            Self::Before(reason) => reason.clone(),
        }
    }

    /// Whether this says so already.
    pub(crate) fn covers(&self, waits: &Waits) -> bool {
        // After anything else, a rest only says that it changed meanwhile, or that it was looked at anew.
        matches!(waits, Waits::Rest(_))
            || match self {
                Self::Now(last) => last.same_kind(waits),
                Self::Before(reason) => *reason == waits.reason(),
            }
    }
}

impl fmt::Debug for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Earlier")
    }
}
