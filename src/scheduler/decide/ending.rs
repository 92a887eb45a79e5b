//! How a job ends: its notes, its redo list, its moves, and what happens when the environment does not let it end.

use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::event::{Delivering, Ended, JobEvent, Warned};
use crate::job::id::JobId;
use crate::job::redo::{Collision, Delivered, Move, MoveKind, Redo, Verdict};
use crate::job::state::State;
use crate::pipeline::checked::Pipeline;
use crate::problem::{Code, Problem};
use crate::raw_path::RawPath;
use crate::scheduler::decide::open::Phase;
use crate::scheduler::decide::state::Scheduler;
use crate::scheduler::input::{Action, Decision, EndOf};
use crate::time::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long a job waits when the disk is full or a folder is blocked.
pub(super) const ENVIRONMENT_PAUSE: Duration = Duration::from_secs(10);

impl Scheduler {
    pub(super) fn fail(&mut self, id: JobId, problem: Problem, decision: &mut Decision) {
        self.prepare_end(id, Some(problem), Vec::new(), decision);
    }

    pub(super) fn prepare_cancel(&mut self, id: JobId, decision: &mut Decision) {
        self.prepare_end(id, None, Vec::new(), decision);
    }

    /// The same for a job whose results are staged: they go.
    pub(super) fn cancel_staged(&mut self, id: JobId, redo: Redo, decision: &mut Decision) {
        let staged = redo.moves.iter();
        let staged = staged.filter(|next| next.kind != MoveKind::Original);
        let staged = staged.map(|next| next.from.0.clone()).collect();
        self.prepare_end(id, None, staged, decision);
    }

    /// Prepares the end that was decided about a job, perhaps in an earlier life. Says whether one was.
    pub(super) fn end_as_decided(&mut self, id: JobId, decision: &mut Decision) -> bool {
        let decided = self.open.get(id).and_then(|live| live.job.decided.clone());
        match decided.map(|verdict| *verdict) {
            None => return false,
            Some(Verdict::Cancel) => self.prepare_cancel(id, decision),
            Some(Verdict::Fail { problem }) => self.fail(id, problem, decision),
            Some(Verdict::Succeed) => self.prepare_skip(id, decision),
        }
        true
    }

    fn prepare_end(
        &mut self,
        id: JobId,
        problem: Option<Problem>,
        staged: Vec<PathBuf>,
        decision: &mut Decision,
    ) {
        let pipeline = self.pipeline_of(id);
        let text = self.open.get(id).and_then(|live| live.text.clone());
        let failed = pipeline.as_ref().map(|pipeline| pipeline.failed.clone());
        // A job ends by the text of its attempt. Where another one counts by now, the folder is looked up as for one that is gone:
        // somebody may watch it.
        let failed = failed.filter(|now| text.is_none_or(|text| text.failed == *now));
        let done_file = pipeline.and_then(|pipeline| pipeline.watch.done_file.clone());
        let ending = self.open.change(id, |live| {
            live.phase = Phase::Preparing;
            if problem.is_some() {
                live.job.problem.clone_from(&problem);
            }
            live.job.clone()
        });
        let Some(job) = ending else {
            return;
        };
        let about = EndOf {
            job,
            problem,
            failed,
            done_file,
            archive: None,
            staged,
        };
        decision.actions.push(Action::PrepareEnd {
            job: id,
            about: Box::new(about),
        });
    }

    pub(super) fn pipeline_of(&self, id: JobId) -> Option<Arc<Pipeline>> {
        self.current(&self.open.get(id)?.job.accepted.pipeline)
    }

    pub(super) fn prepared(
        &mut self,
        id: JobId,
        result: Result<Redo, Problem>,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let Some(live) = self.open.get(id) else {
            return;
        };
        let bill = live.job.bill.clone();
        match result {
            Ok(redo) => self.deliver(id, redo, bill, now, decision),
            Err(problem) => self.try_end_again(id, &problem, now, decision),
        }
    }

    pub(super) fn deliver(
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
        // What it needed to get here it had.
        self.obstacles.leave(id);
        self.set_phase(id, Phase::Moving);
        decision.actions.push(Action::Redo { job: id, redo });
    }

    pub(super) fn redone(
        &mut self,
        id: JobId,
        result: Result<Vec<Delivered>, Problem>,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let Some(live) = self.open.get(id) else {
            return;
        };
        let State::Delivering { redo } = &live.job.state else {
            return;
        };
        let redo = redo.clone();
        match result {
            Ok(delivered) => self.ended(id, delivered, redo, now, decision),
            Err(problem) => self.try_end_again(id, &problem, now, decision),
        }
    }

