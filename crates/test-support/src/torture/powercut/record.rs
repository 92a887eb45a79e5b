//! Everything that happened to the files of a home, in order, with what people gave and what they were told in between.

use crate::trace::{Call, Observer, Seen};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// One file, whatever names it has.
pub(super) type FileId = usize;

/// What happened. `as_of` of a sync is how much had happened when it began: no more is made durable by it.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// A new, empty file.
    Create { path: PathBuf, file: FileId },
    /// Bytes of a file.
    Write {
        file: FileId,
        at: u64,
        bytes: Vec<u8>,
    },
    /// A file's new length.
    Resize { file: FileId, length: u64 },
    /// A new name in place of an old one, and of what had it.
    Rename { from: PathBuf, to: PathBuf },
    /// A second name.
    Link { from: PathBuf, to: PathBuf },
    /// A name goes.
    Unlink { path: PathBuf },
    /// A folder comes.
    MakeFolder { path: PathBuf },
    /// A folder goes.
    RemoveFolder { path: PathBuf },
    /// The content of a file is durable.
    SyncFile { file: FileId, as_of: usize },
    /// The names in a folder are durable.
    SyncFolder { path: PathBuf, as_of: usize },
    /// Everything is durable.
    SyncAll { as_of: usize },
    /// Somebody gave a file, whole and durable, before he went away.
    Given {
        path: PathBuf,
        file: FileId,
        bytes: Vec<u8>,
        input: usize,
    },
    /// An upload begins.
    Sends { input: usize },
    /// The daemon said that it has an upload.
    Took { input: usize },
    /// A client heard a durable event.
    Heard { id: String, event: Value },
    /// A client got its first snapshot.
    Snapshot { id: String, seq: u64 },
}

/// What happened so far.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) ops: Vec<Op>,
    /// Where each file came from: those that were there at the beginning have a copy of their own.
    pub(super) base: Vec<(FileId, PathBuf)>,
    /// The folders that were there at the beginning.
    pub(super) folders: Vec<PathBuf>,
    known: HashMap<(u64, u64), FileId>,
    /// Given files that nothing has taken yet, as far as is noted.
    lying: HashSet<PathBuf>,
    files: usize,
}

/// What happened so far, for all who add to it.
pub(super) type Shared = Arc<Mutex<Record>>;

impl Record {
    /// Begins with what lies below `root`.
    pub(super) fn of(root: &Path) -> Self {
        let mut record = Self::default();
        let mut next = vec![root.to_path_buf()];
        while let Some(folder) = next.pop() {
            for entry in std::fs::read_dir(&folder)
                .expect("the home is ours")
                .flatten()
            {
                let path = entry.path();
                let found = entry.metadata().expect("the home is ours");
                if found.is_dir() {
                    next.push(path);
                } else if !is_volatile(&path) {
                    let file = record.new_file(&found);
                    record.base.push((file, path));
                }
            }
            record.folders.push(folder);
        }
        record
    }

    /// Notes a file that somebody gave.
    pub(super) fn given(&mut self, path: &Path, bytes: Vec<u8>, input: usize) {
        let found = std::fs::metadata(path).expect("it was given a moment ago");
        let file = self.new_file(&found);
        self.lying.insert(path.to_path_buf());
        self.ops.push(Op::Given {
            path: path.to_path_buf(),
            file,
            bytes,
            input,
        });
    }

    /// Whether a file lies at a path. Looking would not do: the file may have gone, and that is noted only next.
    pub(super) fn lies_there(&self, path: &Path) -> bool {
        self.lying.contains(path) || path.exists()
    }

    fn new_file(&mut self, found: &Metadata) -> FileId {
        let file = self.files;
        self.files += 1;
        self.known.insert((found.dev(), found.ino()), file);
        file
    }

    fn file(&self, seen: &Seen, fd: i32) -> Option<FileId> {
        let found = seen.metadata(fd)?;
        self.known.get(&(found.dev(), found.ino())).copied()
    }

