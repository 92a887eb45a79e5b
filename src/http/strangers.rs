//! Wrong tokens: the log says where they come from. They are not slowed: whoever is in a hurry drops the connection and does not
//! wait, and a token that is drawn at random is beyond all trying.

use crate::http::head::Peer;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the log is silent about others after it has told of one.
const SILENCE: Duration = Duration::from_secs(60);

/// What the log has said of wrong tokens.
#[derive(Debug, Default)]
pub(crate) struct Strangers(Mutex<Untold>);

#[derive(Debug, Default)]
struct Untold {
    told: Option<Instant>,
    others: u64,
}

impl Untold {
    /// How many others there were since the log last told of one, where it is time to tell of this one.
    fn count(&mut self, now: Instant) -> Option<u64> {
        let is_silent = |told: Instant| now.saturating_duration_since(told) < SILENCE;
        if self.told.is_some_and(is_silent) {
            self.others += 1;
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.others))
    }
}

impl Strangers {
    /// Somebody has given a wrong token.
    pub(crate) fn note(&self, peer: Option<Peer>) {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(others) = untold.count(Instant::now()) else {
            return;
        };
        let from = peer.map(|Peer(address)| address.ip().to_canonical());
        tracing::warn!(
            from = from.map(tracing::field::display),
            others,
            "a wrong token was given; more of them are told of once a minute, in `others`"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_minute_is_told_with_the_number_of_the_others() {
        let (mut untold, start) = (Untold::default(), Instant::now());
        let mut at = |seconds| untold.count(start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(1), at(59)], [Some(0), None, None]);
        assert_eq!([at(60), at(61), at(121)], [Some(2), None, Some(1)]);
    }
}
