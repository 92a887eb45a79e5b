//! What a turn of the loop has decided and not done yet.

use crate::event::Draft;
use crate::job::id::JobId;
use crate::job::redo::Redo;
use crate::scheduler::batches::Taking;
use crate::scheduler::handle::{Answer, Refused};
use std::time::Duration;
use tokio::time::Instant;

/// What a turn has decided and not done yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    events: Vec<Draft>,
    pub(super) claims: Vec<Taking>,
    pub(super) redos: Vec<(JobId, Redo)>,
    /// Jobs whose originals were fetched back, which the journal is told now; with who waits for that.
    pub(super) fetched: Vec<(JobId, Option<Answer<()>>)>,
    /// Who has cancelled something, and waits for the journal to know.
    pub(super) cancelled: Vec<Answer<()>>,
    /// Uploads that are taken, which the journal is told now, or are not; with who waits for that.
    pub(super) submitted: Vec<(Answer<JobId>, Result<JobId, Refused>)>,
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

/// While so many jobs are open, a unit begins only so long after the one before it: it then takes several jobs' events along, and
/// so do the moves that wait for it. A commit, and a sync of each folder, cost hardly more for all of them than for one.
const CROWD: usize = 16;
const GAP: Duration = Duration::from_millis(10);

/// So many events are a large turn: a slow disk is not made faster by more.
const LARGE: usize = 1024;

/// The pace of the units. No attempt waits for it, only what shows outside; a lone job is never held up.
#[derive(Debug, Default)]
pub(super) struct Pace {
    next: Option<Instant>,
}

impl Pace {
    /// A unit has begun.
    pub(super) fn began(&mut self, now: Instant) {
        self.next = Some(now + GAP);
    }

    /// When the next one may begin while so many jobs are open; `None` = at once.
    pub(super) fn next(&self, open: usize) -> Option<Instant> {
        self.next.filter(|_| open >= CROWD)
    }
}

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

    /// The same where no unit begins before `pace`.
    pub(super) fn due_at(&self, pace: Option<Instant>) -> Option<Instant> {
        match pace {
            Some(pace) if self.is_urgent() => Some(pace),
            Some(pace) => self.due().map(|due| due.max(pace)),
            None => self.due(),
        }
    }

    /// Its events.
    pub(super) fn take_events(&mut self) -> Vec<Draft> {
        std::mem::take(&mut self.events)
    }

    /// Takes everything if it is time.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Self> {
        let is_due = self.is_urgent() || self.due().is_some_and(|due| due <= now);
        is_due.then(|| std::mem::take(self))
    }

    fn is_urgent(&self) -> bool {
        self.urgent
            || !self.claims.is_empty()
            || !self.redos.is_empty()
            || !self.cancelled.is_empty()
            || !self.submitted.is_empty()
    }

    /// Whether there is so much that no news of attempts should come to it: they wait, and their workers with them.
    pub(super) fn is_large(&self) -> bool {
        self.events.len() >= LARGE
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.claims.is_empty()
            && self.redos.is_empty()
            && self.cancelled.is_empty()
            && self.submitted.is_empty()
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
    fn only_a_crowd_is_paced() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.next(CROWD), None, "the first begins at once");
        pace.began(now);
        assert_eq!(pace.next(CROWD - 1), None);
        assert_eq!(pace.next(CROWD), Some(now + GAP));
        let mut pending = Pending::default();
        assert_eq!(pending.due_at(pace.next(CROWD)), None);
        pending.add_lazy(events(), now);
        assert_eq!(pending.due_at(None), Some(now + HOLD));
        assert_eq!(pending.due_at(pace.next(CROWD)), Some(now + GAP.max(HOLD)));
        pending.add(events());
        assert_eq!(pending.due_at(pace.next(CROWD)), Some(now + GAP));
    }

    #[test]
    fn a_turn_is_large_until_its_events_are_taken() {
        let (mut pending, now) = (Pending::default(), Instant::now());
        for _ in 1..LARGE {
            pending.add_lazy(events(), now);
        }
        assert!(!pending.is_large());
        pending.add(events());
        assert!(pending.is_large());
        assert_eq!(pending.take_events().len(), LARGE);
        assert!(!pending.is_large());
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
