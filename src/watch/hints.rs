//! What events say, kept until the folder's thread has time: which paths to look at next.
//!
//! The callback of `notify` runs on the thread that reads the kernel's queue. Every microsecond there loses events (measured:
//! 50 us a file lost 85,000 of 100,000), so it only puts a path into a bounded set. When the set is full, or the kernel says
//! that it dropped events, all that is kept is *everything may have changed*.

use crate::watch::ignore;
use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{ErrorKind, Event, EventKind};
use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The file in our own folder whose report proves that events come.
pub(crate) const CANARY: &str = "canary";

/// What the last event about a path said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// A rename brought it.
    Renamed,
    /// A writer closed it.
    Closed,
    /// It was written to.
    Written,
    /// It was made, or its owner, mode or links changed.
    Touched,
    /// It was removed or renamed away.
    Gone,
}

/// Everything that came since the last round.
#[derive(Debug)]
pub(crate) struct Round<C> {
    /// Paths to look at, in the order in which they were first heard of.
    pub(crate) hints: Vec<(PathBuf, Hint)>,
    /// Events were dropped: everything may have changed.
    pub(crate) lost: bool,
    /// The kernel's limit of watches was reached.
    pub(crate) limit: bool,
    /// The canary was reported.
    pub(crate) canary: bool,
    /// What other parts ask for.
    pub(crate) commands: VecDeque<C>,
}

/// Where hints and commands wait for the folder's thread.
#[derive(Debug)]
pub(crate) struct Board<C> {
    state: Mutex<State<C>>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct State<C> {
    hints: HashMap<PathBuf, (usize, Hint)>,
    lost: bool,
    limit: bool,
    canary: bool,
    commands: VecDeque<C>,
    closed: bool,
}

impl<C> State<C> {
    fn is_quiet(&self) -> bool {
        self.hints.is_empty()
            && self.commands.is_empty()
            && !(self.lost || self.limit || self.canary || self.closed)
    }
}

impl<C> Board<C> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::new(State {
                hints: HashMap::new(),
                lost: false,
                limit: false,
                canary: false,
                commands: VecDeque::new(),
                closed: false,
            }),
            changed: Condvar::new(),
            capacity,
        }
    }

    /// Takes an event of `notify` about the folder `root`, whose own folder is `ours`.
    pub(crate) fn on_event(&self, root: &Path, ours: &Path, event: notify::Result<Event>) {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                let limit = matches!(error.kind, ErrorKind::MaxFilesWatch);
                return self.change(|state| {
                    state.lost = true;
                    state.limit |= limit;
                });
            }
        };
        if event.need_rescan() {
            return self.lose();
        }
        let Some(hint) = hint(&event.kind) else {
            return;
        };
        for path in event.paths {
            if path.parent() == Some(ours) {
                if path.file_name() == Some(OsStr::new(CANARY)) && hint != Hint::Gone {
                    self.change(|state| state.canary = true);
                }
            } else if path == root || !path.file_name().is_some_and(is_hidden) {
                self.hint(path, hint);
            }
        }
    }

    /// Everything may have changed.
    pub(crate) fn lose(&self) {
        self.change(|state| {
            state.hints.clear();
            state.lost = true;
        });
    }

    fn hint(&self, path: PathBuf, hint: Hint) {
        self.change(|state| {
            if state.lost {
                return;
            }
            let order = state.hints.len();
            match state.hints.get_mut(&path) {
                // It says nothing about the content, so what is known about that stays.
                Some(_) if hint == Hint::Touched => {}
                Some(known) => known.1 = hint,
                None if order >= self.capacity => {
                    state.hints.clear();
                    state.lost = true;
                }
                None => {
                    state.hints.insert(path, (order, hint));
                }
            }
        });
    }

    /// Leaves a command for the folder's thread. Commands are answers to what it sent or asked by people, so they are not
    /// bounded here: the senders are.
    pub(crate) fn command(&self, command: C) {
        self.change(|state| state.commands.push_back(command));
    }

    /// The folder's thread is to end.
    pub(crate) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Waits until something has come, or until then; `None` at the end.
    pub(crate) fn wait(&self, until: Instant) -> Option<Round<C>> {
        let mut state = self.lock();
        while state.is_quiet() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.closed {
            return None;
        }
        let hints = std::mem::take(&mut state.hints);
        let round = Round {
            hints: Vec::new(),
            lost: std::mem::take(&mut state.lost),
            limit: std::mem::take(&mut state.limit),
            canary: std::mem::take(&mut state.canary),
            commands: std::mem::take(&mut state.commands),
        };
        drop(state);
        let mut ordered: Vec<_> = hints.into_iter().collect();
        ordered.sort_unstable_by_key(|(_, (order, _))| *order);
        let hints = ordered.into_iter().map(|(path, (_, hint))| (path, hint));
        Some(Round {
            hints: hints.collect(),
            ..round
        })
    }

    /// Takes only the commands, in the middle of long work.
    pub(crate) fn take_commands(&self) -> VecDeque<C> {
        std::mem::take(&mut self.lock().commands)
    }

    /// Waits a moment because somebody else is busy; false when the thread is to end.
    pub(crate) fn pause(&self, moment: Duration) -> bool {
        let state = self.lock();
        let waited = self
            .changed
            .wait_timeout_while(state, moment, |state| !state.closed);
        !waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn change(&self, change: impl FnOnce(&mut State<C>)) {
        let mut state = self.lock();
        let was_quiet = state.is_quiet();
        change(&mut state);
        let wake = was_quiet || state.closed;
        drop(state);
        if wake {
            self.changed.notify_all();
        }
    }

    /// The state is whole between any two statements, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_hidden(name: &OsStr) -> bool {
    ignore::hidden(name).is_some()
}

