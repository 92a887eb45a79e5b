//! A lane for each host that is called: one that hangs holds up nobody but those who wait for the same host.

use crate::webhook::call::Error;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Calls to one host at once.
const AT_ONCE: usize = 4;
/// Calls to all hosts at once: each has a descriptor.
const AT_ONCE_IN_ALL: usize = 128;
/// Calls that wait for one host or are being made. While a host that answers has so many, the journal is not read on; for one
/// that does not answer there are no more.
const MOST: usize = 1024;

/// The lanes by host and port.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: HashMap<String, Arc<Lane>>,
    all: Arc<Semaphore>,
}

/// The way to one host.
#[derive(Debug)]
struct Lane {
    slots: Semaphore,
    waiting: AtomicUsize,
    /// Whether it answered when it was called last, whatever it said.
    answers: AtomicBool,
}

/// A call's place in its lane, until dropped.
#[derive(Debug)]
pub(super) struct Place {
    lane: Arc<Lane>,
    all: Arc<Semaphore>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            lanes: HashMap::new(),
            all: Arc::new(Semaphore::new(AT_ONCE_IN_ALL)),
        }
    }
}

impl Lanes {
    /// A place for one more call to this host; `None` where too many wait for one that does not answer.
    pub(super) fn enter(&mut self, host: &str) -> Option<Place> {
        let lane = self.lanes.entry(host.to_owned()).or_insert_with(|| {
            Arc::new(Lane {
                slots: Semaphore::new(AT_ONCE),
                waiting: AtomicUsize::new(0),
                answers: AtomicBool::new(true),
            })
        });
        if lane.is_full() && !lane.answers.load(Ordering::Relaxed) {
            return None;
        }
        lane.waiting.fetch_add(1, Ordering::Relaxed);
        Some(Place {
            lane: Arc::clone(lane),
            all: Arc::clone(&self.all),
        })
    }

    /// Whether more calls may come: no host that answers has as many as may wait.
    pub(super) fn are_open(&self) -> bool {
        let mut lanes = self.lanes.values();
        !lanes.any(|lane| lane.is_full() && lane.answers.load(Ordering::Relaxed))
    }

    /// Forgets hosts that nobody calls any more.
    pub(super) fn tidy(&mut self) {
        let waits = |lane: &Arc<Lane>| lane.waiting.load(Ordering::Relaxed) > 0;
        self.lanes.retain(|_, lane| waits(lane));
    }
}

impl Lane {
    fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= MOST
    }
}

impl Place {
    /// Waits until this host may be called, among so many others at most. Dropping what it gives lets the next one call.
    pub(super) async fn turn(&self) -> (Option<SemaphorePermit<'_>>, Option<SemaphorePermit<'_>>) {
        // Neither is ever closed.
        let own = self.lane.slots.acquire().await.ok();
        (own, self.all.acquire().await.ok())
    }

    /// What came of the call: whether somebody answered, whatever he said.
    pub(super) fn tell(&self, called: &Result<(), Error>) {
        let answered = matches!(called, Ok(()) | Err(Error::Refused(_) | Error::Redirect(_)));
        self.lane.answers.store(answered, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lane.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_that_hangs_has_no_more_than_its_own_slots() {
        let mut lanes = Lanes::default();
        let mut enter = |host: &str| lanes.enter(host).expect("there is room");
        let hanging: Vec<Place> = (0..=AT_ONCE).map(|_| enter("slow:80")).collect();
        let sound = enter("sound:80");
        let mut turns = Vec::new();
        for place in &hanging[..AT_ONCE] {
            turns.push(place.turn().await);
        }
        let soon = std::time::Duration::from_millis(20);
        let last = tokio::time::timeout(soon, hanging[AT_ONCE].turn());
        assert!(last.await.is_err(), "it waits for its own kind");
        let turn = tokio::time::timeout(soon, sound.turn()).await;
        assert!(turn.is_ok(), "nobody else does");
    }

    #[test]
    fn a_full_lane_holds_the_reader_while_its_host_answers_and_is_closed_when_it_does_not() {
        let mut lanes = Lanes::default();
        let places: Vec<_> = (0..MOST).map(|_| lanes.enter("h:80")).collect();
        assert!(!lanes.are_open(), "it has to catch up first");
        let place = places[0].as_ref().expect("there was room");
        place.tell(&Err(Error::Refused(http::StatusCode::SERVICE_UNAVAILABLE)));
        assert!(!lanes.are_open(), "it is there");
        let nobody = std::io::ErrorKind::ConnectionRefused;
        for silence in [Error::Unreachable(nobody.into()), Error::Slow] {
            place.tell(&Ok(()));
            assert!(!lanes.are_open());
            place.tell(&Err(silence));
            assert!(lanes.are_open(), "it holds up nobody else");
        }
        assert!(lanes.enter("h:80").is_none());
        assert!(lanes.enter("other:80").is_some());
        drop(places);
        assert!(lanes.enter("h:80").is_some());
        lanes.tidy();
        assert!(lanes.lanes.is_empty());
    }
}
