//! Whose a watched folder is: two homes must not take files out of one folder.
//!
//! *Theory of operation.* A claimed file that the journal does not know is taken for a left-over and goes back to its inbox. What another
//! daemon has claimed looks the same. So a home leaves its mark, [`MARK`], in our own folder of each inbox before it takes the first file
//! there, and keeps its hands off a folder that bears the mark of another one. A home is known by the id that it keeps in its state
//! folder, beside the journal: it lasts when the journal is lost, and moves with the home. Where the id is lost, the home's place on the
//! same machine tells. A mark that is there is never replaced by another home: people remove it.

use crate::durable::{self, Kind};
use crate::raw_path::RawPath;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The header of the daemon's answers that tells which home it serves ([`public`]).
pub const HEADER: &str = "dropleaf-home";
/// The name of the mark in our own folder of an inbox.
pub const MARK: &str = "owner";
/// Another home may mark or unmark the folder between two looks; not for ever.
const TRIES: u32 = 5;

/// Who we are. Cloning it gives another handle to the same. The default has no home and owns whatever it looks at, without a mark.
#[derive(Clone, Debug, Default)]
pub struct Owner(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    itself: Mark,
    /// Where the id is kept.
    file: PathBuf,
    /// Our own folders of the inboxes that bore our mark when they were looked at last.
    marked: Mutex<BTreeSet<PathBuf>>,
}

/// What stands in a mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// The home's id.
    id: String,
    /// Where the home lies.
    home: RawPath,
    /// The name of its machine, for people.
    host: String,
    /// Tells machines of one name apart; empty where a machine has no id.
    #[serde(default)]
    machine: String,
    /// The inode of the home's folder, which tells containers apart.
    #[serde(default)]
    inode: u64,
}

/// Why nothing may be taken from a folder.
#[derive(Debug, thiserror::Error)]
pub enum NotOurs {
    /// It is another home's.
    #[error(
        "the Dropleaf home `{home}` on `{host}` takes files from this folder, and two homes must not share one: give each a folder of its \
         own; if that home is gone for good or watches this folder no more, remove `{}`", .mark.display()
    )]
    Another {
        /// Where that home lies.
        home: RawPath,
        /// Its machine.
        host: String,
        /// What says so.
        mark: PathBuf,
    },
    /// It is the home's that this one was copied from.
    #[error(
        "the Dropleaf home `{home}` on `{host}`, of which this one is a copy, takes files from this folder: stop this daemon, remove `{}` \
         so that the copy gets an id of its own, and give it folders of its own; if the other home is gone for good, remove `{}`",
        .id.display(), .mark.display()
    )]
    Original {
        /// Where that home lies.
        home: RawPath,
        /// Its machine.
        host: String,
        /// Where this home keeps its id.
        id: PathBuf,
        /// What says so.
        mark: PathBuf,
    },
    /// Somebody has left a mark that says nothing.
    #[error(
        "`{}` does not say which home takes files from this folder; if no other one does, remove it", .0.display()
    )]
    Unreadable(PathBuf),
    /// The mark cannot be read or written.
    #[error(transparent)]
    Disk(#[from] durable::Error),
}

/// What tells a home from every other for whoever asks, made from the id that is kept in `file`: the id itself, by which inboxes
/// know the home, is told to nobody. `None` where no daemon of the home has run yet. Blocking.
///
/// # Errors
/// The id cannot be read.
pub fn public(file: &Path) -> io::Result<Option<String>> {
    let id = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if durable::kind_of(&error) == Kind::Missing => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(match id.trim() {
        "" => None,
        id => Some(hashed("Dropleaf: which home a daemon serves", id)),
    })
}

