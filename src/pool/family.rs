//! Which children the thread that has workers born knows of.
//!
//! A nursery that is killed at the very moment of a birth has not told the child's process id any more. That child ends by
//! itself, because the daemon has let go of its socket, but as long as nobody reaps it, it stays in the process table.

use crate::pool::process;
use std::collections::BTreeSet;

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

    /// Ends and reaps every child that was never told of. The nursery must be dead and reaped.
    pub(crate) fn bury_strays(&mut self) {
        let children = children();
        self.0.retain(|known| children.contains(known));
        for stray in children.difference(&self.0) {
            tracing::debug!(worker = stray, "a worker of a dead nursery is buried");
            process::bury(*stray);
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
        let (known, dead, living) = (child("60"), child("0"), child("60"));
        let mut family = Family::default();
        family.welcome(known.id());
        family.bury_strays();
        assert_eq!(children(), BTreeSet::from([known.id()]));
        assert!(!children().contains(&dead.id()) && !children().contains(&living.id()));
        family = Family::default();
        family.bury_strays();
        assert!(children().is_empty());
    }
}
