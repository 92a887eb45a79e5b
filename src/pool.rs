//! Worker processes: started ahead of time, used once unless the operator wants otherwise, limited, watched and killed.
//!
//! The daemon never reads a PDF and never loads a plugin; [`Pool`] gives both to a child that has locked itself in.
//! A worker is blank until it is given its one question, so that starting it costs an attempt no time. [`spawner`] is
//! the thread that has them copied from a nursery (`docs/decisions/0007`), [`start`] brings one to `Ready`, [`supervise`] attends one attempt to its end, [`conduct`]
//! checks every word a worker says, and [`blame`] finds out why one died. [`rest`] keeps those that are used again.
//! [`denials`] answers for what a worker may not, and [`readers`] tells which of the files that it opens are among that.

mod blame;
mod conduct;
mod denials;
mod describe;
mod family;
mod inspect;
mod overdue;
mod process;
mod readers;
mod received;
mod rest;
mod scratch;
mod slot;
mod spawner;
mod start;
mod supervise;
pub mod update;

pub use crate::pool::describe::DescribeError;
pub use crate::pool::start::StartError;

use crate::job::attempt::Failure;
use crate::plugin::grants::Grant;
use crate::pool::readers::Readable;
use crate::pool::rest::Rest;
use crate::pool::scratch::Sweeper;
use crate::pool::slot::Slots;
use crate::pool::spawner::Spawner;
use crate::pool::start::Worker;
use crate::pool::update::{Attempt, Kin, Limits, StopHandle, Update, Urgency};
use crate::problem::Problem;
use crate::wire::message::{Inspected, Plan};
use crate::worker::landlock;
use crate::worker::options::{self, Sandbox};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How a pool works.
#[derive(Clone, Debug)]
pub struct Config {
    /// The program that has the `worker` role; this very one by default.
    pub executable: PathBuf,
    /// Attempts at the same time; the scheduler keeps to it.
    pub workers: usize,
    /// Blank workers that wait.
    pub spare: usize,
    /// Attempts that one worker may run, one after the other; 1 = each has its own. Only those that are [`Kin`] ever share one.
    pub reuse: u32,
    /// How much of the sandbox must be there.
    pub sandbox: Sandbox,
    /// What one worker may use.
    pub limits: options::Limits,
    /// Where the daemon is root: worker `n` runs as user and group `first_user + n`.
    pub first_user: Option<u32>,
    /// The folder of content-addressed libraries.
    pub store: PathBuf,
    /// Where scratch folders are made; without it operations have none.
    pub scratch: Option<PathBuf>,
    /// Whether to remove scratch folders that are left there by a daemon that was killed.
    pub tidy: bool,
    /// Files and folders that workers may read besides the system's libraries, such as fonts.
    pub readable: Vec<PathBuf>,
    /// Between asking a worker to stop and killing it.
    pub grace: Duration,
    /// For a new worker to say that it is ready.
    pub start_limit: Duration,
    /// For a plugin to tell its manifest.
    pub describe_limit: Duration,
}

impl Config {
    /// As many workers as this machine has processors, over this store.
    #[must_use]
    pub fn new(store: impl Into<PathBuf>) -> Self {
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            executable: PathBuf::from("/proc/self/exe"),
            workers,
            spare: workers,
            reuse: 1,
            sandbox: Sandbox::default(),
            limits: options::Limits::default(),
            // Between the ranges of people and of systemd's dynamic users; nobody's on any distribution we know.
            first_user: Some(60_700),
            store: store.into(),
            scratch: None,
            tidy: false,
            readable: Vec::new(),
            grace: Duration::from_millis(500),
            start_limit: Duration::from_secs(20),
            describe_limit: Duration::from_secs(10),
        }
    }
}

/// How a pool is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Attempts that may run at the same time.
    pub capacity: usize,
    /// Attempts that run.
    pub running: usize,
    /// Blank workers that wait.
    pub spare: usize,
    /// Workers that wait for another attempt.
    pub resting: usize,
    /// The sandbox level that the newest worker reached.
    pub sandbox: Option<String>,
    /// Workers started so far.
    pub started: u64,
    /// Workers that died unasked so far.
    pub crashed: u64,
    /// Calls of workers that their sandboxes denied so far.
    pub denied: u64,
    /// Why the newest worker without grants could not be started, until one can again.
    pub trouble: Option<String>,
}

/// The daemon's worker processes. Clones are handles to the same pool; workers die with the last one.
#[derive(Clone, Debug)]
pub struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Arc<Config>,
    readable: Readable,
    spawner: Spawner,
    sweeper: Sweeper,
    slots: Slots,
    spares: Mutex<Spares>,
    attempts: TaskTracker,
    interrupted: CancellationToken,
    running: AtomicUsize,
    counted: AtomicU64,
    started: AtomicU64,
    crashed: AtomicU64,
    denied: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct Spares {
    ready: VecDeque<Worker>,
    rest: Rest,
    starting: usize,
    closed: bool,
}

