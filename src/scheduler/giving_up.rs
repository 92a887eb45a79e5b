//! Which step is given up when an attempt has lost its worker, so that the job goes on without that step.
//!
//! An operation that fails is passed over by its own worker, where its step says `continue_on_error`. One that takes its worker along
//! leaves nobody who could do that. Then the job begins again in a new worker, which is told what not to run.

use crate::job::attempt::{Ending, Failure};
use crate::job::event::{GivenUp, StepPlace, Warned};
use crate::pipeline::checked::Pipeline;
use crate::problem::Code;

/// Crashes in a row after which the job fails, or goes on without the step: one retry.
pub(super) const CRASHES: u32 = 2;
/// Documents on which a step is given up one by one. Each costs an attempt, so that the next time it is given up on all.
const ONE_BY_ONE: usize = 8;

/// How an attempt ended that was made of `pipeline` without what was `given_up` before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) given_up: &'a [GivenUp],
    /// The last step that began and did not end.
    pub(super) at_work: Option<&'a StepPlace>,
    pub(super) failure: &'a Failure,
}

impl Loss<'_> {
    /// What the job has to go on without to go on at all; `None` where that would not help, or where the step must not fail.
    pub(super) fn step_to_give_up(&self) -> Option<GivenUp> {
        let place = self.at_work.filter(|_| is_of_the_step(self.failure))?;
        let step = self.pipeline.steps.get(place.index as usize)?;
        if step.id != place.step || !step.continue_on_error {
            return None;
        }
        let before = self.given_up.iter().filter(|before| {
            before.revision == self.pipeline.revision && before.place.step == place.step
        });
        // What did not run is not to blame.
        let is_known = |before: &GivenUp| before.covers(place.part, place.parts);
        if before.clone().any(is_known) {
            return None;
        }
        Some(GivenUp {
            place: place.clone(),
            everywhere: before.count() >= ONE_BY_ONE,
            revision: self.pipeline.revision.clone(),
            failure: self.failure.clone(),
        })
    }

    /// Whether the attempt may only have had bad luck: a worker dies, too, when somebody kills it or memory is short. So `crashes` in a
    /// row, this one among them, and `tries` that count allow another try with all steps.
    pub(super) fn may_be_bad_luck(&self, crashes: u32, tries: u32) -> bool {
        self.failure.ending == Ending::Crashed
            && crashes < CRASHES
            && tries < self.pipeline.retry.attempts
    }
}

/// Whether it was the running step that cost the worker: it died, or it was ended for what the step did.
fn is_of_the_step(failure: &Failure) -> bool {
    match failure.ending {
        Ending::Crashed | Ending::TimedOut => true,
        // Ended because it broke the protocol, or had too many threads or too large files. An operation that has only failed is not at
        // work any more.
        Ending::Failed => matches!(failure.problem.code, Code::WorkerFailed | Code::StepFailed),
        Ending::Rejected | Ending::Interrupted | Ending::Cancelled | Ending::Environment => false,
    }
}

/// What people are told.
pub(super) fn warning(given_up: &GivenUp) -> Warned {
    let GivenUp {
        place,
        everywhere,
        failure,
        ..
    } = given_up;
    let of = match (everywhere, place.parts) {
        (true, _) => " on all documents".to_owned(),
        (false, 1) => String::new(),
        (false, parts) => format!(" on document {} of {parts}", place.part),
    };
    Warned {
        decided: None,
        step: Some(place.step.clone()),
        code: "step-given-up".to_owned(),
        message: format!(
            "step `{}` was given up{of}, and the job began again without it: {}",
            place.step, failure.problem.detail
        ),
    }
}

#[cfg(test)]
mod tests;
