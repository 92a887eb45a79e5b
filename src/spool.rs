//! Every move of a file: inbox -> claimed -> (a worker) -> staged -> outbox, archive or failed.
//!
//! The functions block; they belong on threads where that is allowed. Each is idempotent: after a crash the same call with the
//! same arguments finishes what the first one began (`docs/durability.md` has the table). Where things lie:
//!
//! ```text
//! <inbox>/.dropleaf/claimed/<job>       the original, from the claim until the delivery
//! <inbox>/.dropleaf/uploads/<job>.part  an upload on its way in
//! <outbox>/.dropleaf/staged/<job>-<n>   outputs and notes, whole and synced, before they get their names
//! ```

mod aside;
mod at_work;
pub mod claim;
mod contents;
mod fickle;
pub mod ground;
pub(crate) mod mark;
pub mod name;
pub mod odd;
pub mod plan;
pub mod redo;
pub mod stage;
pub mod sweep;

use crate::durable::spot::Spot;
use crate::durable::{self, Content, private, probe};
use crate::job::event::Identity;
use crate::job::id::JobId;
use crate::mounts::Mounts;
use crate::owner::{NotOurs, Owner};
use crate::pipeline::folders::OUR_FOLDER;
use crate::spool::at_work::AtWork;
use crate::spool::contents::Contents;
use crate::spool::fickle::Fickle;
use crate::spool::ground::{Away, Ground};
use crate::spool::mark::Replaced;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The mode of our own folders: what is claimed is nobody's business.
const PRIVATE: u32 = 0o700;

/// The mode of outboxes and archives that have to be made, less the umask.
const SHARED: u32 = 0o777;

/// The spool. Cloning it gives another handle to the same one.
#[derive(Clone, Debug, Default)]
pub struct Spool {
    /// Names that were planned and are not taken on disk yet, and for whom.
    reserved: Arc<Mutex<HashMap<PathBuf, Vec<JobId>>>>,
    /// For which jobs something is staged.
    at_work: AtWork,
    /// Whose results replace others just now.
    turns: redo::Turns,
    /// Where folders lay when they were looked at last; `None` where one is being looked at for the first time.
    grounds: Arc<Mutex<HashMap<PathBuf, Option<Ground>>>>,
    /// File systems on which a rename gives a file another identity.
    fickle: Fickle,
    /// What was read of claimed files.
    contents: Contents,
    /// What was mounted in earlier lives.
    mounts: Mounts,
    /// Whose folders files are taken from.
    owner: Owner,
}

impl Spool {
    /// A spool in which nothing is planned yet.
    #[must_use]
    pub fn new(mounts: Mounts, owner: Owner) -> Self {
        Self {
            mounts,
            owner,
            ..Self::default()
        }
    }

    /// The same, in which no file of more bytes is read when it is taken.
    #[must_use]
    pub fn that_reads_up_to(self, limit: u64) -> Self {
        self.contents.set_limit(limit);
        self
    }

    /// Nobody waits any more for the content of the file that is to be held there to be read.
    pub fn halt(&self, held: &Path) {
        self.contents.halt(held);
    }

    /// The same for all files, from now on.
    pub fn halt_all(&self) {
        self.contents.halt_all();
    }

    /// Makes an outbox, archive or `failed` folder ready: it is there and can be written.
    ///
    /// # Errors
    /// It cannot be made or used; the reason names owner, mode and uid.
    pub fn prepare(&self, folder: &Path) -> Result<(), probe::Blocked> {
        let made = durable::make_folders(folder, SHARED);
        made.map_err(|error| probe::blocked(folder, error.io()))?;
        probe::folder(folder)
    }

    /// Whether files are taken from this inbox, which must be there, by us and nobody else. Blocking.
    ///
    /// # Errors
    /// It is another home's.
    pub fn owns(&self, inbox: &Path) -> Result<(), NotOurs> {
        self.owner.take(&inbox.join(OUR_FOLDER))
    }

    /// Bytes that may still be written on the file system of this path.
    ///
    /// # Errors
    /// The file system cannot say.
    pub fn free_space(&self, path: &Path) -> Result<u64, durable::Error> {
        durable::free_space(path)
    }

