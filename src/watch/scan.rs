//! The scan: what really lies in a folder. Everything else only says where to look first.

use crate::durable::beneath::{self, Links};
use crate::durable::{Kind, probe};
use crate::watch::folder::Reconciler;
use crate::watch::ignore::{self, Verdict};
use crate::watch::look::{self, Look};
use crate::watch::mount;
use crate::watch::seen::Sight;
use crate::watch::tree::{Branch, Stand};
use crate::watch::update::{SeenBy, WatchUpdate};
use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, RawDir};
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How many entries of a folder are read before waiting commands are seen to.
const BETWEEN_COMMANDS: usize = 256;
/// Bytes of a folder's list that are asked for at once.
const LISTED_AT_ONCE: usize = 32 << 10;

/// What became of a folder that was to be scanned.
enum Entered {
    /// It can be listed.
    Open(OwnedFd),
    /// It is not there (any more).
    Gone,
    /// It does not answer, or what lay in it is unmounted: nothing is concluded.
    Frozen,
}

impl Reconciler {
    /// Looks at the folder itself and at everything in it.
    pub(crate) fn scan_everything(&mut self) {
        let started = Instant::now();
        if !self.check_presence() {
            self.full_scan = Instant::now() + self.options.look_again;
            return;
        }
        self.generation += 1;
        let retried = self.retry_refused();
        if matches!(self.enter(Path::new("")), Entered::Open(_)) && !retried {
            self.tell_mode();
        }
        self.walk(Path::new(""));
        self.tell_mode();
        if self.is_ended() {
            return;
        }
        let old = self.tree.branches();
        let gone: Vec<PathBuf> = old
            .filter(|(_, branch)| branch.generation != self.generation)
            .map(|(path, _)| path.clone())
            .collect();
        for folder in gone {
            // It may be there and only not answer. If it is there and not looked into any more, the rules changed.
            let there = matches!(
                look::at(&self.root, &self.root.join(&folder)),
                Ok(Look::Folder) | Err(_)
            );
            if !there || self.is_left_alone(&folder) {
                self.forget_folder(&folder);
            }
        }
        let took = started.elapsed();
        self.last_scan = Some((crate::time::Timestamp::now(), took));
        // A scan that takes long comes less often: at most a twentieth of the time goes into scanning.
        self.full_scan = Instant::now() + self.options.scan_reported.max(took * 20);
        self.plan_poll(took);
        if let Some(files) = self.existing.take() {
            let pipeline = self.folder.pipeline.clone();
            self.send(WatchUpdate::Existing { pipeline, files });
        }
    }

    /// Looks at the folders whose changes may go unreported.
    pub(crate) fn scan_polled(&mut self) {
        let started = Instant::now();
        if !self.check_presence() {
            self.full_scan = Instant::now() + self.options.look_again;
            return;
        }
        self.generation += 1;
        let all = self.mode().0;
        let polled = self.tree.branches();
        let folders: Vec<PathBuf> = polled
            .filter(|(_, branch)| all || branch.mount.is_polled())
            .map(|(path, _)| path.clone())
            .collect();
        for folder in folders {
            let seen = self.tree.branch(&folder);
            if seen.is_some_and(|branch| branch.generation != self.generation) {
                self.walk(&folder);
            }
        }
        self.plan_poll(started.elapsed());
    }

    fn plan_poll(&mut self, took: Duration) {
        let polled = self.mode().0
            || (self.folder.spec.polling.is_none()
                && self
                    .tree
                    .branches()
                    .any(|(_, branch)| branch.mount.is_polled()));
        let pause = self.options.scan_polled.max(took * 5);
        self.poll = polled.then(|| Instant::now() + pause.min(self.options.scan_polled_max));
    }

    /// Whether what changes in the folder of this file is found by a poll. A folder that is not known yet goes with the one above it.
    pub(crate) fn is_polled(&self, file: &Path) -> bool {
        let mut above = file.ancestors().skip(1);
        let branch = above.find_map(|folder| self.tree.branch(folder));
        self.mode().0 || branch.is_some_and(|branch| branch.mount.is_polled())
    }

