//! The folders of all pipelines: what an earlier life left in them, how much room there is, and which of them do not answer.

use crate::job::id::JobId;
use crate::job::state::{Job, State};
use crate::pipeline::checked::Pipeline;
use crate::pipeline::folders::OUR_FOLDER;
use crate::scheduler::act::hands::Hands;
use crate::scheduler::brought::Brought;
use crate::scheduler::desks::Kind;
use crate::scheduler::disks::Silent;
use crate::scheduler::files::{self, blocking};
use crate::scheduler::input::{Closed, EndOf, Hold, Input, Lack};
use crate::scheduler::sweeps::{self, Sweeps, Unswept};
use crate::spool::sweep::Standing;
use crate::store::Store;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

impl Hands {
    /// No other job is to get a name that a delivery of an earlier life has not come to yet.
    pub(super) fn plan_again(&self, open_jobs: &[Job]) {
        for job in open_jobs {
            if let State::Delivering { redo } = &job.state {
                self.attempt.spool.plan_again(job.id, redo);
            }
        }
    }

    /// What an earlier life left half-way is put right before anything begins in a pipeline.
    pub(super) fn sweep(&mut self, open_jobs: &[Job]) {
        let standings: HashMap<JobId, Standing> = open_jobs
            .iter()
            .map(|job| (job.id, files::standing(job)))
            .collect();
        let (store, runtime) = (self.store.clone(), tokio::runtime::Handle::current());
        let fetching = self.fetching.clone();
        let standing = move |id| {
            // A pipeline that watches another folder by now may be fetching something back into this one.
            if fetching.contains(id) {
                return Standing::Staged;
            }
            let known = standings.get(&id).cloned();
            known.unwrap_or_else(|| match runtime.block_on(store.job(id)) {
                Ok(Some(job)) => files::standing(&job),
                Ok(None) => Standing::Unknown,
                // Not known for sure: hands off.
                Err(_) => Standing::Staged,
            })
        };
        let current = self.all_current();
        self.unswept = Unswept::new(&current, &self.desks);
        let sweeps = Sweeps::new(self.attempt.spool.clone(), standing);
        for pipeline in current {
            let (sweeps, bring) = (Arc::clone(&sweeps), self.bring.clone());
            self.tasks.spawn(async move {
                let id = pipeline.id.clone();
                sweeps.sweep(pipeline).await;
                // The loop may have ended already.
                let _ = bring.send(Brought::Swept(id)).await;
            });
        }
        self.hold();
    }

    /// An inbox that was away at the start has not been swept yet. Open jobs are at work: hands off theirs.
    pub(super) fn sweep_online(&mut self, pipeline: &str) {
        let Some(pipeline) = self.current(pipeline) else {
            return;
        };
        let (spool, store) = (self.attempt.spool.clone(), self.store.clone());
        let (runtime, fetching) = (tokio::runtime::Handle::current(), self.fetching.clone());
        let line = self.desks.line(Kind::Claim, &pipeline.id);
        self.tasks.spawn(async move {
            let _whole = line.whole().await;
            let swept = tokio::task::spawn_blocking(move || {
                sweeps::sweep_online(&spool, &pipeline.watch.folder, |id| {
                    // Asked first: what is not being fetched any more is in the journal.
                    if fetching.contains(id) {
                        return Standing::Staged;
                    }
                    match runtime.block_on(store.job(id)) {
                        Ok(Some(job)) if job.state.is_terminal() => files::standing(&job),
                        Ok(None) => Standing::Unknown,
                        Ok(Some(_)) | Err(_) => Standing::Staged,
                    }
                });
            });
            if let Err(error) = swept.await {
                tracing::error!(%error, "sweeping panicked");
            }
        });
    }

    /// Has every folder in use asked how it is; [`Hands::weigh_disks`] hears of the answers.
    pub(super) fn ask_disks(&mut self) {
        let store = self.store.clone();
        let (disks, folders) = (self.disks.clone(), self.folders_in_use());
        self.asides.spawn(async move {
            if !store.health().reserve {
                try_reserve(&store).await;
            }
            disks.ask_all(folders).await;
        });
    }

    /// Whether new files are taken, and what begins, as far as the folders go.
    pub(super) fn weigh_disks(&mut self) {
        let low = self.disks.low(&self.folders_in_use(), self.min_free);
        let closed = low.or_else(|| {
            let full = !self.store.health().reserve;
            full.then(|| Closed {
                lack: Lack::Reserve,
                reason: "the disk of the journal is full or was; free some space".to_owned(),
            })
        });
        self.decide(Input::Intake { closed });
        self.hold();
        self.publish_pipelines();
    }

    /// Nothing of a pipeline begins before its folders are swept, or while one of them does not answer.
    pub(super) fn hold(&mut self) {
        let hold = |pipeline: &Arc<Pipeline>| {
            let hold = match self.disks.silent_of(&files::folders(pipeline)) {
                Some(silent) => Some(Hold::Silent(silent.folder)),
                None => self.unswept.contains(&pipeline.id).then_some(Hold::Unswept),
            };
            Some((pipeline.id.clone(), hold?))
        };
        let held: BTreeMap<String, Hold> = self.all_current().iter().filter_map(hold).collect();
        self.decide(Input::Held(held));
    }

    /// The folder of a pipeline that does not answer.
    pub(super) fn silent(&self, pipeline: &str) -> Option<Silent> {
        let current = self.current(pipeline)?;
        self.disks.silent_of(&files::folders(&current))
    }

    /// Where the original of a job goes that does not succeed. Where its pipeline is gone its own revision tells, and its inbox is
    /// the last resort.
    pub(super) fn failed_folder(&self, about: &EndOf) -> impl Future<Output = PathBuf> + use<> {
        let (store, shelf) = (self.store.clone(), Arc::clone(&self.shelf));
        let catalog = Arc::clone(&self.catalog.borrow());
        let (known, accepted) = (about.failed.clone(), about.job.accepted.clone());
        let revision = about.job.revision.clone();
        async move {
            if let Some(known) = known {
                return known;
            }
            let revision = revision.unwrap_or(accepted.revision);
            let yaml = store.revision_yaml(revision).await.unwrap_or_else(|error| {
                tracing::warn!(pipeline = %accepted.pipeline, %error, "a revision cannot be read");
                None
            });
            let shelf = shelf.lock_owned().await;
            let id = accepted.pipeline.clone();
            let found =
                blocking(move || shelf.failed_of_gone(&id, yaml.as_deref(), &catalog)).await;
            let beside = || accepted.folder.0.join(OUR_FOLDER).join("failed");
            found.ok().flatten().unwrap_or_else(beside)
        }
    }

    pub(super) fn all_current(&self) -> Vec<Arc<Pipeline>> {
        let current = self
            .entries
            .iter()
            .filter_map(|entry| entry.current.clone());
        current.collect()
    }

    /// Every folder that the daemon writes to, each once; its own come first.
    fn folders_in_use(&self) -> Vec<PathBuf> {
        let current = self.all_current();
        let theirs = current.iter().flat_map(|pipeline| files::folders(pipeline));
        let mut seen = HashSet::new();
        let all = self.own.iter().cloned().chain(theirs);
        all.filter(|folder| seen.insert(folder.clone())).collect()
    }
}

/// While no files are taken there may be no commits, after which the journal would take its reserve again by itself. It does so behind
/// its answer, so that only the second answer says that it has.
async fn try_reserve(store: &Store) {
    for _ in 0..2 {
        if let Err(error) = store.ledger_put(Vec::new()).await {
            tracing::debug!(%error, "no reserve for the journal yet");
        }
    }
}
