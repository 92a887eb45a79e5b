//! Every rule about jobs: (state, input, now) -> (events, actions). Reads no clock, touches no file, never waits.
//!
//! Longer than our files are: the rules share one state, and are easier to hold against each other side by side.

use crate::event::{DaemonEvent, Draft, Event, PipelineEvent};
use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::event::{
    Accepted, Delivering, Ended, JobEvent, Queued, RequeueReason, Requeued, Waiting, Warned,
};
use crate::job::id::JobId;
use crate::job::redo::{Delivered, Redo, Verdict};
use crate::job::state::{Job, State};
use crate::pipeline::checked::{Duplicates, Pipeline};
use crate::problem::{Code, Problem};
use crate::scheduler::fair::Turns;
use crate::scheduler::input::{Action, ClaimFailure, Decision, EndOf, Input, Start};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Crashes after which a job fails: one retry.
const CRASHES: u32 = 2;
/// Interruptions in a row after which a job fails.
const INTERRUPTIONS: u32 = 3;
/// Open jobs beyond which files stay in their inboxes: they are as safe there, and cost no memory.
const MOST_OPEN: usize = 5_000;
/// How long a job waits when the disk is full or a folder is blocked.
const ENVIRONMENT_PAUSE: Duration = Duration::from_secs(10);
/// Memory that any job is taken to need, and how many times its size a document is taken to need.
const BASE_MEMORY: u64 = 64 << 20;
const MEMORY_PER_BYTE: u64 = 8;

/// What the decider knows.
#[derive(Debug)]
pub struct Scheduler {
    capacity: usize,
    memory: u64,
    pipelines: BTreeMap<String, Known>,
    jobs: HashMap<JobId, Live>,
    ready: BTreeMap<String, BTreeSet<JobId>>,
    waiting: BTreeSet<(Timestamp, JobId)>,
    turns: Turns,
    intake_closed: Option<String>,
    draining: bool,
}

#[derive(Debug, Default)]
struct Known {
    current: Option<Arc<Pipeline>>,
    paused: Option<String>,
    running: u32,
}

#[derive(Debug)]
struct Live {
    job: Job,
    phase: Phase,
    cancelled: bool,
}

/// What the hands are doing for a job, besides what its durable state says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing.
    Idle,
    /// Its file is being taken.
    Claiming,
    /// An attempt runs.
    Attempt,
    /// Its notes are being written.
    Preparing,
    /// Its moves are being made.
    Moving,
    /// A step of its end failed for reasons of the environment and is tried again at this time.
    Again(Timestamp),
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such open job.
    Unknown,
    /// The job cannot do that now.
    Conflict(String),
}

impl Scheduler {
    /// A decider for so many attempts at once and so much memory for all of them.
    #[must_use]
    pub fn new(capacity: usize, memory: u64) -> Self {
        Self {
            capacity,
            memory,
            pipelines: BTreeMap::new(),
            jobs: HashMap::new(),
            ready: BTreeMap::new(),
            waiting: BTreeSet::new(),
            turns: Turns::default(),
            intake_closed: None,
            draining: false,
        }
    }

    /// Takes over the open jobs of an earlier life and repairs each by the one rule of its state.
    pub fn recover(
        &mut self,
        jobs: Vec<Job>,
        paused: Vec<(String, String)>,
        now: Timestamp,
    ) -> Decision {
        let mut decision = Decision::default();
        for (pipeline, reason) in paused {
            self.pipelines.entry(pipeline).or_default().paused = Some(reason);
        }
        for job in jobs {
            self.recover_one(job, now, &mut decision);
        }
        decision
    }

