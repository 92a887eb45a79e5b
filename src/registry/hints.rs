//! Hints that something changed in a plugin folder. Only hints: the look that follows is the truth, and one is taken every
//! minute anyway.

use crate::inotify;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Notify;

/// Watches the plugin folders that are there.
pub(crate) struct Hints {
    look: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
    followed: BTreeSet<PathBuf>,
    /// Why there are no events, as it was told last.
    told: Option<String>,
}

impl Hints {
    /// Wakes `look` whenever something happens in a folder.
    pub(crate) fn start(folders: &[PathBuf], look: Arc<Notify>) -> Self {
        let mut hints = Self {
            look,
            watcher: None,
            followed: BTreeSet::new(),
            told: None,
        };
        hints.follow(folders);
        hints
    }

    /// Follows folders that have appeared since, and those that could not be followed before.
    pub(crate) fn follow(&mut self, folders: &[PathBuf]) {
        match self.try_follow(folders) {
            Ok(()) => self.told = None,
            Err(error) => {
                let why = inotify::refused(&error);
                if self.told.as_ref() != Some(&why) {
                    tracing::warn!(%why, "plugin folders are only looked at every minute");
                }
                self.told = Some(why);
            }
        }
    }

    fn try_follow(&mut self, folders: &[PathBuf]) -> notify::Result<()> {
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            none => none.insert(waking(Arc::clone(&self.look))?),
        };
        self.followed.retain(|folder| folder.is_dir());
        let mut followed = Ok(());
        for folder in folders {
            if folder.is_dir() && !self.followed.contains(folder) {
                match watcher.watch(folder, RecursiveMode::NonRecursive) {
                    Ok(()) => _ = self.followed.insert(folder.clone()),
                    Err(error) => followed = Err(error),
                }
            }
        }
        followed
    }
}

fn waking(look: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading a plugin is an event too, and not one of interest: our own look would wake us for ever.
        if event.is_ok_and(|event| event.kind.is_access() && !is_close_after_write(&event)) {
            return;
        }
        look.notify_one();
    })
}

fn is_close_after_write(event: &notify::Event) -> bool {
    use notify::event::{AccessKind, AccessMode, EventKind};
    event.kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}
