//! Files that are to be left where they lie, until they change or go; and what is told of one that has gone.

use crate::durable;
use crate::durable::beneath::Links;
use crate::durable::spot::Spot;
use crate::event::FileEvent;
use crate::job::event::Identity;
use crate::raw_path::RawPath;
use crate::watch::folder::Reconciler;
use crate::watch::look::{self, Look};
use crate::watch::seen::Sight;
use crate::watch::tree::{Entry, Left, Stand};
use crate::watch::update::WatchUpdate;
use std::path::Path;

/// Why a file is left whose job is done, or that a person wants left.
pub(super) const DEALT_WITH: &str = "it was dealt with before and has not changed since";

impl Reconciler {
    /// Whether there is no such file, in a folder that answers and is the one that it was.
    fn is_lost(&self, file: &Path) -> bool {
        let is_there = |folder: &&Path| self.root.join(folder).is_dir();
        let nearest = file.ancestors().skip(1).find(is_there);
        matches!(
            look::at(&self.root, &self.root.join(file)),
            Ok(Look::Missing)
        ) && nearest.is_some_and(|folder| self.is_still_there(folder))
    }

    /// Whether this is the file that is to be left under this name.
    pub(super) fn is_known(&self, file: &Path, now: &Identity) -> bool {
        let known = self.known.get(file);
        known.is_some_and(|known| self.is_same(file, known, now))
    }

    /// Whether this is a copy of the file that is to be left under this name, as it lies in a home that was restored: the same size and
    /// time, the same content. It is left from now on.
    pub(super) fn is_copy(&mut self, file: &Path, now: &Identity) -> bool {
        let known = self.known.get(file);
        let looks_like = known.is_some_and(|known| known.same_content(now));
        let (true, Some(blake3)) = (looks_like, self.folder.contents.get(file)) else {
            return false;
        };
        let path = self.root.join(file);
        let read = || {
            let spot = Spot::beneath(&self.root, &path, Links::Refused).ok()??;
            let open = spot.open().ok()?;
            let is_it = Identity::of(&open.metadata().ok()?) == *now;
            let content = durable::content(&open, &path).ok()?;
            Some(is_it && content.blake3 == *blake3)
        };
        if read() != Some(true) {
            return false;
        }
        self.known.insert(file.to_path_buf(), *now);
        self.send(WatchUpdate::Copied {
            pipeline: self.folder.pipeline.clone(),
            relative: RawPath::from(file),
            identity: *now,
        });
        true
    }

    /// Whether nothing new is seen of a file that stays.
    pub(super) fn is_left_as(&self, file: &Path, stand: &Stand, now: &Identity) -> bool {
        match stand {
            Stand::Left(left) => self.is_same(file, &left.identity.into(), now),
            Stand::Ignored { .. } => true,
            _ => false,
        }
    }

    /// A file that was to be left is no more.
    pub(super) fn forget(&mut self, file: &Path) {
        if let Some(identity) = self.known.remove(file) {
            self.send(WatchUpdate::Forgotten {
                pipeline: self.folder.pipeline.clone(),
                relative: RawPath::from(file),
                identity,
            });
        }
    }

    /// This file is gone for good.
    pub(crate) fn gone(&mut self, file: &Path, entry: &Entry) {
        // Who is a job may be about to be put back, to be left then.
        let is_job = matches!(entry.stand, Stand::Taken { .. } | Stand::Offered { .. });
        if !is_job && self.is_lost(file) {
            self.forget(file);
        }
        self.changes += 1;
        let reason = match &entry.stand {
            Stand::Settling(waiting) => match &waiting.said {
                Some(said) => format!("it was waited for: {}", said.reason()),
                None => return,
            },
            Stand::Left(left) => format!("it was left: {}", left.reason),
            Stand::Ignored {
                reason, told: true, ..
            } => format!("it was ignored: {reason}"),
            // Who has been offered may have become a job.
            Stand::Settled { .. } => "it had settled and was not taken yet".to_owned(),
            Stand::Refused(refused) => format!("it could not be taken: {}", refused.reason),
            _ => return,
        };
        self.tell_file(file, FileEvent::Gone { reason });
    }
}

pub(super) fn left(sight: &Sight, reason: &'static str) -> Stand {
    Stand::Left(Box::new(Left {
        identity: sight.identity.into(),
        reason: reason.into(),
    }))
}

pub(super) fn dealt_with(sight: &Sight) -> Stand {
    left(sight, DEALT_WITH)
}
