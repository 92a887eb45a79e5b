//! Writes and renames that survive a power cut. Nothing else in the daemon renames, links, removes or syncs files.
//!
//! A name is durable only when its folder was synced after the rename, and content only when the file was synced before it.
//! So the order everywhere is: write a temp, sync it ([`write_new`], [`copy_new`]), rename it ([`rename_noreplace`]), sync the
//! folder ([`sync::Syncs`], which syncs each folder once a batch).

mod advice;
pub mod alike;
pub mod beneath;
pub(crate) mod failpoint;
mod holes;
pub mod lent;
pub mod noreplace;
pub mod private;
pub mod probe;
pub mod spot;
pub mod stuck;
pub mod sync;

pub use advice::{lack, remedy};

use crate::durable::spot::Place;
use rustix::fs::{AtFlags, FileType, IFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

const CHUNK: usize = 256 * 1024;
/// How far apart the times of a file and its copy may be, in seconds: FAT keeps every second one.
const COARSE_TIME: u64 = 2;
/// So many bytes are read before it is asked whether anybody still waits for them.
const ASK: usize = 4 << 20;

/// An operation on the disk that failed. It names every path it was about.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} {subject}")]
pub struct Error {
    action: &'static str,
    subject: String,
    source: io::Error,
}

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file or folder is not there.
    Missing,
    /// The name is taken.
    Exists,
    /// No permission, or the file system is read-only.
    Denied,
    /// The disk or the quota is full.
    NoSpace,
    /// The two names are on different file systems.
    OtherDevice,
    /// A symbolic link is where none may be.
    Link,
    /// Something else: the disk or the network.
    Other,
}

impl Error {
    /// An error about one path.
    pub(crate) fn at(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self {
            action,
            subject: format!("`{}`", path.display()),
            source: source.into(),
        }
    }

    /// An error about two paths.
    pub(crate) fn between(
        action: &'static str,
        from: &Path,
        to: &Path,
        source: impl Into<io::Error>,
    ) -> Self {
        Self {
            action,
            subject: format!("`{}` to `{}`", from.display(), to.display()),
            source: source.into(),
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        kind_of(&self.source)
    }

    /// The same failure once more, for everybody whom it concerns.
    #[must_use]
    pub fn again(&self) -> Self {
        let source = match self.source.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.source.kind(), self.source.to_string()),
        };
        Self {
            action: self.action,
            subject: self.subject.clone(),
            source,
        }
    }

    /// The operating system's error, without what it was about.
    #[must_use]
    pub fn into_io(self) -> io::Error {
        self.source
    }

    /// The operating system's error.
    #[must_use]
    pub fn io(&self) -> &io::Error {
        &self.source
    }
}

/// What can be done about an error of the operating system.
#[must_use]
pub fn kind_of(error: &io::Error) -> Kind {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOENT | Errno::NOTDIR) => Kind::Missing,
        Some(Errno::EXIST) => Kind::Exists,
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Kind::Denied,
        Some(Errno::NOSPC | Errno::DQUOT) => Kind::NoSpace,
        Some(Errno::XDEV) => Kind::OtherDevice,
        Some(_) => Kind::Other,
        None if error.kind() == io::ErrorKind::NotFound => Kind::Missing,
        None if error
            .get_ref()
            .is_some_and(|inner| inner.is::<beneath::Linked>()) =>
        {
            Kind::Link
        }
        None => Kind::Other,
    }
}

/// Content as it was copied or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// How many bytes.
    pub size: u64,
    /// BLAKE3, in hex.
    pub blake3: String,
}

/// Makes a new file. It never follows a link and never opens what is already there.
///
/// # Errors
/// The name is taken, or the file cannot be made.
pub fn create_new<'a>(place: impl Into<Place<'a>>) -> Result<File, Error> {
    create_with(place.into(), 0o666)
}

/// `mode` less the umask.
fn create_with(place: Place<'_>, mode: u32) -> Result<File, Error> {
    let Place { folder, name, path } = place;
    let made = failpoint::step().and_then(|()| {
        failpoint::name(path)?;
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(
            folder,
            name,
            flags,
            Mode::from_raw_mode(mode),
        )?)
    });
    made.map(File::from)
        .map_err(|source| Error::at("create", path, source))
}

/// Opens a file for reading: a regular file, not behind a link.
///
/// # Errors
/// It is not there, cannot be read, or is something else.
pub fn open_regular<'a>(place: impl Into<Place<'a>>) -> Result<File, Error> {
    let place = place.into();
    let path = place.path;
    let open = || -> io::Result<File> {
        let file = place.open()?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::other("it is not a regular file"))
        }
    };
    open().map_err(|source| Error::at("open", path, source))
}

