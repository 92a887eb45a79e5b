//! Which plugins are installed, by content hash, and their manifests.
//!
//! *Theory of operation.* The plugin folders are looked at when something changes there and every minute. A library that has
//! settled is copied into the store under its hash and asked for its manifest in a sandboxed worker; the answer is kept
//! beside the copy, so that each build is asked once. From then on it is current for new attempts, while those that run
//! keep the copy they began with. A library that cannot be used is listed with the reason; one that killed the worker that
//! asked is not asked again until it changes. Where the file of a current plugin turns into one that cannot be used, cut off by a copy
//! that pauses perhaps, the build before it goes on from its copy until the file is good again or gone, over restarts too (`lasting`).

mod folder;
mod hints;
mod keep;
mod lasting;
mod library;
mod show;

use crate::durable;
use crate::event::PluginEvent;
use crate::plugin::catalog::Catalog;
use crate::plugin::grants::Grants;
use crate::plugin::trust::Untrusted;
use crate::pool::Pool;
use crate::raw_path::RawPath;
use crate::registry::folder::{Look, Settling, Stamp};
use crate::registry::hints::Hints;
use crate::registry::keep::Store;
use crate::registry::lasting::{Good, Lasting};
use crate::registry::library::Outcome;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// Libraries that are asked for their manifest at the same time.
const AT_ONCE: usize = 4;
/// News that may wait for its reader. A reader that falls behind only delays the next look.
const WAITING: usize = 64;
/// Before a library that could not be asked is asked again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long a start waits for files that are still being copied.
const START_PATIENCE: Duration = Duration::from_secs(2);

/// How a registry works.
#[derive(Clone, Debug)]
pub struct Config {
    /// The plugin folders.
    pub folders: Vec<PathBuf>,
    /// The folder of content-addressed copies; the pool must load from the same.
    pub store: PathBuf,
    /// How long a file must rest before it is looked at.
    pub settle: Duration,
    /// Between two looks when nothing seems to happen.
    pub rescan: Duration,
    /// Use plugins that other users can write, too.
    pub trust_writable: bool,
    /// Remove copies at the start that no plugin folder holds any more. Only for the one daemon of a home.
    pub tidy: bool,
    /// What the operator grants plugins.
    pub grants: Grants,
    /// Whom the operator does not trust.
    pub untrusted: Untrusted,
}

impl Config {
    /// The defaults over these folders.
    #[must_use]
    pub fn new(folders: Vec<PathBuf>, store: impl Into<PathBuf>) -> Self {
        Self {
            folders,
            store: store.into(),
            settle: Duration::from_millis(500),
            rescan: Duration::from_secs(60),
            trust_writable: false,
            tidy: false,
            grants: Grants::default(),
            untrusted: Untrusted::default(),
        }
    }
}

/// A file that cannot be used as a plugin.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Broken {
    /// The file, or the folder.
    pub file: RawPath,
    /// Why, and what to do.
    pub reason: String,
}

/// What is installed at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The plugins that new attempts use.
    pub catalog: Arc<Catalog>,
    /// The file in a plugin folder that each of them came from, by name.
    pub origins: BTreeMap<String, PathBuf>,
    /// What lies in the plugin folders and cannot be used. Where a build before it goes on, the reason says so.
    pub broken: Vec<Broken>,
}

/// The installed plugins. Clones are handles to the same registry.
#[derive(Clone, Debug)]
pub struct Registry {
    changes: watch::Receiver<Arc<Snapshot>>,
    look: Arc<Notify>,
    end: CancellationToken,
    task: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

impl Registry {
    /// Looks at all plugins and then keeps watching. The answer knows every plugin that had settled; the news tells of
    /// each one found, then of every change.
    ///
    /// # Errors
    /// Where the store cannot be used.
    pub async fn start(
        config: Config,
        pool: Pool,
    ) -> Result<(Self, mpsc::Receiver<PluginEvent>), durable::Error> {
        let store = Store::open(&config.store)?;
        let (news, events) = mpsc::channel(WAITING);
        let (publish, changes) = watch::channel(Arc::new(Snapshot::default()));
        let look = Arc::new(Notify::new());
        let mut scanner = Scanner {
            hints: Hints::start(&config.folders, Arc::clone(&look)),
            pool,
            store,
            settling: Settling::default(),
            known: BTreeMap::new(),
            lasting: Lasting::load(&config.store),
            told: BTreeMap::new(),
            told_reasons: BTreeMap::new(),
            pending: Vec::new(),
            publish,
            news,
            config,
        };
        scanner.begin().await;
        let end = CancellationToken::new();
        let task = tokio::spawn(scanner.run(Arc::clone(&look), end.clone()));
        let registry = Self {
            changes,
            look,
            end,
            task: Arc::new(tokio::sync::Mutex::new(Some(task))),
        };
        Ok((registry, events))
    }

