//! Making the moves of a delivery, any number of times with the same result.
//!
//! *Temp absent from its folder = its move has happened*: temps are synced before the moves are journalled, and nothing but a move
//! takes them away. The rule holds only where the temp's folder is there, and is the very one that it was put into ([`whereabouts`]); without it the
//! file system is gone, and nothing is known. That folder and the one that the
//! file goes to are held open while it is moved and looked for once more when all is synced, because a mount may go in between.
//! Outputs are moved and their folders synced before the first original is touched, so that whatever is cut, an original
//! leaves only after its outputs are durable. The folder that a thing goes to is opened below the one that the operator named,
//! and the thing gets its name there: no link that somebody puts in between leads it elsewhere.

mod turns;
mod whereabouts;

pub(super) use turns::Turns;

use crate::durable::beneath::Links;
use crate::durable::spot::{FileNumber, Place, Spot};
use crate::durable::sync::Syncs;
use crate::durable::{self, Kind, probe};
use crate::job::event::Identity;
use crate::job::id::JobId;
use crate::job::redo::{Collision, Delivered, Move, MoveKind, Redo};
use crate::raw_path::RawPath;
use crate::spool::claim::keep_time;
use crate::spool::ground::Away;
use crate::spool::mark::Replaced;
use crate::spool::redo::whereabouts::{candidate, is_ours};
use crate::spool::{SHARED, Spool, require_private};
use rustix::fs::{FileType, Stat};
use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

/// So many names are tried for one file.
const NAMES: u32 = 100_000;

