//! Whether a folder can be used: found out by using it, and told in words that say what to do.

use crate::durable::{self, Kind, kind_of};
use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How the names of probes begin; the number of their process follows.
const PREFIX: &str = ".dropleaf-probe-";
/// How they end once they were renamed.
const RENAMED: &str = "-renamed";
static COUNT: AtomicU64 = AtomicU64::new(0);
/// The probes of this process that are being made just now, by their names.
static AT_WORK: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Why a folder cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Blocked {
    /// The folder is not there at all.
    pub missing: bool,
    /// Owner, mode and uid, and what to do.
    pub reason: String,
}

/// Creates, renames and removes a file in the folder.
///
/// # Errors
/// One of them failed; the reason names the folder's owner and mode, our uid, and what to do.
pub fn folder(folder: &Path) -> Result<(), Blocked> {
    match try_out(folder) {
        Ok(()) => Ok(()),
        Err(error) => Err(blocked(folder, &error)),
    }
}

fn try_out(folder: &Path) -> io::Result<()> {
    // Reading the folder is needed as well as writing it.
    for entry in std::fs::read_dir(folder)? {
        if let Some(path) = left_over(&entry?) {
            match durable::remove(&path) {
                // It may be another user's; whether we may write here is found out below.
                Err(error) if error.kind() == Kind::Denied => {}
                removed => removed.map_err(source)?,
            }
        }
    }
    let name = Name::new();
    let (one, other) = (folder.join(&name.0), folder.join(name.renamed()));
    let made = durable::create_new(&one).map(drop);
    let renamed = made.and_then(|()| durable::rename(&one, &other));
    // Also what only half succeeded has left something. What cannot be removed now is tried again by the next probe.
    let removed = [&one, &other].map(durable::remove);
    renamed.map_err(source)?;
    removed
        .into_iter()
        .try_for_each(|done| done.map_err(source))
}

/// The user whose a file is that we make in this folder.
///
/// # Errors
/// None can be made there.
pub(super) fn owner_of_new(folder: &Path) -> io::Result<u32> {
    let name = Name::new();
    let path = folder.join(&name.0);
    let owner = durable::create_new(&path).map(|file| file.metadata().map(|found| found.uid()));
    durable::remove(&path).map_err(source)?;
    owner.map_err(source)?
}

fn source(error: durable::Error) -> io::Error {
    io::Error::new(error.io().kind(), error)
}

/// The name of a probe, which is no left-over as long as this lives.
struct Name(String);

impl Name {
    fn new() -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        at_work().insert(name.clone());
        Self(name)
    }

    fn renamed(&self) -> String {
        format!("{}{RENAMED}", self.0)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        at_work().remove(&self.0);
    }
}

fn at_work() -> MutexGuard<'static, BTreeSet<String>> {
    // A set is whole between calls.
    AT_WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A probe of a process that was killed in the middle of it, or one of ours that could not be removed.
fn left_over(entry: &std::fs::DirEntry) -> Option<PathBuf> {
    let name = entry.file_name();
    let name = name.to_str()?;
    let process: u32 = name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()?;
    let over = if process == std::process::id() {
        !at_work().contains(name.strip_suffix(RENAMED).unwrap_or(name))
    } else {
        let process = rustix::process::Pid::from_raw(process.try_into().ok()?)?;
        rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH)
    };
    over.then(|| entry.path())
}

/// The words for an error in using this folder.
#[must_use]
pub fn blocked(folder: &Path, error: &io::Error) -> Blocked {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<durable::Error>())
        .map_or(error, durable::Error::io);
    let shown = folder.display();
    let reason = match kind_of(inner) {
        Kind::Missing | Kind::Exists if in_the_way(folder).is_some() => format!(
            "`{}` is a file, and no folder; move it away",
            in_the_way(folder).unwrap_or(folder).display()
        ),
        Kind::Missing => format!("`{shown}` is not there; create it, or mount what belongs there"),
        Kind::NoSpace if inner.raw_os_error() == Some(rustix::io::Errno::DQUOT.raw_os_error()) => {
            format!(
                "`{shown}` cannot be written: the disk quota of {} is used up; free some space or have the quota raised",
                who_we_are()
            )
        }
        Kind::NoSpace => format!("`{shown}` is on a full disk; free some space"),
        Kind::Denied if inner.raw_os_error() == Some(rustix::io::Errno::ROFS.raw_os_error()) => {
            format!("`{shown}` is on a read-only file system; mount it writable")
        }
        Kind::Denied => denied(folder),
        _ => format!("`{shown}` cannot be used: {inner}"),
    };
    Blocked {
        missing: kind_of(inner) == Kind::Missing,
        reason,
    }
}

/// The folder's place, or the nearest one above it where anything is, if that is no folder.
fn in_the_way(folder: &Path) -> Option<&Path> {
    let found = folder.ancestors().find(|path| path.exists())?;
    (!found.is_dir()).then_some(found)
}

/// Names the owner of the folder, or of the nearest folder above it that can be seen: the one that keeps us out.
fn denied(folder: &Path) -> String {
    let (shown, us) = (folder.display(), who_we_are());
    let seen = |path: &&Path| std::fs::symlink_metadata(path).is_ok();
    match folder.ancestors().find(seen) {
        Some(above) if above != folder => format!(
            "`{shown}` cannot be made or reached by {us} below `{}`: {}; give this user read, write and search permission on that, or make the folder there for this user",
            above.display(),
            owner(above)
        ),
        _ => format!(
            "`{shown}` cannot be read and written by {us}: {}; give this user read, write and search permission on it",
            owner(folder)
        ),
    }
}

/// `uid 1000`.
#[must_use]
pub fn who_we_are() -> String {
    format!("uid {}", rustix::process::geteuid().as_raw())
}

/// `it belongs to uid 0 gid 0, mode 0755`.
#[must_use]
pub fn owner(path: &Path) -> String {
    match std::fs::symlink_metadata(path) {
        Ok(found) => format!(
            "it belongs to uid {} gid {}, mode {:04o}",
            found.uid(),
            found.gid(),
            found.mode() & 0o7777
        ),
        Err(error) => format!("its owner cannot be seen ({error})"),
    }
}
