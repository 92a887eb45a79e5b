//! Builds the parts from [`Config`], runs them, drains them on shutdown.

mod backend;
mod reload;
mod rest;
mod retention;
mod secrets;
mod signals;

use crate::config::parts;
use crate::config::spec::Config;
use crate::event::{DaemonEvent, Draft, Event, Stored};
use crate::feed::Feed;
use crate::http::gauges::Gauges;
use crate::http::{self, api::Api};
use crate::mounts::Mounts;
use crate::owner::Owner;
use crate::pipeline::surroundings::EnvCounts;
use crate::pipeline::template::values::lost_zone;
use crate::pool::Pool;
use crate::raw_path::RawPath;
use crate::registry::Registry;
use crate::scheduler::act;
use crate::scheduler::attempt;
use crate::scheduler::disks::Disks;
use crate::scheduler::handle::Scheduler;
use crate::scheduler::pipelines::{LastGood, Shelf};
use crate::spool::Spool;
use crate::statistics::Statistics;
use crate::store::Store;
use crate::store::error::Error as StoreError;
use crate::store::open::{Journal, Opening};
use crate::time::Timestamp;
use crate::watch::Watcher;
use crate::watch::told::Earlier;
use crate::webhook;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Another daemon has the home, or another program the port.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InUse(String);

