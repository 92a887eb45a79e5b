//! Events in their order, and where the journal begins and ends.

use crate::event::Stored;
use crate::raw_path::RawPath;
use crate::store::error::{Error, reading};
use crate::store::prune;
use crate::store::query::{EventQuery, History};
use crate::store::row::{EVENT_COLUMNS, RawEvent, signed, unsigned};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _};
use std::sync::Arc;

/// The number of the last event, also where retention has removed it.
pub(crate) fn head(connection: &Connection) -> rusqlite::Result<u64> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT MAX(seq) FROM event")?
        .query_row([], |row| row.get(0))?;
    Ok(unsigned(last.unwrap_or(0).max(prune::floor(connection)?)))
}

/// Events up to a number and a size of bodies. One that cannot be read is passed over.
pub(crate) fn history(
    connection: &Connection,
    query: &EventQuery,
    max_bytes: usize,
) -> Result<History, Error> {
    let floor = unsigned(prune::floor(connection).map_err(reading)?);
    let after = if query.gapless {
        query.after.max(floor)
    } else {
        query.after
    };
    let (sql, values) = history_sql(query, after);
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
        // One event goes in any case: who pages would stand still before it for ever.
        let is_full = bytes > max_bytes && !events.is_empty();
        if events.len() >= query.limit as usize || is_full {
            complete = false;
            break;
        }
        events.extend(raw.legible());
    }
    Ok(History {
        events,
        complete,
        head: head(connection).map_err(reading)?,
        after,
        floor,
    })
}

fn history_sql(query: &EventQuery, after: u64) -> (String, Vec<Value>) {
    let mut sql = format!("SELECT {EVENT_COLUMNS} FROM event WHERE seq > ? AND seq <= ?");
    let mut values = vec![
        Value::Integer(signed(after)),
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
    // Without a limit: those that cannot be read do not count.
    sql.push_str(" ORDER BY seq");
    (sql, values)
}

/// The last thing that happened to the file at a path while it was no job.
pub(crate) fn last_of_file(
    connection: &Connection,
    path: &RawPath,
) -> Result<Option<Arc<Stored>>, Error> {
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
    Ok(raw.and_then(RawEvent::legible))
}
