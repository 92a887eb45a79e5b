//! The daemon as the HTTP routes see it: questions go to store, scheduler and registry.
//!
//! Longer than our files are: it is one table of short translations.

use crate::config::home::Home;
use crate::durable;
use crate::http::api::{
    Answer, Backend, BrokenPlugin, Explanation, Fault, FolderEntry, Health, Link, Metric,
    MetricKind, OperationEntry, PipelineEntry, PluginEntry, Precondition, Put, PutRefused, Refused,
    Slot, Trial, TryOutcome, TryOutput,
};
use crate::job::attempt::StepStatus;
use crate::job::event::StepName;
use crate::job::id::JobId;
use crate::job::state::{Job, StepRecord};
use crate::pipeline::check;
use crate::pipeline::checked::Pipeline;
use crate::pipeline::load;
use crate::pipeline::surroundings::Surroundings;
use crate::pipeline::{fault, schema};
use crate::pool::Pool;
use crate::pool::update::Update;
use crate::raw_path::RawPath;
use crate::registry::Registry;
use crate::scheduler::attempt::Bounds;
use crate::scheduler::handle::{self, Scheduler, Upload};
use crate::scheduler::sample::{self, Sample};
use crate::store::Store;
use crate::store::error::Error as StoreError;
use crate::time::Timestamp;
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
}

impl From<handle::Refused> for Refused {
    fn from(refused: handle::Refused) -> Self {
        match refused {
            handle::Refused::NotFound(why) => Self::NotFound(why),
            handle::Refused::Conflict(why) => Self::Conflict(why),
            handle::Refused::Invalid(why) => Self::Invalid(why),
            handle::Refused::Unavailable(why) => Self::Unavailable(why),
            handle::Refused::Faults(faults) => Self::Invalid(
                faults
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadQuery(why) => Self::Invalid(why),
            StoreError::Closed | StoreError::Overloaded(_) | StoreError::Full => {
                Self::Unavailable(error.to_string())
            }
            other => Self::Failed(crate::telemetry::chain(&other)),
        }
    }
}

impl From<handle::Refused> for PutRefused {
    fn from(refused: handle::Refused) -> Self {
        match refused {
            handle::Refused::Faults(faults) => Self::Faults(faults.iter().map(fault).collect()),
            other => Self::Other(other.into()),
        }
    }
}

fn fault(fault: &fault::Fault) -> Fault {
    Fault {
        file: fault.file.clone(),
        line: fault.line,
        column: fault.column,
        pointer: fault.pointer.clone(),
        message: fault.message.clone(),
        hint: fault.hint.clone(),
    }
}

fn text(yaml: Vec<u8>) -> Result<String, Refused> {
    String::from_utf8(yaml).map_err(|error| {
        Refused::Invalid(format!(
            "the text is not UTF-8 at byte {}",
            error.utf8_error().valid_up_to()
        ))
    })
}

impl Daemon {
    /// The text of a pipeline's file and a tag that changes whenever it does.
    fn file(&self, path: &Path) -> (String, String) {
        // What cannot be read (a pipe, 50 MB) is told by the pipeline's faults.
        let bytes = load::read_bounded(path).unwrap_or_default();
        let tag = blake3::hash(&bytes).to_hex()[..16].to_owned();
        (String::from_utf8_lossy(&bytes).into_owned(), tag)
    }

    async fn entries(&self) -> Result<Vec<PipelineEntry>, Refused> {
        let (set, counts, rows) = (
            self.scheduler.pipelines(),
            self.store.counts().await?,
            self.store.pipelines().await?,
        );
        let entry = |status: &handle::PipelineStatus| {
            let (yaml, tag) = self.file(&status.file);
            PipelineEntry {
                id: status.id.clone(),
                file: status.file.clone().into(),
                rev: rows
                    .iter()
                    .find(|row| row.id == status.id)
                    .map_or(0, |row| row.changed),
                yaml,
                tag,
                current: status.current.clone(),
                faults: status.faults.iter().map(fault).collect(),
                paused: status.paused.clone(),
                folder: status.folder.as_ref().map(folder),
                counts: counts.get(&status.id).cloned().unwrap_or_default(),
            }
        };
        Ok(set.entries.iter().map(entry).collect())
    }

    /// Whether a precondition holds for a pipeline's file as it is.
    fn holds(&self, id: &str, condition: &Precondition) -> Result<(), PutRefused> {
        let set = self.scheduler.pipelines();
        let tag = set.find(id).map(|status| self.file(&status.file).1);
        let holds = match (condition, &tag) {
            (Precondition::None, _)
            | (Precondition::Exists, Some(_))
            | (Precondition::Absent, None) => true,
            (Precondition::Tag(tags), Some(tag)) => tags.contains(tag),
            _ => false,
        };
        if holds {
            Ok(())
        } else {
            Err(PutRefused::Precondition(tag))
        }
    }