    /// A folder was seen below the watched one.
    pub(crate) fn folder_seen(&mut self, folder: &Path) {
        if self.enter_below(folder) {
            self.walk(folder);
        }
    }

    /// Scans a folder and everything below it.
    fn walk(&mut self, folder: &Path) {
        let mut waiting = vec![folder.to_path_buf()];
        while let Some(folder) = waiting.pop() {
            if self.is_ended() {
                return;
            }
            match self.enter(&folder) {
                Entered::Open(opened) => self.list(&folder, &opened, &mut waiting),
                Entered::Gone => self.forget_folder(&folder),
                Entered::Frozen => {
                    let below = self.tree.below(&folder);
                    for path in below {
                        if let Some(branch) = self.tree.branch_mut(&path) {
                            branch.generation = self.generation;
                        }
                    }
                }
            }
        }
    }

    /// Takes account of a folder, and asks for its events *before* it is listed, so that nothing falls between the two.
    fn enter(&mut self, folder: &Path) -> Entered {
        let path = self.root.join(folder);
        let opened = match beneath::open(&self.root, &path, Links::Refused) {
            Ok(Some(opened)) => opened,
            Ok(None) => return Entered::Gone,
            // A link has taken its place: that is refused where it is listed.
            Err(error) if error.kind() == Kind::Link => return Entered::Gone,
            Err(_) => return Entered::Frozen,
        };
        let Ok(found) = rustix::fs::fstat(&opened) else {
            return Entered::Frozen;
        };
        let (device, inode) = (found.st_dev, found.st_ino);
        let above = folder.parent().and_then(|above| self.tree.branch(above));
        let above = above.map(|above| above.device);
        if let Some(known) = self.tree.branch(folder)
            && known.device != device
            && above == Some(device)
        {
            // A mount below the watched folder went away and the bare folder shows.
            return Entered::Frozen;
        }
        let known = self.tree.branch(folder);
        let same = known.is_some_and(|known| (known.device, known.inode) == (device, inode));
        if !same {
            let Ok(mount) = mount::of(&path) else {
                return Entered::Frozen;
            };
            self.unwatch(&path);
            match self.tree.branch_mut(folder) {
                Some(branch) => {
                    (branch.device, branch.inode) = (device, inode);
                    branch.mount = mount;
                    branch.watched = false;
                }
                None => {
                    let branch = Branch::new(device, inode, mount, self.generation);
                    self.tree.insert_branch(folder, branch);
                }
            }
        }
        let closed = closed(&path);
        let watched = self.watch(folder, &path);
        if let Some(branch) = self.tree.branch_mut(folder) {
            branch.generation = self.generation;
            branch.closed = closed;
            branch.watched = watched;
        }
        Entered::Open(opened)
    }