/// Makes a new file with these bytes and syncs it. The folder still has to be synced.
///
/// # Errors
/// It cannot be made or written; what was begun is removed.
pub fn write_new<'a>(place: impl Into<Place<'a>>, bytes: &[u8]) -> Result<(), Error> {
    let place = place.into();
    write_into(create_new(place)?, place, bytes)
}

fn write_into(mut file: File, place: Place<'_>, bytes: &[u8]) -> Result<(), Error> {
    let written = failpoint::step()
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| sync_file(&file));
    written.map_err(|source| abandon(place, Error::at("write", place.path, source)))
}

/// Puts these bytes in place of whatever has the name, at once and durably. Only one at a time may replace one file: the temp
/// has the same name each time, so that one that a crash leaves goes with the next.
///
/// # Errors
/// It cannot be written; the old file is as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    put_in_place(path, bytes, 0o666, |_| Ok(()))
}

/// As [`replace`], for what is nobody else's business: only its owner may read and write it, whatever the umask says.
///
/// # Errors
/// As [`replace`].
pub fn replace_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    put_in_place(path, bytes, 0o600, |_| Ok(()))
}

/// `dress` is done to the temp before it gets the name.
fn put_in_place(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    dress: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temp = folder.join(format!(".dropleaf-{name}.tmp"));
    remove(&temp)?;
    write_into(create_with((&temp).into(), mode)?, (&temp).into(), bytes)?;
    dress(&temp)
        .and_then(|()| rename(&temp, path))
        .map_err(|error| abandon(&temp, error))?;
    sync::folder(folder)
}

/// Copies all of an open file (from its start, wherever its cursor is) into a new one, hashes it on the way and syncs it.
///
/// # Errors
/// The source cannot be read or the copy not be written; what was begun is removed.
pub fn copy_new<'a>(source: &File, to: impl Into<Place<'a>>) -> Result<Content, Error> {
    let to = to.into();
    let mut file = create_new(to)?;
    let copied = failpoint::step()
        .and_then(|()| each_chunk(source, |chunk| file.write_all(chunk)))
        .and_then(|content| sync_file(&file).map(|()| content));
    copied.map_err(|source| abandon(to, Error::at("write", to.path, source)))
}

/// Reads all of an open file for its size and hash.
///
/// # Errors
/// It cannot be read.
pub fn content(file: &File, path: &Path) -> Result<Content, Error> {
    each_chunk(file, |_| Ok(())).map_err(|source| Error::at("read", path, source))
}

/// The same, given up (`None`) once `is_over` says so. It is asked every few MiB.
///
/// # Errors
/// It cannot be read.
pub fn content_unless(
    file: &File,
    path: &Path,
    is_over: impl Fn() -> bool,
) -> Result<Option<Content>, Error> {
    let (mut unasked, mut given_up) = (0, false);
    let read = each_chunk(file, |chunk| {
        unasked += chunk.len();
        if unasked >= ASK {
            unasked = 0;
            given_up = is_over();
        }
        match given_up {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(()),
        }
    });
    match read {
        Err(_) if given_up => Ok(None),
        read => read
            .map(Some)
            .map_err(|source| Error::at("read", path, source)),
    }
}

/// Copies all of an open file into a new one that has the same holes, and syncs it.
///
/// # Errors
/// The source cannot be read or the copy not be written; what was begun is removed.
pub fn copy_with_holes<'a>(source: &File, to: impl Into<Place<'a>>) -> Result<(), Error> {
    let to = to.into();
    let file = create_new(to)?;
    let copied = failpoint::step()
        .and_then(|()| holes::copy(source, &file))
        .and_then(|()| sync_file(&file));
    copied.map_err(|source| abandon(to, Error::at("write", to.path, source)))
}

/// Whether the file at `to` is a copy of the one at `from`: it has its time, to two seconds as some file systems keep it, and holds the
/// same.
///
/// # Errors
/// One of them cannot be read.
pub fn is_copy(from: Place<'_>, to: Place<'_>) -> Result<bool, Error> {
    let (Some(here), Some(there)) = (from.stat()?, to.stat()?) else {
        return Ok(false);
    };
    let is_file = FileType::from_raw_mode(there.st_mode) == FileType::RegularFile;
    if !is_file
        || here.st_size != there.st_size
        || here.st_mtime.abs_diff(there.st_mtime) > COARSE_TIME
    {
        return Ok(false);
    }
    holes::are_alike(&open_regular(from)?, &open_regular(to)?)
        .map_err(|source| Error::between("compare", from.path, to.path, source))
}

