//! The only hands: waits for an input, lets `decide` decide, journals, then does what was decided.
//!
//! Longer than our files are: one loop with the state it needs; what commands ask of it stands in [`asked`].

use crate::event::{Draft, Event};
use crate::feed::Feed;
use crate::job::id::JobId;
use crate::job::state::Job;
use crate::pipeline::checked::Pipeline;
use crate::plugin::catalog::Catalog;
use crate::pool::update::{Stop, StopHandle};
use crate::raw_path::RawPath;
use crate::scheduler::attempt::{self, Aside, Told};
use crate::scheduler::decide::{Refusal, Scheduler as Decider};
use crate::scheduler::explain;
use crate::scheduler::files;
use crate::scheduler::handle::{
    Answer, COMMANDS, Command, Health, PipelineSet, PipelineStatus, Refused, Scheduler, Upload,
};
use crate::scheduler::input::{Action, Decision, Input};
use crate::scheduler::pipelines::{Entry, Reloaded, Shelf, Unsaved};
use crate::scheduler::progress::Progress;
use crate::spool::sweep::Standing;
use crate::store::Store;
use crate::store::error::Error;
use crate::store::ledger::LedgerEntry;
use crate::store::log::LogLine;
use crate::store::open::Opening;
use crate::time::Timestamp;
use crate::watch::Watcher;
use crate::watch::update::{Decline, Folder, WatchUpdate};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// News of attempts and file moves wait here; whoever tells them waits with them.
const TOLD: usize = 1024;
/// How often free disk space is looked at.
const DISK_CHECK: Duration = Duration::from_secs(30);
/// What running attempts get to answer an interruption.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What the scheduler works with.
#[derive(Debug)]
pub struct Parts {
    /// The home's root; relative paths in questions start here.
    pub home: PathBuf,
    /// The journal.
    pub store: Store,
    /// Who listens.
    pub feed: Feed,
    /// For attempts.
    pub attempt: attempt::Parts,
    /// The watched folders.
    pub watcher: Watcher,
    /// What the watched folders bring.
    pub arrivals: mpsc::Receiver<WatchUpdate>,
    /// The installed operations.
    pub catalog: watch::Receiver<Arc<Catalog>>,
    /// The pipeline files.
    pub shelf: Shelf,
    /// Attempts at once.
    pub workers: usize,
    /// Memory for all of them.
    pub memory: u64,
    /// The sandbox level that workers reach.
    pub sandbox: String,
    /// Bytes that must be free on each disk.
    pub min_free: u64,
    /// How long running attempts may go on at shutdown.
    pub drain: Duration,
}

/// Loads the pipelines and starts the loop. It ends some time after `shutdown` is cancelled; an error means that the journal cannot be written.
pub async fn start(
    parts: Parts,
    opening: &Opening,
    shutdown: CancellationToken,
) -> (Scheduler, tokio::task::JoinHandle<Result<(), Error>>) {
    let (commands, asked) = mpsc::channel(COMMANDS);
    let (set, pipelines) = watch::channel(Arc::new(PipelineSet::default()));
    let (healthy, health) = watch::channel(Arc::new(Health::default()));
    let (tell, told) = mpsc::channel(TOLD);
    let (broken, breaks) = mpsc::unbounded_channel();
    let mut known: BTreeMap<String, Vec<LedgerEntry>> = BTreeMap::new();
    for entry in &opening.ledger {
        known
            .entry(entry.pipeline.clone())
            .or_default()
            .push(entry.clone());
    }
    let mut hands = Hands {
        decider: Decider::new(parts.workers, parts.memory),
        shelf: Arc::new(Mutex::new(parts.shelf)),
        entries: Vec::new(),
        seen: opening
            .pipelines
            .iter()
            .filter(|row| row.revision.is_some())
            .map(|row| row.id.clone())
            .collect(),
        known,
        tell,
        broken,
        stops: HashMap::new(),
        told_last: HashMap::new(),
        stop_wanted: HashSet::new(),
        uploads: HashMap::new(),
        submitters: HashMap::new(),
        progress: Progress::default(),
        tasks: JoinSet::new(),
        set,
        healthy,
        draining: false,
        home: parts.home,
        store: parts.store,
        feed: parts.feed,
        attempt: parts.attempt,
        watcher: parts.watcher,
        catalog: parts.catalog,
        workers: parts.workers,
        sandbox: parts.sandbox,
        min_free: parts.min_free,
        drain: parts.drain,
        itself: commands.downgrade(),
    };
    let paused = opening
        .pipelines
        .iter()
        .filter_map(|row| row.paused.clone().map(|reason| (row.id.clone(), reason)))
        .collect();
    let sources = Sources {
        asked,
        told,
        breaks,
        arrivals: parts.arrivals,
    };
    hands.reload().await;
    let task = tokio::spawn(hands.run(opening.open_jobs.clone(), paused, sources, shutdown));
    (Scheduler::new(commands, pipelines, health), task)
}

