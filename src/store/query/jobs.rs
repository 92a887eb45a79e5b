//! Jobs: pages of them, those of a path or a content, and how many there are.

use crate::job::id::JobId;
use crate::job::state::Job;
use crate::raw_path::RawPath;
use crate::store::error::{Error, reading};
use crate::store::query::history::head;
use crate::store::query::{
    Counts, ENDED_STATES, JobPage, JobQuery, MAX_PAGE, OPEN_STATES, Order, Same,
};
use crate::store::row::{bytes, folded, legible_job, text, unsigned};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// A page of jobs.
pub(crate) fn page(connection: &Connection, query: &JobQuery) -> Result<JobPage, Error> {
    let limit = match query.limit {
        0 => 50,
        limit => limit.min(MAX_PAGE),
    };
    let key = match query.order {
        Order::Changed => "changed",
        Order::Created => "id",
    };
    let before = before(query)?;
    let q = query.q.as_deref().map(folded);
    let mut found: Vec<(Key, String, Vec<u8>)> = Vec::new();
    for state in states(&query.states)? {
        let sql = format!(
            "SELECT {key}, id, body FROM job WHERE {state} AND (?1 IS NULL OR pipeline = ?1)
             AND (?2 IS NULL OR instr(folded, ?2) > 0) AND {key} < ?3 ORDER BY {key} DESC LIMIT ?4"
        );
        let rows: Vec<(Key, String, Vec<u8>)> = connection
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                statement
                    .query_map(params![query.pipeline, q, before, limit + 1], |row| {
                        Ok((Key::read(row.get(0)?), text(row, 1)?, bytes(row, 2)?))
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
        .filter_map(|(_, id, body)| legible_job(connection, &id, &body).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let total = total(connection, query).map_err(reading)?;
    let seq = head(connection).map_err(reading)?;
    Ok(JobPage {
        jobs,
        next,
        total,
        seq,
    })
}

/// How many jobs a query has on all its pages, where the tallies say so.
fn total(connection: &Connection, query: &JobQuery) -> rusqlite::Result<Option<u64>> {
    if query.q.is_some() {
        return Ok(None);
    }
    let counts = counts(connection, query.pipeline.as_deref())?;
    let of_states = counts
        .values()
        .flatten()
        .filter(|(state, _)| query.states.is_empty() || query.states.contains(state));
    Ok(Some(of_states.map(|(_, jobs)| jobs).sum()))
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

/// Jobs of files at a path, the newest first.
pub(crate) fn at_path(
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

/// So many of the last jobs are looked through for a path that they put something at: no index has those.
const LOOKED_THROUGH: u32 = 20_000;

/// Jobs that put something at one of these paths, the newest first, at most one hundred for each.
pub(crate) fn that_put_out(connection: &Connection, paths: &[RawPath]) -> Result<Vec<Job>, Error> {
    let mut found = Vec::new();
    for path in paths {
        // As it stands in the body; what else names it there is sorted out below.
        let written = serde_json::Value::String(path.encode()).to_string();
        found.extend(bodies(
            connection,
            "SELECT id, body FROM (SELECT id, body FROM job ORDER BY changed DESC LIMIT ?2)
             WHERE instr(body, ?1) > 0 ORDER BY id DESC LIMIT 100",
            params![written, LOOKED_THROUGH],
        )?);
    }
    found.retain(|job| {
        let mut put = job.delivered.iter().filter_map(|moved| moved.path.as_ref());
        put.any(|path| paths.contains(path))
    });
    found.sort_by_key(|job| std::cmp::Reverse(job.id));
    found.dedup_by_key(|job| job.id);
    Ok(found)
}

/// Jobs that a statement finds by `id, body`.
pub(crate) fn bodies(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<Job>, Error> {
    let rows: Vec<(String, Vec<u8>)> = connection
        .prepare_cached(sql)
        .and_then(|mut statement| {
            statement
                .query_map(values, |row| Ok((text(row, 0)?, bytes(row, 1)?)))?
                .collect()
        })
        .map_err(reading)?;
    rows.into_iter()
        .filter_map(|(id, body)| legible_job(connection, &id, &body).transpose())
        .collect()
}

/// So many skipped duplicates of one another are followed; a job names the first of them, so there are hardly two.
const HOPS: usize = 32;

/// Another job of the pipeline that processed the same content or is about to: one that succeeded rather than an open one, the
/// newest of them. One that failed or was cancelled leaves the content undone. One that was skipped as a duplicate stands for the
/// job that it names, and counts as that one does.
pub(crate) fn find_content(
    connection: &Connection,
    pipeline: &str,
    blake3: &str,
    not: JobId,
) -> Result<Option<Same>, Error> {
    let found: Vec<Had> = connection
        .prepare_cached(&format!(
            // A content that came a thousand times is not sorted a thousand times: the newest ones tell.
            "SELECT * FROM (
               SELECT {HAD} FROM job
               WHERE pipeline = ?1 AND blake3 = ?2 AND id <> ?3 AND state NOT IN ('cancelled', 'failed')
               ORDER BY id DESC LIMIT 32)
             ORDER BY state = 'succeeded' DESC, id DESC"
        ))
        .and_then(|mut statement| {
            statement
                .query_map(params![pipeline, blake3, not.to_string()], Had::read)?
                .collect()
        })
        .map_err(reading)?;
    for had in found {
        if let Some(Had { id, state, .. }) = had.counts_as(connection).map_err(reading)? {
            let is_done = state == "succeeded";
            return Ok(id.parse().ok().map(|job| Same { job, is_done }));
        }
    }
    Ok(None)
}

/// The columns of [`Had`]. A success without an attempt was skipped. What a damaged row says of that is not known.
const HAD: &str = "id, state,
    CASE WHEN state <> 'succeeded' OR NOT json_valid(body) THEN NULL
      WHEN json_extract(body, '$.attempts') = 0 THEN json_extract(body, '$.duplicate_of') END";

/// A job that had some content.
struct Had {
    id: String,
    state: String,
    /// Instead of which job it was skipped.
    skipped_for: Option<String>,
}

impl Had {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            state: row.get(1)?,
            skipped_for: row.get(2)?,
        })
    }

    /// The job that did the work or is about to; none where it came to nothing.
    fn counts_as(mut self, connection: &Connection) -> rusqlite::Result<Option<Self>> {
        let sql = format!("SELECT {HAD} FROM job WHERE id = ?1");
        let mut statement = connection.prepare_cached(&sql)?;
        for _ in 0..HOPS {
            let Some(earlier) = &self.skipped_for else {
                break;
            };
            // Once the earlier job is no longer kept, the one that was skipped for it vouches for it.
            let Some(earlier) = statement.query_row([earlier], Self::read).optional()? else {
                break;
            };
            self = earlier;
        }
        let came_to_nothing = matches!(self.state.as_str(), "cancelled" | "failed");
        Ok((!came_to_nothing).then_some(self))
    }
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
            .entry(text(row, 0)?)
            .or_default()
            .insert(text(row, 1)?, unsigned(row.get(2)?));
    }
    Ok(counts)
}
