//! Whether the watched folder is there and can be used, and in which way it is watched.
//!
//! A folder that is missing, or that lies on another device than before, is *offline*: a mount went away, and nothing is
//! concluded from what is missing in it. A mark in our own folder tells a mount that came back under another device number
//! from the bare folder below it. Another mark there says whose the folder is; one of another home is *blocked*.

use crate::durable::{self, probe};
use crate::event::WatchEvent;
use crate::owner::NotOurs;
use crate::pipeline::folders::OUR_FOLDER;
use crate::raw_path::RawPath;
use crate::watch::folder::Reconciler;
use crate::watch::mount;
use crate::watch::settle::spell;
use crate::watch::update::FolderState;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const MARK: &str = "folder-id";

/// Why a folder is not online.
enum Absent {
    Offline(String),
    Blocked(String),
}

impl Reconciler {
    /// Looks whether the folder is there and can be used, and tells when it cannot. That it can is told by [`Self::tell_mode`]
    /// once its events are asked for.
    pub(crate) fn check_presence(&mut self) -> bool {
        match self.find_root() {
            Ok(()) => {
                self.start_events();
                let came = !self.presence.is_online();
                self.presence.state = FolderState::Online;
                self.presence.reason = None;
                if came {
                    self.presence.told = None;
                }
                true
            }
            Err(absent) => {
                self.tell_absent(absent);
                false
            }
        }
    }

    fn find_root(&mut self) -> Result<(), Absent> {
        if let Err(bad) = &self.rules {
            return Err(Absent::Blocked(format!(
                "{bad}; correct it in the pipeline"
            )));
        }
        let shown = self.root.display().to_string();
        let found = match std::fs::metadata(&self.root) {
            Ok(found) if found.is_dir() => found,
            Ok(_) => return Err(Absent::Blocked(format!("`{shown}` is not a folder"))),
            Err(error) => {
                let blocked = probe::blocked(&self.root, &error);
                return Err(if blocked.missing {
                    Absent::Offline(blocked.reason)
                } else {
                    Absent::Blocked(blocked.reason)
                });
            }
        };
        self.recognise(&found)?;
        self.presence.real = self.root.canonicalize().ok();
        let mount = mount::of(&self.root);
        self.presence.mount = Some(mount.map_err(|errno| {
            Absent::Offline(format!(
                "the file system of `{shown}` does not answer: {errno}"
            ))
        })?);
        self.check_owner()?;
        self.check_use()
    }

    /// Whether another home takes files from it. Looked at each time, since people may have taken our mark away.
    fn check_owner(&self) -> Result<(), Absent> {
        let taken = self.owner.take(&self.root.join(OUR_FOLDER));
        taken.map_err(|refused| {
            Absent::Blocked(match refused {
                NotOurs::Disk(error) => probe::blocked(&self.root, error.io()).reason,
                other => other.to_string(),
            })
        })
    }

    /// Whether this is the folder that was there before.
    fn recognise(&mut self, found: &Metadata) -> Result<(), Absent> {
        let same = self
            .presence
            .device
            .is_none_or(|device| device == found.dev());
        if !same && !self.presence.adopt && !self.has_our_mark() {
            return Err(Absent::Offline(format!(
                "`{}` lies on another device than before: what was mounted there is gone; mount it again, or ask for a scan \
                 of the pipeline to take the folder as it is now",
                self.root.display()
            )));
        }
        if self.presence.device != Some(found.dev()) {
            if !self.presence.adopt {
                let there = self.mounts.require(&self.root);
                there.map_err(|missed| Absent::Offline(missed.to_string()))?;
            }
            self.mounts.keep(&self.root);
        }
        self.presence.adopt = false;
        self.presence.device = Some(found.dev());
        Ok(())
    }

    fn has_our_mark(&self) -> bool {
        let there = std::fs::read_to_string(mark(&self.root)).ok();
        there.is_some() && there == self.presence.mark
    }

