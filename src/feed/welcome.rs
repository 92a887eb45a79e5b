//! The first bytes of a stream: `retry`, `hello`, then the replay after the client's cursor or a snapshot.
//!
//! The seat is taken first, then the journal is read at some event S. Nothing after S can be missing from the ring, because
//! an event is published only after it is in the journal; what the ring repeats up to S is left out by its number. So the two
//! meet without gap or repeat, and nobody holds a lock while the journal is read.

use crate::event::Stored;
use crate::feed::cursor::{Cursor, ResetReason};
use crate::feed::frame::{self, About};
use crate::feed::hub::{Hub, Seat};
use crate::feed::state::ends;
use crate::feed::subscription::{Subscription, end, jitter, reset, shutdown};
use crate::feed::topics::Topics;
use crate::store::Store;
use crate::store::error::Error;
use crate::store::query::{EventQuery, History, Scope, Snapshot};
use bytes::BytesMut;
use serde_json::{Value, json};
use std::sync::Arc;

/// No stream could be opened.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// All streams are taken; come back later.
    #[error("{0} event streams are open, which is the limit")]
    TooMany(usize),
    /// The journal could not be read.
    #[error("failed to read the journal for an event stream")]
    Journal(#[from] Error),
}

/// What the client gets to catch up.
enum Start {
    Replay(Vec<Arc<Stored>>),
    Snapshot(Box<Snapshot>, Option<ResetReason>),
}

/// Opens a stream for a client whose last id is `last`.
pub(crate) async fn subscribe(
    hub: &Arc<Hub>,
    topics: Topics,
    last: Option<&str>,
    store: &Store,
) -> Result<Subscription, SubscribeError> {
    if hub.state().closing {
        return Ok(goodbye(hub, topics));
    }
    let seat = hub
        .sit()
        .map_err(|_| SubscribeError::TooMany(hub.config.max_streams))?;
    loop {
        let (start, seen, ended) = catch_up(hub, &topics, last, store).await?;
        if seat.has_fallen() {
            // The ring went round while the journal was read; what was read may have a gap to the ring.
            seat.move_to_end();
            continue;
        }
        return Ok(welcome(hub, topics, seat, &start, seen, ended));
    }
}

fn goodbye(hub: &Arc<Hub>, topics: Topics) -> Subscription {
    let mut bytes = BytesMut::new();
    frame::write_retry(&mut bytes, jitter(1_000, 4_000));
    bytes.extend_from_slice(&shutdown());
    Subscription::new(Arc::clone(hub), topics, bytes.freeze(), None, 0)
}

/// Reads what the client has missed; with the number up to which it then knows everything, and the event that ended the job
/// of a job's stream.
async fn catch_up(
    hub: &Hub,
    topics: &Topics,
    last: Option<&str>,
    store: &Store,
) -> Result<(Start, u64, Option<&'static str>), Error> {
    let reason = match last.map(str::trim).filter(|last| !last.is_empty()) {
        None => None,
        Some(text) => match resumable(hub, topics, text, store).await? {
            Ok(history) => return replay(topics, history, store).await,
            Err(reason) => Some(reason),
        },
    };
    let snapshot = store.snapshot(topics.scope.clone()).await?;
    let ended = match &topics.scope {
        Scope::Job(_) => snapshot
            .ended
            .first()
            .and_then(|job| ended_word(job.state.word())),
        _ => None,
    };
    let seen = snapshot.seq;
    Ok((Start::Snapshot(Box::new(snapshot), reason), seen, ended))
}

async fn resumable(
    hub: &Hub,
    topics: &Topics,
    text: &str,
    store: &Store,
) -> Result<Result<History, ResetReason>, Error> {
    let Some(cursor) = Cursor::parse(text) else {
        return Ok(Err(ResetReason::BadCursor));
    };
    if cursor.epoch != hub.epoch {
        return Ok(Err(ResetReason::EpochChanged));
    }
    let mut query = EventQuery {
        after: cursor.seq,
        limit: hub.config.replay_events,
        types: topics.types().to_vec(),
        ..Default::default()
    };
    match &topics.scope {
        Scope::Everything => {}
        Scope::Pipeline(id) => query.pipeline = Some(id.clone()),
        Scope::Path(path) => query.path = Some(path.clone()),
        Scope::Job(job) => {
            query.job = Some(*job);
            // The end of the job must be seen whatever the types; they are looked at when the frames are written.
            query.types.clear();
        }
    }
    let history = store.history(query, hub.config.replay_bytes).await?;
    Ok(if cursor.seq > history.head {
        Err(ResetReason::CursorAhead)
    } else if cursor.seq < history.floor {
        Err(ResetReason::CursorExpired)
    } else if !history.complete {
        Err(ResetReason::ReplayTooLarge)
    } else {
        Ok(history)
    })
}

