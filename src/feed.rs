//! The journal as it is offered over SSE: what is told, to whom, and how a client that was away catches up.
//!
//! Theory of operation. Each event is framed once into shared bytes; a flush puts the frames that wait into a ring as one
//! batch, and a client is only a place in that ring. Nobody has a queue and publishing never waits: who reads too slowly falls
//! out of the ring, gets `reset` and comes back with its cursor. Only durable events carry an id, `<epoch>-<seq>`, so that a
//! client's last id always names one. Progress, log lines, gauges and pings are told to those who listen and then forgotten.
//! While nobody listens the feed has no task, no timer and holds nothing.

pub mod config;
pub mod cursor;
mod frame;
mod hub;
pub mod progress;
mod ring;
pub mod state;
pub mod subscription;
pub mod topics;
pub mod welcome;

#[cfg(test)]
mod tests;

use crate::event::Stored;
use crate::feed::config::{Config, Views};
use crate::feed::frame::About;
use crate::feed::hub::Hub;
use crate::feed::progress::Progress;
use crate::feed::state::Counters;
use crate::feed::subscription::Subscription;
use crate::feed::topics::Topics;
use crate::feed::welcome::SubscribeError;
use crate::job::id::JobId;
use crate::job::state::Job;
use crate::raw_path::RawPath;
use crate::store::Store;
use crate::store::error::Error;
use crate::store::log::LogLine;
use crate::store::writer::Sink;
use std::sync::Arc;

/// A handle to the feed.
#[derive(Clone)]
pub struct Feed {
    hub: Arc<Hub>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("epoch", &self.hub.epoch)
            .finish_non_exhaustive()
    }
}

impl Feed {
    /// The feed of a journal with this identity and this last event.
    #[must_use]
    pub fn new(config: Config, views: Views, epoch: &str, head: u64) -> Self {
        Self {
            hub: Arc::new(Hub::new(config, views, epoch, head)),
        }
    }

    /// Tells durable events, in the order of their numbers. The store's sink; never waits for anybody.
    pub fn publish(&self, events: &[Arc<Stored>]) {
        self.hub.publish(events);
    }

    /// The feed as the store's sink.
    #[must_use]
    pub fn sink(&self) -> Sink {
        let feed = self.clone();
        Box::new(move |events| feed.publish(events))
    }

    /// Tells how far a job is, if somebody listens: the latest value, a few times a second, only if what is shown changed,
    /// and never after an event of the job that is newer.
    pub fn progress(&self, progress: Progress) {
        self.hub.progress(progress);
    }

    /// Tells log lines of a job, if somebody listens.
    pub fn log(&self, job: &Job, lines: &[LogLine]) {
        let about = About {
            job: Some(job.id),
            pipeline: Some(job.accepted.pipeline.as_str().into()),
            path: Some(Arc::new(RawPath::clone(&job.accepted.path))),
            all: false,
        };
        self.hub
            .tell("log", about, || (self.hub.views.log)(job.id, lines));
    }

    /// Opens a stream: `retry`, `hello`, then what happened after `last_event_id`, or a snapshot, then everything new.
    ///
    /// # Errors
    /// Too many streams, or the journal cannot be read.
    pub async fn subscribe(
        &self,
        topics: Topics,
        last_event_id: Option<&str>,
        store: &Store,
    ) -> Result<Subscription, SubscribeError> {
        welcome::subscribe(&self.hub, topics, last_event_id, store).await
    }

    /// Whether the job has ended and a client with this last id has seen it end: its stream answers 204.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn already_ended(
        &self,
        job: JobId,
        last_event_id: &str,
        store: &Store,
    ) -> Result<bool, Error> {
        welcome::already_ended(&self.hub, job, last_event_id, store).await
    }

    /// What a client that has seen the event would send as its last id.
    #[must_use]
    pub fn cursor(&self, seq: u64) -> String {
        self.hub.cursor(seq)
    }

    /// Ends every stream with `shutdown`, those that are still opened too. What is published before is told before.
    pub fn shutdown(&self) {
        self.hub.close();
    }

    /// What the feed has done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.hub.counters()
    }

    #[cfg(test)]
    fn task_lives(&self) -> bool {
        self.hub.state().task
    }
}