    fn recover_one(&mut self, job: Job, now: Timestamp, decision: &mut Decision) {
        let id = job.id;
        let state = job.state.clone();
        self.jobs.insert(
            id,
            Live {
                job,
                phase: Phase::Idle,
                cancelled: false,
            },
        );
        match state {
            State::Claiming => {
                let accepted = self.jobs[&id].job.accepted.clone();
                self.set_phase(id, Phase::Claiming);
                decision.actions.push(Action::Claim {
                    job: id,
                    accepted: Box::new(accepted),
                });
            }
            State::Queued { .. } => self.enqueue(id),
            State::Running { .. } => {
                self.record(
                    id,
                    now,
                    JobEvent::Requeued(Requeued {
                        why: RequeueReason::Interrupted,
                    }),
                    decision,
                );
                if self.jobs[&id].job.interruptions >= INTERRUPTIONS {
                    let problem = Problem::new(
                        Code::Interrupted,
                        format!("the daemon stopped or died {INTERRUPTIONS} times in a row while it worked on this file"),
                    )
                    .hint("look at the daemon's log for the reason, then retry the job");
                    self.fail(id, problem, decision);
                } else {
                    self.enqueue(id);
                }
            }
            State::Waiting { until, .. } => {
                self.waiting.insert((until, id));
            }
            State::Delivering { redo } => {
                self.set_phase(id, Phase::Moving);
                decision.actions.push(Action::Redo { job: id, redo });
            }
            State::Succeeded | State::Failed | State::Cancelled => {
                self.jobs.remove(&id);
            }
        }
    }

    /// The one function: what follows from `input`.
    pub fn decide(&mut self, input: Input, now: Timestamp) -> Decision {
        let mut decision = Decision::default();
        match input {
            Input::Arrival { job, accepted } => self.arrived(job, *accepted, now, &mut decision),
            Input::Claimed { job, result } => self.claimed(job, result, now, &mut decision),
            Input::Told { job, event } => self.told(job, event, now, &mut decision),
            Input::AttemptEnded { job, result } => {
                self.attempt_ended(job, result, now, &mut decision)
            }
            Input::Prepared { job, result } => self.prepared(job, result, now, &mut decision),
            Input::Redone { job, result } => self.redone(job, result, now, &mut decision),
            Input::Reclaimed { job } => self.reclaimed(job, now, &mut decision),
            Input::Cancel { job } => self.cancel(job, &mut decision),
            Input::Pause { pipeline, reason } => self.pause(pipeline, reason, now, &mut decision),
            Input::Pipelines(pipelines) => self.replace_pipelines(pipelines),
            Input::Intake { closed } => self.set_intake(closed, now, &mut decision),
            Input::Tick => {}
            Input::Drain => {
                self.draining = true;
                decision
                    .events
                    .push(draft(now, Event::Daemon(DaemonEvent::Draining)));
            }
            Input::Interrupt => self.interrupt(&mut decision),
        }
        self.wake_waiting(now, &mut decision);
        self.start_what_fits(&mut decision);
        decision
    }