    fn trial_pipeline(&self, id: &str, yaml: Option<Vec<u8>>) -> Result<Arc<Pipeline>, PutRefused> {
        if let Some(yaml) = yaml {
            let checked = check::check(
                id,
                &format!("{id}.yaml"),
                &yaml,
                &self.registry.catalog(),
                &self.surroundings,
            );
            return checked
                .map(Arc::new)
                .map_err(|faults| PutRefused::Faults(faults.iter().map(fault).collect()));
        }
        let set = self.scheduler.pipelines();
        let status = set
            .find(id)
            .ok_or_else(|| Refused::NotFound(format!("there is no pipeline `{id}`")))?;
        match &status.current {
            Some(pipeline) => Ok(Arc::clone(pipeline)),
            None => Err(PutRefused::Faults(
                status.faults.iter().map(fault).collect(),
            )),
        }
    }
}

fn folder(status: &crate::watch::update::FolderStatus) -> FolderEntry {
    FolderEntry {
        folder: status.folder.clone(),
        state: status.state.word().to_owned(),
        mode: status.mode.to_owned(),
        reason: status.reason.clone(),
        settling: status.files_settling,
        ignored: status.files_ignored,
        last_scan: status.last_scan,
    }
}

impl Backend for Daemon {
    fn cancel(&self, id: JobId) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.scheduler.cancel(id).await?) })
    }

    fn retry(&self, id: JobId) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.scheduler.retry(id).await?) })
    }

    fn restore(&self, id: JobId) -> Answer<'_, RawPath> {
        Box::pin(async move { Ok(self.scheduler.restore(id).await?) })
    }

    fn pipelines(&self) -> Answer<'_, Vec<PipelineEntry>> {
        Box::pin(self.entries())
    }

    fn check_pipeline(&self, id: &str, yaml: Vec<u8>) -> Answer<'_, Vec<Fault>> {
        let id = id.to_owned();
        Box::pin(async move {
            let faults = self.scheduler.check_pipeline(&id, yaml).await?;
            Ok(faults.iter().map(fault).collect())
        })
    }

    fn put_pipeline(
        &self,
        id: &str,
        yaml: Vec<u8>,
        condition: Precondition,
    ) -> Answer<'_, Put, PutRefused> {
        let id = id.to_owned();
        Box::pin(async move {
            self.holds(&id, &condition)?;
            let tag = blake3::hash(&yaml).to_hex()[..16].to_owned();
            let created = self.scheduler.save_pipeline(&id, text(yaml)?, None).await?;
            let set = self.scheduler.pipelines();
            let revision = set
                .find(&id)
                .and_then(|status| status.current.as_ref())
                .map(|pipeline| pipeline.revision.clone());
            Ok(Put {
                created,
                revision: revision.unwrap_or_default(),
                tag,
            })
        })
    }

    fn delete_pipeline(&self, id: &str, condition: Precondition) -> Answer<'_, (), PutRefused> {
        let id = id.to_owned();
        Box::pin(async move {
            if condition != Precondition::None {
                self.holds(&id, &condition)?;
            }
            Ok(self.scheduler.delete_pipeline(&id).await?)
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

    fn try_pipeline(&self, trial: Trial) -> Answer<'_, TryOutcome, PutRefused> {
        Box::pin(async move {
            let pipeline = self.trial_pipeline(&trial.pipeline, trial.yaml)?;
            let failed =
                |error: std::io::Error| PutRefused::Other(Refused::Failed(error.to_string()));
            let input = durable::open_regular(trial.sample.path())
                .map_err(|error| Refused::Failed(error.to_string()))?;
            let size = input.metadata().map_err(failed)?.len();
            let sample = Sample {
                pipeline: Arc::clone(&pipeline),
                path: Path::new(&trial.name).into(),
                input,
                size,
            };
            let mut seen = Seen::new(&pipeline);
            let outcome = sample::run(
                &self.pool,
                &self.registry.catalog(),
                self.bounds,
                sample,
                |update| seen.update(update),
            )
            .await;
            let mut outputs = Vec::with_capacity(outcome.pieces.len());
            for piece in outcome.pieces {
                let size = piece.file.metadata().map_err(failed)?.len();
                outputs.push(TryOutput {
                    name: piece.name,
                    mime: piece.mime,
                    pages: piece.pages,
                    size,
                    file: piece.file,
                });
            }
            Ok(TryOutcome {
                pages: seen.pages,
                steps: seen.steps,
                warnings: outcome.warnings,
                problem: outcome.result.err().map(|failure| failure.problem),
                outputs,
            })
        })
    }

    fn upload_slot(&self, pipeline: &str) -> Answer<'_, Slot> {
        let pipeline = pipeline.to_owned();
        Box::pin(async move { slot(self.scheduler.upload_path(&pipeline).await?) })
    }

    fn scratch_slot(&self) -> Answer<'_, Slot> {
        Box::pin(async move {
            slot(
                self.home
                    .work()
                    .join(format!("{}.part", ulid::Ulid::generate())),
            )
        })
    }

    fn submit(&self, pipeline: &str, name: String, slot: Slot) -> Answer<'_, Job> {
        let pipeline = pipeline.to_owned();
        Box::pin(async move {
            // From here on the scheduler has the file: it takes it, or sweeps it at the next start.
            let (temp, file) = slot.keep();
            drop(file);
            let given = temp.clone();
            let id = match self
                .scheduler
                .submit(Upload {
                    pipeline,
                    name,
                    temp,
                })
                .await
            {
                Ok(id) => id,
                Err(refused) => {
                    // Not taken: the client is told and keeps its file.
                    let _ = durable::remove(&given);
                    return Err(refused.into());
                }
            };
            let job = self.store.job(id).await?;
            job.ok_or_else(|| Refused::Failed(format!("job {id} is not in the journal")))
        })
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

    fn plugins(&self) -> Vec<PluginEntry> {
        let catalog = self.registry.catalog();
        let entry = |plugin: &Arc<crate::plugin::catalog::Installed>| PluginEntry {
            manifest: plugin.manifest.clone(),
            blake3: plugin.blake3.clone(),
            file: plugin.library.clone().into(),
            toolchain: String::new(),
        };
        catalog.plugins().iter().map(entry).collect()
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
            unavailable: found.refused(),
        };
        catalog.operations().map(entry).collect()
    }

    fn pipeline_schema(&self) -> serde_json::Value {
        schema::pipeline(&self.registry.catalog())
    }

    fn health(&self) -> Answer<'_, Health> {
        Box::pin(async move {
            let (scheduler, pool, journal) = (
                self.scheduler.health(),
                self.pool.status(),
                self.store.health(),
            );
            let broken = self.registry.broken();
            let mut concerns = self.concerns();
            concerns.extend(
                broken.iter().map(|broken| {
                    format!("plugin {} cannot be used: {}", broken.file, broken.reason)
                }),
            );
            concerns.extend(
                pool.trouble
                    .iter()
                    .map(|why| format!("workers cannot be started: {why}")),
            );
            if !journal.reserve {
                concerns.push("the disk of the journal was full: free some space".to_owned());
            }
            Ok(Health {
                ready: !scheduler.draining && !journal.broken && pool.trouble.is_none(),
                concerns,
                intake_closed: scheduler.intake_closed.clone(),
                started: Some(self.started),
                sandbox: pool.sandbox.unwrap_or_else(|| scheduler.sandbox.clone()),
                workers_busy: count(pool.running),
                workers_limit: count(pool.capacity),
                jobs: self.jobs_by_state().await?,
                plugins: count(self.registry.catalog().plugins().len()),
                plugins_broken: count(broken.len()),
                disk_free: self.disk_free(),
            })
        })
    }

    fn metrics(&self) -> Answer<'_, Vec<Metric>> {
        Box::pin(async move {
            let (pool, journal, counts) = (
                self.pool.status(),
                self.store.health(),
                self.store.counts().await?,
            );
            let mut jobs = Vec::new();
            for (pipeline, states) in &counts {
                for (state, &number) in states {
                    jobs.push((
                        vec![("pipeline", pipeline.clone()), ("state", state.clone())],
                        float(number),
                    ));
                }
            }
            let one = |value: u64| vec![(Vec::new(), float(value))];
            let metric = |name, help, kind, samples| Metric {
                name,
                help,
                kind,
                samples,
            };
            Ok(vec![
                metric(
                    "dropleaf_jobs",
                    "Jobs by pipeline and state.",
                    MetricKind::Gauge,
                    jobs,
                ),
                metric(
                    "dropleaf_workers_busy",
                    "Attempts under way.",
                    MetricKind::Gauge,
                    one(count(pool.running)),
                ),
                metric(
                    "dropleaf_workers",
                    "Attempts that may run at once.",
                    MetricKind::Gauge,
                    one(count(pool.capacity)),
                ),
                metric(
                    "dropleaf_workers_started_total",
                    "Worker processes started.",
                    MetricKind::Counter,
                    one(pool.started),
                ),
                metric(
                    "dropleaf_workers_crashed_total",
                    "Worker processes that died unasked.",
                    MetricKind::Counter,
                    one(pool.crashed),
                ),
                metric(
                    "dropleaf_journal_events_total",
                    "Events in the journal.",
                    MetricKind::Counter,
                    one(journal.head),
                ),
                metric(
                    "dropleaf_journal_commits_total",
                    "Transactions of the journal.",
                    MetricKind::Counter,
                    one(journal.commits),
                ),
            ])
        })
    }
}

