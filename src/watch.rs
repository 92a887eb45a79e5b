//! Watched folders become arrivals.
//!
//! One thread a folder (`folder`) keeps a tree of what lies there (`tree`) and brings it up to date from hints (`hints`, filled
//! by kernel events) and from scans (`scan`), which are the truth. [`settle`] decides without clock or disk when a file has
//! settled, `queue` when it is offered; [`lanes`] carry what the folders tell; [`complete`] looks whether a PDF is whole; [`mount`] says whether a file system reports its changes; [`ignore`]
//! which names stay where they are; `root` whether the folder itself is there, usable and ours; `events` whether events come.
//!
//! A file is never given up and never lost: until `taken` is called it stays in the tree or is found again by the next scan.

mod brief;
mod canary;
pub mod complete;
mod done_file;
mod events;
mod explain;
mod folder;
mod hints;
pub mod ignore;
pub mod lanes;
mod leaving;
mod look;
pub mod mount;
mod offer;
pub mod options;
mod presence;
mod queue;
mod root;
mod scan;
mod seen;
pub mod settle;
pub mod told;
mod tree;
pub mod update;

use crate::job::event::Identity;
use crate::mounts::Mounts;
use crate::owner::Owner;
use crate::raw_path::RawPath;
use crate::watch::folder::{Command, Outside, Reconciler};
use crate::watch::hints::Board;
use crate::watch::lanes::{Lanes, Opener};
use crate::watch::options::Options;
use crate::watch::told::Earlier;
use crate::watch::update::{Decline, FileStatus, Folder, FolderState, FolderStatus, Link};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a folder's thread may take to answer a question; it may be scanning a file system that hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Who asks about a path that nobody watches is told so many of the watched folders.
const TOLD_FOLDERS: usize = 5;

/// The watcher of all folders. Cloning it gives another handle to the same watcher.
#[derive(Clone, Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    lanes: Opener,
    earlier: Earlier,
    mounts: Mounts,
    owner: Owner,
    folders: Mutex<BTreeMap<String, Running>>,
}

#[derive(Debug)]
struct Running {
    folder: PathBuf,
    polling: Option<bool>,
    board: Arc<Board<Command>>,
    status: Arc<Mutex<FolderStatus>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// A watcher of no folder yet, and what its folders will tell; while nobody hears that, watching waits (and forgets nothing). What
    /// `earlier` lives told of a file that is as it was then is not told again, and what was mounted in them is missed. Folders that are
    /// not the `owner`'s are left alone.
    #[must_use]
    pub fn start(
        options: Options,
        earlier: Earlier,
        mounts: Mounts,
        owner: Owner,
    ) -> (Self, Lanes) {
        let (opener, lanes) = Lanes::new();
        let shared = Shared {
            options,
            lanes: opener,
            earlier,
            mounts,
            owner,
            folders: Mutex::new(BTreeMap::new()),
        };
        let shared = Arc::new(shared);
        (Self { shared }, lanes)
    }

    /// Watches exactly these folders from now on. One that goes on being watched keeps what is known about its files.
    pub fn set(&self, folders: Vec<Folder>) {
        let mut running = self.folders();
        let mut before = std::mem::take(&mut *running);
        for folder in folders {
            let name = folder.pipeline.clone();
            let goes_on = before.remove(&name).and_then(|old| {
                // Another folder, or another way to watch it, starts from nothing: the first scan tells all.
                if old.folder == folder.spec.folder && old.polling == folder.spec.polling {
                    Some(old)
                } else {
                    old.board.close();
                    None
                }
            });
            let now = match goes_on {
                Some(old) => {
                    old.board.command(Command::Reconfigure(Box::new(folder)));
                    old
                }
                None => self.watch(folder),
            };
            running.insert(name, now);
        }
        for old in before.into_values() {
            old.board.close();
        }
    }

