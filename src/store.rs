//! The journal and its projections: append events, ask for jobs and history, keep the daemon's memory across any death.
//!
//! Theory of operation. `event` is the truth: every fact has a number in one gap-free order, and job rows, counts and
//! pipeline rows are changed in the transaction that writes the fact, by the same `Job::apply` that the scheduler uses. One
//! thread writes (group commit, `synchronous=FULL`: what was acknowledged survives a power cut); a few read-only connections
//! answer questions beside it. Events are told to the sink (the feed) in order once they are durable, and only then is the one
//! who appended them told. The commands here are what another database will have to speak one day; no SQL leaves this module.

mod ballast;
pub mod config;
pub mod error;
pub mod ledger;
mod lock;
pub mod log;
mod mend;
pub mod open;
pub mod prune;
pub mod query;
mod readers;
mod row;
pub mod salvage;
pub mod schema;
pub mod shrink;
mod unit;
mod wal;
pub mod writer;

#[cfg(test)]
pub(crate) mod tests;

use crate::event::{Draft, Stored};
use crate::job::id::JobId;
use crate::job::state::Job;
use crate::raw_path::RawPath;
use crate::store::config::Config;
use crate::store::error::{Error, reading};
use crate::store::ledger::{LedgerChange, LedgerEntry};
use crate::store::log::{LogLine, NumberedLine};
use crate::store::open::{Journal, Opening};
use crate::store::query::{
    Counts, EventQuery, History, JobPage, JobQuery, PipelineRow, Scope, Snapshot,
};
use crate::store::readers::Readers;
use crate::store::writer::{Command, Gauges, Message, Outcome, Sink, Work};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Units that may wait for the disk. More than the scheduler can have under way; beyond it, units are refused and not
/// forgotten.
const WAITING: usize = 65_536;

/// How the journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The number of the last durable event.
    pub head: u64,
    /// Units that wait for the disk.
    pub waiting: usize,
    /// Transactions since the start.
    pub commits: u64,
    /// Whether the reserve is there; without it the disk was full, and intake should pause.
    pub reserve: bool,
    /// Whether the disk has failed; the daemon should stop.
    pub broken: bool,
}

