//! The thread of one watched folder: it waits for hints, commands and deadlines, and sees to them one after another.
//!
//! *The scan is the truth, events are only hints of what to look at next.* Everything that a hint can cause a scan causes as
//! well, only later. One thread a folder, so that a network file system that hangs holds up nothing but itself.

use crate::event::WatchEvent;
use crate::job::event::Identity;
use crate::mounts::Mounts;
use crate::owner::Owner;
use crate::raw_path::RawPath;
use crate::time::Timestamp;
use crate::watch::canary::Canary;
use crate::watch::done_file::DoneFile;
use crate::watch::hints::{Board, Round};
use crate::watch::ignore::Rules;
use crate::watch::options::Options;
use crate::watch::presence::Presence;
use crate::watch::queue::Queue;
use crate::watch::settle::{Rests, Via};
use crate::watch::told::Earlier;
use crate::watch::tree::{Stand, Tree};
use crate::watch::update::{Decline, FileStatus, Folder, FolderStatus, Link, WatchUpdate};
use notify::RecommendedWatcher;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// How long to wait before trying again to hand an update over to a full channel. The channel has no way to wake a thread that
/// also has to hear of its own end; this is the pause of a busy system, not of an idle one.
const CHANNEL_FULL: Duration = Duration::from_millis(2);

/// The longest sleep: far enough that it costs nothing.
const FAR: Duration = Duration::from_secs(3600);

/// What other parts ask of a folder's thread. Paths are absolute.
#[derive(Debug)]
pub(crate) enum Command {
    /// Scan everything now; take the folder as it is, even on another device.
    Scan,
    /// The file is a job now.
    Taken(PathBuf),
    /// The arrival is not taken.
    Declined(PathBuf, Decline),
    /// This file is to be left until it changes.
    Leave(RawPath, Identity),
    /// The pipeline says something else now.
    Reconfigure(Box<Folder>),
    /// The chain of decisions about a path, and why no new files are taken at all, where none are.
    Explain(PathBuf, Option<String>, oneshot::Sender<Vec<Link>>),
    /// The files that are not jobs, at most so many.
    Files(usize, oneshot::Sender<Vec<FileStatus>>),
}

/// Whom the thread of a folder tells, and whom it asks what was told before.
pub(crate) struct Outside {
    pub(crate) updates: mpsc::Sender<WatchUpdate>,
    pub(crate) earlier: Earlier,
    pub(crate) mounts: Mounts,
    pub(crate) owner: Owner,
}

/// Everything that the thread of a folder knows.
pub(crate) struct Reconciler {
    pub(crate) folder: Folder,
    pub(crate) root: PathBuf,
    pub(crate) options: Options,
    pub(crate) rests: Rests,
    pub(crate) rules: Result<Rules, String>,
    pub(crate) done: Option<DoneFile>,
    pub(crate) board: Arc<Board<Command>>,
    updates: mpsc::Sender<WatchUpdate>,
    pub(crate) earlier: Earlier,
    pub(crate) mounts: Mounts,
    pub(crate) owner: Owner,
    status: Arc<Mutex<FolderStatus>>,
    pub(crate) watcher: Option<RecommendedWatcher>,
    pub(crate) presence: Presence,
    pub(crate) canary: Canary,
    pub(crate) tree: Tree,
    pub(crate) known: HashMap<PathBuf, Identity>,
    pub(crate) queue: Queue,
    agenda: BinaryHeap<Reverse<(Instant, Arc<Path>)>>,
    pub(crate) full_scan: Instant,
    pub(crate) poll: Option<Instant>,
    pub(crate) generation: u32,
    /// What the first scan leaves under `existing: ignore`, while it goes on.
    pub(crate) existing: Option<Vec<(RawPath, Identity)>>,
    pub(crate) last_scan: Option<(Timestamp, Duration)>,
    pub(crate) told_ignored: usize,
    /// The last file that could not be read or taken, and why.
    pub(crate) kept_back: Option<(Arc<Path>, String)>,
    /// Counts the changes of what is known of files.
    pub(crate) changes: u64,
    ended: bool,
}

