//! Events and jobs as rows, and back.

use crate::event::{Draft, Event, Stored};
use crate::job::id::JobId;
use crate::job::state::Job;
use crate::problem::chain;
use crate::raw_path::RawPath;
use crate::store::error::{Error, reading};
use crate::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization as _;

/// The columns that [`stored`] reads, in its order.
pub(crate) const EVENT_COLUMNS: &str = "seq, at, pipeline, path, rev, body";

/// A row of `event` before it is parsed; parsing happens outside SQLite's callbacks.
pub(crate) struct RawEvent {
    seq: i64,
    at: i64,
    pipeline: Option<String>,
    path: Option<String>,
    rev: Option<i64>,
    body: Vec<u8>,
}

impl RawEvent {
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            at: row.get(1)?,
            pipeline: some_text(row, 2)?,
            path: some_text(row, 3)?,
            rev: row.get(4)?,
            body: bytes(row, 5)?,
        })
    }

    /// How many bytes its body has.
    pub(crate) fn size(&self) -> usize {
        self.body.len()
    }

    pub(crate) fn parse(self) -> Result<Arc<Stored>, Error> {
        let event = serde_json::from_slice(&self.body).map_err(|source| Error::Unreadable {
            what: format!("event {}", self.seq),
            source,
        })?;
        Ok(Arc::new(Stored {
            seq: unsigned(self.seq),
            at: Timestamp(self.at),
            rev: self.rev.map(unsigned),
            pipeline: self.pipeline,
            path: self.path.map(|path| RawPath::decode(&path)),
            event,
        }))
    }

    /// The event; none, and a word in the log, where its row is damaged.
    pub(crate) fn legible(self) -> Option<Arc<Stored>> {
        let read = self.parse();
        read.inspect_err(|error| {
            tracing::warn!(error = %chain(error), "an event is passed over");
        })
        .ok()
    }
}

/// A text as its bytes: that of a damaged row may be none any more, and one row must not keep the others from being read.
pub(crate) fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    Ok(row.get_ref(column)?.as_bytes()?.to_vec())
}

/// A text, with a mark for what is none any more.
pub(crate) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(lossy(row.get_ref(column)?.as_bytes()?))
}

/// The same where there may be none.
pub(crate) fn some_text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(row.get_ref(column)?.as_bytes_or_null()?.map(lossy))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// SQLite's integers are signed; ours that never go below zero come back whole.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Our counters never come near the edge.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Writes an event. `job` is the job after it.
pub(crate) fn insert_event(
    connection: &Connection,
    seq: u64,
    draft: Draft,
    job: Option<&Job>,
) -> Result<Arc<Stored>, Error> {
    let body = json(&draft.event, "an event")?;
    let (pipeline, path) = place(&draft.event, job);
    let stored = Stored {
        seq,
        at: draft.at,
        rev: job.map(|job| job.rev),
        pipeline,
        path,
        event: draft.event,
    };
    connection
        .prepare_cached("INSERT INTO event(seq, at, pipeline, job, path, rev, kind, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
        .and_then(|mut statement| {
            statement.execute(params![
                signed(seq),
                stored.at.0,
                stored.pipeline,
                stored.event.job().map(|job| job.to_string()),
                stored.path.as_ref().map(RawPath::encode),
                stored.rev.map(signed),
                stored.event.name(),
                body,
            ])
        })
        .map_err(crate::store::error::writing)?;
    Ok(Arc::new(stored))
}

fn place(event: &Event, job: Option<&Job>) -> (Option<String>, Option<RawPath>) {
    match (event, job) {
        (_, Some(job)) => (
            Some(job.accepted.pipeline.clone()),
            Some(job.accepted.path.clone()),
        ),
        (Event::File { pipeline, path, .. }, None) => (Some(pipeline.clone()), Some(path.clone())),
        (Event::Pipeline { pipeline, .. } | Event::Watch { pipeline, .. }, None) => {
            (Some(pipeline.clone()), None)
        }
        (Event::Job { .. } | Event::Plugin(_) | Event::Daemon(_), None) => (None, None),
    }
}

/// A name as it is searched: in small letters, and composed. One system writes `é` as one character, another as two.
pub(crate) fn folded(name: &str) -> String {
    name.nfc().collect::<String>().to_lowercase()
}

/// Writes a job as it is after the event `changed`.
pub(crate) fn upsert_job(connection: &Connection, job: &Job, changed: u64) -> Result<(), Error> {
    let body = json(job, "a job")?;
    let name = job.name();
    let folded = folded(&name);
    connection
        .prepare_cached(
            "INSERT INTO job(id, pipeline, state, created, updated, finished, changed, name, folded, path, priority, blake3, body)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT(id) DO UPDATE SET state = excluded.state, updated = excluded.updated, finished = excluded.finished,
               changed = excluded.changed, blake3 = excluded.blake3, body = excluded.body",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                job.id.to_string(),
                job.accepted.pipeline,
                job.state.word(),
                job.created.0,
                job.updated.0,
                job.state.is_terminal().then_some(job.updated.0),
                signed(changed),
                name,
                folded,
                job.accepted.path.encode(),
                job.accepted.priority,
                job.blake3,
                body,
            ])
        })
        .map_err(crate::store::error::writing)?;
    Ok(())
}

