//! Removing the old name of a file that is held already, where others may put another file under that name at any moment.
//!
//! What has the name gets a hidden one that only we use, in the folder of what is held (beside it where that is another file system).
//! Then it can be looked at without haste: the very file goes, another one gets its name back. What a crash leaves under the hidden name
//! is dealt with when the file is claimed again, and by the sweep where the journal does not know of the claim any more; the sweep does
//! not look for one beside a file on another file system, which would be a walk through all that is mounted below the inbox.

use crate::durable::spot::{Place, Spot};
use crate::durable::{self, Kind};
use crate::job::event::Identity;
use crate::spool::claim::{Claim, is_same};
use crate::spool::name;
use crate::spool::plan::companion;
use std::path::PathBuf;

/// How the hidden names end.
pub(super) const ENDING: &str = ".taken";
/// So many names are tried for a file whose own has been taken meanwhile.
const NAMES: u32 = 100_000;

/// Removes the name that a held file had, if it is still that file's.
pub(super) fn remove(claim: &Claim, from: &Spot) -> Result<(), durable::Error> {
    settle(claim, from)?;
    let moved = match durable::rename(from, &ours(claim)) {
        Err(error) if error.kind() == Kind::OtherDevice => {
            durable::rename(from, from.beside(&beside(claim)))
        }
        moved => moved,
    };
    match moved {
        Ok(()) => settle(claim, from),
        Err(error) if error.kind() == Kind::Missing => Ok(()),
        Err(error) => Err(error),
    }
}

/// Deals with what lies under the hidden names, if anything does.
pub(super) fn settle(claim: &Claim, from: &Spot) -> Result<(), durable::Error> {
    let (ours, beside) = (ours(claim), beside(claim));
    settle_one(claim, (&ours).into(), from)?;
    settle_one(claim, from.beside(&beside), from)
}

fn settle_one(claim: &Claim, aside: Place<'_>, from: &Spot) -> Result<(), durable::Error> {
    if aside.stat()?.is_none() {
        return Ok(());
    }
    if !is_held(claim, aside)? {
        let back = give_back(aside, from)?;
        tracing::info!(path = %back.display(), "another file had come under the name of one that was being taken: it keeps it");
        return Ok(());
    }
    let removed = durable::remove(aside);
    if removed.is_err() {
        // Whoever fails to take it finds it where it lay.
        give_back(aside, from)?;
    }
    removed
}

/// The hidden name in the folder of what is held.
fn ours(claim: &Claim) -> PathBuf {
    companion(&claim.held, ENDING)
}

/// The hidden name beside a file that lies on another file system than that folder.
fn beside(claim: &Claim) -> PathBuf {
    let job = claim.held.file_name().unwrap_or_default();
    let name = format!(".dropleaf-{}{ENDING}", job.to_string_lossy());
    claim.from.with_file_name(name)
}

/// Whether it is what is held: the same file, or what the copy was made of. Where a rename gives a file another inode the content
/// tells.
fn is_held(claim: &Claim, place: Place<'_>) -> Result<bool, durable::Error> {
    let Some(found) = place.stat()? else {
        return Ok(false);
    };
    let held = Place::from(&claim.held).stat()?;
    let number = (found.st_dev, found.st_ino);
    if held.is_some_and(|held| (held.st_dev, held.st_ino) == number) {
        return Ok(true);
    }
    let now = Identity::of_stat(&found);
    let is_known = claim.identity.same_content(&now);
    let is_seen = number == (claim.identity.device, claim.identity.inode);
    Ok(held.is_some() && is_known && (is_seen || is_same(&claim.held, place)))
}

/// Gives a file its name back, or the next free one like it.
fn give_back(place: Place<'_>, from: &Spot) -> Result<PathBuf, durable::Error> {
    let wanted = from.path().file_name().unwrap_or_default();
    for number in 0..NAMES {
        let path = from
            .path()
            .with_file_name(name::numbered(wanted, number, 0));
        match durable::rename_noreplace(place, from.beside(&path)) {
            Ok(()) => {
                from.sync()?;
                return Ok(path);
            }
            // An earlier try got this far.
            Err(error) if error.kind() == Kind::Exists && is_same(place, from.beside(&path)) => {
                from.sync()?;
                durable::remove(place)?;
                return Ok(path);
            }
            Err(error) if error.kind() == Kind::Exists => {}
            Err(error) => return Err(error),
        }
    }
    let taken = rustix::io::Errno::EXIST;
    Err(durable::Error::at(
        "find a free name like",
        from.path(),
        taken,
    ))
}