/// Says when a unit of events is durable; `None` where there was none.
type Durable = Option<watch::Receiver<bool>>;

struct Sources {
    asked: mpsc::Receiver<Command>,
    told: mpsc::Receiver<(JobId, Told)>,
    breaks: mpsc::UnboundedReceiver<Error>,
    arrivals: mpsc::Receiver<WatchUpdate>,
}

struct Hands {
    decider: Decider,
    shelf: Arc<Mutex<Shelf>>,
    entries: Vec<Entry>,
    /// Pipelines that were loaded before, in this life or an earlier one.
    seen: HashSet<String>,
    known: BTreeMap<String, Vec<LedgerEntry>>,
    tell: mpsc::Sender<(JobId, Told)>,
    /// At most one error is ever sent, so the channel needs no bound.
    broken: mpsc::UnboundedSender<Error>,
    stops: HashMap<JobId, StopHandle>,
    /// The last unit about each running job: its progress is not told before what it follows.
    told_last: HashMap<JobId, watch::Receiver<bool>>,
    stop_wanted: HashSet<JobId>,
    uploads: HashMap<JobId, PathBuf>,
    submitters: HashMap<JobId, Answer<JobId>>,
    progress: Progress,
    tasks: JoinSet<()>,
    set: watch::Sender<Arc<PipelineSet>>,
    healthy: watch::Sender<Arc<Health>>,
    draining: bool,
    home: PathBuf,
    store: Store,
    feed: Feed,
    attempt: attempt::Parts,
    watcher: Watcher,
    catalog: watch::Receiver<Arc<Catalog>>,
    workers: usize,
    sandbox: String,
    min_free: u64,
    drain: Duration,
    /// Weak, so that the loop still sees when nobody else can ask.
    itself: mpsc::WeakSender<Command>,
}

impl Hands {
    async fn run(
        mut self,
        open_jobs: Vec<Job>,
        paused: Vec<(String, String)>,
        mut sources: Sources,
        shutdown: CancellationToken,
    ) -> Result<(), Error> {
        self.sweep(&open_jobs).await;
        let recovered = self.decider.recover(open_jobs, paused, Timestamp::now());
        self.carry_out(recovered);
        self.decide(Input::Tick);
        let mut disk = tokio::time::interval(DISK_CHECK);
        disk.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut drain_until: Option<(Instant, bool)> = None;
        loop {
            let deadline = self.deadline(drain_until.map(|(until, _)| until));
            tokio::select! {
                error = sources.breaks.recv() => {
                    if let Some(error) = error {
                        return Err(error);
                    }
                }
                Some((job, told)) = sources.told.recv() => self.told(job, told),
                Some(command) = sources.asked.recv() => self.asked(command).await,
                Some(update) = sources.arrivals.recv() => self.watched(update),
                Ok(()) = self.catalog.changed() => self.reload().await,
                _ = disk.tick() => self.check_disks(),
                () = shutdown.cancelled(), if drain_until.is_none() => {
                    self.draining = true;
                    let watcher = self.watcher.clone();
                    // A folder's thread may be waiting for us to take its news.
                    self.tasks.spawn_blocking(move || watcher.close());
                    self.decide(Input::Drain);
                    drain_until = Some((Instant::now() + self.drain, false));
                }
                () = tokio::time::sleep_until(deadline) => match drain_until {
                    Some((until, false)) if Instant::now() >= until => {
                        self.decide(Input::Interrupt);
                        drain_until = Some((Instant::now() + LAST_WORDS, true));
                    }
                    Some((until, true)) if Instant::now() >= until => return Ok(()),
                    _ => {
                        self.decide(Input::Tick);
                    }
                },
                Some(_) = self.tasks.join_next() => {}
            }
            if drain_until.is_some() && self.decider.busy() == 0 && self.tasks.is_empty() {
                return Ok(());
            }
        }
    }