    /// Whether files can be taken out of it: tried out at first and after any doubt, else only asked.
    fn check_use(&mut self) -> Result<(), Absent> {
        use rustix::fs::{Access, AtFlags, CWD};
        let needed = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
        let asked = rustix::fs::accessat(CWD, &self.root, needed, AtFlags::EACCESS);
        if !self.presence.usable || asked.is_err() {
            self.presence.usable = false;
            let tried = probe::folder(&self.root);
            tried.map_err(|blocked| Absent::Blocked(blocked.reason))?;
            let blocked = |error: durable::Error| {
                Absent::Blocked(probe::blocked(&self.root, error.io()).reason)
            };
            self.presence.mark = Some(leave_mark(&self.root).map_err(blocked)?);
            self.presence.usable = true;
        }
        Ok(())
    }

    fn tell_absent(&mut self, absent: Absent) {
        let folder = RawPath(self.root.clone());
        let (state, reason) = match absent {
            Absent::Offline(reason) => (FolderState::Offline, reason),
            Absent::Blocked(reason) => (FolderState::Blocked, reason),
        };
        self.presence.usable = false;
        let told = (self.presence.state, self.presence.reason.as_deref());
        if told == (state, Some(reason.as_str())) {
            return;
        }
        self.presence.state = state;
        self.presence.reason = Some(reason.clone());
        self.presence.missed = true;
        tracing::warn!(
            pipeline = self.folder.pipeline,
            "no file of a watched folder is taken: {reason}"
        );
        self.tell_folder(match state {
            FolderState::Offline => WatchEvent::Offline { folder, reason },
            _ => WatchEvent::Blocked { folder, reason },
        });
    }

    /// Tells how the folder is watched, when that changed.
    pub(crate) fn tell_mode(&mut self) {
        let (polling, reason) = self.mode();
        if !self.presence.is_online()
            || self.presence.told.as_ref() == Some(&(polling, reason.clone()))
        {
            return;
        }
        self.presence.told = Some((polling, reason.clone()));
        if std::mem::take(&mut self.presence.missed) {
            tracing::info!(pipeline = self.folder.pipeline, folder = %self.root.display(), "a watched folder can be used again");
        }
        let mode = if polling { "polling" } else { "events" };
        self.tell_folder(WatchEvent::Online {
            folder: RawPath(self.root.clone()),
            mode: mode.to_owned(),
            reason,
        });
    }

    /// Whether the folder has to be scanned often, and why.
    pub(crate) fn mode(&self) -> (bool, String) {
        let options = &self.options;
        let every = spell(options.scan_polled);
        let polled = |why: &str| (true, format!("{why}; it is scanned every {every}"));
        if options.polling_only {
            return polled("events are switched off");
        }
        if self.folder.spec.polling == Some(true) {
            return polled("the pipeline says `polling: true`");
        }
        if let Some(trouble) = self.canary.trouble() {
            return polled(trouble);
        }
        let besides = spell(options.scan_reported);
        let reported = |why: &str| {
            (
                false,
                format!("{why}; besides, it is scanned every {besides}"),
            )
        };
        if self.folder.spec.polling == Some(false) {
            return reported("the pipeline says `polling: false`");
        }
        match self.presence.mount() {
            Some(mount) if mount.is_polled() => polled(&mount.reason()),
            Some(mount) => reported(&mount.reason()),
            None => (false, "it has not been looked at yet".to_owned()),
        }
    }
}

fn mark(root: &Path) -> PathBuf {
    root.join(OUR_FOLDER).join(MARK)
}

/// The mark in our own folder; it is made where there is none.
fn leave_mark(root: &Path) -> Result<String, durable::Error> {
    let path = mark(root);
    durable::make_folders(&root.join(OUR_FOLDER), 0o700)?;
    if let Ok(there) = std::fs::read_to_string(&path)
        && !there.is_empty()
    {
        return Ok(there);
    }
    remove_unfinished(&root.join(OUR_FOLDER))?;
    let made = ulid::Ulid::generate().to_string();
    durable::replace(&path, made.as_bytes())?;
    Ok(made)
}

