//! What a disk may hold after its power is cut: replays a record up to the cut, and makes a folder of what may be left.
//!
//! Content is durable from the end of the file's own sync on, a name from that of its folder's. Everything else may be there
//! or not: of content each sector by itself, of lengths the old one or the new one with zeros. Names come and go in the
//! order in which the same names were changed; a rename is one change, as on every file system with a journal. A sync
//! makes durable only what it was asked to: less than ext4, xfs and btrfs promise.

use super::Syncs;
use super::record::{FileId, Op, Record};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

const SECTORS: [usize; 2] = [512, 4096];

/// How much of what was not synced has reached the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Luck {
    /// Nothing.
    None,
    /// Everything.
    All,
    /// Names in the order in which they changed, up to some moment; of content something.
    InOrder,
    /// Any names, and any content.
    Some,
}

impl Luck {
    pub(super) const EACH: [Self; 4] = [Self::None, Self::All, Self::InOrder, Self::Some];
}

/// The state of a disk as the record is replayed.
pub(super) struct Disk {
    names: Names,
    waiting: Vec<(usize, Change)>,
    files: HashMap<FileId, Content>,
    /// Where the files of the beginning lie for good.
    base: HashMap<FileId, PathBuf>,
    syncs: Syncs,
    /// Files whose content no sync makes durable.
    forgotten: HashSet<FileId>,
    next: usize,
    /// The last moment whose changes of names some sync of a journalling file system would have written out.
    written: usize,
}

type Names = BTreeMap<PathBuf, Node>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    File(FileId),
    Folder,
}

/// A change of names.
#[derive(Clone, Debug)]
enum Change {
    Add(PathBuf, Node),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
    Link(PathBuf, PathBuf),
}

#[derive(Clone, Debug, Default)]
struct Content {
    durable: Vec<u8>,
    waiting: Vec<(usize, Piece)>,
}

#[derive(Clone, Debug)]
enum Piece {
    Write(u64, Vec<u8>),
    Length(u64),
}

impl Disk {
    pub(super) fn new(record: &Record, base: HashMap<FileId, PathBuf>, syncs: Syncs) -> Self {
        let mut names = Names::new();
        for folder in &record.folders {
            names.insert(folder.clone(), Node::Folder);
        }
        for (file, path) in &record.base {
            names.insert(path.clone(), Node::File(*file));
        }
        Self {
            names,
            waiting: Vec::new(),
            files: HashMap::new(),
            base,
            syncs,
            forgotten: HashSet::new(),
            next: 0,
            written: 0,
        }
    }

    /// Replays up to the cut.
    pub(super) fn replay(&mut self, ops: &[Op], cut: usize) {
        while self.next < cut {
            let now = self.next;
            self.apply(now, &ops[now]);
            self.next += 1;
        }
    }

    fn apply(&mut self, now: usize, op: &Op) {
        match op {
            Op::Create { path, file } => {
                self.files.insert(*file, Content::default());
                let is_state = path.components().any(|part| part.as_os_str() == "state");
                if self.syncs == Syncs::Forgotten && !is_state {
                    self.forgotten.insert(*file);
                }
                self.change(now, Change::Add(path.clone(), Node::File(*file)));
            }
            Op::Write { file, at, bytes } => {
                let piece = Piece::Write(*at, bytes.clone());
                self.content(*file).waiting.push((now, piece));
            }
            Op::Resize { file, length } => {
                let piece = Piece::Length(*length);
                self.content(*file).waiting.push((now, piece));
            }
            Op::Rename { from, to } => self.change(now, Change::Rename(from.clone(), to.clone())),
            Op::Link { from, to } => self.change(now, Change::Link(from.clone(), to.clone())),
            Op::Unlink { path } | Op::RemoveFolder { path } => {
                self.change(now, Change::Remove(path.clone()));
            }
            Op::MakeFolder { path } => self.change(now, Change::Add(path.clone(), Node::Folder)),
            Op::SyncFile { file, .. } if self.forgotten.contains(file) => {}
            Op::SyncFile { file, as_of } => {
                self.content(*file).settle(*as_of);
                self.written = self.written.max(*as_of);
            }
            Op::SyncFolder { path, as_of } => {
                self.settle_names(*as_of, |change| change.is_in(path));
                self.written = self.written.max(*as_of);
            }
            Op::SyncAll { as_of } => {
                for content in self.files.values_mut() {
                    content.settle(*as_of);
                }
                self.settle_names(*as_of, |_| true);
                self.written = self.written.max(*as_of);
            }
            Op::Given {
                path, file, bytes, ..
            } => {
                let durable = bytes.clone();
                let waiting = Vec::new();
                self.files.insert(*file, Content { durable, waiting });
                // What had the name before has gone for good too.
                let change = Change::Add(path.clone(), Node::File(*file));
                self.change(now, change);
                self.settle_names(now + 1, |change| change.touches(path));
            }
            Op::Sends { .. } | Op::Took { .. } | Op::Heard { .. } | Op::Snapshot { .. } => {}
        }
    }

