//! Scratch folders: one for each worker whose plugins may have one, empty at first, not larger than allowed, and gone with all
//! that is in it soon after the worker.
//!
//! What a worker leaves may be large, so that a thread of its own removes it: neither the end of an attempt nor the next worker,
//! which has another folder, waits for that. Each folder is locked for as long as its pool needs it, since another program may
//! use the same home: what lies there unlocked when a daemon starts was left by one that was killed.

use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Files and folders that one may hold.
pub(crate) const MOST_FILES: u64 = 10_000;
/// What their names begin with.
const PREFIX: &str = "worker-";
/// For what the last workers left to go, when a pool ends; the rest goes when the next daemon starts.
const PATIENCE: Duration = Duration::from_secs(5);

/// A scratch folder in use. It goes, with all that is in it, once this is dropped, which must not be before its worker is dead.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    kept: Option<Kept>,
    sweeper: mpsc::Sender<Left>,
}

/// What keeps a folder from being taken for one that was left, and the end of the pool from passing over it.
type Kept = (Option<File>, TaskTrackerToken);

/// A folder to remove.
type Left = (PathBuf, Kept);

/// The thread that removes folders. No more wait for it than lie on the disk, so that its queue needs no bound.
#[derive(Clone, Debug)]
pub(crate) struct Sweeper {
    queue: mpsc::Sender<Left>,
    folders: TaskTracker,
}

impl Sweeper {
    /// Starts the thread. It ends with the last handle and the last folder.
    pub(crate) fn start() -> io::Result<Self> {
        let (queue, left) = mpsc::channel::<Left>();
        std::thread::Builder::new()
            .name("sweeper".into())
            .stack_size(128 << 10)
            .spawn(move || {
                for (path, kept) in left {
                    discard(&path);
                    drop(kept);
                }
            })?;
        Ok(Self {
            queue,
            folders: TaskTracker::new(),
        })
    }

    /// Has removed what a daemon that was killed has left in this folder.
    pub(crate) fn tidy(&self, parent: &Path) {
        // Where it cannot be listed, nothing of ours is there, or the next worker that needs a scratch folder says so.
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
            if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let path = entry.path();
            if let Some(lock) = lock(&path) {
                self.discard_later(path, lock);
            }
        }
    }

    fn discard_later(&self, path: PathBuf, lock: Option<File>) {
        // The thread lives for as long as this.
        let _ = self.queue.send((path, (lock, self.folders.token())));
    }

    /// An empty folder that only one worker may use; `None` where the pool has no place for such.
    pub(crate) fn prepare(
        &self,
        parent: Option<&Path>,
        user: Option<u32>,
    ) -> io::Result<Option<Folder>> {
        let Some(parent) = parent else {
            return Ok(None);
        };
        let path = parent.join(format!("{PREFIX}{}", ulid::Ulid::generate()));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)?;
        let folder = Folder {
            kept: Some((lock(&path).flatten(), self.folders.token())),
            sweeper: self.queue.clone(),
            path,
        };
        let path = folder.path();
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
        if let Some(user) = user
            && fs::metadata(path)?.uid() != user
        {
            std::os::unix::fs::chown(path, Some(user), Some(user))?;
        }
        Ok(Some(folder))
    }

    /// Waits until all folders are gone, but not for long.
    pub(crate) async fn finish(&self) {
        self.folders.close();
        if tokio::time::timeout(PATIENCE, self.folders.wait())
            .await
            .is_err()
        {
            tracing::warn!("scratch folders are left; they go when the daemon starts again");
        }
    }
}

impl Folder {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take() {
            // The thread lives for as long as this.
            let _ = self.sweeper.send((std::mem::take(&mut self.path), kept));
        }
    }
}

/// Locks a folder; `None` where somebody else has. On a file system without such locks nobody has.
fn lock(path: &Path) -> Option<Option<File>> {
    let Ok(folder) = File::open(path) else {
        return Some(None);
    };
    match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => None,
        _ => Some(Some(folder)),
    }
}

/// What a worker left goes, whatever its plugin did to it.
fn discard(path: &Path) {
    match remove(path) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => tracing::warn!(
            folder = %path.display(), %error,
            "a scratch folder cannot be emptied; the daemon tries it again when it starts, or remove it by hand"
        ),
    }
}

/// Removes a folder with all that is in it. A plugin may have nested folders by the ten thousand: the way back from one is its
/// `..`, so that depth costs neither stack nor descriptors, and it is checked, so that nothing else is entered.
fn remove(path: &Path) -> Result<(), Errno> {
    open_up(rustix::fs::CWD, path);
    let mut current = open(rustix::fs::CWD, path)?;
    let mut above: Vec<((u64, u64), CString)> = Vec::new();
    loop {
        if let Some(name) = clear(&current)? {
            let here = identity(&current)?;
            open_up(&current, &*name);
            current = open(&current, &*name)?;
            above.push((here, name));
            continue;
        }
        let Some((parent, name)) = above.pop() else {
            return rustix::fs::rmdir(path);
        };
        current = open(&current, c"..")?;
        if identity(&current)? != parent {
            return Err(Errno::STALE);
        }
        rustix::fs::unlinkat(&current, &*name, AtFlags::REMOVEDIR)?;
    }
}

