//! What the journal's events add up to: how many jobs ended in each minute, which was the last, and how long steps take.
//!
//! Theory of operation. The numbers are kept in memory, so that asking for them costs nothing however long the journal is.
//! They begin with what the journal holds ([`Statistics::begin`]) and then hear every event as the feed does. Nothing here is
//! stored: after a restart the same numbers are made from the same journal.

pub mod hour;
mod pace;
mod running;

#[cfg(test)]
mod tests;

use crate::event::{Event, Stored};
use crate::job::event::JobEvent;
use crate::job::id::JobId;
use crate::job::redo::{MoveKind, Verdict};
use crate::job::state::Job;
use crate::statistics::hour::{Hour, Minute};
use crate::statistics::pace::Paces;
use crate::statistics::running::Running;
use crate::store::Store;
use crate::store::error::Error;
use crate::store::query::{JobQuery, Order};
use crate::time::Timestamp;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Jobs of one pipeline whose times are remembered.
const REMEMBERED: usize = 20;

/// A handle to the numbers.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    pipelines: BTreeMap<String, Sums>,
    running: HashMap<JobId, Running>,
    /// Pages and bytes of jobs that are being delivered.
    delivering: HashMap<JobId, (u64, u64)>,
}

/// What is known of one pipeline.
#[derive(Debug, Default)]
struct Sums {
    hour: Hour,
    last_succeeded: Option<Last>,
    last_failed: Option<Last>,
    /// Milliseconds at work of the last jobs that succeeded.
    runs: VecDeque<u64>,
    paces: Paces,
}

/// The last job that ended in some way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// Which.
    pub job: JobId,
    /// Its file's name.
    pub name: String,
    /// When it ended.
    pub at: Timestamp,
}

/// What a running step says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// The job.
    pub job: JobId,
    /// The step's place, from 0.
    pub index: u32,
    /// How much there is to do on all of the job's pages, in the step's own units; 0 where it is not known.
    pub total: u64,
    /// How long it still takes.
    pub left: Option<Duration>,
}

/// One pipeline's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The last one that succeeded.
    pub last_succeeded: Option<Last>,
    /// The last one that failed.
    pub last_failed: Option<Last>,
    /// The median of the last jobs' milliseconds at work.
    pub typical_ms: Option<u64>,
    /// The minutes of the last hour in which jobs ended, oldest first.
    pub minutes: Vec<Minute>,
}

