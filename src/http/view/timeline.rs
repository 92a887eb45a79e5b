//! A job's history as spans of time: its states one after another, and each attempt with its steps.

use crate::event::{Event, Stored};
use crate::http::view::event::state_after;
use crate::http::view::job::{PluginUseView, ProblemView, ending};
use crate::http::view::words;
use crate::job::event::{JobEvent, RequeueReason, Requeued, Started, StepPlace};
use crate::job::redo::Verdict;
use crate::time::{Timestamp, millis};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A job's history as spans of time.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineView {
    /// The job.
    pub job: String,
    /// The job's `rev` that this is of.
    pub rev: u64,
    /// The states that it went through, in order; the last one is the state it is in.
    pub phases: Vec<PhaseView>,
    /// Its attempts, in order.
    pub attempts: Vec<AttemptView>,
    /// There is more of it than is told here: the job has more than 16 MiB of events. `/api/v1/events/history?job=` has all of them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// A time that a job spent in one state.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseView {
    /// The state.
    #[schemars(with = "words::JobState")]
    pub state: &'static str,
    /// Since when.
    pub started_at: String,
    /// Until when; absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Milliseconds, once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// The attempt, while running and delivering.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    #[serde(skip)]
    since: Timestamp,
}

/// One attempt.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptView {
    /// Its number, from 1.
    pub attempt: u32,
    /// The pipeline's revision that it ran.
    pub revision: String,
    /// Process id of the worker.
    pub worker: u32,
    /// The sandbox level.
    pub sandbox: String,
    /// The plugin builds.
    pub plugins: Vec<PluginUseView>,
    /// When it began.
    pub started_at: String,
    /// When it ended; absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Milliseconds, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// How it ended; absent while it runs.
    #[schemars(with = "Option<words::AttemptEnding>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<&'static str>,
    /// Why it gave no result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemView>,
    /// The steps, in order.
    pub steps: Vec<AttemptStepView>,
    #[serde(skip)]
    since: Timestamp,
}

/// One step of an attempt.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptStepView {
    /// Its id.
    pub id: String,
    /// `plugin/operation`.
    pub uses: String,
    /// Its place, from 0.
    pub index: u32,
    /// Where it stands.
    #[schemars(with = "words::StepState")]
    pub status: &'static str,
    /// When it began on its first document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// Milliseconds over all documents.
    pub ms: u64,
    /// What it did on each document.
    pub runs: Vec<StepRunView>,
}

/// One step on one document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepRunView {
    /// Which document, from 1.
    pub part: u32,
    /// Of how many.
    pub parts: u32,
    /// Where it stands.
    #[schemars(with = "words::StepState")]
    pub status: &'static str,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// How many documents it left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<u32>,
    /// The condition that was false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Values it published.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub results: BTreeMap<String, Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemView>,
    #[serde(skip)]
    since: Option<Timestamp>,
}

impl TimelineView {
    /// The history that a job's events tell, oldest first.
    #[must_use]
    pub fn new(job: String, events: &[Arc<Stored>]) -> Self {
        let mut timeline = Self {
            job,
            rev: 0,
            phases: Vec::new(),
            attempts: Vec::new(),
            truncated: false,
        };
        for stored in events {
            if let Event::Job { what, .. } = &stored.event {
                timeline.rev = stored.rev.unwrap_or(timeline.rev);
                timeline.follow(stored.at, what);
            }
        }
        timeline
    }

    fn follow(&mut self, at: Timestamp, what: &JobEvent) {
        if let JobEvent::Started(started) = what {
            self.attempts.push(AttemptView::new(at, started));
        } else if let Some(attempt) = self
            .attempts
            .last_mut()
            .filter(|last| last.ending.is_none())
        {
            attempt.follow(at, what);
        }
        let Some(state) = state_after(what) else {
            return;
        };
        if self.phases.last().is_some_and(|last| last.state == state) {
            return;
        }
        if let Some(last) = self.phases.last_mut() {
            last.ended_at = Some(at.rfc3339());
            last.ms = Some(millis(at.since(last.since)));
        }
        let attempt = self.attempts.last().map(|attempt| attempt.attempt);
        self.phases.push(PhaseView {
            state,
            started_at: at.rfc3339(),
            ended_at: None,
            ms: None,
            attempt: attempt.filter(|_| matches!(state, "running" | "delivering")),
            since: at,
        });
    }
}

