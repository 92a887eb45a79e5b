//! The id of a durable event as a client gives it back: `<epoch>-<seq>`.

use std::fmt;

/// A place in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Which journal.
    pub epoch: String,
    /// The number of the last event seen.
    pub seq: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

impl Cursor {
    /// Reads what `Display` writes, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, seq) = text.split_once('-')?;
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if epoch.len() != 8 || !epoch.bytes().all(hex) {
            return None;
        }
        if seq.is_empty() || !seq.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            epoch: epoch.to_owned(),
            seq: seq.parse().ok()?,
        })
    }
}

/// Why a client cannot go on from where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResetReason {
    /// The journal is another one.
    EpochChanged,
    /// Retention has removed events after the cursor.
    CursorExpired,
    /// The journal does not reach the cursor: it was restored from a copy.
    CursorAhead,
    /// Too many events since.
    ReplayTooLarge,
    /// Not a cursor.
    BadCursor,
    /// The client reads too slowly and fell out of the ring.
    SlowConsumer,
}

impl ResetReason {
    /// The word in the `reset` event and in the metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::EpochChanged => "epoch-changed",
            Self::CursorExpired => "cursor-expired",
            Self::CursorAhead => "cursor-ahead",
            Self::ReplayTooLarge => "replay-too-large",
            Self::BadCursor => "bad-cursor",
            Self::SlowConsumer => "slow-consumer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_ids_are_cursors() {
        let cursor = Cursor::parse("7f3a9c1e-184467").expect("one of ours");
        assert_eq!((cursor.epoch.as_str(), cursor.seq), ("7f3a9c1e", 184_467));
        assert_eq!(cursor.to_string(), "7f3a9c1e-184467");
        for text in [
            "",
            "-",
            "7f3a9c1e",
            "7f3a9c1e-",
            "7f3a9c1-1",
            "7F3A9C1E-1",
            "7f3a9c1e-+1",
            "7f3a9c1e--1",
            "7f3a9c1e-1 ",
            "7f3a9c1e-18446744073709551616",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text:?}");
        }
    }
}
