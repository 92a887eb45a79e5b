//! How many jobs ended in each minute.

use crate::store::row::unsigned;
use rusqlite::{Connection, params};

/// The jobs of one pipeline that ended within one minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The pipeline.
    pub pipeline: String,
    /// Milliseconds since 1970 of the minute's begin.
    pub start: i64,
    /// Succeeded.
    pub succeeded: u64,
    /// Failed.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Pages of the originals.
    pub pages: u64,
    /// Bytes of the originals.
    pub bytes: u64,
}

/// More pages than a file may have; journals of earlier versions hold whatever workers have said.
const MOST_PAGES: u32 = u32::MAX;

/// What ended at or after a moment, a line for each pipeline, minute and state, oldest first.
pub(crate) fn ended_since(connection: &Connection, since: i64) -> rusqlite::Result<Vec<Ended>> {
    // A sum that is too large is an error, a total is not. Sizes are whatever file systems say.
    let mut statement = connection.prepare_cached(
        "SELECT pipeline, finished / 60000 * 60000, state, COUNT(*),
           CAST(TOTAL(MIN(COALESCE(json_extract(body, '$.bill.pages_in'), 0), ?2)) AS INTEGER),
           CAST(TOTAL(COALESCE(json_extract(body, '$.accepted.identity.size'), 0)) AS INTEGER)
         FROM job WHERE finished >= ?1 GROUP BY 1, 2, 3 ORDER BY 2",
    )?;
    let mut rows = statement.query(params![since, MOST_PAGES])?;
    let mut sums = Vec::new();
    while let Some(row) = rows.next()? {
        let jobs = unsigned(row.get(3)?);
        let mut sum = Ended {
            pipeline: row.get(0)?,
            start: row.get(1)?,
            pages: unsigned(row.get(4)?),
            bytes: unsigned(row.get(5)?),
            ..Ended::default()
        };
        match row.get::<_, String>(2)?.as_str() {
            "succeeded" => sum.succeeded = jobs,
            "failed" => sum.failed = jobs,
            _ => sum.cancelled = jobs,
        }
        sums.push(sum);
    }
    Ok(sums)
}