impl Reconciler {
    pub(crate) fn new(
        folder: Folder,
        options: Options,
        board: Arc<Board<Command>>,
        outside: Outside,
        status: Arc<Mutex<FolderStatus>>,
    ) -> Self {
        let now = Instant::now();
        let known = folder.known.iter();
        let ignore_existing =
            folder.first_seen && folder.spec.existing == crate::pipeline::checked::Existing::Ignore;
        Self {
            root: folder.spec.folder.clone(),
            rests: Rests {
                quiet: folder.spec.quiet,
                settling: options.settling.clone(),
            },
            rules: rules(&folder),
            done: folder.spec.done_file.as_deref().map(DoneFile::new),
            known: known
                .map(|(path, identity)| (path.0.clone(), *identity))
                .collect(),
            board,
            updates: outside.updates,
            earlier: outside.earlier,
            mounts: outside.mounts,
            owner: outside.owner,
            status,
            watcher: None,
            presence: Presence::new(),
            canary: Canary::new(now),
            tree: Tree::default(),
            queue: Queue::default(),
            agenda: BinaryHeap::new(),
            full_scan: now,
            poll: None,
            generation: 0,
            existing: ignore_existing.then(Vec::new),
            last_scan: None,
            told_ignored: 0,
            kept_back: None,
            changes: 0,
            ended: false,
            folder,
            options,
        }
    }

    /// Runs until the board is closed or nobody listens any more.
    pub(crate) fn run(mut self) {
        self.work(Instant::now());
        self.publish();
        while !self.ended
            && let Some(round) = self.board.wait(self.next_deadline())
        {
            self.serve(round);
            self.work(Instant::now());
            self.publish();
        }
    }

    fn serve(&mut self, round: Round<Command>) {
        for command in round.commands {
            self.obey(command);
        }
        if round.canary {
            self.on_canary();
        }
        if round.limit {
            self.on_watch_limit();
        }
        if round.lost {
            tracing::debug!(folder = %self.root.display(), "events were lost: the folder is scanned");
            self.forget_writers();
            self.full_scan = Instant::now();
        }
        if !self.presence.is_online() {
            if !round.hints.is_empty() {
                // Something happens where nothing was: worth a look.
                self.full_scan = Instant::now();
            }
            return;
        }
        for (index, (path, hint)) in round.hints.into_iter().enumerate() {
            if self.ended {
                return;
            }
            if index % 64 == 63 {
                self.obey_waiting();
            }
            self.on_hint(&path, hint);
        }
    }

    /// Does what is due.
    fn work(&mut self, now: Instant) {
        if now >= self.full_scan {
            self.scan_everything();
        } else if self.poll.is_some_and(|at| now >= at) && self.presence.is_online() {
            self.scan_polled();
        }
        if !self.presence.is_online() {
            return;
        }
        self.canary_due(now);
        self.offer_settled();
        while let Some(Reverse((at, _))) = self.agenda.peek()
            && *at <= Instant::now()
            && !self.ended
        {
            let Some(Reverse((at, file))) = self.agenda.pop() else {
                break;
            };
            self.queue.no_more_alone(&file);
            let is_due = self
                .tree
                .entry(&file)
                .is_some_and(|entry| match &entry.stand {
                    Stand::Settling(waiting) => waiting.due == Some(at),
                    Stand::Settled { .. } => true,
                    Stand::Refused(refused) => refused.due == at,
                    _ => false,
                });
            if is_due {
                self.on_due(&file);
            }
        }
        if self.agenda.len() < self.agenda.capacity() / 8 {
            self.agenda.shrink_to(self.agenda.len() * 2);
        }
    }

    fn next_deadline(&self) -> Instant {
        let now = Instant::now();
        let mut next = self.full_scan.min(now + FAR);
        if self.presence.is_online() {
            let agenda = self.agenda.peek().map(|Reverse((at, _))| *at);
            for at in [
                self.poll,
                agenda,
                self.queue.next_deadline().filter(|_| !self.folder.paused),
                self.canary.next_deadline(self.watches_events()),
            ] {
                next = at.map_or(next, |at| next.min(at));
            }
        }
        next
    }

    /// The entry of this file has to be looked at again at this instant.
    pub(crate) fn remind(&mut self, file: &Arc<Path>, at: Instant) {
        self.agenda.push(Reverse((at, Arc::clone(file))));
    }

