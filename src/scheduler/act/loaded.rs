//! The pipeline files: loading them again, and telling everybody which ones there are.

use crate::event::{Event, PipelineEvent};
use crate::pipeline::checked::{Existing, Pipeline};
use crate::plugin::catalog::Catalog;
use crate::problem::Problem;
use crate::scheduler::act::alarm;
use crate::scheduler::act::hands::Hands;
use crate::scheduler::brought::{After, Bring, Brought};
use crate::scheduler::files::{self, blocking};
use crate::scheduler::handle::{Health, PipelineSet, PipelineStatus, Refused};
use crate::scheduler::input::Input;
use crate::scheduler::pipelines::{Reloaded, Shelf};
use crate::store::error::Error;
use crate::store::ledger::LedgerEntry;
use crate::watch::update::Folder;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// The shelf, and nobody else has it.
pub(super) type Shelved = OwnedMutexGuard<Shelf>;

impl Hands {
    /// Reads the pipeline files for the first time.
    pub(super) async fn load(&mut self) {
        let shelf = Arc::clone(&self.shelf).lock_owned().await;
        let catalog = Arc::clone(&self.catalog.borrow_and_update());
        match blocking(move || reload(shelf, &catalog).0).await {
            Ok(reloaded) => self.use_pipelines(reloaded),
            Err(panicked) => unread(&panicked),
        }
    }

    pub(super) fn reload(&mut self) {
        let catalog = Arc::clone(&self.catalog.borrow_and_update());
        let (shelf, bring) = (Arc::clone(&self.shelf), self.bring.clone());
        self.tasks.spawn(async move {
            let shelf = shelf.lock_owned().await;
            reload_and_bring(shelf, catalog, After::Nobody, bring).await;
        });
    }

    pub(super) fn use_pipelines(&mut self, reloaded: Reloaded) {
        for draft in &reloaded.events {
            if let Event::Pipeline {
                pipeline,
                what: PipelineEvent::Invalid { faults },
            } = &draft.event
            {
                for fault in faults {
                    tracing::warn!(%pipeline, "{fault}");
                }
            }
        }
        self.entries = reloaded.entries;
        let current = self.all_current();
        // Before it is journalled that there are such pipelines.
        self.note_unscanned(&current);
        self.note(reloaded.events);
        self.know_folders(&current);
        self.set_watched();
        self.seen
            .extend(current.iter().map(|pipeline| pipeline.id.clone()));
        self.decide(Input::Pipelines(current));
        self.hold();
        self.publish_pipelines();
    }

    /// What lies in the folder of a new pipeline under `existing: ignore` is to be left, also where the first scan does not end in this
    /// life.
    fn note_unscanned(&mut self, pipelines: &[Arc<Pipeline>]) {
        let is_ignored = |pipeline: &Arc<Pipeline>| pipeline.watch.existing == Existing::Ignore;
        let (ignored, taken): (Vec<_>, Vec<_>) = pipelines.iter().partition(|one| is_ignored(one));
        for pipeline in ignored {
            if !self.seen.contains(&pipeline.id) && self.unscanned.insert(pipeline.id.clone()) {
                let put = self
                    .store
                    .ledger_put(vec![LedgerEntry::unscanned(&pipeline.id)]);
                self.write_ledger(put);
            }
        }
        for pipeline in taken {
            if self.unscanned.remove(&pipeline.id) {
                let scanned = self.store.ledger_scanned(pipeline.id.clone(), Vec::new());
                self.write_ledger(scanned);
            }
        }
    }

    /// Has the ledger written, and says where it cannot be.
    pub(super) fn write_ledger(
        &mut self,
        work: impl Future<Output = Result<(), Error>> + Send + 'static,
    ) {
        self.tasks.spawn(async move {
            if let Err(error) = work.await {
                tracing::warn!(%error, "files that were there before are not in the ledger: they may be processed after a restart");
            }
        });
    }

    /// Where the folders of these pipelines lie is remembered, so that a mount that goes away is missed.
    fn know_folders(&mut self, pipelines: &[Arc<Pipeline>]) {
        for pipeline in pipelines {
            let (spool, folders) = (self.attempt.spool.clone(), files::folders(pipeline));
            self.tasks.spawn_blocking(move || spool.know(&folders));
        }
    }

    fn set_watched(&self) {
        let current = self
            .entries
            .iter()
            .filter_map(|entry| entry.current.as_ref());
        self.watcher
            .set(current.map(|pipeline| self.folder(pipeline)).collect());
    }

    fn folder(&self, pipeline: &Arc<Pipeline>) -> Folder {
        let known = self.known.get(&pipeline.id).into_iter().flatten();
        Folder {
            pipeline: pipeline.id.clone(),
            spec: pipeline.watch.clone(),
            first_seen: !self.seen.contains(&pipeline.id) || self.unscanned.contains(&pipeline.id),
            known: known
                .map(|(relative, identity)| (relative.clone(), *identity))
                .collect(),
            contents: self.contents.get(&pipeline.id).cloned().unwrap_or_default(),
            paused: false,
        }
    }

    pub(super) fn publish_pipelines(&self) {
        let folders = self.watcher.status();
        let entries = self.entries.iter().map(|entry| PipelineStatus {
            id: entry.id.clone(),
            file: entry.file.clone(),
            current: entry.current.clone(),
            faults: entry.faults.clone(),
            paused: self.decider.paused(&entry.id).map(str::to_owned),
            folder: folders
                .iter()
                .find(|folder| folder.pipeline == entry.id)
                .cloned(),
        });
        self.set.send_replace(Arc::new(PipelineSet {
            entries: entries.collect(),
        }));
    }

    pub(super) fn publish_health(&self) {
        let health = Health {
            workers: self.workers,
            busy: self.decider.busy(),
            intake_closed: self.decider.intake_closed().map(str::to_owned),
            obstacles: self.decider.obstacles().cloned().collect(),
            sandbox: self.sandbox.clone(),
            draining: self.draining,
        };
        self.healthy.send_if_modified(|now| {
            let changed = **now != health;
            if changed {
                alarm::tell(now, &health);
                *now = Arc::new(health);
            }
            changed
        });
    }
}

/// Reads every file again.
fn reload(mut shelf: Shelved, catalog: &Catalog) -> (Reloaded, Shelved) {
    let reloaded = shelf.reload(catalog);
    (reloaded, shelf)
}

/// The same, for the loop. The shelf is kept until the loop has it: of two reloads the later one is heard later.
pub(super) async fn reload_and_bring(
    shelf: Shelved,
    catalog: Arc<Catalog>,
    after: After,
    bring: Bring,
) {
    match blocking(move || reload(shelf, &catalog)).await {
        Ok((reloaded, _shelf)) => {
            // The loop may have ended already.
            let _ = bring.send(Brought::Reloaded(reloaded, after)).await;
        }
        Err(panicked) => {
            unread(&panicked);
            after.tell(Err(Refused::Unavailable(panicked.detail)));
        }
    }
}

fn unread(panicked: &Problem) {
    tracing::error!(error = %panicked.detail, "the pipelines could not be reloaded");
}
