//! The daemon as the HTTP routes see it: questions go to store, scheduler and registry.

mod convert;
mod health;
mod pipelines;
mod thumbnails;
mod trial;
mod trials;

pub(in crate::daemon) use thumbnails::Thumbnails;
pub(in crate::daemon) use trials::Trials;

use crate::config::home::Home;
use crate::durable;
use crate::http::api::{
    Answer, Backend, BrokenPlugin, Checked, Explanation, FolderEntry, Health, KeptTrial, Link,
    Metric, OperationEntry, PipelineEntry, PluginEntry, Precondition, Put, PutRefused, Refused,
    Restored, Trial, WaitingFile,
};
use crate::http::picture::{Picture, Undrawn};
use crate::http::slot::Slot;
use crate::job::event::Identity;
use crate::job::id::JobId;
use crate::job::state::Job;
use crate::pipeline::schema;
use crate::pipeline::surroundings::Surroundings;
use crate::pool::Pool;
use crate::registry::Registry;
use crate::scheduler::disks::Disks;
use crate::scheduler::handle::{self, Scheduler, Upload};
use crate::scheduler::planning::Bounds;
use crate::store::Store;
use crate::time::Timestamp;
use crate::watch::Watcher;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The running daemon.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) store: Store,
    pub(super) scheduler: Scheduler,
    pub(super) registry: Registry,
    pub(super) pool: Pool,
    pub(super) home: Home,
    pub(super) surroundings: Surroundings,
    pub(super) bounds: Bounds,
    pub(super) started: Timestamp,
    pub(super) trials: Arc<Trials>,
    pub(super) thumbnails: Thumbnails,
    /// What has happened to the journal before this start.
    pub(super) loss: Option<String>,
    pub(super) disks: Disks,
    pub(super) watcher: Watcher,
}

