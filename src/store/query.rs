//! Questions to the journal. Each answer is read in one transaction and says at which event it holds.

use crate::event::{Stored, WatchEvent};
use crate::job::id::JobId;
use crate::job::state::Job;
use crate::raw_path::RawPath;
use crate::store::error::{Error, reading};
use crate::store::prune;
use crate::store::row::{EVENT_COLUMNS, RawEvent, load_job, parse_job, signed, unsigned};
use crate::time::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The words of the states in which a job has not ended.
pub const OPEN_STATES: [&str; 5] = ["claiming", "queued", "running", "waiting", "delivering"];
/// The words of the states in which a job has ended.
pub const ENDED_STATES: [&str; 3] = ["succeeded", "failed", "cancelled"];
/// Jobs of one page at most.
pub const MAX_PAGE: u32 = 500;

/// Jobs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobQuery {
    /// Only of this pipeline.
    pub pipeline: Option<String>,
    /// Only in these states (their words); empty means any.
    pub states: Vec<String>,
    /// Only with this in their name, whatever the case.
    pub q: Option<String>,
    /// Which come first.
    pub order: Order,
    /// Those after the last one of an earlier page: its `next`.
    pub before: Option<String>,
    /// How many; 0 means 50, and 500 is the most.
    pub limit: u32,
}

/// Which jobs come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Those that changed last.
    #[default]
    Changed,
    /// Those that came last.
    Created,
}

/// Some jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct JobPage {
    /// In the order asked for.
    pub jobs: Vec<Job>,
    /// The `before` of the next page, where there is one.
    pub next: Option<String>,
    /// The number of the last event that the page knows of.
    pub seq: u64,
}

/// Events to list, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only after this number.
    pub after: u64,
    /// Only up to this number.
    pub until: Option<u64>,
    /// Only of this pipeline.
    pub pipeline: Option<String>,
    /// Only of this job.
    pub job: Option<JobId>,
    /// Only about a file at this path.
    pub path: Option<RawPath>,
    /// Only of these types: `job.failed`, or `job.*`; empty means any.
    pub types: Vec<String>,
    /// How many at most.
    pub limit: u32,
}

/// Some events and the ends of the journal at that moment.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Oldest first.
    pub events: Vec<Arc<Stored>>,
    /// Whether these are all; else a limit cut them off.
    pub complete: bool,
    /// The number of the journal's last event.
    pub head: u64,
    /// The number of the newest event that retention has removed.
    pub floor: u64,
}

/// The last state of a pipeline as its events tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineRow {
    /// The pipeline's id.
    pub id: String,
    /// The number of its last event.
    pub changed: u64,
    /// When that was.
    pub updated: Timestamp,
    /// The current revision (hex).
    pub revision: Option<String>,
    /// What is wrong with its file.
    pub faults: Vec<String>,
    /// Whether its file is gone.
    pub removed: bool,
    /// Why it is paused.
    pub paused: Option<String>,
    /// Its folder's last state.
    pub folder: Option<WatchEvent>,
}

/// What a snapshot is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything.
    #[default]
    Everything,
    /// One pipeline and its jobs.
    Pipeline(String),
    /// One job.
    Job(JobId),
    /// What happened to the files at one path.
    Path(RawPath),
}

/// The state of things at one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// What it is of.
    pub scope: Scope,
    /// The number of the last event that it knows of.
    pub seq: u64,
    /// The pipelines.
    pub pipelines: Vec<PipelineRow>,
    /// The jobs that have not ended, those that changed last first.
    pub open: Vec<Job>,
    /// Whether there are more of them than a snapshot holds.
    pub more_open: bool,
    /// The last ones that have ended, the newest first.
    pub ended: Vec<Job>,
    /// The last thing that happened to the file at the path while it was no job.
    pub file: Option<Arc<Stored>>,
    /// How many jobs each pipeline has in each state.
    pub counts: Counts,
}

/// How many jobs each pipeline has in each state; states without jobs are left out.
pub type Counts = BTreeMap<String, BTreeMap<String, u64>>;

/// The jobs that ended within one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Succeeded.
    pub succeeded: u64,
    /// Failed.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
}

/// The number of the last event, also where retention has removed it.
pub(crate) fn head(connection: &Connection) -> rusqlite::Result<u64> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT MAX(seq) FROM event")?
        .query_row([], |row| row.get(0))?;
    Ok(unsigned(last.unwrap_or(0).max(prune::floor(connection)?)))
}

