//! Final names, chosen before the point of no return so that the journal can hold them.
//!
//! A planned name is reserved until its job is delivered or gives it up, so that two jobs at once never plan the same one. A
//! stranger may still take it meanwhile: then the redo numbers on, and never replaces what it was not told to. Under
//! `if_exists: overwrite` jobs at once may plan one name, and the last one's file stays; what one job makes has names of its own
//! even then. The disk is looked at
//! while nothing is locked: a folder that does not answer keeps no other pipeline from planning.

use crate::job::id::JobId;
use crate::job::redo::Collision;
use crate::pipeline::checked::IfExists;
use crate::spool::name::{self, BadName};
use crate::spool::{Spool, odd};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
    /// What is put beside it under its name with these endings (`.json`); they are free as well.
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
        let (path, collision) = match wanted.if_exists {
            // Numbered by what this job makes, not by the disk: the files of an earlier run are replaced one by one.
            IfExists::Overwrite => {
                let ours = |path: &Path| self.is_planned_by(path, wanted.job);
                (free(&path, room, ours), Collision::Overwrite)
            }
            IfExists::Skip if !self.is_planned_by(&path, wanted.job) => (path, Collision::Skip),
            _ => return self.plan_free(path, wanted, room),
        };
        // Another job may have planned it as well, and does not lose it by that.
        let mut reserved = self.reserved();
        reserved.entry(path.clone()).or_default().push(wanted.job);
        drop(reserved);
        Ok(Planned { path, collision })
    }

    fn is_planned_by(&self, path: &Path, job: JobId) -> bool {
        let reserved = self.reserved();
        reserved.get(path).is_some_and(|whose| whose.contains(&job))
    }

    fn plan_free(
        &self,
        path: PathBuf,
        wanted: &Wanted<'_>,
        room: usize,
    ) -> Result<Planned, PlanError> {
        loop {
            if wanted.if_exists == IfExists::Fail && self.is_taken(&path, &[]) {
                return Err(PlanError::Exists(path));
            }
            let free = free(&path, room, |path| self.is_taken(path, wanted.companions));
            if self.reserve(&free, wanted.job) {
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
            let free = free(&wanted, room, |path| self.is_taken(path, companions));
            if self.reserve(&free, job) {
                return free;
            }
        }
    }

    /// Whether nobody else has planned this name meanwhile.
    fn reserve(&self, path: &Path, job: JobId) -> bool {
        match self.reserved().entry(path.to_path_buf()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(vec![job]);
                true
            }
        }
    }

    /// Gives up everything that was planned for a job.
    pub fn release(&self, job: JobId) {
        self.reserved().retain(|_, whose| {
            whose.retain(|other| *other != job);
            !whose.is_empty()
        });
    }

    fn is_taken(&self, path: &Path, companions: &[&str]) -> bool {
        let exists = |path: &Path| std::fs::symlink_metadata(path).is_ok();
        let is_reserved = self.reserved().contains_key(path);
        is_reserved
            || exists(path)
            || companions
                .iter()
                .any(|ending| exists(&companion(path, ending)))
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
