//! The one thread that writes: takes what waits, writes it in one transaction, tells the feed, then those who wait.
//!
//! A lone command is committed at once. While a commit is on its way to the disk more commands pile up, and the next
//! transaction takes all of them (up to 512): the batch grows with the load by itself, and nobody ever waits for a timer.
//! Each command runs in its own savepoint, so that a bad one fails alone.

use crate::durable::failpoint;
use crate::event::{Draft, Stored};
use crate::job::id::JobId;
use crate::store::ballast::Ballast;
use crate::store::error::{Error, Severity, severity, writing};
use crate::store::ledger::{self, LedgerChange};
use crate::store::log::{self, Extent, LogLine};
use crate::store::prune::{self, Pruned, Retention};
use crate::store::row::load_job;
use crate::store::schema::set_meta;
use crate::store::shrink;
use crate::store::unit::{self, Known};
use rusqlite::Connection;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// Commands of one transaction.
const BATCH: usize = 512;
/// Jobs and logs that are remembered between transactions; what is not is read again.
const REMEMBERED: usize = 1_024;

/// Who is told about events once they are durable, in order.
pub type Sink = Box<dyn FnMut(&[Arc<Stored>]) + Send>;

/// What the writer can be asked to do.
#[derive(Debug)]
pub(crate) enum Work {
    Append(Vec<Draft>),
    Log(JobId, Vec<LogLine>),
    Ledger(Vec<LedgerChange>),
    Note(&'static str, String),
    Prune(Retention),
    Shrink(u32),
    Spare(JobId),
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    Stored(Vec<Arc<Stored>>),
    Done,
    Pruned(Pruned),
    /// Whether a further step would give back more.
    Shrunk(bool),
}

/// Work and who waits for it.
pub(crate) struct Command {
    pub(crate) work: Work,
    pub(crate) reply: oneshot::Sender<Result<Outcome, Error>>,
}

/// What goes through the writer's channel.
pub(crate) enum Message {
    Command(Command),
    Close(oneshot::Sender<()>),
}

/// What others may see of the writer without asking it.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) head: AtomicU64,
    pub(crate) waiting: AtomicUsize,
    pub(crate) broken: AtomicBool,
    pub(crate) ballast: AtomicBool,
    pub(crate) commits: AtomicU64,
}

/// The writer's state.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) sink: Sink,
    pub(crate) ballast: Ballast,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) known: Known,
    pub(crate) logs: HashMap<JobId, Extent>,
    /// Ended jobs that somebody is about to begin again: retention leaves them, until they have ended once more.
    pub(crate) spared: HashSet<JobId>,
    pub(crate) broken: Option<String>,
    /// Held as long as the journal may be written.
    pub(crate) lock: crate::store::lock::Lock,
    pub(crate) file: PathBuf,
}

/// Why a whole transaction failed.
enum Failure {
    Full,
    Disk(String),
    Statement(Arc<rusqlite::Error>),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        match severity(&error) {
            Severity::Full => Self::Full,
            Severity::Disk => Self::Disk(error.to_string()),
            Severity::Statement => Self::Statement(Arc::new(error)),
        }
    }
}

impl Failure {
    /// What an error of one unit says about all of them: a full or failing disk is nobody's own fault.
    fn of_all(error: &Error) -> Option<Self> {
        match error {
            Error::Full => Some(Self::Full),
            Error::Broken(reason) => Some(Self::Disk(reason.clone())),
            Error::Database { source, .. } => match severity(source) {
                Severity::Full => Some(Self::Full),
                Severity::Disk => Some(Self::Disk(source.to_string())),
                Severity::Statement => None,
            },
            _ => None,
        }
    }

    fn to_error(&self) -> Error {
        match self {
            Self::Full => Error::Full,
            Self::Disk(reason) => Error::Broken(reason.clone()),
            Self::Statement(source) => Error::Database {
                doing: "write",
                source: Arc::clone(source),
            },
        }
    }
}