#[derive(Debug, Default)]
struct State {
    sandbox: Option<String>,
    trouble: Option<String>,
}

impl Pool {
    /// Starts the pool and its first blank workers. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// Where its threads cannot be started.
    pub fn start(mut config: Config) -> io::Result<Self> {
        if config.reuse > 1 {
            config.limits.cpu_seconds_before = rest::CPU_SECONDS;
        }
        if config.sandbox == Sandbox::Off && rustix::process::geteuid().is_root() {
            tracing::warn!(
                "plugins run as root without a sandbox: one of them can take over this machine"
            );
        }
        let config = Arc::new(config);
        let sweeper = Sweeper::start()?;
        if let Some(scratch) = config.scratch.as_ref().filter(|_| config.tidy) {
            sweeper.tidy(scratch);
        }
        let reaper = process::start_reaper()?;
        let system = landlock::SYSTEM.iter().map(Path::new);
        let own = config.readable.iter().chain([&config.store]);
        let shared = Arc::new(Shared {
            readable: Readable::new(system.chain(own.map(PathBuf::as_path))),
            spawner: Spawner::start(Arc::clone(&config), reaper, sweeper.clone())?,
            sweeper,
            config,
            slots: Slots::default(),
            spares: Mutex::default(),
            attempts: TaskTracker::new(),
            interrupted: CancellationToken::new(),
            running: AtomicUsize::new(0),
            counted: AtomicU64::new(0),
            started: AtomicU64::new(0),
            crashed: AtomicU64::new(0),
            denied: AtomicU64::new(0),
            state: Mutex::default(),
        });
        Shared::refill(&shared);
        Ok(Self { shared })
    }

    /// Starts one worker and tells the sandbox level it reached.
    ///
    /// # Errors
    /// Where no worker can be started, or where the sandbox is required and something of it is missing; the text names
    /// what.
    pub async fn probe(&self) -> Result<String, StartError> {
        let worker = Shared::worker(&self.shared, &Grant::default()).await?;
        if worker.sandbox != "off" && !worker.denials.are_counted() {
            tracing::warn!(
                "this kernel denies calls without telling, so that they are not counted"
            );
        }
        let level = worker.sandbox.clone();
        let mut spares = self.shared.spares();
        if !spares.closed && spares.ready.len() < self.shared.config.spare {
            spares.ready.push_front(worker);
        }
        Ok(level)
    }

    /// Runs an attempt whose plugins may do what is granted, in a worker of its own. The input must be opened read-only. The answer's
    /// updates end with [`Update::Ended`], whatever happens.
    #[must_use]
    pub fn run(&self, plan: Plan, input: File, grant: Grant, limits: Limits) -> Attempt {
        self.begin(plan, input, (grant, None), limits, Urgency::Job)
    }

    /// As [`run`](Self::run), in a worker that gets a third of the processor time that others get.
    #[must_use]
    pub fn run_behind(&self, plan: Plan, input: File, grant: Grant, limits: Limits) -> Attempt {
        self.begin(plan, input, (grant, None), limits, Urgency::Behind)
    }

    /// As [`run`](Self::run) for an attempt whose plugins are granted nothing, and that may have a worker which has run attempts of its
    /// kin before.
    #[must_use]
    pub fn run_among(&self, plan: Plan, input: File, kin: Kin, limits: Limits) -> Attempt {
        let kin = (self.shared.config.reuse > 1).then_some(kin);
        self.begin(plan, input, (Grant::default(), kin), limits, Urgency::Job)
    }

    fn begin(
        &self,
        plan: Plan,
        input: File,
        (grant, kin): (Grant, Option<Kin>),
        limits: Limits,
        urgency: Urgency,
    ) -> Attempt {
        let (sender, updates) = tokio::sync::mpsc::channel::<Update>(update::WAITING);
        let (stop, stopped) = watch::channel(None);
        let id = self.shared.counted.fetch_add(1, Ordering::Relaxed) + 1;
        let task = supervise::Task {
            plan,
            input: input.into(),
            grant,
            kin,
            limits,
            urgency,
            updates: sender,
            stop: stopped,
        };
        let shared = Arc::clone(&self.shared);
        let span = tracing::debug_span!("attempt", n = id, job = task.plan.job);
        let attend = async move {
            shared.running.fetch_add(1, Ordering::Relaxed);
            supervise::attend(&shared, task).await;
            shared.running.fetch_sub(1, Ordering::Relaxed);
        };
        self.shared
            .attempts
            .spawn(tracing::Instrument::instrument(attend, span));
        let stop = StopHandle(Arc::new(stop));
        Attempt { id, updates, stop }
    }

