//! The only JSON that the daemon shows. Keys are camelCase, times RFC 3339 in UTC with milliseconds, sizes bytes,
//! durations milliseconds, paths in the form of [`crate::raw_path::RawPath::encode`].
//!
//! These types are what `/openapi.json` describes; `docs/http.md` shows an example of each.

pub mod artifact;
pub mod event;
pub mod graph;
pub mod job;
pub mod link;
pub mod live;
pub mod pipeline;
pub mod plugin;
pub mod snapshot;
pub mod stats;
pub mod system;
pub mod timeline;
pub mod trial;
pub mod words;

use crate::feed::config::{Stats, Views};
use crate::statistics::Statistics;
use std::sync::Arc;

/// How the feed shows things.
#[must_use]
pub fn feed(statistics: &Statistics, stats: Option<Stats>) -> Views {
    let (of_jobs, of_progress) = (statistics.clone(), statistics.clone());
    Views {
        event: event::data,
        snapshot: Arc::new(move |found| snapshot::snapshot(found, &of_jobs)),
        progress: Arc::new(move |said| live::progress(said, &of_progress)),
        log: live::log,
        stats,
    }
}
