//! A file's place in a folder that is held open.
//!
//! A path leads elsewhere as soon as a mount comes or goes, or somebody puts a link in a folder's place. What is asked of a folder
//! that is held open is asked of that very folder, also where it can no longer be reached by its path.

use crate::durable::beneath::{self, Links};
use crate::durable::{self, Error, Kind, folder_of, sync};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A name as seen from a folder, and the path that it goes by in messages.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub(super) folder: BorrowedFd<'a>,
    pub(super) name: &'a OsStr,
    pub(super) path: &'a Path,
}

impl<'a> From<&'a Path> for Place<'a> {
    fn from(path: &'a Path) -> Self {
        let (folder, name) = (CWD, path.as_os_str());
        Self { folder, name, path }
    }
}

impl<'a> From<&'a PathBuf> for Place<'a> {
    fn from(path: &'a PathBuf) -> Self {
        path.as_path().into()
    }
}

impl<'a> From<&'a Spot> for Place<'a> {
    fn from(spot: &'a Spot) -> Self {
        spot.beside(&spot.path)
    }
}

impl Place<'_> {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.path
    }

    /// What lies there, without following links.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn stat(&self) -> Result<Option<Stat>, Error> {
        match rustix::fs::statat(self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => match Error::at("look at", self.path, errno) {
                error if error.kind() == Kind::Missing => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Opens whatever lies there for reading, but for a link.
    pub(super) fn open(&self) -> io::Result<File> {
        // NONBLOCK: a FIFO put in place of the file must not hang us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(self.folder, self.name, flags, Mode::empty())?;
        Ok(opened.into())
    }

    /// Whether something has the name, as far as one can see.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self.stat(), Ok(Some(_)))
    }
}

/// Where a file lies, or lay.
#[derive(Debug)]
pub struct Spot {
    /// `None`: the operator named it, and its path is as good.
    folder: Option<OwnedFd>,
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
        match held(&folder) {
            Ok(opened) => Ok(Some(Self {
                folder: Some(opened),
                path: path.to_path_buf(),
            })),
            Err(errno) => match Error::at("look at", &folder, errno) {
                error if error.kind() == Kind::Missing => Ok(None),
                error => Err(error),
            },
        }
    }

    /// The place of a file in the operator's folder `root` or below it; `None` where a folder on the way is not there.
    ///
    /// # Errors
    /// [`Kind::Link`] where a link is on the way that may not be; see [`beneath::open`].
    pub fn beneath(root: &Path, path: &Path, links: Links) -> Result<Option<Self>, Error> {
        let folder = match path.parent() {
            Some(folder) if folder != root && path != root => {
                match beneath::open(root, folder, links)? {
                    Some(opened) => Some(opened),
                    None => return Ok(None),
                }
            }
            _ => None,
        };
        let path = path.to_path_buf();
        Ok(Some(Self { folder, path }))
    }

    /// The same, with the folders on the way made where they are not there, and the folder held open whichever it is.
    ///
    /// # Errors
    /// See [`beneath::make`].
    pub fn making(root: &Path, path: &Path, links: Links, mode: u32) -> Result<Self, Error> {
        let folder = match path.parent() {
            Some(folder) if folder != root => Some(beneath::make(root, folder, links, mode)?),
            _ => {
                durable::make_folders(root, mode)?;
                Some(held(root).map_err(|errno| Error::at("look at", root, errno))?)
            }
        };
        let path = path.to_path_buf();
        Ok(Self { folder, path })
    }

    /// The path that it was found under.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Another name in its folder.
    #[must_use]
    pub fn beside<'a>(&'a self, path: &'a Path) -> Place<'a> {
        match &self.folder {
            Some(opened) => Place {
                folder: opened.as_fd(),
                name: path.file_name().unwrap_or_default(),
                path,
            },
            None => path.into(),
        }
    }

    /// The place of another file in its folder.
    ///
    /// # Errors
    /// No more files can be open.
    pub fn another(&self, path: PathBuf) -> Result<Self, Error> {
        let again = |opened: &OwnedFd| opened.try_clone();
        let folder = self.folder.as_ref().map(again).transpose();
        let folder = folder.map_err(|source| Error::at("look at", &path, source))?;
        Ok(Self { folder, path })
    }

    /// What lies there, without following links.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn look(&self) -> Result<Option<FileNumber>, Error> {
        let found = self.stat()?;
        Ok(found.map(|found| (found.st_dev, found.st_ino)))
    }

    /// All that the file system tells of what lies there, without following links.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn stat(&self) -> Result<Option<Stat>, Error> {
        Place::from(self).stat()
    }

    /// All that the file system tells of its folder.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn stat_folder(&self) -> Result<Stat, Error> {
        let found = match &self.folder {
            Some(opened) => rustix::fs::fstat(opened),
            None => rustix::fs::stat(folder_of(&self.path)),
        };
        found.map_err(|errno| Error::at("look at the folder of", &self.path, errno))
    }

    /// Opens it for reading: a regular file, not behind a link.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is something else.
    pub fn open(&self) -> Result<File, Error> {
        durable::open_regular(self)
    }

    /// Opens whatever lies there for reading, but for a link.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn open_whatever(&self) -> io::Result<File> {
        Place::from(self).open()
    }

    /// Makes the names in its folder durable.
    ///
    /// # Errors
    /// See [`sync::folder`].
    pub fn sync(&self) -> Result<(), Error> {
        match &self.folder {
            Some(opened) => sync::opened(opened.as_fd(), &folder_of(&self.path)),
            None => sync::parent(&self.path),
        }
    }

    /// Removes it; one that is not there is fine.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn remove(&self) -> Result<(), Error> {
        durable::remove(self)
    }
}

fn held(folder: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::empty())
}
