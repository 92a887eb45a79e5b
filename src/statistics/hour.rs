//! The last hour by minutes.

use crate::store::query::hour::Ended;
use crate::time::Timestamp;
use std::collections::VecDeque;

const MINUTE: i64 = 60_000;
/// The milliseconds that are looked back upon.
pub(crate) const LENGTH: i64 = 60 * MINUTE;

/// The jobs that ended within one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Milliseconds since 1970 of its begin.
    pub start: i64,
    /// Succeeded.
    pub succeeded: u64,
    /// Failed.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Pages of the originals.
    pub pages: u64,
    /// Bytes of the originals.
    pub bytes: u64,
}

impl Minute {
    /// The empty minute that a moment lies in.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self {
            start: moment.0.div_euclid(MINUTE) * MINUTE,
            ..Self::default()
        }
    }

    fn add(&mut self, other: &Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.pages = self.pages.saturating_add(other.pages);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl From<&Ended> for Minute {
    fn from(ended: &Ended) -> Self {
        Self {
            start: ended.start,
            succeeded: ended.succeeded,
            failed: ended.failed,
            cancelled: ended.cancelled,
            pages: ended.pages,
            bytes: ended.bytes,
        }
    }
}

/// Minutes in which jobs ended, oldest first; never more than an hour's.
#[derive(Debug, Default)]
pub(crate) struct Hour {
    minutes: VecDeque<Minute>,
}

impl Hour {
    /// Adds to a minute. Minutes come in order, but for a clock that was set back.
    pub(crate) fn add(&mut self, minute: Minute) {
        match self
            .minutes
            .iter_mut()
            .rev()
            .find(|known| known.start == minute.start)
        {
            Some(known) => known.add(&minute),
            None => {
                let place = self
                    .minutes
                    .partition_point(|known| known.start < minute.start);
                self.minutes.insert(place, minute);
            }
        }
        // Of a clock that was ahead.
        self.minutes
            .retain(|known| known.start < minute.start + LENGTH);
        while self.minutes.len() > 60 {
            self.minutes.pop_front();
        }
    }

    /// The minutes of the hour that ends with the running minute.
    pub(crate) fn minutes(&self, now: Timestamp) -> Vec<Minute> {
        let last = Minute::at(now).start;
        let hour = last - LENGTH + MINUTE..=last;
        let recent = self
            .minutes
            .iter()
            .filter(|minute| hour.contains(&minute.start));
        recent.copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(at: i64) -> Minute {
        Minute {
            succeeded: 1,
            pages: 3,
            ..Minute::at(Timestamp(at))
        }
    }

    #[test]
    fn jobs_of_one_minute_are_added_and_old_minutes_fall_out() {
        let mut hour = Hour::default();
        for at in [10, 59_999, 60_000, 61 * MINUTE] {
            hour.add(ended(at));
        }
        let seen = |now: i64| -> Vec<(i64, u64, u64)> {
            let minutes = hour.minutes(Timestamp(now));
            minutes
                .iter()
                .map(|minute| (minute.start / MINUTE, minute.succeeded, minute.pages))
                .collect()
        };
        assert_eq!(seen(59 * MINUTE), [(0, 2, 6), (1, 1, 3)]);
        assert_eq!(seen(60 * MINUTE + 5), [(1, 1, 3)]);
        assert_eq!(seen(61 * MINUTE), [(61, 1, 3)]);
        assert_eq!(seen(121 * MINUTE), []);
    }

    #[test]
    fn sums_that_are_too_large_stay_the_largest() {
        let mut hour = Hour::default();
        for _ in 0..2 {
            let (pages, bytes) = (u64::MAX, u64::MAX);
            hour.add(Minute {
                pages,
                bytes,
                ..ended(0)
            });
        }
        let minute = hour.minutes(Timestamp(0))[0];
        assert_eq!((minute.pages, minute.bytes), (u64::MAX, u64::MAX));
    }

    #[test]
    fn no_more_than_an_hour_is_held_and_a_clock_set_back_is_borne() {
        let mut hour = Hour::default();
        for minute in 0..100 {
            hour.add(ended(minute * MINUTE));
        }
        assert_eq!(hour.minutes.len(), 60);
        hour.add(ended(70 * MINUTE));
        assert_eq!(hour.minutes.len(), 60);
        let minutes = hour.minutes(Timestamp(99 * MINUTE));
        assert!(minutes.is_sorted_by_key(|minute| minute.start));
        let back = minutes.iter().find(|minute| minute.start == 70 * MINUTE);
        assert_eq!(back.map(|minute| minute.succeeded), Some(2));
        // A year ahead, and back: what ends now is counted, and nothing that is still to come.
        for minute in 0..100 {
            hour.add(ended((525_600 + minute) * MINUTE));
        }
        hour.add(ended(101 * MINUTE));
        let minutes = hour.minutes(Timestamp(101 * MINUTE));
        assert_eq!(minutes.len(), 1);
        assert_eq!(minutes[0].start, 101 * MINUTE);
    }
}
