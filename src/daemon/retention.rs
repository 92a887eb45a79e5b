//! When old jobs and events are removed, and how old they are: by a time that no jump of the wall clock moves.
//!
//! A clock that a dead battery or a wrong hand has set a year ahead would make everything old at once. So the age is not taken
//! from the wall clock alone, but from the time that daemons have seen pass: within a life by the clock that nobody moves,
//! between two lives at most [`AWAY`]. It is kept in the journal. What is removed late costs a little space, what is removed
//! early is gone.

use crate::store::Store;
use crate::store::error::Error;
use crate::store::prune::Retention;
use crate::store::shrink::SPARE;
use crate::time::Timestamp;
use std::time::{Duration, Instant};

/// How often old jobs and events are removed.
const PRUNE: Duration = Duration::from_secs(3600);
/// What is believed to have passed between two lives, at the most.
const AWAY: Duration = Duration::from_secs(24 * 3600);
/// The name in the journal under which the time that was reached is kept.
const REACHED: &str = "retention";

/// The time that daemons have seen pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen(Timestamp);

impl Seen {
    /// That much later at the most; never earlier than before.
    fn pass(&mut self, wall: Timestamp, most: Duration) {
        self.0 = self.0.max(wall.min(self.0.plus(most)));
    }

    /// The time by which ages are measured.
    fn now(self, wall: Timestamp) -> Timestamp {
        self.0.min(wall)
    }
}

/// Removes what is older than `age`, and beyond `jobs` jobs, until the task is ended.
pub(super) async fn prune(store: Store, (age, jobs): (Duration, u64)) {
    let mut seen = begin(&store).await;
    let mut last = Instant::now();
    let mut hours = tokio::time::interval(PRUNE);
    loop {
        hours.tick().await;
        let wall = Timestamp::now();
        seen.pass(wall, last.elapsed());
        last = Instant::now();
        let now = seen.now(wall);
        if wall.since(now) > AWAY {
            tracing::warn!(
                clock = %wall.rfc3339(),
                counted = %now.rfc3339(),
                "the clock is far ahead of the time that was seen to pass: retention counts the latter"
            );
        }
        match remove(&store, Retention { age, jobs, now }, seen).await {
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "old jobs and events stay for now"),
        }
    }
}

/// What an earlier life has seen, and a day; in a journal that does not know, the clock is believed once.
async fn begin(store: &Store) -> Seen {
    let wall = Timestamp::now();
    let kept = match store.noted(REACHED).await {
        Ok(kept) => kept.and_then(|text| text.parse().ok()),
        Err(error) => {
            tracing::warn!(%error, "how old jobs are is taken from the clock alone");
            None
        }
    };
    let mut seen = Seen(kept.map_or(wall, Timestamp));
    seen.pass(wall, AWAY);
    seen
}

async fn remove(store: &Store, retention: Retention, seen: Seen) -> Result<(), Error> {
    store.note(REACHED, seen.0.0.to_string()).await?;
    let pruned = store.prune(retention).await?;
    tracing::debug!(?pruned, "old jobs and events removed");
    if let Err(error) = store.shrink(SPARE).await {
        tracing::warn!(%error, "the journal's file keeps its size for now");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600 * 1000;
    const HOUR: Duration = PRUNE;

    #[test]
    fn a_jump_makes_nothing_old_and_time_that_passes_does() {
        let mut seen = Seen(Timestamp(0));
        let mut check = |wall: i64, most: Duration, now: i64| {
            seen.pass(Timestamp(wall), most);
            assert_eq!(seen.now(Timestamp(wall)), Timestamp(now), "{wall}");
        };
        let hour = DAY / 24;
        check(hour, HOUR, hour);
        // A year ahead: an hour has passed. Back again: another.
        check(365 * DAY, HOUR, 2 * hour);
        check(3 * hour, HOUR, 3 * hour);
        // A day back: nothing is younger for the journal, and ages are those of the clock.
        check(-DAY, HOUR, -DAY);
        check(4 * hour, HOUR, 4 * hour);
        // The next life, a week later: a day is believed.
        check(7 * DAY, AWAY, DAY + 4 * hour);
    }
}
