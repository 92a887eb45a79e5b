//! Workers that wait for another attempt of the same kind, where the operator lets workers be used again.
//!
//! A worker gets here only after an attempt that went without a hitch and left nothing behind, and leaves for an attempt of its own
//! kin only: the same revision of the same pipeline, the same libraries. It does not wait for long.

use crate::pool::Shared;
use crate::pool::process::Vitals;
use crate::pool::start::Worker;
use crate::pool::update::Kin;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a worker waits for its next attempt.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds of processor time that the attempts of a worker may have taken before its last one. What takes longer is not held up by
/// the birth of a worker.
pub(crate) const CPU_SECONDS: u64 = 10;
/// Bytes of memory of its own that a worker may hold when it begins to wait: more has been lost, or is better given back.
const MEMORY: u64 = 64 << 20;

/// One that waits.
#[derive(Debug)]
struct Resting {
    kin: Kin,
    worker: Worker,
    since: Instant,
}

/// All that wait, the longest first.
#[derive(Debug, Default)]
pub(super) struct Rest {
    waiting: VecDeque<Resting>,
    /// Whether somebody will look after those who have waited for long enough.
    watched: bool,
}

impl Rest {
    /// The one of these kin that has waited the shortest: what it needs is still at hand.
    pub(super) fn take(&mut self, kin: &Kin) -> Option<Worker> {
        let place = self
            .waiting
            .iter()
            .rposition(|resting| resting.kin == *kin)?;
        self.waiting.remove(place).map(|resting| resting.worker)
    }

    /// Ends them all.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn end_of_first(&self) -> Option<Instant> {
        Some(self.waiting.front()?.since + PATIENCE)
    }
}

/// Why a worker must not be used again, as far as that is seen from outside.
pub(super) fn objection(vitals: &Vitals) -> Option<&'static str> {
    if vitals.threads != 1 {
        return Some("it has threads");
    }
    if vitals.own > MEMORY {
        return Some("it holds too much memory");
    }
    if vitals.cpu >= Duration::from_secs(CPU_SECONDS) {
        return Some("it has worked for long enough");
    }
    None
}

impl Shared {
    /// A worker that has run attempts of these kin before and lives.
    pub(super) fn rested(&self, kin: &Kin) -> Option<Worker> {
        loop {
            let worker = self.spares().rest.take(kin)?;
            if worker.process.is_alive() {
                return Some(worker);
            }
        }
    }

    /// Lets a worker wait. Where more wait than attempts can run, the one that has waited the longest ends.
    pub(super) fn let_rest(self: &Arc<Self>, kin: Kin, worker: Worker) {
        let mut spares = self.spares();
        if spares.closed {
            return;
        }
        let since = Instant::now();
        let rest = &mut spares.rest;
        rest.waiting.push_back(Resting { kin, worker, since });
        let one_too_many = (rest.waiting.len() > self.config.workers)
            .then(|| rest.waiting.pop_front())
            .flatten();
        let is_watched = std::mem::replace(&mut rest.watched, true);
        drop(spares);
        drop(one_too_many);
        if !is_watched {
            self.watch_over_rest();
        }
    }

    /// Ends workers that have waited for long enough, until none waits.
    fn watch_over_rest(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                let Some(shared) = weak.upgrade() else {
                    return;
                };
                let end = {
                    let mut spares = shared.spares();
                    let rest = &mut spares.rest;
                    let end = rest.end_of_first();
                    rest.watched = end.is_some();
                    end
                };
                let Some(end) = end else {
                    return;
                };
                if end <= Instant::now() {
                    let ended = shared.spares().rest.waiting.pop_front();
                    drop(ended);
                    continue;
                }
                drop(shared);
                tokio::time::sleep_until(end).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_as_at_first_waits() {
        let good = Vitals {
            cpu: Duration::from_secs(1),
            data: 100 << 20,
            own: 20 << 20,
            threads: 1,
        };
        assert_eq!(objection(&good), None);
        for bad in [
            Vitals { threads: 2, ..good },
            Vitals { threads: 0, ..good },
            Vitals {
                own: 65 << 20,
                ..good
            },
            Vitals {
                cpu: Duration::from_secs(10),
                ..good
            },
            Vitals::default(),
        ] {
            assert!(objection(&bad).is_some(), "{bad:?}");
        }
    }
}