    fn change(&mut self, now: usize, change: Change) {
        self.waiting.push((now, change));
    }

    fn content(&mut self, file: FileId) -> &mut Content {
        let base = &self.base;
        self.files.entry(file).or_insert_with(|| Content {
            durable: base
                .get(&file)
                .map(|path| std::fs::read(path).expect("the base is ours"))
                .unwrap_or_default(),
            waiting: Vec::new(),
        })
    }

    /// Makes changes of names durable, and those before them that touch the same names.
    fn settle_names(&mut self, as_of: usize, wanted: impl Fn(&Change) -> bool) {
        let mut needed: HashSet<PathBuf> = HashSet::new();
        let mut settled = vec![false; self.waiting.len()];
        for (index, (at, change)) in self.waiting.iter().enumerate().rev() {
            let paths = change.paths();
            let chosen = *at < as_of && wanted(change);
            if chosen || paths.iter().any(|path| needed.contains(*path)) {
                settled[index] = true;
                needed.extend(paths.into_iter().cloned());
            }
        }
        let mut kept = Vec::new();
        for ((at, change), settled) in std::mem::take(&mut self.waiting).into_iter().zip(settled) {
            if settled {
                change.make(&mut self.names);
            } else {
                kept.push((at, change));
            }
        }
        self.waiting = kept;
    }

    /// Whether anything is not durable.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty() || self.files.values().any(|file| !file.waiting.is_empty())
    }

    /// Puts what may be left after a cut now into `root`, which is empty.
    pub(super) fn image(&self, root: &Path, luck: Luck, random: &mut fastrand::Rng) {
        let names = self.names_left(luck, random);
        let mut placed: HashMap<FileId, PathBuf> = HashMap::new();
        // In order of paths: a folder comes before what is in it.
        for (path, node) in &names {
            let reachable = path == root || path.parent().is_some_and(Path::is_dir);
            if !reachable {
                continue;
            }
            match node {
                Node::Folder if path == root => {}
                Node::Folder => std::fs::create_dir(path).expect("the place is ours"),
                Node::File(file) => match placed.get(file) {
                    Some(other) => std::fs::hard_link(other, path).expect("the place is ours"),
                    None => {
                        self.place(*file, path, luck, random);
                        placed.insert(*file, path.clone());
                    }
                },
            }
        }
    }

    fn place(&self, file: FileId, path: &Path, luck: Luck, random: &mut fastrand::Rng) {
        match (self.files.get(&file), self.base.get(&file)) {
            (Some(content), _) => {
                std::fs::write(path, content.left(luck, random)).expect("the place is ours");
            }
            // Never changed: the very file, if it is no small one that a daemon might write to.
            (None, Some(base)) if is_library(path) => {
                std::fs::hard_link(base, path).expect("the base lies on the same file system");
            }
            (None, Some(base)) => {
                std::fs::copy(base, path).expect("the place is ours");
            }
            (None, None) => std::fs::write(path, "").expect("the place is ours"),
        }
    }

    fn names_left(&self, luck: Luck, random: &mut fastrand::Rng) -> Names {
        let mut names = self.names.clone();
        let end = match luck {
            Luck::None => return names,
            Luck::InOrder => random.usize(self.written.min(self.next)..=self.next),
            Luck::All | Luck::Some => self.next,
        };
        let mut lost: HashSet<&PathBuf> = HashSet::new();
        for (at, change) in &self.waiting {
            let paths = change.paths();
            let held = paths.iter().any(|path| {
                path.ancestors()
                    .any(|above| lost.iter().any(|lost| lost.as_path() == above))
            });
            let chosen = *at < end && (luck != Luck::Some || random.bool());
            if chosen && !held {
                change.make(&mut names);
            } else {
                lost.extend(paths);
            }
        }
        names
    }
}

