//! What the feed's lock guards: frames that wait for the flush, the ring, and where everybody reads.

use crate::event::{Event, Stored};
use crate::feed::frame::{self, About, Frame};
use crate::feed::progress::Conflation;
use crate::feed::ring::{Batch, Gone, Ring};
use crate::job::event::JobEvent;
use bytes::BytesMut;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

/// What the feed has done so far, for the metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Streams that are open.
    pub listeners: usize,
    /// Streams that were refused because there are too many.
    pub refused: u64,
    /// Frames that were written, each once however many listen.
    pub frames: u64,
    /// Batches that were flushed.
    pub batches: u64,
    /// How often the feed's task woke.
    pub wakeups: u64,
    /// Bytes that the feed holds.
    pub held_bytes: usize,
    /// Clients that could not go on from where they were, by reason.
    pub resets: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
pub(crate) struct State {
    /// The number of the last event that was published.
    pub(crate) head: u64,
    pub(crate) progress: Conflation,
    pub(crate) counters: Counters,
    /// What `stats` showed last.
    pub(crate) stats: Option<Value>,
    /// Somebody has come since they were asked for.
    pub(crate) stats_wanted: bool,
    /// Whether the feed's task lives.
    pub(crate) task: bool,
    /// No stream goes on from here.
    pub(crate) closing: bool,
    /// When the last flush was.
    pub(crate) flushed: Option<Instant>,
    pending: BytesMut,
    frames: Vec<Frame>,
    ring: Ring,
    seats: HashMap<u64, Place>,
    next_seat: u64,
}

/// Where a subscription reads.
#[derive(Debug)]
struct Place {
    next: u64,
    waker: Option<Waker>,
}

/// What a subscription finds at its place.
pub(crate) enum Found {
    /// A batch; the place has moved on.
    Batch(Arc<Batch>),
    /// Nothing yet; the waker is kept.
    Nothing,
    /// The place is older than the ring.
    Fallen,
    /// Nothing, and nothing will come.
    Closing,
}

impl State {
    pub(crate) fn new(head: u64, progress_gap: Duration) -> Self {
        Self {
            head,
            progress: Conflation::new(progress_gap),
            counters: Counters::default(),
            stats: None,
            stats_wanted: false,
            task: false,
            closing: false,
            flushed: None,
            pending: BytesMut::new(),
            frames: Vec::new(),
            ring: Ring::default(),
            seats: HashMap::new(),
            next_seat: 0,
        }
    }

    pub(crate) fn listeners(&self) -> usize {
        self.seats.len()
    }

    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.pending.len() + self.ring.bytes()
    }

    /// Keeps what a durable event says of its job's progress.
    pub(crate) fn follow(&mut self, event: &Stored) {
        self.head = event.seq;
        let Event::Job { job, what } = &event.event else {
            return;
        };
        match what {
            JobEvent::Succeeded(_)
            | JobEvent::Failed(_)
            | JobEvent::Cancelled(_)
            | JobEvent::Delivering(_)
            | JobEvent::ArtifactWritten(_) => self.progress.end(*job),
            _ => self.progress.overtake(*job, event.rev.unwrap_or(0)),
        }
    }

    /// Adds the frame of a durable event.
    pub(crate) fn push_event(&mut self, cursor: &str, event: &Stored, data: &Value) {
        let start = self.pending.len();
        frame::write_with_id(&mut self.pending, cursor, event.event.name(), data);
        self.frames.push(Frame {
            range: start..self.pending.len(),
            seq: event.seq,
            after: event.seq.saturating_sub(1),
            name: event.event.name(),
            about: About {
                job: event.event.job(),
                pipeline: event.pipeline.as_deref().map(Into::into),
                path: event.path.clone().map(Arc::new),
                all: false,
            },
            ends: ends(event),
        });
        self.counters.frames += 1;
    }

    /// Adds the frame of something that is not durable.
    pub(crate) fn push(&mut self, name: &'static str, about: About, data: &Value) {
        let start = self.pending.len();
        frame::write(&mut self.pending, name, data);
        self.frames.push(Frame {
            range: start..self.pending.len(),
            seq: 0,
            after: self.head,
            name,
            about,
            ends: false,
        });
        self.counters.frames += 1;
    }

    /// Puts the frames that wait into the ring; returns whom to wake, outside the lock.
    #[must_use]
    pub(crate) fn flush(&mut self, ring_bytes: usize, now: Instant) -> Vec<Waker> {
        if !self.frames.is_empty() {
            let batch = Batch {
                bytes: self.pending.split().freeze(),
                frames: std::mem::take(&mut self.frames).into_boxed_slice(),
            };
            // A batch owns its memory; the next one starts with none.
            self.pending = BytesMut::new();
            let read_by_all = self.seats.values().map(|place| place.next).min();
            self.ring
                .trim(read_by_all.unwrap_or_else(|| self.ring.end()));
            self.ring.push(batch, ring_bytes);
            self.counters.batches += 1;
            self.flushed = Some(now);
        }
        self.wakers()
    }

    /// Everybody who waits.
    #[must_use]
    pub(crate) fn wakers(&mut self) -> Vec<Waker> {
        self.seats
            .values_mut()
            .filter_map(|place| place.waker.take())
            .collect()
    }

    /// Whether somebody hears what is told now.
    pub(crate) fn is_heard(&self) -> bool {
        !self.seats.is_empty() && !self.closing
    }

    /// Tells what waits, and nothing after it.
    #[must_use]
    pub(crate) fn close(&mut self, ring_bytes: usize, now: Instant) -> Vec<Waker> {
        let wakers = self.flush(ring_bytes, now);
        self.closing = true;
        wakers
    }

    /// A seat at the end of the ring.
    pub(crate) fn sit(&mut self) -> u64 {
        self.stats_wanted = true;
        let number = self.next_seat;
        self.next_seat += 1;
        let next = self.ring.end();
        self.seats.insert(number, Place { next, waker: None });
        number
    }

    /// The seat again at the end of the ring.
    pub(crate) fn move_to_end(&mut self, number: u64) {
        let end = self.ring.end();
        if let Some(place) = self.seats.get_mut(&number) {
            place.next = end;
        }
    }

    /// Whether the seat's place is older than the ring.
    pub(crate) fn has_fallen(&self, number: u64) -> bool {
        self.seats
            .get(&number)
            .is_none_or(|place| self.ring.at(place.next).is_err())
    }

    /// With the last one who listens goes all that is held for them.
    pub(crate) fn stand_up(&mut self, number: u64) {
        self.seats.remove(&number);
        if self.seats.is_empty() {
            self.pending = BytesMut::new();
            self.frames = Vec::new();
            self.ring.clear();
            self.progress.clear();
            self.stats = None;
        }
    }

    pub(crate) fn read(&mut self, number: u64, context: &Context<'_>) -> Found {
        let Some(place) = self.seats.get_mut(&number) else {
            return Found::Fallen;
        };
        match self.ring.at(place.next) {
            Err(Gone) => Found::Fallen,
            Ok(Some(batch)) => {
                place.next += 1;
                Found::Batch(batch)
            }
            Ok(None) if self.closing => Found::Closing,
            Ok(None) => {
                place.waker = Some(context.waker().clone());
                Found::Nothing
            }
        }
    }
}

/// Whether a job has ended with the event.
pub(crate) fn ends(event: &Stored) -> bool {
    matches!(
        &event.event,
        Event::Job {
            what: JobEvent::Succeeded(_) | JobEvent::Failed(_) | JobEvent::Cancelled(_),
            ..
        }
    )
}