/// Runs a daemon until SIGINT, SIGTERM or SIGHUP, or until its journal cannot be written any more. Requests are answered by `answers`,
/// a runtime of their own, whose threads may have another priority.
///
/// # Errors
/// It cannot start, or the journal broke.
pub async fn run(config: Config, answers: &Handle) -> Result<()> {
    config.home.make()?;
    secrets::look(&config);
    secrets::look_who_may_ask(&config);
    let (journal, opening) = open_journal(&config)?;
    let tls = parts::http(&config)
        .tls
        .as_ref()
        .map(http::tls::Certificate::read);
    let tls = tls.transpose()?.map(Arc::new);
    let listener = {
        let _in_its_own = answers.enter();
        listen(&config)?
    };
    if let Some(error) = lost_zone() {
        let zone = std::env::var_os("TZ").unwrap_or_default();
        tracing::warn!(TZ = %zone.display(), error, "the time zone is not found; times in templates are in UTC");
    }
    let shutdown = act::Shutdown::default();
    let stop = shutdown.drain.clone();
    let mut tasks = JoinSet::new();
    signals::listen(&mut tasks, &shutdown)?;

    let pool =
        Pool::start(parts::pool(&config, true)).context("failed to start the worker pool")?;
    let sandbox = pool.probe().await.context("failed to start a worker")?;
    if sandbox != "full" {
        tracing::warn!(level = %sandbox, "workers are not fully sandboxed");
    }
    let (registry, plugin_news) =
        Registry::start(parts::registry(&config, true), pool.clone()).await?;
    for name in config.spec.untrusted.missing(registry.catalog().plugins()) {
        tracing::warn!(
            plugin = name,
            "`untrusted` of config.yaml names a plugin that is not installed"
        );
    }
    for name in config.spec.grants.missing(registry.catalog().plugins()) {
        tracing::warn!(
            plugin = name,
            "`grants` of config.yaml names a plugin that is not installed"
        );
    }
    let (statistics, gauges) = (Statistics::default(), Gauges::default());
    let feed = Feed::new(
        parts::feed(&config),
        http::view::feed(&statistics, Some(gauges.source())),
        &opening.epoch,
        opening.head,
    );
    let (webhooks, announced) = webhook::channel();
    let (told, heard) = (feed.clone(), statistics.clone());
    let sink = move |events: &[Arc<Stored>]| {
        heard.observe(events);
        told.publish(events);
        webhooks.publish(events);
    };
    let store = Store::start(journal, Box::new(sink))?;
    // They are for people to look at: no file has to wait for them.
    if let Err(error) = statistics.begin(&store, Timestamp::now()).await {
        let error = crate::problem::chain(&error);
        tracing::warn!(
            error,
            "the numbers of earlier jobs cannot be read; statistics begin anew"
        );
    }
    let mounts = Mounts::load(config.home.mounts());
    let owner = Owner::of(config.home.root(), config.home.id())
        .context("failed to find out which home this is")?;
    let spool = Spool::new(mounts.clone(), owner.clone())
        .that_reads_up_to(parts::bounds(&config).max_input);
    let disks = Disks::default();
    let (watcher, arrivals) = Watcher::start(parts::watch(&config), earlier(&store), mounts, owner);

    append(
        &store,
        Event::Daemon(DaemonEvent::Started {
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }),
    )
    .await?;
    let (catalog, catalogs) = watch::channel(registry.catalog());
    let last_good = last_good(&store, &opening).await;
    let scheduler_parts = act::Parts {
        home: config.home.root().to_path_buf(),
        own: config.home.own(),
        disks: disks.clone(),
        store: store.clone(),
        feed: feed.clone(),
        attempt: attempt::Parts {
            pool: pool.clone(),
            spool,
            disks: disks.clone(),
            bounds: parts::bounds(&config),
        },
        watcher: watcher.clone(),
        arrivals,
        catalog: catalogs,
        shelf: Shelf::new(
            config.home.pipelines(),
            parts::surroundings(&config, EnvCounts::Yes),
            last_good,
        ),
        workers: config.workers,
        memory: config.memory,
        sandbox,
        min_free: config.spec.min_free_mb << 20,
        drain: Duration::from_secs(config.spec.shutdown_seconds),
    };
    let (scheduler, mut deciding) = act::start(scheduler_parts, &opening, shutdown).await;
    tasks.spawn(forward_plugins(
        registry.clone(),
        plugin_news,
        catalog,
        store.clone(),
    ));
    tasks.spawn(reload::watch(
        config.home.pipelines(),
        scheduler.clone(),
        stop.clone(),
    ));
    let current = scheduler.clone();
    let unheard = CancellationToken::new();
    let telling = tokio::spawn(webhook::run(webhook::Parts {
        announced,
        store: store.clone(),
        head: opening.head,
        receivers: move || receivers(&current),
        stop: unheard.clone(),
    }));
    tasks.spawn(retention::prune(store.clone(), config.retention()));
    tasks.spawn(rest::give_back_memory(scheduler.health_changes()));

    let trials = Arc::new(backend::Trials::default());
    tasks.spawn(Arc::clone(&trials).sweep());
    let backend = backend::Daemon {
        store: store.clone(),
        scheduler,
        registry: registry.clone(),
        pool: pool.clone(),
        home: config.home.clone(),
        surroundings: parts::surroundings(&config, EnvCounts::Yes),
        bounds: parts::bounds(&config),
        started: Timestamp::now(),
        trials,
        thumbnails: backend::Thumbnails::default(),
        loss: loss(&opening),
        disks,
        watcher: watcher.clone(),
    };
    let http = http::config::Config {
        listen: listener
            .local_addr()
            .context("failed to read the address")?,
        ..parts::http(&config)
    };
    let api = Api::new(
        Arc::new(backend),
        store.clone(),
        feed.clone(),
        statistics,
        config.home.root().to_path_buf(),
        http,
    );
    gauges.begin(&api);
    let serving = serve(&config, answers, (listener, tls), api, &stop)?;
    let ended = tokio::select! {
        ended = &mut deciding => ended,
        () = stop.cancelled() => {
            feed.shutdown();
            tracing::info!("stopping: running jobs get {} s", config.spec.shutdown_seconds);
            deciding.await
        }
    };
    // The journal may have broken without anybody's wish to stop.
    stop.cancel();
    feed.shutdown();
    if let Err(error) = serving.await {
        tracing::error!(%error, "the HTTP part panicked");
    }
    unheard.cancel();
    if let Err(error) = telling.await {
        tracing::error!(%error, "the webhooks panicked");
    }
    registry.close().await;
    pool.drain(Duration::from_secs(1)).await;
    tasks.shutdown().await;
    store.close().await;
    // Nobody reads it once the daemon is gone; a stale one is replaced by the next.
    let _ = std::fs::remove_file(config.home.address());
    ended
        .context("the scheduler panicked")?
        .context("the journal cannot be written; start again once its disk is well")?;
    tracing::info!("stopped");
    Ok(())
}

fn open_journal(config: &Config) -> Result<(Journal, Opening)> {
    let opened = Journal::open(&parts::store(config)).map_err(|error| match error {
        StoreError::Locked { .. } => anyhow::Error::new(InUse(format!(
            "{error}; stop it, or choose another home with `--home DIR`"
        ))),
        other => anyhow::Error::new(other).context("failed to open the journal"),
    });
    let (journal, opening) = opened?;
    for warning in &opening.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(loss) = loss(&opening) {
        tracing::error!("{loss}");
    }
    Ok((journal, opening))
}

