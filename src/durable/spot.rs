//! A file's place in a folder that is held open.
//!
//! A path leads elsewhere as soon as a mount comes or goes: a file that lies on it is "not there" then, and is there again later.
//! What is asked of a folder that is held open is asked of that very folder, also where it can no longer be reached by its path.

use crate::durable::{Error, Kind, failpoint, folder_of, regular};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Where a file lies, or lay.
#[derive(Debug)]
pub struct Spot {
    folder: OwnedFd,
    path: PathBuf,
}

/// Which file it is, whatever its name: device and inode.
pub type FileNumber = (u64, u64);

impl Spot {
    /// The place of this file; `None` where its folder is not there.
    ///
    /// # Errors
    /// The folder cannot be looked at.
    pub fn of(path: &Path) -> Result<Option<Self>, Error> {
        let folder = folder_of(path);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(&folder, flags, Mode::empty()) {
            Ok(opened) => Ok(Some(Self {
                folder: opened,
                path: path.to_path_buf(),
            })),
            Err(errno) => match Error::at("look at", &folder, errno) {
                error if error.kind() == Kind::Missing => Ok(None),
                error => Err(error),
            },
        }
    }

    /// The path that it was found under.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What lies there, without following links.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn look(&self) -> Result<Option<FileNumber>, Error> {
        match rustix::fs::statat(&self.folder, self.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some((found.st_dev, found.st_ino))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::at("look at", &self.path, errno)),
        }
    }

    /// Opens it for reading: a regular file, not behind a link.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is something else.
    pub fn open(&self) -> Result<File, Error> {
        regular(&self.folder, self.name(), &self.path)
    }

    /// Removes it; one that is not there is fine.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn remove(&self) -> Result<(), Error> {
        let removed = failpoint::step().and_then(|()| {
            match rustix::fs::unlinkat(&self.folder, self.name(), AtFlags::empty()) {
                Err(Errno::NOENT) | Ok(()) => Ok(()),
                Err(errno) => Err(errno.into()),
            }
        });
        removed.map_err(|source| Error::at("remove", &self.path, source))
    }

    fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }
}
