//! Whether somebody has moved the wall clock: what waits for a time of it would wait a day longer, or a year shorter.

use crate::time::Timestamp;
use tokio::time::Instant;

/// What a clock may run ahead or behind before it counts as moved. Clocks that are set right gently add up to it.
const GENTLE_MS: i64 = 1_000;

/// A pair of moments, by the wall clock and by the one that nobody can move.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    wall: Timestamp,
    steady: Instant,
}

impl Clock {
    /// From here on.
    pub(super) fn new(wall: Timestamp, steady: Instant) -> Self {
        Self { wall, steady }
    }

    /// By how many milliseconds the wall clock was moved since the last answer that was not nothing.
    pub(super) fn moved(&mut self, wall: Timestamp, steady: Instant) -> Option<i64> {
        let passed = steady.saturating_duration_since(self.steady);
        let moved = wall.0.saturating_sub(self.wall.plus(passed).0);
        if moved.abs() < GENTLE_MS {
            return None;
        }
        *self = Self::new(wall, steady);
        Some(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_what_the_steady_clock_does_not_know_of_is_a_move() {
        let begin = Instant::now();
        let mut clock = Clock::new(Timestamp(1_000_000), begin);
        let mut check = |seconds: u64, wall: i64, expected: Option<i64>| {
            let steady = begin + Duration::from_secs(seconds);
            assert_eq!(
                clock.moved(Timestamp(wall), steady),
                expected,
                "{seconds} s"
            );
        };
        check(10, 1_010_000, None);
        check(20, 1_020_400, None);
        // A day back, then on from there.
        check(30, 1_030_000 - 86_400_000, Some(-86_400_000));
        check(40, 1_040_000 - 86_400_000, None);
        check(41, 1_041_000, Some(86_400_000));
        // Half a second in each hour, which nobody has set in one go.
        check(3_641, 1_041_000 + 3_600_600, None);
        check(7_241, 1_041_000 + 7_201_200, Some(1_200));
    }
}