/// What an operator has to know about a journal that was begun anew, or mended.
fn loss(opening: &Opening) -> Option<String> {
    if let Some(aside) = &opening.set_aside {
        return Some(format!(
            "the journal was damaged ({}) and is kept aside as `{}`; a new one was begun: {}; what was claimed for other jobs goes back to its inbox; \
             look for outputs that came twice, then remove what is kept aside",
            aside.reason,
            aside.kept.display(),
            aside.salvaged.in_words()
        ));
    }
    if !opening.mended.is_empty() {
        let mended = opening.mended.join("; ");
        return Some(format!(
            "rows of the journal were damaged: {mended}; look at the disk, then start again"
        ));
    }
    opening.missing.then(|| {
        "the journal is gone, though a daemon has worked in this home before: a new one was begun, and what was claimed goes back to its \
         inbox; if you have a copy of `state/journal.db`, stop the daemon and put it back"
            .to_owned()
    })
}

fn listen(config: &Config) -> Result<TcpListener> {
    http::listen::bind(&parts::http(config)).map_err(|error| match error {
        http::listen::Error::InUse(..) => anyhow::Error::new(InUse(error.to_string())),
        other => other.into(),
    })
}

/// What the journal tells of files that may still wait.
fn earlier(store: &Store) -> Earlier {
    let store = store.clone();
    Earlier::new(move |path| {
        // What cannot be read is told again.
        let last = store.last_of_file(&RawPath::from(path)).ok().flatten()?;
        match &last.event {
            Event::File { what, .. } => Some((last.at, what.clone())),
            _ => None,
        }
    })
}

async fn append(store: &Store, event: Event) -> Result<()> {
    store
        .append(vec![Draft::now(event)])
        .await
        .context("failed to write the journal")?;
    Ok(())
}

/// Each pipeline's last good revision, for files that have faults by now.
async fn last_good(store: &Store, opening: &Opening) -> BTreeMap<String, LastGood> {
    let mut texts = BTreeMap::new();
    for row in opening.pipelines.iter().filter(|row| !row.removed) {
        let Some(revision) = row.revision.clone() else {
            continue;
        };
        match store.revision_yaml(revision.clone()).await {
            Ok(Some(yaml)) => {
                texts.insert(row.id.clone(), LastGood { revision, yaml });
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(pipeline = %row.id, %error, "its last good revision cannot be read")
            }
        }
    }
    texts
}

/// Whom the pipelines tell how their jobs ended.
fn receivers(scheduler: &Scheduler) -> webhook::Receivers {
    let set = scheduler.pipelines();
    let telling = set.entries.iter().filter_map(|entry| {
        let notify = &entry.current.as_ref()?.notify;
        (!notify.is_empty()).then(|| (entry.id.clone(), notify.clone()))
    });
    telling.collect()
}

async fn forward_plugins(
    registry: Registry,
    mut news: mpsc::Receiver<crate::event::PluginEvent>,
    catalog: watch::Sender<Arc<crate::plugin::catalog::Catalog>>,
    store: Store,
) {
    let mut changes = registry.changes();
    loop {
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = Arc::clone(&changes.borrow_and_update().catalog);
                catalog.send_if_modified(|known| {
                    let new = !Arc::ptr_eq(known, &now);
                    *known = now;
                    new
                });
            }
            said = news.recv() => {
                let Some(event) = said else { return };
                if let Err(error) = store.append(vec![Draft::now(Event::Plugin(event))]).await {
                    tracing::warn!(%error, "a plugin's event is not in the journal");
                }
            }
        }
    }
}

fn serve(
    config: &Config,
    answers: &Handle,
    (listener, tls): (TcpListener, Option<Arc<http::tls::Certificate>>),
    api: Arc<Api>,
    stop: &CancellationToken,
) -> Result<tokio::task::JoinHandle<()>> {
    let address = api.config.listen;
    crate::durable::replace_private(&config.home.address(), format!("{address}\n").as_bytes())?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let serving = answers.spawn(http::serve::serve(listener, tls, api, stop.clone()));
    tracing::info!(home = %config.home.root().display(), %address, workers = config.workers, "watching");
    // Whoever started us may have closed its end.
    let _ = writeln!(
        std::io::stdout(),
        "dropleaf {} is listening on {scheme}://{address}",
        env!("CARGO_PKG_VERSION")
    );
    Ok(serving)
}
