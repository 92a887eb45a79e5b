//! The name of a job.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use ulid::Ulid;

/// A ULID: 26 characters of Crockford's base 32, in order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub Ulid);

/// The last one that was made or heard of.
static LAST: Mutex<u128> = Mutex::new(0);

impl JobId {
    /// A new one, later in order than any other of this life, whatever the clock says.
    #[must_use]
    pub fn fresh() -> Self {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Ulid::generate().0.max(last.saturating_add(1));
        Self(Ulid(*last))
    }

    /// New ones come after this one, too.
    pub fn come_after(self) {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        *last = self.0.0.max(*last);
    }
}

/// Not a job id.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a job id (26 letters and digits)")]
pub struct NotAJobId(String);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = NotAJobId;

    fn from_str(text: &str) -> Result<Self, NotAJobId> {
        Ulid::from_string(text)
            .map(Self)
            .map_err(|_| NotAJobId(text.to_owned()))
    }
}

impl Serialize for JobId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
