//! Files that have settled: offering them, and what is answered.

use crate::durable;
use crate::event::FileEvent;
use crate::job::event::Identity;
use crate::raw_path::RawPath;
use crate::watch::folder::Reconciler;
use crate::watch::hints::Hint;
use crate::watch::look::{self, Look};
use crate::watch::tree::{Entry, Stand};
use crate::watch::update::{Arrival, Decline, WatchUpdate};
use std::path::Path;
use std::time::Instant;

impl Reconciler {
    /// Offers a file that has settled.
    pub(crate) fn offer(&mut self, file: &Path, mut entry: Entry, identity: Identity) {
        let declined = match entry.stand {
            Stand::Offered { declined, .. } => declined,
            _ => 0,
        };
        entry.due = None;
        entry.stand = Stand::Offered { identity, declined };
        self.changes += 1;
        let arrival = Arrival {
            pipeline: self.folder.pipeline.clone(),
            path: self.root.join(file),
            folder: self.root.clone(),
            relative: RawPath::from(file),
            identity,
            seen_by: entry.seen_by,
        };
        self.tree.put(file, entry);
        self.send(WatchUpdate::Arrival(arrival));
    }

    /// A file's time has come.
    pub(crate) fn on_due(&mut self, file: &Path) {
        let Some(mut entry) = self.tree.take(file) else {
            return;
        };
        entry.due = None;
        let Stand::Offered { identity, .. } = entry.stand else {
            return self.proceed(file, entry);
        };
        if self.folder.paused {
            return self.tree.put(file, entry);
        }
        // It was declined for later, and this is later.
        match look::at(&self.root.join(file)) {
            Ok(Look::File(now)) if now == identity => self.offer(file, entry, identity),
            Ok(Look::File(now)) => {
                entry.stand = self.settling(file, now, None, Instant::now());
                self.proceed(file, entry);
            }
            Ok(other) => self.is_something_else(file, entry, &other),
            Err(_) => {
                let at = Instant::now() + self.options.look_again;
                entry.due = Some(at);
                self.remind(file, at);
                self.tree.put(file, entry);
            }
        }
    }

    /// The file is a job now. Its mark has served.
    pub(crate) fn taken(&mut self, path: &Path) {
        let Some(file) = self.relative(path).map(Path::to_path_buf) else {
            return;
        };
        if let Some(done) = &self.done
            && let Err(error) = durable::remove(&self.root.join(done.beside(&file)))
        {
            tracing::warn!(%error, "failed to remove a done file");
        }
        let Some(mut entry) = self.tree.take(&file) else {
            return;
        };
        self.changes += 1;
        if let Stand::Offered { identity, .. } = entry.stand {
            if matches!(look::at(path), Ok(Look::Missing)) {
                return;
            }
            entry.stand = Stand::Taken { identity };
        }
        self.tree.put(&file, entry);
    }

    /// The arrival is not taken.
    pub(crate) fn declined(&mut self, path: &Path, decline: Decline) {
        let Some(file) = self.relative(path).map(Path::to_path_buf) else {
            return;
        };
        let Some(mut entry) = self.tree.take(&file) else {
            // It was put back after it had left: a scan of this one file.
            return self.on_hint(path, Hint::Touched);
        };
        let (identity, declined) = match entry.stand {
            Stand::Offered { identity, declined } => (identity, declined),
            Stand::Taken { identity } => (identity, 0),
            _ => return self.tree.put(&file, entry),
        };
        // It changed, but who it is now was offered already: that offer stands, only not at once.
        let offered_anew = decline == Decline::Changed
            && matches!(look::at(path), Ok(Look::File(now)) if now == identity);
        match decline {
            Decline::Changed if !offered_anew => {
                entry.stand = self.settling(&file, identity, None, Instant::now());
                self.proceed(&file, entry);
            }
            Decline::Changed | Decline::Later => {
                let pause = self.options.offer_again * 2_u32.pow(declined.min(5)).min(30);
                let at = Instant::now() + pause;
                let declined = declined + 1;
                self.changes += 1;
                entry.stand = Stand::Offered { identity, declined };
                entry.due = Some(at);
                self.remind(&file, at);
                self.tree.put(&file, entry);
            }
            Decline::Leave { reason } => {
                self.tell_file(
                    &file,
                    FileEvent::Ignored {
                        reason: reason.clone(),
                    },
                );
                let reason = reason.into();
                entry.stand = Stand::Left { identity, reason };
                self.tree.put(&file, entry);
            }
        }
    }
}
