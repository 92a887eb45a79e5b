//! What others may ask of the scheduler: verbs on a cloneable handle.

use crate::job::event::Identity;
use crate::job::id::JobId;
use crate::pipeline::checked::Pipeline;
use crate::pipeline::fault::Fault;
use crate::raw_path::RawPath;
use crate::scheduler::decide::obstacles::Obstacle;
use crate::scheduler::pipelines::Checked;
use crate::watch::update::FolderStatus;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// Commands wait here while the loop is busy; a full queue makes the asker wait, which is what a person can bear.
pub(crate) const COMMANDS: usize = 256;

/// A handle on the running scheduler.
#[derive(Clone, Debug)]
pub struct Scheduler {
    commands: mpsc::Sender<Command>,
    pipelines: watch::Receiver<Arc<PipelineSet>>,
    health: watch::Receiver<Arc<Health>>,
}

/// Why something was refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done in the present state.
    #[error("{0}")]
    Conflict(String),
    /// What was asked makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Not now: shutting down, disk full.
    #[error("{0}")]
    Unavailable(String),
    /// A pipeline's YAML has faults.
    #[error("the pipeline has {} faults", .0.len())]
    Faults(Vec<Fault>),
}

/// Every pipeline as it stands.
#[derive(Clone, Debug, Default)]
pub struct PipelineSet {
    /// In order of id.
    pub entries: Vec<PipelineStatus>,
}

/// One pipeline as it stands.
#[derive(Clone, Debug)]
pub struct PipelineStatus {
    /// The stem of its file.
    pub id: String,
    /// Its file.
    pub file: PathBuf,
    /// What runs.
    pub current: Option<Arc<Pipeline>>,
    /// What is wrong with the file as it is now.
    pub faults: Vec<Fault>,
    /// Why it is paused.
    pub paused: Option<String>,
    /// How its folder is.
    pub folder: Option<FolderStatus>,
}

impl PipelineSet {
    /// The pipeline of this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&PipelineStatus> {
        self.entries.iter().find(|entry| entry.id == id)
    }
}

/// How the scheduler is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Attempts at once.
    pub workers: usize,
    /// Attempts and moves under way.
    pub busy: usize,
    /// Why no new files are taken.
    pub intake_closed: Option<String>,
    /// What open jobs wait for until somebody puts it right.
    pub obstacles: Vec<Obstacle>,
    /// The sandbox level that workers reach.
    pub sandbox: String,
    /// It takes no more work.
    pub draining: bool,
}

/// An original that was put back into its inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where it lies.
    pub path: RawPath,
    /// Why it is not taken from there, where that is known.
    pub note: Option<String>,
}

/// A file that somebody sent.
#[derive(Debug)]
pub struct Upload {
    /// The pipeline.
    pub pipeline: String,
    /// Its name, without folders.
    pub name: String,
    /// Where it lies: in the inbox's upload folder.
    pub temp: PathBuf,
    /// Who it is.
    pub identity: Identity,
}

/// Why a file has (not) been processed.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The file.
    pub path: RawPath,
    /// What was asked and found, in order.
    pub chain: Vec<Link>,
    /// The newest job about the file.
    pub job: Option<JobId>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Whether the file passed it.
    pub ok: bool,
    /// In plain words.
    pub text: String,
}

pub(crate) type Answer<T> = oneshot::Sender<Result<T, Refused>>;

/// What the loop is asked.
#[derive(Debug)]
pub(crate) enum Command {
    Cancel(JobId, Answer<()>),
    Retry(JobId, Answer<()>),
    Restore(JobId, Answer<Restored>),
    Pause(String, Option<String>, Answer<()>),
    Scan(String, Answer<()>),
    Submit(Upload, Answer<JobId>),
    UploadPath(String, Answer<PathBuf>),
    Explain(PathBuf, Answer<Explanation>),
    Spelled(PathBuf, Answer<PathBuf>),
    WhyQueued(JobId, oneshot::Sender<Option<String>>),
    Save {
        id: String,
        yaml: String,
        expected: Option<String>,
        answer: Answer<bool>,
    },
    Delete(String, Option<String>, Answer<()>),
    Check {
        id: String,
        yaml: Vec<u8>,
        answer: Answer<Checked>,
    },
    Reload,
}

