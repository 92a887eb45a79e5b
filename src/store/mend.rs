//! What the daemon starts from, read so that one damaged row keeps nobody from starting: it is made again or set aside, and told.
//!
//! A job is made again from its events, a pipeline's row from its file (what its file does not say goes back to nothing), and a note on
//! a file that is to be left alone is dropped: the file is looked at again. A job that its events do not make either goes out of the
//! list, with its text in `meta`; what is held for it goes back to its inbox like that of any job that the journal does not know.

use crate::job::state::Job;
use crate::store::error::{Error, reading, writing};
use crate::store::ledger::{self, LedgerEntry};
use crate::store::query::{self, PipelineRow};
use crate::store::row::{bytes, replay, text, unsigned, upsert_job};
use crate::store::{schema, unit};
use rusqlite::{Connection, OptionalExtension as _};

/// What a journal holds for a start.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) epoch: String,
    pub(crate) head: u64,
    pub(crate) clean: bool,
    pub(crate) open_jobs: Vec<Job>,
    pub(crate) pipelines: Vec<PipelineRow>,
    pub(crate) ledger: Vec<LedgerEntry>,
    /// Rows that could not be read, and what was done about each.
    pub(crate) mended: Vec<String>,
}

/// Reads it, and mends the rows that cannot be read: all of them, or none.
pub(crate) fn read(connection: &Connection) -> Result<Contents, Error> {
    let transaction = connection.unchecked_transaction().map_err(reading)?;
    let mut mended = Vec::new();
    let meta = |key| schema::meta(&transaction, key).map_err(reading);
    let contents = Contents {
        epoch: meta("epoch")?.unwrap_or_default(),
        head: query::history::head(&transaction).map_err(reading)?,
        clean: meta("clean")?.as_deref() == Some("1"),
        open_jobs: open_jobs(&transaction, &mut mended)?,
        pipelines: pipelines(&transaction, &mut mended)?,
        ledger: ledger(&transaction, &mut mended)?,
        mended,
    };
    transaction.commit().map_err(writing)?;
    Ok(contents)
}

fn open_jobs(connection: &Connection, mended: &mut Vec<String>) -> Result<Vec<Job>, Error> {
    let mut rows = Vec::new();
    for state in query::OPEN_STATES {
        let mut statement = connection
            .prepare(&format!(
                "SELECT id, rowid, body FROM job WHERE state = '{state}'"
            ))
            .map_err(reading)?;
        let some = statement
            .query_map([], |row| {
                Ok(Row {
                    id: text(row, 0)?,
                    number: row.get(1)?,
                    state,
                    body: bytes(row, 2)?,
                })
            })
            .map_err(reading)?;
        for row in some {
            rows.push(row.map_err(reading)?);
        }
    }
    rows.sort_by(|one: &Row, other: &Row| one.id.cmp(&other.id));
    let mut jobs = Vec::with_capacity(rows.len());
    for row in rows {
        match serde_json::from_slice::<Job>(&row.body) {
            Ok(job) if job.id.to_string() == row.id => jobs.push(job),
            Ok(job) => jobs.extend(mend_id(connection, &row, job, mended)?),
            Err(error) => jobs.extend(mend_job(connection, &row, mended, &error)?),
        }
    }
    Ok(jobs)
}

/// An open job as its row has it.
struct Row {
    /// With a mark for what is no text any more.
    id: String,
    /// By which the row is found whatever its id is.
    number: i64,
    state: &'static str,
    body: Vec<u8>,
}

impl Row {
    fn delete(&self, connection: &Connection) -> Result<(), Error> {
        let pipeline = connection
            .query_row(
                "DELETE FROM job WHERE rowid = ?1 RETURNING pipeline",
                [self.number],
                |row| text(row, 0),
            )
            .map_err(writing)?;
        unit::count(connection, &pipeline, self.state, -1).map_err(writing)
    }
}

