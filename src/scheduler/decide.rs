//! Every rule about jobs: (state, input, now) -> (events, actions). Reads no clock, touches no file, never waits.
//!
//! [`state`] is what the decider knows; each file beside it holds the rules of one part of a job's life, and this one says
//! which rule an input calls for. No rule looks at all open jobs: what would have to be counted over them is kept by [`open`].

mod attempts;
mod ending;
mod intake;
pub mod obstacles;
mod open;
pub mod questions;
mod ready;
mod recent;
pub mod state;
mod twins;

use crate::event::{DaemonEvent, Event, PipelineEvent};
use crate::job::event::{JobEvent, Warned};
use crate::job::id::JobId;
use crate::job::redo::Verdict;
use crate::pipeline::checked::Pipeline;
use crate::scheduler::decide::open::Phase;
use crate::scheduler::decide::state::{Scheduler, draft};
use crate::scheduler::input::{Action, Closed, Decision, Input};
use crate::time::Timestamp;
use std::sync::Arc;

impl Scheduler {
    /// The one function: what follows from `input`.
    pub fn decide(&mut self, input: Input, now: Timestamp) -> Decision {
        let mut decision = Decision::default();
        match input {
            Input::Arrival { job, accepted } => self.arrived(job, *accepted, now, &mut decision),
            Input::Claimed {
                job,
                result,
                was_done,
            } => self.claimed(job, (result, was_done), now, &mut decision),
            Input::Told { job, event } => self.told(job, event, now, &mut decision),
            Input::WorkerDone { job } => self.worker_done(job),
            Input::AttemptEnded { job, result } => {
                self.attempt_ended(job, result, now, &mut decision)
            }
            Input::Prepared { job, result } => self.prepared(job, result, now, &mut decision),
            Input::Redone { job, result } => self.redone(job, result, now, &mut decision),
            Input::Lost { job, problem } => self.lost(job, problem, now, &mut decision),
            Input::Reclaimed { job } => self.reclaimed(job, now, &mut decision),
            Input::Cancel { job } => self.cancel(job, now, &mut decision),
            Input::Pause { pipeline, reason } => self.pause(pipeline, reason, now, &mut decision),
            Input::Pipelines(pipelines) => self.replace_pipelines(pipelines),
            Input::Intake { closed } => self.set_intake(closed, now, &mut decision),
            Input::Held(held) => self.held = held,
            Input::Tick => {}
            Input::Drain => {
                self.draining = true;
                decision
                    .events
                    .push(draft(now, Event::Daemon(DaemonEvent::Draining)));
            }
            Input::Interrupt => self.interrupt(&mut decision),
        }
        self.wake_due(now, &mut decision);
        self.start_what_fits(&mut decision);
        decision
    }

    fn cancel(&mut self, id: JobId, now: Timestamp, decision: &mut Decision) {
        if self.can_cancel(id).is_err() {
            return;
        }
        if !self.is_cancelled(id) {
            // Who asked is told that it ends: that holds in the next life, too.
            let said = Warned::new("cancelling", "a person has cancelled it".to_owned());
            let said = JobEvent::Warned(said.ends(Verdict::Cancel));
            self.record(id, now, said, decision);
        }
        let phase = self.open.change(id, |live| {
            live.cancelled = true;
            live.phase
        });
        match phase {
            // What may be held is not left behind: the claim's next end tells of it.
            Some(Phase::Claiming | Phase::Stuck(_)) => {
                if let Some(live) = self.open.get(id) {
                    let held = live.job.accepted.held.clone();
                    decision.actions.push(Action::HaltClaim { held });
                }
            }
            None | Some(Phase::Staging | Phase::Preparing | Phase::Moving) => {}
            Some(Phase::Attempt) => decision.actions.push(Action::StopAttempt { job: id }),
            Some(Phase::Idle | Phase::Again(_)) => {
                self.dequeue(id);
                self.twins.forget(id);
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
        // One without a good revision can be paused, too: it will have one some day.
        let known = self.pipelines.entry(pipeline.clone()).or_default();
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

    fn set_intake(&mut self, closed: Option<Closed>, now: Timestamp, decision: &mut Decision) {
        let lack = |closed: &Option<Closed>| closed.as_ref().map(|closed| closed.lack.clone());
        let is_known = lack(&self.intake_closed) == lack(&closed);
        let open = closed.is_none();
        let reason = closed.as_ref().map_or_else(
            || "the reason is gone".to_owned(),
            |closed| closed.reason.clone(),
        );
        // Who asks is told the numbers of the last look; the journal is told only what has begun or is over.
        self.intake_closed = closed;
        if is_known {
            return;
        }
        decision.events.push(draft(
            now,
            Event::Daemon(DaemonEvent::Intake { open, reason }),
        ));
    }
}

#[cfg(test)]
pub(crate) mod tests;
