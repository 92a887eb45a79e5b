//! What is known about whether events come: when the next proof is due, and what is wrong with them.

use std::time::Instant;

/// Whether events come.
#[derive(Debug)]
pub(crate) struct Canary {
    pub(crate) next: Instant,
    pub(crate) deadline: Option<Instant>,
    pub(crate) trouble: Option<Trouble>,
}

/// Why events cannot be relied on.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Events cannot be had at all.
    Refused(String),
    /// The kernel's limit of watches.
    Limit(String),
    /// They were promised and do not come.
    Silent(String),
}

impl Canary {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            next: now,
            deadline: None,
            trouble: None,
        }
    }

    /// Why events cannot be relied on.
    pub(crate) fn trouble(&self) -> Option<&str> {
        match self.trouble.as_ref()? {
            Trouble::Refused(why) | Trouble::Limit(why) | Trouble::Silent(why) => Some(why),
        }
    }

    pub(crate) fn next_deadline(&self, watching: bool) -> Option<Instant> {
        watching.then(|| self.deadline.unwrap_or(self.next))
    }
}
