//! Tells other systems how jobs ended: the webhooks that `notify` of a pipeline names.
//!
//! The store hands over each end once it is durable and never waits; one task makes the calls, a few at once, each a bounded
//! number of times. A call that fails for good is a warning in the job's log and the daemon's: no job waits for it or changes
//! by it. What has not been told when the daemon stops is not told later.

mod call;

use crate::event::{Event, Stored};
use crate::job::event::{Ended, JobEvent};
use crate::job::id::JobId;
use crate::job::redo::MoveKind;
use crate::pipeline::checked::{Notify, Outcome};
use crate::problem::chain;
use crate::store::Store;
use crate::store::log::LogLine;
use crate::time::Timestamp;
use crate::webhook::call::Caller;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// Ends that wait to be told, and calls under way or waiting for their next attempt; beyond that they are dropped and said so.
const WAITING: usize = 1024;
/// Calls at once.
const AT_ONCE: usize = 8;
/// Before the second, third and fourth attempt; there is no fifth.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(25),
];

/// Where ends are handed over.
#[derive(Clone, Debug)]
pub struct Webhooks {
    ends: mpsc::Sender<End>,
}

/// How a job ended.
#[derive(Debug)]
pub struct End {
    job: JobId,
    pipeline: String,
    outcome: Outcome,
    body: Value,
}

/// Where ends are handed over, and where they come out for [`run`].
#[must_use]
pub fn channel() -> (Webhooks, mpsc::Receiver<End>) {
    let (ends, told) = mpsc::channel(WAITING);
    (Webhooks { ends }, told)
}

impl Webhooks {
    /// Takes the ends among durable events. Never waits.
    pub fn publish(&self, events: &[Arc<Stored>]) {
        for end in events.iter().filter_map(|stored| end(stored)) {
            if let Err(mpsc::error::TrySendError::Full(end)) = self.ends.try_send(end) {
                tracing::warn!(job = %end.job, "too many webhooks wait; the end of this job is told to nobody");
            }
        }
    }
}

/// Makes the calls until nobody hands over ends any more. `find` gives whom a pipeline tells.
pub async fn run(
    mut ends: mpsc::Receiver<End>,
    store: Store,
    find: impl Fn(&str) -> Vec<Notify> + Send,
) {
    let (caller, slots) = (
        Arc::new(Caller::default()),
        Arc::new(Semaphore::new(AT_ONCE)),
    );
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            end = ends.recv() => {
                let Some(end) = end else { return };
                for notify in find(&end.pipeline) {
                    if !notify.when.contains(&end.outcome) {
                        continue;
                    }
                    if calls.len() >= WAITING {
                        tracing::warn!(job = %end.job, "too many webhooks wait; this one is not called");
                        continue;
                    }
                    let (caller, slots, store) = (Arc::clone(&caller), Arc::clone(&slots), store.clone());
                    let (job, body) = (end.job, end.body.to_string());
                    calls.spawn(async move { tell(&caller, &slots, &store, job, &notify.webhook, body).await });
                }
            }
            Some(_) = calls.join_next() => {}
        }
    }
}

async fn tell(
    caller: &Caller,
    slots: &Semaphore,
    store: &Store,
    job: JobId,
    webhook: &str,
    body: String,
) {
    let mut pauses = PAUSES.into_iter();
    let why = loop {
        // Only an attempt holds a slot, not its pause. The semaphore is never closed.
        let slot = slots.acquire().await;
        let called = caller.post(webhook, body.clone()).await;
        drop(slot);
        match called {
            Ok(()) => return,
            Err(error) => match pauses.next().filter(|_| error.is_passing()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => break error,
            },
        }
    };
    // The address may hold a secret: only its host is told.
    let message = format!(
        "the webhook at `{}` was not told: {}",
        call::host(webhook),
        chain(&why)
    );
    tracing::warn!(%job, "{message}");
    let line = LogLine {
        at: Timestamp::now(),
        level: "warn".to_owned(),
        step: None,
        message,
    };
    if let Err(error) = store.log(job, vec![line]).await {
        tracing::warn!(%error, %job, "a log line is lost");
    }
}

fn end(stored: &Stored) -> Option<End> {
    let Event::Job { job, what } = &stored.event else {
        return None;
    };
    let (outcome, ended) = match what {
        JobEvent::Succeeded(ended) => (Outcome::Succeeded, ended),
        JobEvent::Failed(ended) => (Outcome::Failed, ended),
        JobEvent::Cancelled(ended) => (Outcome::Cancelled, ended),
        _ => return None,
    };
    Some(End {
        job: *job,
        pipeline: stored.pipeline.clone()?,
        outcome,
        body: body(stored, *job, ended),
    })
}

/// What is told. `seq` is the same in every attempt, so that whoever hears it twice can tell.
fn body(stored: &Stored, job: JobId, ended: &Ended) -> Value {
    let name = stored.path.as_ref().and_then(|path| path.0.file_name());
    let lying = |kinds: &[MoveKind]| -> Vec<String> {
        let of_kind = ended
            .delivered
            .iter()
            .filter(|moved| kinds.contains(&moved.kind));
        of_kind
            .filter_map(|moved| moved.path.as_ref())
            .map(ToString::to_string)
            .collect()
    };
    let problem = ended.problem.as_ref().map(|problem| {
        json!({
            "code": problem.code.as_str(),
            "title": problem.code.title(),
            "detail": problem.detail,
            "hint": problem.hint,
            "step": problem.step,
        })
    });
    json!({
        "event": stored.event.name(),
        "seq": stored.seq,
        "at": stored.at.rfc3339(),
        "job": job.to_string(),
        "pipeline": stored.pipeline,
        "path": stored.path.as_ref().map(ToString::to_string),
        "name": name.map(|name| name.to_string_lossy()),
        "outputs": lying(&[MoveKind::Document, MoveKind::Artifact]),
        "original": lying(&[MoveKind::Original]).pop(),
        "problem": problem,
    })
}