fn json<T: serde::Serialize>(value: &T, what: &str) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| Error::Unreadable {
        what: what.to_owned(),
        source,
    })
}

/// Reads one job.
pub(crate) fn load_job(connection: &Connection, id: JobId) -> Result<Option<Job>, Error> {
    let body: Option<Vec<u8>> = connection
        .prepare_cached("SELECT body FROM job WHERE id = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([id.to_string()], |row| bytes(row, 0))
                .optional()
        })
        .map_err(reading)?;
    body.map(|body| parse_job(connection, &id.to_string(), &body))
        .transpose()
}

/// A job from its row; where the row cannot be read, from its events.
pub(crate) fn parse_job(connection: &Connection, id: &str, body: &[u8]) -> Result<Job, Error> {
    match serde_json::from_slice(body) {
        Ok(job) => Ok(job),
        Err(source) => {
            tracing::warn!(job = id, error = %source, "job row is unreadable, replaying its events");
            replay(connection, id)?.ok_or(Error::Unreadable {
                what: format!("job {id}"),
                source,
            })
        }
    }
}

/// The same for lists: a job that cannot be read either way is left out, and told in the log.
pub(crate) fn legible_job(
    connection: &Connection,
    id: &str,
    body: &[u8],
) -> Result<Option<Job>, Error> {
    match parse_job(connection, id, body) {
        Err(error @ Error::Unreadable { .. }) => {
            tracing::error!(job = id, error = %chain(&error), "a job is left out of a list");
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// A job as its events make it; `None` where they do not.
pub(crate) fn replay(connection: &Connection, id: &str) -> Result<Option<Job>, Error> {
    let mut job: Option<Job> = None;
    for raw in events_of(connection, id).map_err(reading)? {
        let Ok(stored) = raw.parse() else {
            return Ok(None);
        };
        let Event::Job { job: id, what } = &stored.event else {
            continue;
        };
        match (&mut job, what) {
            (None, crate::job::event::JobEvent::Accepted(accepted)) => {
                job = Some(Job::new(*id, stored.at, (**accepted).clone()));
            }
            (Some(job), what) => {
                if job.apply(stored.at, what).is_err() {
                    return Ok(None);
                }
            }
            (None, _) => return Ok(None),
        }
    }
    Ok(job)
}

fn events_of(connection: &Connection, id: &str) -> rusqlite::Result<Vec<RawEvent>> {
    connection
        .prepare_cached(&format!(
            "SELECT {EVENT_COLUMNS} FROM event WHERE job = ?1 ORDER BY seq"
        ))?
        .query_map([id], RawEvent::read)?
        .collect()
}
