//! Which job's attempt starts when, what it tells, and what follows from how it ended.

use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::event::{GivenUp, JobEvent, RequeueReason, Requeued, StepPlace, Waiting};
use crate::job::id::JobId;
use crate::job::redo::Redo;
use crate::job::state::State;
use crate::scheduler::decide::ending::ENVIRONMENT_PAUSE;
use crate::scheduler::decide::obstacles;
use crate::scheduler::decide::open::{self, Phase};
use crate::scheduler::decide::state::{Known, Scheduler};
use crate::scheduler::giving_up::{self, CRASHES, Loss};
use crate::scheduler::input::{Action, Decision, Start};
use crate::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Deaths of the daemon in a row after which a job fails that was at work each time.
pub(super) const INTERRUPTIONS: u32 = 3;
/// For each worker so many jobs may be staging their outputs.
const STAGING: usize = 4;
/// So many of a pipeline's oldest jobs are looked at for one that fits into the memory that is left.
const LOOK_AHEAD: usize = 64;

impl Scheduler {
    pub(super) fn told(
        &mut self,
        id: JobId,
        event: JobEvent,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        if self.open.get(id).is_some_and(|live| {
            live.phase == Phase::Attempt || matches!(event, JobEvent::Warned(_))
        }) {
            self.follow_steps(id, &event);
            self.record(id, now, event, decision);
        }
    }

    /// Keeps in mind which step is at work.
    fn follow_steps(&mut self, id: JobId, event: &JobEvent) {
        let at_work = match event {
            JobEvent::StepStarted(place) => Some(place.clone()),
            JobEvent::Started(_)
            | JobEvent::StepFinished(_)
            | JobEvent::StepFailed(_)
            | JobEvent::StepSkipped(_) => None,
            _ => return,
        };
        self.open.change(id, |live| live.at_work = at_work);
    }

    /// The job's worker is free for another one.
    pub(super) fn worker_done(&mut self, id: JobId) {
        let Some(live) = self.open.get(id) else {
            return;
        };
        if live.phase != Phase::Attempt {
            return;
        }
        if let Some(known) = self.pipelines.get_mut(&live.job.accepted.pipeline) {
            known.running = known.running.saturating_sub(1);
        }
        self.set_phase(id, Phase::Staging);
    }

    pub(super) fn attempt_ended(
        &mut self,
        id: JobId,
        result: Result<(Redo, Bill), Failure>,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        self.worker_done(id);
        let Some(live) = self.open.get(id) else {
            return;
        };
        if live.phase != Phase::Staging {
            return;
        }
        let cancelled = live.cancelled;
        let at_work = self.open.change(id, |live| {
            live.phase = Phase::Idle;
            live.at_work.take()
        });
        let at_work = at_work.flatten();
        if !matches!(&result, Err(failure) if failure.ending == Ending::Environment) {
            self.obstacles.leave(id);
        }
        match result {
            Ok((redo, _)) if cancelled => self.cancel_staged(id, redo, decision),
            Ok((redo, bill)) => self.deliver(id, redo, bill, now, decision),
            Err(_) if cancelled => self.prepare_cancel(id, decision),
            // Stopped without a person's word: the daemon is shutting down.
            Err(Failure {
                ending: Ending::Cancelled,
                problem,
            }) => {
                let ending = Ending::Interrupted;
                self.after_failure(id, Failure { ending, problem }, now, decision);
            }
            Err(failure) => match self.step_to_give_up(id, &failure, at_work.as_ref()) {
                Some(given_up) => self.give_up(id, given_up, now, decision),
                None => self.after_failure(id, failure, now, decision),
            },
        }
    }

    /// The step that the job can go on without, where nothing else is left to try.
    fn step_to_give_up(
        &self,
        id: JobId,
        failure: &Failure,
        at_work: Option<&StepPlace>,
    ) -> Option<GivenUp> {
        let live = self.open.get(id)?;
        let (job, text) = (&live.job, live.text.as_ref()?);
        let current = self.current(&job.accepted.pipeline)?;
        // Another revision may do better: it is tried as after any failure.
        if text.revision != current.revision {
            return None;
        }
        let loss = Loss {
            pipeline: text,
            given_up: &job.given_up,
            at_work,
            failure,
        };
        if loss.may_be_bad_luck(job.crashes, job.counted + 1) {
            return None;
        }
        loss.step_to_give_up()
    }

    /// The job begins again at once, without the step.
    fn give_up(&mut self, id: JobId, given_up: GivenUp, now: Timestamp, decision: &mut Decision) {
        let warned = JobEvent::Warned(giving_up::warning(&given_up));
        self.record(id, now, warned, decision);
        let requeued = JobEvent::Requeued(Requeued::without(given_up));
        self.record(id, now, requeued, decision);
        self.enqueue(id);
    }

