//! What the hands hold, and the two things that everything else is made of: appending to the journal, and file work.

use crate::event::Draft;
use crate::feed::Feed;
use crate::job::event::Identity;
use crate::job::id::JobId;
use crate::pipeline::checked::Pipeline;
use crate::plugin::catalog::Catalog;
use crate::pool::update::StopHandle;
use crate::raw_path::RawPath;
use crate::scheduler::act::pending::{Pace, Pending};
use crate::scheduler::attempt::{self, Told};
use crate::scheduler::brought::Bring;
use crate::scheduler::clock::Clock;
use crate::scheduler::decide::state::Scheduler as Decider;
use crate::scheduler::desks::{Desks, Kind};
use crate::scheduler::disks::Disks;
use crate::scheduler::files;
use crate::scheduler::handle::{Answer, Command, Health, PipelineSet, Refused};
use crate::scheduler::input::Input;
use crate::scheduler::pipelines::{Entry, Shelf};
use crate::scheduler::progress::Progress;
use crate::scheduler::reclaim::Fetching;
use crate::scheduler::sweeps::Unswept;
use crate::store::Store;
use crate::store::error::Error;
use crate::watch::Watcher;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// Says when a unit of events is durable; `None` where there was none.
pub(super) type Durable = Option<watch::Receiver<bool>>;

/// Resolves once the unit is durable, or will never be: says which. Where the journal has failed, the loop is told so another way.
pub(super) async fn written(unit: Durable) -> bool {
    match unit {
        Some(mut durable) => durable.wait_for(|durable| *durable).await.is_ok(),
        None => true,
    }
}

/// The hands.
pub(super) struct Hands {
    pub(super) decider: Decider,
    pub(super) shelf: Arc<Mutex<Shelf>>,
    pub(super) entries: Vec<Entry>,
    /// Pipelines that were loaded before, in this life or an earlier one.
    pub(super) seen: HashSet<String>,
    /// BLAKE3 of files that an earlier life left where they lie, by pipeline.
    pub(super) contents: HashMap<String, HashMap<PathBuf, String>>,
    /// Pipelines under `existing: ignore` whose folder has not been scanned to the end yet, in this life or an earlier one.
    pub(super) unscanned: HashSet<String>,
    /// Files of each pipeline that are to be left where they lie, until they change or go.
    pub(super) known: BTreeMap<String, HashMap<RawPath, Identity>>,
    pub(super) tell: attempt::Tell,
    pub(super) bring: Bring,
    /// At most one error is ever sent, so the channel needs no bound.
    pub(super) broken: mpsc::UnboundedSender<Error>,
    pub(super) stops: HashMap<JobId, StopHandle>,
    /// The last unit about each running job: its progress is not told before what it follows.
    pub(super) told_last: HashMap<JobId, watch::Receiver<bool>>,
    pub(super) stop_wanted: HashSet<JobId>,
    pub(super) uploads: HashMap<JobId, PathBuf>,
    pub(super) submitters: HashMap<JobId, Answer<JobId>>,
    pub(super) progress: Progress,
    pub(super) tasks: JoinSet<()>,
    /// Tasks whose ends nobody waits for: they only ask how folders are.
    pub(super) asides: JoinSet<()>,
    /// Where file work waits for its turn.
    pub(super) desks: Desks,
    /// How the folders in use are.
    pub(super) disks: Disks,
    pub(super) unswept: Unswept,
    pub(super) fetching: Fetching,
    /// Turns of questions that look at the disk.
    pub(super) looks: Arc<Semaphore>,
    pub(super) set: watch::Sender<Arc<PipelineSet>>,
    pub(super) healthy: watch::Sender<Arc<Health>>,
    pub(super) draining: bool,
    pub(super) home: PathBuf,
    pub(super) own: Vec<PathBuf>,
    pub(super) store: Store,
    pub(super) feed: Feed,
    pub(super) attempt: attempt::Parts,
    pub(super) watcher: Watcher,
    pub(super) catalog: watch::Receiver<Arc<Catalog>>,
    pub(super) workers: usize,
    pub(super) sandbox: String,
    pub(super) min_free: u64,
    pub(super) drain: Duration,
    /// Weak, so that the loop still sees when nobody else can ask.
    pub(super) itself: mpsc::WeakSender<Command>,
    /// What this turn of the loop has decided and not done yet.
    pub(super) turn: Pending,
    /// How fast one unit follows another.
    pub(super) pace: Pace,
    /// The last unit that was appended.
    pub(super) last: Durable,
    /// Whether the wall clock was moved.
    pub(super) clock: Clock,
}

impl Hands {
    /// Appends a unit; the answer resolves when it is durable. A journal that cannot be written ends the daemon: what is in
    /// memory is ahead of it then, and starting again repairs by the rules.
    pub(super) fn append(&mut self, events: Vec<Draft>) -> Durable {
        if events.is_empty() {
            return None;
        }
        let appended = self.store.append(events);
        let (done, durable) = watch::channel(false);
        let broken = self.broken.clone();
        self.tasks.spawn(async move {
            match appended.await {
                Ok(_) => {
                    // Nobody may be waiting.
                    let _ = done.send(true);
                }
                Err(error) => {
                    tracing::error!(error = %crate::problem::chain(&error), "the journal cannot be written");
                    // The loop may have ended already.
                    let _ = broken.send(error);
                }
            }
        });
        self.last = Some(durable.clone());
        Some(durable)
    }

    /// Whether a unit is on its way to the disk. The next one would only wait behind it, so it waits here, where more comes to
    /// it: one larger unit costs hardly more than a small one.
    pub(super) fn is_writing(&self) -> bool {
        let under_way =
            |last: &watch::Receiver<bool>| !*last.borrow() && last.has_changed().is_ok();
        self.last.as_ref().is_some_and(under_way)
    }

    /// Runs file work of this kind for a pipeline once `durable` says so and its turn in the line has come; what it brings are inputs.
    /// Where it takes long, the pipeline's folders are asked whether they answer.
    pub(super) fn after(
        &mut self,
        durable: Durable,
        (kind, pipeline): (Kind, &str),
        work: impl Future<Output = Vec<(JobId, Input)>> + Send + 'static,
    ) {
        let (tell, line) = (self.tell.clone(), self.desks.line(kind, pipeline));
        let folders = self.current(pipeline).map(|known| files::folders(&known));
        let (disks, folders) = (self.disks.clone(), folders.unwrap_or_default());
        self.tasks.spawn(async move {
            if let Some(mut durable) = durable
                && durable.wait_for(|durable| *durable).await.is_err()
            {
                return;
            }
            let turn = line.turn().await;
            let mut work = std::pin::pin!(work);
            let brought = match disks.patiently(&folders, &mut work).await {
                Ok(brought) => brought,
                // The pipeline is held by now. What is under way comes to its end when the folder answers.
                Err(_) => work.await,
            };
            drop(turn);
            for (job, input) in brought {
                // The loop may have ended already.
                let _ = tell.send((job, Told::Input(input))).await;
            }
        });
    }

    pub(super) fn current(&self, pipeline: &str) -> Option<Arc<Pipeline>> {
        self.entries
            .iter()
            .find(|entry| entry.id == pipeline)
            .and_then(|entry| entry.current.clone())
    }

    pub(super) fn known_pipeline(&self, pipeline: &str) -> Result<&Entry, Refused> {
        let entry = self.entries.iter().find(|entry| entry.id == pipeline);
        entry.ok_or_else(|| Refused::NotFound(format!("there is no pipeline `{pipeline}`")))
    }
}
