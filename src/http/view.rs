//! The only JSON that the daemon shows. Keys are camelCase, times RFC 3339 in UTC with milliseconds, sizes bytes,
//! durations milliseconds, paths in the form of [`crate::raw_path::RawPath::encode`].
//!
//! These types are what `/openapi.json` describes; `docs/http.md` shows an example of each.

pub mod event;
pub mod job;
pub mod live;
pub mod pipeline;
pub mod plugin;
pub mod snapshot;
pub mod system;

use crate::feed::config::{Stats, Views};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand as it is in one segment of a path or in a query's value.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `text` as one segment of a path.
#[must_use]
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// How the feed shows things.
#[must_use]
pub fn feed(stats: Option<Stats>) -> Views {
    Views {
        event: event::data,
        snapshot: snapshot::snapshot,
        progress: live::progress,
        log: live::log,
        stats,
    }
}
