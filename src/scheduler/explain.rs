//! Why a file has (not) been processed: what the watcher knows, then what became of it.

use crate::job::id::JobId;
use crate::job::state::{Job, State};
use crate::raw_path::RawPath;
use crate::scheduler::files;
use crate::scheduler::handle::{Explanation, Link};
use crate::store::Store;
use crate::time::Timestamp;
use crate::watch::Watcher;
use tokio::sync::{mpsc, oneshot};

/// Whom to ask.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) watcher: Watcher,
    pub(super) store: Store,
    /// Only the decider knows why a job is still queued.
    pub(super) why: mpsc::Sender<(JobId, oneshot::Sender<Option<String>>)>,
}

pub(super) async fn explain(asker: Asker, path: RawPath) -> Explanation {
    let exists = path.0.symlink_metadata().is_ok();
    let jobs = asker
        .store
        .jobs_at_path(path.clone())
        .await
        .unwrap_or_default();
    let newest = jobs.first();
    let mut chain: Vec<Link> = Vec::new();
    // A file that is ours already left its inbox: what the watcher thinks of the path is only of use for one that lies there.
    if exists || newest.is_none() {
        let watched = asker.watcher.explain(&path.0).await;
        chain.extend(watched.into_iter().map(|link| Link {
            ok: link.ok,
            text: link.text,
        }));
    }
    if let Some(job) = newest {
        chain.push(Link {
            ok: true,
            text: format!(
                "job {} took a file from this path at {}",
                job.id,
                job.created.rfc3339()
            ),
        });
        chain.extend(story(job));
        if matches!(job.state, State::Queued { .. })
            && let Some(why) = ask_why(&asker.why, job.id).await
        {
            chain.push(Link {
                ok: false,
                text: why,
            });
        }
        if jobs.len() > 1 {
            chain.push(Link {
                ok: true,
                text: format!("{} earlier jobs were about this path", jobs.len() - 1),
            });
        }
    }
    Explanation {
        path,
        chain,
        job: newest.map(|job| job.id),
    }
}

async fn ask_why(
    why: &mpsc::Sender<(JobId, oneshot::Sender<Option<String>>)>,
    job: JobId,
) -> Option<String> {
    let (answer, answered) = oneshot::channel();
    why.send((job, answer)).await.ok()?;
    answered.await.ok()?
}

fn story(job: &Job) -> Vec<Link> {
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
