//! What the feed is told: its limits and times, and how things look in JSON.

use crate::event::Stored;
use crate::feed::progress::Progress;
use crate::job::id::JobId;
use crate::store::log::LogLine;
use crate::store::query::Snapshot;
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The feed's limits and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes of frames that are kept for those who lag behind.
    pub ring_bytes: usize,
    /// How often a `ping` comes.
    pub heartbeat: Duration,
    /// How often the gauges are looked at.
    pub stats_every: Duration,
    /// The shortest time between two progress events of a job.
    pub progress_gap: Duration,
    /// Streams at a time.
    pub max_streams: usize,
    /// Events of a replay at most.
    pub replay_events: u32,
    /// Bytes of events of a replay at most.
    pub replay_bytes: usize,
    /// What `hello` says is running.
    pub build: String,
    /// Which page `hello` says is served; one that was made for another loads itself again.
    pub page: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ring_bytes: 8 * 1024 * 1024,
            heartbeat: Duration::from_secs(15),
            stats_every: Duration::from_secs(2),
            progress_gap: Duration::from_millis(200),
            max_streams: 256,
            replay_events: 10_000,
            replay_bytes: 4 * 1024 * 1024,
            build: env!("CARGO_PKG_VERSION").to_owned(),
            page: String::new(),
        }
    }
}

/// The gauges of the `stats` event; `None` where they cannot be told just now.
pub type Stats = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<Value>> + Send>> + Send + Sync>;

/// How something looks in JSON.
pub type View<T> = Arc<dyn Fn(&T) -> Value + Send + Sync>;

/// How things look in JSON; the HTTP view gives these.
#[derive(Clone)]
pub struct Views {
    /// The data of a durable event. A replay says the same again: nothing but the event counts.
    pub event: fn(&Stored) -> Value,
    /// The data of a snapshot; `cursor` is added.
    pub snapshot: View<Snapshot>,
    /// The data of `step.progress`.
    pub progress: View<Progress>,
    /// The data of `log`.
    pub log: fn(JobId, &[LogLine]) -> Value,
    /// The gauges, asked for only while somebody listens and told only when they change.
    pub stats: Option<Stats>,
}
