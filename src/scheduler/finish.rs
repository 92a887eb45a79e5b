//! The end of an attempt that succeeded: whether its original is still what it was, and the list of moves.

use crate::job::attempt::{Bill, Failure};
use crate::job::event::{JobEvent, PluginUse, Warned};
use crate::job::redo::Redo;
use crate::scheduler::attempt::{Parts, Tell, Told, panicked, tell, temps, worker_done};
use crate::scheduler::input::{Input, Start};
use crate::scheduler::moves::{self, Brought, Outcome};
use crate::spool::Spool;
use serde_json::json;

/// What an attempt brought.
pub(super) struct Success {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) bill: Bill,
    pub(super) plugins: Vec<PluginUse>,
}

/// Gives the moves that deliver it. Where the folder of the original does not answer, the worker's place is free for others meanwhile.
pub(super) async fn finish(
    parts: &Parts,
    start: &Start,
    told: &Tell,
    success: Success,
) -> Result<(Redo, Bill), Failure> {
    let (spool, again) = (parts.spool.clone(), start.clone());
    let inbox = [start.pipeline.watch.folder.clone()];
    let mut work = tokio::task::spawn_blocking(move || list(&spool, again, success));
    let done = match parts.disks.patiently(&inbox, &mut work).await {
        Ok(done) => done,
        Err(_) => {
            worker_done(told, start.job).await;
            work.await
        }
    };
    let (warned, listed) = done.map_err(panicked)?;
    if let Some(warned) = warned {
        let (job, event) = (start.job, JobEvent::Warned(warned));
        tell(told, job, Told::Input(Input::Told { job, event })).await;
    }
    listed
}

fn list(
    spool: &Spool,
    mut start: Start,
    success: Success,
) -> (Option<Warned>, Result<(Redo, Bill), Failure>) {
    let warned = look_again(spool, &mut start);
    let brought = Brought {
        start: &start,
        outcomes: &success.outcomes,
        bill: &success.bill,
        plugins: json!(success.plugins),
    };
    let listed = match moves::success(spool, &brought) {
        Ok(redo) => Ok((redo, success.bill)),
        Err(failure) => {
            spool.discard(start.job, &temps(success.outcomes));
            Err(failure)
        }
    };
    (warned, listed)
}

/// What is told of the original from here on is what lies there now.
fn look_again(spool: &Spool, start: &mut Start) -> Option<Warned> {
    let (held, mark) = (&start.accepted.held.0, start.held_in.as_deref());
    let content = match spool.other_content(held, mark, &start.blake3) {
        Ok(content) => content?,
        Err(error) => {
            // The delivery finds out what is the matter with it.
            tracing::debug!(error = %crate::problem::chain(&error), job = %start.job, "an original cannot be looked at once more");
            return None;
        }
    };
    let was_read = !start.blake3.is_empty();
    start.accepted.identity.size = content.size;
    start.blake3 = content.blake3;
    was_read.then(|| Warned {
decided: None,
        step: None,
        code: "input-changed".to_owned(),
        message: "the file was written again after it had been taken: the results may be of what it was before, or of a mixture; \
                  write files elsewhere and rename them into the inbox, and drop this one once more if in doubt"
            .to_owned(),
    })
}