async fn replay(
    topics: &Topics,
    history: History,
    store: &Store,
) -> Result<(Start, u64, Option<&'static str>), Error> {
    let mut ended = None;
    if let Scope::Job(job) = topics.scope {
        ended = match history.events.last() {
            Some(event) => ends(event).then(|| event.event.name()),
            // Past its last event: has it ended, or does it still run?
            None => last_end(job, history.head, store).await?,
        };
    }
    Ok((Start::Replay(history.events), history.head, ended))
}

/// The job's last event up to a number, if the job ended with it.
async fn last_end(
    job: crate::job::id::JobId,
    until: u64,
    store: &Store,
) -> Result<Option<&'static str>, Error> {
    let query = EventQuery {
        job: Some(job),
        until: Some(until),
        limit: u32::MAX - 1,
        ..Default::default()
    };
    let events = store.events(query).await?;
    Ok(events
        .last()
        .and_then(|event| ends(event).then(|| event.event.name())))
}

fn ended_word(state: &str) -> Option<&'static str> {
    ["job.succeeded", "job.failed", "job.cancelled"]
        .into_iter()
        .find(|name| name.ends_with(state))
}

/// Whether a job has ended and a client with this cursor has seen it: such a client need not come back.
pub(crate) async fn already_ended(
    hub: &Hub,
    job: crate::job::id::JobId,
    last: &str,
    store: &Store,
) -> Result<bool, Error> {
    let Some(cursor) = Cursor::parse(last.trim()).filter(|cursor| cursor.epoch == hub.epoch) else {
        return Ok(false);
    };
    let Some(found) = store.job(job).await? else {
        return Ok(false);
    };
    if !found.state.is_terminal() {
        return Ok(false);
    }
    let query = EventQuery {
        after: cursor.seq,
        job: Some(job),
        limit: 1,
        ..Default::default()
    };
    let history = store.history(query, usize::MAX).await?;
    Ok(history.events.is_empty() && cursor.seq <= history.head)
}

fn welcome(
    hub: &Arc<Hub>,
    topics: Topics,
    mut seat: Seat,
    start: &Start,
    seen: u64,
    ended: Option<&'static str>,
) -> Subscription {
    let mut bytes = BytesMut::new();
    frame::write_retry(&mut bytes, jitter(1_000, 4_000));
    frame::write(&mut bytes, "hello", &hello(hub, &topics, start, seen));
    match start {
        Start::Replay(events) => {
            for event in events {
                let name = event.event.name();
                if topics.wants_type(name) {
                    let data = (hub.views.event)(event);
                    frame::write_with_id(&mut bytes, &hub.cursor(event.seq), name, &data);
                }
            }
        }
        Start::Snapshot(snapshot, reason) => {
            if let Some(reason) = reason {
                hub.count_reset(*reason);
                bytes.extend_from_slice(&reset(hub, *reason));
            }
            write_snapshot(hub, snapshot, &mut bytes);
        }
    }
    if let Some(name) = ended {
        bytes.extend_from_slice(&end(name));
        return Subscription::new(Arc::clone(hub), topics, bytes.freeze(), None, seen);
    }
    if topics.wants_type("step.progress") {
        hub.write_progress(seen, &mut bytes, |about: &About| topics.is_about(about));
    }
    if let Some(stats) = seat.take_stats().filter(|_| topics.wants_type("stats")) {
        frame::write(&mut bytes, "stats", &stats);
    }
    Subscription::new(Arc::clone(hub), topics, bytes.freeze(), Some(seat), seen)
}

fn hello(hub: &Hub, topics: &Topics, start: &Start, seen: u64) -> Value {
    let replayed = match start {
        Start::Replay(events) => Some(
            events
                .iter()
                .filter(|event| topics.wants_type(event.event.name()))
                .count(),
        ),
        Start::Snapshot(..) => None,
    };
    json!({
        "protocol": 1,
        "epoch": hub.epoch,
        "cursor": hub.cursor(seen),
        "resumed": replayed.is_some(),
        "replayed": replayed.unwrap_or(0),
        "heartbeatMs": u64::try_from(hub.config.heartbeat.as_millis()).unwrap_or(u64::MAX),
        "build": hub.config.build,
        "uiBuild": hub.config.page,
        "connection": ulid::Ulid::generate().to_string(),
        "topics": topics.describe(),
    })
}

fn write_snapshot(hub: &Hub, snapshot: &Snapshot, to: &mut BytesMut) {
    let cursor = hub.cursor(snapshot.seq);
    let mut data = (hub.views.snapshot)(snapshot);
    if let Value::Object(fields) = &mut data {
        fields
            .entry("cursor")
            .or_insert_with(|| cursor.clone().into());
    }
    frame::write_with_id(to, &cursor, "snapshot", &data);
}
