//! What is known of a watched folder: the folders in it and every file that is not a job yet.

use crate::job::event::Identity;
use crate::watch::mount::Mount;
use crate::watch::settle::Settling;
use crate::watch::told::Said;
use crate::watch::update::SeenBy;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A folder: the watched one or one below it.
#[derive(Debug)]
pub(crate) struct Branch {
    /// The device it lies on.
    pub(crate) device: u64,
    /// Its inode: another one means another folder under the same name.
    pub(crate) inode: u64,
    /// Its file system.
    pub(crate) mount: Mount,
    /// Whether events about it are asked for.
    pub(crate) watched: bool,
    /// Why its files cannot be taken.
    pub(crate) closed: Option<String>,
    /// The scan that saw it last.
    pub(crate) generation: u64,
    /// Its files.
    files: HashMap<OsString, Entry>,
}

/// A file that is not a job yet.
#[derive(Debug)]
pub(crate) struct Entry {
    /// How it was noticed.
    pub(crate) seen_by: SeenBy,
    /// When.
    pub(crate) since: Instant,
    /// The scan that saw it last.
    pub(crate) generation: u64,
    /// When it has to be looked at again.
    pub(crate) due: Option<Instant>,
    /// Where it stands.
    pub(crate) stand: Stand,
}

/// Where a file stands.
#[derive(Debug)]
pub(crate) enum Stand {
    /// It is waited for.
    Settling {
        /// The timer.
        settling: Box<Settling>,
        /// What was last said about it.
        said: Option<Said>,
    },
    /// It was offered.
    Offered {
        /// As whom.
        identity: Identity,
        /// How often it was declined for later.
        declined: u32,
    },
    /// It was taken and is about to leave.
    Taken {
        /// As whom.
        identity: Identity,
    },
    /// It stays until it changes.
    Left {
        /// As whom.
        identity: Identity,
        /// Why.
        reason: Cow<'static, str>,
    },
    /// It stays.
    Ignored {
        /// By which rule.
        reason: Cow<'static, str>,
        /// The rule is about its name, so that looking again changes nothing.
        by_name: bool,
        /// It was told that it stays.
        told: bool,
    },
}

/// How many files stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) settling: u64,
    pub(crate) offered: u64,
    pub(crate) ignored: u64,
}

/// What is known of a watched folder. Paths are relative to it; it is itself the empty path.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    branches: HashMap<PathBuf, Branch>,
    counts: Counts,
}

impl Branch {
    pub(crate) fn new(device: u64, inode: u64, mount: Mount, generation: u64) -> Self {
        Self {
            device,
            inode,
            mount,
            watched: false,
            closed: None,
            generation,
            files: HashMap::new(),
        }
    }
}

impl Tree {
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn len(&self) -> usize {
        self.branches.len()
    }

    pub(crate) fn branch(&self, folder: &Path) -> Option<&Branch> {
        self.branches.get(folder)
    }

    pub(crate) fn branch_mut(&mut self, folder: &Path) -> Option<&mut Branch> {
        self.branches.get_mut(folder)
    }

    /// All folders, with what is known of them.
    pub(crate) fn branches(&self) -> impl Iterator<Item = (&PathBuf, &Branch)> {
        self.branches.iter()
    }

    pub(crate) fn branches_mut(&mut self) -> impl Iterator<Item = &mut Branch> {
        self.branches.values_mut()
    }

    pub(crate) fn insert_branch(&mut self, folder: &Path, branch: Branch) {
        self.branches.insert(folder.to_path_buf(), branch);
    }

    /// The folders with this one above them, itself included.
    pub(crate) fn below(&self, folder: &Path) -> Vec<PathBuf> {
        let all = self.branches.keys();
        all.filter(|path| path.starts_with(folder))
            .cloned()
            .collect()
    }

    /// Forgets a folder (not those below it) and gives its files.
    pub(crate) fn remove_branch(&mut self, folder: &Path) -> Vec<(PathBuf, Entry)> {
        let Some(branch) = self.branches.remove(folder) else {
            return Vec::new();
        };
        let mut files = Vec::with_capacity(branch.files.len());
        for (name, entry) in branch.files {
            self.count(&entry, false);
            files.push((folder.join(name), entry));
        }
        files
    }

    pub(crate) fn entry(&self, file: &Path) -> Option<&Entry> {
        let (folder, name) = split(file)?;
        self.branches.get(folder)?.files.get(name)
    }

    pub(crate) fn entry_mut(&mut self, file: &Path) -> Option<&mut Entry> {
        let (folder, name) = split(file)?;
        self.branches.get_mut(folder)?.files.get_mut(name)
    }

    /// Takes an entry out, to change it and put it back.
    pub(crate) fn take(&mut self, file: &Path) -> Option<Entry> {
        let (folder, name) = split(file)?;
        let entry = self.branches.get_mut(folder)?.files.remove(name)?;
        self.count(&entry, false);
        Some(entry)
    }

    /// Puts an entry in. One whose folder is not known (any more) is dropped: a scan finds the file.
    pub(crate) fn put(&mut self, file: &Path, entry: Entry) {
        let Some((folder, name)) = split(file) else {
            return;
        };
        if !self.branches.contains_key(folder) {
            return;
        }
        self.count(&entry, true);
        if let Some(branch) = self.branches.get_mut(folder)
            && let Some(old) = branch.files.insert(name.to_os_string(), entry)
        {
            self.count(&old, false);
        }
    }

    /// The names in a folder for which this holds.
    pub(crate) fn names(&self, folder: &Path, holds: impl Fn(&Entry) -> bool) -> Vec<OsString> {
        let Some(branch) = self.branches.get(folder) else {
            return Vec::new();
        };
        let files = branch.files.iter().filter(|(_, entry)| holds(entry));
        files.map(|(name, _)| name.clone()).collect()
    }

    /// The paths of all files for which this holds.
    pub(crate) fn files(&self, holds: impl Fn(&Entry) -> bool) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for (folder, branch) in &self.branches {
            let files = branch.files.iter().filter(|(_, entry)| holds(entry));
            found.extend(files.map(|(name, _)| folder.join(name)));
        }
        found
    }

    fn count(&mut self, entry: &Entry, more: bool) {
        let counts = &mut self.counts;
        let counter = match entry.stand {
            Stand::Settling { .. } => &mut counts.settling,
            Stand::Offered { .. } => &mut counts.offered,
            Stand::Taken { .. } => return,
            Stand::Left { .. } | Stand::Ignored { .. } => &mut counts.ignored,
        };
        *counter = if more {
            *counter + 1
        } else {
            counter.saturating_sub(1)
        };
    }
}

/// A file's folder and name.
fn split(file: &Path) -> Option<(&Path, &OsStr)> {
    Some((file.parent()?, file.file_name()?))
}
