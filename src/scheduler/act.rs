//! The only hands: waits for an input, lets `decide` decide, journals, then does what was decided.
//!
//! [`hands`] is what they hold, [`turn`] how a turn of the loop ends ([`pending`] is what it then has to do); [`news`], [`watched`], [`loaded`], [`folders`] and [`asked`] are what
//! can come in: from attempts and file work, from the watched folders, from the pipeline files, from the folders in use, from people.
//!
//! The loop's own task makes no call on a file: one on a network mount whose server is gone never comes back. Such calls are made on
//! threads of their own, at the desks of the pipeline where there may be many, and what they bring comes in.

mod alarm;
mod asked;
mod folders;
mod hands;
mod loaded;
mod news;
mod pending;
mod turn;
mod watched;

use crate::feed::Feed;
use crate::job::event::Identity;
use crate::job::id::JobId;
use crate::job::state::Job;
use crate::plugin::catalog::Catalog;
use crate::raw_path::RawPath;
use crate::scheduler::act::hands::{Hands, written};
use crate::scheduler::act::pending::{Pace, Pending};
use crate::scheduler::attempt::{self, Told};
use crate::scheduler::brought::{BROUGHT, Brought};
use crate::scheduler::clock::Clock;
use crate::scheduler::decide::state::Scheduler as Decider;
use crate::scheduler::desks::Desks;
use crate::scheduler::disks::Disks;
use crate::scheduler::handle::{COMMANDS, Command, Health, PipelineSet, Scheduler};
use crate::scheduler::input::Input;
use crate::scheduler::pipelines::Shelf;
use crate::scheduler::progress::Progress;
use crate::scheduler::reclaim::Fetching;
use crate::scheduler::sweeps::Unswept;
use crate::store::Store;
use crate::store::error::Error;
use crate::store::open::Opening;
use crate::store::query::Same;
use crate::time::Timestamp;
use crate::watch::Watcher;
use crate::watch::lanes::Lanes;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// News of attempts and file moves wait here; whoever tells them waits with them.
const TOLD: usize = 1024;
/// So much more of what waits is taken into a turn of the loop that something has begun.
const TURN: usize = 256;
/// How often free disk space is looked at.
const DISK_CHECK: Duration = Duration::from_secs(30);
/// So many questions may look at the disk at a time.
const LOOKS: usize = 16;
/// What running attempts get to answer an interruption.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What the scheduler works with.
#[derive(Debug)]
pub struct Parts {
    /// The home's root; relative paths in questions start here.
    pub home: PathBuf,
    /// The daemon's own folders.
    pub own: Vec<PathBuf>,
    /// How the folders in use are.
    pub disks: Disks,
    /// The journal.
    pub store: Store,
    /// Who listens.
    pub feed: Feed,
    /// For attempts.
    pub attempt: attempt::Parts,
    /// The watched folders.
    pub watcher: Watcher,
    /// What the watched folders bring.
    pub arrivals: Lanes,
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

/// How the loop is ended.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// No new work; running attempts may finish as long as [`Parts::drain`] allows.
    pub drain: CancellationToken,
    /// They are interrupted now.
    pub at_once: CancellationToken,
}

