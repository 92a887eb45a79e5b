//! Files that have settled: offering them, and what is answered.

use crate::durable;
use crate::durable::beneath::Links;
use crate::durable::spot::Spot;
use crate::durable::stuck;
use crate::event::FileEvent;
use crate::job::event::Identity;
use crate::raw_path::RawPath;
use crate::watch::folder::Reconciler;
use crate::watch::hints::Hint;
use crate::watch::look::{self, Look};
use crate::watch::queue;
use crate::watch::tree::{Entry, Left, Refused, Stand};
use crate::watch::update::{Arrival, Decline, WatchUpdate};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

impl Reconciler {
    /// A file has settled: it is offered now if nobody goes before it, else when its turn has come.
    pub(crate) fn settled(&mut self, file: &Arc<Path>, mut entry: Entry, identity: Identity) {
        let declined = match entry.stand {
            Stand::Settled { declined, .. } | Stand::Offered { declined, .. } => declined,
            _ => 0,
        };
        if self.queue.is_open(Instant::now()) {
            return self.offer(file, entry, identity, declined);
        }
        entry.stand = Stand::Settled {
            identity: identity.into(),
            declined,
        };
        self.changes += 1;
        self.tree.put(file, entry);
        self.queue.push(Arc::clone(file));
    }

    /// Offers those whose turn has come.
    pub(crate) fn offer_settled(&mut self) {
        while !self.folder.paused
            && !self.is_ended()
            && self.presence.is_online()
            && let Some(file) = self.queue.next(Instant::now())
        {
            // Who changed or went meanwhile is known under another stand, or not at all.
            if self.is_settled(&file) {
                self.offer_if_same(&file);
            }
        }
    }

    fn is_settled(&self, file: &Path) -> bool {
        let entry = self.tree.entry(file);
        entry.is_some_and(|entry| matches!(entry.stand, Stand::Settled { .. }))
    }

    fn offer_if_same(&mut self, file: &Path) {
        let Some((file, mut entry)) = self.tree.take(file) else {
            return;
        };
        let Stand::Settled { identity, declined } = entry.stand else {
            return self.tree.put(&file, entry);
        };
        let identity = Identity::from(identity);
        match look::at(&self.root, &self.root.join(&file)) {
            // Who was refused is looked into again first: what stands against it may be known by now.
            Ok(Look::File(now))
                if now == identity && (declined == 0 || self.may_be_taken(&file)) =>
            {
                self.offer(&file, entry, now, declined);
            }
            Ok(Look::File(now)) => {
                entry.stand = self.settling(&file, now, None, Instant::now());
                self.proceed(&file, entry);
            }
            Ok(other) => self.is_something_else(&file, entry, &other),
            Err(_) => {
                self.remind(&file, Instant::now() + self.options.look_again);
                self.tree.put(&file, entry);
            }
        }
    }

    /// Whether nothing is known that keeps us from taking this file.
    fn may_be_taken(&self, file: &Path) -> bool {
        let path = self.root.join(file);
        let Ok(Some(spot)) = Spot::beneath(&self.root, &path, Links::Refused) else {
            return true;
        };
        let opened = spot.open();
        opened.map_or(true, |opened| stuck::why(&spot, &opened).is_none())
    }

    fn offer(&mut self, file: &Arc<Path>, mut entry: Entry, identity: Identity, declined: u32) {
        entry.stand = Stand::Offered {
            identity: identity.into(),
            declined,
        };
        self.changes += 1;
        let arrival = Arrival {
            pipeline: self.folder.pipeline.clone(),
            path: self.root.join(file),
            folder: self.root.clone(),
            relative: RawPath::from(&**file),
            identity,
            seen_by: entry.seen_by,
        };
        self.tree.put(file, entry);
        self.queue.offered(Arc::clone(file));
        self.send(WatchUpdate::Arrival(arrival));
    }

    /// A file's time has come.
    pub(crate) fn on_due(&mut self, file: &Path) {
        let Some((file, mut entry)) = self.tree.take(file) else {
            return;
        };
        match &mut entry.stand {
            Stand::Settling(waiting) => {
                waiting.due = None;
                self.proceed(&file, entry);
            }
            // It was declined for later, and this is later.
            Stand::Refused(refused) => {
                entry.stand = Stand::Settled {
                    identity: refused.identity,
                    declined: refused.declined,
                };
                self.tree.put(&file, entry);
                self.queue.push(file);
                self.offer_settled();
            }
            Stand::Settled { .. } => {
                self.tree.put(&file, entry);
                self.queue.push(file);
                self.offer_settled();
            }
            _ => self.tree.put(&file, entry),
        }
    }