/// Why a delivery did not come to its end. It is begun again later; until then nothing is lost.
#[derive(Debug, thiserror::Error)]
pub enum RedoError {
    /// A folder that our files lie in is gone: a mount went away, or somebody deleted it.
    #[error("the folder `{}` is gone; mount it again, or create it if it was deleted on purpose", .0.display())]
    Gone(PathBuf),
    /// What was mounted where something goes is gone.
    #[error(transparent)]
    Away(#[from] Away),
    /// The original is held in a folder that another one has taken the place of.
    #[error(transparent)]
    Replaced(#[from] Replaced),
    /// The folder that our files were put into has been replaced by another one, and the original is still held: nothing but a new
    /// attempt makes them again.
    #[error("what was to be delivered lay in `{}`, which is another folder now", .0.display())]
    Lost(PathBuf),
    /// A folder cannot be written.
    #[error("{0}")]
    Blocked(probe::Blocked),
    /// A link has taken the place of a folder on the way.
    #[error("the folder `{}` lies outside of `{}`: a symbolic link leads there; put a folder in its place", .folder.display(), .root.display())]
    Leaves {
        /// Where something is to go.
        folder: PathBuf,
        /// What it must not leave.
        root: PathBuf,
    },
    /// The disk is full.
    #[error("no space to deliver")]
    NoSpace(#[source] durable::Error),
    /// A copy to another file system came out different.
    #[error("`{}` was copied wrongly: its content is not what was recorded", .0.display())]
    Corrupt(PathBuf),
    /// The disk or the network failed.
    #[error("a delivery failed")]
    Io(#[source] durable::Error),
}

impl From<durable::Error> for RedoError {
    fn from(error: durable::Error) -> Self {
        match error.kind() {
            Kind::NoSpace => Self::NoSpace(error),
            _ => Self::Io(error),
        }
    }
}

/// Hears which file is about to get which name, before it has it.
pub type Naming<'a> = &'a dyn Fn(JobId, &Path, Identity);

/// A delivery under way.
struct Delivery<'a> {
    job: JobId,
    redo: &'a Redo,
    naming: Naming<'a>,
    done: Vec<Option<Delivered>>,
    folders: HashSet<PathBuf>,
    failed: Option<RedoError>,
}

impl Spool {
    /// Makes all moves of one delivery. Gives what lies where, in the order of the moves.
    ///
    /// # Errors
    /// See [`RedoError`]; the call is repeated until it succeeds.
    pub fn redo(&self, job: JobId, redo: &Redo) -> Result<Vec<Delivered>, RedoError> {
        let mut all = self.redo_all(&[(job, redo)]);
        all.pop().unwrap_or_else(|| Ok(Vec::new()))
    }

    /// Makes all moves of many deliveries; each folder is synced twice at the most. The results are in the order of the jobs.
    #[must_use]
    pub fn redo_all(&self, jobs: &[(JobId, &Redo)]) -> Vec<Result<Vec<Delivered>, RedoError>> {
        self.redo_all_naming(jobs, &|_, _, _| {})
    }

    /// The same; of each original `naming` hears, before it gets a name, which file will have it.
    #[must_use]
    pub fn redo_all_naming(
        &self,
        jobs: &[(JobId, &Redo)],
        naming: Naming<'_>,
    ) -> Vec<Result<Vec<Delivered>, RedoError>> {
        let mut deliveries = Vec::with_capacity(jobs.len());
        for (job, redo) in jobs {
            deliveries.push(Delivery::new(*job, redo, naming));
        }
        // Folders of ours that hold what we have put there.
        let mut private = HashSet::new();
        for originals in [false, true] {
            let mut syncs = Syncs::default();
            for delivery in &mut deliveries {
                delivery.make_moves(self, originals, &mut syncs, &mut private);
            }
            for (folder, error) in syncs.flush().err().unwrap_or_default() {
                let touched = |one: &&mut Delivery| one.folders.contains(&folder);
                for delivery in deliveries.iter_mut().filter(touched) {
                    delivery.failed.get_or_insert_with(|| error.again().into());
                }
            }
            let mut there = HashSet::new();
            for delivery in &mut deliveries {
                delivery.look_again(self, originals, &mut there);
            }
        }
        let ended = deliveries
            .into_iter()
            .zip(jobs)
            .map(|(delivery, (job, _))| {
                if let Some(error) = delivery.failed {
                    if matches!(error, RedoError::Lost(_)) {
                        self.release(*job);
                    }
                    return Err(error);
                }
                self.release(*job);
                Ok(delivery.done.into_iter().flatten().collect())
            });
        ended.collect()
    }
}

impl<'a> Delivery<'a> {
    fn new(job: JobId, redo: &'a Redo, naming: Naming<'a>) -> Self {
        Self {
            job,
            redo,
            naming,
            done: vec![None; redo.moves.len()],
            folders: HashSet::new(),
            failed: None,
        }
    }

    /// Makes the moves of the originals, or of everything else, up to the first that fails.
    fn make_moves(
        &mut self,
        spool: &Spool,
        originals: bool,
        syncs: &mut Syncs,
        private: &mut HashSet<PathBuf>,
    ) {
        let turn = (!originals).then(|| spool.turns.of(self.redo)).flatten();
        let _mine = turn
            .as_ref()
            .map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
        for (index, step) in self.redo.moves.iter().enumerate() {
            if self.failed.is_some() {
                return;
            }
            if (step.kind == MoveKind::Original) != originals {
                continue;
            }
            match check_folder(step, private)
                .and_then(|()| make_move(spool, self.redo, step, &self.names()))
            {
                Ok(path) => {
                    for touched in [Some(&step.from.0), path.as_ref()].into_iter().flatten() {
                        syncs.parent_of(touched);
                        self.folders.insert(durable::folder_of(touched));
                    }
                    self.done[index] = Some(delivered(step, path));
                }
                Err(error) => self.failed = Some(error),
            }
        }
    }

    /// Who hears which file of this job is to get which name.
    fn names(&self) -> impl Fn(&Path, Identity) + use<'a> {
        let (job, naming) = (self.job, self.naming);
        move |path, identity| naming(job, path, identity)
    }

    /// What was moved out of a folder or into one that has gone meanwhile may not be durable: it is only when both are seen to be
    /// there still. `there` has those that were, since all of the deliveries was synced.
    fn look_again(&mut self, spool: &Spool, originals: bool, there: &mut HashSet<PathBuf>) {
        if self.failed.is_some() {
            return;
        }
        let moves = self.redo.moves.iter();
        let mut moved = moves.filter(|step| (step.kind == MoveKind::Original) == originals);
        self.failed = moved.find_map(|step| are_there(spool, step, there).err());
    }
}

/// What others can put into a folder of ours is not moved anywhere.
fn check_folder(step: &Move, private: &mut HashSet<PathBuf>) -> Result<(), RedoError> {
    let folder = durable::folder_of(&step.from.0);
    if !private.contains(&folder) {
        require_private(&folder)?;
        private.insert(folder);
    }
    Ok(())
}

fn are_there(spool: &Spool, step: &Move, there: &mut HashSet<PathBuf>) -> Result<(), RedoError> {
    let folder = durable::folder_of(&step.from.0);
    if !there.contains(&folder) {
        spool.stands(&folder)?;
        if !folder.is_dir() {
            return Err(RedoError::Gone(folder));
        }
        there.insert(folder);
    }
    // The folder that a thing went to may be taken away with it, by whom it is for.
    let Some(to) = step.to.as_ref().map(|to| durable::folder_of(&to.0)) else {
        return Ok(());
    };
    if !there.contains(&to) {
        spool.stands(&to)?;
        there.insert(to);
    }
    Ok(())
}

fn delivered(step: &Move, path: Option<PathBuf>) -> Delivered {
    Delivered {
        kind: step.kind,
        path: path.map(RawPath),
        depth: step.depth,
        size: step.size,
        blake3: step.blake3.clone(),
        mime: step.mime.clone(),
        pages: step.pages,
    }
}

/// Makes one move; gives where the thing lies now, if anywhere.
fn make_move(
    spool: &Spool,
    redo: &Redo,
    step: &Move,
    names: &dyn Fn(&Path, Identity),
) -> Result<Option<PathBuf>, RedoError> {
    let from = &step.from.0;
    let gone = || RedoError::Gone(durable::folder_of(from));
    let spot = Spot::of(from)?.ok_or_else(gone)?;
    let Some(found) = spot.stat()? else {
        // A bare mount point may have such a folder, too.
        spool.stands(from)?;
        if let Some(to) = &step.to {
            spool.stands(&to.0)?;
        }
        return whereabouts::of_moved(spool, redo, (step, &spot));
    };
    if step.kind == MoveKind::Original && !is_file(&found) {
        tracing::warn!(path = %from.display(), "something that is no file lies where an original was held; it stays there");
        return Ok(None);
    }
    spool.contents.forget(from);
    let Some(to) = &step.to else {
        spot.remove()?;
        return Ok(None);
    };
    spool.stands(&to.0)?;
    let folder = durable::folder_of(&to.0);
    let root = root_of(step, &to.0);
    let usable = |error: durable::Error| match error.kind() {
        Kind::Denied => RedoError::Blocked(probe::blocked(&folder, error.io())),
        Kind::Link => RedoError::Leaves {
            folder: folder.clone(),
            root: root.clone(),
        },
        _ => error.into(),
    };
    let to = Spot::making(&root, &to.0, links_of(step), SHARED).map_err(usable)?;
    // The mount may have gone before its folder was held.
    spool.stands(to.path())?;
    let found = (found.st_dev, found.st_ino);
    match place(step, &spot, found, &to, names) {
        Err(RedoError::Io(error)) if error.kind() == Kind::OtherDevice => {
            carry(step, &spot, &to, names)
        }
        Err(RedoError::Io(error)) if error.kind() == Kind::Denied => Err(usable(error)),
        placed => placed,
    }
}

/// The folder that a move must not leave. Earlier versions did not record it: an output's lies beside its temp, an original may
/// go back into its inbox, and of others nothing is known.
fn root_of(step: &Move, to: &Path) -> PathBuf {
    let beside = || {
        step.from
            .0
            .ancestors()
            .nth(3)
            .filter(|root| to.starts_with(root))
    };
    let known = step.root().or_else(beside).map(Path::to_path_buf);
    known.unwrap_or_else(|| durable::folder_of(to))
}

/// In its inbox an original is only found where no link is on the way.
fn links_of(step: &Move) -> Links {
    let home = step.from.0.ancestors().nth(3);
    let back = step.kind == MoveKind::Original && home.is_some() && step.root() == home;
    if back { Links::Refused } else { Links::Inside }
}

fn is_file(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
}

/// Gives a file its name by the rule of its move. `spot` lies on the file system of `to`.
fn place(
    step: &Move,
    spot: &Spot,
    found: FileNumber,
    to: &Spot,
    names: &dyn Fn(&Path, Identity),
) -> Result<Option<PathBuf>, RedoError> {
    let is_told = step.kind == MoveKind::Original;
    if step.collision == Collision::Overwrite {
        say_who(step, spot.into(), to.path(), names)?;
        durable::rename(spot, to)?;
        return Ok(Some(to.path().to_path_buf()));
    }
    for number in 0..NAMES {
        let path = candidate(to.path(), number);
        let wanted = to.beside(&path);
        // Of a name that is taken nobody need hear.
        if !is_told || !wanted.is_taken() {
            say_who(step, spot.into(), &path, names)?;
            match durable::rename_noreplace(spot, wanted) {
                Ok(()) => return Ok(Some(path)),
                Err(error) if error.kind() == Kind::Exists => {}
                Err(error) => return Err(error.into()),
            }
        }
        if is_ours(step, Some(found), wanted).or_else(unreadable)? {
            // An earlier try got this far. Its name must be durable before the other one goes.
            say_who(step, wanted, &path, names)?;
            to.sync()?;
            spot.remove()?;
            return Ok(Some(path));
        }
        if step.collision == Collision::Skip {
            spot.remove()?;
            return Ok(None);
        }
    }
    let error = durable::Error::at("find a free name like", to.path(), rustix::io::Errno::EXIST);
    Err(error.into())
}

/// Says of an original that the file at `place` is about to get this name.
fn say_who(
    step: &Move,
    place: Place<'_>,
    path: &Path,
    names: &dyn Fn(&Path, Identity),
) -> Result<(), RedoError> {
    if step.kind == MoveKind::Original
        && let Some(found) = place.stat()?
    {
        names(path, Identity::of_stat(&found));
    }
    Ok(())
}

/// Takes a file to another file system: a synced copy gets the name, then the file goes.
fn carry(
    step: &Move,
    spot: &Spot,
    to: &Spot,
    names: &dyn Fn(&Path, Identity),
) -> Result<Option<PathBuf>, RedoError> {
    if let Some(path) = carried(step, spot, to)? {
        // An earlier try got this far.
        say_who(step, to.beside(&path), &path, names)?;
        to.sync()?;
        spot.remove()?;
        return Ok(Some(path));
    }
    let from = spot.path();
    let name = from.file_name().unwrap_or_default().to_string_lossy();
    let temp = to.path().with_file_name(format!(".dropleaf-{name}"));
    let copy = to.another(temp)?;
    copy.remove()?;
    let source = spot.open()?;
    make_copy(step, &source, from, &copy)?;
    keep_time(&source, (&copy).into());
    let gone = || RedoError::Gone(durable::folder_of(copy.path()));
    let found = copy.look()?.ok_or_else(gone)?;
    let placed = place(step, &copy, found, to, names)?;
    to.sync()?;
    spot.remove()?;
    Ok(placed)
}

/// The copy that an earlier try has named, if one has.
fn carried(step: &Move, spot: &Spot, to: &Spot) -> Result<Option<PathBuf>, RedoError> {
    if step.collision == Collision::Overwrite {
        return Ok(None);
    }
    if is_ours(step, None, to.into()).or_else(unreadable)? {
        return Ok(Some(to.path().to_path_buf()));
    }
    if step.kind != MoveKind::Original {
        return Ok(None);
    }
    // An original whose content nobody knows, or that was written after it was known, has its copy's time besides.
    let names = (0..NAMES).map(|number| candidate(to.path(), number));
    for path in names.take_while(|path| to.beside(path).is_taken()) {
        if durable::is_copy(spot.into(), to.beside(&path)).or_else(unreadable)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// What may not be read is nothing of ours.
fn unreadable(error: durable::Error) -> Result<bool, durable::Error> {
    match error.kind() {
        Kind::Denied => Ok(false),
        _ => Err(error),
    }
}

/// Makes the copy that is to get the name. An original that somebody still writes is not as it was recorded, but copied rightly; one
/// that was too large to be read has no recorded content, and may hold nothing but holes.
fn make_copy(step: &Move, source: &File, from: &Path, copy: &Spot) -> Result<(), RedoError> {
    if step.blake3.is_empty() {
        return Ok(durable::copy_with_holes(source, copy)?);
    }
    let copied = durable::copy_new(source, copy)?;
    if copied.blake3 == step.blake3 {
        return Ok(());
    }
    if step.kind == MoveKind::Original && durable::content(source, from)? == copied {
        tracing::warn!(path = %from.display(), "an original was written again after it had been taken");
        return Ok(());
    }
    copy.remove()?;
    Err(RedoError::Corrupt(from.to_path_buf()))
}