    fn list(&mut self, folder: &Path, opened: &OwnedFd, below: &mut Vec<PathBuf>) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // Not to be read: nothing is concluded. `enter` has said why.
        let Ok(opened) = rustix::fs::openat(opened, ".", flags, Mode::empty()) else {
            return;
        };
        let mut buffer = Vec::with_capacity(LISTED_AT_ONCE);
        let mut entries = RawDir::new(&opened, buffer.spare_capacity_mut());
        let mut whole = true;
        let mut count = 0;
        while let Some(entry) = entries.next() {
            count += 1;
            if count % BETWEEN_COMMANDS == 0 {
                self.obey_waiting();
            }
            if self.is_ended() {
                return;
            }
            match entry {
                Ok(entry) => {
                    let name = OsStr::from_bytes(entry.file_name().to_bytes());
                    self.listed(folder, &opened, name, entry.file_type(), below);
                }
                Err(_) => {
                    // It would be the same again.
                    whole = false;
                    break;
                }
            }
        }
        if whole {
            self.conclude(folder);
        }
    }

    fn listed(
        &mut self,
        folder: &Path,
        opened: &OwnedFd,
        name: &OsStr,
        kind: FileType,
        below: &mut Vec<PathBuf>,
    ) {
        if ignore::hidden(name).is_some() {
            return;
        }
        let path = folder.join(name);
        // Of a link this is the link itself.
        let look = || {
            let found = rustix::fs::statat(opened, name, AtFlags::SYMLINK_NOFOLLOW);
            found.ok().map(|found| look::of(&found))
        };
        // Some file systems do not list what a thing is.
        let early = (kind == FileType::Unknown).then(look).flatten();
        if kind == FileType::Directory || early == Some(Look::Folder) {
            if self.enter_below(&path) {
                below.push(path);
            }
            return;
        }
        if let Some(known) = self.tree.entry_mut(&path)
            && matches!(known.stand, Stand::Ignored { by_name: true, .. })
        {
            known.generation = self.generation;
            return;
        }
        match early.or_else(look) {
            Some(Look::File(identity)) => {
                let seen_by = SeenBy::Scan;
                self.seen(
                    &path,
                    Sight {
                        identity,
                        seen_by,
                        hint: None,
                    },
                );
            }
            Some(Look::Refused(what)) => self.refuse(&path, what, SeenBy::Scan),
            // Gone meanwhile, or no answer: `conclude` looks again.
            _ => {}
        }
    }

    /// Forgets the files of a folder that the scan did not see and that a second look does not find either.
    fn conclude(&mut self, folder: &Path) {
        let generation = self.generation;
        let unseen = self
            .tree
            .files_in(folder, |entry| entry.generation != generation);
        for file in unseen {
            match look::at(&self.root, &self.root.join(&file)) {
                Ok(Look::Missing) => self.missing(&file),
                Ok(Look::Folder) => {
                    self.tree.take(&file);
                    self.changes += 1;
                }
                _ => {}
            }
        }
    }

    /// Whether a folder is still the one that was listed: if it was unmounted meanwhile, its files only seem to be gone.
    pub(crate) fn is_still_there(&self, folder: &Path) -> bool {
        let found = std::fs::metadata(self.root.join(folder));
        let known = self.tree.branch(folder);
        match (found, known) {
            (Ok(found), Some(known)) => found.dev() == known.device,
            _ => false,
        }
    }

    /// Whether a folder below the watched one is looked into; if not, it is listed with the reason.
    fn enter_below(&mut self, folder: &Path) -> bool {
        let reason = match self.rule_against_folder(folder) {
            None => return true,
            Some(reason) => reason,
        };
        match self.tree.entry_mut(folder) {
            Some(known) => known.generation = self.generation,
            None => self.ignore(folder, reason.into(), true, SeenBy::Scan),
        }
        false
    }

    /// Why a folder below the watched one is not looked into.
    pub(crate) fn rule_against_folder(&self, folder: &Path) -> Option<String> {
        if let Ok(rules) = &self.rules
            && let Verdict::Leave(reason) = rules.folder(folder)
        {
            return Some(reason.into_owned());
        }
        if !self.folder.spec.recursive {
            return Some(
                "it is a folder, and the pipeline does not look into folders (`watch.recursive: true` makes it)"
                    .to_owned(),
            );
        }
        if folder.components().count() > self.options.depth {
            let depth = self.options.depth;
            return Some(format!("it lies more than {depth} folders deep"));
        }
        None
    }

    /// Whether this folder, or one above it, is not looked into.
    fn is_left_alone(&self, folder: &Path) -> bool {
        let above = folder.ancestors().filter(|one| !one.as_os_str().is_empty());
        let mut rules = above.filter_map(|one| self.rule_against_folder(one));
        rules.next().is_some()
    }

    /// A folder and everything below it is gone.
    pub(crate) fn forget_folder(&mut self, folder: &Path) {
        if folder.as_os_str().is_empty() {
            // The watched folder itself: that is for `check_presence` to judge.
            self.full_scan = Instant::now();
            return;
        }
        for path in self.tree.below(folder) {
            self.unwatch(&self.root.join(&path));
            for (file, entry) in self.tree.remove_branch(&path) {
                self.gone(&file, &entry);
            }
        }
    }
}

/// Why files of this folder cannot be taken out of it.
fn closed(folder: &Path) -> Option<String> {
    let needed = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    match rustix::fs::accessat(CWD, folder, needed, AtFlags::EACCESS) {
        Ok(()) => None,
        Err(errno) => Some(probe::blocked(folder, &io::Error::from(errno)).reason),
    }
}
