//! Free space of the folders in use. A folder on a dead network disk does not answer for minutes: it is asked on a thread of
//! its own, never twice at a time, and meanwhile what was known last is told.

use crate::durable;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is younger than this is not asked again.
const FRESH: Duration = Duration::from_secs(5);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is known of the disks.
#[derive(Clone, Debug, Default)]
pub(in crate::daemon) struct Disks {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    free: BTreeMap<String, u64>,
    asked: Option<Instant>,
    asking: bool,
}

impl Disks {
    /// Free bytes by folder; the first ones are asked first.
    pub(super) async fn free(&self, folders: Vec<PathBuf>) -> BTreeMap<String, u64> {
        let free = |folder: &PathBuf| durable::free_space(folder).ok();
        self.free_by(folders, free).await
    }

    async fn free_by(
        &self,
        folders: Vec<PathBuf>,
        free: impl Fn(&PathBuf) -> Option<u64> + Send + 'static,
    ) -> BTreeMap<String, u64> {
        if self.begin() {
            let disks = self.clone();
            let asking = tokio::task::spawn_blocking(move || disks.ask(&folders, free));
            // Whether it has answered or not: what is known is told.
            let _ = tokio::time::timeout(PATIENCE, asking).await;
        }
        self.state().free.clone()
    }

    /// Whether it is time to ask, and nobody does.
    fn begin(&self) -> bool {
        let mut state = self.state();
        let is_fresh = state.asked.is_some_and(|asked| asked.elapsed() < FRESH);
        if is_fresh || state.asking {
            return false;
        }
        state.asking = true;
        true
    }

    fn ask(&self, folders: &[PathBuf], free: impl Fn(&PathBuf) -> Option<u64>) {
        let names: Vec<String> = folders
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        self.state().free.retain(|known, _| names.contains(known));
        for (folder, name) in folders.iter().zip(names) {
            let bytes = free(folder);
            let known = &mut self.state().free;
            match bytes {
                Some(bytes) => known.insert(name, bytes),
                None => known.remove(&name),
            };
        }
        let mut state = self.state();
        state.asking = false;
        state.asked = Some(Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_disk_that_hangs_keeps_nobody_waiting_and_is_asked_once() {
        let disks = Disks::default();
        let folders = || vec![PathBuf::from("/home"), PathBuf::from("/dead")];
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let hang = move |folder: &PathBuf| {
            if folder.ends_with("dead") {
                held.lock().expect("only here").recv().ok();
            }
            Some(7)
        };
        let known = disks.free_by(folders(), hang).await;
        assert_eq!(known, BTreeMap::from([("/home".to_owned(), 7)]));
        let again = disks
            .free_by(folders(), |_| panic!("it is being asked already"))
            .await;
        assert_eq!(again, known);
        release.send(()).expect("it waits");
        while disks.state().asking {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let fresh = disks.free_by(folders(), |_| panic!("it is fresh")).await;
        assert_eq!(fresh.len(), 2);
    }
}
