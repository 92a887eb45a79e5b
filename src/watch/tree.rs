//! What is known of a watched folder: the folders in it and every file that is not a job yet.

use crate::watch::brief::Brief;
use crate::watch::mount::Mount;
use crate::watch::settle::Settling;
use crate::watch::told::Said;
use crate::watch::update::SeenBy;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// A folder that holds no more than an eighth of what it has room for gives room back, if it is for more than this.
const ROOM: usize = 1_024;

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
    pub(crate) generation: u32,
    /// Its files, by their paths below the watched folder. Who has to find a file again holds the same path, not a copy.
    files: HashMap<Arc<Path>, Entry>,
}

/// A file that is not a job yet. Very many may wait, so it is small.
#[derive(Debug)]
pub(crate) struct Entry {
    /// How it was noticed.
    pub(crate) seen_by: SeenBy,
    /// When.
    pub(crate) since: Instant,
    /// The scan that saw it last.
    pub(crate) generation: u32,
    /// Where it stands.
    pub(crate) stand: Stand,
}

/// Where a file stands.
#[derive(Debug)]
pub(crate) enum Stand {
    /// It is waited for.
    Settling(Box<Waiting>),
    /// It has settled and waits until it is offered.
    Settled {
        /// As whom.
        identity: Brief,
        /// How often it was declined for later.
        declined: u32,
    },
    /// It could not be taken and waits alone until it is offered again.
    Refused(Box<Refused>),
    /// It was offered.
    Offered {
        /// As whom.
        identity: Brief,
        /// How often it was declined for later.
        declined: u32,
    },
    /// It was taken and is about to leave.
    Taken {
        /// As whom.
        identity: Brief,
    },
    /// It stays until it changes.
    Left(Box<Left>),
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

impl Stand {
    /// Whether somebody has to do something before the file can be taken: it cannot be read, or may not be moved.
    pub(crate) fn is_kept_back(&self) -> bool {
        match self {
            Self::Settling(waiting) => waiting.settling.is_kept_back(),
            Self::Refused(_) => true,
            _ => false,
        }
    }
}

/// A file that is waited for.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The timer.
    pub(crate) settling: Settling,
    /// What was last said about it.
    pub(crate) said: Option<Said>,
    /// When it has to be looked at again.
    pub(crate) due: Option<Instant>,
}

/// A file that could not be taken.
#[derive(Debug)]
pub(crate) struct Refused {
    /// As whom.
    pub(crate) identity: Brief,
    /// How often it was declined for later.
    pub(crate) declined: u32,
    /// Why, the last time.
    pub(crate) reason: String,
    /// When it is offered again.
    pub(crate) due: Instant,
}

/// A file that stays until it changes.
#[derive(Debug)]
pub(crate) struct Left {
    /// As whom.
    pub(crate) identity: Brief,
    /// Why.
    pub(crate) reason: Cow<'static, str>,
}

/// How many files stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) settling: u64,
    pub(crate) offered: u64,
    pub(crate) ignored: u64,
    /// Of the settling and the offered: those that cannot be read or taken.
    pub(crate) kept_back: u64,
}

/// What is known of a watched folder. Paths are relative to it; it is itself the empty path.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    branches: HashMap<PathBuf, Branch>,
    counts: Counts,
}