    fn note(&mut self, call: &Call, result: i64, as_of: usize, seen: &Seen) -> Option<()> {
        match call {
            Call::Open {
                path,
                existed,
                truncate,
            } => {
                let fd = i32::try_from(result).ok()?;
                let found = seen.metadata(fd)?;
                if is_volatile(path) || !found.is_file() {
                    return None;
                }
                if !existed {
                    let file = self.new_file(&found);
                    let path = path.clone();
                    self.ops.push(Op::Create { path, file });
                } else if *truncate {
                    let file = self.file(seen, fd)?;
                    self.ops.push(Op::Resize { file, length: 0 });
                }
            }
            Call::Write { fd, at, .. } => {
                let file = self.file(seen, *fd)?;
                let length = u64::try_from(result).ok()?;
                let at = match at {
                    Some(at) => *at,
                    None => seen.position(*fd)?.checked_sub(length)?,
                };
                let bytes = seen.content(*fd, at, usize::try_from(length).ok()?)?;
                self.ops.push(Op::Write { file, at, bytes });
            }
            Call::Resize { fd, .. } => {
                let file = self.file(seen, *fd)?;
                let length = seen.metadata(*fd)?.len();
                self.ops.push(Op::Resize { file, length });
            }
            Call::Sync { fd, path } => {
                let op = if seen.metadata(*fd)?.is_dir() {
                    let path = path.clone();
                    Op::SyncFolder { path, as_of }
                } else {
                    let file = self.file(seen, *fd)?;
                    Op::SyncFile { file, as_of }
                };
                self.ops.push(op);
            }
            Call::SyncAll => self.ops.push(Op::SyncAll { as_of }),
            Call::Rename { .. }
            | Call::Link { .. }
            | Call::Unlink { .. }
            | Call::MakeFolder { .. }
            | Call::RemoveFolder { .. } => self.note_names(call),
        }
        Some(())
    }

    /// Notes a call that changes names only, and has done so.
    fn note_names(&mut self, call: &Call) {
        match call {
            Call::Rename { from, to } => {
                self.lying.remove(from);
                self.lying.extend(is_visible(to).then(|| to.clone()));
                self.ops.push(Op::Rename {
                    from: from.clone(),
                    to: to.clone(),
                });
            }
            Call::Link { from, to } => self.ops.push(Op::Link {
                from: from.clone(),
                to: to.clone(),
            }),
            Call::Unlink { path } if !is_volatile(path) => {
                self.lying.remove(path);
                self.ops.push(Op::Unlink { path: path.clone() });
            }
            Call::MakeFolder { path } => self.ops.push(Op::MakeFolder { path: path.clone() }),
            Call::RemoveFolder { path } => self.ops.push(Op::RemoveFolder { path: path.clone() }),
            _ => {}
        }
    }

    /// Notes what a call has done whose end was not seen, because its thread was killed in it: the next life finds that done.
    fn note_cut_off(&mut self, call: &Call) -> Option<()> {
        let look = |path: &PathBuf| std::fs::symlink_metadata(path).ok();
        let there = |path: &PathBuf| look(path).is_some();
        let inode = |path: &PathBuf| look(path).map(|found| (found.dev(), found.ino()));
        match call {
            Call::Open {
                path,
                existed: false,
                ..
            } if !is_volatile(path) => {
                let found = std::fs::metadata(path).ok().filter(Metadata::is_file)?;
                let file = self.new_file(&found);
                let path = path.clone();
                self.ops.push(Op::Create { path, file });
            }
            Call::Open { path, .. } | Call::Write { path, .. } | Call::Resize { path, .. } => {
                // All of it as it lies there now: what was the same before changes nothing.
                let found = std::fs::metadata(path).ok()?;
                let file = *self.known.get(&(found.dev(), found.ino()))?;
                let bytes = std::fs::read(path).ok()?;
                let length = bytes.len() as u64;
                self.ops.push(Op::Resize { file, length });
                self.ops.push(Op::Write { file, at: 0, bytes });
            }
            Call::Sync { .. } | Call::SyncAll => {}
            Call::Rename { from, to } if !there(from) && there(to) => self.note_names(call),
            Call::Link { from, to } if there(to) && inode(from) == inode(to) => {
                self.note_names(call);
            }
            Call::MakeFolder { path } if there(path) => self.note_names(call),
            Call::Unlink { path } | Call::RemoveFolder { path } if !there(path) => {
                self.note_names(call);
            }
            _ => {}
        }
        Some(())
    }
}