    /// The plugins that new attempts use.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.changes.borrow().catalog)
    }

    /// What is installed now, all of one moment.
    #[must_use]
    pub fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.changes.borrow())
    }

    /// What lies in the plugin folders and cannot be used.
    #[must_use]
    pub fn broken(&self) -> Vec<Broken> {
        self.changes.borrow().broken.clone()
    }

    /// Tells when something changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.changes.clone()
    }

    /// Looks at the plugin folders soon.
    pub fn scan(&self) {
        self.look.notify_one();
    }

    /// Stops watching.
    pub async fn close(&self) {
        self.end.cancel();
        if let Some(task) = self.task.lock().await.take() {
            // It only ends early by a panic, which the runtime has reported.
            let _ = task.await;
        }
    }
}

/// One file as it was last looked at.
#[derive(Clone, Debug)]
struct Known {
    stamp: Option<Stamp>,
    outcome: Outcome,
    /// What goes on while the file as it is now cannot be used.
    before: Option<Good>,
}

impl Known {
    /// What it offers now, and whether that is the file as it is.
    fn good(&self) -> Option<(Good, bool)> {
        match &self.outcome {
            Outcome::Good(plugin) => {
                let before = self.before.as_ref().map_or(0, |good| good.written);
                let written = self.stamp.map_or(before, |stamp| stamp.modified_ns());
                let plugin = Arc::clone(plugin);
                Some((Good { plugin, written }, true))
            }
            _ => Some((self.before.clone()?, false)),
        }
    }
}

struct Scanner {
    config: Config,
    pool: Pool,
    store: Store,
    settling: Settling,
    hints: Hints,
    known: BTreeMap<PathBuf, Known>,
    /// The last good build of each file, of earlier lives too.
    lasting: Lasting,
    /// The builds and reasons that the news has told of each file, so that they are told once.
    told: BTreeMap<PathBuf, String>,
    told_reasons: BTreeMap<PathBuf, String>,
    pending: Vec<PluginEvent>,
    publish: watch::Sender<Arc<Snapshot>>,
    news: mpsc::Sender<PluginEvent>,
}

impl Scanner {
    /// The first look; waits a moment for files that are still settling.
    async fn begin(&mut self) {
        let patience = Instant::now() + START_PATIENCE;
        while let Some(due) = self.scan().await
            && due < patience
        {
            tokio::time::sleep_until(due.into()).await;
        }
        if self.config.tidy {
            // Also those that another file hides: they are current once that is gone.
            let in_use = |hash: &str| self.lasting.holds(hash);
            if let Err(error) = self.store.tidy(in_use) {
                tracing::warn!(%error, "failed to tidy the plugin store");
            }
        }
    }

