//! The open jobs, and what would else have to be counted over all of them at every input: how many are busy, what their
//! attempts take, which one is due next. Every change goes through [`OpenJobs::change`], which keeps these true.

use crate::event::{Draft, Event};
use crate::job::event::{JobEvent, StepPlace};
use crate::job::id::JobId;
use crate::job::redo::Verdict;
use crate::job::state::{Job, State};
use crate::pipeline::checked::Pipeline;
use crate::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Memory that any job is taken to need, and how many times its size a document is taken to need.
const BASE_MEMORY: u64 = 64 << 20;
const MEMORY_PER_BYTE: u64 = 8;

/// What the hands are doing for a job, besides what its durable state says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing.
    Idle,
    /// Its file is being taken.
    Claiming,
    /// Its file could be neither taken nor put back, and is claimed again at this time.
    Stuck(Timestamp),
    /// An attempt runs.
    Attempt,
    /// Its attempt's outputs are being staged; the worker is free for another job.
    Staging,
    /// Its notes are being written.
    Preparing,
    /// Its moves are being made.
    Moving,
    /// A step of its end failed for reasons of the environment and is tried again at this time.
    Again(Timestamp),
}

/// An open job.
#[derive(Debug)]
pub(super) struct Live {
    /// Its durable state.
    pub(super) job: Job,
    /// What is done for it.
    pub(super) phase: Phase,
    /// Whether a person wants it to end.
    pub(super) cancelled: bool,
    /// The step of the running attempt that has begun and not ended.
    pub(super) at_work: Option<StepPlace>,
    /// The text that its attempt was started with, from then on until the job waits for another attempt or has ended.
    pub(super) text: Option<Arc<Pipeline>>,
    /// When its retry is due, while it waits for one; its state tells what was said when it began to wait.
    pub(super) due: Timestamp,
    /// How far the wall clock was moved back, less ahead, since the job was opened, in milliseconds. Its events go on by the
    /// time that it began with, so that no jump counts as time that it has waited or run.
    pub(super) steady: i64,
}

/// All open jobs.
#[derive(Debug, Default)]
pub(super) struct OpenJobs {
    jobs: HashMap<JobId, Live>,
    of: HashMap<String, usize>,
    busy: usize,
    attempts: BTreeSet<JobId>,
    memory: u64,
    /// How many are staging, of each pipeline that has any.
    staging: HashMap<String, usize>,
    due: BTreeSet<(Timestamp, JobId)>,
}

/// What one job adds to the counts.
#[derive(Clone, Copy, Default)]
struct Share {
    busy: bool,
    attempt: Option<u64>,
    staging: bool,
    due: Option<Timestamp>,
}

impl Share {
    fn of(live: &Live) -> Self {
        Self {
            busy: !matches!(live.phase, Phase::Idle | Phase::Again(_) | Phase::Stuck(_)),
            attempt: (live.phase == Phase::Attempt).then(|| memory(&live.job)),
            staging: live.phase == Phase::Staging,
            due: match (live.phase, &live.job.state) {
                (Phase::Again(at) | Phase::Stuck(at), _) => Some(at),
                (Phase::Idle, State::Waiting { .. }) => Some(live.due),
                _ => None,
            },
        }
    }
}

