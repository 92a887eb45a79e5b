//! What the watched folders bring, and whether there is room for it.

use crate::event::{Draft, Event, WatchEvent};
use crate::job::event::Identity;
use crate::job::id::JobId;
use crate::raw_path::RawPath;
use crate::scheduler::act::hands::Hands;
use crate::scheduler::files;
use crate::scheduler::input::Input;
use crate::spool::sweep::Standing;
use crate::store::ledger::LedgerEntry;
use crate::watch::update::{Decline, WatchUpdate};
use std::path::PathBuf;

impl Hands {
    pub(super) fn watched(&mut self, update: WatchUpdate) {
        match update {
            WatchUpdate::Arrival(arrival) => {
                let Some(pipeline) = self.current(&arrival.pipeline) else {
                    self.watcher
                        .declined(&arrival.pipeline, &arrival.path, Decline::Full);
                    return;
                };
                let job = JobId::fresh();
                let accepted = files::accepted(job, &pipeline, arrival);
                self.decide(Input::Arrival {
                    job,
                    accepted: Box::new(accepted),
                });
            }
            WatchUpdate::File {
                pipeline,
                path,
                what,
            } => self.say(Event::File {
                pipeline,
                path,
                what,
            }),
            WatchUpdate::Folder { pipeline, what } => {
                if matches!(what, WatchEvent::Online { .. }) {
                    self.sweep_online(&pipeline);
                }
                self.say(Event::Watch { pipeline, what });
                self.publish_pipelines();
            }
            WatchUpdate::Existing { pipeline, files } => self.leave_existing(&pipeline, files),
            WatchUpdate::Forgotten {
                pipeline,
                relative,
                identity,
            } => self.forget(pipeline, relative, identity),
        }
    }

    /// An inbox that was away at the start has not been swept yet. Open jobs are at work: hands off theirs.
    fn sweep_online(&mut self, pipeline: &str) {
        let Some(pipeline) = self.current(pipeline) else {
            return;
        };
        let (spool, store) = (self.attempt.spool.clone(), self.store.clone());
        let runtime = tokio::runtime::Handle::current();
        self.tasks.spawn_blocking(move || {
            files::sweep_online(&spool, &pipeline.watch.folder, |id| {
                match runtime.block_on(store.job(id)) {
                    Ok(Some(job)) if job.state.is_terminal() => files::standing(&job),
                    Ok(None) => Standing::Unknown,
                    Ok(Some(_)) | Err(_) => Standing::Staged,
                }
            });
        });
    }

    /// What lay there before the pipeline came stays, after a restart too.
    fn leave_existing(&mut self, pipeline: &str, files: Vec<(RawPath, Identity)>) {
        let why = "it was there before the pipeline (`existing: ignore`)";
        let entry = |(relative, identity)| LedgerEntry {
            pipeline: pipeline.to_owned(),
            relative,
            identity,
            why: why.to_owned(),
        };
        let known = self.known.entry(pipeline.to_owned()).or_default();
        known.extend(files.iter().cloned());
        let entries: Vec<LedgerEntry> = files.into_iter().map(entry).collect();
        let put = self.store.ledger_put(entries);
        self.tasks.spawn(async move {
            if let Err(error) = put.await {
                tracing::warn!(%error, "files that were there before are not in the ledger: they may be processed after a restart");
            }
        });
    }

    /// A file that was to be left is gone or replaced. Another one that was put there meanwhile is left as it was to be.
    fn forget(&mut self, pipeline: String, relative: RawPath, identity: Identity) {
        let Some(known) = self.known.get_mut(&pipeline) else {
            return;
        };
        if known.get(&relative) != Some(&identity) {
            return;
        }
        known.remove(&relative);
        let deleted = self.store.ledger_del(pipeline, relative);
        self.tasks.spawn(async move {
            if let Err(error) = deleted.await {
                tracing::warn!(%error, "a file that is gone stays in the ledger: its like would be left after a restart");
            }
        });
    }

    fn say(&mut self, event: Event) {
        self.note([Draft::now(event)]);
    }

    /// While no files are taken there may be no commits, after which the journal would take its reserve again by itself.
    fn try_reserve(&mut self) {
        let tried = self.store.ledger_put(Vec::new());
        self.tasks.spawn(async move {
            if let Err(error) = tried.await {
                tracing::debug!(%error, "no reserve for the journal yet");
            }
        });
    }

    pub(super) fn check_disks(&mut self) {
        let mut folders: Vec<PathBuf> = vec![self.home.clone()];
        for pipeline in self
            .entries
            .iter()
            .filter_map(|entry| entry.current.as_ref())
        {
            folders.push(pipeline.output.root.clone());
            folders.push(pipeline.watch.folder.clone());
        }
        if !self.store.health().reserve {
            self.try_reserve();
        }
        let closed = files::low_disk(&folders, self.min_free).or_else(|| {
            let full = !self.store.health().reserve;
            full.then(|| "the disk of the journal was full; free some space".to_owned())
        });
        self.decide(Input::Intake { closed });
        self.publish_pipelines();
    }
}
