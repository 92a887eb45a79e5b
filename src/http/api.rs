//! What the routes need from the rest of the daemon: the journal, its feed, and one object-safe trait for everything that
//! decides and does, with the plain types it speaks.
//!
//! The trait has two implementations: the daemon's, which asks scheduler and registry; and the tests'.

mod trial;

pub use self::trial::{KeptTrial, Trial, TryOutcome, TryOutput};
use crate::feed::Feed;
use crate::http::config::Config;
use crate::http::picture::{Picture, Undrawn};
use crate::http::seats::Seats;
use crate::http::session::Sessions;
use crate::http::slot::Slot;
use crate::http::strangers::Strangers;
use crate::job::id::JobId;
use crate::job::state::Job;
use crate::pipeline::checked::Pipeline;
use crate::plugin::manifest::{Manifest, Operation};
use crate::raw_path::RawPath;
use crate::statistics::Statistics;
use crate::store::Store;
use crate::time::Timestamp;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

/// A future of the trait's methods.
pub type Answer<'a, T, E = Refused> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// An original that was put back into its inbox.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Where it lies.
    pub path: RawPath,
    /// Why it is not taken from there, where that is known.
    pub note: Option<String>,
}

/// The daemon as the routes see it. Every method may be called at any time from any task.
pub trait Backend: Send + Sync + 'static {
    /// Ends a job that has not ended.
    fn cancel(&self, id: JobId) -> Answer<'_, ()>;
    /// Queues a failed or cancelled job again.
    fn retry(&self, id: JobId) -> Answer<'_, ()>;
    /// Puts a job's original back into its inbox and says where.
    fn restore(&self, id: JobId) -> Answer<'_, Restored>;

    /// All pipelines, by id.
    fn pipelines(&self) -> Answer<'_, Vec<PipelineEntry>>;
    /// The inboxes as they are now, by pipeline.
    fn folders(&self) -> BTreeMap<String, FolderEntry>;
    /// Checks a pipeline's text without keeping it.
    fn check_pipeline(&self, id: &str, yaml: Vec<u8>) -> Answer<'_, Checked>;
    /// Writes a pipeline's file, if it has no faults.
    fn put_pipeline(
        &self,
        id: &str,
        yaml: Vec<u8>,
        condition: Precondition,
    ) -> Answer<'_, Put, PutRefused>;
    /// Removes a pipeline's file.
    fn delete_pipeline(&self, id: &str, condition: Precondition) -> Answer<'_, (), PutRefused>;
    /// Stops new attempts.
    fn pause(&self, id: &str, reason: String) -> Answer<'_, ()>;
    /// Allows attempts again.
    fn resume(&self, id: &str) -> Answer<'_, ()>;
    /// Scans the pipeline's folder now.
    fn scan(&self, id: &str) -> Answer<'_, ()>;
    /// Runs one sample through a pipeline (its saved text, or `yaml`) without touching any folder of it.
    fn try_pipeline(&self, trial: Trial) -> Answer<'_, Arc<KeptTrial>, PutRefused>;
    /// A trial that is still kept.
    fn trial(&self, id: &str) -> Option<Arc<KeptTrial>>;
    /// Lets go of a trial; false where it was not kept.
    fn forget_trial(&self, id: &str) -> bool;

    /// The hash of the plugin that draws pages.
    fn renderer(&self) -> Result<String, Undrawn>;
    /// A picture of a page, as PNG.
    fn picture(&self, picture: Picture) -> Answer<'_, Bytes, Undrawn>;

    /// An empty file in the pipeline's inbox, hidden from the watch, to receive an upload.
    fn upload_slot(&self, pipeline: &str) -> Answer<'_, Slot>;
    /// An empty file in the work folder.
    fn scratch_slot(&self) -> Answer<'_, Slot>;
    /// Makes a received upload a job.
    fn submit(&self, pipeline: &str, name: String, slot: Slot) -> Answer<'_, Job>;

    /// Files in a pipeline's inbox that are no jobs, at most so many.
    fn files(&self, pipeline: &str, limit: usize) -> Answer<'_, Vec<WaitingFile>>;
    /// Why a file has (not) been processed.
    fn explain(&self, path: &Path) -> Answer<'_, Explanation>;
    /// How events spell the path of a file.
    fn spelled(&self, path: &Path) -> Answer<'_, PathBuf>;

    /// Installed plugins.
    fn plugins(&self) -> Vec<PluginEntry>;
    /// Files that could not be used as plugins.
    fn broken_plugins(&self) -> Vec<BrokenPlugin>;
    /// Operations of all installed plugins.
    fn operations(&self) -> Vec<OperationEntry>;
    /// JSON Schema of pipeline files, with every installed operation's parameters.
    fn pipeline_schema(&self) -> serde_json::Value;

    /// How the daemon is.
    fn health(&self) -> Answer<'_, Health>;
    /// Numbers for Prometheus.
    fn metrics(&self) -> Answer<'_, Vec<Metric>>;
}