    /// Before anything begins anew, what an earlier life left half-way is put right.
    async fn sweep(&self, open_jobs: &[Job]) {
        let standings: HashMap<JobId, Standing> = open_jobs
            .iter()
            .map(|job| (job.id, files::standing(job)))
            .collect();
        let pipelines: Vec<Arc<Pipeline>> = self
            .entries
            .iter()
            .filter_map(|entry| entry.current.clone())
            .collect();
        let (spool, store, runtime) = (
            self.attempt.spool.clone(),
            self.store.clone(),
            tokio::runtime::Handle::current(),
        );
        let swept = tokio::task::spawn_blocking(move || {
            files::sweep(&spool, &pipelines, |id| {
                let known = standings.get(&id).cloned();
                known.unwrap_or_else(|| match runtime.block_on(store.job(id)) {
                    Ok(Some(job)) => files::standing(&job),
                    Ok(None) => Standing::Unknown,
                    // Not known for sure: hands off.
                    Err(_) => Standing::Staged,
                })
            });
        });
        if let Err(error) = swept.await {
            tracing::error!(%error, "sweeping panicked");
        }
    }

    /// An inbox that was away at the start has not been swept yet. Open jobs are at work: hands off theirs.
    fn sweep_online(&mut self, pipeline: &str) {
        let Some(pipeline) = self.current(pipeline) else {
            return;
        };
        let (spool, store) = (self.attempt.spool.clone(), self.store.clone());
        let runtime = tokio::runtime::Handle::current();
        self.tasks.spawn_blocking(move || {
            files::sweep_online(&spool, &pipeline.watch.folder, |id| {
                match runtime.block_on(store.job(id)) {
                    Ok(Some(job)) if job.state.is_terminal() => files::standing(&job),
                    Ok(None) => Standing::Unknown,
                    Ok(Some(_)) | Err(_) => Standing::Staged,
                }
            });
        });
    }

    fn deadline(&self, drain: Option<Instant>) -> Instant {
        let day = Instant::now() + Duration::from_secs(86_400);
        let due = self.decider.next_deadline().map_or(day, |at| {
            Instant::now() + at.since(Timestamp::now()) + Duration::from_millis(1)
        });
        drain.map_or(due, |drain| drain.min(due))
    }

    fn decide(&mut self, input: Input) -> Durable {
        let decision = self.decider.decide(input, Timestamp::now());
        self.carry_out(decision)
    }

    /// Journals the events, then does the actions; those that show outside only once the events are durable.
    fn carry_out(&mut self, decision: Decision) -> Durable {
        let durable = self.append(decision.events);
        for action in decision.actions {
            match action {
                Action::Claim { job, accepted } => self.claim(job, *accepted, durable.clone()),
                Action::Redo { job, redo } => {
                    let spool = self.attempt.spool.clone();
                    let known = self.keep_in_ledger(job, &redo);
                    self.after(durable.clone(), async move {
                        known.await;
                        files::redo(spool, job, redo).await
                    });
                }
                Action::PrepareEnd { job, about } => {
                    let spool = self.attempt.spool.clone();
                    self.after(None, files::prepare_end(spool, job, *about));
                }
                Action::Start(start) => {
                    let job = start.job;
                    let (parts, catalog) =
                        (self.attempt.clone(), Arc::clone(&self.catalog.borrow()));
                    let tell = self.tell.clone();
                    self.tasks.spawn(async move {
                        let (news, mut told) = mpsc::channel(16);
                        let relay = async {
                            while let Some(what) = told.recv().await {
                                if tell.send((job, what)).await.is_err() {
                                    return;
                                }
                            }
                        };
                        tokio::join!(attempt::run(parts, catalog, *start, news), relay);
                    });
                }
                Action::StopAttempt { job } => self.stop(job),
                Action::Taken { pipeline, path } => self.watcher.taken(&pipeline, &path.0),
                Action::Declined {
                    pipeline,
                    path,
                    changed,
                } => {
                    let why = if changed {
                        Decline::Changed
                    } else {
                        Decline::Later
                    };
                    self.watcher.declined(&pipeline, &path.0, why);
                }
            }
        }
        self.publish_health();
        durable
    }