/// A daemon of an earlier version that was killed while it made the mark has left its temp; `durable::replace` now takes away its
/// own. Nothing else is replaced in this folder.
fn remove_unfinished(ours: &Path) -> Result<(), durable::Error> {
    for entry in std::fs::read_dir(ours).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(b".dropleaf-") && name.ends_with(b".tmp") {
            durable::remove(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::{self, Owner};
    use crate::watch::tests::{Inbox, by_hand, quick};

    #[test]
    fn a_mark_that_was_cut_short_is_made_anew_and_nothing_is_left() {
        let folder = tempfile::tempdir().expect("a temp folder");
        let ours = folder.path().join(OUR_FOLDER);
        std::fs::create_dir(&ours).expect("made");
        std::fs::write(ours.join(".dropleaf-01K4.tmp"), "01K4").expect("written");
        let made = leave_mark(folder.path()).expect("a mark");
        assert_eq!(leave_mark(folder.path()).expect("the same"), made);
        let left = std::fs::read_dir(&ours).expect("readable").flatten();
        let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
        assert_eq!(left, [MARK]);
    }

    #[test]
    fn a_folder_of_another_home_is_blocked_until_its_mark_is_taken_away() {
        let inbox = Inbox::new(quick(), |_| {});
        let home = |name: &str| {
            let home = tempfile::Builder::new().prefix(name).tempdir();
            let home = home.expect("a temp folder");
            let owner = Owner::of(home.path(), home.path().join("home-id"));
            (owner.expect("an id"), home)
        };
        let ((theirs, _there), (ours, _here)) = (home("theirs"), home("ours"));
        theirs.take(&inbox.path(OUR_FOLDER)).expect("nobody's");
        let (mut folder, _updates) = by_hand(inbox.folder.clone(), quick());
        folder.owner = ours.clone();
        assert!(!folder.check_presence());
        assert_eq!(folder.presence.state(), FolderState::Blocked);
        let reason = folder.presence.reason().unwrap_or_default().to_owned();
        assert!(
            reason.contains("/theirs") && reason.contains("remove `"),
            "{reason}"
        );
        let left = std::fs::read_dir(inbox.path(OUR_FOLDER)).expect("readable");
        assert_eq!(left.count(), 1, "nothing is tried out there");
        let mark = inbox.path(OUR_FOLDER).join(owner::MARK);
        std::fs::remove_file(&mark).expect("removable");
        assert!(folder.check_presence());
        assert!(theirs.take(&inbox.path(OUR_FOLDER)).is_err());
        // The same the other way round, while it is watched.
        std::fs::remove_file(&mark).expect("removable");
        theirs.take(&inbox.path(OUR_FOLDER)).expect("nobody's");
        assert!(!folder.check_presence());
        assert_eq!(folder.presence.state(), FolderState::Blocked);
    }

    #[test]
    fn another_device_is_offline_unless_it_bears_our_mark_or_a_person_asks() {
        let inbox = Inbox::new(quick(), |_| {});
        let (mut folder, _updates) = by_hand(inbox.folder.clone(), quick());
        assert!(folder.check_presence());
        // A network mount that comes back has another device number, but our mark.
        folder.presence.device = Some(0);
        assert!(folder.check_presence());
        // The bare mount point has not.
        let ours = inbox.path(OUR_FOLDER);
        std::fs::remove_dir_all(&ours).expect("removable");
        folder.presence.device = Some(0);
        assert!(!folder.check_presence());
        assert_eq!(folder.presence.state(), FolderState::Offline);
        let reason = folder.presence.reason().unwrap_or_default();
        assert!(reason.contains("another device"), "{reason}");
        assert!(!ours.exists(), "nothing is written below a mount point");
        folder.presence.adopt_next();
        assert!(folder.check_presence());
        assert!(ours.exists());
    }
}