/// Everything that handlers share.
pub struct Api {
    /// Those who decide and do.
    pub backend: Arc<dyn Backend>,
    /// The journal.
    pub store: Store,
    /// Its events, told as they happen.
    pub feed: Feed,
    /// What its events add up to.
    pub statistics: Statistics,
    /// Addresses, token, limits.
    pub config: Config,
    /// Relative paths of requests start here.
    pub home: PathBuf,
    /// What every answer tells of the home ([`crate::owner::HEADER`]). One without a readable id is told by nothing.
    pub(crate) told_home: Option<String>,
    /// Counts of this part.
    pub(crate) tally: Tally,
    pub(crate) strangers: Strangers,
    /// Who has how many streams.
    pub(crate) seats: Seats,
    /// Sessions of the page.
    pub(crate) sessions: Sessions,
    /// The description of all routes, once they are known.
    pub(crate) description: OnceLock<serde_json::Value>,
}

/// Counts for `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: AtomicU64,
    pub(crate) refusals: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) turned_away: AtomicU64,
}

impl Api {
    /// The shared part of all handlers.
    #[must_use]
    pub fn new(
        backend: Arc<dyn Backend>,
        store: Store,
        feed: Feed,
        statistics: Statistics,
        home: PathBuf,
        config: Config,
    ) -> Arc<Self> {
        let told_home = crate::owner::public(&home.join("state/home-id"));
        Arc::new(Self {
            backend,
            store,
            feed,
            statistics,
            config,
            sessions: Sessions::load(&home),
            told_home: told_home.ok().flatten(),
            home,
            tally: Tally::default(),
            strangers: Strangers::default(),
            seats: Seats::default(),
            description: OnceLock::new(),
        })
    }
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done in the state that things are in.
    #[error("{0}")]
    Conflict(String),
    /// What was asked makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Not now: starting, draining, disk full.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of the daemon. The text goes to the log, not to the client.
    #[error("{0}")]
    Failed(String),
}

/// A pipeline as the daemon knows it.
#[derive(Clone, Debug)]
pub struct PipelineEntry {
    /// The stem of its file.
    pub id: String,
    /// Its file.
    pub file: RawPath,
    /// The number of the last event about it.
    pub rev: u64,
    /// The file's text as it is now, with faults or without.
    pub yaml: String,
    /// Changes whenever the file does; what `If-Match` is compared with.
    pub tag: String,
    /// The revision that new jobs run.
    pub current: Option<Arc<Pipeline>>,
    /// What is wrong with the file.
    pub faults: Vec<Fault>,
    /// Why no attempts are made.
    pub paused: Option<String>,
    /// Its inbox.
    pub folder: Option<FolderEntry>,
    /// Jobs by state.
    pub counts: BTreeMap<String, u64>,
}

/// One thing wrong in a pipeline's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The file's name.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// JSON pointer of the place: `/steps/1/uses`.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What a text would be.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// What is wrong with it.
    pub faults: Vec<Fault>,
    /// The pipeline, where nothing is wrong with the text alone.
    pub pipeline: Option<Arc<Pipeline>>,
}