fn is_visible(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    !name.as_encoded_bytes().starts_with(b".")
}

/// The database's memory shared between its connections: it is mapped, never synced, and made anew by whoever opens it first.
fn is_volatile(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"-shm")
}

/// Notes what a traced daemon does.
pub(super) struct Recorder {
    shared: Shared,
}

impl Recorder {
    pub(super) fn new(shared: &Shared) -> Self {
        Self {
            shared: Arc::clone(shared),
        }
    }
}

impl Observer for Recorder {
    fn begins(&mut self, _: &Call) -> Option<i32> {
        None
    }

    /// How much has happened: a sync that begins now makes no more durable.
    fn moment(&self) -> usize {
        self.shared.lock().expect("nobody panics").ops.len()
    }

    fn ended(&mut self, call: &Call, began: usize, result: i64, seen: &Seen) {
        if result >= 0 {
            let mut record = self.shared.lock().expect("nobody panics");
            // What cannot be looked at is no file of the home.
            let _ = record.note(call, result, began, seen);
        }
    }

    fn cut_off(&mut self, call: &Call) {
        let mut record = self.shared.lock().expect("nobody panics");
        // What has gone again was no lasting change.
        let _ = record.note_cut_off(call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call whose thread was killed in it counts if, and only if, the disk shows it.
    #[test]
    fn a_call_that_was_cut_off_is_noted_if_it_was_done() {
        let home = tempfile::tempdir().expect("a folder");
        let path = |name: &str| home.path().join(name);
        for name in ["stays", "moved", "written", "other"] {
            std::fs::write(path(name), name).expect("ours");
        }
        let mut record = Record::of(home.path());
        let mut noted = |call: Call| {
            let before = record.ops.len();
            let _ = record.note_cut_off(&call);
            record.ops[before..].to_vec()
        };
        let unlink = |name: &str| Call::Unlink { path: path(name) };
        assert!(noted(unlink("stays")).is_empty());
        assert!(
            matches!(&noted(unlink("gone"))[..], [Op::Unlink { path: noted }] if *noted == path("gone"))
        );
        let rename = |from: &str, to: &str| Call::Rename {
            from: path(from),
            to: path(to),
        };
        assert!(noted(rename("stays", "new")).is_empty());
        assert!(matches!(
            &noted(rename("old", "moved"))[..],
            [Op::Rename { .. }]
        ));
        let link = Call::Link {
            from: path("stays"),
            to: path("other"),
        };
        assert!(noted(link).is_empty(), "two files, not two names of one");
        std::fs::write(path("written"), "longer than before").expect("ours");
        let write = Call::Write {
            fd: 3,
            path: path("written"),
            at: None,
        };
        let ops = noted(write);
        assert!(
            matches!(&ops[..], [Op::Resize { length: 18, .. }, Op::Write { at: 0, bytes, .. }] if bytes == b"longer than before"),
            "{ops:?}"
        );
        let open = |name: &str| Call::Open {
            path: path(name),
            existed: false,
            truncate: false,
        };
        assert!(noted(open("never made")).is_empty());
        std::fs::write(path("new"), "").expect("ours");
        assert!(matches!(&noted(open("new"))[..], [Op::Create { .. }]));
    }
}
