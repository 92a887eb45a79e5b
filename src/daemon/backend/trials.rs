//! What samples became, kept for a while: so that a person can look at before and after. Bounded in number, bytes and time.

use crate::http::api::{KeptTrial, TryOutcome};
use crate::time::Timestamp;
use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long a trial is kept.
const KEPT: Duration = Duration::from_secs(15 * 60);
/// How many are kept.
const MOST: usize = 16;
/// Bytes of all samples and outputs that are kept.
const MOST_BYTES: u64 = 1 << 30;

/// A trial, and until when it is kept: by the clock that nobody moves.
#[derive(Debug)]
struct Kept {
    until: Instant,
    trial: Arc<KeptTrial>,
}

/// The trials that are kept, oldest first.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Trials {
    kept: Mutex<VecDeque<Kept>>,
    changed: Notify,
}

impl Trials {
    /// Keeps one; the oldest make room for it.
    pub(super) fn keep(
        &self,
        name: String,
        input: File,
        size: u64,
        outcome: TryOutcome,
    ) -> Arc<KeptTrial> {
        let trial = Arc::new(KeptTrial {
            id: ulid::Ulid::generate().to_string(),
            expires: Timestamp::now().plus(KEPT),
            name,
            input,
            size,
            outcome,
        });
        let mut kept = self.kept();
        kept.push_back(Kept {
            until: Instant::now() + KEPT,
            trial: Arc::clone(&trial),
        });
        while kept.len() > MOST || (kept.len() > 1 && bytes(&kept) > MOST_BYTES) {
            kept.pop_front();
        }
        drop(kept);
        self.changed.notify_one();
        trial
    }

    /// One that is still kept.
    pub(super) fn find(&self, id: &str) -> Option<Arc<KeptTrial>> {
        let now = Instant::now();
        let kept = self.kept();
        let found = kept
            .iter()
            .find(|kept| kept.trial.id == id && kept.until > now);
        found.map(|kept| Arc::clone(&kept.trial))
    }

    /// Lets go of one; false where it was not kept.
    pub(super) fn forget(&self, id: &str) -> bool {
        let mut kept = self.kept();
        let before = kept.len();
        kept.retain(|kept| kept.trial.id != id);
        kept.len() < before
    }

    /// Lets go of each when its time is over; sleeps while there is none.
    pub(in crate::daemon) async fn sweep(self: Arc<Self>) {
        loop {
            let next = self.kept().front().map(|kept| kept.until);
            match next {
                None => self.changed.notified().await,
                Some(until) => {
                    tokio::time::sleep_until(until.into()).await;
                    let now = Instant::now();
                    self.kept().retain(|kept| kept.until > now);
                }
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes(kept: &VecDeque<Kept>) -> u64 {
    let outputs =
        |trial: &KeptTrial| -> u64 { trial.outcome.outputs.iter().map(|output| output.size).sum() };
    kept.iter()
        .map(|kept| kept.trial.size + outputs(&kept.trial))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(trials: &Trials, size: u64) -> String {
        let file = tempfile::tempfile().expect("a file");
        let outcome = TryOutcome::default();
        trials
            .keep("a.pdf".to_owned(), file, size, outcome)
            .id
            .clone()
    }

    #[test]
    fn the_oldest_make_room_by_number_and_by_bytes() {
        let trials = Trials::default();
        let first = keep(&trials, 1);
        let rest: Vec<String> = (1..MOST).map(|_| keep(&trials, 1)).collect();
        assert!(trials.find(&first).is_some());
        let next = keep(&trials, 1);
        assert!(trials.find(&first).is_none() && trials.find(&rest[0]).is_some());
        let large = keep(&trials, MOST_BYTES - 1);
        assert!(trials.find(&next).is_some() && trials.find(&rest[0]).is_none());
        let larger = keep(&trials, MOST_BYTES * 2);
        assert!(trials.find(&large).is_none());
        assert!(trials.find(&larger).is_some(), "the newest always stays");
        assert!(trials.forget(&larger) && !trials.forget(&larger));
    }

    #[tokio::test]
    async fn a_trial_is_gone_after_its_time() {
        let trials = Arc::new(Trials::default());
        let id = keep(&trials, 1);
        let late = KeptTrial {
            id: "late".to_owned(),
            expires: Timestamp::now(),
            name: String::new(),
            input: tempfile::tempfile().expect("a file"),
            size: 0,
            outcome: TryOutcome::default(),
        };
        trials.kept().push_front(Kept {
            until: Instant::now(),
            trial: Arc::new(late),
        });
        assert!(trials.find("late").is_none());
        let sweep = tokio::spawn(Arc::clone(&trials).sweep());
        while trials.kept().len() > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(trials.find(&id).is_some());
        sweep.abort();
    }
}