/// A page of jobs.
pub(crate) fn jobs(connection: &Connection, query: &JobQuery) -> Result<JobPage, Error> {
    let limit = match query.limit {
        0 => 50,
        limit => limit.min(MAX_PAGE),
    };
    let key = match query.order {
        Order::Changed => "changed",
        Order::Created => "id",
    };
    let before = before(query)?;
    let q = query.q.as_deref().map(str::to_lowercase);
    let mut found: Vec<(Key, String, String)> = Vec::new();
    for state in states(&query.states)? {
        let sql = format!(
            "SELECT {key}, id, body FROM job WHERE {state} AND (?1 IS NULL OR pipeline = ?1)
             AND (?2 IS NULL OR instr(folded, ?2) > 0) AND {key} < ?3 ORDER BY {key} DESC LIMIT ?4"
        );
        let rows: Vec<(Key, String, String)> = connection
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                statement
                    .query_map(params![query.pipeline, q, before, limit + 1], |row| {
                        Ok((Key::read(row.get(0)?), row.get(1)?, row.get(2)?))
                    })?
                    .collect()
            })
            .map_err(reading)?;
        found.extend(rows);
    }
    found.sort_by(|one, two| two.0.cmp(&one.0));
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = if more {
        found.last().map(|(key, ..)| key.to_string())
    } else {
        None
    };
    let jobs = found
        .into_iter()
        .map(|(_, id, body)| parse_job(connection, &id, &body))
        .collect::<Result<Vec<_>, _>>()?;
    let seq = head(connection).map_err(reading)?;
    Ok(JobPage { jobs, next, seq })
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
}

