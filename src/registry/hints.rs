//! Hints that something changed in a plugin folder. Only hints: the look that follows is the truth, and one is taken every
//! minute anyway.

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Notify;

/// Watches the plugin folders that are there.
pub(crate) struct Hints {
    watcher: Option<RecommendedWatcher>,
    followed: BTreeSet<PathBuf>,
}

impl Hints {
    /// Wakes `look` whenever something happens in a folder.
    pub(crate) fn start(folders: &[PathBuf], look: Arc<Notify>) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading a plugin is an event too, and not one of interest: our own look would wake us for ever.
            if event.is_ok_and(|event| event.kind.is_access() && !is_close_after_write(&event)) {
                return;
            }
            look.notify_one();
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, "plugin folders are only looked at every minute");
        }
        let mut hints = Self {
            watcher: watcher.ok(),
            followed: BTreeSet::new(),
        };
        hints.follow(folders);
        hints
    }

    /// Follows folders that have appeared since.
    pub(crate) fn follow(&mut self, folders: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        self.followed.retain(|folder| folder.is_dir());
        for folder in folders {
            if folder.is_dir() && !self.followed.contains(folder) {
                match watcher.watch(folder, RecursiveMode::NonRecursive) {
                    Ok(()) => _ = self.followed.insert(folder.clone()),
                    Err(error) => {
                        tracing::debug!(%error, folder = %folder.display(), "no events for this folder");
                    }
                }
            }
        }
    }
}

fn is_close_after_write(event: &notify::Event) -> bool {
    use notify::event::{AccessKind, AccessMode, EventKind};
    event.kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}
