//! Final names, chosen before the point of no return so that the journal can hold them.
//!
//! A planned name is reserved until its job is delivered or gives it up, so that two jobs at once never plan the same one. A
//! stranger may still take it meanwhile: then the redo numbers on, and never replaces what it was not told to. Under
//! `if_exists: overwrite` jobs at once may plan one name, and the last one's file stays; what one job makes has names of its own
//! even then. The disk is looked at
//! while nothing is locked: a folder that does not answer keeps no other pipeline from planning.

use crate::job::id::JobId;
use crate::job::redo::{Collision, Redo};
use crate::pipeline::checked::IfExists;
use crate::raw_path::RawPath;
use crate::spool::name::{self, BadName};
use crate::spool::{Spool, odd};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

/// A name that is wanted for an output.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// For whom.
    pub job: JobId,
    /// The folder that no output leaves.
    pub root: &'a Path,
    /// The rendered text of the folder below `root`; may be empty.
    pub folder: &'a str,
    /// The rendered text of the name; it may have folders of its own.
    pub name: &'a str,
    /// What is done where the name is taken.
    pub if_exists: IfExists,
    /// What is put beside it under its name with these endings (`.json`); those names are the job's as well.
    pub companions: &'a [&'a str],
}

/// A name that was planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The path.
    pub path: PathBuf,
    /// What the redo does if it is taken after all.
    pub collision: Collision,
}

/// Why no name could be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The text cannot be a name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The name is taken and the pipeline says `if_exists: fail`.
    #[error("the output `{0}` already exists")]
    Exists(PathBuf),
}

impl Spool {
    /// Plans the name of an output.
    ///
    /// # Errors
    /// The text cannot be a name, or it is taken under `if_exists: fail`.
    pub fn plan(&self, wanted: &Wanted<'_>) -> Result<Planned, PlanError> {
        let room = wanted.companions.iter().map(|end| end.len()).max();
        let room = room.unwrap_or(0);
        let folder = folder_below(wanted.root, wanted.folder)?;
        let path = folder.join(name::below(wanted.name, room)?);
        name::check_length(&path)?;
        let below = path.strip_prefix(wanted.root).unwrap_or(&path);
        if let Some(part) = odd::refused(wanted.root, below, room) {
            let (folder, name) = (wanted.root.to_path_buf(), part.to_string_lossy().into());
            return Err(BadName::Refused { folder, name }.into());
        }
        // Two outputs of one job that want one name are both wanted, whatever the rule about earlier files.
        let collision = match wanted.if_exists {
            IfExists::Overwrite => Collision::Overwrite,
            IfExists::Skip => Collision::Skip,
            IfExists::Number | IfExists::Fail => return self.plan_free(path, wanted, room),
        };
        // Numbered by what this job makes, not by the disk: the files of an earlier run are met one by one.
        let path = free(&path, room, |path| self.is_planned_by(path, wanted));
        let mut reserved = self.reserved();
        for path in names(&path, wanted.companions) {
            // Another job may have planned it as well, and does not lose it by that.
            reserved.entry(path).or_default().push(wanted.job);
        }
        drop(reserved);
        Ok(Planned { path, collision })
    }

    /// Whether the job that wants it has planned this name, or one of those beside it, for something else.
    fn is_planned_by(&self, path: &Path, wanted: &Wanted<'_>) -> bool {
        let reserved = self.reserved();
        let is_ours = |path: PathBuf| {
            let whose = reserved.get(&path);
            whose.is_some_and(|whose| whose.contains(&wanted.job))
        };
        names(path, wanted.companions).any(is_ours)
    }

    fn plan_free(
        &self,
        path: PathBuf,
        wanted: &Wanted<'_>,
        room: usize,
    ) -> Result<Planned, PlanError> {
        loop {
            if wanted.if_exists == IfExists::Fail
                && !self.is_planned_by(&path, wanted)
                && let Some(taken) = self.taken(&path, wanted.companions)
            {
                return Err(PlanError::Exists(taken));
            }
            let is_taken = |path: &Path| self.taken(path, wanted.companions).is_some();
            let free = free(&path, room, is_taken);
            if self.reserve(&free, wanted.companions, wanted.job) {
                return Ok(Planned {
                    path: free,
                    collision: Collision::Number,
                });
            }
        }
    }

