//! Asks a worker what a library says about itself.

use crate::plugin::grants::Grant;
use crate::pool::blame::words;
use crate::pool::process::Death;
use crate::pool::start::{StartError, Worker, listen_to_the_end};
use crate::pool::{Described, Shared};
use crate::wire::frame::FrameError;
use crate::wire::message::{Entrance, ToDaemon, ToWorker};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Why a library could not tell its manifest.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// No worker could be started; the library was not touched.
    #[error("no worker could be started")]
    Worker(#[source] StartError),
    /// It cannot be loaded.
    #[error("{0}")]
    Refused(String),
    /// Loading it, or a function of it that was called then, killed the worker.
    #[error("{0}")]
    Crashed(String),
    /// The worker that loaded it was killed, perhaps by somebody else: a system without memory, an operator.
    #[error("{0}")]
    Killed(String),
    /// Loading it took too long.
    #[error("loading it took more than {} s", .0.as_secs())]
    Slow(Duration),
    /// The worker said something else.
    #[error("loading it broke the worker's protocol: {0}")]
    Protocol(String),
}

impl DescribeError {
    /// Whether the library did harm, so that this very file must not be tried again.
    #[must_use]
    pub fn is_its_fault(&self) -> bool {
        !matches!(self, Self::Worker(_))
    }
}

/// Whoever is killed this often while it loads a library was killed by it.
const TRIES: u32 = 3;

pub(crate) async fn describe(
    shared: &Arc<Shared>,
    library: &Path,
) -> Result<Described, DescribeError> {
    for _ in 1..TRIES {
        match describe_once(shared, library).await {
            Err(DescribeError::Killed(how)) => {
                tracing::warn!(library = %library.display(), "{how}; the plugin is tried again");
            }
            answer => return answer,
        }
    }
    describe_once(shared, library).await
}

async fn describe_once(shared: &Arc<Shared>, library: &Path) -> Result<Described, DescribeError> {
    let mut worker = Shared::worker(shared, &Grant::default())
        .await
        .map_err(DescribeError::Worker)?;
    let limit = shared.config.describe_limit;
    let mut called = None;
    let ask = ask(&mut worker, library, &shared.denied, &mut called);
    let answer = tokio::time::timeout(limit, ask).await;
    let broken = |error: FrameError| DescribeError::Protocol(crate::problem::chain(&error));
    match answer {
        Err(_) => Err(DescribeError::Slow(limit)),
        Ok(Ok(Some(ToDaemon::Described {
            manifest,
            toolchain,
        }))) => Ok(Described {
            manifest,
            toolchain,
        }),
        Ok(Ok(Some(ToDaemon::Failed { problem, .. }))) => {
            Err(DescribeError::Refused(problem.detail))
        }
        Ok(Ok(Some(_))) => Err(DescribeError::Protocol(
            "it answered another question".into(),
        )),
        Ok(Ok(None)) => Err(end_of(worker, called).await),
        Ok(Err(FrameError::Socket { .. })) => Err(end_of(worker, called).await),
        Ok(Err(error)) => Err(broken(error)),
    }
}

async fn ask(
    worker: &mut Worker,
    library: &Path,
    denied: &AtomicU64,
    called: &mut Option<Entrance>,
) -> Result<Option<ToDaemon>, FrameError> {
    let library = library.to_string_lossy().into_owned();
    let question = ToWorker::Describe { library };
    worker.connection.say(&question, None).await?;
    loop {
        match worker.hear(denied).await?.map(|frame| frame.message) {
            Some(ToDaemon::Log { .. } | ToDaemon::LinesDropped { .. }) => {}
            Some(ToDaemon::Calls(entrance)) => *called = Some(entrance),
            answer => return Ok(answer),
        }
    }
}

async fn end_of(mut worker: Worker, called: Option<Entrance>) -> DescribeError {
    let mut lines = std::mem::take(&mut worker.lines);
    listen_to_the_end(&mut worker.output, &mut lines).await;
    let dead = tokio::time::timeout(Duration::from_secs(1), worker.process.dead()).await;
    let death = dead.map(|()| worker.process.reap());
    let was_killed = matches!(death, Ok(Ok(Death::Signal(libc::SIGKILL))));
    let who = match called {
        None => "loading it, or a constructor of it,",
        Some(Entrance::Init) => "its `init()`",
        Some(Entrance::Operation) => "its `operation()`",
    };
    let mut text = match death {
        Ok(Ok(Death::Signal(signal))) => format!("{who} killed the worker with signal {signal}"),
        Ok(Ok(Death::Exit(code))) => format!("{who} ended the worker with exit code {code}"),
        Ok(Err(_)) | Err(_) => format!("{who} closed the worker's socket"),
    };
    if let Some(line) = words::telling(&lines.recent()) {
        text.push_str(&format!(": {line}"));
    }
    match was_killed {
        true => DescribeError::Killed(text),
        false => DescribeError::Crashed(text),
    }
}
