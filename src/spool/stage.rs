//! Outputs on their destination's file system, whole and synced, before they get their names.
//!
//! A mount may go at any moment, and what is then written to its path lies below it when it is back. So the folder of the temps is
//! held open from before the look at the file system until after the last sync, and must then still be the one at its path.

use crate::durable::beneath::Links;
use crate::durable::spot::{Place, Spot};
use crate::durable::{self, Content, Kind, probe};
use crate::job::id::JobId;
use crate::spool::ground::Away;
use crate::spool::{PRIVATE, SHARED, Spool, mark, require_private, staged_folder};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Where something is staged for.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// The outbox, archive or `failed` folder.
    pub root: &'a Path,
    /// The path that it will get, below `root`.
    pub path: &'a Path,
    /// Whose it is.
    pub job: JobId,
    /// Which of the job's, so that each has its own temp.
    pub number: u32,
}

/// Something that is staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Where it lies.
    pub temp: PathBuf,
    /// The mark of its folder.
    pub mark: String,
    /// How many bytes.
    pub size: u64,
    /// BLAKE3 of its content, in hex.
    pub blake3: String,
}

/// Why something could not be staged.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The disk is full.
    #[error("no space for an output")]
    NoSpace(#[source] durable::Error),
    /// The folder cannot be written.
    #[error("{0}")]
    Blocked(probe::Blocked),
    /// What was mounted at the folder is gone.
    #[error(transparent)]
    Away(#[from] Away),
    /// Our folder was taken away, or replaced by another one, while something was put into it.
    #[error("the folder `{}` went away while an output was written into it", .0.display())]
    Went(PathBuf),
    /// The destination's folder is a link out of its root.
    #[error("the folder `{}` lies outside of `{}`", .folder.display(), .root.display())]
    Leaves {
        /// The folder.
        folder: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// The disk or the network failed; it may be tried again.
    #[error("an output could not be written")]
    Io(#[source] durable::Error),
}

impl Spool {
    /// Stages a copy of an open file, from its start.
    ///
    /// # Errors
    /// See [`StageError`]; nothing is left.
    pub fn stage(&self, source: &File, to: &Destination<'_>) -> Result<Staged, StageError> {
        stage(self, to, |temp| durable::copy_new(source, temp))
    }

    /// Stages these bytes.
    ///
    /// # Errors
    /// See [`StageError`]; nothing is left.
    pub fn stage_bytes(&self, bytes: &[u8], to: &Destination<'_>) -> Result<Staged, StageError> {
        stage(self, to, |temp| {
            durable::write_new(temp, bytes)?;
            Ok(Content {
                size: bytes.len() as u64,
                blake3: blake3::hash(bytes).to_hex().to_string(),
            })
        })
    }

    /// Removes what was staged for a job that does not deliver after all, and gives its names up.
    pub fn discard(&self, job: JobId, temps: &[PathBuf]) {
        for temp in temps {
            if let Err(error) = durable::remove(temp) {
                // The sweep at the next start removes it.
                tracing::warn!(%error, "failed to remove a staged output");
            }
        }
        self.release(job);
    }
}

fn stage(
    spool: &Spool,
    to: &Destination<'_>,
    write: impl Fn(Place<'_>) -> Result<Content, durable::Error>,
) -> Result<Staged, StageError> {
    spool.stands(to.root)?;
    let words = |error: durable::Error| match error.kind() {
        Kind::NoSpace => StageError::NoSpace(error),
        Kind::Denied | Kind::Missing => StageError::Blocked(probe::blocked(to.root, error.io())),
        _ => StageError::Io(error),
    };
    match Spot::making(to.root, to.path, Links::Inside, SHARED) {
        Err(error) if error.kind() == Kind::Link => {
            let (folder, root) = (durable::folder_of(to.path), to.root.to_path_buf());
            return Err(StageError::Leaves { folder, root });
        }
        made => made.map_err(words)?,
    };
    let staged = staged_folder(to.root);
    require_private(&staged).map_err(StageError::Io)?;
    make_staged(&staged).map_err(words)?;
    let temp = staged.join(format!("{}-{}", to.job, to.number));
    let went = || StageError::Went(staged.clone());
    let spot = Spot::of(&temp).map_err(words)?.ok_or_else(went)?;
    spool.stands(to.root)?;
    let mark = mark::leave(&spot).map_err(words)?;
    spool.at_work.begin(to.job);
    let written = match write((&spot).into()) {
        Err(error) if error.kind() == Kind::Exists => {
            // A retry's leftover.
            spot.remove().map_err(words)?;
            write((&spot).into())
        }
        written => written,
    };
    let Content { size, blake3 } = written.map_err(words)?;
    spot.sync().map_err(words)?;
    let stays = || -> Result<(), StageError> {
        spool.stands(to.root)?;
        match Spot::of(&temp).map_err(words)? {
            Some(now) if mark::is_of(&now, Some(&mark)).map_err(words)? => Ok(()),
            _ => Err(went()),
        }
    };
    if let Err(error) = stays() {
        if let Err(error) = spot.remove() {
            // The sweep at the next start removes it.
            tracing::warn!(%error, "failed to remove a staged output");
        }
        return Err(error);
    }
    Ok(Staged {
        temp,
        mark,
        size,
        blake3,
    })
}

/// The folder of the temps; a new file is made in it for every output, and that should cost little.
fn make_staged(staged: &Path) -> Result<(), durable::Error> {
    if !staged.is_dir() {
        let above = durable::folder_of(staged);
        durable::make_folders(&above, PRIVATE)?;
        durable::spread_folders(&above);
    }
    durable::make_folders(staged, PRIVATE)
}