impl Backend for Daemon {
    fn cancel(&self, id: JobId) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.scheduler.cancel(id).await?) })
    }

    fn retry(&self, id: JobId) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.scheduler.retry(id).await?) })
    }

    fn restore(&self, id: JobId) -> Answer<'_, Restored> {
        Box::pin(async move {
            let restored = self.scheduler.restore(id).await?;
            Ok(Restored {
                path: restored.path,
                note: restored.note,
            })
        })
    }

    fn pipelines(&self) -> Answer<'_, Vec<PipelineEntry>> {
        Box::pin(self.entries())
    }

    fn folders(&self) -> BTreeMap<String, FolderEntry> {
        self.watched_folders()
    }

    fn check_pipeline(&self, id: &str, yaml: Vec<u8>) -> Answer<'_, Checked> {
        let id = id.to_owned();
        Box::pin(async move { self.check(&id, yaml).await })
    }

    fn put_pipeline(
        &self,
        id: &str,
        yaml: Vec<u8>,
        condition: Precondition,
    ) -> Answer<'_, Put, PutRefused> {
        let id = id.to_owned();
        Box::pin(async move { self.put(&id, yaml, &condition).await })
    }

    fn delete_pipeline(&self, id: &str, condition: Precondition) -> Answer<'_, (), PutRefused> {
        let id = id.to_owned();
        Box::pin(async move {
            let expected = match condition {
                Precondition::None => None,
                _ => self.holds(&id, &condition)?.map(|current| current.tag),
            };
            match self.scheduler.delete_pipeline(&id, expected).await {
                Err(handle::Refused::Conflict(_)) => {
                    Err(PutRefused::Precondition(self.current_text(&id)))
                }
                other => Ok(other?),
            }
        })
    }

    fn pause(&self, id: &str, reason: String) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move { Ok(self.scheduler.pause(&id, &reason).await?) })
    }

    fn resume(&self, id: &str) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move { Ok(self.scheduler.resume(&id).await?) })
    }

    fn scan(&self, id: &str) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move { Ok(self.scheduler.scan(&id).await?) })
    }

    fn try_pipeline(&self, trial: Trial) -> Answer<'_, Arc<KeptTrial>, PutRefused> {
        Box::pin(self.try_sample(trial))
    }

    fn trial(&self, id: &str) -> Option<Arc<KeptTrial>> {
        self.trials.find(id)
    }

    fn forget_trial(&self, id: &str) -> bool {
        self.trials.forget(id)
    }

    fn renderer(&self) -> Result<String, Undrawn> {
        self.drawing_plugin()
    }

    fn picture(&self, picture: Picture) -> Answer<'_, Bytes, Undrawn> {
        Box::pin(self.draw(picture))
    }

    fn upload_slot(&self, pipeline: &str) -> Answer<'_, Slot> {
        let pipeline = pipeline.to_owned();
        Box::pin(async move {
            let path = self.scheduler.upload_path(&pipeline).await?;
            blocking(move || slot(path)).await?
        })
    }

    fn scratch_slot(&self) -> Answer<'_, Slot> {
        Box::pin(async move { work_file(&self.home) })
    }

    fn submit(&self, pipeline: &str, name: String, slot: Slot) -> Answer<'_, Job> {
        let pipeline = pipeline.to_owned();
        Box::pin(async move {
            // From here on the scheduler has the file: it takes it, or sweeps it at the next start.
            let (temp, file) = slot.keep();
            let (given, closed) = (temp.clone(), temp.clone());
            let found = blocking(move || {
                drop(file);
                closed.symlink_metadata()
            });
            let gone = |error| Refused::Unavailable(format!("the upload is gone: {error}"));
            let upload = Upload {
                pipeline,
                name,
                temp,
                identity: Identity::of(&found.await?.map_err(gone)?),
            };
            let id = match self.scheduler.submit(upload).await {
                Ok(id) => id,
                Err(refused) => {
                    // Not taken: the client is told and keeps its file.
                    let _ = blocking(move || durable::remove(&given)).await;
                    return Err(refused.into());
                }
            };
            let job = self.store.job(id).await?;
            job.ok_or_else(|| Refused::Failed(format!("job {id} is not in the journal")))
        })
    }

    fn files(&self, pipeline: &str, limit: usize) -> Answer<'_, Vec<WaitingFile>> {
        let pipeline = pipeline.to_owned();
        Box::pin(async move { Ok(self.waiting_files(&pipeline, limit).await) })
    }

    fn explain(&self, path: &Path) -> Answer<'_, Explanation> {
        let path = path.to_path_buf();
        Box::pin(async move {
            let explained = self.scheduler.explain(path).await?;
            let chain = explained
                .chain
                .into_iter()
                .map(|link| Link {
                    ok: link.ok,
                    text: link.text,
                })
                .collect();
            Ok(Explanation {
                path: explained.path,
                chain,
                job: explained.job,
            })
        })
    }

    fn spelled(&self, path: &Path) -> Answer<'_, PathBuf> {
        let path = path.to_path_buf();
        Box::pin(async move { Ok(self.scheduler.spelled(path).await?) })
    }

    fn plugins(&self) -> Vec<PluginEntry> {
        let now = self.registry.now();
        let entry = |plugin: &Arc<crate::plugin::catalog::Installed>| PluginEntry {
            manifest: plugin.manifest.clone(),
            blake3: plugin.blake3.clone(),
            file: now
                .origins
                .get(&plugin.manifest.name)
                .unwrap_or(&plugin.library)
                .clone()
                .into(),
            toolchain: plugin.toolchain.clone(),
        };
        now.catalog.plugins().iter().map(entry).collect()
    }

    fn broken_plugins(&self) -> Vec<BrokenPlugin> {
        self.registry
            .broken()
            .into_iter()
            .map(|broken| BrokenPlugin {
                file: broken.file,
                reason: broken.reason,
            })
            .collect()
    }

    fn operations(&self) -> Vec<OperationEntry> {
        let catalog = self.registry.catalog();
        let entry = |found: crate::plugin::catalog::Found<'_>| OperationEntry {
            plugin: found.plugin.manifest.name.clone(),
            version: found.plugin.manifest.version.clone(),
            operation: found.operation.clone(),
            unavailable: catalog.refused(&found),
        };
        catalog.operations().map(entry).collect()
    }

    fn pipeline_schema(&self) -> serde_json::Value {
        schema::pipeline(&self.registry.catalog())
    }

    fn health(&self) -> Answer<'_, Health> {
        Box::pin(self.read_health())
    }

    fn metrics(&self) -> Answer<'_, Vec<Metric>> {
        Box::pin(self.read_metrics())
    }
}

/// File work off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refused> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Refused::Failed(format!("file work panicked: {error}")))
}

/// A new file in the work folder.
fn work_file(home: &Home) -> Result<Slot, Refused> {
    slot(home.work().join(format!("{}.part", ulid::Ulid::generate())))
}

fn slot(path: PathBuf) -> Result<Slot, Refused> {
    let file =
        durable::create_new(&path).map_err(|error| Refused::Unavailable(error.to_string()))?;
    Ok(Slot::new(path, file))
}