impl AttemptView {
    fn new(at: Timestamp, started: &Started) -> Self {
        let steps = started.steps.iter().zip(0..);
        Self {
            attempt: started.attempt,
            revision: started.revision.clone(),
            worker: started.worker,
            sandbox: started.sandbox.clone(),
            plugins: started.plugins.iter().map(PluginUseView::new).collect(),
            started_at: at.rfc3339(),
            ended_at: None,
            ms: None,
            ending: None,
            problem: None,
            steps: steps
                .map(|(step, index)| AttemptStepView {
                    id: step.id.clone(),
                    uses: step.uses.clone(),
                    index,
                    status: "pending",
                    started_at: None,
                    ms: 0,
                    runs: Vec::new(),
                })
                .collect(),
            since: at,
        }
    }

    fn follow(&mut self, at: Timestamp, what: &JobEvent) {
        match what {
            JobEvent::StepStarted(place) => {
                self.run(place, |run| {
                    run.status = "running";
                    run.started_at = Some(at.rfc3339());
                    run.since = Some(at);
                });
            }
            JobEvent::StepFinished(finished) => self.run(&finished.place, |run| {
                run.end(at, "finished", finished.ms);
                run.documents = Some(finished.documents);
                run.results.clone_from(&finished.results);
            }),
            JobEvent::StepSkipped(skipped) => self.run(&skipped.place, |run| {
                run.status = "skipped";
                run.condition = Some(skipped.condition.clone());
            }),
            JobEvent::StepFailed(failed) => self.run(&failed.place, |run| {
                let status = if failed.continued { "passed" } else { "failed" };
                run.end(at, status, failed.ms);
                run.problem = Some(ProblemView::new(&failed.problem));
            }),
            JobEvent::WorkerCrashed(crashed) => {
                self.problem = Some(ProblemView::new(&crashed.problem));
            }
            JobEvent::Waiting(waiting) => {
                self.problem = Some(ProblemView::new(&waiting.failure.problem));
                self.end(at, ending(waiting.failure.ending));
            }
            JobEvent::Requeued(requeued) => self.requeue(at, requeued),
            JobEvent::Delivering(delivering) => self.deliver(at, &delivering.redo.verdict),
            JobEvent::Cancelled(_) => self.end(at, "cancelled"),
            _ => {}
        }
    }

    fn requeue(&mut self, at: Timestamp, requeued: &Requeued) {
        if let Some(given_up) = &requeued.given_up {
            self.problem = Some(ProblemView::new(&given_up.failure.problem));
            return self.end(at, ending(given_up.failure.ending));
        }
        let word = match requeued.why {
            RequeueReason::Environment => "environment",
            _ => "interrupted",
        };
        self.end(at, word);
    }

    fn deliver(&mut self, at: Timestamp, verdict: &Verdict) {
        match verdict {
            Verdict::Succeed => {
                self.problem = None;
                self.end(at, "succeeded");
            }
            Verdict::Cancel => self.end(at, "cancelled"),
            Verdict::Fail { problem } => {
                let word = match problem.code.as_str() {
                    "plugin-crashed" | "memory-limit" => "crashed",
                    "timed-out" | "stalled" | "cpu-limit" => "timed_out",
                    "interrupted" => "interrupted",
                    _ if problem.code.is_permanent() => "rejected",
                    _ => "failed",
                };
                self.problem = Some(ProblemView::new(problem));
                self.end(at, word);
            }
        }
    }

    fn end(&mut self, at: Timestamp, ending: &'static str) {
        self.ended_at = Some(at.rfc3339());
        self.ms = Some(millis(at.since(self.since)));
        self.ending = Some(ending);
        if ending != "succeeded" {
            self.end_steps(at);
        }
    }

    /// What was at work ended with the attempt.
    fn end_steps(&mut self, at: Timestamp) {
        for step in &mut self.steps {
            for run in step.runs.iter_mut().filter(|run| run.status == "running") {
                let ms = run.since.map_or(0, |since| millis(at.since(since)));
                run.end(at, "failed", ms);
                run.problem.clone_from(&self.problem);
                step.status = run.status;
            }
            step.ms = step.runs.iter().filter_map(|run| run.ms).sum();
        }
    }