    async fn run(mut self, look: Arc<Notify>, end: CancellationToken) {
        let (rescan, mut due) = (self.config.rescan, None);
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                () = self.tell() => return,
                () = look.notified() => {}
                () = tokio::time::sleep(rescan) => {}
                () = sleep_until(due) => {}
            }
            self.hints.follow(&self.config.folders);
            due = self.scan().await;
        }
    }

    /// Passes on what is to be told, then waits for ever; ends where nobody reads the news. News that is not passed on yet
    /// when this is given up stays for the next time.
    async fn tell(&mut self) {
        while !self.pending.is_empty() {
            match self.news.reserve().await {
                Ok(place) => place.send(self.pending.remove(0)),
                Err(_) => self.pending.clear(),
            }
        }
        std::future::pending().await
    }

    /// One look. Gives the moment at which a file that still moves will have settled.
    async fn scan(&mut self) -> Option<Instant> {
        let (folders, trust) = (self.config.folders.clone(), self.config.trust_writable);
        let look = tokio::task::spawn_blocking(move || folder::look(&folders, trust)).await;
        let look = look.unwrap_or_default();
        self.remember_earlier(&look).await;
        let due = self.examine(&look).await;
        self.known.retain(|path, _| look.files.contains_key(path));
        self.settling
            .keep_only(|path| look.files.contains_key(path));
        self.lasting.keep(
            |path| look.files.contains_key(path),
            self.known.iter().filter_map(|(path, known)| {
                let (good, _) = known.good()?;
                Some((path.as_path(), good))
            }),
            self.config.tidy,
        );
        self.show(&look);
        due
    }

    /// What was good in an earlier life goes on until the file is looked at, and afterwards where that cannot be used.
    async fn remember_earlier(&mut self, look: &Look) {
        let mut asked = JoinSet::new();
        let gate = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
        for path in look.files.keys() {
            let Some((blake3, written)) = self.lasting.earlier(path) else {
                continue;
            };
            if self.known.contains_key(path) || !self.store.library(&blake3).is_file() {
                continue;
            }
            let (store, pool) = (self.store.clone(), self.pool.clone());
            let (path, gate) = (path.clone(), Arc::clone(&gate));
            asked.spawn(async move {
                let _turn = gate.acquire().await;
                let outcome = library::describe(&store, &pool, blake3).await;
                (path, outcome, written)
            });
        }
        while let Some(answer) = asked.join_next().await {
            if let Ok((path, Outcome::Good(plugin), written)) = answer {
                let known = Known {
                    stamp: None,
                    outcome: Outcome::Moving,
                    before: Some(Good { plugin, written }),
                };
                self.known.insert(path, known);
            }
        }
    }

    /// Notes what became of a file. What was good stays at hand.
    fn note(&mut self, path: PathBuf, stamp: Option<Stamp>, outcome: Outcome) {
        let before = self.known.get(&path).and_then(Known::good);
        let known = Known {
            stamp,
            before: before.map(|(good, _)| good),
            outcome,
        };
        self.known.insert(path, known);
    }

    /// Asks every library that is new or has changed and settled.
    async fn examine(&mut self, look: &Look) -> Option<Instant> {
        let now = Instant::now();
        let mut due: Option<Instant> = None;
        let mut asked = JoinSet::new();
        let gate = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
        for (path, stamp) in &look.files {
            let stamp = match stamp {
                Ok(stamp) => *stamp,
                Err(reason) => {
                    self.note(path.clone(), None, Outcome::Broken(reason.clone()));
                    continue;
                }
            };
            if self.is_known(path, stamp) {
                continue;
            }
            match self
                .settling
                .has_settled(path, stamp, now, self.config.settle)
            {
                Err(moment) => due = Some(due.map_or(moment, |due| due.min(moment))),
                Ok(()) => {
                    let (store, pool) = (self.store.clone(), self.pool.clone());
                    let (path, gate) = (path.clone(), Arc::clone(&gate));
                    asked.spawn(async move {
                        let _turn = gate.acquire().await;
                        let outcome = library::examine(&store, &pool, &path, stamp).await;
                        (path, stamp, outcome)
                    });
                }
            }
        }
        while let Some(answer) = asked.join_next().await {
            if let Ok((path, stamp, outcome)) = answer {
                let stamp = outcome.is_final().then_some(stamp);
                if stamp.is_none() {
                    let wait = match outcome {
                        Outcome::Moving => self.config.settle,
                        _ => AGAIN,
                    };
                    let moment = Instant::now() + wait;
                    due = Some(due.map_or(moment, |due| due.min(moment)));
                }
                match self.known.get_mut(&path) {
                    // What could not be asked now goes on as it was.
                    Some(known) if stamp.is_none() && matches!(known.outcome, Outcome::Good(_)) => {
                        known.before = known.good().map(|(good, _)| good);
                        known.stamp = None;
                    }
                    _ => self.note(path, stamp, outcome),
                }
            }
        }
        due
    }

    fn is_known(&self, path: &Path, stamp: Stamp) -> bool {
        self.known
            .get(path)
            .is_some_and(|known| known.stamp == Some(stamp))
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
