//! The log lines of a job: kept beside the events, bounded, never part of the job's history.

use crate::job::id::JobId;
use crate::store::error::{Error, writing};
use crate::store::row::{signed, unsigned};
use crate::time::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// Lines that a job keeps.
pub const MAX_LINES: u64 = 2_000;
/// Bytes of messages that a job keeps.
pub const MAX_BYTES: u64 = 256 * 1024;
/// Bytes of one message; the rest is cut off.
pub const MAX_MESSAGE: usize = 8 * 1024;

/// One line that an operation or a worker wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// `trace` to `error`.
    pub level: String,
    /// The step it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The line.
    pub message: String,
}

/// How much a job's log holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    next: u64,
    bytes: u64,
    closed: bool,
}

/// Reads how much a job's log holds.
pub(crate) fn extent(connection: &Connection, job: JobId) -> Result<Extent, Error> {
    connection
        .prepare_cached(
            "SELECT COALESCE(MAX(n) + 1, 0), COALESCE(SUM(length(CAST(message AS BLOB))), 0), COALESCE(MAX(level = 'truncated'), 0) FROM log WHERE job = ?1",
        )
        .and_then(|mut statement| {
            statement.query_row([job.to_string()], |row| {
                Ok(Extent {
                    next: unsigned(row.get(0)?),
                    bytes: unsigned(row.get(1)?),
                    closed: row.get(2)?,
                })
            })
        })
        .map_err(crate::store::error::reading)
}

/// Adds lines as far as the bounds allow; the first line that does not fit becomes the one that says so.
pub(crate) fn add(
    connection: &Connection,
    job: JobId,
    mut extent: Extent,
    lines: &[LogLine],
) -> Result<Extent, Error> {
    for line in lines {
        if extent.closed {
            break;
        }
        let message = shortened(&line.message);
        if extent.next >= MAX_LINES || extent.bytes + message.len() as u64 > MAX_BYTES {
            let text = format!(
                "the log is cut off here: a job keeps {MAX_LINES} lines or {} KiB",
                MAX_BYTES / 1024
            );
            insert(connection, job, extent.next, line, "truncated", &text)?;
            extent.closed = true;
        } else {
            insert(connection, job, extent.next, line, &line.level, &message)?;
            extent.bytes += message.len() as u64;
        }
        extent.next += 1;
    }
    Ok(extent)
}

fn insert(
    connection: &Connection,
    job: JobId,
    n: u64,
    line: &LogLine,
    level: &str,
    message: &str,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO log(job, n, at, level, step, message) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                job.to_string(),
                signed(n),
                line.at.0,
                level,
                line.step,
                message
            ])
        })
        .map_err(writing)?;
    Ok(())
}

fn shortened(message: &str) -> std::borrow::Cow<'_, str> {
    if message.len() <= MAX_MESSAGE {
        return message.into();
    }
    let mut end = MAX_MESSAGE;
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &message[..end]).into()
}

/// A line with its number in the job's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NumberedLine {
    /// From 0.
    pub n: u64,
    /// The line.
    #[serde(flatten)]
    pub line: LogLine,
}

/// Reads lines from number `from` on.
pub(crate) fn lines(
    connection: &Connection,
    job: JobId,
    from: u64,
    limit: u32,
) -> rusqlite::Result<Vec<NumberedLine>> {
    connection
        .prepare_cached(
            "SELECT n, at, level, step, message FROM log WHERE job = ?1 AND n >= ?2 ORDER BY n LIMIT ?3",
        )?
        .query_map(params![job.to_string(), signed(from), limit], |row| {
            Ok(NumberedLine {
                n: unsigned(row.get(0)?),
                line: LogLine {
                    at: Timestamp(row.get(1)?),
                    level: row.get(2)?,
                    step: row.get(3)?,
                    message: row.get(4)?,
                },
            })
        })?
        .collect()
}