/// A handle to the journal.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Unbounded in form, bounded by `WAITING`: a send never waits, so that units keep the order of the calls.
    sender: Mutex<Option<Sender<Message>>>,
    readers: Arc<Readers>,
    gauges: Arc<Gauges>,
    epoch: String,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens the journal and starts its writer at once; see [`Store::start`] where the sink needs to know the opening.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open(config: &Config, sink: Sink) -> Result<(Self, Opening), Error> {
        let (journal, opening) = Journal::open(config)?;
        Ok((Self::start(journal, sink)?, opening))
    }

    /// Starts the writer of an open journal. From now on `sink` hears of every event once it is durable, in order, before
    /// the one who appended it does.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(journal: Journal, sink: Sink) -> Result<Self, Error> {
        let (file, epoch) = (journal.file.clone(), journal.epoch.clone());
        let writer = journal.writer(sink);
        let gauges = Arc::clone(&writer.gauges);
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .stack_size(512 * 1024)
            .spawn(move || writer.run(&receiver))
            .map_err(|source| Error::Files {
                doing: "start the writer of",
                path: file.clone(),
                source,
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                sender: Mutex::new(Some(sender)),
                readers: Readers::new(file),
                gauges,
                epoch,
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// The journal's identity.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.inner.epoch
    }

    /// Bytes of the journal's files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let file = self.inner.readers.file().as_os_str();
        let size = |ending: &str| {
            let mut path = file.to_owned();
            path.push(ending);
            std::fs::metadata(path).map_or(0, |found| found.len())
        };
        size("") + size("-wal")
    }

    /// How the journal is, at no cost.
    #[must_use]
    pub fn health(&self) -> Health {
        let gauges = &self.inner.gauges;
        Health {
            head: gauges.head.load(Ordering::Acquire),
            waiting: gauges.waiting.load(Ordering::Relaxed),
            commits: gauges.commits.load(Ordering::Relaxed),
            reserve: gauges.ballast.load(Ordering::Relaxed),
            broken: gauges.broken.load(Ordering::Relaxed),
        }
    }

    /// Appends events as one unit: all of them, numbered one after the other, or none.
    ///
    /// The unit is enqueued before this returns, so that units stand in the journal in the order of the calls. The future
    /// resolves once they are durable and the sink has heard of them; dropping it takes nothing back.
    ///
    /// # Errors
    /// `Impossible`, `UnknownJob`, `JobExists`: the unit is wrong and alone refused. `Full`: again later. `Broken`: stop.
    pub fn append(
        &self,
        unit: Vec<Draft>,
    ) -> impl Future<Output = Result<Vec<Arc<Stored>>, Error>> + Send + use<> {
        let answer = self.enqueue(Work::Append(unit));
        async move {
            match answer.await? {
                Outcome::Stored(stored) => Ok(stored),
                Outcome::Done | Outcome::Pruned(_) | Outcome::Shrunk(_) => Err(Error::Closed),
            }
        }
    }

    /// Adds lines to a job's log, in the order of the calls. Beyond 2,000 lines or 256 KiB the log is cut off.
    ///
    /// # Errors
    /// `Full`, `Broken`, `Closed`.
    pub fn log(
        &self,
        job: JobId,
        lines: Vec<LogLine>,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.done(Work::Log(job, lines))
    }

    /// Puts files into the ledger, all or none.
    ///
    /// # Errors
    /// `Full`, `Broken`, `Closed`.
    pub fn ledger_put(
        &self,
        entries: Vec<LedgerEntry>,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.done(Work::Ledger(
            entries.into_iter().map(LedgerChange::Put).collect(),
        ))
    }

    /// Takes a file out of the ledger.
    ///
    /// # Errors
    /// `Full`, `Broken`, `Closed`.
    pub fn ledger_del(
        &self,
        pipeline: String,
        relative: RawPath,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.done(Work::Ledger(vec![LedgerChange::Delete {
            pipeline,
            relative,
        }]))
    }

    /// Takes all files of a pipeline out of the ledger.
    ///
    /// # Errors
    /// `Full`, `Broken`, `Closed`.
    pub fn ledger_clear(
        &self,
        pipeline: String,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.done(Work::Ledger(vec![LedgerChange::Clear { pipeline }]))
    }

    /// Keeps a text under a name, in place of the one before; for what belongs to a journal and is no event.
    ///
    /// # Errors
    /// `Full`, `Broken`, `Closed`.
    pub fn note(
        &self,
        name: &'static str,
        text: String,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.done(Work::Note(name, text))
    }

    /// The text that is kept under a name.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn noted(&self, name: &'static str) -> Result<Option<String>, Error> {
        self.ask(move |connection| schema::meta(connection, name).map_err(reading))
            .await
    }

    /// Keeps retention off a job that is about to be begun again, until it has ended once more. To be asked before the job is read:
    /// what is read then stays in the journal.
    ///
    /// # Errors
    /// `Full`, `Broken`, `Closed`.
    pub fn spare(&self, job: JobId) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.done(Work::Spare(job))
    }

    /// The last thing that happened to the file at a path while it was no job. Blocking: for threads of one's own.
    ///
    /// # Errors
    /// The journal cannot be read, or is closed.
    pub fn last_of_file(&self, path: &RawPath) -> Result<Option<Arc<Stored>>, Error> {
        self.inner
            .readers
            .ask_blocking(|connection| query::history::last_of_file(connection, path))
    }

    /// One job.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, Error> {
        self.ask(move |connection| row::load_job(connection, id))
            .await
    }

    /// A page of jobs.
    ///
    /// # Errors
    /// `BadQuery`: a state or cursor that does not exist. Or the journal cannot be read.
    pub async fn jobs(&self, query: JobQuery) -> Result<JobPage, Error> {
        self.ask(move |connection| query::jobs::page(connection, &query))
            .await
    }

    /// The last jobs of files at a path, the newest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn jobs_at_path(&self, path: RawPath) -> Result<Vec<Job>, Error> {
        self.ask(move |connection| query::jobs::at_path(connection, &path, 100))
            .await
    }

    /// The jobs, among the last ones, that put something at one of these paths, the newest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn jobs_that_put_out(&self, paths: Vec<RawPath>) -> Result<Vec<Job>, Error> {
        self.ask(move |connection| query::jobs::that_put_out(connection, &paths))
            .await
    }

    /// Events, oldest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn events(&self, query: EventQuery) -> Result<Vec<Arc<Stored>>, Error> {
        Ok(self.history(query, usize::MAX).await?.events)
    }

    /// Events with the ends of the journal at the same moment, up to a size of their bodies.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn history(&self, query: EventQuery, max_bytes: usize) -> Result<History, Error> {
        self.ask(move |connection| query::history::history(connection, &query, max_bytes))
            .await
    }

    /// For each (pipeline, BLAKE3, job): another job of the pipeline with the same content, one that succeeded rather than
    /// another.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn find_contents(
        &self,
        questions: Vec<(String, String, JobId)>,
    ) -> Result<Vec<Option<query::Same>>, Error> {
        self.ask(move |connection| {
            questions
                .iter()
                .map(|(pipeline, blake3, not)| {
                    query::jobs::find_content(connection, pipeline, blake3, *not)
                })
                .collect()
        })
        .await
    }

    /// How many jobs each pipeline has in each state.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn counts(&self) -> Result<Counts, Error> {
        self.ask(|connection| query::jobs::counts(connection, None).map_err(reading))
            .await
    }

    /// How many jobs of each pipeline ended in each minute since a moment (milliseconds since 1970).
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn ended_since(&self, since: i64) -> Result<Vec<query::hour::Ended>, Error> {
        self.ask(move |connection| query::hour::ended_since(connection, since).map_err(reading))
            .await
    }

    /// Every pipeline's last state.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn pipelines(&self) -> Result<Vec<PipelineRow>, Error> {
        self.ask(query::snapshot::pipelines).await
    }

    /// The state of things within a scope, at one event.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn snapshot(&self, scope: Scope) -> Result<Snapshot, Error> {
        self.ask(move |connection| query::snapshot::snapshot(connection, &scope))
            .await
    }

    /// Lines of a job's log from number `from` on.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn log_lines(
        &self,
        job: JobId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<NumberedLine>, Error> {
        self.ask(move |connection| log::lines(connection, job, from, limit).map_err(reading))
            .await
    }

    /// The files that are to be left alone, of one pipeline.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn ledger_list(&self, pipeline: String) -> Result<Vec<LedgerEntry>, Error> {
        self.ask(move |connection| ledger::list(connection, Some(&pipeline)))
            .await
    }

    /// The YAML of a revision that was ever current.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn revision_yaml(&self, hash: String) -> Result<Option<String>, Error> {
        self.ask(move |connection| {
            query::snapshot::revision_yaml(connection, &hash).map_err(reading)
        })
        .await
    }

    /// Whether a pipeline was ever there, removed ones included.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn has_pipeline(&self, id: String) -> Result<bool, Error> {
        self.ask(move |connection| query::snapshot::has_pipeline(connection, &id).map_err(reading))
            .await
    }

    /// Writes what waits, closes the file in order and frees the lock. Later calls answer `Closed`.
    pub async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        let sender = lock(&self.inner.sender).take();
        self.inner.readers.close();
        if let Some(sender) = sender {
            // A writer that is gone already is closed.
            let _ = sender.send(Message::Close(reply));
            let _ = closed.await;
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&rusqlite::Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.inner.readers.ask(question).await
    }

    fn done(&self, work: Work) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let answer = self.enqueue(work);
        async move { answer.await.map(drop) }
    }

    fn enqueue(&self, work: Work) -> impl Future<Output = Result<Outcome, Error>> + Send + use<> {
        let answer = self.send(work);
        async move { answer?.await.unwrap_or(Err(Error::Closed)) }
    }

    fn send(&self, work: Work) -> Result<oneshot::Receiver<Result<Outcome, Error>>, Error> {
        let gauges = &self.inner.gauges;
        let (reply, answer) = oneshot::channel();
        let sender = lock(&self.inner.sender);
        let sender = sender.as_ref().ok_or(Error::Closed)?;
        let waiting = gauges.waiting.fetch_add(1, Ordering::Relaxed);
        if waiting >= WAITING {
            gauges.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::Overloaded(waiting));
        }
        sender
            .send(Message::Command(Command { work, reply }))
            .map_err(|_| Error::Closed)?;
        Ok(answer)
    }
}

impl Drop for Inner {
    /// The last handle waits for the last commit, so that the lock is free when it is gone.
    fn drop(&mut self) {
        lock(&self.sender).take();
        self.readers.close();
        if let Some(thread) = lock(&self.thread).take() {
            // The sink may hold the last handle; a thread cannot wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
