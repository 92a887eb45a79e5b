//! Files into inboxes, so many at once, and the wait for their ends.

use super::ends::{End, Ends};
use crate::daemon::{TestDaemon, TestHome};
use crate::feed::Feed;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// How long nothing at all may end while something is under way: above every limit of a job.
const PATIENCE: Duration = Duration::from_secs(900);

/// A daemon that is being fed.
pub(super) struct Feeding<'a> {
    home: &'a TestHome,
    pipeline: &'static str,
    feed: Feed,
    ends: Ends,
    under_way: usize,
    last: Instant,
    begun: Vec<u64>,
}

impl<'a> Feeding<'a> {
    pub(super) fn new(home: &'a TestHome, daemon: &TestDaemon) -> Self {
        Self {
            home,
            pipeline: "",
            feed: daemon.follow("/events"),
            ends: Ends::default(),
            under_way: 0,
            last: Instant::now(),
            begun: Vec::new(),
        }
    }

    /// Notes when attempts of this pipeline begin.
    pub(super) fn counting(mut self, pipeline: &'static str) -> Self {
        self.pipeline = pipeline;
        self
    }

    /// The journal's numbers of the attempts of this pipeline that began, as far as they were heard.
    pub(super) fn begun(self) -> Vec<u64> {
        self.begun
    }

    /// Puts a file into an inbox.
    pub(super) fn give(&mut self, pipeline: &str, name: &str, bytes: &[u8]) {
        self.home
            .drop_file(&format!("inbox/{pipeline}"), name, bytes);
        self.under_way += 1;
    }

    /// The last end was of a file that somebody else gave.
    pub(super) fn not_ours(&mut self) {
        self.under_way += 1;
    }

    /// Files that have not ended.
    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    /// The next end of a job of `wanted`; nothing where none comes within `wait`.
    ///
    /// # Errors
    /// The feed ended, or nothing has ended for longer than any job may take.
    pub(super) fn next_end(&mut self, wait: Duration) -> Result<Option<End>, String> {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.feed.take_next(left) {
                Ok(event) => {
                    if event.name == "job.started" && event.data["pipeline"] == self.pipeline {
                        self.begun.extend(event.number());
                    }
                    if let Some(end) = self.ends.hear(&event) {
                        self.last = Instant::now();
                        self.under_way = self.under_way.saturating_sub(1);
                        return Ok(Some(end));
                    }
                }
                Err(RecvTimeoutError::Timeout) if self.under_way == 0 => return Ok(None),
                Err(RecvTimeoutError::Timeout) if self.last.elapsed() > PATIENCE => {
                    return Err(format!("{} files never ended", self.under_way));
                }
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err("the feed ended".to_owned()),
            }
        }
    }
}
