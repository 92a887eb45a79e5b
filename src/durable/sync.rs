//! Syncing folders, each once a batch.

use crate::durable::{Error, failpoint, folder_of};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

/// Makes the names in a folder durable. Some network and FUSE file systems cannot sync a folder and say so: there the server
/// keeps the order, and that is all one can have.
///
/// # Errors
/// The folder is not there, or the disk failed.
pub fn folder(path: &Path) -> Result<(), Error> {
    at(CWD, path.as_os_str(), path)
}

/// The same for a folder that is held open; `path` is for messages.
pub(super) fn opened(folder: BorrowedFd<'_>, path: &Path) -> Result<(), Error> {
    at(folder, OsStr::new("."), path)
}

fn at(above: BorrowedFd<'_>, name: &OsStr, path: &Path) -> Result<(), Error> {
    let synced = failpoint::step().and_then(|()| {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(above, name, flags, Mode::empty())?;
        match rustix::fs::fsync(opened) {
            Ok(()) | Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    });
    synced.map_err(|source| Error::at("sync folder", path, source))
}

/// Makes the name of this file durable.
///
/// # Errors
/// As for [`folder`].
pub fn parent(path: &Path) -> Result<(), Error> {
    folder(&folder_of(path))
}

/// The folders that a batch of renames touched.
#[derive(Debug, Default)]
pub struct Syncs {
    folders: BTreeSet<PathBuf>,
}

impl Syncs {
    /// The folder of this file has to be synced.
    pub fn parent_of(&mut self, path: &Path) {
        self.folders.insert(folder_of(path));
    }

    /// Syncs each folder once and forgets them all.
    ///
    /// # Errors
    /// Each folder that could not be synced, with its error. One that is gone has no names to keep and counts as synced.
    pub fn flush(&mut self) -> Result<(), Vec<(PathBuf, Error)>> {
        let mut failed = Vec::new();
        for path in std::mem::take(&mut self.folders) {
            match folder(&path) {
                Err(error) if error.kind() != crate::durable::Kind::Missing => {
                    failed.push((path, error));
                }
                _ => {}
            }
        }
        if failed.is_empty() {
            Ok(())
        } else {
            Err(failed)
        }
    }
}