/// Loads the pipelines and starts the loop. It ends some time after `shutdown` says so; an error means that the journal cannot be written.
pub async fn start(
    parts: Parts,
    opening: &Opening,
    shutdown: Shutdown,
) -> (Scheduler, tokio::task::JoinHandle<Result<(), Error>>) {
    let (commands, asked) = mpsc::channel(COMMANDS);
    let (set, pipelines) = watch::channel(Arc::new(PipelineSet::default()));
    let (healthy, health) = watch::channel(Arc::new(Health::default()));
    let (tell, told) = mpsc::channel(TOLD);
    let (bring, brought) = mpsc::channel(BROUGHT);
    let (broken, breaks) = mpsc::unbounded_channel();
    let mut known: BTreeMap<String, HashMap<RawPath, Identity>> = BTreeMap::new();
    let (folders, files): (Vec<_>, Vec<_>) = opening
        .ledger
        .iter()
        .partition(|entry| entry.is_unscanned());
    let mut contents: HashMap<String, HashMap<PathBuf, String>> = HashMap::new();
    for entry in files {
        if let Some(blake3) = &entry.blake3 {
            let of = contents.entry(entry.pipeline.clone()).or_default();
            of.insert(entry.relative.0.clone(), blake3.clone());
        }
        known
            .entry(entry.pipeline.clone())
            .or_default()
            .insert(entry.relative.clone(), entry.identity);
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
        unscanned: folders.iter().map(|entry| entry.pipeline.clone()).collect(),
        known,
        contents,
        tell,
        bring,
        broken,
        stops: HashMap::new(),
        told_last: HashMap::new(),
        stop_wanted: HashSet::new(),
        uploads: HashMap::new(),
        submitters: HashMap::new(),
        progress: Progress::default(),
        tasks: JoinSet::new(),
        asides: JoinSet::new(),
        desks: Desks::default(),
        disks: parts.disks,
        unswept: Unswept::default(),
        fetching: Fetching::default(),
        looks: Arc::new(Semaphore::new(LOOKS)),
        set,
        healthy,
        draining: false,
        home: parts.home,
        own: parts.own,
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
        turn: Pending::default(),
        pace: Pace::default(),
        last: None,
        clock: Clock::new(Timestamp::now(), Instant::now()),
    };
    let paused = opening
        .pipelines
        .iter()
        .filter_map(|row| row.paused.clone().map(|reason| (row.id.clone(), reason)))
        .collect();
    let sources = Sources {
        asked,
        told,
        brought,
        breaks,
        arrivals: parts.arrivals,
    };
    hands.load().await;
    let task = tokio::spawn(hands.run(opening.open_jobs.clone(), paused, sources, shutdown));
    (Scheduler::new(commands, pipelines, health), task)
}

struct Sources {
    asked: mpsc::Receiver<Command>,
    told: mpsc::Receiver<(JobId, Told)>,
    brought: mpsc::Receiver<Brought>,
    breaks: mpsc::UnboundedReceiver<Error>,
    arrivals: Lanes,
}

impl Hands {
    async fn run(
        mut self,
        mut open_jobs: Vec<Job>,
        paused: Vec<(String, String)>,
        mut sources: Sources,
        shutdown: Shutdown,
    ) -> Result<(), Error> {
        self.plan_again(&open_jobs);
        self.sweep(&open_jobs);
        self.recall_contents(&mut open_jobs).await;
        let recovered = self.decider.recover(open_jobs, paused, Timestamp::now());
        self.carry_out(recovered);
        self.decide(Input::Tick);
        self.finish_turn();
        let mut disk = tokio::time::interval(DISK_CHECK);
        disk.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut answers = self.disks.news();
        let mut drain_until: Option<(Instant, bool)> = None;
        loop {
            let deadline = self.deadline(drain_until.map(|(until, _)| until));
            let is_held = !self.turn.is_empty() && self.is_writing();
            // Attempts tell no faster than the journal takes it.
            let has_room = !self.turn.is_large();
            tokio::select! {
                error = sources.breaks.recv() => {
                    if let Some(error) = error {
                        return Err(error);
                    }
                }
                Some((job, told)) = sources.told.recv(), if has_room => self.told(job, told),
                Some(command) = sources.asked.recv() => self.asked(command),
                Some(brought) = sources.brought.recv() => self.brought(brought),
                Some(update) = sources.arrivals.recv() => self.watched(update),
                Ok(()) = self.catalog.changed() => self.reload(),
                _ = disk.tick() => self.ask_disks(),
                Ok(()) = answers.changed() => self.weigh_disks(),
                Some(_) = self.asides.join_next() => {}
                () = shutdown.drain.cancelled(), if drain_until.is_none() => {
                    self.draining = true;
                    let watcher = self.watcher.clone();
                    // A folder's thread may be waiting for us to take its news.
                    self.tasks.spawn_blocking(move || watcher.close());
                    self.decide(Input::Drain);
                    drain_until = Some((Instant::now() + self.drain, false));
                }
                () = shutdown.at_once.cancelled(), if matches!(drain_until, Some((_, false))) => {
                    drain_until = Some(self.interrupt());
                }
                () = tokio::time::sleep_until(deadline) => match drain_until {
                    Some((until, false)) if Instant::now() >= until => {
                        drain_until = Some(self.interrupt());
                    }
                    Some((until, true)) if Instant::now() >= until => return Ok(()),
                    _ => self.decide(Input::Tick),
                },
                _ = written(self.last.clone()), if is_held => {}
                Some(_) = self.tasks.join_next() => {}
            }
            self.take_waiting(&mut sources);
            self.finish_turn();
            if drain_until.is_some()
                && self.decider.busy() == 0
                && self.tasks.is_empty()
                && self.turn.is_empty()
                && sources.brought.is_empty()
            {
                return Ok(());
            }
        }
    }