    /// The file is a job now. Its mark has served.
    pub(crate) fn taken(&mut self, path: &Path) {
        let Some(file) = self.relative(path).map(Path::to_path_buf) else {
            return;
        };
        self.queue.taken(&file);
        if let Some(done) = &self.done
            && let Err(error) = self.remove_below(&done.beside(&file))
        {
            tracing::warn!(%error, "failed to remove a done file");
        }
        let Some((file, mut entry)) = self.tree.take(&file) else {
            return;
        };
        self.changes += 1;
        if let Stand::Offered { identity, .. } = entry.stand {
            if matches!(look::at(&self.root, path), Ok(Look::Missing)) {
                return;
            }
            entry.stand = Stand::Taken { identity };
        }
        self.tree.put(&file, entry);
    }

    fn remove_below(&self, file: &Path) -> Result<(), durable::Error> {
        match Spot::beneath(&self.root, &self.root.join(file), Links::Refused)? {
            Some(spot) => spot.remove(),
            None => Ok(()),
        }
    }

    /// Whether files can be taken out of the folder, which has just refused one.
    fn is_usable(&mut self) -> bool {
        let is_usable = self.presence.is_online() && self.check_presence();
        if !is_usable {
            let soon = Instant::now() + self.options.look_again;
            self.full_scan = self.full_scan.min(soon);
        }
        is_usable
    }

    /// The arrival is not taken.
    pub(crate) fn declined(&mut self, path: &Path, decline: Decline) {
        let Some(file) = self.relative(path).map(Path::to_path_buf) else {
            return;
        };
        self.queue.answered(&file);
        let Some((file, mut entry)) = self.tree.take(&file) else {
            // It was put back after it had left: a scan of this one file.
            return self.on_hint(path, Hint::Touched);
        };
        let (identity, declined) = match entry.stand {
            Stand::Offered { identity, declined } => (identity, declined + 1),
            Stand::Taken { identity } => (identity, 1),
            _ => return self.tree.put(&file, entry),
        };
        // A folder that cannot be written any more holds all its files, and each would be refused for itself.
        let is_blocked = matches!(decline, Decline::Later { .. }) && !self.is_usable();
        match decline {
            Decline::Changed => {
                let identity = Identity::from(identity);
                if matches!(look::at(&self.root, path), Ok(Look::File(now)) if now == identity) {
                    // It changed, but who it is now was offered already: that offer stands, only not at once.
                    entry.stand = Stand::Settled {
                        identity: identity.into(),
                        declined,
                    };
                    self.changes += 1;
                    self.remind(&file, Instant::now() + self.options.offer_again);
                    return self.tree.put(&file, entry);
                }
                entry.stand = self.settling(&file, identity, None, Instant::now());
                self.proceed(&file, entry);
            }
            Decline::Later { reason } if !is_blocked && self.queue.refused_alone(&file) => {
                self.changes += 1;
                let pauses = queue::pauses_alone(declined - 1);
                let due = Instant::now() + self.options.offer_again * pauses;
                self.kept_back = Some((Arc::clone(&file), reason.clone()));
                entry.stand = Stand::Refused(Box::new(Refused {
                    identity,
                    declined,
                    reason,
                    due,
                }));
                self.remind(&file, due);
                self.tree.put(&file, entry);
            }
            Decline::Full | Decline::Later { .. } => {
                self.changes += 1;
                entry.stand = Stand::Settled { identity, declined };
                self.tree.put(&file, entry);
                let pause = self.options.offer_again;
                self.queue.refused(file, Instant::now(), pause);
            }
            Decline::Leave { reason } => {
                self.tell_file(
                    &file,
                    FileEvent::Ignored {
                        reason: reason.clone(),
                    },
                );
                let reason = reason.into();
                entry.stand = Stand::Left(Box::new(Left { identity, reason }));
                self.tree.put(&file, entry);
            }
        }
    }
}