    /// Plans where an original goes: below `folder` under its path below the inbox, numbered where that (or a companion's
    /// name) is taken. What the file system there does not take of the name is replaced. Blocking.
    #[must_use]
    pub fn plan_original(
        &self,
        job: JobId,
        folder: &Path,
        relative: &Path,
        companions: &[&str],
    ) -> PathBuf {
        let room = companions.iter().map(|end| end.len()).max().unwrap_or(0);
        let wanted = folder.join(odd::taken(folder, relative, room));
        loop {
            let free = free(&wanted, room, |path| self.taken(path, companions).is_some());
            if self.reserve(&free, companions, job) {
                return free;
            }
        }
    }

    /// Whether nobody has planned this name, or one of those beside it, meanwhile: then they are the job's.
    fn reserve(&self, path: &Path, companions: &[&str], job: JobId) -> bool {
        let mut reserved = self.reserved();
        if names(path, companions).any(|path| reserved.contains_key(&path)) {
            return false;
        }
        reserved.extend(names(path, companions).map(|path| (path, vec![job])));
        true
    }

    /// Plans once more what a delivery of an earlier life is to bring, so that nobody else gets one of its names before it is made.
    pub fn plan_again(&self, job: JobId, redo: &Redo) {
        let mut reserved = self.reserved();
        for RawPath(path) in redo.moves.iter().filter_map(|step| step.to.clone()) {
            reserved.entry(path).or_default().push(job);
        }
    }

    /// Gives up everything that was planned for a job, or staged.
    pub fn release(&self, job: JobId) {
        self.at_work.end(job);
        self.reserved().retain(|_, whose| {
            whose.retain(|other| *other != job);
            !whose.is_empty()
        });
    }

    /// Which of the names is taken: by a file, or by a plan.
    fn taken(&self, path: &Path, companions: &[&str]) -> Option<PathBuf> {
        let is_taken = |path: &PathBuf| {
            self.reserved().contains_key(path) || std::fs::symlink_metadata(path).is_ok()
        };
        names(path, companions).find(is_taken)
    }

    fn reserved(&self) -> MutexGuard<'_, HashMap<PathBuf, Vec<JobId>>> {
        // Each change is one insertion or removal: a panic elsewhere leaves the map whole.
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first free name of `name`, `name-1`, `name-2`, ... Where many are taken it is looked for in doubling steps and then
/// between the last two, so that ten thousand files of one name cost a few looks each.
fn free(path: &Path, room: usize, is_taken: impl Fn(&Path) -> bool) -> PathBuf {
    let name = path.file_name().unwrap_or(OsStr::new("unnamed"));
    let at = |number| path.with_file_name(name::numbered(name, number, room));
    let taken = |number| is_taken(&at(number));
    if !taken(0) {
        return at(0);
    }
    let (mut low, mut high) = (0, 1);
    while taken(high) && high < u32::MAX / 2 {
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if taken(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    at(high)
}

/// The path of an output, and of what is put beside it.
fn names<'a>(path: &'a Path, companions: &'a [&'a str]) -> impl Iterator<Item = PathBuf> + 'a {
    let beside = companions.iter().map(|ending| companion(path, ending));
    std::iter::once(path.to_path_buf()).chain(beside)
}

/// The path of what is put beside an output: its whole name with this ending.
#[must_use]
pub fn companion(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(ending);
    path.with_file_name(name)
}

fn folder_below(root: &Path, text: &str) -> Result<PathBuf, BadName> {
    if text.trim_matches('/').is_empty() {
        return Ok(root.to_path_buf());
    }
    // A folder is checked as a name is; a `/` at its end means nothing.
    Ok(root.join(name::below(text.trim_end_matches('/'), 0)?))
}
