//! What the watched folders bring.

use crate::event::{Draft, Event, WatchEvent};
use crate::job::event::Identity;
use crate::job::id::JobId;
use crate::raw_path::RawPath;
use crate::scheduler::act::hands::Hands;
use crate::scheduler::files;
use crate::scheduler::input::Input;
use crate::store::ledger::LedgerEntry;
use crate::watch::update::{Decline, WatchUpdate};

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
            WatchUpdate::Copied {
                pipeline,
                relative,
                identity,
            } => self.know_copy(pipeline, relative, identity),
        }
    }

    /// What lay there before the pipeline came stays, after a restart too.
    fn leave_existing(&mut self, pipeline: &str, files: Vec<(RawPath, Identity)>) {
        let why = "it was there before the pipeline (`existing: ignore`)";
        let entry = |(relative, identity)| LedgerEntry {
            pipeline: pipeline.to_owned(),
            relative,
            identity,
            blake3: None,
            why: why.to_owned(),
        };
        let known = self.known.entry(pipeline.to_owned()).or_default();
        known.extend(files.iter().cloned());
        let entries: Vec<LedgerEntry> = files.into_iter().map(entry).collect();
        self.unscanned.remove(pipeline);
        let scanned = self.store.ledger_scanned(pipeline.to_owned(), entries);
        self.write_ledger(scanned);
    }

    /// A copy of a file that was to be left has come in its place while we were away: a home that was restored.
    fn know_copy(&mut self, pipeline: String, relative: RawPath, identity: Identity) {
        let known = self.known.entry(pipeline.clone()).or_default();
        known.insert(relative.clone(), identity);
        let contents = self.contents.get(&pipeline);
        let blake3 = contents.and_then(|all| all.get(&relative.0)).cloned();
        let put = self.store.ledger_put(vec![LedgerEntry {
            pipeline,
            relative,
            identity,
            blake3,
            why: "a copy of a file that was dealt with, of the same content".to_owned(),
        }]);
        self.write_ledger(put);
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
}