    fn watch(&self, folder: Folder) -> Running {
        let options = self.shared.options.clone();
        let board = Arc::new(Board::new(options.hints));
        let status = Arc::new(Mutex::new(starting(&folder)));
        let (path, polling) = (folder.spec.folder.clone(), folder.spec.polling);
        let name = format!("watch {}", folder.pipeline);
        let outside = Outside {
            updates: self.shared.lanes.open(),
            earlier: self.shared.earlier.clone(),
            mounts: self.shared.mounts.clone(),
            owner: self.shared.owner.clone(),
        };
        let (its_board, its_status) = (Arc::clone(&board), Arc::clone(&status));
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            Reconciler::new(folder, options, its_board, outside, its_status).run();
        });
        if let Err(error) = &thread {
            tracing::error!(%error, folder = %path.display(), "failed to start the thread that watches a folder");
            let mut status = status.lock().unwrap_or_else(PoisonError::into_inner);
            status.state = FolderState::Blocked;
            status.reason = format!("no thread could be started for it: {error}");
        }
        Running {
            folder: path,
            polling,
            board,
            status,
            thread: thread.ok(),
        }
    }

    /// Scans a pipeline's folder now; one that lies on another device than before is taken as it is.
    pub fn scan(&self, pipeline: &str) {
        self.command(pipeline, Command::Scan);
    }

    /// This arrival is a job now.
    pub fn taken(&self, pipeline: &str, path: &Path) {
        self.command(pipeline, Command::Taken(path.to_path_buf()));
    }

    /// This arrival is not taken.
    pub fn declined(&self, pipeline: &str, path: &Path, decline: Decline) {
        self.command(pipeline, Command::Declined(path.to_path_buf(), decline));
    }

    /// A file that is about to be put (back) at this path below the folder is to be left until it changes. Only for files that
    /// are not there yet; an arrival is answered by [`Watcher::declined`].
    pub fn leave(&self, pipeline: &str, relative: &RawPath, identity: Identity) {
        self.command(pipeline, Command::Leave(relative.clone(), identity));
    }

    /// How every folder is doing.
    #[must_use]
    pub fn status(&self) -> Vec<FolderStatus> {
        let folders = self.folders();
        let status = folders.values().map(|running| {
            let status = running.status.lock();
            let mut status = status.unwrap_or_else(PoisonError::into_inner).clone();
            if running.thread.as_ref().is_some_and(JoinHandle::is_finished) {
                status.state = FolderState::Blocked;
                status.reason = "watching it ended by an internal error; restart Dropleaf, and please report this".into();
            }
            status
        });
        status.collect()
    }

    /// Why nothing may be put into this folder, where it is watched and offline: it may be a mount that is away, and what is put in its
    /// place would lie below it when it is back.
    #[must_use]
    pub fn offline(&self, folder: &Path) -> Option<String> {
        let mut all = self.status().into_iter();
        let found =
            all.find(|found| found.folder.0 == folder && found.state == FolderState::Offline)?;
        Some(format!(
            "folder `{}` of pipeline `{}` is offline: {}",
            found.folder, found.pipeline, found.reason
        ))
    }

    /// The files in a pipeline's folder that are not jobs, by name, at most `limit`; `None` where there is no such folder or it
    /// does not answer.
    pub async fn files(&self, pipeline: &str, limit: usize) -> Option<Vec<FileStatus>> {
        let (answer, answered) = oneshot::channel();
        self.command(pipeline, Command::Files(limit, answer));
        tokio::time::timeout(ANSWER_WITHIN, answered)
            .await
            .ok()?
            .ok()
    }

    /// The pipeline that watches the folder in which this path lies, and the path as that folder spells it. The path's own folder is
    /// looked at where no watched one is named by it: perhaps through a link. Blocking.
    #[must_use]
    pub fn owner(&self, path: &Path) -> Option<(PathBuf, String)> {
        self.named(path).or_else(|| {
            let real = unlinked(path)?;
            self.status().into_iter().find_map(|status| {
                let below = real.strip_prefix(status.real?).ok()?;
                Some((status.folder.0.join(below), status.pipeline))
            })
        })
    }

    /// Whether a folder has not been looked at yet.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        let mut folders = self.status().into_iter();
        folders.any(|status| status.state == FolderState::Starting)
    }

    /// The same as [`Watcher::owner`] as far as names tell; no file is looked at.
    #[must_use]
    pub fn named(&self, path: &Path) -> Option<(PathBuf, String)> {
        let folders = self.folders();
        let of = folders
            .iter()
            .filter(|(_, running)| path.starts_with(&running.folder));
        let deepest = of.max_by_key(|(_, running)| running.folder.components().count());
        deepest.map(|(pipeline, _)| (path.to_path_buf(), pipeline.clone()))
    }

    /// Why a file has not been taken: the chain of decisions about this path in the folder of the pipeline, as [`Watcher::owner`]
    /// gives them. Where no new files are taken at all, `closed` says why.
    pub async fn explain(
        &self,
        path: PathBuf,
        pipeline: &str,
        closed: Option<String>,
    ) -> Vec<Link> {
        let (answer, answered) = oneshot::channel();
        self.command(pipeline, Command::Explain(path, closed, answer));
        match tokio::time::timeout(ANSWER_WITHIN, answered).await {
            Ok(Ok(chain)) => chain,
            _ => vec![Link::stop(format!(
                "the folder of the pipeline `{pipeline}` does not answer: a scan of it takes very long, or its file system hangs"
            ))],
        }
    }

    /// Ends all threads and waits for them, but not for one whose file system hangs. Call it from where blocking is allowed.
    pub fn close(&self) {
        let all = std::mem::take(&mut *self.folders());
        for running in all.values() {
            running.board.close();
        }
        let deadline = std::time::Instant::now() + ANSWER_WITHIN;
        for thread in all.into_values().filter_map(|running| running.thread) {
            // There is no join with a deadline; a thread that hangs in the kernel ends with the process.
            while !thread.is_finished() && std::time::Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
            if thread.is_finished() && thread.join().is_err() {
                tracing::error!("the thread that watched a folder had panicked");
            }
        }
    }

    /// That a path lies in no watched folder, in words.
    #[must_use]
    pub fn nobody_watches(&self, path: &Path) -> Link {
        let folders = self.folders();
        let mut watched: Vec<_> = folders
            .values()
            .take(TOLD_FOLDERS)
            .map(|running| format!("`{}`", RawPath::from(&*running.folder).encode()))
            .collect();
        let more = folders.len().saturating_sub(TOLD_FOLDERS);
        if more > 0 {
            watched.push(format!("and {more} more"));
        }
        let path = RawPath::from(path).encode();
        if watched.is_empty() {
            return Link::stop(format!(
                "`{path}` is in no watched folder: no folder is watched at all"
            ));
        }
        Link::stop(format!(
            "`{path}` is in no watched folder; watched are {}",
            watched.join(", ")
        ))
    }

    fn command(&self, pipeline: &str, command: Command) {
        if let Some(running) = self.folders().get(pipeline) {
            running.board.command(command);
        }
    }

    fn folders(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        // The map is whole between any two statements, so a panic elsewhere does not spoil it.
        self.shared
            .folders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let folders = self
            .folders
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for running in folders.values() {
            running.board.close();
        }
    }
}

/// The path without links in its folder, of which the lower part may be gone: so had a file that was there. Blocking.
#[must_use]
pub fn unlinked(path: &Path) -> Option<PathBuf> {
    let mut below = PathBuf::from(path.file_name()?);
    let mut folder = path.parent()?;
    loop {
        match folder.canonicalize() {
            Ok(real) => return Some(real.join(below)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                below = Path::new(folder.file_name()?).join(below);
                folder = folder.parent()?;
            }
            Err(_) => return None,
        }
    }
}

fn starting(folder: &Folder) -> FolderStatus {
    FolderStatus {
        pipeline: folder.pipeline.clone(),
        folder: RawPath(folder.spec.folder.clone()),
        real: None,
        state: FolderState::Starting,
        mode: "events",
        reason: "it has not been looked at yet".to_owned(),
        files_settling: 0,
        files_offered: 0,
        files_ignored: 0,
        files_kept_back: 0,
        kept_back: String::new(),
        changes: 0,
        folders: 0,
        last_scan: None,
        last_scan_ms: 0,
    }
}

#[cfg(test)]
mod tests;