fn hint(kind: &EventKind) -> Option<Hint> {
    match kind {
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(Hint::Renamed),
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) | EventKind::Remove(_) => {
            Some(Hint::Gone)
        }
        // Both halves were reported each for itself.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => None,
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Hint::Closed),
        // Mostly our own looks.
        EventKind::Access(_) => None,
        EventKind::Modify(ModifyKind::Data(_)) => Some(Hint::Written),
        EventKind::Create(
            CreateKind::File | CreateKind::Folder | CreateKind::Any | CreateKind::Other,
        )
        | EventKind::Modify(_)
        | EventKind::Any
        | EventKind::Other => Some(Hint::Touched),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{DataChange, Flag, RemoveKind};

    const TO: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::To));
    const DATA: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const CLOSE: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
    const OPEN: EventKind = EventKind::Access(AccessKind::Open(AccessMode::Any));
    const CREATE: EventKind = EventKind::Create(CreateKind::File);
    const REMOVE: EventKind = EventKind::Remove(RemoveKind::File);

    fn board(capacity: usize, events: &[(EventKind, &str)]) -> Board<()> {
        let board = Board::new(capacity);
        for (kind, path) in events {
            let event = Event::new(*kind).add_path(PathBuf::from(path));
            board.on_event(Path::new("/in"), Path::new("/in/.dropleaf"), Ok(event));
        }
        board
    }

    fn round(board: &Board<()>) -> Round<()> {
        board.wait(Instant::now()).expect("it is open")
    }

    #[test]
    fn the_last_word_about_the_content_counts_and_the_order_is_kept() {
        let board = board(
            9,
            &[
                (CREATE, "/in/b"),
                (DATA, "/in/b"),
                (TO, "/in/a"),
                (OPEN, "/in/c"),
                (CLOSE, "/in/b"),
                (CREATE, "/in/a"),
                (TO, "/in/d"),
                (REMOVE, "/in/d"),
            ],
        );
        let expected = [
            ("/in/b", Hint::Closed),
            ("/in/a", Hint::Renamed),
            ("/in/d", Hint::Gone),
        ];
        let expected = expected.map(|(path, hint)| (PathBuf::from(path), hint));
        assert_eq!(round(&board).hints, expected);
        assert!(round(&board).hints.is_empty(), "a round takes everything");
    }

    #[test]
    fn hidden_names_cost_nothing_but_the_root_is_heard() {
        let board = board(9, &[(TO, "/in/.x.pdf"), (TO, "/in/._a"), (REMOVE, "/in")]);
        assert_eq!(round(&board).hints, [(PathBuf::from("/in"), Hint::Gone)]);
    }

    #[test]
    fn a_full_set_means_that_everything_may_have_changed() {
        let board = board(
            2,
            &[(TO, "/in/a"), (TO, "/in/b"), (TO, "/in/c"), (TO, "/in/d")],
        );
        let full = round(&board);
        assert!(full.lost && full.hints.is_empty());
        assert!(!round(&board).lost);
    }

    #[test]
    fn dropped_events_and_errors_mean_that_everything_may_have_changed() {
        let board = board(9, &[(TO, "/in/a")]);
        let paths = (Path::new("/in"), Path::new("/in/.dropleaf"));
        let rescan = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        board.on_event(paths.0, paths.1, Ok(rescan));
        assert!(round(&board).lost);
        board.on_event(paths.0, paths.1, Err(notify::Error::generic("broken")));
        assert!(round(&board).lost);
        board.on_event(
            paths.0,
            paths.1,
            Err(notify::Error::new(ErrorKind::MaxFilesWatch)),
        );
        let limited = round(&board);
        assert!(limited.lost && limited.limit);
    }

    #[test]
    fn only_the_canary_is_heard_of_in_our_own_folder() {
        let board = board(
            9,
            &[
                (TO, "/in/.dropleaf/claimed"),
                (CLOSE, "/in/.dropleaf/canary"),
            ],
        );
        let heard = round(&board);
        assert!(heard.canary && heard.hints.is_empty());
    }

    #[test]
    fn commands_and_the_end_wake_the_thread() {
        let board: Board<u8> = Board::new(1);
        let far = Instant::now() + Duration::from_secs(60);
        std::thread::scope(|scope| {
            scope.spawn(|| board.command(7));
            assert_eq!(board.wait(far).expect("open").commands, [7]);
            scope.spawn(|| board.close());
            assert!(board.wait(far).is_none());
        });
        assert!(!board.pause(Duration::from_secs(60)));
    }
}