    /// Appends a unit; the answer resolves when it is durable. A journal that cannot be written ends the daemon: what is in
    /// memory is ahead of it then, and starting again repairs by the rules.
    fn append(&mut self, events: Vec<Draft>) -> Durable {
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
                    tracing::error!(error = %crate::telemetry::chain(&error), "the journal cannot be written");
                    // The loop may have ended already.
                    let _ = broken.send(error);
                }
            }
        });
        Some(durable)
    }

    /// Runs `work` once `durable` says so; what it brings is an input.
    fn after(
        &mut self,
        durable: Durable,
        work: impl Future<Output = (JobId, Input)> + Send + 'static,
    ) {
        let tell = self.tell.clone();
        self.tasks.spawn(async move {
            if let Some(mut durable) = durable
                && durable.wait_for(|durable| *durable).await.is_err()
            {
                return;
            }
            let (job, input) = work.await;
            // The loop may have ended already.
            let _ = tell.send((job, Told::Input(input))).await;
        });
    }

    fn claim(&mut self, job: JobId, accepted: crate::job::event::Accepted, durable: Durable) {
        let (spool, store) = (self.attempt.spool.clone(), self.store.clone());
        let upload = self.uploads.remove(&job);
        self.after(durable, files::claim(spool, store, job, accepted, upload));
    }

    /// An original that goes back to its inbox is known to the ledger before it is there, or it would be taken again.
    fn keep_in_ledger(
        &mut self,
        job: JobId,
        redo: &crate::job::redo::Redo,
    ) -> impl Future<Output = ()> + Send + use<> {
        let entry = self
            .decider
            .job(job)
            .and_then(|job| files::kept_original(job, redo));
        let put = entry.map(|entry| {
            self.known
                .entry(entry.pipeline.clone())
                .or_default()
                .push(entry.clone());
            self.watcher
                .leave(&entry.pipeline, &entry.relative, entry.identity);
            self.store.ledger_put(vec![entry])
        });
        async move {
            if let Some(put) = put
                && let Err(error) = put.await
            {
                tracing::warn!(%error, "a kept original is not in the ledger: it may be processed again after a restart");
            }
        }
    }

    fn stop(&mut self, job: JobId) {
        let cancelled = self.decider.is_cancelled(job);
        match self.stops.get(&job) {
            Some(handle) => handle.stop(if cancelled {
                Stop::Cancelled
            } else {
                Stop::Interrupted
            }),
            None => {
                self.stop_wanted.insert(job);
            }
        }
    }

    fn told(&mut self, job: JobId, told: Told) {
        match told {
            Told::Input(input) => {
                match &input {
                    Input::AttemptEnded { .. } => {
                        self.stops.remove(&job);
                        self.stop_wanted.remove(&job);
                        self.progress.forget(job);
                        self.told_last.remove(&job);
                    }
                    Input::Claimed { result, .. } => self.answer_submitter(job, result.is_ok()),
                    _ => {}
                }
                let running = matches!(input, Input::Told { .. });
                let durable = self.decide(input);
                if let Some(durable) = durable.filter(|_| running) {
                    self.told_last.insert(job, durable);
                }
            }
            Told::Aside(Aside::Stop(handle)) => {
                self.stops.insert(job, handle);
                if self.stop_wanted.remove(&job) {
                    self.stop(job);
                }
            }
            Told::Aside(Aside::Progress {
                step,
                index,
                steps,
                part,
                parts,
                done,
                total,
            }) => {
                if self
                    .told_last
                    .get(&job)
                    .is_some_and(|durable| !*durable.borrow())
                {
                    // The next one comes soon; the step's start is not even told yet.
                    return;
                }
                if let Some(known) = self.decider.job(job) {
                    let pace = self.progress.pace(job, index, part, done, total);
                    self.feed.progress(crate::feed::progress::Progress {
                        job,
                        pipeline: known.accepted.pipeline.clone(),
                        path: known.accepted.path.clone(),
                        rev: known.rev,
                        step,
                        index,
                        steps,
                        part,
                        parts,
                        done,
                        total,
                        rate: pace.rate,
                        eta_ms: pace.eta_ms,
                    });
                }
            }
            Told::Aside(Aside::Log {
                step,
                level,
                message,
            }) => self.log(
                job,
                LogLine {
                    at: Timestamp::now(),
                    level,
                    step,
                    message,
                },
            ),
        }
    }

    fn log(&mut self, job: JobId, line: LogLine) {
        if let Some(known) = self.decider.job(job) {
            self.feed.log(known, std::slice::from_ref(&line));
        }
        let logged = self.store.log(job, vec![line]);
        self.tasks.spawn(async move {
            if let Err(error) = logged.await {
                tracing::warn!(%error, %job, "a log line is lost");
            }
        });
    }

    fn answer_submitter(&mut self, job: JobId, taken: bool) {
        if let Some(answer) = self.submitters.remove(&job) {
            let result = if taken {
                Ok(job)
            } else {
                Err(Refused::Unavailable(
                    "the upload could not be taken over; send it again".to_owned(),
                ))
            };
            // The asker may have gone.
            let _ = answer.send(result);
        }
    }

    fn watched(&mut self, update: WatchUpdate) {
        match update {
            WatchUpdate::Arrival(arrival) => {
                let Some(pipeline) = self.current(&arrival.pipeline) else {
                    self.watcher
                        .declined(&arrival.pipeline, &arrival.path, Decline::Later);
                    return;
                };
                let job = JobId(ulid::Ulid::generate());
                let accepted = files::accepted(job, &pipeline, arrival);
                self.decide(Input::Arrival {
                    job,
                    accepted: Box::new(accepted),
                });
            }
            WatchUpdate::File {
                pipeline,
                path,
                what,
            } => self.say(Event::File {
                pipeline,
                path,
                what,
            }),
            WatchUpdate::Folder { pipeline, what } => {
                if matches!(what, crate::event::WatchEvent::Online { .. }) {
                    self.sweep_online(&pipeline);
                }
                self.say(Event::Watch { pipeline, what });
                self.publish_pipelines();
            }
            WatchUpdate::Gone { .. } => {}
            WatchUpdate::Existing { pipeline, files } => self.leave_existing(&pipeline, files),
        }
    }

    /// What lay there before the pipeline came stays, after a restart too.
    fn leave_existing(
        &mut self,
        pipeline: &str,
        files: Vec<(RawPath, crate::job::event::Identity)>,
    ) {
        let why = "it was there before the pipeline (`existing: ignore`)";
        let entry = |(relative, identity)| LedgerEntry {
            pipeline: pipeline.to_owned(),
            relative,
            identity,
            why: why.to_owned(),
        };
        let entries: Vec<LedgerEntry> = files.into_iter().map(entry).collect();
        self.known
            .entry(pipeline.to_owned())
            .or_default()
            .extend(entries.iter().cloned());
        let put = self.store.ledger_put(entries);
        self.tasks.spawn(async move {
            if let Err(error) = put.await {
                tracing::warn!(%error, "files that were there before are not in the ledger: they may be processed after a restart");
            }
        });
    }

    fn say(&mut self, event: Event) {
        let _durable = self.append(vec![Draft::now(event)]);
    }

    fn current(&self, pipeline: &str) -> Option<Arc<Pipeline>> {
        self.entries
            .iter()
            .find(|entry| entry.id == pipeline)
            .and_then(|entry| entry.current.clone())
    }

    fn known_pipeline(&self, pipeline: &str) -> Result<&Entry, Refused> {
        let entry = self.entries.iter().find(|entry| entry.id == pipeline);
        entry.ok_or_else(|| Refused::NotFound(format!("there is no pipeline `{pipeline}`")))
    }

    async fn reload(&mut self) {
        let (shelf, catalog) = (
            Arc::clone(&self.shelf),
            Arc::clone(&self.catalog.borrow_and_update()),
        );
        let reloaded = tokio::task::spawn_blocking(move || locked(&shelf).reload(&catalog)).await;
        match reloaded {
            Ok(reloaded) => self.use_pipelines(reloaded),
            Err(error) => tracing::error!(%error, "the pipelines could not be reloaded"),
        }
    }

    fn use_pipelines(&mut self, reloaded: Reloaded) {
        for draft in &reloaded.events {
            if let Event::Pipeline {
                pipeline,
                what: crate::event::PipelineEvent::Invalid { faults },
            } = &draft.event
            {
                for fault in faults {
                    tracing::warn!(%pipeline, "{fault}");
                }
            }
        }
        let _durable = self.append(reloaded.events);
        self.entries = reloaded.entries;
        let current: Vec<Arc<Pipeline>> = self
            .entries
            .iter()
            .filter_map(|entry| entry.current.clone())
            .collect();
        self.set_watched();
        self.seen
            .extend(current.iter().map(|pipeline| pipeline.id.clone()));
        self.decide(Input::Pipelines(current));
        self.publish_pipelines();
    }

    fn set_watched(&self) {
        let current = self
            .entries
            .iter()
            .filter_map(|entry| entry.current.as_ref());
        self.watcher
            .set(current.map(|pipeline| self.folder(pipeline)).collect());
    }

    fn folder(&self, pipeline: &Arc<Pipeline>) -> Folder {
        let known = self.known.get(&pipeline.id).into_iter().flatten();
        Folder {
            pipeline: pipeline.id.clone(),
            spec: pipeline.watch.clone(),
            first_seen: !self.seen.contains(&pipeline.id),
            known: known
                .map(|entry| (entry.relative.clone(), entry.identity))
                .collect(),
            paused: false,
        }
    }

    fn publish_pipelines(&self) {
        let folders = self.watcher.status();
        let entries = self.entries.iter().map(|entry| PipelineStatus {
            id: entry.id.clone(),
            file: entry.file.clone(),
            current: entry.current.clone(),
            faults: entry.faults.clone(),
            paused: self.decider.paused(&entry.id).map(str::to_owned),
            folder: folders
                .iter()
                .find(|folder| folder.pipeline == entry.id)
                .cloned(),
        });
        self.set.send_replace(Arc::new(PipelineSet {
            entries: entries.collect(),
        }));
    }

    fn publish_health(&self) {
        let health = Health {
            workers: self.workers,
            busy: self.decider.busy(),
            intake_closed: self.decider.intake_closed().map(str::to_owned),
            sandbox: self.sandbox.clone(),
            draining: self.draining,
        };
        self.healthy.send_if_modified(|now| {
            let changed = **now != health;
            if changed {
                *now = Arc::new(health);
            }
            changed
        });
    }

    fn check_disks(&mut self) {
        let mut folders: Vec<PathBuf> = vec![self.home.clone()];
        for pipeline in self
            .entries
            .iter()
            .filter_map(|entry| entry.current.as_ref())
        {
            folders.push(pipeline.output.root.clone());
            folders.push(pipeline.watch.folder.clone());
        }
        let closed = files::low_disk(&folders, self.min_free).or_else(|| {
            let full = !self.store.health().reserve;
            full.then(|| "the disk of the journal was full; free some space".to_owned())
        });
        self.decide(Input::Intake { closed });
        self.publish_pipelines();
    }
}

mod asked;

fn locked(shelf: &Arc<Mutex<Shelf>>) -> std::sync::MutexGuard<'_, Shelf> {
    // A shelf is whole between calls; a panic in one loses at most that reload.
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}
