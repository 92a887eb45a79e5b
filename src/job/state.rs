//! A job as its events made it. `apply` is the only way to change one; live work and replay use it alike.

use crate::job::attempt::{Bill, Ending, Failure, StepStatus};
use crate::job::event::{
    Accepted, GivenUp, JobEvent, PluginUse, RequeueReason, Requeued, StepName,
};
use crate::job::id::JobId;
use crate::job::redo::{Delivered, MoveKind, Redo, Verdict};
use crate::problem::Problem;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// How many events it has seen; the feeds' `rev`.
    pub rev: u64,
    /// Where it came from.
    pub accepted: Accepted,
    /// When it was accepted.
    pub created: Timestamp,
    /// When its last event was.
    pub updated: Timestamp,
    /// Where it stands.
    pub state: State,
    /// BLAKE3 of the original, in hex, once it is known.
    #[serde(default)]
    pub blake3: Option<String>,
    /// The mark of the folder in which the original is held, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_in: Option<String>,
    /// An earlier job with the same content.
    #[serde(default)]
    pub duplicate_of: Option<JobId>,
    /// Attempts so far.
    #[serde(default)]
    pub attempts: u32,
    /// Attempts that count against `retry.attempts` since the last `retry` by a person.
    #[serde(default)]
    pub counted: u32,
    /// Crashes since the last `retry` by a person.
    #[serde(default)]
    pub crashes: u32,
    /// How often in a row the daemon died during an attempt.
    #[serde(default)]
    pub interruptions: u32,
    /// How often the daemon was stopped during one in between. That is nobody's fault.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stops: u32,
    /// Milliseconds spent in the queue, over all attempts.
    #[serde(default)]
    pub queued_ms: u64,
    /// Milliseconds spent running, over all attempts.
    #[serde(default)]
    pub ran_ms: u64,
    /// What it goes on without since the last `retry` by a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<GivenUp>,
    /// The steps of the last attempt.
    #[serde(default)]
    pub steps: Vec<StepRecord>,
    /// The plugins of the last attempt.
    #[serde(default)]
    pub plugins: Vec<PluginUse>,
    /// The sandbox level of the last attempt.
    #[serde(default)]
    pub sandbox: Option<String>,
    /// The revision of the last attempt.
    #[serde(default)]
    pub revision: Option<String>,
    /// What was odd.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// How it is to end, where that is decided before it delivers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Box<Verdict>>,
    /// Why the last attempt failed.
    #[serde(default)]
    pub problem: Option<Problem>,
    /// What the last attempt cost.
    #[serde(default)]
    pub bill: Bill,
    /// What it put out.
    #[serde(default)]
    pub delivered: Vec<Delivered>,
}

/// One step of the last attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Its id.
    pub id: String,
    /// `plugin/operation`.
    pub uses: String,
    /// Where it stands.
    pub status: StepStatus,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// Milliseconds over all documents.
    #[serde(default)]
    pub ms: u64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Values it published.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub results: BTreeMap<String, serde_json::Value>,
}

impl StepRecord {
    /// A step that was not reached yet.
    #[must_use]
    pub fn pending(step: &StepName) -> Self {
        Self {
            id: step.id.clone(),
            uses: step.uses.clone(),
            status: StepStatus::Pending,
            started: None,
            ms: 0,
            problem: None,
            results: BTreeMap::new(),
        }
    }
}

/// Where a job stands, with just what is known then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Meant to be taken; the file may still lie in its inbox.
    Claiming,
    /// Waits for its turn.
    Queued {
        /// Since when.
        since: Timestamp,
    },
    /// At work.
    Running {
        /// Since when.
        since: Timestamp,
    },
    /// Waits for its next attempt.
    Waiting {
        /// Why the last one failed.
        failure: Failure,
        /// Until when.
        until: Timestamp,
    },
    /// Past the point of no return.
    Delivering {
        /// The moves.
        redo: Redo,
    },
    /// Done.
    Succeeded,
    /// Failed.
    Failed,
    /// Cancelled.
    Cancelled,
}

/// An event that cannot happen to a job in its state.
#[derive(Debug, thiserror::Error)]
#[error("job {job}: `{event}` cannot follow `{state}`")]
pub struct Impossible {
    /// The job.
    pub job: JobId,
    /// The event's name.
    pub event: &'static str,
    /// The state's word.
    pub state: &'static str,
}