/// An inbox as the watch sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntry {
    /// The folder.
    pub folder: RawPath,
    /// `online`, `offline` or `blocked`.
    pub state: String,
    /// `events` or `polling`.
    pub mode: String,
    /// Why.
    pub reason: String,
    /// Files that are waited for.
    pub settling: u64,
    /// Files that stay where they are.
    pub ignored: u64,
    /// Another number after every change of what is known of its files.
    pub changes: u64,
    /// When it was last scanned.
    pub last_scan: Option<Timestamp>,
}

/// A file in an inbox that is no job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingFile {
    /// The pipeline that watches the inbox.
    pub pipeline: String,
    /// Where it lies.
    pub path: RawPath,
    /// `settling`, `offered`, `taken`, `left` or `ignored`.
    pub state: String,
    /// What it waits for, or by which rule it stays.
    pub reason: String,
}

/// What a change of a pipeline depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// The pipeline exists (`If-Match: *`).
    Exists,
    /// The pipeline does not exist (`If-None-Match: *`).
    Absent,
    /// Its tag is one of these (`If-Match: "..."`).
    Tag(Vec<String>),
}

/// A pipeline was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// It did not exist before.
    pub created: bool,
    /// Its revision.
    pub revision: String,
    /// Its new tag.
    pub tag: String,
}

/// Why a pipeline was not written or tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutRefused {
    /// The text has faults.
    Faults(Vec<Fault>),
    /// The precondition does not hold; the file as it is, where there is one.
    Precondition(Option<CurrentText>),
    /// Anything else.
    Other(Refused),
}

/// A pipeline's file as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentText {
    /// Its text.
    pub yaml: String,
    /// What `If-Match` wants.
    pub tag: String,
}

impl From<Refused> for PutRefused {
    fn from(refused: Refused) -> Self {
        Self::Other(refused)
    }
}

/// Why a file has (not) been processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The file.
    pub path: RawPath,
    /// The chain of decisions, in order.
    pub chain: Vec<Link>,
    /// Its job, if it is one.
    pub job: Option<JobId>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whether the file passed.
    pub ok: bool,
    /// For people.
    pub text: String,
}

/// An installed plugin.
#[derive(Clone, Debug)]
pub struct PluginEntry {
    /// What it says of itself.
    pub manifest: Manifest,
    /// BLAKE3 of the library (hex).
    pub blake3: String,
    /// The file it came from.
    pub file: RawPath,
    /// What it was built with.
    pub toolchain: String,
}

/// A file that cannot be used as a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenPlugin {
    /// The file.
    pub file: RawPath,
    /// Why, and what to do.
    pub reason: String,
}

/// An operation of an installed plugin.
#[derive(Clone, Debug)]
pub struct OperationEntry {
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// The operation.
    pub operation: Operation,
    /// Why it cannot be used here: a program that is missing, a permission that is not granted.
    pub unavailable: Option<String>,
}

/// How the daemon is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Takes files and runs jobs.
    pub ready: bool,
    /// What an operator should look at; empty = all is well.
    pub concerns: Vec<String>,
    /// Why no files are taken.
    pub intake_closed: Option<String>,
    /// When the daemon started.
    pub started: Option<Timestamp>,
    /// The sandbox level that workers reach.
    pub sandbox: String,
    /// Workers at work.
    pub workers_busy: u64,
    /// Workers allowed.
    pub workers_limit: u64,
    /// Jobs by state.
    pub jobs: BTreeMap<String, u64>,
    /// Plugins installed.
    pub plugins: u64,
    /// Plugins broken.
    pub plugins_broken: u64,
    /// Whether pages can be drawn.
    pub draws_pages: bool,
    /// Free bytes, by folder.
    pub disk_free: BTreeMap<String, u64>,
    /// Bytes of the journal's files.
    pub journal_bytes: u64,
    /// Whether the journal's reserve is there; without it the disk was full.
    pub journal_reserve: bool,
}

/// One number, or one for each label, for Prometheus.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// `dropleaf_jobs`.
    pub name: &'static str,
    /// One line.
    pub help: &'static str,
    /// What kind of number.
    pub kind: MetricKind,
    /// Labels and values.
    pub samples: Vec<(Vec<(&'static str, String)>, f64)>,
}

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}