impl Daemon {
    fn concerns(&self) -> Vec<String> {
        let mut concerns = Vec::new();
        for status in &self.scheduler.pipelines().entries {
            if !status.faults.is_empty() {
                let goes_on = if status.current.is_some() {
                    "; the last good revision goes on"
                } else {
                    ""
                };
                concerns.push(format!(
                    "pipeline `{}` has {} faults{goes_on}",
                    status.id,
                    status.faults.len()
                ));
            }
            if let Some(folder) = &status.folder
                && matches!(
                    folder.state,
                    crate::watch::update::FolderState::Offline
                        | crate::watch::update::FolderState::Blocked
                )
            {
                concerns.push(format!(
                    "folder `{}` of pipeline `{}` is {}: {}",
                    folder.folder,
                    status.id,
                    folder.state.word(),
                    folder.reason
                ));
            }
        }
        let health = self.scheduler.health();
        concerns.extend(
            health
                .intake_closed
                .iter()
                .map(|why| format!("no new files are taken: {why}")),
        );
        if health.sandbox != "full" {
            concerns.push(format!(
                "workers are not fully sandboxed: {}",
                health.sandbox
            ));
        }
        concerns
    }

    async fn jobs_by_state(&self) -> Result<BTreeMap<String, u64>, Refused> {
        let mut sums = BTreeMap::new();
        for states in self.store.counts().await?.into_values() {
            for (state, number) in states {
                *sums.entry(state).or_insert(0) += number;
            }
        }
        Ok(sums)
    }

