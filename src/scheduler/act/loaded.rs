//! The pipeline files: loading them again, and telling everybody which ones there are.

use crate::event::{Event, PipelineEvent};
use crate::pipeline::checked::Pipeline;
use crate::scheduler::act::hands::{Hands, locked};
use crate::scheduler::files;
use crate::scheduler::handle::{Health, PipelineSet, PipelineStatus};
use crate::scheduler::input::Input;
use crate::scheduler::pipelines::Reloaded;
use crate::watch::update::Folder;
use std::path::PathBuf;
use std::sync::Arc;

impl Hands {
    pub(super) async fn reload(&mut self) {
        let (shelf, catalog) = (
            Arc::clone(&self.shelf),
            Arc::clone(&self.catalog.borrow_and_update()),
        );
        let reloaded = tokio::task::spawn_blocking(move || locked(&shelf).reload(&catalog)).await;
        match reloaded {
            Ok(reloaded) => self.use_pipelines(reloaded),
            Err(error) => tracing::error!(%error, "the pipelines could not be reloaded"),
        }
    }

    fn use_pipelines(&mut self, reloaded: Reloaded) {
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
        self.note(reloaded.events);
        self.entries = reloaded.entries;
        let current: Vec<Arc<Pipeline>> = self
            .entries
            .iter()
            .filter_map(|entry| entry.current.clone())
            .collect();
        self.know_folders(&current);
        self.set_watched();
        self.seen
            .extend(current.iter().map(|pipeline| pipeline.id.clone()));
        self.decide(Input::Pipelines(current));
        self.publish_pipelines();
    }

    /// Where the folders of these pipelines lie is remembered, so that a mount that goes away is missed.
    fn know_folders(&mut self, pipelines: &[Arc<Pipeline>]) {
        let folders: Vec<PathBuf> = pipelines
            .iter()
            .flat_map(|pipeline| files::folders(pipeline))
            .collect();
        let spool = self.attempt.spool.clone();
        self.tasks.spawn_blocking(move || spool.know(&folders));
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
            first_seen: !self.seen.contains(&pipeline.id),
            known: known
                .map(|(relative, identity)| (relative.clone(), *identity))
                .collect(),
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
            sandbox: self.sandbox.clone(),
            draining: self.draining,
        };
        self.healthy.send_if_modified(|now| {
            let changed = **now != health;
            if changed {
                *now = Arc::new(health);
            }
            changed
        });
    }
}
