//! The control socket while an attempt runs: any thread may speak, and everybody may ask whether the daemon said stop.

use crate::wire::blocking::{Control, Heard};
use crate::wire::bounds;
use crate::wire::chatter::Gate;
use crate::wire::frame::FrameError;
use crate::wire::message::{ToDaemon, ToWorker};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two looks at the socket. A plugin may ask at every object; a look is a system call.
const LOOK: Duration = Duration::from_millis(5);

/// The line to the daemon. No thread is spent on listening: whoever asks whether to stop looks at the socket, at most
/// every few milliseconds.
#[derive(Debug)]
pub(crate) struct Line {
    held: Mutex<Held>,
    cancelled: AtomicBool,
}

#[derive(Debug)]
struct Held {
    control: Control,
    looked: Option<Instant>,
    gate: Gate,
    warnings: u32,
}

impl Line {
    pub(crate) fn new(control: Control) -> Self {
        Self {
            held: Mutex::new(Held {
                control,
                looked: None,
                gate: Gate::new(Instant::now()),
                warnings: 0,
            }),
            cancelled: AtomicBool::new(false),
        }
    }

    /// Says something to the daemon.
    pub(crate) fn say(
        &self,
        message: &ToDaemon,
        descriptor: Option<BorrowedFd<'_>>,
    ) -> Result<(), FrameError> {
        self.held().control.say(message, descriptor)
    }

    /// Says something that the attempt can do without.
    pub(crate) fn mention(&self, message: &ToDaemon) {
        match self.say(message, None) {
            Ok(()) | Err(FrameError::Length(_)) => {}
            // A daemon that is gone wants nothing more.
            Err(_) => self.cancelled.store(true, Ordering::Relaxed),
        }
    }

    /// Whether there is still room for a line of this length among what is only interesting.
    pub(crate) fn has_room(&self, length: usize) -> bool {
        self.held().gate.admits(length, Instant::now())
    }

    /// Whether one more warning is told. They have room of their own, and the daemon says so of one too many.
    pub(crate) fn may_warn(&self) -> bool {
        let mut held = self.held();
        held.warnings += 1;
        held.warnings <= bounds::WARNINGS + 1
    }

    /// Says how many lines there was no room for.
    pub(crate) fn account(&self) {
        let lines = self.held().gate.dropped();
        if lines > 0 {
            self.mention(&ToDaemon::LinesDropped { lines });
        }
    }

    /// Whether the daemon said stop, or is gone.
    pub(crate) fn cancelled(&self) -> bool {
        if self.cancelled.load(Ordering::Relaxed) {
            return true;
        }
        let mut held = self.held();
        let now = Instant::now();
        if held.looked.is_some_and(|looked| now < looked + LOOK) {
            return false;
        }
        held.looked = Some(now);
        let stop = match held.control.look() {
            Ok(Heard::Nothing) => false,
            Ok(Heard::Word(frame)) => matches!(frame.message, ToWorker::Cancel),
            Ok(Heard::End) | Err(_) => true,
        };
        self.cancelled.fetch_or(stop, Ordering::Relaxed) || stop
    }

    /// The socket, for what comes after.
    pub(crate) fn into_control(self) -> Control {
        let held = self.held.into_inner();
        held.unwrap_or_else(PoisonError::into_inner).control
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