    /// Opens a claimed original for reading; `mark` is that of the folder in which it is held, if known. Blocking.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_input(&self, held: &Path, mark: Option<&str>) -> Result<File, OpenError> {
        let folder = durable::folder_of(held);
        require_private(&folder).map_err(OpenError::Folder)?;
        let spot = match Spot::of(held) {
            Ok(Some(spot)) => spot,
            Ok(None) => {
                self.stands(held)?;
                return Err(OpenError::Gone(folder));
            }
            Err(error) => return Err(OpenError::Folder(error)),
        };
        spot.open().or_else(|error| {
            // A bare mount point may have such a folder, too.
            self.stands(held)?;
            match mark {
                Some(mark) if !mark::is_of(&spot, Some(mark)).map_err(OpenError::Folder)? => {
                    Err(Replaced::new(held, mark).into())
                }
                _ => Err(OpenError::File(error)),
            }
        })
    }

    /// The mark of the folder in which this file is held. Blocking.
    #[must_use]
    pub fn mark_of(&self, held: &Path) -> Option<String> {
        let spot = Spot::of(held).ok()??;
        // Where it is not, nothing says that it ever was.
        spot.look().ok()??;
        mark::of(&spot).ok()?
    }

    /// Whether a claimed original has gone from the folder in which it was held: nobody of us has moved it. Blocking.
    #[must_use]
    pub fn has_vanished(&self, held: &Path, mark: Option<&str>) -> bool {
        let gone = || -> Result<bool, durable::Error> {
            let Some(spot) = Spot::of(held)? else {
                return Ok(false);
            };
            Ok(spot.look()?.is_none() && mark::is_of(&spot, mark)?)
        };
        gone().unwrap_or(false) && self.stands(held).is_ok()
    }

    /// The content of a claimed original where it is not the one of this hash any more: somebody had it open when it was taken and wrote
    /// it again. A large file is read only where its times or its size tell so. Blocking.
    ///
    /// # Errors
    /// It cannot be read; see [`OpenError`].
    pub fn other_content(
        &self,
        held: &Path,
        mark: Option<&str>,
        blake3: &str,
    ) -> Result<Option<Content>, OpenError> {
        let failed = |error| OpenError::File(durable::Error::at("look at", held, error));
        let file = self.open_input(held, mark)?;
        let now = || file.metadata().map(|found| Identity::of(&found));
        let identity = now().map_err(failed)?;
        if self.contents.is_as_hashed(held, &identity) {
            return Ok(None);
        }
        let content = durable::content(&file, held).map_err(OpenError::File)?;
        self.contents.hashed(held, identity);
        Ok((content.blake3 != blake3).then_some(content))
    }
}

/// Whether the folder of a temp or a claimed file is ours alone, as far as it is one of ours.
fn require_private(folder: &Path) -> Result<(), durable::Error> {
    match folder.parent() {
        Some(ours) if ours.file_name() == Some(OUR_FOLDER.as_ref()) => private::require(ours),
        _ => Ok(()),
    }
}

/// Why a claimed original cannot be opened. Only the last is about the file itself: the others pass.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder that it is held in is gone: a mount went away, or somebody deleted it.
    #[error("the folder `{}` is gone; mount it again, or create it if it was deleted on purpose", .0.display())]
    Gone(PathBuf),
    /// What was mounted at the inbox is gone.
    #[error(transparent)]
    Away(#[from] Away),
    /// Another folder has taken the place of the one that it is held in.
    #[error(transparent)]
    Replaced(#[from] Replaced),
    /// The folder cannot be looked at.
    #[error("the folder of a file that was taken cannot be used")]
    Folder(#[source] durable::Error),
    /// It is not in its folder, or cannot be read.
    #[error(transparent)]
    File(durable::Error),
}

/// Where the claimed original of a job lies.
#[must_use]
pub fn held_path(inbox: &Path, job: JobId) -> PathBuf {
    claimed_folder(inbox).join(job.to_string())
}

/// Where an upload lies while it comes in.
#[must_use]
pub fn upload_path(inbox: &Path, job: JobId) -> PathBuf {
    uploads_folder(inbox).join(format!("{job}.part"))
}

fn claimed_folder(inbox: &Path) -> PathBuf {
    inbox.join(OUR_FOLDER).join("claimed")
}

fn uploads_folder(inbox: &Path) -> PathBuf {
    inbox.join(OUR_FOLDER).join("uploads")
}

fn staged_folder(outbox: &Path) -> PathBuf {
    outbox.join(OUR_FOLDER).join("staged")
}

#[cfg(test)]
mod tests;
