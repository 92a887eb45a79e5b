//! Programs that granted plugins have started, and their end where the daemon is killed.
//!
//! A worker is tied to its daemon by a signal, and what it has started is not: the kernel does not hand that signal down. But all
//! of it is in the worker's process group, which the sandbox does not let it leave. The nursery outlives the daemon by a moment,
//! because it reads from a socket that then ends, and in that moment it ends those groups.

use crate::worker::confine::{self, ConfineError};
use rustix::process::{Pid, Signal};
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

/// Between two looks for groups that are gone, so that none is remembered long enough for its number to be somebody else's.
pub(super) const LOOK: Duration = Duration::from_millis(500);

/// The process groups of workers that may start programs.
#[derive(Debug, Default)]
pub(super) struct Wards(BTreeSet<i32>);

impl Wards {
    /// A worker was born that may start programs. From now on the nursery is not killed along with the daemon.
    pub(super) fn welcome(&mut self, worker: u32) -> io::Result<()> {
        if self.0.is_empty() {
            rustix::process::set_parent_process_death_signal(None)?;
        }
        self.0.extend(i32::try_from(worker).ok());
        Ok(())
    }

    /// Whether there are any.
    pub(super) fn are_there(&self) -> bool {
        !self.0.is_empty()
    }

    /// Forgets those of which nobody is left. With the last the nursery is tied to the daemon again.
    pub(super) fn look(&mut self, daemon: u32) -> Result<(), ConfineError> {
        let is_there = |group: &i32| {
            let group = Pid::from_raw(*group);
            group.is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok())
        };
        self.0.retain(is_there);
        match self.0.is_empty() {
            true => confine::follow_parent(daemon),
            false => Ok(()),
        }
    }

    /// Ends all of them.
    pub(super) fn end(&self) {
        for group in self.0.iter().filter_map(|group| Pid::from_raw(*group)) {
            // An error means that nobody is left.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}