impl Statistics {
    /// Begins with what the journal holds; to be called before anything happens.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn begin(&self, store: &Store, now: Timestamp) -> Result<(), Error> {
        let ended = store.ended_since(now.0 - hour::LENGTH).await?;
        for sum in ended {
            let mut state = self.state();
            state.sums(&sum.pipeline).hour.add(Minute::from(&sum));
        }
        for pipeline in store.counts().await?.into_keys() {
            let succeeded = of(store, &pipeline, "succeeded", REMEMBERED).await?;
            let failed = of(store, &pipeline, "failed", 1).await?;
            let mut state = self.state();
            let sums = state.sums(&pipeline);
            sums.last_succeeded = succeeded.first().map(last);
            sums.last_failed = failed.first().map(last);
            // Oldest first, as if they were seen to end.
            for job in succeeded.iter().rev() {
                sums.remember(job.ran_ms);
                let pages = job.bill.pages_in;
                for step in &job.steps {
                    sums.paces.add(&step.id, step.ms, pages, None);
                }
            }
        }
        Ok(())
    }

    /// Hears durable events, in order.
    pub fn observe(&self, events: &[Arc<Stored>]) {
        let mut state = self.state();
        for stored in events {
            if let (Event::Job { job, what }, Some(pipeline)) = (&stored.event, &stored.pipeline) {
                state.observe(stored, *job, pipeline, what);
            }
        }
    }

    /// Every pipeline that jobs have run through.
    #[must_use]
    pub fn summaries(&self, now: Timestamp) -> BTreeMap<String, Summary> {
        let state = self.state();
        let summary = |(id, sums): (&String, &Sums)| (id.clone(), sums.summary(now));
        state.pipelines.iter().map(summary).collect()
    }

    /// One pipeline.
    #[must_use]
    pub fn summary(&self, pipeline: &str, now: Timestamp) -> Summary {
        let state = self.state();
        let sums = state.pipelines.get(pipeline);
        sums.map(|sums| sums.summary(now)).unwrap_or_default()
    }

    /// How long a running job still takes, from what its pipeline's jobs took; `None` where that says nothing.
    #[must_use]
    pub fn left(&self, job: JobId, now: Timestamp) -> Option<Duration> {
        let state = self.state();
        let running = state.running.get(&job)?;
        let paces = &state.pipelines.get(&running.pipeline)?.paces;
        running.left(paces, now, None)
    }

    /// Hears how far a running job is, and says how long it still takes.
    #[must_use]
    pub fn hear(&self, said: &Said, now: Timestamp) -> Option<Duration> {
        let mut state = self.state();
        let State {
            running, pipelines, ..
        } = &mut *state;
        let running = running.get_mut(&said.job)?;
        running.hear(said.index, said.total);
        let paces = &pipelines.get(&running.pipeline)?.paces;
        running.left(paces, now, said.left)
    }

    /// The running jobs, with the time at which each should be done where that is known. The time stays the same while the job
    /// does what its like did.
    #[must_use]
    pub fn running(&self, now: Timestamp) -> BTreeMap<JobId, Option<Timestamp>> {
        let state = self.state();
        let expected = |(job, running): (&JobId, &Running)| {
            let paces = state
                .pipelines
                .get(&running.pipeline)
                .map(|sums| &sums.paces);
            (*job, paces.and_then(|paces| running.end(paces, now)))
        };
        state.running.iter().map(expected).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn of(store: &Store, pipeline: &str, state: &str, limit: usize) -> Result<Vec<Job>, Error> {
    let query = JobQuery {
        pipeline: Some(pipeline.to_owned()),
        states: vec![state.to_owned()],
        order: Order::Changed,
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
        ..JobQuery::default()
    };
    Ok(store.jobs(query).await?.jobs)
}

fn last(job: &Job) -> Last {
    Last {
        job: job.id,
        name: job.name(),
        at: job.updated,
    }
}

impl State {
    fn sums(&mut self, pipeline: &str) -> &mut Sums {
        self.pipelines.entry(pipeline.to_owned()).or_default()
    }

    fn observe(&mut self, stored: &Stored, job: JobId, pipeline: &str, what: &JobEvent) {
        match what {
            JobEvent::Started(started) => {
                let running = Running::new(pipeline, stored.at, &started.steps);
                self.running.insert(job, running);
            }
            JobEvent::Delivering(delivering) => {
                let original = delivering
                    .redo
                    .moves
                    .iter()
                    .find(|step| step.kind == MoveKind::Original);
                let bytes = original.map_or(0, |step| step.size);
                self.delivering
                    .insert(job, (delivering.bill.pages_in, bytes));
                if let (Some(running), Verdict::Succeed) =
                    (self.running.remove(&job), &delivering.redo.verdict)
                {
                    let sums = self.sums(pipeline);
                    sums.remember(running.ran_ms(stored.at));
                    for (step, ms, total) in running.taken() {
                        let pages = delivering.bill.pages_in;
                        sums.paces.add(step, ms, pages, total);
                    }
                }
            }
            JobEvent::Waiting(_) | JobEvent::Requeued(_) => {
                self.running.remove(&job);
            }
            JobEvent::Succeeded(_) | JobEvent::Failed(_) | JobEvent::Cancelled(_) => {
                self.running.remove(&job);
                self.end(stored, job, pipeline, what);
            }
            other => {
                if let Some(running) = self.running.get_mut(&job) {
                    running.observe(stored.at, other);
                }
            }
        }
    }

    fn end(&mut self, stored: &Stored, job: JobId, pipeline: &str, what: &JobEvent) {
        let (pages, bytes) = self.delivering.remove(&job).unwrap_or_default();
        let name = stored.path.as_ref().and_then(|path| path.0.file_name());
        let last = Some(Last {
            job,
            name: name.map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            at: stored.at,
        });
        let sums = self.sums(pipeline);
        let mut minute = Minute::at(stored.at);
        (minute.pages, minute.bytes) = (pages, bytes);
        match what {
            JobEvent::Succeeded(_) => {
                minute.succeeded = 1;
                sums.last_succeeded = last;
            }
            JobEvent::Failed(_) => {
                minute.failed = 1;
                sums.last_failed = last;
            }
            _ => minute.cancelled = 1,
        }
        sums.hour.add(minute);
    }
}

impl Sums {
    fn remember(&mut self, ran_ms: u64) {
        if self.runs.len() == REMEMBERED {
            self.runs.pop_front();
        }
        self.runs.push_back(ran_ms);
    }

    fn summary(&self, now: Timestamp) -> Summary {
        let mut runs: Vec<u64> = self.runs.iter().copied().collect();
        runs.sort_unstable();
        Summary {
            last_succeeded: self.last_succeeded.clone(),
            last_failed: self.last_failed.clone(),
            typical_ms: runs.get(runs.len() / 2).copied(),
            minutes: self.hour.minutes(now),
        }
    }
}
