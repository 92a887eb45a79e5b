//! Which plugins are installed, by content hash, and their manifests.
//!
//! *Theory of operation.* The plugin folders are looked at when something changes there and every minute. A library that has
//! settled is copied into the store under its hash and asked for its manifest in a sandboxed worker; the answer is kept
//! beside the copy, so that each build is asked once. From then on it is current for new attempts, while those that run
//! keep the copy they began with. A library that cannot be used is listed with the reason; one that killed the worker that
//! asked is not asked again until it changes.

mod folder;
mod hints;
mod keep;
mod library;

use crate::durable;
use crate::event::PluginEvent;
use crate::plugin::catalog::{Catalog, Installed};
use crate::plugin::grants::Grants;
use crate::plugin::trust::Untrusted;
use crate::pool::Pool;
use crate::raw_path::RawPath;
use crate::registry::folder::{Look, Settling, Stamp};
use crate::registry::hints::Hints;
use crate::registry::keep::Store;
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
    /// What lies in the plugin folders and cannot be used.
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
            told: BTreeMap::new(),
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
}

struct Scanner {
    config: Config,
    pool: Pool,
    store: Store,
    settling: Settling,
    hints: Hints,
    known: BTreeMap<PathBuf, Known>,
    /// What the news has told of each file, so that it is told once.
    told: BTreeMap<PathBuf, String>,
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
            let catalog = Arc::clone(&self.publish.borrow().catalog);
            let in_use = |hash: &str| catalog.plugins().iter().any(|plugin| plugin.blake3 == hash);
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
        let due = self.examine(&look).await;
        self.known.retain(|path, _| look.files.contains_key(path));
        self.settling
            .keep_only(|path| look.files.contains_key(path));
        self.show(&look);
        due
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
                    let outcome = Outcome::Broken(reason.clone());
                    self.known.insert(
                        path.clone(),
                        Known {
                            stamp: None,
                            outcome,
                        },
                    );
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
                        known.stamp = None;
                    }
                    _ => _ = self.known.insert(path, Known { stamp, outcome }),
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

    /// Publishes what is current now, and notes what is news about it.
    fn show(&mut self, look: &Look) {
        let mut good: BTreeMap<&str, (&PathBuf, &Arc<Installed>, i128)> = BTreeMap::new();
        let mut reasons: BTreeMap<PathBuf, String> = look.refused.iter().cloned().collect();
        for (path, known) in &self.known {
            let plugin = match &known.outcome {
                Outcome::Good(plugin) => plugin,
                Outcome::Broken(reason) | Outcome::Later(reason) => {
                    reasons.insert(path.clone(), reason.clone());
                    continue;
                }
                Outcome::Moving => continue,
            };
            let written = known.stamp.map_or(0, |stamp| stamp.modified_ns());
            let name = plugin.manifest.name.as_str();
            let newcomer = (path, plugin, written);
            let Some(rival) = good.get(name).copied() else {
                good.insert(name, newcomer);
                continue;
            };
            let (newer, older) = if written > rival.2 {
                (newcomer, rival)
            } else {
                (rival, newcomer)
            };
            reasons.insert(older.0.clone(), hidden(name, newer.0));
            good.insert(name, newer);
        }
        let current: Vec<(PathBuf, Arc<Installed>)> = good
            .values()
            .map(|(path, plugin, _)| ((*path).clone(), Arc::clone(plugin)))
            .collect();
        self.note_news(&current, &reasons);
        self.publish(current, reasons);
    }

    fn note_news(
        &mut self,
        current: &[(PathBuf, Arc<Installed>)],
        reasons: &BTreeMap<PathBuf, String>,
    ) {
        let mut told = BTreeMap::new();
        for (path, plugin) in current {
            let Installed {
                manifest, blake3, ..
            } = plugin.as_ref();
            if self.told.get(path) != Some(blake3) {
                tracing::info!(
                    plugin = manifest.name,
                    version = manifest.version,
                    blake3,
                    "plugin is current"
                );
                self.pending.push(PluginEvent::Loaded {
                    name: manifest.name.clone(),
                    version: manifest.version.clone(),
                    blake3: blake3.clone(),
                });
            }
            told.insert(path.clone(), blake3.clone());
        }
        for (path, reason) in reasons {
            if self.told.get(path) != Some(reason) {
                tracing::warn!(file = %path.display(), reason, "plugin cannot be used");
                self.pending.push(PluginEvent::Failed {
                    file: path.as_path().into(),
                    reason: reason.clone(),
                });
            }
            told.insert(path.clone(), reason.clone());
        }
        self.told = told;
    }

    fn publish(&self, current: Vec<(PathBuf, Arc<Installed>)>, reasons: BTreeMap<PathBuf, String>) {
        let origins = current
            .iter()
            .map(|(path, plugin)| (plugin.manifest.name.clone(), path.clone()))
            .collect();
        let catalog = Catalog::new(current.into_iter().map(|(_, plugin)| plugin))
            .with_grants(self.config.grants.clone())
            .with_untrusted(self.config.untrusted.clone());
        let broken: Vec<Broken> = reasons
            .into_iter()
            .map(|(file, reason)| Broken {
                file: file.into(),
                reason,
            })
            .collect();
        self.publish.send_if_modified(|now| {
            let same = now.broken == broken
                && now.origins == origins
                && now.catalog.plugins() == catalog.plugins();
            if !same {
                *now = Arc::new(Snapshot {
                    catalog: Arc::new(catalog),
                    origins,
                    broken,
                });
            }
            !same
        });
    }
}

fn hidden(name: &str, newer: &Path) -> String {
    format!(
        "`{}` is newer and offers the same plugin `{name}`; remove one of the two",
        newer.display()
    )
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
