//! Has a file looked over by a worker that has loaded no plugin.

use crate::job::attempt::{Ending, Failure};
use crate::plugin::grants::Grant;
use crate::pool::Shared;
use crate::pool::supervise::stop_failure;
use crate::pool::update::{Stop, StopHandle};
use crate::problem::{Code, Problem, chain};
use crate::wire::message::{Inspected, Plan, ToDaemon, ToWorker};
use std::fs::File;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;

/// What a clean worker says of the file: what it found, or why it cannot be opened.
pub(crate) async fn inspect(
    shared: &Arc<Shared>,
    plan: Plan,
    file: &File,
    patience: Duration,
    stop: &StopHandle,
) -> Result<Result<Inspected, Problem>, Failure> {
    let failed = |problem| Failure {
        ending: Ending::Failed,
        problem,
    };
    let look = async {
        let mut worker = Shared::worker(shared, &Grant::default())
            .await
            .map_err(|error| failed(error.problem()))?;
        let broken = |text: String| {
            let text = format!("the worker that looked at a result failed: {text}");
            failed(Problem::new(Code::WorkerFailed, text))
        };
        let question = ToWorker::Inspect(Box::new(plan));
        let ask = async {
            let told = worker.connection.say(&question, Some(file.as_fd()));
            told.await?;
            worker.hear(&shared.denied).await
        };
        // That a worker was slow to start says nothing about the file, so only the reading is timed.
        let Ok(heard) = tokio::time::timeout(patience, ask).await else {
            return Ok(Err(Problem::new(
                Code::TimedOut,
                "reading it took too long",
            )));
        };
        match heard {
            Ok(Some(frame)) => match frame.message {
                ToDaemon::Inspected(found) => Ok(Ok(found)),
                ToDaemon::Failed { problem, .. } => Ok(Err(problem)),
                _ => Err(broken("it answered another question".to_owned())),
            },
            // What kills a reader is no sound document.
            Ok(None) => Ok(Err(Problem::new(
                Code::ResultInvalid,
                "reading it ended the worker",
            ))),
            Err(error) => Err(broken(chain(&error))),
        }
    };
    // The pool's end waits for it as for an attempt.
    let look = shared.attempts.track_future(look);
    tokio::select! {
        biased;
        () = shared.interrupted.cancelled() => Err(stop_failure(Stop::Interrupted)),
        why = stop.stopped() => Err(stop_failure(why)),
        looked = look => looked,
    }
}
