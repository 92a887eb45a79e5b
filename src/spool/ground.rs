//! Which file system each folder lies on, so that one that went away is missed and nothing is put below its mount point.
//!
//! A folder whose mount is gone looks like an empty one, or like one that was deleted; what is put there lies below the mount
//! when it is back, and nobody sees it. So the device of each folder is remembered with the device below its mount. Where the
//! folder lies on the latter now, the mount is gone. Any other device is a mount that came, or came back under another number;
//! a folder that was deleted lies on the device that it lay on, and is made again. Of earlier lives only the places of mounts are
//! known (`mounts`).

use crate::mounts::Missed;
use crate::spool::Spool;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

/// The devices that a folder lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ground {
    /// Its own, or where it is not there, that of the nearest folder above it that is.
    device: u64,
    /// That of the nearest folder above it on another device: what is left when the mount goes.
    below: Option<u64>,
}

/// What was mounted at a folder, or above it, is gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Away {
    /// In this life.
    #[error(
        "`{}` lies on another device than before: what was mounted there is gone; mount it again, or ask for a scan of the \
         pipeline to take the folder as it is now", .0.display()
    )]
    Left(PathBuf),
    /// Since an earlier life.
    #[error(transparent)]
    NotBack(#[from] Missed),
}

impl Ground {
    fn of(folder: &Path) -> Option<Self> {
        let device = |path: &Path| Some(std::fs::metadata(path).ok()?.dev());
        let mut above = folder.ancestors().filter_map(device);
        let device = above.next()?;
        Some(Self {
            device,
            below: above.find(|other| *other != device),
        })
    }

    /// Whether `now` is what is left of it when its mount has gone.
    fn is_gone(self, now: Self) -> bool {
        now.device != self.device && Some(now.device) == self.below
    }
}

impl Spool {
    /// Remembers where these folders lie, but for those that are remembered already, or being looked at. Blocking.
    pub fn know(&self, folders: &[PathBuf]) {
        for folder in folders {
            match self.grounds().entry(folder.clone()) {
                Entry::Occupied(_) => continue,
                Entry::Vacant(place) => _ = place.insert(None),
            }
            let there = self.mounts.require(folder).is_ok();
            let found = there.then(|| Ground::of(folder)).flatten();
            if found.is_some() {
                self.mounts.keep(folder);
            }
            let mut grounds = self.grounds();
            match (grounds.get_mut(folder), found) {
                (Some(Some(_)), _) => {}
                (Some(unknown), Some(found)) => *unknown = Some(found),
                _ => _ = grounds.remove(folder),
            }
        }
    }

    /// Whatever lies at these folders now is what is meant. Blocking.
    pub fn adopt(&self, folders: &[PathBuf]) {
        for folder in folders {
            if let Some(ground) = Ground::of(folder) {
                self.mounts.keep(folder);
                self.grounds().insert(folder.clone(), Some(ground));
            }
        }
    }

    /// Whether the file system of the folder that `path` is to be put into is there, as far as that is known. Blocking.
    ///
    /// # Errors
    /// It is gone.
    pub fn stands(&self, path: &Path) -> Result<(), Away> {
        let known = {
            let grounds = self.grounds();
            let mut above = path.ancestors();
            above.find_map(|folder| Some((folder.to_path_buf(), (*grounds.get(folder)?)?)))
        };
        let Some((folder, before)) = known else {
            return self.is_back(path);
        };
        if std::fs::metadata(&folder).is_ok_and(|found| found.dev() == before.device) {
            return Ok(());
        }
        match Ground::of(&folder) {
            Some(now) if before.is_gone(now) => Err(Away::Left(folder)),
            Some(now) => {
                self.mounts.keep(&folder);
                self.grounds().insert(folder, Some(now));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether what was mounted in an earlier life is there again, for a folder that has not been seen in this one.
    fn is_back(&self, path: &Path) -> Result<(), Away> {
        for folder in path.ancestors() {
            self.mounts.require(folder)?;
        }
        Ok(())
    }

    fn grounds(&self) -> MutexGuard<'_, HashMap<PathBuf, Option<Ground>>> {
        // Each change is one insertion or removal: a panic elsewhere leaves the map whole.
        self.grounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mounts::Mounts;
    use crate::owner::Owner;

    #[test]
    fn only_what_is_left_of_a_mount_is_missed() {
        let ground = |device, below| Ground { device, below };
        for (before, now, gone) in [
            (ground(7, Some(1)), ground(7, Some(1)), false),
            // The bare mount point, on the disk of the system.
            (ground(7, Some(1)), ground(1, None), true),
            (ground(7, Some(2)), ground(2, Some(1)), true),
            // Mounted anew under another number, or for the first time.
            (ground(7, Some(1)), ground(8, Some(1)), false),
            (ground(1, None), ground(7, Some(1)), false),
        ] {
            assert_eq!(before.is_gone(now), gone, "{before:?} {now:?}");
        }
    }

    #[test]
    fn nothing_is_made_in_an_inbox_whose_mount_is_gone() {
        use crate::spool::claim::{Claim, ClaimError};
        let home = tempfile::tempdir().expect("a temp folder");
        let spool = Spool::new(Mounts::default(), Owner::default());
        let inbox = home.path().to_path_buf();
        let bare = Ground::of(&inbox).expect("the temp folder is there");
        let mounted = Ground {
            device: u64::MAX,
            below: Some(bare.device),
        };
        spool.grounds().insert(inbox.clone(), Some(mounted));
        let claim = Claim {
            from: inbox.join("a.pdf"),
            held: crate::spool::held_path(&inbox, crate::job::id::JobId::fresh()),
            identity: crate::store::tests::sample::identity(3),
        };
        let away = spool.claim(&claim);
        assert!(matches!(away, Err(ClaimError::Away(_))), "{away:?}");
        let made = std::fs::read_dir(&inbox).expect("readable").count();
        assert_eq!(made, 0, "it is the bare mount point");
    }

    #[test]
    fn a_folder_that_is_missing_lies_where_the_one_above_it_does() {
        let home = tempfile::tempdir().expect("a temp folder");
        let spool = Spool::new(Mounts::default(), Owner::default());
        let folder = home.path().join("outbox");
        std::fs::create_dir(&folder).expect("made");
        spool.know(std::slice::from_ref(&folder));
        std::fs::remove_dir(&folder).expect("removable");
        assert_eq!(spool.stands(&folder.join("a.pdf")), Ok(()), "deleted");
        // As if it had lain on a mount that is gone.
        let bare = Ground::of(&folder).expect("the temp folder is there");
        let mounted = Ground {
            device: u64::MAX,
            below: Some(bare.device),
        };
        spool.grounds().insert(folder.clone(), Some(mounted));
        let away = Err(Away::Left(folder.clone()));
        assert_eq!(spool.stands(&folder.join("deep/a.pdf")), away);
        assert_eq!(spool.stands(&folder), away, "as long as it is away");
        assert_eq!(spool.stands(&home.path().join("b.pdf")), Ok(()));
        spool.adopt(std::slice::from_ref(&folder));
        assert_eq!(spool.stands(&folder), Ok(()), "somebody says so");
    }
}
