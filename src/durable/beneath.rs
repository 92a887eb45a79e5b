//! Folders below one that the operator named, reached without a link on the way.
//!
//! Whoever may write there can put a symbolic link in a folder's place at any moment. So such a folder is opened once, from the
//! one above downwards, and all that is done in it is done through that descriptor. The operator's own folder may lie
//! behind links: he named it.

use crate::durable::{self, Error, Kind, failpoint, sync};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// What is done about a symbolic link between the operator's folder and a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Nothing is reached through it.
    Refused,
    /// It may lead to another folder inside of the operator's.
    Inside,
}

/// A link is on the way.
#[derive(Debug, thiserror::Error)]
#[error("a symbolic link is on the way; put the folder itself there")]
pub(super) struct Linked;

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens the folder `folder`, which is `root` or lies below it; `None` where it is not there.
///
/// # Errors
/// [`Kind::Link`] where a link is on the way that may not be; it does not lie below `root`; it cannot be looked at.
pub fn open(root: &Path, folder: &Path, links: Links) -> Result<Option<OwnedFd>, Error> {
    let missing = |error: Error| match error.kind() {
        Kind::Missing => Ok(None),
        _ => Err(error),
    };
    within(root, folder, links, descend).map_or_else(missing, |opened| Ok(Some(opened)))
}

/// The same, and makes what is not there yet, durably; new folders get `mode` (less the umask).
///
/// # Errors
/// As for [`open`], and where a folder cannot be made.
pub fn make(root: &Path, folder: &Path, links: Links, mode: u32) -> Result<OwnedFd, Error> {
    durable::make_folders(root, mode)?;
    within(root, folder, links, |root, below, path| {
        match descend(root, below, path) {
            Err(error) if error.kind() == Kind::Missing => build(root, below, path, mode),
            opened => opened,
        }
    })
}

/// Opens a folder by how it lies below the operator's, and if there is a link on the way that may be, by where that leads.
fn within(
    root: &Path,
    folder: &Path,
    links: Links,
    enter: impl Fn(&OwnedFd, &Path, &Path) -> Result<OwnedFd, Error>,
) -> Result<OwnedFd, Error> {
    let top = |root: &Path| {
        let opened = rustix::fs::open(root, FOLDER, Mode::empty());
        opened.map_err(|errno| Error::at("look at", root, errno))
    };
    let below = below(root, folder)?;
    let opened = top(root)?;
    if below.as_os_str().is_empty() {
        return Ok(opened);
    }
    match enter(&opened, below, folder) {
        // Where the link leads may have changed since it was looked at: what it led to is entered without links.
        Err(error) if error.kind() == Kind::Link && links == Links::Inside => {
            match led_to(root, folder) {
                Some((root, below)) if below.as_os_str().is_empty() => top(&root),
                Some((root, below)) => enter(&top(&root)?, &below, folder),
                None => Err(error),
            }
        }
        entered => entered,
    }
}

fn below<'a>(root: &Path, folder: &'a Path) -> Result<&'a Path, Error> {
    let below = folder.strip_prefix(root).ok();
    let is_plain = |below: &&Path| {
        let mut parts = below.components();
        parts.all(|part| matches!(part, Component::Normal(_)))
    };
    below.filter(is_plain).ok_or_else(|| {
        let outside = format!("it does not lie below `{}`", root.display());
        Error::at("look at", folder, io::Error::other(outside))
    })
}

/// The operator's folder without links, and where below it the links of `folder` lead.
fn led_to(root: &Path, folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let root = root.canonicalize().ok()?;
    let mut above = folder.ancestors();
    let real = above.find_map(|above| {
        let real = above.canonicalize().ok()?;
        Some(real.join(folder.strip_prefix(above).ok()?))
    })?;
    let below = real.strip_prefix(&root).ok()?.to_path_buf();
    Some((root, below))
}

fn descend(root: &OwnedFd, below: &Path, path: &Path) -> Result<OwnedFd, Error> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match rustix::fs::openat2(root, below, FOLDER, Mode::empty(), resolve) {
        Ok(opened) => Ok(opened),
        // Before Linux 5.6, or refused by a filter that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => walk(root, below, path),
        Err(errno) => Err(failed(path, errno)),
    }
}

/// One folder after the other, where the kernel has no call for all of them.
fn walk(root: &OwnedFd, below: &Path, path: &Path) -> Result<OwnedFd, Error> {
    let mut here = step(root, OsStr::new("."), path)?;
    for part in below {
        here = step(&here, part, path)?;
    }
    Ok(here)
}

fn step(above: &OwnedFd, name: &OsStr, path: &Path) -> Result<OwnedFd, Error> {
    match rustix::fs::openat(above, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
        Err(Errno::NOTDIR) if is_link(above, name) => Err(failed(path, Errno::LOOP)),
        opened => opened.map_err(|errno| failed(path, errno)),
    }
}

fn is_link(above: &OwnedFd, name: &OsStr) -> bool {
    let found = rustix::fs::statat(above, name, AtFlags::SYMLINK_NOFOLLOW);
    found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Symlink)
}

/// Goes down and makes each folder that is not there.
fn build(root: &OwnedFd, below: &Path, path: &Path, mode: u32) -> Result<OwnedFd, Error> {
    let mut here = step(root, OsStr::new("."), path)?;
    for part in below {
        here = match step(&here, part, path) {
            Err(error) if error.kind() == Kind::Missing => {
                make_one(&here, part, path, mode)?;
                step(&here, part, path)?
            }
            entered => entered?,
        };
    }
    Ok(here)
}

fn make_one(above: &OwnedFd, name: &OsStr, path: &Path, mode: u32) -> Result<(), Error> {
    let made = failpoint::step()
        .and_then(|()| failpoint::name(Path::new(name)))
        .and_then(|()| {
            let mode = Mode::from_raw_mode(mode);
            match rustix::fs::mkdirat(above, name, mode) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                Err(errno) => Err(errno.into()),
            }
        });
    made.map_err(|source| Error::at("create folder", path, source))?;
    sync::opened(above.as_fd(), path)
}

fn failed(path: &Path, errno: Errno) -> Error {
    match errno {
        Errno::LOOP => Error::at("look at", path, io::Error::other(Linked)),
        errno => Error::at("look at", path, errno),
    }
}

#[cfg(test)]
mod tests;