impl Owner {
    /// The home in this folder, with the id that is kept in `file`, or a new one. Blocking.
    ///
    /// # Errors
    /// The id cannot be read or kept.
    pub fn of(home: &Path, file: PathBuf) -> Result<Self, durable::Error> {
        let kept = match fs::read_to_string(&file) {
            Ok(text) => Some(text.trim().to_owned()).filter(|id| !id.is_empty()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
            Err(error) => return Err(durable::Error::at("read", &file, error)),
        };
        let id = match kept {
            Some(id) => id,
            None => {
                let id = ulid::Ulid::generate().to_string();
                durable::replace_private(&file, format!("{id}\n").as_bytes())?;
                id
            }
        };
        let below = file.strip_prefix(home).map(Path::to_path_buf);
        let home = home.canonicalize().unwrap_or_else(|_| home.to_path_buf());
        let file = below.map_or(file, |below| home.join(below));
        let itself = Mark {
            id,
            inode: fs::metadata(&home).map_or(0, |found| found.ino()),
            home: RawPath(home),
            host: host(),
            machine: machine(),
        };
        Ok(Self(Some(Arc::new(Inner {
            itself,
            file,
            marked: Mutex::default(),
        }))))
    }

    /// Whether the inbox with this folder of ours (`<inbox>/.dropleaf`) is this home's. One without a mark is from now on. Blocking.
    ///
    /// # Errors
    /// It is not, or that cannot be found out.
    pub fn take(&self, ours: &Path) -> Result<(), NotOurs> {
        durable::private::require(ours)?;
        let Some(inner) = &self.0 else {
            return Ok(());
        };
        let taken = inner.take(ours);
        match taken {
            Ok(()) => inner.marked().insert(ours.to_path_buf()),
            Err(_) => inner.marked().remove(ours),
        };
        taken
    }

    /// The same, where the last look will do.
    ///
    /// # Errors
    /// As [`Owner::take`].
    pub fn has(&self, ours: &Path) -> Result<(), NotOurs> {
        let is_marked = |inner: &Arc<Inner>| inner.marked().contains(ours);
        match self.0.as_ref().is_some_and(is_marked) {
            true => Ok(durable::private::require(ours)?),
            false => self.take(ours),
        }
    }

    /// Whether a daemon of this home would take files there; nothing is marked. Blocking.
    ///
    /// # Errors
    /// It would not, or that cannot be found out.
    pub fn may_take(&self, ours: &Path) -> Result<(), NotOurs> {
        let Some(inner) = &self.0 else {
            return Ok(());
        };
        let path = ours.join(MARK);
        match read(&path)? {
            Some(mark) if mark != inner.itself => inner.must_be_ours(mark, ours, &path),
            _ => Ok(()),
        }
    }
}

impl Inner {
    fn take(&self, ours: &Path) -> Result<(), NotOurs> {
        let path = ours.join(MARK);
        for _ in 0..TRIES {
            match read(&path)? {
                Some(mark) if mark == self.itself => {
                    if !self.marked().contains(ours) {
                        // An earlier life may have been cut short between mark and temp.
                        self.forget_temps(ours)?;
                    }
                    return Ok(());
                }
                Some(mark) => {
                    self.must_be_ours(mark, ours, &path)?;
                    // What stands there then is looked at again: another thread may have been at it.
                    self.replace(ours, &path)?;
                }
                // What we have made is read, too: some file systems let two homes make it.
                None => self.make(ours, &path)?,
            }
        }
        Err(NotOurs::Unreadable(path))
    }

    fn make(&self, ours: &Path, path: &Path) -> Result<(), durable::Error> {
        durable::make_folders(ours, 0o700)?;
        if is_torn(path) {
            return self.replace(ours, path);
        }
        let temp = self.write_temp(ours)?;
        match durable::rename_noreplace(&temp, path) {
            Ok(()) => durable::sync::folder(ours),
            Err(error) => {
                durable::remove(&temp)?;
                // Another one was here first, or has taken our temp for a left-over.
                match error.kind() {
                    Kind::Exists | Kind::Missing => Ok(()),
                    _ => Err(error),
                }
            }
        }
    }

