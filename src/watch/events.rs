//! Events: asking for them, proving that they come, and what is done when they do not.
//!
//! A file written into our own folder has to be reported within two seconds. If it is not (the reader thread of `notify` died,
//! the kernel's queue is broken, the file system lies), the folder is scanned every few seconds until a later canary is reported.

use crate::durable;
use crate::inotify;
use crate::pipeline::folders::OUR_FOLDER;
use crate::watch::canary::Trouble;
use crate::watch::folder::Reconciler;
use crate::watch::hints::CANARY;
use crate::watch::settle::spell;
use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

impl Reconciler {
    /// Whether events are asked for.
    pub(crate) fn watches_events(&self) -> bool {
        self.watcher.is_some()
    }

    fn wants_events(&self) -> bool {
        !self.options.polling_only && self.folder.spec.polling != Some(true)
    }

    /// Starts the watcher if there is none, and stops it if there should be none.
    pub(crate) fn start_events(&mut self) {
        if !self.wants_events() {
            self.stop_events();
            self.canary.trouble = None;
            return;
        }
        if self.watcher.is_some() {
            return;
        }
        let (root, ours) = (self.root.clone(), self.root.join(OUR_FOLDER));
        let board = Arc::clone(&self.board);
        let config = Config::default().with_follow_symlinks(false);
        let made =
            RecommendedWatcher::new(move |event| board.on_event(&root, &ours, event), config);
        let ours = self.root.join(OUR_FOLDER);
        match made.and_then(|mut made| {
            made.watch(&ours, RecursiveMode::NonRecursive)
                .map(|()| made)
        }) {
            Ok(made) => {
                self.watcher = Some(made);
                self.canary.next = Instant::now();
                // So far it tells of our own folder only. The others are asked for by a full scan, which sets the next one itself.
                self.full_scan = Instant::now();
                if matches!(
                    self.canary.trouble,
                    Some(Trouble::Refused(_) | Trouble::Limit(_))
                ) {
                    self.canary.trouble = None;
                }
            }
            Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => self.on_watch_limit(),
            Err(error) => self.canary.trouble = Some(Trouble::Refused(inotify::refused(&error))),
        }
    }

    /// Forgets that events were refused, because the scan that follows asks again for those that are missing.
    pub(crate) fn retry_refused(&mut self) -> bool {
        let refused = matches!(
            self.canary.trouble,
            Some(Trouble::Limit(_) | Trouble::Refused(_))
        );
        let retried = refused && self.watcher.is_some();
        if retried {
            self.canary.trouble = None;
        }
        retried
    }

    fn stop_events(&mut self) {
        self.watcher = None;
        self.canary.deadline = None;
        for branch in self.tree.branches_mut() {
            branch.watched = false;
        }
    }

    /// Asks for the events of one folder; says whether they will come.
    pub(crate) fn watch(&mut self, folder: &Path, path: &Path) -> bool {
        let Some(watcher) = &mut self.watcher else {
            return false;
        };
        if self
            .tree
            .branch(folder)
            .is_some_and(|branch| branch.watched)
        {
            return true;
        }
        match watcher.watch(path, RecursiveMode::NonRecursive) {
            Ok(()) => true,
            Err(error) => {
                if matches!(error.kind, ErrorKind::MaxFilesWatch) {
                    self.on_watch_limit();
                } else if !matches!(error.kind, ErrorKind::PathNotFound) {
                    self.canary.trouble = Some(Trouble::Refused(inotify::refused(&error)));
                    self.tell_mode();
                }
                false
            }
        }
    }

    /// The events of a folder that is gone or replaced are not wanted any more.
    pub(crate) fn unwatch(&mut self, path: &Path) {
        if let Some(watcher) = &mut self.watcher {
            // Mostly it is gone already, and its watch with it.
            let _ = watcher.unwatch(path);
        }
    }

    pub(crate) fn on_watch_limit(&mut self) {
        self.canary.trouble = Some(Trouble::Limit(inotify::no_more_watches()));
        self.tell_mode();
    }

    /// Sends a canary out when it is time, and judges one that has not come back.
    pub(crate) fn canary_due(&mut self, now: Instant) {
        if !self.watches_events() {
            return;
        }
        match self.canary.deadline {
            Some(deadline) if now >= deadline => self.silent(),
            Some(_) => {}
            None if now >= self.canary.next => {
                self.canary.deadline = Some(now + self.options.canary_within);
                if let Err(error) = self.release() {
                    // The folder cannot be written: that is for the next scan to tell.
                    tracing::debug!(%error, "failed to write the canary");
                    self.canary.deadline = None;
                    self.canary.next = now + self.options.canary_every;
                }
            }
            None => {}
        }
    }

    fn canary_path(&self) -> PathBuf {
        self.root.join(OUR_FOLDER).join(CANARY)
    }

    fn release(&self) -> Result<(), durable::Error> {
        let path = self.canary_path();
        durable::remove(&path)?;
        durable::create_new(&path).map(drop)
    }

    /// The canary was reported: events come.
    pub(crate) fn on_canary(&mut self) {
        if self.canary.deadline.take().is_none() {
            return;
        }
        self.canary.next = Instant::now() + self.options.canary_every;
        // An empty file that stays does no harm.
        let _ = durable::remove(&self.canary_path());
        if matches!(self.canary.trouble, Some(Trouble::Silent(_))) {
            self.canary.trouble = None;
            self.tell_mode();
            self.full_scan = Instant::now();
        }
    }

    fn silent(&mut self) {
        let within = spell(self.options.canary_within);
        self.canary.trouble = Some(Trouble::Silent(format!(
            "events do not arrive (a test file was not reported within {within})"
        )));
        self.tell_mode();
        let _ = durable::remove(&self.canary_path());
        // A new watcher; the scan asks for the events of every folder again.
        self.stop_events();
        self.canary.next = Instant::now() + self.options.canary_every;
        self.start_events();
        self.canary.next =
            Instant::now() + self.options.canary_every.min(self.options.scan_reported);
        self.full_scan = Instant::now();
    }
}