impl Branch {
    pub(crate) fn new(device: u64, inode: u64, mount: Mount, generation: u32) -> Self {
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
    pub(crate) fn remove_branch(&mut self, folder: &Path) -> Vec<(Arc<Path>, Entry)> {
        let Some(branch) = self.branches.remove(folder) else {
            return Vec::new();
        };
        for entry in branch.files.values() {
            count(&mut self.counts, entry, false);
        }
        branch.files.into_iter().collect()
    }

    pub(crate) fn entry(&self, file: &Path) -> Option<&Entry> {
        self.branches.get(file.parent()?)?.files.get(file)
    }

    pub(crate) fn entry_mut(&mut self, file: &Path) -> Option<&mut Entry> {
        self.branches.get_mut(file.parent()?)?.files.get_mut(file)
    }

    /// Takes an entry out, to change it and put it back.
    pub(crate) fn take(&mut self, file: &Path) -> Option<(Arc<Path>, Entry)> {
        let files = &mut self.branches.get_mut(file.parent()?)?.files;
        let (path, entry) = files.remove_entry(file)?;
        if files.capacity() > ROOM && files.len() < files.capacity() / 8 {
            files.shrink_to(files.len() * 2);
        }
        count(&mut self.counts, &entry, false);
        Some((path, entry))
    }

    /// Puts an entry in. One whose folder is not known (any more) is dropped: a scan finds the file.
    pub(crate) fn put(&mut self, file: &Arc<Path>, entry: Entry) {
        let branch = file.parent().map(|folder| self.branches.get_mut(folder));
        let Some(Some(branch)) = branch else {
            return;
        };
        count(&mut self.counts, &entry, true);
        if let Some(old) = branch.files.insert(Arc::clone(file), entry) {
            count(&mut self.counts, &old, false);
        }
    }

    /// The files in a folder for which this holds.
    pub(crate) fn files_in(&self, folder: &Path, holds: impl Fn(&Entry) -> bool) -> Vec<Arc<Path>> {
        let Some(branch) = self.branches.get(folder) else {
            return Vec::new();
        };
        let files = branch.files.iter().filter(|(_, entry)| holds(entry));
        files.map(|(file, _)| Arc::clone(file)).collect()
    }

    /// All files for which this holds.
    pub(crate) fn files(&self, holds: impl Fn(&Entry) -> bool) -> Vec<Arc<Path>> {
        let mut found = Vec::new();
        for branch in self.branches.values() {
            let files = branch.files.iter().filter(|(_, entry)| holds(entry));
            found.extend(files.map(|(file, _)| Arc::clone(file)));
        }
        found
    }
}

fn count(counts: &mut Counts, entry: &Entry, more: bool) {
    let change = |counter: &mut u64| {
        *counter = if more {
            *counter + 1
        } else {
            counter.saturating_sub(1)
        };
    };
    if entry.stand.is_kept_back() {
        change(&mut counts.kept_back);
    }
    let counter = match entry.stand {
        Stand::Settling(_) => &mut counts.settling,
        Stand::Settled { .. } | Stand::Refused(_) | Stand::Offered { .. } => &mut counts.offered,
        Stand::Taken { .. } => return,
        Stand::Left(_) | Stand::Ignored { .. } => &mut counts.ignored,
    };
    change(counter);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::event::Identity;

    fn entry() -> Entry {
        let identity = Identity {
            device: 1,
            inode: 2,
            size: 3,
            mtime_ns: 4,
            ctime_ns: 5,
        };
        Entry {
            seen_by: SeenBy::Scan,
            since: Instant::now(),
            generation: 0,
            stand: Stand::Settled {
                identity: identity.into(),
                declined: 0,
            },
        }
    }

    #[test]
    fn a_file_that_waits_takes_few_bytes() {
        // Besides these: the path once on the heap, some 50 bytes, and in the queue a pointer to it, 16; tables are half full at the
        // least.
        let in_table = size_of::<(Arc<Path>, Entry)>();
        assert!(in_table <= 96, "{in_table} bytes");
    }

    #[test]
    fn what_a_burst_has_taken_of_memory_is_given_back() {
        let mut tree = Tree::default();
        let mount = crate::watch::mount::of(Path::new("/")).expect("it can say");
        tree.insert_branch(Path::new(""), Branch::new(1, 1, mount, 0));
        let files: Vec<Arc<Path>> = (0..100_000)
            .map(|number| Path::new(&format!("{number}.pdf")).into())
            .collect();
        for round in 0..3 {
            for file in &files {
                tree.put(file, entry());
            }
            assert_eq!(tree.counts().offered, 100_000, "round {round}");
            for file in &files {
                assert!(tree.take(file).is_some());
            }
            assert_eq!(tree.counts(), Counts::default());
            let room = tree.branches[Path::new("")].files.capacity();
            assert!(room <= ROOM, "round {round} leaves room for {room}");
        }
    }
}