    /// Whether there is another attempt is said by the text of the one that failed. Where its pipeline is gone nobody would make
    /// one: the job fails at once.
    fn after_failure(
        &mut self,
        id: JobId,
        failure: Failure,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let Some(live) = self.open.get(id) else {
            return;
        };
        let job = &live.job;
        let is_gone = self.current(&job.accepted.pipeline).is_none();
        let Some(retry) = live.text.as_ref().map(|text| text.retry.clone()) else {
            return self.fail(id, failure.problem, decision);
        };
        match failure.ending {
            // Stopped before it had begun: it is as it was.
            Ending::Interrupted if self.draining && matches!(job.state, State::Queued { .. }) => {
                self.enqueue(id);
            }
            Ending::Interrupted if self.draining => {
                let stopped = JobEvent::Requeued(Requeued::stopped());
                self.record(id, now, stopped, decision);
                self.enqueue(id);
            }
            Ending::Environment if is_gone => {
                let hint = "put the folder right and the pipeline's file back, then retry the job";
                self.fail(id, failure.problem.hint(hint), decision);
            }
            _ if is_gone => self.fail(id, failure.problem, decision),
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
                if tried >= retry.attempts {
                    self.fail(id, failure.problem, decision);
                } else {
                    let pause = backoff(retry.backoff, retry.max_backoff, tried);
                    self.wait(id, failure, now.plus(pause), now, decision);
                }
            }
        }
    }

    pub(super) fn wait(
        &mut self,
        id: JobId,
        failure: Failure,
        until: Timestamp,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        self.meet_obstacle(id, &failure);
        let waiting = JobEvent::Waiting(Waiting { failure, until });
        self.record(id, now, waiting, decision);
    }

    /// Counts a job that waits among those that a folder holds up, if it does.
    pub(super) fn meet_obstacle(&mut self, id: JobId, failure: &Failure) {
        let Failure { ending, problem } = failure;
        match self.open.get(id) {
            Some(live) if *ending == Ending::Environment && obstacles::is_about_folder(problem) => {
                let pipeline = &live.job.accepted.pipeline;
                self.obstacles.meet(id, pipeline, problem);
            }
            _ => self.obstacles.leave(id),
        }
    }

    pub(super) fn interrupt(&mut self, decision: &mut Decision) {
        self.draining = true;
        let running = self.open.attempts();
        decision
            .actions
            .extend(running.map(|job| Action::StopAttempt { job }));
    }

    /// Whoever's time has come goes on.
    pub(super) fn wake_due(&mut self, now: Timestamp, decision: &mut Decision) {
        for id in self.open.due(now) {
            match self.open.get(id).map(|live| live.phase) {
                Some(Phase::Again(_)) => {
                    self.end_again(id, decision);
                    continue;
                }
                Some(Phase::Stuck(_)) => {
                    self.claim_again(id, decision);
                    continue;
                }
                _ => {}
            }
            // Where its pipeline is gone it is not tried, and so nothing is known of its folders.
            if self.pipeline_of(id).is_none() {
                self.obstacles.leave(id);
            }
            let why = RequeueReason::Due;
            self.record(id, now, JobEvent::Requeued(Requeued::new(why)), decision);
            self.enqueue(id);
        }
    }

    pub(super) fn start_what_fits(&mut self, decision: &mut Decision) {
        if self.draining {
            return;
        }
        while self.running() < self.capacity {
            let Some((name, id)) = self.next_start() else {
                return;
            };
            self.start(id, &name, decision);
        }
    }

    /// The job whose turn it is, with its pipeline. Small jobs pass a large one that does not fit, but not for ever; alone, any
    /// job runs.
    fn next_start(&mut self) -> Option<(String, JobId)> {
        // A disk that is slower than the workers holds them up, rather than their outputs pile up in memory; but nobody is held up by
        // what others have to stage alone.
        let is_full = self.open.staging() >= self.capacity.saturating_mul(STAGING);
        let may_start = |name: &str| {
            let may = !self.held.contains_key(name)
                && self.pipelines.get(name).is_some_and(Known::has_room);
            may && !(is_full && self.open.is_staging(name))
        };
        if let Some((name, id)) = self.ready.overdue(may_start) {
            return self.fits(id).then(|| (name.to_owned(), id));
        }
        let mut too_large: Vec<(String, JobId)> = Vec::new();
        let chosen = loop {
            let candidates = self.ready.pipelines().filter(|name| {
                !too_large.iter().any(|(known, _)| known == name) && may_start(name)
            });
            let name = self.turns.next(candidates)?.to_owned();
            let first = self.ready.of(&name).next()?;
            let found = self
                .ready
                .of(&name)
                .take(LOOK_AHEAD)
                .find(|id| self.fits(*id));
            if found != Some(first) {
                too_large.push((name.clone(), first));
            }
            if let Some(id) = found {
                break (name, id);
            }
        };
        for (name, id) in too_large {
            self.ready.pass(&name, id);
        }
        Some(chosen)
    }

    fn fits(&self, id: JobId) -> bool {
        let used = self.open.memory();
        let needs = self.open.get(id).map_or(0, |live| open::memory(&live.job));
        used == 0 || used + needs <= self.memory
    }

    fn start(&mut self, id: JobId, name: &str, decision: &mut Decision) {
        self.ready.dequeue(name, id);
        let (Some(pipeline), Some(live)) = (self.current(name), self.open.get(id)) else {
            return;
        };
        let job = &live.job;
        let start = Start {
            job: id,
            attempt: job.attempts + 1,
            accepted: job.accepted.clone(),
            blake3: job.blake3.clone().unwrap_or_default(),
            held_in: job.held_in.clone(),
            created: job.created,
            given_up: job.given_up.clone(),
            pipeline,
        };
        self.turns.took(name, start.pipeline.priority);
        if let Some(known) = self.pipelines.get_mut(name) {
            known.running += 1;
        }
        self.open.change(id, |live| {
            live.phase = Phase::Attempt;
            live.text = Some(Arc::clone(&start.pipeline));
        });
        decision.actions.push(Action::Start(Box::new(start)));
    }
}

/// `first`, doubled for each further failure, at most `most`.
fn backoff(first: Duration, most: Duration, failures: u32) -> Duration {
    let factor = 1_u32
        .checked_shl(failures.saturating_sub(1))
        .unwrap_or(u32::MAX);
    first.checked_mul(factor).unwrap_or(most).min(most)
}