    /// Obeys what came in the middle of long work, so that people and the scheduler need not wait for its end.
    pub(crate) fn obey_waiting(&mut self) {
        for command in self.board.take_commands() {
            self.obey(command);
        }
        self.offer_settled();
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Scan => {
                self.presence.adopt_next();
                self.full_scan = Instant::now();
            }
            Command::Taken(path) => self.taken(&path),
            Command::Declined(path, decline) => self.declined(&path, decline),
            Command::Leave(relative, identity) => {
                self.known.insert(relative.0, identity);
            }
            Command::Reconfigure(folder) => self.reconfigure(*folder),
            // Who asked may have gone.
            Command::Explain(path, closed, answer) => {
                drop(answer.send(self.explain(&path, closed.as_deref())));
            }
            Command::Files(limit, answer) => drop(answer.send(self.files(limit))),
        }
    }

    fn reconfigure(&mut self, folder: Folder) {
        for (path, identity) in &folder.known {
            // What we know of a file is newer.
            self.known.entry(path.0.clone()).or_insert(*identity);
        }
        let resumed = self.folder.paused && !folder.paused;
        if self.folder.spec != folder.spec {
            self.rules = rules(&folder);
            self.rests.quiet = folder.spec.quiet;
            self.done = folder.spec.done_file.as_deref().map(DoneFile::new);
            self.told_ignored = 0;
            self.forget_ignored();
            self.full_scan = Instant::now();
        }
        self.folder = folder;
        if resumed || self.full_scan <= Instant::now() {
            self.decide_all();
        }
    }

    /// Tells, and waits while nobody has room to hear it: that is how a busy scheduler holds the watcher back.
    pub(crate) fn send(&mut self, mut update: WatchUpdate) {
        loop {
            match self.updates.try_send(update) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(back)) if self.board.pause(CHANNEL_FULL) => {
                    update = back;
                }
                Err(_) => {
                    self.ended = true;
                    return;
                }
            }
        }
    }

    pub(crate) fn tell_folder(&mut self, what: WatchEvent) {
        let pipeline = self.folder.pipeline.clone();
        // Who hears of it may look at once.
        self.publish();
        self.send(WatchUpdate::Folder { pipeline, what });
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended || self.board.is_closed()
    }

    /// The path below the watched folder.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        path.strip_prefix(&self.root).ok()
    }

    /// A file that is kept back still, and why. Another one tells of itself when it is looked at again.
    fn one_kept_back(&self) -> Option<String> {
        let (file, why) = self.kept_back.as_ref()?;
        let is_still = self.tree.entry(file)?.stand.is_kept_back();
        is_still.then(|| format!("`{}`: {why}", RawPath::from(&**file)))
    }

    fn publish(&self) {
        let counts = self.tree.counts();
        let (polling, reason) = self.mode();
        let status = FolderStatus {
            pipeline: self.folder.pipeline.clone(),
            folder: RawPath(self.root.clone()),
            real: self.presence.real.clone(),
            state: self.presence.state(),
            mode: if polling { "polling" } else { "events" },
            reason: self.presence.reason().map_or(reason, str::to_owned),
            files_settling: counts.settling,
            files_offered: counts.offered,
            files_ignored: counts.ignored,
            files_kept_back: counts.kept_back,
            kept_back: self.one_kept_back().unwrap_or_default(),
            changes: self.changes,
            folders: self.tree.len() as u64,
            last_scan: self.last_scan.map(|(at, _)| at),
            last_scan_ms: self.last_scan.map_or(0, |(_, took)| {
                u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
            }),
        };
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

fn rules(folder: &Folder) -> Result<Rules, String> {
    Rules::new(&folder.spec.include, &folder.spec.exclude).map_err(|error| error.to_string())
}

/// What a hint says about the content, if anything.
pub(crate) fn via(hint: crate::watch::hints::Hint) -> Option<Via> {
    use crate::watch::hints::Hint;
    match hint {
        Hint::Renamed => Some(Via::Renamed),
        Hint::Closed => Some(Via::Closed),
        Hint::Written => Some(Via::Written),
        Hint::Touched | Hint::Gone => None,
    }
}