impl Key {
    fn read(value: Value) -> Self {
        match value {
            Value::Integer(number) => Self::Number(number),
            Value::Text(text) => Self::Text(text),
            _ => Self::Number(0),
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

fn before(query: &JobQuery) -> Result<Value, Error> {
    let refused = |text: &str| Error::BadQuery(format!("`{text}` is not the `next` of a page"));
    match (&query.before, query.order) {
        (None, Order::Changed) => Ok(Value::Integer(i64::MAX)),
        // After every ULID.
        (None, Order::Created) => Ok(Value::Text("~".to_owned())),
        (Some(text), Order::Changed) => text.parse().map(Value::Integer).map_err(|_| refused(text)),
        (Some(text), Order::Created) => text
            .parse::<JobId>()
            .map(|id| Value::Text(id.to_string()))
            .map_err(|_| refused(text)),
    }
}

/// One condition each, literally, so that SQLite uses the partial index of the state.
fn states(wanted: &[String]) -> Result<Vec<String>, Error> {
    if wanted.is_empty() {
        return Ok(vec!["TRUE".to_owned()]);
    }
    let mut conditions: Vec<String> = wanted
        .iter()
        .map(|word| {
            OPEN_STATES
                .iter()
                .chain(&ENDED_STATES)
                .find(|known| *known == word)
                .map(|word| format!("state = '{word}'"))
                .ok_or_else(|| {
                    Error::BadQuery(format!(
                        "`{word}` is not a state of a job; those are {}, {}",
                        OPEN_STATES.join(", "),
                        ENDED_STATES.join(", ")
                    ))
                })
        })
        .collect::<Result<_, _>>()?;
    conditions.sort();
    conditions.dedup();
    Ok(conditions)
}

/// Events up to a number and a size of bodies.
pub(crate) fn history(
    connection: &Connection,
    query: &EventQuery,
    max_bytes: usize,
) -> Result<History, Error> {
    let (sql, values) = history_sql(query);
    let mut statement = connection.prepare_cached(&sql).map_err(reading)?;
    let mut rows = statement
        .query(rusqlite::params_from_iter(values))
        .map_err(reading)?;
    let mut events = Vec::new();
    let mut bytes = 0;
    let mut complete = true;
    while let Some(row) = rows.next().map_err(reading)? {
        let raw = RawEvent::read(row).map_err(reading)?;
        bytes += raw.size();
        if events.len() >= query.limit as usize || bytes > max_bytes {
            complete = false;
            break;
        }
        events.push(raw.parse()?);
    }
    Ok(History {
        events,
        complete,
        head: head(connection).map_err(reading)?,
        floor: unsigned(prune::floor(connection).map_err(reading)?),
    })
}

fn history_sql(query: &EventQuery) -> (String, Vec<Value>) {
    let mut sql = format!("SELECT {EVENT_COLUMNS} FROM event WHERE seq > ? AND seq <= ?");
    let mut values = vec![
        Value::Integer(signed(query.after)),
        Value::Integer(query.until.map_or(i64::MAX, signed)),
    ];
    if let Some(job) = query.job {
        sql.push_str(" AND job = ?");
        values.push(Value::Text(job.to_string()));
    }
    if let Some(path) = &query.path {
        sql.push_str(" AND path = ?");
        values.push(Value::Text(path.encode()));
    }
    if let Some(pipeline) = &query.pipeline {
        sql.push_str(" AND pipeline = ?");
        values.push(Value::Text(pipeline.clone()));
    }
    for (n, name) in query.types.iter().enumerate() {
        sql.push_str(if n == 0 { " AND (" } else { " OR " });
        match name.strip_suffix('*') {
            Some(prefix) => {
                sql.push_str("substr(kind, 1, length(?)) = ?");
                values.push(Value::Text(prefix.to_owned()));
                values.push(Value::Text(prefix.to_owned()));
            }
            None => {
                sql.push_str("kind = ?");
                values.push(Value::Text(name.clone()));
            }
        }
    }
    if !query.types.is_empty() {
        sql.push(')');
    }
    sql.push_str(" ORDER BY seq LIMIT ?");
    values.push(Value::Integer(i64::from(query.limit) + 1));
    (sql, values)
}

/// Jobs of files at a path, the newest first.
pub(crate) fn jobs_at_path(
    connection: &Connection,
    path: &RawPath,
    limit: u32,
) -> Result<Vec<Job>, Error> {
    bodies(
        connection,
        "SELECT id, body FROM job WHERE path = ?1 ORDER BY id DESC LIMIT ?2",
        params![path.encode(), limit],
    )
}

fn bodies(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<Job>, Error> {
    let rows: Vec<(String, String)> = connection
        .prepare_cached(sql)
        .and_then(|mut statement| {
            statement
                .query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .map_err(reading)?;
    rows.into_iter()
        .map(|(id, body)| parse_job(connection, &id, &body))
        .collect()
}

/// Another job of the pipeline with the same content: one that succeeded rather than another, the newest of them.
pub(crate) fn find_content(
    connection: &Connection,
    pipeline: &str,
    blake3: &str,
    not: JobId,
) -> Result<Option<JobId>, Error> {
    let id: Option<String> = connection
        .prepare_cached(
            "SELECT id FROM job WHERE pipeline = ?1 AND blake3 = ?2 AND id <> ?3 AND state <> 'cancelled'
             ORDER BY state = 'succeeded' DESC, id DESC LIMIT 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![pipeline, blake3, not.to_string()], |row| row.get(0))
                .optional()
        })
        .map_err(reading)?;
    Ok(id.and_then(|id| id.parse().ok()))
}

/// How many jobs there are, by pipeline and state.
pub(crate) fn counts(connection: &Connection, pipeline: Option<&str>) -> rusqlite::Result<Counts> {
    let mut statement = connection.prepare_cached(
        "SELECT pipeline, state, jobs FROM tally WHERE jobs > 0 AND (?1 IS NULL OR pipeline = ?1)",
    )?;
    let mut rows = statement.query([pipeline])?;
    let mut counts = Counts::new();
    while let Some(row) = rows.next()? {
        counts
            .entry(row.get(0)?)
            .or_default()
            .insert(row.get(1)?, unsigned(row.get(2)?));
    }
    Ok(counts)
}

/// The jobs that ended in each of the 60 minutes before `now`, the oldest minute first.
pub(crate) fn last_hour(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Minute>> {
    let start = now.0 - 60 * 60_000;
    let mut minutes = vec![Minute::default(); 60];
    let mut statement = connection.prepare_cached(
        "SELECT (finished - ?1) / 60000, state, COUNT(*) FROM job WHERE finished >= ?1 AND finished < ?2 GROUP BY 1, 2",
    )?;
    let mut rows = statement.query(params![start, now.0])?;
    while let Some(row) = rows.next()? {
        let place: i64 = row.get(0)?;
        let Some(minute) = usize::try_from(place).ok().and_then(|n| minutes.get_mut(n)) else {
            continue;
        };
        let jobs = unsigned(row.get(2)?);
        match row.get::<_, String>(1)?.as_str() {
            "succeeded" => minute.succeeded = jobs,
            "failed" => minute.failed = jobs,
            _ => minute.cancelled = jobs,
        }
    }
    Ok(minutes)
}

/// Every pipeline's last state.
pub(crate) fn pipelines(connection: &Connection) -> Result<Vec<PipelineRow>, Error> {
    let mut statement = connection
        .prepare_cached("SELECT id, changed, updated, revision, faults, removed, paused, folder FROM pipeline ORDER BY id")
        .map_err(reading)?;
    let mut rows = statement.query([]).map_err(reading)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(reading)? {
        found.push(pipeline(row)?);
    }
    Ok(found)
}

fn pipeline(row: &rusqlite::Row<'_>) -> Result<PipelineRow, Error> {
    let id: String = row.get(0).map_err(reading)?;
    let unreadable = |source| Error::Unreadable {
        what: format!("pipeline `{id}`"),
        source,
    };
    let faults: String = row.get(4).map_err(reading)?;
    let folder: Option<String> = row.get(7).map_err(reading)?;
    Ok(PipelineRow {
        changed: unsigned(row.get(1).map_err(reading)?),
        updated: Timestamp(row.get(2).map_err(reading)?),
        revision: row.get(3).map_err(reading)?,
        faults: serde_json::from_str(&faults).map_err(unreadable)?,
        removed: row.get(5).map_err(reading)?,
        paused: row.get(6).map_err(reading)?,
        folder: folder
            .map(|folder| serde_json::from_str(&folder))
            .transpose()
            .map_err(unreadable)?,
        id,
    })
}

/// The YAML of a revision.
pub(crate) fn revision_yaml(
    connection: &Connection,
    hash: &str,
) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT yaml FROM revision WHERE hash = ?1")?
        .query_row([hash], |row| row.get(0))
        .optional()
}

/// Jobs that have not ended in a snapshot.
const SNAPSHOT_OPEN: usize = 2_000;
/// Jobs that have ended in a snapshot.
const SNAPSHOT_ENDED: u32 = 50;

/// The state of things within a scope.
pub(crate) fn snapshot(connection: &Connection, scope: &Scope) -> Result<Snapshot, Error> {
    let seq = head(connection).map_err(reading)?;
    let mut snapshot = Snapshot {
        scope: scope.clone(),
        seq,
        pipelines: Vec::new(),
        open: Vec::new(),
        more_open: false,
        ended: Vec::new(),
        file: None,
        counts: Counts::new(),
    };
    let jobs = match scope {
        Scope::Everything | Scope::Pipeline(_) => {
            let only = match scope {
                Scope::Pipeline(id) => Some(id.as_str()),
                _ => None,
            };
            snapshot.pipelines = pipelines(connection)?;
            snapshot
                .pipelines
                .retain(|row| only.is_none_or(|id| row.id == id));
            snapshot.counts = counts(connection, only).map_err(reading)?;
            scoped_jobs(connection, only)?
        }
        Scope::Job(id) => load_job(connection, *id)?.into_iter().collect(),
        Scope::Path(path) => {
            snapshot.file = last_of_file(connection, path)?;
            jobs_at_path(connection, path, SNAPSHOT_ENDED)?
        }
    };
    (snapshot.ended, snapshot.open) = jobs.into_iter().partition(|job| job.state.is_terminal());
    snapshot.more_open = snapshot.open.len() > SNAPSHOT_OPEN;
    snapshot.open.truncate(SNAPSHOT_OPEN);
    Ok(snapshot)
}

fn scoped_jobs(connection: &Connection, pipeline: Option<&str>) -> Result<Vec<Job>, Error> {
    let mut jobs = Vec::new();
    // What runs stands first: where there are too many, those that wait are left out.
    for state in ["running", "delivering", "waiting", "claiming", "queued"] {
        let left = (SNAPSHOT_OPEN + 1).saturating_sub(jobs.len());
        jobs.extend(bodies(
            connection,
            &format!(
                "SELECT id, body FROM job WHERE state = '{state}' AND (?1 IS NULL OR pipeline = ?1) ORDER BY changed DESC LIMIT ?2"
            ),
            params![pipeline, i64::try_from(left).unwrap_or(0)],
        )?);
    }
    jobs.extend(bodies(
        connection,
        "SELECT id, body FROM job WHERE finished IS NOT NULL AND (?1 IS NULL OR pipeline = ?1) ORDER BY finished DESC, id DESC LIMIT ?2",
        params![pipeline, SNAPSHOT_ENDED],
    )?);
    Ok(jobs)
}

fn last_of_file(connection: &Connection, path: &RawPath) -> Result<Option<Arc<Stored>>, Error> {
    let raw = connection
        .prepare_cached(&format!(
            "SELECT {EVENT_COLUMNS} FROM event WHERE path = ?1 AND job IS NULL ORDER BY seq DESC LIMIT 1"
        ))
        .and_then(|mut statement| {
            statement
                .query_row([path.encode()], RawEvent::read)
                .optional()
        })
        .map_err(reading)?;
    raw.map(RawEvent::parse).transpose()
}