impl Writer {
    /// Works until the last handle is gone or `Close` comes.
    pub(crate) fn run(mut self, receiver: &Receiver<Message>) {
        let mut closing = None;
        while closing.is_none() {
            let Ok(first) = receiver.recv() else { break };
            let mut batch = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next.take() {
                match message {
                    Message::Command(command) => batch.push(command),
                    Message::Close(reply) => {
                        closing = Some(reply);
                        break;
                    }
                }
                if batch.len() < BATCH {
                    next = receiver.try_recv().ok();
                }
            }
            self.gauges
                .waiting
                .fetch_sub(batch.len(), Ordering::Relaxed);
            self.serve(batch);
        }
        self.end();
        if let Some(reply) = closing {
            // Nobody may be waiting any more for the end.
            let _ = reply.send(());
        }
    }

    fn serve(&mut self, batch: Vec<Command>) {
        if batch.is_empty() {
            return;
        }
        let (works, replies): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|command| (command.work, command.reply))
            .unzip();
        let outcomes = self.write(&works);
        let is_shrunk = |outcome| matches!(outcome, &Ok(Outcome::Shrunk(false)));
        if outcomes.iter().any(is_shrunk) {
            shrink::cut(&self.connection);
        }
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            // A caller that does not wait any more still has its events in the journal.
            let _ = reply.send(outcome);
        }
        self.ballast.refill_when_possible();
        self.gauges
            .ballast
            .store(self.ballast.held(), Ordering::Relaxed);
    }

    /// Writes the works in one transaction; where the disk is full, frees the ballast and tries again, then each alone.
    fn write(&mut self, works: &[Work]) -> Vec<Result<Outcome, Error>> {
        if let Some(reason) = &self.broken {
            return works
                .iter()
                .map(|_| Err(Error::Broken(reason.clone())))
                .collect();
        }
        let mut tried = self.transact(works);
        if matches!(tried, Err(Failure::Full)) && self.ballast.release() {
            tracing::error!(journal = %self.file.display(), "disk full, the journal's reserve is freed");
            tried = self.transact(works);
        }
        match tried {
            Ok(outcomes) => outcomes,
            Err(Failure::Full) if works.len() > 1 => works
                .iter()
                .flat_map(|work| self.write(std::slice::from_ref(work)))
                .collect(),
            Err(failure) => {
                self.note(&failure);
                works.iter().map(|_| Err(failure.to_error())).collect()
            }
        }
    }

    fn note(&mut self, failure: &Failure) {
        // What an unsure extent says of a job's log would be wrong after a rollback.
        self.logs.clear();
        if let Failure::Disk(reason) = failure {
            tracing::error!(journal = %self.file.display(), reason, "the journal's disk failed");
            self.broken = Some(reason.clone());
            self.gauges.broken.store(true, Ordering::Relaxed);
        }
    }

    fn transact(&mut self, works: &[Work]) -> Result<Vec<Result<Outcome, Error>>, Failure> {
        let written = self.attempt(works);
        // A failed COMMIT has rolled back already, a failed statement may have.
        if written.is_err() && !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        if written.is_err() {
            self.logs.clear();
        }
        let (outcomes, batch) = written?;
        self.remember(batch);
        self.publish(&outcomes);
        Ok(outcomes)
    }

    fn attempt(&mut self, works: &[Work]) -> Result<(Vec<Result<Outcome, Error>>, Known), Failure> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut batch = self.unchanged();
        let mut outcomes = Vec::with_capacity(works.len());
        if let [work] = works {
            // One that is alone needs no savepoint, for which SQLite keeps a copy of every page that is changed.
            let outcome = self.work(work, &mut batch);
            if let Err(error) = &outcome {
                if let Some(failure) = Failure::of_all(error) {
                    return Err(failure);
                }
                self.connection.execute_batch("ROLLBACK")?;
                return Ok((vec![outcome], self.unchanged()));
            }
            outcomes.push(outcome);
        } else {
            for work in works {
                self.statement("SAVEPOINT unit")?;
                let outcome = self.work(work, &mut batch);
                if let Err(error) = &outcome {
                    if let Some(failure) = Failure::of_all(error) {
                        return Err(failure);
                    }
                    self.statement("ROLLBACK TO unit")?;
                }
                self.statement("RELEASE unit")?;
                outcomes.push(outcome);
            }
        }
        failpoint::moment();
        self.connection.execute_batch("COMMIT")?;
        failpoint::moment();
        Ok((outcomes, batch))
    }

    /// What is known before anything of a transaction is written.
    fn unchanged(&self) -> Known {
        Known {
            head: self.known.head,
            jobs: HashMap::new(),
        }
    }

    fn statement(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    fn work(&mut self, work: &Work, batch: &mut Known) -> Result<Outcome, Error> {
        match work {
            Work::Append(drafts) => {
                let written = unit::write(&self.connection, [batch, &self.known], drafts)?;
                batch.head += written.stored.len() as u64;
                batch.jobs.extend(written.jobs);
                Ok(Outcome::Stored(written.stored))
            }
            Work::Log(job, lines) => {
                let extent = match self.logs.remove(job) {
                    Some(extent) => extent,
                    None if self.is_known(*job, batch)? => log::extent(&self.connection, *job)?,
                    None => return Err(Error::UnknownJob(*job)),
                };
                let extent = log::add(&self.connection, *job, extent, lines)?;
                if self.logs.len() >= REMEMBERED {
                    self.logs.clear();
                }
                self.logs.insert(*job, extent);
                Ok(Outcome::Done)
            }
            Work::Ledger(changes) => {
                for change in changes {
                    ledger::change(&self.connection, change)?;
                }
                Ok(Outcome::Done)
            }
            Work::Note(name, text) => {
                set_meta(&self.connection, name, text).map_err(writing)?;
                Ok(Outcome::Done)
            }
            Work::Prune(retention) => {
                prune::step(&self.connection, retention, &self.spared).map(Outcome::Pruned)
            }
            Work::Shrink(spare) => shrink::step(&self.connection, *spare).map(Outcome::Shrunk),
            Work::Spare(job) => {
                self.spared.insert(*job);
                Ok(Outcome::Done)
            }
        }
    }

    fn is_known(&self, job: JobId, batch: &Known) -> Result<bool, Error> {
        if batch.jobs.contains_key(&job) || self.known.jobs.contains_key(&job) {
            return Ok(true);
        }
        Ok(load_job(&self.connection, job)?.is_some())
    }

    /// Keeps what is known of open jobs; a job that has ended is not asked for again soon.
    fn remember(&mut self, batch: Known) {
        self.known.head = batch.head;
        for (id, job) in batch.jobs {
            if job.state.is_terminal() {
                self.known.jobs.remove(&id);
                self.spared.remove(&id);
                self.logs.remove(&id);
            } else {
                if self.known.jobs.len() >= REMEMBERED {
                    self.known.jobs.clear();
                }
                self.known.jobs.insert(id, job);
            }
        }
        self.gauges.head.store(self.known.head, Ordering::Release);
        self.gauges.commits.fetch_add(1, Ordering::Relaxed);
    }

    fn publish(&mut self, outcomes: &[Result<Outcome, Error>]) {
        let events: Vec<Arc<Stored>> = outcomes
            .iter()
            .filter_map(|outcome| match outcome {
                Ok(Outcome::Stored(stored)) => Some(stored),
                _ => None,
            })
            .flatten()
            .cloned()
            .collect();
        if !events.is_empty() {
            (self.sink)(&events);
        }
    }

    /// Leaves a journal that says it was closed in order.
    fn end(self) {
        if self.broken.is_none() {
            let closed = set_meta(&self.connection, "clean", "1").and_then(|()| {
                self.connection
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            });
            if let Err(error) = closed {
                tracing::warn!(journal = %self.file.display(), %error, "journal could not be closed in order");
            }
        }
        drop(self.connection);
        // Only now may another daemon open it.
        drop(self.lock);
    }
}
