//! What has become of a thing that does not lie where it was put.

use crate::durable::spot::{FileNumber, Place, Spot};
use crate::durable::{self, Kind};
use crate::job::redo::{Collision, Move, MoveKind, Redo};
use crate::spool::mark::{self, Replaced};
use crate::spool::redo::{NAMES, RedoError, links_of, root_of};
use crate::spool::{Spool, name};
use rustix::fs::FileType;
use std::path::{Path, PathBuf};

/// Where the thing of a move lies that is not at its `spot` any more, if anywhere.
///
/// # Errors
/// It was never moved: its folder is another one.
pub(super) fn of_moved(
    spool: &Spool,
    redo: &Redo,
    (step, spot): (&Move, &Spot),
) -> Result<Option<PathBuf>, RedoError> {
    if has_moved(step, spot)? {
        return told(step);
    }
    if step.kind == MoveKind::Original {
        return Err(replaced(step));
    }
    // An original leaves only after all else has left.
    let mut moves = redo.moves.iter();
    match moves.find(|one| one.kind == MoveKind::Original) {
        Some(original) if original_has_moved(spool, original)? => told(step),
        _ => Err(RedoError::Lost(durable::folder_of(&step.from.0))),
    }
}

/// Whether a thing has been moved that is not at its `spot`: it is the folder that it was put into, or the thing has its name.
fn has_moved(step: &Move, spot: &Spot) -> Result<bool, RedoError> {
    Ok(mark::is_of(spot, step.mark.as_deref())? || found(step)?.is_some())
}

fn original_has_moved(spool: &Spool, original: &Move) -> Result<bool, RedoError> {
    let held = &original.from.0;
    let Some(spot) = Spot::of(held)? else {
        return Err(RedoError::Gone(durable::folder_of(held)));
    };
    if spot.look()?.is_some() {
        return Ok(false);
    }
    spool.stands(held)?;
    if has_moved(original, &spot)? {
        Ok(true)
    } else {
        Err(replaced(original))
    }
}

fn replaced(step: &Move) -> RedoError {
    let mark = step.mark.as_deref().unwrap_or_default();
    Replaced::new(&step.from.0, mark).into()
}

/// What is told of a thing whose move has happened. An output that is not found was taken since from where it was to go; an original
/// that is not may as well have been taken from where it was held.
fn told(step: &Move) -> Result<Option<PathBuf>, RedoError> {
    let (Some(to), None) = (&step.to, found(step)?) else {
        return found(step);
    };
    let is_taken = || -> Result<bool, RedoError> {
        Ok(at(step, &to.0)?.is_some_and(|spot| Place::from(&spot).is_taken()))
    };
    let is_told = match step.collision {
        // Nobody knows the content of one that was too large to be read.
        _ if step.kind == MoveKind::Original => step.blake3.is_empty() && is_taken()?,
        Collision::Skip => !is_taken()?,
        _ => true,
    };
    Ok(is_told.then(|| to.0.clone()))
}

/// Where the thing lies under a name that it was to get, if it does.
fn found(step: &Move) -> Result<Option<PathBuf>, RedoError> {
    let Some(to) = step.to.as_ref().map(|to| &to.0) else {
        return Ok(None);
    };
    let Some(spot) = at(step, to)? else {
        return Ok(None);
    };
    let most = match step.collision {
        Collision::Overwrite | Collision::Skip => 1,
        Collision::Number => NAMES,
    };
    let names = (0..most).map(|number| candidate(to, number));
    for path in names.take_while(|path| spot.beside(path).is_taken()) {
        if is_ours(step, None, spot.beside(&path))? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The place of a name, if its folder is there and no link has come into the way.
fn at(step: &Move, to: &Path) -> Result<Option<Spot>, durable::Error> {
    match Spot::beneath(&root_of(step, to), to, links_of(step)) {
        Err(error) if error.kind() == Kind::Link => Ok(None),
        found => found,
    }
}

/// Whether the file at `place` is what the move was to put there: the same file, or the same content.
pub(super) fn is_ours(
    step: &Move,
    file: Option<FileNumber>,
    place: Place<'_>,
) -> Result<bool, durable::Error> {
    let Some(there) = place.stat()? else {
        return Ok(false);
    };
    if file == Some((there.st_dev, there.st_ino)) {
        return Ok(true);
    }
    let is_file = FileType::from_raw_mode(there.st_mode) == FileType::RegularFile;
    let is_long = u64::try_from(there.st_size) == Ok(step.size);
    // What was never read is like no other.
    if !is_file || !is_long || step.blake3.is_empty() {
        return Ok(false);
    }
    let content =
        durable::open_regular(place).and_then(|open| durable::content(&open, place.path()));
    match content {
        Ok(content) => Ok(content.blake3 == step.blake3),
        // It was taken this very moment.
        Err(error) if error.kind() == Kind::Missing => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn candidate(to: &Path, number: u32) -> PathBuf {
    let name = to.file_name().unwrap_or_default();
    to.with_file_name(name::numbered(name, number, 0))
}
