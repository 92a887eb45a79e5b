//! How the daemon is, in words and in numbers.

use super::Daemon;
use crate::http::api::{Health, Metric, MetricKind, Refused};
use crate::pipeline::checked::Pipeline;
use crate::plugin::catalog::INSTALL;
use crate::scheduler::decide::obstacles::Obstacle;
use crate::store::query::Counts;
use crate::watch::update::FolderStatus;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the free space of folders is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// The states of jobs that do not go on without their pipeline.
const WAITING: [&str; 2] = ["queued", "waiting"];

impl Daemon {
    pub(super) async fn read_health(&self) -> Result<Health, Refused> {
        let (scheduler, pool, journal) = (
            self.scheduler.health(),
            self.pool.status(),
            self.store.health(),
        );
        let broken = self.registry.broken();
        let counts = self.store.counts().await?;
        let mut concerns = self.concerns();
        concerns.extend(self.stranded(&counts));
        concerns.extend(self.loss.clone());
        concerns.extend(
            broken
                .iter()
                .map(|broken| format!("plugin {} cannot be used: {}", broken.file, broken.reason)),
        );
        concerns.extend(
            pool.trouble
                .iter()
                .map(|why| format!("workers cannot be started: {why}")),
        );
        if !journal.reserve {
            concerns.push("the disk of the journal is full or was: free some space".to_owned());
        }
        Ok(Health {
            ready: !scheduler.draining && !journal.broken && pool.trouble.is_none(),
            concerns,
            intake_closed: scheduler.intake_closed.clone(),
            started: Some(self.started),
            sandbox: pool.sandbox.unwrap_or_else(|| scheduler.sandbox.clone()),
            workers_busy: count(pool.running),
            workers_limit: count(pool.capacity),
            jobs: by_state(counts),
            plugins: count(self.registry.catalog().plugins().len()),
            plugins_broken: count(broken.len()),
            draws_pages: self.drawing_plugin().is_ok(),
            disk_free: self.disk_free().await,
            journal_bytes: self.store.bytes(),
            journal_reserve: journal.reserve,
        })
    }

    pub(super) async fn read_metrics(&self) -> Result<Vec<Metric>, Refused> {
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
                "dropleaf_workers_denied_calls_total",
                "System calls of workers that their sandboxes denied.",
                MetricKind::Counter,
                one(pool.denied),
            ),
            metric(
                "dropleaf_journal_events_total",
                "Events in the journal.",
                MetricKind::Counter,
                one(journal.head),
            ),
        ])
    }

    /// What becomes of files while a pipeline's file has faults.
    fn goes_on(&self, current: Option<&Pipeline>) -> String {
        let Some(pipeline) = current else {
            return String::new();
        };
        let catalog = self.registry.catalog();
        let mut used = pipeline.steps.iter().map(|step| step.uses());
        match used.find(|uses| catalog.find(uses).is_err()) {
            Some(uses) => format!(
                "; its files fail, since the last good revision uses `{uses}`, which is not installed any more"
            ),
            None => "; the last good revision goes on".to_owned(),
        }
    }

    fn concerns(&self) -> Vec<String> {
        let mut concerns = Vec::new();
        if self.registry.catalog().plugins().is_empty() {
            concerns.push(format!("no plugin is installed: {INSTALL}"));
        }
        for status in &self.scheduler.pipelines().entries {
            if !status.faults.is_empty() {
                let goes_on = self.goes_on(status.current.as_deref());
                concerns.push(match status.faults.len() {
                    1 => format!("pipeline `{}` has 1 fault{goes_on}", status.id),
                    several => format!("pipeline `{}` has {several} faults{goes_on}", status.id),
                });
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
        concerns.extend(self.watcher.status().iter().filter_map(kept_back));
        concerns.extend(self.disks.silent().iter().map(ToString::to_string));
        let health = self.scheduler.health();
        concerns.extend(
            health
                .intake_closed
                .iter()
                .map(|why| format!("no new files are taken: {why}")),
        );
        concerns.extend(health.obstacles.iter().map(held_up));
        if health.sandbox != "full" {
            concerns.push(format!(
                "workers are not fully sandboxed: {}",
                health.sandbox
            ));
        }
        concerns
    }

    /// Jobs that wait for a pipeline whose file is gone.
    fn stranded(&self, counts: &Counts) -> Vec<String> {
        let set = self.scheduler.pipelines();
        let is_gone = |id: &str| set.entries.iter().all(|entry| entry.id != id);
        let waiting = |states: &BTreeMap<String, u64>| -> u64 {
            let numbers = WAITING.iter().filter_map(|state| states.get(*state));
            numbers.sum()
        };
        let told = counts.iter().filter_map(|(pipeline, states)| {
            let number = waiting(states);
            (number > 0 && is_gone(pipeline)).then(|| stranded(pipeline, number))
        });
        told.collect()
    }

    async fn disk_free(&self) -> BTreeMap<String, u64> {
        let mut folders = vec![self.home.root().to_path_buf()];
        for status in &self.scheduler.pipelines().entries {
            folders.extend(status.current.iter().flat_map(|pipeline| {
                [pipeline.watch.folder.clone(), pipeline.output.root.clone()]
            }));
        }
        // One that does not answer keeps nobody waiting: what is known of it is told.
        let _ = tokio::time::timeout(PATIENCE, self.disks.ask(&folders)).await;
        let free = self.disks.free(&folders).into_iter();
        free.map(|(folder, bytes)| (folder.display().to_string(), bytes))
            .collect()
    }
}

fn by_state(counts: Counts) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (state, number) in counts.into_values().flatten() {
        *sums.entry(state).or_insert(0) += number;
    }
    sums
}

/// Files of a folder that somebody has to let us read or take.
fn kept_back(folder: &FolderStatus) -> Option<String> {
    let FolderStatus {
        files_kept_back: number,
        kept_back: one,
        pipeline,
        ..
    } = folder;
    let what = match number {
        0 => return None,
        1 => "1 file cannot be taken".to_owned(),
        several => format!("{several} files cannot be taken"),
    };
    let whose = format!("folder `{}` of pipeline `{pipeline}`", folder.folder);
    match one.as_str() {
        "" => Some(format!(
            "{whose}: {what} (`dropleaf explain FILE` says why)"
        )),
        one => Some(format!("{whose}: {what}, {one}")),
    }
}

fn held_up(obstacle: &Obstacle) -> String {
    let Obstacle {
        pipeline,
        code,
        detail,
        jobs,
    } = obstacle;
    let wait = match jobs {
        1 => format!("1 job of pipeline `{pipeline}` waits"),
        several => format!("{several} jobs of pipeline `{pipeline}` wait"),
    };
    format!(
        "{wait} for a folder (`{}`), tried again until it can be used: {detail}",
        code.as_str()
    )
}

fn stranded(pipeline: &str, number: u64) -> String {
    match number {
        1 => format!(
            "1 job of pipeline `{pipeline}`, which is gone, waits: put its file back, or cancel it (`dropleaf jobs --pipeline {pipeline} --state open`, `dropleaf cancel JOB`)"
        ),
        several => format!(
            "{several} jobs of pipeline `{pipeline}`, which is gone, wait: put its file back, or cancel them (`dropleaf jobs --pipeline {pipeline} --state open`, `dropleaf cancel JOB...`)"
        ),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows only floats")]
fn float(number: u64) -> f64 {
    number as f64
}
