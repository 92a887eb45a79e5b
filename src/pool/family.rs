//! Which children the thread that has workers born knows of.
//!
//! A nursery that is killed at the very moment of a birth has not told the child's process id any more. That child ends by
//! itself, because the daemon has let go of its socket, but as long as nobody reaps it, it stays in the process table.

use crate::pool::process::{self, Orphan};
use std::collections::BTreeSet;
use std::sync::mpsc;

/// Ids that are remembered before those of the dead are looked for.
const MANY: usize = 4096;

/// The workers that were handed out. It belongs to one thread, whose children they all are.
#[derive(Debug, Default)]
pub(crate) struct Family(BTreeSet<u32>);

impl Family {
    /// A worker that was born and told.
    pub(crate) fn welcome(&mut self, id: u32) {
        if self.0.len() >= MANY {
            let children = children();
            self.0.retain(|known| children.contains(known));
        }
        self.0.insert(id);
    }

    /// Ends every child that was never told of, and has it reaped. The nursery must be dead and reaped.
    pub(crate) fn bury_strays(&mut self, reaper: &mpsc::Sender<Orphan>) {
        let children = children();
        self.0.retain(|known| children.contains(known));
        for stray in children.difference(&self.0) {
            tracing::debug!(worker = stray, "a worker of a dead nursery is buried");
            process::bury(*stray, reaper);
        }
    }
}

/// All children of this thread, the dead too; none where the kernel does not tell.
fn children() -> BTreeSet<u32> {
    let told = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let ids = told.split_ascii_whitespace();
    ids.filter_map(|id| id.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_never_told_of_is_buried_and_nobody_else() {
        let child = |seconds: &str| {
            let mut command = std::process::Command::new("sleep");
            command.arg(seconds).spawn().expect("a child")
        };
        let reaper = process::start_reaper().expect("a thread");
        let until = |expected: &[u32]| {
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
            while children() != expected.iter().copied().collect::<BTreeSet<u32>>() {
                assert!(std::time::Instant::now() < deadline, "{:?}", children());
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        };
        let (known, dead, living) = (child("60"), child("0"), child("60"));
        let mut family = Family::default();
        family.welcome(known.id());
        family.bury_strays(&reaper);
        assert!(dead.id() != living.id());
        until(&[known.id()]);
        family = Family::default();
        family.bury_strays(&reaper);
        until(&[]);
    }
}
