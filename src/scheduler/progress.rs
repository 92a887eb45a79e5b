//! How fast a step goes and how long it will take still.

use crate::job::id::JobId;
use std::collections::HashMap;
use std::time::Instant;

/// A rate means nothing before this much has been seen.
const ENOUGH: f64 = 0.25;

/// Since when each running step is at work.
#[derive(Debug, Default)]
pub(super) struct Progress(HashMap<JobId, Step>);

#[derive(Debug)]
struct Step {
    index: u32,
    part: u32,
    since: Instant,
    first: u64,
}

/// A step's pace; `None` where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pace {
    /// Units (pages) a second.
    pub(super) rate: Option<f64>,
    /// Milliseconds to the end of the step.
    pub(super) eta_ms: Option<u64>,
}

impl Progress {
    /// The pace of a job's step, now that `done` of `total` are done.
    pub(super) fn pace(
        &mut self,
        job: JobId,
        index: u32,
        part: u32,
        done: u64,
        total: u64,
    ) -> Pace {
        let fresh = || Step {
            index,
            part,
            since: Instant::now(),
            first: done,
        };
        let step = self.0.entry(job).or_insert_with(fresh);
        if (step.index, step.part) != (index, part) {
            *step = fresh();
        }
        pace(
            step.since.elapsed().as_secs_f64(),
            done.saturating_sub(step.first),
            total.saturating_sub(done),
        )
    }

    /// The job runs no more.
    pub(super) fn forget(&mut self, job: JobId) {
        self.0.remove(&job);
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate for people"
)]
fn pace(seconds: f64, did: u64, left: u64) -> Pace {
    if seconds < ENOUGH || did == 0 {
        return Pace::default();
    }
    let rate = did as f64 / seconds;
    Pace {
        rate: Some((rate * 10.0).round() / 10.0),
        eta_ms: Some((left as f64 / rate * 1000.0) as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_unknown_until_there_is_enough_to_go_by() {
        assert_eq!(pace(0.1, 50, 50), Pace::default());
        assert_eq!(pace(10.0, 0, 50), Pace::default());
        assert_eq!(
            pace(10.0, 50, 25),
            Pace {
                rate: Some(5.0),
                eta_ms: Some(5_000)
            }
        );
    }
}