    /// When `Tick` is due next, if nothing else happens.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let waiting = self.waiting.first().map(|(until, _)| *until);
        let again = self.jobs.values().filter_map(|live| match live.phase {
            Phase::Again(at) => Some(at),
            _ => None,
        });
        waiting.into_iter().chain(again).min()
    }

    /// Open jobs whose attempts or moves are under way.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.jobs
            .values()
            .filter(|live| !matches!(live.phase, Phase::Idle | Phase::Again(_)))
            .count()
    }

    /// An open job.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id).map(|live| &live.job)
    }

    /// Whether an open job can be cancelled.
    ///
    /// # Errors
    /// It is not open, or past the point of no return.
    pub fn can_cancel(&self, id: JobId) -> Result<(), Refusal> {
        let live = self.jobs.get(&id).ok_or(Refusal::Unknown)?;
        if matches!(live.phase, Phase::Preparing | Phase::Moving)
            || matches!(live.job.state, State::Delivering { .. })
        {
            return Err(Refusal::Conflict(
                "its outputs are being delivered; it cannot be cancelled any more".to_owned(),
            ));
        }
        Ok(())
    }

    /// Whether a person said that an open job is to be cancelled.
    #[must_use]
    pub fn is_cancelled(&self, id: JobId) -> bool {
        self.jobs.get(&id).is_some_and(|live| live.cancelled)
    }

    /// Why no new files are taken.
    #[must_use]
    pub fn intake_closed(&self) -> Option<&str> {
        self.intake_closed.as_deref()
    }

    /// The reason why a pipeline is paused.
    #[must_use]
    pub fn paused(&self, pipeline: &str) -> Option<&str> {
        self.pipelines
            .get(pipeline)
            .and_then(|known| known.paused.as_deref())
    }

    /// Jobs in the queue, and those of them that come before this one in its pipeline.
    #[must_use]
    pub fn place_in_queue(&self, id: JobId) -> Option<usize> {
        let pipeline = &self.jobs.get(&id)?.job.accepted.pipeline;
        let ready = self.ready.get(pipeline)?;
        ready.contains(&id).then(|| ready.range(..id).count())
    }

    /// Why a queued job does not start, in plain words.
    #[must_use]
    pub fn why_queued(&self, id: JobId) -> Option<String> {
        let live = self.jobs.get(&id)?;
        let name = &live.job.accepted.pipeline;
        let known = self.pipelines.get(name);
        let ahead = self.place_in_queue(id)?;
        Some(match known {
            _ if self.draining => "the daemon is shutting down".to_owned(),
            None => format!(
                "there is no pipeline `{name}` any more: put its file back, or cancel the job"
            ),
            Some(Known { current: None, .. }) => {
                format!("pipeline `{name}` has faults or is gone, and no good revision is known")
            }
            Some(Known {
                paused: Some(reason),
                ..
            }) => format!("pipeline `{name}` is paused: {reason}"),
            Some(Known {
                current: Some(pipeline),
                running,
                ..
            }) if *running >= pipeline.concurrency => {
                format!(
                    "{running} jobs of pipeline `{name}` are running, as many as its `concurrency` allows; {ahead} are before this one"
                )
            }
            Some(_) if self.running() >= self.capacity => {
                format!(
                    "all {} workers are busy; {ahead} jobs of pipeline `{name}` are before this one",
                    self.capacity
                )
            }
            Some(_) => format!(
                "it waits for memory; {ahead} jobs of pipeline `{name}` are before this one"
            ),
        })
    }

    /// Adds an open job whose original was fetched back, before `Reclaimed` says so.
    pub fn adopt(&mut self, job: Job) {
        self.jobs.insert(
            job.id,
            Live {
                job,
                phase: Phase::Claiming,
                cancelled: false,
            },
        );
    }

    fn running(&self) -> usize {
        self.pipelines
            .values()
            .map(|known| known.running as usize)
            .sum()
    }

    fn arrived(&mut self, id: JobId, accepted: Accepted, now: Timestamp, decision: &mut Decision) {
        let gone = self
            .pipelines
            .get(&accepted.pipeline)
            .is_none_or(|known| known.current.is_none());
        if self.draining || gone || self.intake_closed.is_some() || self.jobs.len() >= MOST_OPEN {
            decision.actions.push(Action::Declined {
                pipeline: accepted.pipeline,
                path: accepted.path,
                changed: false,
            });
            return;
        }
        let job = Job::new(id, now, accepted.clone());
        self.jobs.insert(
            id,
            Live {
                job,
                phase: Phase::Claiming,
                cancelled: false,
            },
        );
        decision.events.push(draft(
            now,
            Event::Job {
                job: id,
                what: JobEvent::Accepted(Box::new(accepted.clone())),
            },
        ));
        decision.actions.push(Action::Claim {
            job: id,
            accepted: Box::new(accepted),
        });
    }

    fn claimed(
        &mut self,
        id: JobId,
        result: Result<Queued, ClaimFailure>,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let Some(live) = self.jobs.get(&id) else {
            return;
        };
        let (pipeline, path) = (
            live.job.accepted.pipeline.clone(),
            live.job.accepted.path.clone(),
        );
        match result {
            Ok(mut queued) => {
                let twin = || self.twin(id, &pipeline, &queued.blake3);
                queued.duplicate_of = queued.duplicate_of.or_else(twin);
                let duplicate = queued.duplicate_of;
                self.record(id, now, JobEvent::Queued(queued), decision);
                decision.actions.push(Action::Taken {
                    pipeline: pipeline.clone(),
                    path,
                });
                self.set_phase(id, Phase::Idle);
                let rule = self.current(&pipeline).map(|current| current.duplicates);
                match (duplicate, rule) {
                    _ if self.jobs[&id].cancelled => self.prepare_cancel(id, decision),
                    (Some(earlier), Some(Duplicates::Fail)) => {
                        let problem = Problem::new(
                            Code::Duplicate,
                            format!("the same content was processed before, by job {earlier}"),
                        )
                        .hint("set `duplicates: process` in the pipeline to allow it");
                        self.fail(id, problem, decision);
                    }
                    (Some(earlier), Some(Duplicates::Skip)) => {
                        self.skip_duplicate(id, earlier, now, decision)
                    }
                    _ => self.enqueue(id),
                }
            }
            Err(failure) => {
                self.record(id, now, JobEvent::Cancelled(Ended::default()), decision);
                self.jobs.remove(&id);
                match failure {
                    ClaimFailure::Vanished => {
                        decision.actions.push(Action::Taken { pipeline, path })
                    }
                    ClaimFailure::Changed => decision.actions.push(Action::Declined {
                        pipeline,
                        path,
                        changed: true,
                    }),
                    ClaimFailure::Later(_) => decision.actions.push(Action::Declined {
                        pipeline,
                        path,
                        changed: false,
                    }),
                }
            }
        }
    }

    /// An open job about the same content: the journal may not know its hash yet.
    fn twin(&self, id: JobId, pipeline: &str, blake3: &str) -> Option<JobId> {
        let same = self.jobs.values().filter(|live| {
            live.job.id != id
                && live.job.blake3.as_deref() == Some(blake3)
                && live.job.accepted.pipeline == pipeline
                && live.job.duplicate_of.is_none()
                && !live.cancelled
        });
        same.map(|live| live.job.id).min()
    }

    fn skip_duplicate(
        &mut self,
        id: JobId,
        earlier: JobId,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let message = format!("skipped: the same content was processed before, by job {earlier}");
        self.record(
            id,
            now,
            JobEvent::Warned(Warned {
                step: None,
                code: "duplicate-skipped".to_owned(),
                message,
            }),
            decision,
        );
        let Some(pipeline) = self.current(&self.jobs[&id].job.accepted.pipeline) else {
            return self.enqueue(id);
        };
        let about = EndOf {
            job: self.jobs[&id].job.clone(),
            problem: None,
            failed: pipeline.failed.clone(),
            archive: Some(pipeline.original.clone()),
        };
        self.set_phase(id, Phase::Preparing);
        decision.actions.push(Action::PrepareEnd {
            job: id,
            about: Box::new(about),
        });
    }

    fn told(&mut self, id: JobId, event: JobEvent, now: Timestamp, decision: &mut Decision) {
        if self.jobs.get(&id).is_some_and(|live| {
            live.phase == Phase::Attempt || matches!(event, JobEvent::Warned(_))
        }) {
            self.record(id, now, event, decision);
        }
    }

    fn attempt_ended(
        &mut self,
        id: JobId,
        result: Result<(Redo, Bill), Failure>,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let Some(live) = self.jobs.get(&id) else {
            return;
        };
        if live.phase != Phase::Attempt {
            return;
        }
        let pipeline = live.job.accepted.pipeline.clone();
        if let Some(known) = self.pipelines.get_mut(&pipeline) {
            known.running = known.running.saturating_sub(1);
        }
        self.set_phase(id, Phase::Idle);
        let cancelled = self.jobs[&id].cancelled;
        match result {
            Ok((redo, bill)) => self.deliver(id, redo, bill, now, decision),
            Err(_) if cancelled => self.prepare_cancel(id, decision),
            // Stopped without a person's word: the daemon is shutting down.
            Err(Failure {
                ending: Ending::Cancelled,
                problem,
            }) => {
                self.after_failure(
                    id,
                    Failure {
                        ending: Ending::Interrupted,
                        problem,
                    },
                    now,
                    decision,
                );
            }
            Err(failure) => self.after_failure(id, failure, now, decision),
        }
    }

    fn after_failure(
        &mut self,
        id: JobId,
        failure: Failure,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let job = &self.jobs[&id].job;
        let Some(pipeline) = self.current(&job.accepted.pipeline) else {
            return self.wait(id, failure, now.plus(ENVIRONMENT_PAUSE), now, decision);
        };
        match failure.ending {
            Ending::Interrupted if self.draining => {
                self.record(
                    id,
                    now,
                    JobEvent::Requeued(Requeued {
                        why: RequeueReason::Interrupted,
                    }),
                    decision,
                );
                self.enqueue(id);
            }
            Ending::Interrupted if job.interruptions + 1 >= INTERRUPTIONS => {
                self.fail(id, failure.problem, decision)
            }
            Ending::Interrupted | Ending::Environment => {
                self.wait(id, failure, now.plus(ENVIRONMENT_PAUSE), now, decision);
            }
            Ending::Rejected | Ending::Cancelled => self.fail(id, failure.problem, decision),
            _ if failure.problem.code.is_permanent() => self.fail(id, failure.problem, decision),
            Ending::Crashed if job.crashes >= CRASHES => self.fail(id, failure.problem, decision),
            Ending::Crashed | Ending::Failed | Ending::TimedOut => {
                let tried = job.counted + 1;
                if tried >= pipeline.retry.attempts {
                    self.fail(id, failure.problem, decision);
                } else {
                    let pause = backoff(pipeline.retry.backoff, pipeline.retry.max_backoff, tried);
                    self.wait(id, failure, now.plus(pause), now, decision);
                }
            }
        }
    }

    fn wait(
        &mut self,
        id: JobId,
        failure: Failure,
        until: Timestamp,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        self.record(
            id,
            now,
            JobEvent::Waiting(Waiting { failure, until }),
            decision,
        );
        self.waiting.insert((until, id));
    }

    fn deliver(
        &mut self,
        id: JobId,
        redo: Redo,
        bill: Bill,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        self.record(
            id,
            now,
            JobEvent::Delivering(Delivering {
                redo: redo.clone(),
                bill,
            }),
            decision,
        );
        self.set_phase(id, Phase::Moving);
        decision.actions.push(Action::Redo { job: id, redo });
    }

    fn prepared(
        &mut self,
        id: JobId,
        result: Result<Redo, Problem>,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let Some(live) = self.jobs.get(&id) else {
            return;
        };
        let bill = live.job.bill.clone();
        match result {
            Ok(redo) => self.deliver(id, redo, bill, now, decision),
            Err(problem) => self.try_end_again(id, &problem, now, decision),
        }
    }

    fn redone(
        &mut self,
        id: JobId,
        result: Result<Vec<Delivered>, Problem>,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let Some(live) = self.jobs.get(&id) else {
            return;
        };
        let State::Delivering { redo } = &live.job.state else {
            return;
        };
        let verdict = redo.verdict.clone();
        match result {
            Ok(delivered) => {
                for written in delivered.iter().filter(|written| written.path.is_some()) {
                    self.record(
                        id,
                        now,
                        JobEvent::ArtifactWritten(written.clone()),
                        decision,
                    );
                }
                let problem = match &verdict {
                    Verdict::Fail { problem } => Some(problem.clone()),
                    Verdict::Succeed | Verdict::Cancel => None,
                };
                let ended = Ended { delivered, problem };
                let last = match verdict {
                    Verdict::Succeed => JobEvent::Succeeded(ended),
                    Verdict::Fail { .. } => JobEvent::Failed(ended),
                    Verdict::Cancel => JobEvent::Cancelled(ended),
                };
                self.record(id, now, last, decision);
                self.jobs.remove(&id);
            }
            Err(problem) => self.try_end_again(id, &problem, now, decision),
        }
    }

    /// The end of a job could not be carried out (disk full, folder blocked): said once, tried again until it can.
    fn try_end_again(
        &mut self,
        id: JobId,
        problem: &Problem,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let message = format!(
            "{}; trying again every {} s",
            problem.detail,
            ENVIRONMENT_PAUSE.as_secs()
        );
        if !self.jobs[&id].job.warnings.contains(&message) {
            let code = problem.code.as_str().to_owned();
            self.record(
                id,
                now,
                JobEvent::Warned(Warned {
                    step: None,
                    code,
                    message,
                }),
                decision,
            );
        }
        self.set_phase(id, Phase::Again(now.plus(ENVIRONMENT_PAUSE)));
    }

    fn reclaimed(&mut self, id: JobId, now: Timestamp, decision: &mut Decision) {
        let why = RequeueReason::Asked;
        self.record(id, now, JobEvent::Requeued(Requeued { why }), decision);
        self.set_phase(id, Phase::Idle);
        self.enqueue(id);
    }

    fn cancel(&mut self, id: JobId, decision: &mut Decision) {
        if self.can_cancel(id).is_err() {
            return;
        }
        let Some(live) = self.jobs.get_mut(&id) else {
            return;
        };
        live.cancelled = true;
        match live.phase {
            Phase::Claiming | Phase::Preparing | Phase::Moving => {}
            Phase::Attempt => decision.actions.push(Action::StopAttempt { job: id }),
            Phase::Idle | Phase::Again(_) => {
                self.dequeue(id);
                self.prepare_cancel(id, decision);
            }
        }
    }

    fn pause(
        &mut self,
        pipeline: String,
        reason: Option<String>,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let Some(known) = self.pipelines.get_mut(&pipeline) else {
            return;
        };
        if known.paused == reason {
            return;
        }
        known.paused.clone_from(&reason);
        let what = match reason {
            Some(reason) => PipelineEvent::Paused { reason },
            None => PipelineEvent::Resumed,
        };
        decision
            .events
            .push(draft(now, Event::Pipeline { pipeline, what }));
    }

    fn replace_pipelines(&mut self, pipelines: Vec<Arc<Pipeline>>) {
        for known in self.pipelines.values_mut() {
            known.current = None;
        }
        for pipeline in pipelines {
            let known = self.pipelines.entry(pipeline.id.clone()).or_default();
            known.current = Some(pipeline);
        }
        self.pipelines.retain(|_, known| {
            known.current.is_some() || known.running > 0 || known.paused.is_some()
        });
        let pipelines = &self.pipelines;
        self.turns.retain(|name| pipelines.contains_key(name));
    }

    fn set_intake(&mut self, closed: Option<String>, now: Timestamp, decision: &mut Decision) {
        if self.intake_closed == closed {
            return;
        }
        let open = closed.is_none();
        let reason = closed
            .clone()
            .unwrap_or_else(|| "the reason is gone".to_owned());
        self.intake_closed = closed;
        decision.events.push(draft(
            now,
            Event::Daemon(DaemonEvent::Intake { open, reason }),
        ));
    }

    fn interrupt(&mut self, decision: &mut Decision) {
        self.draining = true;
        let running = self
            .jobs
            .iter()
            .filter(|(_, live)| live.phase == Phase::Attempt);
        decision
            .actions
            .extend(running.map(|(id, _)| Action::StopAttempt { job: *id }));
    }

    fn wake_waiting(&mut self, now: Timestamp, decision: &mut Decision) {
        while let Some(&(until, id)) = self.waiting.first() {
            if until > now {
                break;
            }
            self.waiting.remove(&(until, id));
            if self
                .jobs
                .get(&id)
                .is_some_and(|live| matches!(live.job.state, State::Waiting { .. }))
            {
                self.record(
                    id,
                    now,
                    JobEvent::Requeued(Requeued {
                        why: RequeueReason::Due,
                    }),
                    decision,
                );
                self.enqueue(id);
            }
        }
        let due: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(_, live)| matches!(live.phase, Phase::Again(at) if at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.end_again(id, decision);
        }
    }

    fn end_again(&mut self, id: JobId, decision: &mut Decision) {
        match self.jobs[&id].job.state.clone() {
            State::Delivering { redo } => {
                self.set_phase(id, Phase::Moving);
                decision.actions.push(Action::Redo { job: id, redo });
            }
            _ if self.jobs[&id].cancelled => self.prepare_cancel(id, decision),
            _ => {
                let problem = self.jobs[&id].job.problem.clone();
                let problem = problem.unwrap_or_else(|| {
                    Problem::new(Code::Internal, "the job ended without a reason")
                });
                self.fail(id, problem, decision);
            }
        }
    }

    fn fail(&mut self, id: JobId, problem: Problem, decision: &mut Decision) {
        self.prepare_end(id, Some(problem), decision);
    }

    fn prepare_cancel(&mut self, id: JobId, decision: &mut Decision) {
        self.prepare_end(id, None, decision);
    }

    fn prepare_end(&mut self, id: JobId, problem: Option<Problem>, decision: &mut Decision) {
        let failed = self.failed_folder(id);
        let Some(live) = self.jobs.get_mut(&id) else {
            return;
        };
        live.phase = Phase::Preparing;
        if problem.is_some() {
            live.job.problem.clone_from(&problem);
        }
        let about = EndOf {
            job: live.job.clone(),
            problem,
            failed,
            archive: None,
        };
        decision.actions.push(Action::PrepareEnd {
            job: id,
            about: Box::new(about),
        });
    }

    /// A pipeline that is gone leaves its jobs' originals beside its old inbox rather than nowhere.
    fn failed_folder(&self, id: JobId) -> std::path::PathBuf {
        let accepted = &self.jobs[&id].job.accepted;
        match self.current(&accepted.pipeline) {
            Some(pipeline) => pipeline.failed.clone(),
            None => accepted.folder.0.join(".dropleaf").join("failed"),
        }
    }

    fn current(&self, pipeline: &str) -> Option<Arc<Pipeline>> {
        self.pipelines
            .get(pipeline)
            .and_then(|known| known.current.clone())
    }

    fn enqueue(&mut self, id: JobId) {
        let pipeline = self.jobs[&id].job.accepted.pipeline.clone();
        self.ready.entry(pipeline).or_default().insert(id);
    }

    fn dequeue(&mut self, id: JobId) {
        let job = &self.jobs[&id].job;
        if let Some(ready) = self.ready.get_mut(&job.accepted.pipeline) {
            ready.remove(&id);
        }
        if let State::Waiting { until, .. } = job.state {
            self.waiting.remove(&(until, id));
        }
    }

    fn start_what_fits(&mut self, decision: &mut Decision) {
        if self.draining {
            return;
        }
        let mut used: u64 = self
            .jobs
            .values()
            .filter(|live| live.phase == Phase::Attempt)
            .map(|live| memory(&live.job))
            .sum();
        let mut free = self.capacity.saturating_sub(self.running());
        let mut too_large: BTreeSet<String> = BTreeSet::new();
        while free > 0 {
            let candidates = self.ready.iter().filter(|(name, ready)| {
                !ready.is_empty()
                    && !too_large.contains(*name)
                    && self.pipelines.get(*name).is_some_and(Known::may_start)
            });
            let Some(name) = self
                .turns
                .next(candidates.map(|(name, _)| name.as_str()))
                .map(str::to_owned)
            else {
                break;
            };
            // Small jobs pass a large one that does not fit; alone, any job runs.
            let fits = self.ready[&name]
                .iter()
                .copied()
                .find(|id| used == 0 || used + memory(&self.jobs[id].job) <= self.memory);
            let Some(id) = fits else {
                too_large.insert(name);
                continue;
            };
            used += memory(&self.jobs[&id].job);
            free -= 1;
            self.start(id, &name, decision);
        }
        self.ready.retain(|_, ready| !ready.is_empty());
    }

    fn start(&mut self, id: JobId, name: &str, decision: &mut Decision) {
        let Some(pipeline) = self.current(name) else {
            return;
        };
        self.dequeue(id);
        self.turns.took(name, pipeline.priority);
        if let Some(known) = self.pipelines.get_mut(name) {
            known.running += 1;
        }
        let job = &self.jobs[&id].job;
        let start = Start {
            job: id,
            attempt: job.attempts + 1,
            pipeline,
            accepted: job.accepted.clone(),
            blake3: job.blake3.clone().unwrap_or_default(),
            created: job.created,
        };
        self.set_phase(id, Phase::Attempt);
        decision.actions.push(Action::Start(Box::new(start)));
    }

    fn set_phase(&mut self, id: JobId, phase: Phase) {
        if let Some(live) = self.jobs.get_mut(&id) {
            live.phase = phase;
        }
    }

    /// Changes the job and notes the event for the journal; an event that cannot be is dropped and said in the log.
    fn record(&mut self, id: JobId, now: Timestamp, event: JobEvent, decision: &mut Decision) {
        let Some(live) = self.jobs.get_mut(&id) else {
            return;
        };
        match live.job.apply(now, &event) {
            Ok(()) => decision.events.push(draft(
                now,
                Event::Job {
                    job: id,
                    what: event,
                },
            )),
            Err(impossible) => tracing::error!(%impossible, "dropped an event"),
        }
    }
}

impl Known {
    fn may_start(&self) -> bool {
        self.paused.is_none()
            && self
                .current
                .as_ref()
                .is_some_and(|pipeline| self.running < pipeline.concurrency)
    }
}

fn draft(at: Timestamp, event: Event) -> Draft {
    Draft { at, event }
}

fn memory(job: &Job) -> u64 {
    BASE_MEMORY.max(job.accepted.identity.size.saturating_mul(MEMORY_PER_BYTE))
}

/// `first`, doubled for each further failure, at most `most`.
fn backoff(first: Duration, most: Duration, failures: u32) -> Duration {
    let factor = 1_u32
        .checked_shl(failures.saturating_sub(1))
        .unwrap_or(u32::MAX);
    first.checked_mul(factor).unwrap_or(most).min(most)
}

#[cfg(test)]
mod tests;