/// Removes what is no folder from a folder, as far as the first folder in it, and names that.
fn clear(folder: &OwnedFd) -> Result<Option<CString>, Errno> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            // Linux says this of a folder, POSIX the second.
            Err(Errno::ISDIR | Errno::PERM) => return Ok(Some(CStr::to_owned(name))),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn open(from: impl std::os::fd::AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(from, name, flags, Mode::empty())
}

fn identity(folder: &OwnedFd) -> Result<(u64, u64), Errno> {
    let stat = rustix::fs::fstat(folder)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Lets us into a folder that was made without permissions for anybody. What does not work shows when it is opened.
fn open_up(from: impl std::os::fd::AsFd, name: impl rustix::path::Arg) {
    // Root needs no permission, and must not follow what a plugin put in a folder's place.
    if !rustix::process::geteuid().is_root() {
        let _ = rustix::fs::chmodat(from, name, Mode::RWXU, AtFlags::empty());
    }
}

/// What a folder holds, in words, where that is more than `most` bytes or too many files, or nobody can tell.
pub(crate) fn used(folder: &Path, most: u64) -> Option<String> {
    let (mut bytes, mut files) = (0, 0);
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            // What vanishes meanwhile takes no room.
            Err(error) if is_gone(&error) => continue,
            Err(error) => return Some(format!("a folder that cannot be looked into ({error})")),
        };
        for entry in entries.flatten() {
            let Ok(data) = entry.metadata() else {
                continue;
            };
            files += 1;
            bytes += data.blocks() * 512;
            if bytes > most || files > MOST_FILES {
                return Some(format!("{} MiB in {files} files", bytes >> 20));
            }
            if data.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    None
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn folder(sweeper: &Sweeper, parent: &Path) -> io::Result<Folder> {
        Ok(sweeper
            .prepare(Some(parent), None)?
            .expect("there is a place"))
    }

    fn gone(path: &Path) -> bool {
        let end = Instant::now() + Duration::from_secs(60);
        while path.symlink_metadata().is_ok() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        path.symlink_metadata().is_err()
    }

    #[test]
    fn what_is_too_much_is_said() -> io::Result<()> {
        let parent = tempfile::tempdir()?;
        let folder = folder(&Sweeper::start()?, parent.path())?;
        let path = folder.path();
        fs::create_dir(path.join("below"))?;
        fs::write(path.join("below/a"), vec![1; 3 << 20])?;
        assert_eq!(used(path, 8 << 20), None);
        assert!(used(path, 1 << 20).expect("too much").contains("files"));
        fs::set_permissions(path.join("below"), fs::Permissions::from_mode(0o300))?;
        if fs::read_dir(path.join("below")).is_err() {
            assert!(
                used(path, u64::MAX)
                    .expect("nobody can tell")
                    .contains("cannot")
            );
        }
        Ok(())
    }

    #[test]
    fn a_folder_goes_with_all_that_is_in_it_and_nothing_else() -> io::Result<()> {
        let parent = tempfile::tempdir()?;
        let outside = parent.path().join("outside");
        fs::create_dir(&outside)?;
        fs::write(outside.join("a"), "kept")?;
        let folder = folder(&Sweeper::start()?, parent.path())?;
        let path = folder.path().to_path_buf();
        fs::create_dir_all(path.join("b/c"))?;
        fs::create_dir_all(path.join("b/d"))?;
        fs::write(path.join("b/c/e"), "gone")?;
        std::os::unix::fs::symlink(&outside, path.join("b/f"))?;
        std::os::unix::fs::symlink(&outside, path.join("g"))?;
        for closed in ["b/c", "b"] {
            fs::set_permissions(path.join(closed), fs::Permissions::from_mode(0o000))?;
        }
        drop(folder);
        assert!(gone(&path));
        assert_eq!(fs::read_to_string(outside.join("a"))?, "kept");
        Ok(())
    }

    #[test]
    fn depth_costs_neither_stack_nor_descriptors() -> io::Result<()> {
        let parent = tempfile::tempdir()?;
        let folder = folder(&Sweeper::start()?, parent.path())?;
        let path = folder.path().to_path_buf();
        let mut deepest = open(rustix::fs::CWD, &path)?;
        for _ in 0..2000 {
            rustix::fs::mkdirat(&deepest, "d", Mode::RWXU)?;
            deepest = open(&deepest, "d")?;
        }
        drop(folder);
        assert!(gone(&path));
        Ok(())
    }

    #[test]
    fn what_was_left_goes_and_what_is_in_use_stays() -> io::Result<()> {
        let parent = tempfile::tempdir()?;
        let another = folder(&Sweeper::start()?, parent.path())?;
        let (left, other) = (parent.path().join("worker-3"), parent.path().join("other"));
        fs::create_dir(&left)?;
        fs::write(left.join("a"), "left")?;
        fs::create_dir(&other)?;
        Sweeper::start()?.tidy(parent.path());
        assert!(gone(&left));
        assert!(another.path().exists() && other.exists());
        Ok(())
    }
}