impl OpenJobs {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.jobs.len()
    }

    /// How many of them are the pipeline's.
    pub(super) fn count_of(&self, pipeline: &str) -> usize {
        self.of.get(pipeline).copied().unwrap_or(0)
    }

    /// How many have attempts or moves under way.
    pub(super) fn busy(&self) -> usize {
        self.busy
    }

    /// Whose attempts run.
    pub(super) fn attempts(&self) -> impl Iterator<Item = JobId> + '_ {
        self.attempts.iter().copied()
    }

    /// What the running attempts are taken to need.
    pub(super) fn memory(&self) -> u64 {
        self.memory
    }

    /// How many have outputs that are being staged.
    pub(super) fn staging(&self) -> usize {
        self.staging.values().sum()
    }

    /// Whether any of the pipeline's are among them.
    pub(super) fn is_staging(&self, pipeline: &str) -> bool {
        self.staging.contains_key(pipeline)
    }

    /// When the next one is due: a retry, or an end that could not be carried out.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Those whose time has come.
    pub(super) fn due(&self, now: Timestamp) -> Vec<JobId> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, id)| *id).collect()
    }

    /// One of them.
    pub(super) fn get(&self, id: JobId) -> Option<&Live> {
        self.jobs.get(&id)
    }

    /// Another open job of the pipeline about the same content. Looks at all of them.
    pub(super) fn twin(&self, id: JobId, pipeline: &str, blake3: &str) -> Option<JobId> {
        let same = self.jobs.values().filter(|live| {
            live.job.id != id
                && live.job.blake3.as_deref() == Some(blake3)
                && live.job.accepted.pipeline == pipeline
                && !live.cancelled
        });
        same.map(|live| live.job.id).min()
    }

    /// Adds one.
    pub(super) fn insert(&mut self, job: Job, phase: Phase) {
        let id = job.id;
        self.remove(id);
        let live = Live {
            due: due(&job),
            cancelled: job.decided.as_deref() == Some(&Verdict::Cancel),
            job,
            phase,
            at_work: None,
            text: None,
            steady: 0,
        };
        let share = Share::of(&live);
        self.count_in(id, share);
        let pipeline = live.job.accepted.pipeline.clone();
        self.count_staging(&pipeline, false, share.staging);
        *self.of.entry(pipeline).or_default() += 1;
        self.jobs.insert(id, live);
    }

    /// Takes one out: it has ended.
    pub(super) fn remove(&mut self, id: JobId) {
        if let Some(live) = self.jobs.remove(&id) {
            let share = Share::of(&live);
            self.count_out(id, share);
            let pipeline = &live.job.accepted.pipeline;
            self.count_staging(pipeline, share.staging, false);
            if let Some(count) = self.of.get_mut(pipeline) {
                *count -= 1;
                if *count == 0 {
                    self.of.remove(pipeline);
                }
            }
        }
    }

    /// Changes one.
    pub(super) fn change<T>(
        &mut self,
        id: JobId,
        change: impl FnOnce(&mut Live) -> T,
    ) -> Option<T> {
        let live = self.jobs.get_mut(&id)?;
        let before = Share::of(live);
        let changed = change(live);
        let after = Share::of(live);
        if before.staging != after.staging {
            let pipeline = live.job.accepted.pipeline.clone();
            self.count_staging(&pipeline, before.staging, after.staging);
        }
        self.count_out(id, before);
        self.count_in(id, after);
        Some(changed)
    }

    /// Says what the hands do for one from now on.
    pub(super) fn set_phase(&mut self, id: JobId, phase: Phase) {
        self.change(id, |live| live.phase = phase);
    }

    /// Changes a job by an event and gives it for the journal; an event that cannot be is dropped and said in the log.
    pub(super) fn record(
        &mut self,
        id: JobId,
        now: Timestamp,
        mut event: JobEvent,
    ) -> Option<Draft> {
        let live = self.jobs.get_mut(&id)?;
        if matches!(live.job.state, State::Waiting { .. }) {
            // It has neither stood in the queue nor run meanwhile: from here on it goes by the clock as it is.
            live.steady = 0;
        }
        let at = move_on(now, live.steady);
        let applied = self.change(id, |live| {
            if let JobEvent::Waiting(waiting) = &mut event {
                live.due = waiting.until;
                waiting.until = move_on(waiting.until, live.steady);
            }
            if matches!(event, JobEvent::Waiting(_) | JobEvent::Requeued(_)) {
                live.text = None;
            }
            live.job.apply(at, &event)
        });
        match applied? {
            Ok(()) => Some(Draft {
                at,
                event: Event::Job {
                    job: id,
                    what: event,
                },
            }),
            Err(impossible) => {
                tracing::error!(%impossible, "dropped an event");
                None
            }
        }
    }

    /// The wall clock was moved by so many milliseconds: who is due is due after the same time as before.
    pub(super) fn clock_moved(&mut self, by: i64) {
        for live in self.jobs.values_mut() {
            live.steady = live.steady.saturating_sub(by);
        }
        let waiting: Vec<JobId> = self.due.iter().map(|(_, id)| *id).collect();
        for id in waiting {
            self.change(id, |live| {
                live.due = move_on(live.due, by);
                if let Phase::Again(at) | Phase::Stuck(at) = &mut live.phase {
                    *at = move_on(*at, by);
                }
            });
        }
    }

    /// An earlier life said how long this one waits: longer than that from now on it need not, whatever the clock says.
    pub(super) fn wait_at_most(&mut self, id: JobId, now: Timestamp) {
        self.change(id, |live| {
            if let State::Waiting { until, .. } = &live.job.state {
                let delay = until.since(live.job.updated);
                live.due = live.due.min(now.plus(delay));
            }
        });
    }

    fn count_in(&mut self, id: JobId, share: Share) {
        self.busy += usize::from(share.busy);
        if let Some(memory) = share.attempt {
            self.memory += memory;
            self.attempts.insert(id);
        }
        if let Some(at) = share.due {
            self.due.insert((at, id));
        }
    }

    fn count_staging(&mut self, pipeline: &str, before: bool, after: bool) {
        match (before, after, self.staging.get_mut(pipeline)) {
            (false, true, Some(count)) => *count += 1,
            (false, true, None) => _ = self.staging.insert(pipeline.to_owned(), 1),
            (true, false, Some(count)) if *count > 1 => *count -= 1,
            (true, false, _) => _ = self.staging.remove(pipeline),
            (true, true, _) | (false, false, _) => {}
        }
    }

    fn count_out(&mut self, id: JobId, share: Share) {
        self.busy -= usize::from(share.busy);
        if let Some(memory) = share.attempt {
            self.memory -= memory;
            self.attempts.remove(&id);
        }
        if let Some(at) = share.due {
            self.due.remove(&(at, id));
        }
    }
}

fn move_on(at: Timestamp, by: i64) -> Timestamp {
    Timestamp(at.0.saturating_add(by))
}

/// When the job's retry is due, as its state has it.
fn due(job: &Job) -> Timestamp {
    match &job.state {
        State::Waiting { until, .. } => *until,
        _ => job.updated,
    }
}

/// What a job's attempt is taken to need.
pub(super) fn memory(job: &Job) -> u64 {
    BASE_MEMORY.max(job.accepted.identity.size.saturating_mul(MEMORY_PER_BYTE))
}