    /// Changes what a step did on one document.
    fn run(&mut self, place: &StepPlace, change: impl FnOnce(&mut StepRunView)) {
        let Some(step) = self.steps.get_mut(place.index as usize) else {
            return;
        };
        let known = step.runs.iter().rposition(|run| run.part == place.part);
        let known = known.unwrap_or_else(|| {
            step.runs.push(StepRunView::new(place));
            step.runs.len() - 1
        });
        let run = &mut step.runs[known];
        change(run);
        step.status = run.status;
        step.started_at = step.started_at.take().or_else(|| run.started_at.clone());
        let times = step.runs.iter().filter_map(|run| run.ms);
        step.ms = times.fold(0, u64::saturating_add);
    }
}

impl StepRunView {
    fn new(place: &StepPlace) -> Self {
        Self {
            part: place.part,
            parts: place.parts,
            status: "running",
            started_at: None,
            ended_at: None,
            ms: None,
            documents: None,
            condition: None,
            results: BTreeMap::new(),
            problem: None,
            since: None,
        }
    }

    fn end(&mut self, at: Timestamp, status: &'static str, ms: u64) {
        self.status = status;
        self.ended_at = Some(at.rfc3339());
        self.ms = Some(ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::fake::{AT, id};
    use crate::job::attempt::{Ending, Failure};
    use crate::job::event::{GivenUp, StepName};
    use crate::problem::{Code, Problem};

    #[test]
    fn what_was_at_work_when_an_attempt_ended_has_ended_with_it() {
        let started = Started {
            attempt: 1,
            revision: "r".into(),
            worker: 7,
            sandbox: "full".into(),
            plugins: Vec::new(),
            steps: vec![StepName {
                id: "stamp".into(),
                uses: "stamp/stamp-text".into(),
            }],
        };
        let mut attempt = AttemptView::new(AT, &started);
        let place = StepPlace {
            step: "stamp".into(),
            index: 0,
            part: 1,
            parts: 1,
        };
        attempt.follow(AT, &JobEvent::StepStarted(place));
        attempt.deliver(Timestamp(AT.0 + 1_500), &Verdict::Cancel);
        let step = &attempt.steps[0];
        assert_eq!((step.status, step.ms), ("failed", 1_500));
        assert!(step.runs[0].ended_at.is_some());
    }

    #[test]
    fn an_attempt_that_gave_a_step_up_has_ended_as_it_did() {
        let started = |attempt| {
            JobEvent::Started(Started {
                attempt,
                revision: "r".into(),
                worker: 7,
                sandbox: "full".into(),
                plugins: Vec::new(),
                steps: Vec::new(),
            })
        };
        let given_up = GivenUp {
            place: StepPlace {
                step: "stamp".into(),
                index: 0,
                part: 1,
                parts: 1,
            },
            everywhere: false,
            revision: "r".into(),
            failure: Failure {
                ending: Ending::TimedOut,
                problem: Problem::new(Code::Stalled, "there was no progress"),
            },
        };
        let requeued = JobEvent::Requeued(Requeued::without(given_up));
        let events = [started(1), requeued, started(2)].into_iter().zip(1..);
        let events: Vec<_> = events
            .map(|(what, seq)| {
                Arc::new(Stored {
                    seq,
                    at: AT,
                    rev: Some(seq),
                    pipeline: None,
                    path: None,
                    event: Event::Job { job: id(1), what },
                })
            })
            .collect();
        let timeline = TimelineView::new("j".into(), &events);
        let states: Vec<&str> = timeline.phases.iter().map(|phase| phase.state).collect();
        assert_eq!(states, ["running", "queued", "running"]);
        let [first, second] = &timeline.attempts[..] else {
            panic!("{timeline:?}");
        };
        assert_eq!(first.ending, Some("timed_out"));
        let problem = first.problem.as_ref().expect("it has a reason");
        assert_eq!(problem.kind, "/problems/stalled");
        assert_eq!(second.ending, None);
    }
}
