//! What became of a job, in words.

use crate::job::state::{Job, State};
use crate::scheduler::files;
use crate::scheduler::handle::Link;
use crate::time::Timestamp;

/// Where a job stands and what became of it, link by link.
pub(super) fn story(job: &Job) -> Vec<Link> {
    let mut links = Vec::new();
    let mut say = |ok: bool, text: String| links.push(Link { ok, text });
    if let Some(earlier) = job.duplicate_of {
        say(
            true,
            format!("its content is the same as that of job {earlier}"),
        );
    }
    for warning in &job.warnings {
        say(true, format!("warning: {warning}"));
    }
    let seconds = |since: Timestamp| Timestamp::now().since(since).as_secs();
    match &job.state {
        State::Claiming => say(false, "it is being taken out of the inbox".to_owned()),
        State::Queued { since } => say(
            false,
            format!("it has been waiting in the queue for {} s", seconds(*since)),
        ),
        State::Running { since } => {
            let step = job
                .steps
                .iter()
                .find(|step| step.status == crate::job::attempt::StepStatus::Running);
            let at = step.map_or_else(
                || "opening the document".to_owned(),
                |step| format!("in step `{}`", step.id),
            );
            say(
                false,
                format!(
                    "attempt {} has been running for {} s, {at}",
                    job.attempts,
                    seconds(*since)
                ),
            );
        }
        State::Waiting { failure, until } => {
            say(
                false,
                format!(
                    "attempt {} failed: {}",
                    job.attempts, failure.problem.detail
                ),
            );
            say(false, format!("it is tried again at {}", until.rfc3339()));
        }
        State::Delivering { .. } => say(false, "its outputs are being moved into place".to_owned()),
        State::Succeeded => {
            for written in job.delivered.iter().filter_map(|moved| moved.path.as_ref()) {
                say(true, format!("written: {written}"));
            }
            say(true, format!("it succeeded at {}", job.updated.rfc3339()));
        }
        State::Failed | State::Cancelled => ended_badly(job, &mut say),
    }
    links
}

fn ended_badly(job: &Job, say: &mut impl FnMut(bool, String)) {
    match &job.problem {
        Some(problem) if matches!(job.state, State::Failed) => {
            let place = problem
                .step
                .as_ref()
                .map(|step| format!(" in step `{step}`"))
                .unwrap_or_default();
            say(
                false,
                format!(
                    "it failed{place} at {}: {} ({})",
                    job.updated.rfc3339(),
                    problem.detail,
                    problem.code.title()
                ),
            );
            if let Some(hint) = &problem.hint {
                say(false, format!("what to do: {hint}"));
            }
        }
        _ => say(
            false,
            format!("it was cancelled at {}", job.updated.rfc3339()),
        ),
    }
    if let Some(original) = files::original(job) {
        say(true, format!("the original lies at {original}"));
    }
}
