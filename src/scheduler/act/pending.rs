//! What a turn of the loop has decided and not done yet.

use crate::event::Draft;
use crate::job::id::JobId;
use crate::job::redo::Redo;
use crate::scheduler::batches::Taking;
use crate::store::ledger::LedgerEntry;
use std::time::Duration;
use tokio::time::Instant;

/// What a turn has decided and not done yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    events: Vec<Draft>,
    pub(super) claims: Vec<Taking>,
    pub(super) redos: Vec<(JobId, Redo)>,
    /// Originals that their deliveries put back into an inbox.
    pub(super) kept: Vec<LedgerEntry>,
    /// Jobs of which an attempt told something.
    pub(super) told: Vec<JobId>,
    /// Whether something waits for the events, or should not be told late.
    urgent: bool,
    /// When the first of the events came.
    since: Option<Instant>,
}

/// How long events that nothing waits for wait for others. A short attempt tells four of them within that time; a commit for
/// each would hold up the one that its delivery waits for.
const HOLD: Duration = Duration::from_millis(5);

impl Pending {
    /// Adds events that nothing waits for.
    pub(super) fn add_lazy(&mut self, events: Vec<Draft>, now: Instant) {
        if !events.is_empty() {
            self.since.get_or_insert(now);
        }
        self.events.extend(events);
    }

    /// Adds events that are journalled with this turn.
    pub(super) fn add(&mut self, events: impl IntoIterator<Item = Draft>) {
        self.events.extend(events);
        self.urgent = true;
    }

    /// When it has to be done at the latest, if there is anything.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + HOLD)
    }

    /// Its events.
    pub(super) fn take_events(&mut self) -> Vec<Draft> {
        std::mem::take(&mut self.events)
    }

    /// Takes everything if it is time.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Self> {
        let is_due = self.urgent
            || !self.claims.is_empty()
            || !self.redos.is_empty()
            || self.due().is_some_and(|due| due <= now);
        is_due.then(|| std::mem::take(self))
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.claims.is_empty() && self.redos.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{DaemonEvent, Event};

    fn events() -> Vec<Draft> {
        vec![Draft::now(Event::Daemon(DaemonEvent::Draining))]
    }

    #[test]
    fn what_nothing_waits_for_waits_a_little() {
        let (mut pending, now) = (Pending::default(), Instant::now());
        pending.add_lazy(Vec::new(), now);
        assert_eq!(pending.due(), None, "nothing is due where there is nothing");
        pending.add_lazy(events(), now);
        pending.add_lazy(events(), now + HOLD / 2);
        assert!(pending.take_due(now + HOLD / 2).is_none());
        let mut taken = pending.take_due(now + HOLD).expect("its time has come");
        assert_eq!(taken.take_events().len(), 2, "all of them, in one unit");
        assert!(pending.is_empty() && pending.due().is_none());
    }

    #[test]
    fn what_is_urgent_takes_along_what_waits() {
        let (mut pending, now) = (Pending::default(), Instant::now());
        pending.add_lazy(events(), now);
        pending.add(events());
        let mut taken = pending.take_due(now).expect("at once");
        assert_eq!(taken.take_events().len(), 2);
        assert!(pending.take_due(now + HOLD).is_none(), "once");
    }
}