    /// What was to be delivered is gone, and nothing of it was delivered: it is made once more.
    pub(super) fn lost(
        &mut self,
        id: JobId,
        problem: Problem,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let Some(live) = self.open.get(id) else {
            return;
        };
        let State::Delivering { redo } = &live.job.state else {
            return;
        };
        match redo.verdict.clone() {
            Verdict::Succeed => {
                self.set_phase(id, Phase::Idle);
                let ending = Ending::Environment;
                let failure = Failure { ending, problem };
                self.wait(id, failure, now.plus(ENVIRONMENT_PAUSE), now, decision);
            }
            Verdict::Fail { problem } => self.fail(id, problem, decision),
            Verdict::Cancel => self.prepare_cancel(id, decision),
        }
    }

    fn ended(
        &mut self,
        id: JobId,
        delivered: Vec<Delivered>,
        redo: Redo,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        for message in dropped(&redo, &delivered) {
            let warned = Warned::new("output-skipped", message);
            self.record(id, now, JobEvent::Warned(warned), decision);
        }
        for written in delivered.iter().filter(|written| written.path.is_some()) {
            self.record(
                id,
                now,
                JobEvent::ArtifactWritten(written.clone()),
                decision,
            );
        }
        let was_done = redo.verdict == Verdict::Succeed;
        let last = match redo.verdict {
            Verdict::Succeed => JobEvent::Succeeded(Ended {
                delivered,
                problem: None,
            }),
            Verdict::Fail { problem } => JobEvent::Failed(Ended {
                delivered,
                problem: Some(problem),
            }),
            Verdict::Cancel => JobEvent::Cancelled(Ended {
                delivered,
                problem: Some(Problem::cancelled()),
            }),
        };
        self.record(id, now, last, decision);
        self.obstacles.leave(id);
        self.remember_end(id, was_done);
        self.open.remove(id);
        self.release_twins(id, was_done, now, decision);
    }

    /// The end of a job could not be carried out (disk full, folder blocked): said once, tried again until it can.
    fn try_end_again(
        &mut self,
        id: JobId,
        problem: &Problem,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        self.say_what_holds_up(id, problem, now, decision);
        self.set_phase(id, Phase::Again(now.plus(ENVIRONMENT_PAUSE)));
    }

    /// Says once what keeps a job from going on.
    pub(super) fn say_what_holds_up(
        &mut self,
        id: JobId,
        problem: &Problem,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        if let Some(live) = self.open.get(id) {
            let pipeline = &live.job.accepted.pipeline;
            self.obstacles.meet(id, pipeline, problem);
        }
        let message = format!(
            "{}; trying again every {} s",
            problem.detail,
            ENVIRONMENT_PAUSE.as_secs()
        );
        let is_said =
            |live: &crate::scheduler::decide::open::Live| live.job.warnings.contains(&message);
        let decided = self.decided(id).map(Box::new);
        if decided.is_some() || !self.open.get(id).is_some_and(is_said) {
            let warned = Warned {
                decided,
                ..Warned::new(problem.code.as_str(), message)
            };
            self.record(id, now, JobEvent::Warned(warned), decision);
        }
    }

    /// How a job is to end that does not deliver yet: as was said before, or with the problem of its last attempt.
    fn decided(&self, id: JobId) -> Option<Verdict> {
        let job = &self.open.get(id)?.job;
        if job.decided.is_some() || matches!(job.state, State::Delivering { .. }) {
            return None;
        }
        let problem = job.problem.clone()?;
        Some(Verdict::Fail { problem })
    }

    /// The pause of [`ENVIRONMENT_PAUSE`] is over.
    pub(super) fn end_again(&mut self, id: JobId, decision: &mut Decision) {
        let Some(live) = self.open.get(id) else {
            return;
        };
        if let State::Delivering { redo } = live.job.state.clone() {
            self.set_phase(id, Phase::Moving);
            decision.actions.push(Action::Redo { job: id, redo });
            return;
        }
        let problem = live.job.problem.clone();
        if !self.end_as_decided(id, decision) {
            let unknown = || Problem::new(Code::Internal, "the job ended without a reason");
            self.fail(id, problem.unwrap_or_else(unknown), decision);
        }
    }
}

/// What to say of results that were dropped because their names were taken.
fn dropped(redo: &Redo, delivered: &[Delivered]) -> Vec<String> {
    let moves = redo.moves.iter().zip(delivered);
    let lost = moves.filter(|(step, done)| {
        let is_result = matches!(step.kind, MoveKind::Document | MoveKind::Artifact);
        is_result && step.collision == Collision::Skip && done.path.is_none()
    });
    let say = |(step, _): (&Move, &Delivered)| {
        let name = step.to.as_ref().map(RawPath::display);
        format!(
            "`{}` was there already, so this result was dropped (`if_exists: skip`)",
            name.unwrap_or_default()
        )
    };
    lost.map(say).collect()
}