    fn disk_free(&self) -> BTreeMap<String, u64> {
        let mut folders = vec![self.home.root().to_path_buf()];
        for status in &self.scheduler.pipelines().entries {
            folders.extend(status.current.iter().flat_map(|pipeline| {
                [pipeline.watch.folder.clone(), pipeline.output.root.clone()]
            }));
        }
        let free = folders.into_iter().filter_map(|folder| {
            durable::free_space(&folder)
                .ok()
                .map(|free| (folder.display().to_string(), free))
        });
        free.collect()
    }
}

fn slot(path: PathBuf) -> Result<Slot, Refused> {
    let file =
        durable::create_new(&path).map_err(|error| Refused::Unavailable(error.to_string()))?;
    Ok(Slot::new(path, file))
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows only floats")]
fn float(number: u64) -> f64 {
    number as f64
}

/// What a trial's steps did.
struct Seen {
    pages: Option<u64>,
    steps: Vec<StepRecord>,
}

impl Seen {
    fn new(pipeline: &Pipeline) -> Self {
        let names = pipeline.steps.iter().map(|step| StepName {
            id: step.id.clone(),
            uses: step.uses(),
        });
        Self {
            pages: None,
            steps: names.map(|name| StepRecord::pending(&name)).collect(),
        }
    }

    fn set(&mut self, index: u32, status: StepStatus, ms: u64) {
        if let Some(step) = self.steps.get_mut(index as usize) {
            step.status = status;
            step.ms += ms;
        }
    }

    fn update(&mut self, update: &Update) {
        match update {
            Update::Opened { pages } => self.pages = Some(*pages),
            Update::StepStarted(place) => self.set(place.index, StepStatus::Running, 0),
            Update::StepFinished(finished) => {
                self.set(finished.place.index, StepStatus::Finished, finished.ms);
                if let Some(step) = self.steps.get_mut(finished.place.index as usize) {
                    step.results.extend(finished.results.clone());
                }
            }
            Update::StepSkipped(skipped) => self.set(skipped.place.index, StepStatus::Skipped, 0),
            Update::StepFailed(failed) => {
                self.set(
                    failed.place.index,
                    if failed.continued {
                        StepStatus::Passed
                    } else {
                        StepStatus::Failed
                    },
                    failed.ms,
                );
                if let Some(step) = self.steps.get_mut(failed.place.index as usize) {
                    step.problem = Some(failed.problem.clone());
                }
            }
            _ => {}
        }
    }
}
