//! Brings one worker to `Ready`.

use crate::plugin::grants::Grant;
use crate::pool::Shared;
use crate::pool::denials::Denials;
use crate::pool::process::{Death, Process};
use crate::pool::readers::Readers;
use crate::problem::{Code, Problem};
use crate::wire::chatter::Lines;
use crate::wire::frame::{Frame, FrameError};
use crate::wire::message::{PROTOCOL, ToDaemon};
use crate::wire::stream::Connection;
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;

/// A worker that waits for a question.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) process: Process,
    pub(crate) connection: Connection,
    /// What it prints, both streams in one.
    pub(crate) output: pipe::Receiver,
    /// What it has printed while it ran no attempt, and whether there can be more.
    pub(crate) lines: Lines,
    prints: bool,
    /// The sandbox level it reached.
    pub(crate) sandbox: String,
    /// The folder that it may write.
    pub(crate) scratch: Option<PathBuf>,
    /// What its sandbox denies.
    pub(crate) denials: Denials,
    /// Attempts that it has run before, and what processor time went into them.
    pub(crate) attempts: u32,
    pub(crate) spent: Duration,
}

impl Worker {
    /// The next word of a worker that runs no attempt. A denied call is held up until it is answered, so they are answered
    /// here too.
    pub(crate) async fn hear(
        &mut self,
        denied: &AtomicU64,
    ) -> Result<Option<Frame<ToDaemon>>, FrameError> {
        let mut buffer = [0; 4096];
        loop {
            tokio::select! {
                word = self.connection.hear() => return word,
                // A pipe that is full would hold it up. What it printed last is for the blame.
                printed = self.output.read(&mut buffer), if self.prints => match printed {
                    Ok(count @ 1..) => drop(self.lines.push(&buffer[..count])),
                    Ok(0) | Err(_) => self.prints = false,
                },
                call = self.denials.next() => {
                    let name = call.name();
                    tracing::debug!(call = name, "a worker was denied a call outside of an attempt");
                    self.denials.deny(call, None);
                    denied.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

/// What to do where too many files are open.
pub(crate) const MORE_FILES: &str = "raise the daemon's limit of open files (`LimitNOFILE=` of systemd, `ulimit -n`); the job goes on by itself";

/// Why a worker could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system did not start the process.
    #[error("failed to start a worker process")]
    Spawn(#[source] io::Error),
    /// It did not say that it is ready in time.
    #[error("a worker was not ready within {} s", .0.as_secs())]
    Slow(Duration),
    /// It ended before it was ready.
    #[error("a worker ended before it was ready ({death}){}", last_words(.said))]
    Died {
        /// How.
        death: String,
        /// What it printed.
        said: String,
    },
    /// It is of another version.
    #[error("a worker speaks protocol `{0}`, this daemon `{PROTOCOL}`")]
    Protocol(u32),
    /// It refused to begin, for example because the sandbox is required and something of it is missing.
    #[error("{}", .0.detail)]
    Refused(Problem),
    /// It said something else.
    #[error("a worker did not begin as it should")]
    Conversation(#[source] FrameError),
}

impl StartError {
    /// The same as a job's problem.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Refused(problem) => problem.clone(),
            _ if self.lacks_room() => Problem::new(Code::DiskFull, self.chain())
                .hint("free some space; the job goes on by itself"),
            _ if self.lacks_files() => {
                Problem::new(Code::WorkerFailed, self.chain()).hint(MORE_FILES)
            }
            _ => Problem::new(Code::WorkerFailed, self.chain()),
        }
    }

    /// Whether it would have started if this process might open more files.
    pub(crate) fn lacks_files(&self) -> bool {
        match self {
            Self::Conversation(FrameError::NoDescriptorsLeft) => true,
            Self::Spawn(error) => {
                let errno = Errno::from_io_error(error);
                matches!(errno, Some(Errno::MFILE | Errno::NFILE))
            }
            _ => false,
        }
    }

    /// Whether it would have started if there had been room on the disk.
    pub(crate) fn lacks_room(&self) -> bool {
        matches!(self, Self::Spawn(error) if matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ))
    }

    pub(crate) fn chain(&self) -> String {
        crate::problem::chain(self)
    }
}

fn last_words(said: &str) -> String {
    match said.lines().last() {
        Some(line) => format!(": {line}"),
        None => String::new(),
    }
}

pub(crate) async fn start(shared: &Shared, grant: Grant) -> Result<Worker, StartError> {
    let slot = shared.slots.take();
    let spawned = shared
        .spawner
        .spawn(slot, grant)
        .await
        .map_err(StartError::Spawn)?;
    let process = Process::new(spawned.held);
    let output = pipe::Receiver::from_owned_fd(OwnedFd::from(spawned.output));
    let mut worker = Worker {
        process,
        connection: Connection::new(spawned.control).map_err(StartError::Spawn)?,
        output: output.map_err(StartError::Spawn)?,
        lines: Lines::default(),
        prints: true,
        sandbox: String::new(),
        scratch: spawned.scratch,
        denials: Denials::new(None, None),
        attempts: 0,
        spent: Duration::ZERO,
    };
    let limit = shared.config.start_limit;
    let begun = tokio::time::timeout(limit, begin(shared, &mut worker)).await;
    match begun {
        Err(_) => Err(StartError::Slow(limit)),
        Ok(Ok(true)) => Ok(worker),
        Ok(Ok(false)) => Err(post_mortem(worker).await),
        Ok(Err(error)) => Err(error),
    }
}

/// Hears what the worker says before it is asked anything; `false` where it has ended instead.
async fn begin(shared: &Shared, worker: &mut Worker) -> Result<bool, StartError> {
    let mut memory = None;
    loop {
        let word = worker.connection.hear().await;
        let Some(frame) = word.map_err(StartError::Conversation)? else {
            return Ok(false);
        };
        match frame.message {
            ToDaemon::Memory if memory.is_none() => memory = frame.descriptor,
            ToDaemon::Ready { protocol, .. } if protocol != PROTOCOL => {
                return Err(StartError::Protocol(protocol));
            }
            ToDaemon::Ready { sandbox, .. } => {
                worker.sandbox = sandbox;
                let scratch = worker.scratch.clone();
                let readers = memory.map(|memory| Readers::new(memory, &shared.readable, scratch));
                worker.denials = Denials::new(frame.descriptor, readers);
                return Ok(true);
            }
            ToDaemon::Failed { problem, .. } => return Err(StartError::Refused(problem)),
            _ => {
                return Err(StartError::Died {
                    death: "it said something else first".into(),
                    said: String::new(),
                });
            }
        }
    }
}

async fn post_mortem(mut worker: Worker) -> StartError {
    let mut lines = Lines::default();
    listen_to_the_end(&mut worker.output, &mut lines).await;
    let dead = tokio::time::timeout(Duration::from_secs(1), worker.process.dead()).await;
    let death = match dead.map(|()| worker.process.reap()) {
        Ok(Ok(Death::Exit(code))) => format!("exit code {code}"),
        Ok(Ok(Death::Signal(signal))) => format!("signal {signal}"),
        Ok(Err(_)) | Err(_) => "it closed its socket".into(),
    };
    StartError::Died {
        death,
        said: lines.tail(),
    }
}

/// Reads what a dead worker has left in its pipe. A grandchild may keep the pipe open, so nothing new is waited for.
pub(crate) async fn listen_to_the_end(
    output: &mut pipe::Receiver,
    lines: &mut Lines,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(count @ 1..)) =
        tokio::time::timeout(Duration::from_millis(100), output.read(&mut buffer)).await
    {
        found.extend(lines.push(&buffer[..count]));
        if found.len() > 5000 {
            break;
        }
    }
    found.extend(lines.rest());
    found
}
