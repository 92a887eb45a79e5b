//! One client's stream: what it needs to catch up, then batches from the ring, until it ends, falls behind or we shut down.

use crate::feed::cursor::ResetReason;
use crate::feed::frame::{self, Frame};
use crate::feed::hub::{Hub, Seat};
use crate::feed::ring::Batch;
use crate::feed::state::Found;
use crate::feed::topics::Topics;
use crate::store::query::Scope;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use serde_json::json;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A stream of `text/event-stream` bytes for `warp::reply::stream`. Dropping it frees its place.
pub struct Subscription {
    hub: Arc<Hub>,
    topics: Topics,
    /// The next bytes, before anything of the ring.
    first: Option<Bytes>,
    /// Gone once nothing more comes from the ring.
    seat: Option<Seat>,
    /// The number of the last event that `first` knows of.
    seen: u64,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("topics", &self.topics)
            .field("seen", &self.seen)
            .field("open", &self.seat.is_some())
            .finish_non_exhaustive()
    }
}

impl Subscription {
    /// A stream that begins with `first`, which knows of all events up to `seen`, and goes on from the seat.
    pub(crate) fn new(
        hub: Arc<Hub>,
        topics: Topics,
        first: Bytes,
        seat: Option<Seat>,
        seen: u64,
    ) -> Self {
        Self {
            hub,
            topics,
            first: Some(first),
            seat,
            seen,
        }
    }

    fn next(&mut self, context: &Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        loop {
            let Some(seat) = &self.seat else {
                return Poll::Ready(None);
            };
            match seat.read(context) {
                Found::Batch(batch) => {
                    let bytes = self.select(&batch);
                    if !bytes.is_empty() {
                        return Poll::Ready(Some(bytes));
                    }
                }
                Found::Nothing => return Poll::Pending,
                Found::Fallen => {
                    self.hub.count_reset(ResetReason::SlowConsumer);
                    return self.finish(&reset(&self.hub, ResetReason::SlowConsumer));
                }
                Found::Closing => return self.finish(&shutdown()),
            }
        }
    }

    /// The last bytes; the seat is free from now on.
    fn finish(&mut self, last: &Bytes) -> Poll<Option<Bytes>> {
        self.seat = None;
        Poll::Ready(Some(last.clone()))
    }

    /// What of a batch is for this client: all of it, as shared bytes, or a copy of some frames.
    fn select(&mut self, batch: &Batch) -> Bytes {
        let whole = batch.after() >= self.seen && self.topics.takes_everything();
        if whole {
            return batch.bytes.clone();
        }
        let mut selected = Selected::new(&batch.bytes);
        for frame in &batch.frames {
            if is_news(frame, self.seen) && self.topics.wants(frame) {
                selected.add(frame);
            }
            if self.is_end(frame) {
                self.seat = None;
                return selected.and(&end(frame.name));
            }
        }
        selected.bytes()
    }

    fn is_end(&self, frame: &Frame) -> bool {
        let Scope::Job(job) = &self.topics.scope else {
            return false;
        };
        frame.ends && frame.seq > self.seen && frame.about.job == Some(*job)
    }
}

impl Stream for Subscription {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().next(context).map(|bytes| bytes.map(Ok))
    }
}

/// Not in what the client got first. Progress from before that is out of date: the latest came with it.
fn is_news(frame: &Frame, seen: u64) -> bool {
    match (frame.seq, frame.name) {
        (0, "step.progress") => frame.after >= seen,
        (0, _) => true,
        (seq, _) => seq > seen,
    }
}

/// Frames of one batch: a slice of it where they stand together, a copy where they do not.
struct Selected<'a> {
    from: &'a Bytes,
    range: std::ops::Range<usize>,
    copied: BytesMut,
}

impl<'a> Selected<'a> {
    fn new(from: &'a Bytes) -> Self {
        Self {
            from,
            range: 0..0,
            copied: BytesMut::new(),
        }
    }

    fn add(&mut self, frame: &Frame) {
        if self.range.is_empty() {
            self.range = frame.range.clone();
        } else if self.range.end == frame.range.start {
            self.range.end = frame.range.end;
        } else {
            self.copied
                .extend_from_slice(&self.from[self.range.clone()]);
            self.range = frame.range.clone();
        }
    }

    fn bytes(mut self) -> Bytes {
        if self.copied.is_empty() {
            return self.from.slice(self.range);
        }
        self.copied.extend_from_slice(&self.from[self.range]);
        self.copied.freeze()
    }

    fn and(mut self, last: &Bytes) -> Bytes {
        self.copied.extend_from_slice(&self.from[self.range]);
        self.copied.extend_from_slice(last);
        self.copied.freeze()
    }
}

/// `event: end`: the job has ended, nothing more comes. `name` is the event that ended it.
pub(crate) fn end(name: &str) -> Bytes {
    one("end", &json!({"because": name}))
}

/// `event: shutdown`: come back after a while, each client after another one.
pub(crate) fn shutdown() -> Bytes {
    one("shutdown", &json!({"retryMs": jitter(1_000, 5_000)}))
}

/// `event: reset`: what the client has is not what it thinks.
pub(crate) fn reset(hub: &Hub, reason: ResetReason) -> Bytes {
    let cursor = hub.cursor(hub.state().head);
    one("reset", &json!({"reason": reason.word(), "cursor": cursor}))
}

fn one(name: &str, data: &serde_json::Value) -> Bytes {
    let mut bytes = BytesMut::new();
    frame::write(&mut bytes, name, data);
    bytes.freeze()
}

/// A number between two others, another one for each client, so that they do not come back as one herd.
pub(crate) fn jitter(from: u64, to: u64) -> u64 {
    let random = ulid::Ulid::generate().random() as u64;
    from + random % (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_suits_warp() {
        fn suits<T: Stream<Item = Result<Bytes, Infallible>> + Send + Sync + 'static>() {}
        suits::<Subscription>();
    }
}