fn each_chunk(source: &File, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<Content> {
    let length = source.metadata()?.len();
    // One byte more than the file, so that a small file takes one read and one that says it is over.
    let mut buffer = vec![0; usize::try_from(length).unwrap_or(CHUNK).clamp(1, CHUNK)];
    let mut hasher = blake3::Hasher::new();
    let mut size = 0;
    loop {
        let count = match source.read_at(&mut buffer, size) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..count]);
        take(&buffer[..count])?;
        size += count as u64;
    }
    Ok(Content {
        size,
        blake3: hasher.finalize().to_hex().to_string(),
    })
}

/// Syncs a file's content.
///
/// # Errors
/// The disk's.
pub fn sync_file(file: &File) -> io::Result<()> {
    failpoint::step()?;
    file.sync_data()
}

/// Renames, replacing whatever has the new name.
///
/// # Errors
/// Of the operating system; see [`Kind`].
pub fn rename<'a>(from: impl Into<Place<'a>>, to: impl Into<Place<'a>>) -> Result<(), Error> {
    let (from, to) = (from.into(), to.into());
    failpoint::step()
        .and_then(|()| failpoint::device(from.path, to.path))
        .and_then(|()| failpoint::name(to.path))
        .and_then(|()| {
            let (here, there) = (from.folder, to.folder);
            Ok(rustix::fs::renameat(here, from.name, there, to.name)?)
        })
        .map_err(|source| Error::between("rename", from.path, to.path, source))
}

/// Renames, but never over a file that has the new name. Where the file system cannot do that in one step (FUSE, some
/// network file systems) it links and unlinks; where it cannot link either, it looks first and then renames.
///
/// # Errors
/// [`Kind::Exists`] where the name is taken, and the operating system's.
pub fn rename_noreplace<'a>(
    from: impl Into<Place<'a>>,
    to: impl Into<Place<'a>>,
) -> Result<(), Error> {
    let from = from.into();
    noreplace::rename_and(from, to, || remove(from))
}

/// Removes a file; one that is not there is fine.
///
/// # Errors
/// Of the operating system.
pub fn remove<'a>(place: impl Into<Place<'a>>) -> Result<(), Error> {
    let Place { folder, name, path } = place.into();
    let removed = failpoint::step().and_then(|()| {
        match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
            Err(Errno::NOENT) | Ok(()) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    });
    removed.map_err(|source| Error::at("remove", path, source))
}

/// Makes a folder and those above it, durably. Those that are there stay as they are; new ones get `mode` (less the umask).
///
/// # Errors
/// One cannot be made, or a file has its name.
pub fn make_folders(path: &Path, mode: u32) -> Result<(), Error> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_folders(above, mode)?;
    }
    let made = failpoint::step()
        .and_then(|()| failpoint::name(path))
        .and_then(|()| std::fs::DirBuilder::new().mode(mode).create(path));
    match made {
        Ok(()) => sync::parent(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(Error::at("create folder", path, error)),
    }
}

/// Asks the file system to lay out each folder that is made in this one as the top of a tree of its own (`chattr +T`): ext4 then
/// looks for its files' inodes where few others are. Without a journal it passes over every inode that was freed in the last
/// minutes, one by one, at each new file; where much was deleted beside it, that took longer than all else that a file costs.
/// Only a hint: what does not know it does without.
pub fn spread_folders(folder: &Path) {
    let hint = || -> rustix::io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(folder, flags, Mode::empty())?;
        let now = rustix::fs::ioctl_getflags(&folder)?;
        rustix::fs::ioctl_setflags(&folder, now | IFlags::TOPDIR)
    };
    if let Err(error) = hint() {
        tracing::debug!(folder = %folder.display(), %error, "the file system takes no hint about where folders lie");
    }
}

/// Bytes that this user may still write on the file system of `path` (or of the nearest folder above it that is there).
///
/// # Errors
/// The file system cannot say.
pub fn free_space(path: &Path) -> Result<u64, Error> {
    let there = path.ancestors().find(|above| above.exists());
    let there = there.unwrap_or(Path::new("/"));
    let space = rustix::fs::statvfs(there).map_err(|errno| Error::at("measure", there, errno))?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Whether two paths lie on one file system.
///
/// # Errors
/// One of them is not there.
pub fn same_device(one: &Path, other: &Path) -> Result<bool, Error> {
    let device = |path: &Path| {
        let found = std::fs::metadata(path);
        found.map_err(|source| Error::at("look at", path, source))
    };
    Ok(device(one)?.dev() == device(other)?.dev())
}

/// Removes what a failed write left, and hands the failure on.
fn abandon<'a>(place: impl Into<Place<'a>>, error: Error) -> Error {
    if !failpoint::crashed() {
        // The failure is what matters; a temp that stays is swept at the next start.
        let place = place.into();
        let _ = rustix::fs::unlinkat(place.folder, place.name, AtFlags::empty());
    }
    error
}

/// `path` with its folder part, for messages: `.` stands for none.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests;