    /// Puts our mark in place of what is there.
    fn replace(&self, ours: &Path, path: &Path) -> Result<(), durable::Error> {
        let temp = self.write_temp(ours)?;
        match durable::rename(&temp, path) {
            Ok(()) => durable::sync::folder(ours),
            // Another thread has made the mark, and taken our temp for a left-over.
            Err(error) if error.kind() == Kind::Missing => Ok(()),
            Err(error) => {
                durable::remove(&temp)?;
                Err(error)
            }
        }
    }

    /// A temp of its own for each: several threads of ours may be at it.
    fn write_temp(&self, ours: &Path) -> Result<PathBuf, durable::Error> {
        static TURN: AtomicU32 = AtomicU32::new(0);
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let temp = ours.join(format!("{}{turn}.tmp", self.temp_prefix()));
        durable::remove(&temp)?;
        durable::write_new(&temp, &self.text())?;
        Ok(temp)
    }

    /// Whether a mark that is not quite ours was made by this home when it lay elsewhere, or had another id.
    fn must_be_ours(&self, mark: Mark, ours: &Path, path: &Path) -> Result<(), NotOurs> {
        let itself = &self.itself;
        let same_host = mark.host == itself.host && mark.machine == itself.machine;
        let told_apart = mark.machine.is_empty() && mark.inode != itself.inode;
        if same_host && mark.home == itself.home && !told_apart {
            return Ok(());
        }
        let (home, host, path) = (mark.home, mark.host, path.to_path_buf());
        if mark.id != itself.id {
            return Err(NotOurs::Another {
                home,
                host,
                mark: path,
            });
        }
        // A folder inside the home came with it. Else the home has moved, unless it is there still, or takes files at this moment.
        let stays = if same_host {
            self.is_there(&home.0)
        } else {
            self.marked().contains(ours)
        };
        let inside = ours.canonicalize().unwrap_or_else(|_| ours.to_path_buf());
        if !stays || inside.starts_with(&itself.home.0) {
            return Ok(());
        }
        Err(NotOurs::Original {
            home,
            host,
            id: self.file.clone(),
            mark: path,
        })
    }

    /// Whether another home with our id lies there.
    fn is_there(&self, home: &Path) -> bool {
        let Ok(below) = self.file.strip_prefix(&self.itself.home.0) else {
            return false;
        };
        let theirs = home.join(below);
        let found = |path: &Path| {
            fs::metadata(path)
                .map(|found| (found.dev(), found.ino()))
                .ok()
        };
        let id = fs::read_to_string(&theirs).unwrap_or_default();
        // The same file by another path is this very home.
        id.trim() == self.itself.id && found(&theirs) != found(&self.file)
    }

    fn text(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(&self.itself).unwrap_or_default()
    }

    /// Each home has its own, so that two that come at the same time do not write one file.
    fn temp_prefix(&self) -> String {
        format!(".dropleaf-{MARK}-{}-", self.itself.id)
    }

    fn forget_temps(&self, ours: &Path) -> Result<(), durable::Error> {
        let prefix = self.temp_prefix();
        let entries =
            fs::read_dir(ours).map_err(|error| durable::Error::at("read", ours, error))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                durable::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn marked(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        // Each change is one insertion or removal: a panic elsewhere leaves the set whole.
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> Result<Option<Mark>, NotOurs> {
    match fs::read(path) {
        Ok(bytes) if says_nothing(&bytes) => Ok(None),
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| NotOurs::Unreadable(path.to_path_buf())),
        Err(error) if durable::kind_of(&error) == Kind::Missing => Ok(None),
        Err(error) => Err(durable::Error::at("read", path, error).into()),
    }
}

/// What a power cut leaves of a file on a disk that had not kept what it was told to: the name, and nothing or zeros in it.
fn says_nothing(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn is_torn(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| says_nothing(&bytes))
}

fn host() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

/// A hash: the id itself is to be told to nobody (machine-id(5)).
fn machine() -> String {
    let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    match id.trim() {
        "" => String::new(),
        id => hashed("Dropleaf: owner of an inbox", id),
    }
}

fn hashed(what_for: &str, id: &str) -> String {
    blake3::derive_key(what_for, id.as_bytes())[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