impl Scheduler {
    pub(crate) fn new(
        commands: mpsc::Sender<Command>,
        pipelines: watch::Receiver<Arc<PipelineSet>>,
        health: watch::Receiver<Arc<Health>>,
    ) -> Self {
        Self {
            commands,
            pipelines,
            health,
        }
    }

    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, Refused> {
        let gone = || Refused::Unavailable("the daemon is shutting down".to_owned());
        let (answer, answered) = oneshot::channel();
        self.commands
            .send(command(answer))
            .await
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Cancels an open job; its original goes to `failed/` with a note.
    ///
    /// # Errors
    /// It is not open, or past the point of no return.
    pub async fn cancel(&self, job: JobId) -> Result<(), Refused> {
        self.ask(|answer| Command::Cancel(job, answer)).await
    }

    /// Runs a failed or cancelled job again, with its pipeline's current revision; answers when the journal has it queued.
    ///
    /// # Errors
    /// It is not failed or cancelled, or its original is gone.
    pub async fn retry(&self, job: JobId) -> Result<(), Refused> {
        self.ask(|answer| Command::Retry(job, answer)).await
    }

    /// Puts a copy of an ended job's original back into its inbox, as if it were dropped again.
    ///
    /// # Errors
    /// It is still open, or its original is gone.
    pub async fn restore(&self, job: JobId) -> Result<Restored, Refused> {
        self.ask(|answer| Command::Restore(job, answer)).await
    }

    /// Starts no new attempts of a pipeline.
    ///
    /// # Errors
    /// There is no such pipeline.
    pub async fn pause(&self, pipeline: &str, reason: &str) -> Result<(), Refused> {
        self.ask(|answer| Command::Pause(pipeline.to_owned(), Some(reason.to_owned()), answer))
            .await
    }

    /// Starts attempts of a pipeline again.
    ///
    /// # Errors
    /// There is no such pipeline.
    pub async fn resume(&self, pipeline: &str) -> Result<(), Refused> {
        self.ask(|answer| Command::Pause(pipeline.to_owned(), None, answer))
            .await
    }

    /// Scans a pipeline's folder now.
    ///
    /// # Errors
    /// There is no such pipeline.
    pub async fn scan(&self, pipeline: &str) -> Result<(), Refused> {
        self.ask(|answer| Command::Scan(pipeline.to_owned(), answer))
            .await
    }

    /// Where an upload for this pipeline is to be written: on the inbox's own file system, hidden from its watch.
    ///
    /// # Errors
    /// There is no such pipeline, or it takes no files now.
    pub async fn upload_path(&self, pipeline: &str) -> Result<PathBuf, Refused> {
        self.ask(|answer| Command::UploadPath(pipeline.to_owned(), answer))
            .await
    }

    /// Takes an uploaded file; answers when the job is durable and the file is ours.
    ///
    /// # Errors
    /// There is no such pipeline, or it takes no files now.
    pub async fn submit(&self, upload: Upload) -> Result<JobId, Refused> {
        self.ask(|answer| Command::Submit(upload, answer)).await
    }

    /// Why a file has (not) been processed.
    ///
    /// # Errors
    /// Only while the daemon shuts down.
    pub async fn explain(&self, path: PathBuf) -> Result<Explanation, Refused> {
        self.ask(|answer| Command::Explain(path, answer)).await
    }

    /// How events spell the path of a file, which may be named through a link.
    ///
    /// # Errors
    /// Only while the daemon shuts down.
    pub async fn spelled(&self, path: PathBuf) -> Result<PathBuf, Refused> {
        self.ask(|answer| Command::Spelled(path, answer)).await
    }

    /// Checks and saves a pipeline; true where it is new.
    ///
    /// # Errors
    /// It has faults, or `expected` is not the tag of its file any more (see [`crate::scheduler::pipelines::tag`]).
    pub async fn save_pipeline(
        &self,
        id: &str,
        yaml: String,
        expected: Option<String>,
    ) -> Result<bool, Refused> {
        self.ask(|answer| Command::Save {
            id: id.to_owned(),
            yaml,
            expected,
            answer,
        })
        .await
    }

    /// Removes a pipeline's file, if it is still the one with the tag `expected`. Running jobs end by the text
    /// they were started with; others wait until the file is back or they are cancelled.
    ///
    /// # Errors
    /// There is no such pipeline, or its file was changed.
    pub async fn delete_pipeline(&self, id: &str, expected: Option<String>) -> Result<(), Refused> {
        self.ask(|answer| Command::Delete(id.to_owned(), expected, answer))
            .await
    }

    /// What a pipeline text would be, alone and beside the current pipelines.
    ///
    /// # Errors
    /// Only while the daemon shuts down.
    pub async fn check_pipeline(&self, id: &str, yaml: Vec<u8>) -> Result<Checked, Refused> {
        self.ask(|answer| Command::Check {
            id: id.to_owned(),
            yaml,
            answer,
        })
        .await
    }

    /// Reads the pipeline files again.
    pub async fn reload(&self) {
        // A closed loop has nothing to reload.
        let _ = self.commands.send(Command::Reload).await;
    }

    /// Every pipeline as it stands.
    #[must_use]
    pub fn pipelines(&self) -> Arc<PipelineSet> {
        Arc::clone(&self.pipelines.borrow())
    }

    /// How the scheduler is.
    #[must_use]
    pub fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health.borrow())
    }

    /// Tells each change of how the scheduler is.
    #[must_use]
    pub fn health_changes(&self) -> watch::Receiver<Arc<Health>> {
        self.health.clone()
    }
}