fn is_library(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "so")
}

impl Change {
    fn paths(&self) -> Vec<&PathBuf> {
        match self {
            Self::Add(path, _) | Self::Remove(path) => vec![path],
            // The first name of a linked file is only looked at, but has to have come.
            Self::Rename(from, to) | Self::Link(from, to) => vec![from, to],
        }
    }

    fn is_in(&self, folder: &Path) -> bool {
        let paths = self.paths();
        paths.iter().any(|path| path.parent() == Some(folder))
    }

    fn touches(&self, path: &Path) -> bool {
        self.paths().iter().any(|touched| touched.as_path() == path)
    }

    fn make(&self, names: &mut Names) {
        match self {
            Self::Add(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    assert!(matches!(node, Node::File(_)), "no folder is renamed");
                    names.insert(to.clone(), node);
                }
            }
            Self::Link(from, to) => {
                if let Some(node) = names.get(from).copied() {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

impl Content {
    fn settle(&mut self, as_of: usize) {
        let (durable, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(at, _)| *at < as_of);
        self.waiting = waiting;
        for (_, piece) in durable {
            piece.make(&mut self.durable, |_| true);
        }
    }

    fn left(&self, luck: Luck, random: &mut fastrand::Rng) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        if self.waiting.is_empty() || luck == Luck::None {
            return bytes;
        }
        let share = match luck {
            Luck::All => 4,
            _ => random.u32(0..=4),
        };
        let sector = SECTORS[random.usize(..2)];
        for (_, piece) in &self.waiting {
            let mut fate: HashMap<u64, bool> = HashMap::new();
            piece.make_some(&mut bytes, sector, |number| {
                *fate
                    .entry(number)
                    .or_insert_with(|| random.u32(0..4) < share)
            });
        }
        // The new length may have come without its content.
        let length = self.length();
        if bytes.len() < length && random.bool() && share > 0 {
            bytes.resize(length, 0);
        }
        bytes
    }

    fn length(&self) -> usize {
        let mut length = self.durable.len() as u64;
        for (_, piece) in &self.waiting {
            length = match piece {
                Piece::Write(at, bytes) => length.max(at + bytes.len() as u64),
                Piece::Length(length) => *length,
            };
        }
        usize::try_from(length).expect("a length in memory")
    }
}

impl Piece {
    fn make(&self, content: &mut Vec<u8>, keep: impl FnMut(u64) -> bool) {
        self.make_some(content, SECTORS[0], keep);
    }

    /// Makes the change in those sectors that `keep` says yes to.
    fn make_some(&self, content: &mut Vec<u8>, sector: usize, mut keep: impl FnMut(u64) -> bool) {
        match self {
            Self::Length(length) => {
                if keep(u64::MAX) {
                    content.resize(usize::try_from(*length).expect("a length in memory"), 0);
                }
            }
            Self::Write(at, bytes) => {
                let start = usize::try_from(*at).expect("a place in memory");
                let mut done = 0;
                while done < bytes.len() {
                    let here = start + done;
                    let number = here / sector;
                    let count = (sector - here % sector).min(bytes.len() - done);
                    if keep(number as u64) {
                        if content.len() < here + count {
                            content.resize(here + count, 0);
                        }
                        content[here..here + count].copy_from_slice(&bytes[done..done + count]);
                    }
                    done += count;
                }
            }
        }
    }
}