/// A job whose text is whole and not its id: it gets that back, unless it has another row.
fn mend_id(
    connection: &Connection,
    row: &Row,
    job: Job,
    mended: &mut Vec<String>,
) -> Result<Option<Job>, Error> {
    let id = job.id.to_string();
    let changed = connection
        .execute(
            "UPDATE OR IGNORE job SET id = ?1 WHERE rowid = ?2",
            (&id, row.number),
        )
        .map_err(writing)?;
    mended.push(format!("a row of job {id} had another id (`{}`)", row.id));
    if changed > 0 {
        return Ok(Some(job));
    }
    row.delete(connection)?;
    Ok(None)
}

fn mend_job(
    connection: &Connection,
    row: &Row,
    mended: &mut Vec<String>,
    error: &serde_json::Error,
) -> Result<Option<Job>, Error> {
    let id = &row.id;
    if let Some(job) = replay(connection, id)? {
        let last: Option<i64> = connection
            .query_row("SELECT MAX(seq) FROM event WHERE job = ?1", [id], |row| {
                row.get(0)
            })
            .map_err(reading)?;
        upsert_job(connection, &job, last.map_or(0, unsigned))?;
        let pipeline = &job.accepted.pipeline;
        unit::count(connection, pipeline, row.state, -1).map_err(writing)?;
        unit::count(connection, pipeline, job.state.word(), 1).map_err(writing)?;
        mended.push(format!("job {id} was made again from its events ({error})"));
        return Ok((!job.state.is_terminal()).then_some(job));
    }
    let kept = String::from_utf8_lossy(&row.body);
    schema::set_meta(connection, &format!("unread/job/{id}"), &kept).map_err(writing)?;
    row.delete(connection)?;
    mended.push(format!(
        "job {id} can be read neither from its row nor from its events ({error}); what is held for it goes back to its inbox"
    ));
    Ok(None)
}

fn pipelines(connection: &Connection, mended: &mut Vec<String>) -> Result<Vec<PipelineRow>, Error> {
    let (rows, unread) = query::snapshot::legible(connection)?;
    for (id, why) in unread {
        connection
            .execute(
                "UPDATE pipeline SET faults = '[]', folder = NULL WHERE id = ?1",
                [&id],
            )
            .map_err(writing)?;
        mended.push(format!(
            "the last state of pipeline `{id}` is forgotten and found out anew ({why})"
        ));
    }
    Ok(rows)
}

fn ledger(connection: &Connection, mended: &mut Vec<String>) -> Result<Vec<LedgerEntry>, Error> {
    let (entries, unread) = ledger::legible(connection, None)?;
    for note in unread {
        // By their bytes: a key that is no text any more is found by nothing else.
        connection
            .execute(
                "DELETE FROM ledger WHERE CAST(pipeline AS BLOB) = ?1 AND CAST(relative AS BLOB) = ?2",
                [&note.pipeline, &note.relative],
            )
            .map_err(writing)?;
        mended.push(format!(
            "the note that `{}` of pipeline `{}` is to be left alone was dropped: the file is looked at again ({})",
            String::from_utf8_lossy(&note.relative),
            String::from_utf8_lossy(&note.pipeline),
            note.why
        ));
    }
    Ok(entries)
}

/// What keeps the tables from being those of a journal of ours: one that is not there, or a job in a state that does not exist.
pub(crate) fn flaw(connection: &Connection) -> rusqlite::Result<Option<String>> {
    for (name, layout) in schema::tables() {
        let found: Option<String> = connection
            .query_row(
                "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1",
                [&name],
                |row| text(row, 0),
            )
            .optional()?;
        if found.as_deref() != Some(layout) {
            return Ok(Some(format!(
                "its table `{name}` is missing or another one"
            )));
        }
    }
    // Each count is that of an index: no row is read.
    let count = |condition: &str| {
        let sql = format!("SELECT COUNT(*) FROM job{condition}");
        connection.query_row(&sql, [], |row| row.get::<_, i64>(0))
    };
    let mut known = 0;
    for state in query::OPEN_STATES.iter().chain(&query::ENDED_STATES) {
        known += count(&format!(" WHERE state = '{state}'"))?;
    }
    let strange = count("")? - known;
    Ok((strange != 0).then(|| {
        format!(
            "{} jobs are in no state that exists",
            strange.unsigned_abs()
        )
    }))
}