    /// Has the decider know which queued jobs' contents were processed in an earlier life.
    async fn recall_contents(&mut self, open_jobs: &mut [Job]) {
        let waits = |job: &&mut Job| job.duplicate_of.is_some() && job.is_as_it_was_taken();
        let waiting: Vec<&mut Job> = open_jobs.iter_mut().filter(waits).collect();
        if waiting.is_empty() {
            return;
        }
        let question = |job: &&mut Job| {
            let blake3 = job.blake3.clone().unwrap_or_default();
            (job.accepted.pipeline.clone(), blake3, job.id)
        };
        match self
            .store
            .find_contents(waiting.iter().map(question).collect())
            .await
        {
            Ok(answers) => {
                let done = done_before(waiting, answers);
                self.decider.were_done(done);
            }
            Err(error) => {
                tracing::warn!(%error, "the journal could not tell whether some contents were here before");
            }
        }
    }

    /// Running attempts get no more time but for their last words; says until when, and that it was done.
    fn interrupt(&mut self) -> (Instant, bool) {
        self.decide(Input::Interrupt);
        // Files whose contents are being read are ours already; the next start reads them.
        self.attempt.spool.halt_all();
        (Instant::now() + LAST_WORDS, true)
    }

    /// What waits already goes into the same turn: one unit of the journal, one batch of file work.
    fn take_waiting(&mut self, sources: &mut Sources) {
        for _ in 0..TURN {
            let has_room = !self.turn.is_large();
            let told = has_room.then(|| sources.told.try_recv().ok()).flatten();
            match (told, sources.arrivals.try_recv()) {
                (None, None) => return,
                (told, arrival) => {
                    if let Some((job, told)) = told {
                        self.told(job, told);
                    }
                    if let Some(update) = arrival {
                        self.watched(update);
                    }
                }
            }
        }
    }

    fn deadline(&mut self, drain: Option<Instant>) -> Instant {
        self.mind_the_clock();
        let day = Instant::now() + Duration::from_secs(86_400);
        let due = self.decider.next_deadline().map_or(day, |at| {
            Instant::now() + at.since(Timestamp::now()) + Duration::from_millis(1)
        });
        let turn = (!self.is_writing()).then(|| self.turn.due_at(self.pace()));
        [drain, turn.flatten()]
            .into_iter()
            .flatten()
            .fold(due, Instant::min)
    }
}

/// The jobs that have processed these contents. Each of those that wait goes by the one that has, whichever it was taken after.
fn done_before(waiting: Vec<&mut Job>, answers: Vec<Option<Same>>) -> Vec<JobId> {
    let known = waiting.into_iter().zip(answers);
    let done = known.filter_map(|(job, same)| {
        let done = same.filter(|same| same.is_done)?.job;
        job.duplicate_of = Some(done);
        Some(done)
    });
    done.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::decide::tests::stand::accepted;

    #[test]
    fn a_duplicate_is_told_of_the_job_that_succeeded() {
        let [failed, succeeded, first, second] = [(); 4].map(|()| JobId::fresh());
        let mut jobs = [first, second].map(|id| {
            let mut job = Job::new(id, Timestamp(0), *accepted("p", 1));
            job.duplicate_of = Some(failed);
            job
        });
        let same = |is_done| {
            let job = succeeded;
            Some(Same { job, is_done })
        };
        let done = done_before(jobs.iter_mut().collect(), vec![same(true), same(false)]);
        assert_eq!(done, [succeeded]);
        let earlier = jobs.map(|job| job.duplicate_of);
        assert_eq!(earlier, [Some(succeeded), Some(failed)]);
    }
}
