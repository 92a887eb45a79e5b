//! The only JSON that the daemon shows. Keys are camelCase, times RFC 3339 in UTC with milliseconds, sizes bytes,
//! durations milliseconds, paths in the form of [`crate::raw_path::RawPath::encode`].
//!
//! These types are what `/openapi.json` describes; `docs/http.md` shows an example of each.

pub mod event;
pub mod job;
pub mod link;
pub mod live;
pub mod pipeline;
pub mod plugin;
pub mod snapshot;
pub mod system;

use crate::feed::config::{Stats, Views};

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