impl State {
    /// The state's word in JSON, YAML and SQL.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Claiming => "claiming",
            Self::Queued { .. } => "queued",
            Self::Running { .. } => "running",
            Self::Waiting { .. } => "waiting",
            Self::Delivering { .. } => "delivering",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// No event but a person's `retry` follows.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl Job {
    /// A job from its first event.
    #[must_use]
    pub fn new(id: JobId, at: Timestamp, accepted: Accepted) -> Self {
        let steps = accepted.steps.iter().map(StepRecord::pending).collect();
        Self {
            id,
            rev: 1,
            accepted,
            created: at,
            updated: at,
            state: State::Claiming,
            blake3: None,
            held_in: None,
            duplicate_of: None,
            attempts: 0,
            counted: 0,
            crashes: 0,
            interruptions: 0,
            stops: 0,
            queued_ms: 0,
            ran_ms: 0,
            given_up: Vec::new(),
            steps,
            plugins: Vec::new(),
            sandbox: None,
            revision: None,
            warnings: Vec::new(),
            decided: None,
            problem: None,
            bill: Bill::default(),
            delivered: Vec::new(),
        }
    }

    /// The file's name for people.
    #[must_use]
    pub fn name(&self) -> String {
        self.accepted
            .path
            .0
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Whether it waits for its first turn, and nothing but warnings has come to it since its file was taken.
    #[must_use]
    pub fn is_as_it_was_taken(&self) -> bool {
        // Two other events: it was accepted, and it is queued.
        let warned = self.warnings.len() as u64;
        matches!(self.state, State::Queued { .. }) && self.rev == 2 + warned
    }

    /// Changes the job by one event.
    ///
    /// # Errors
    /// The event cannot follow the job's state; the job is unchanged.
    pub fn apply(&mut self, at: Timestamp, event: &JobEvent) -> Result<(), Impossible> {
        self.transition(at, event)?;
        self.rev += 1;
        self.updated = at;
        Ok(())
    }

    fn transition(&mut self, at: Timestamp, event: &JobEvent) -> Result<(), Impossible> {
        match (&self.state, event) {
            (State::Claiming, JobEvent::Queued(queued)) => {
                self.blake3 = Some(queued.blake3.clone());
                self.duplicate_of = queued.duplicate_of;
                self.held_in.clone_from(&queued.held_in);
                // That it could not be read does not hold any more.
                let decided = self
                    .decided
                    .take_if(|verdict| matches!(**verdict, Verdict::Fail { .. }));
                if decided.is_some() {
                    self.problem = None;
                }
                self.state = State::Queued { since: at };
            }
            (State::Queued { since }, JobEvent::Started(started)) => {
                self.queued_ms += millis(at.since(*since));
                self.attempts = started.attempt;
                self.plugins = started.plugins.clone();
                self.sandbox = Some(started.sandbox.clone());
                self.revision = Some(started.revision.clone());
                self.steps = started.steps.iter().map(StepRecord::pending).collect();
                self.state = State::Running { since: at };
            }
            (State::Running { .. }, JobEvent::StepStarted(place)) => {
                if let Some(step) = self.steps.get_mut(place.index as usize) {
                    step.status = StepStatus::Running;
                    step.started.get_or_insert(at);
                }
            }
            (State::Running { .. }, JobEvent::StepFinished(finished)) => {
                if let Some(step) = self.steps.get_mut(finished.place.index as usize) {
                    step.status = StepStatus::Finished;
                    step.ms = step.ms.saturating_add(finished.ms);
                    step.results.extend(finished.results.clone());
                }
            }
            (State::Running { .. }, JobEvent::StepSkipped(skipped)) => {
                if let Some(step) = self.steps.get_mut(skipped.place.index as usize) {
                    step.status = StepStatus::Skipped;
                }
            }
            (State::Running { .. }, JobEvent::StepFailed(failed)) => {
                if let Some(step) = self.steps.get_mut(failed.place.index as usize) {
                    step.status = if failed.continued {
                        StepStatus::Passed
                    } else {
                        StepStatus::Failed
                    };
                    step.ms = step.ms.saturating_add(failed.ms);
                    step.problem = Some(failed.problem.clone());
                }
            }
            (_, JobEvent::Warned(warned)) if !self.state.is_terminal() => {
                self.warnings.push(warned.message.clone());
                if let Some(decided) = &warned.decided {
                    self.decided = Some(decided.clone());
                    // It has failed already, whatever it waits for to end.
                    if let Verdict::Fail { problem } = &**decided {
                        self.problem = Some(problem.clone());
                        self.close_steps(at, Some(problem));
                    }
                }
            }
            (State::Running { .. }, JobEvent::WorkerCrashed(crashed)) => {
                self.crashes += 1;
                self.problem = Some(crashed.problem.clone());
            }
            (State::Running { since }, JobEvent::Waiting(waiting)) => {
                self.ran_ms += millis(at.since(*since));
                self.close_steps(at, Some(&waiting.failure.problem));
                self.end_attempt(&waiting.failure);
                self.state = State::Waiting {
                    failure: waiting.failure.clone(),
                    until: waiting.until,
                };
            }
            // The worker died before the attempt began.
            (State::Queued { since }, JobEvent::Waiting(waiting)) => {
                self.queued_ms += millis(at.since(*since));
                self.end_attempt(&waiting.failure);
                self.state = State::Waiting {
                    failure: waiting.failure.clone(),
                    until: waiting.until,
                };
            }
            // What was to be delivered is lost.
            (State::Delivering { .. }, JobEvent::Waiting(waiting)) => {
                self.end_attempt(&waiting.failure);
                self.state = State::Waiting {
                    failure: waiting.failure.clone(),
                    until: waiting.until,
                };
            }
            (State::Waiting { .. }, JobEvent::Requeued(_)) => {
                self.state = State::Queued { since: at }
            }
            (State::Running { since }, JobEvent::Requeued(requeued)) => {
                self.ran_ms += millis(at.since(*since));
                let given_up = requeued.given_up.as_ref();
                self.close_steps(at, given_up.map(|given_up| &given_up.failure.problem));
                self.requeue(requeued);
                self.state = State::Queued { since: at };
            }
            (State::Failed | State::Cancelled, JobEvent::Requeued(requeued)) => {
                self.held_in.clone_from(&requeued.held_in);
                self.counted = 0;
                self.crashes = 0;
                self.forget_interruptions();
                self.given_up.clear();
                self.decided = None;
                self.problem = None;
                self.delivered.clear();
                self.state = State::Queued { since: at };
            }
            (
                State::Claiming
                | State::Queued { .. }
                | State::Running { .. }
                | State::Waiting { .. }
                | State::Delivering { .. },
                JobEvent::Delivering(delivering),
            ) => {
                if let State::Running { since } = &self.state {
                    self.ran_ms += millis(at.since(*since));
                }
                match &delivering.redo.verdict {
                    Verdict::Succeed => self.problem = None,
                    Verdict::Fail { problem } => self.problem = Some(problem.clone()),
                    Verdict::Cancel => self.problem = Some(Problem::cancelled()),
                }
                if let Some(problem) = self.problem.clone() {
                    self.close_steps(at, Some(&problem));
                }
                // It may have been written again since it was taken; then it was read again.
                let mut moves = delivering.redo.moves.iter();
                let original = moves.find(|one| one.kind == MoveKind::Original);
                if let Some(original) = original.filter(|one| !one.blake3.is_empty()) {
                    self.blake3 = Some(original.blake3.clone());
                }
                self.forget_interruptions();
                self.decided = None;
                self.bill = delivering.bill.clone();
                self.state = State::Delivering {
                    redo: delivering.redo.clone(),
                };
            }
            (State::Delivering { .. }, JobEvent::ArtifactWritten(written)) => {
                self.delivered.push(written.clone())
            }
            (State::Delivering { .. }, JobEvent::Succeeded(ended)) => {
                self.end(State::Succeeded, ended.delivered.clone())
            }
            (State::Delivering { .. }, JobEvent::Failed(ended)) => {
                self.end(State::Failed, ended.delivered.clone())
            }
            (State::Delivering { .. } | State::Claiming, JobEvent::Cancelled(ended)) => {
                if ended.problem.is_some() {
                    self.problem.clone_from(&ended.problem);
                }
                self.end(State::Cancelled, ended.delivered.clone());
            }
            (state, event) => {
                return Err(Impossible {
                    job: self.id,
                    event: event.name(),
                    state: state.word(),
                });
            }
        }
        Ok(())
    }

    /// The attempt is over, and with it whatever step was at work.
    pub(crate) fn close_steps(&mut self, at: Timestamp, why: Option<&Problem>) {
        let at_work = |step: &&mut StepRecord| step.status == StepStatus::Running;
        for step in self.steps.iter_mut().filter(at_work) {
            let since_start = step.started.map_or(0, |then| millis(at.since(then)));
            step.status = StepStatus::Failed;
            step.ms = step.ms.max(since_start);
            step.problem = step.problem.take().or_else(|| why.cloned());
        }
    }

    fn end_attempt(&mut self, failure: &Failure) {
        self.problem = Some(failure.problem.clone());
        match failure.ending {
            Ending::Interrupted => self.interruptions += 1,
            Ending::Environment => {}
            _ => {
                self.forget_interruptions();
                self.counted += 1;
            }
        }
    }

    /// An attempt gave no result and the next one need not wait. Without a step it is another job: its tries count anew.
    fn requeue(&mut self, requeued: &Requeued) {
        match requeued.why {
            RequeueReason::Interrupted if requeued.stopped => self.stops += 1,
            RequeueReason::Interrupted => self.interruptions += 1,
            _ => {}
        }
        if let Some(given_up) = &requeued.given_up {
            self.problem = Some(given_up.failure.problem.clone());
            self.given_up.push((**given_up).clone());
            self.counted = 0;
            self.crashes = 0;
            self.forget_interruptions();
        }
    }

    fn forget_interruptions(&mut self) {
        self.interruptions = 0;
        self.stops = 0;
    }

    fn end(&mut self, state: State, delivered: Vec<Delivered>) {
        self.decided = None;
        self.delivered = delivered;
        self.state = state;
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes what it asks about by reference"
)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
