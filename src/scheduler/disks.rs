//! The folders in use: how much space is free where they lie, and which of them do not answer.
//!
//! *Theory of operation.* Where the server of a network mount is gone, a call on it may never come back, and nothing can end it. So a
//! folder is asked on a thread of its own, never twice at a time, and nobody waits for that thread for longer than he can bear. One that
//! is asked and says nothing for [`SILENCE`] is *silent* until it answers: nothing that needs it begins. Work in a folder that takes
//! long is no sign of that, since a file may be large; it is a reason to ask ([`Disks::patiently`]).

use crate::durable;
use crate::scheduler::input::{Closed, Lack};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// A folder that is asked and does not answer for so long counts as silent.
pub const SILENCE: Duration = Duration::from_secs(5);
/// How long one folder is waited for before the next one is asked.
const PATIENCE: Duration = Duration::from_secs(1);
/// What is younger than this is not asked again.
const FRESH: Duration = Duration::from_secs(5);
/// Work that takes longer is a reason to ask its folders whether they answer.
const SUSPICIOUS: Duration = Duration::from_secs(3);

/// What is known of the folders. Cloning it gives another handle to the same knowledge.
#[derive(Clone, Debug)]
pub struct Disks {
    state: Arc<Mutex<State>>,
    news: Arc<watch::Sender<()>>,
}

#[derive(Debug, Default)]
struct State {
    disks: BTreeMap<PathBuf, Disk>,
    /// Those that everybody was told are silent.
    told: Vec<PathBuf>,
}

#[derive(Debug, Default)]
struct Disk {
    /// Free bytes; `None` where the file system cannot say.
    free: Option<u64>,
    /// Since when it is being asked.
    asked: Option<Instant>,
    answered: Option<Instant>,
}

/// A folder that does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silent {
    /// The folder.
    pub folder: PathBuf,
    /// For how long it has been asked.
    pub since: Duration,
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (folder, seconds) = (self.folder.display(), self.since.as_secs());
        write!(
            f,
            "`{folder}` does not answer since {seconds} s (a network mount that hangs?); nothing that needs it goes on"
        )
    }
}

impl Default for Disks {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            news: Arc::new(watch::Sender::new(())),
        }
    }
}

impl Disks {
    /// Asks these folders, one after the other, and no others from now on. Who hears [`Disks::news`] is told at the end, and once
    /// more should one of them turn out to be silent.
    pub(super) async fn ask_all(&self, folders: Vec<PathBuf>) {
        self.state()
            .disks
            .retain(|known, disk| disk.asked.is_some() || folders.contains(known));
        self.ask(&folders).await;
        self.news.send_replace(());
        if self.state().disks.values().any(|disk| disk.asked.is_some()) {
            tokio::time::sleep(SILENCE).await;
            self.tell();
        }
    }

    /// Asks these folders, one after the other; one that takes its time is left to its thread.
    pub async fn ask(&self, folders: &[PathBuf]) {
        self.ask_by(folders, |folder| durable::free_space(folder).ok())
            .await;
    }

    async fn ask_by(&self, folders: &[PathBuf], free: fn(&Path) -> Option<u64>) {
        for folder in folders {
            if !self.begin(folder) {
                continue;
            }
            let (disks, asked) = (self.clone(), folder.clone());
            let asking = tokio::task::spawn_blocking(move || disks.answer(&asked, free(&asked)));
            // Whether it has answered or not, the next one is asked.
            let _ = tokio::time::timeout(PATIENCE, asking).await;
        }
        self.tell();
    }

    /// Whether it is time to ask, and nobody does.
    fn begin(&self, folder: &Path) -> bool {
        let mut state = self.state();
        let disk = state.disks.entry(folder.to_path_buf()).or_default();
        let is_fresh = disk.answered.is_some_and(|then| then.elapsed() < FRESH);
        if is_fresh || disk.asked.is_some() {
            return false;
        }
        disk.asked = Some(Instant::now());
        true
    }

    fn answer(&self, folder: &Path, free: Option<u64>) {
        let disk = Disk {
            free,
            asked: None,
            answered: Some(Instant::now()),
        };
        self.state().disks.insert(folder.to_path_buf(), disk);
        self.tell();
    }

    /// Tells when other folders are silent than before.
    fn tell(&self) {
        let mut state = self.state();
        let silent: Vec<PathBuf> = state.silent().map(|silent| silent.folder).collect();
        if state.told == silent {
            return;
        }
        for folder in silent.iter().filter(|folder| !state.told.contains(folder)) {
            tracing::warn!(folder = %folder.display(), "a folder does not answer (a network mount that hangs?); nothing that needs it goes on");
        }
        for folder in state.told.iter().filter(|folder| !silent.contains(folder)) {
            tracing::info!(folder = %folder.display(), "a folder answers again");
        }
        state.told = silent;
        drop(state);
        self.news.send_replace(());
    }

    /// Hears when something has changed.
    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Every folder that does not answer.
    #[must_use]
    pub fn silent(&self) -> Vec<Silent> {
        self.state().silent().collect()
    }

    /// The first of these folders that does not answer.
    #[must_use]
    pub fn silent_of(&self, folders: &[PathBuf]) -> Option<Silent> {
        let silent = self.silent();
        folders.iter().find_map(|folder| {
            let found = silent.iter().find(|silent| silent.folder == *folder);
            found.cloned()
        })
    }

    /// Waits for work in these folders. Where it takes long they are asked; once one of them is silent, the wait is over, and not the
    /// work.
    ///
    /// # Errors
    /// Which one does not answer.
    pub(super) async fn patiently<T>(
        &self,
        folders: &[PathBuf],
        work: &mut (impl Future<Output = T> + Unpin),
    ) -> Result<T, Silent> {
        let falls_silent = async {
            let mut news = self.news();
            loop {
                // The sender is ours: it is never gone.
                let _ = tokio::time::timeout(SUSPICIOUS, news.changed()).await;
                if let Some(silent) = self.silent_of(folders) {
                    self.tell();
                    return silent;
                }
                self.ask(folders).await;
            }
        };
        tokio::select! {
            biased;
            done = work => Ok(done),
            silent = falls_silent => Err(silent),
        }
    }

    /// Free bytes of those of these folders that say so.
    #[must_use]
    pub fn free(&self, folders: &[PathBuf]) -> BTreeMap<PathBuf, u64> {
        let state = self.state();
        let free = |folder: &PathBuf| Some((folder.clone(), state.disks.get(folder)?.free?));
        folders.iter().filter_map(free).collect()
    }

    /// Why no new files should be taken, if a disk is low.
    pub(super) fn low(&self, folders: &[PathBuf], min_free: u64) -> Option<Closed> {
        let free = self.free(folders);
        let mut known = folders
            .iter()
            .filter_map(|folder| free.get_key_value(folder));
        let (folder, free) = known.find(|(_, free)| **free < min_free)?;
        let reason = format!(
            "only {} MiB are free at `{}`, fewer than {} (`min_free_mb`)",
            free >> 20,
            folder.display(),
            min_free >> 20
        );
        Some(Closed {
            lack: Lack::Room(folder.clone()),
            reason,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one insertion: a panic elsewhere leaves the map whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn silent(&self) -> impl Iterator<Item = Silent> {
        self.disks.iter().filter_map(|(folder, disk)| {
            let since = disk.asked?.elapsed();
            (since >= SILENCE).then(|| Silent {
                folder: folder.clone(),
                since,
            })
        })
    }
}

#[cfg(test)]
mod tests;