    /// Has a file looked over in a worker that loads no plugin; the plan says with which passwords and limits, and it is stopped
    /// with the attempt whose file it is. Gives what it found, or why the file cannot be opened.
    ///
    /// # Errors
    /// Where no worker could look at it, or where it was stopped.
    pub async fn inspect(
        &self,
        plan: Plan,
        file: &File,
        patience: Duration,
        stop: &StopHandle,
    ) -> Result<Result<Inspected, Problem>, Failure> {
        inspect::inspect(&self.shared, plan, file, patience, stop).await
    }

    /// Loads a library of the store in a worker and gives its manifest's and its toolchain's text.
    ///
    /// # Errors
    /// Where it cannot be loaded or does harm; [`DescribeError::is_its_fault`] tells whether it may be tried again.
    pub async fn describe(&self, library: &Path) -> Result<Described, DescribeError> {
        describe::describe(&self.shared, library).await
    }

    /// How many attempts may run at the same time.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.config.workers
    }

    /// How the pool is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        let (spare, resting) = {
            let spares = self.shared.spares();
            (spares.ready.len(), spares.rest.len())
        };
        let state = self.shared.state();
        Status {
            capacity: self.capacity(),
            running: self.shared.running.load(Ordering::Relaxed),
            spare,
            resting,
            sandbox: state.sandbox.clone(),
            started: self.shared.started.load(Ordering::Relaxed),
            crashed: self.shared.crashed.load(Ordering::Relaxed),
            denied: self.shared.denied.load(Ordering::Relaxed),
            trouble: state.trouble.clone(),
        }
    }

    /// Lets running attempts end for as long as `patience`, then interrupts them; no worker lives after it, and what they had on disk goes.
    pub async fn drain(&self, patience: Duration) {
        let spares = {
            let mut spares = self.shared.spares();
            spares.closed = true;
            spares.rest.clear();
            std::mem::take(&mut spares.ready)
        };
        drop(spares);
        self.shared.attempts.close();
        let ended = self.shared.attempts.wait();
        let all_ended = tokio::time::timeout(patience, ended).await.is_ok();
        // What comes after this is refused, too.
        self.shared.interrupted.cancel();
        if !all_ended {
            self.shared.attempts.wait().await;
        }
        self.shared.sweeper.finish().await;
    }
}

/// What a plugin says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The manifest's text.
    pub manifest: String,
    /// What it was built with.
    pub toolchain: String,
}

impl Shared {
    fn spares(&self) -> MutexGuard<'_, Spares> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A blank worker: one that waits, or a new one. Those that wait are granted nothing.
    async fn worker(self: &Arc<Self>, grant: &Grant) -> Result<Worker, StartError> {
        if !grant.is_nothing() {
            return self.fresh(grant.clone()).await;
        }
        let waiting = loop {
            let Some(worker) = self.spares().ready.pop_front() else {
                break None;
            };
            if worker.process.is_alive() {
                break Some(worker);
            }
        };
        Self::refill(self);
        match waiting {
            Some(worker) => Ok(worker),
            None => self.fresh(Grant::default()).await,
        }
    }

    async fn fresh(&self, grant: Grant) -> Result<Worker, StartError> {
        // One that was granted something may be refused for that alone: its job says so, and it is no trouble of the pool.
        let is_plain = grant.is_nothing();
        let outcome = start::start(self, grant).await;
        let mut state = self.state();
        match &outcome {
            Ok(worker) => {
                self.started.fetch_add(1, Ordering::Relaxed);
                state.sandbox = Some(worker.sandbox.clone());
                state.trouble = None;
            }
            Err(error) if is_plain => state.trouble = Some(error.chain()),
            Err(_) => {}
        }
        outcome
    }

    /// Starts blank workers until enough wait. Where one cannot be started, the next question tries again.
    fn refill(shared: &Arc<Self>) {
        let mut spares = shared.spares();
        while !spares.closed && spares.ready.len() + spares.starting < shared.config.spare {
            spares.starting += 1;
            let weak = Arc::downgrade(shared);
            tokio::spawn(async move {
                let Some(shared) = weak.upgrade() else {
                    return;
                };
                let outcome = shared.fresh(Grant::default()).await;
                let mut spares = shared.spares();
                spares.starting -= 1;
                match outcome {
                    Ok(worker) if !spares.closed => spares.ready.push_back(worker),
                    Ok(_) => {}
                    Err(error) => {
                        drop(spares);
                        tracing::warn!(error = error.chain(), "a worker could not be started");
                    }
                }
            });
        }
    }
}
