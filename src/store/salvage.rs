//! What can still be read in a journal that was kept aside, brought into the new one: jobs, what is to be left alone, pauses.
//!
//! Each table is read from both ends up to the first damage. A job's row is its last state, so a delivery that was under way
//! is finished by the rule of its state and nothing is processed twice. Events are not brought over: clients begin anew,
//! because what was told last may be among what is lost.

use crate::event::{Draft, Event, PipelineEvent};
use crate::job::state::Job;
use crate::store::error::{Error, writing};
use crate::store::row::upsert_job;
use crate::store::unit;
use rusqlite::{Connection, OpenFlags, Row, params};
use std::collections::BTreeMap;
use std::path::Path;

/// What was brought over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Jobs.
    pub jobs: usize,
    /// Files that are to be left alone until they change.
    pub ledger: usize,
    /// Pipelines that are paused.
    pub paused: usize,
    /// Whether everything could be read.
    pub whole: bool,
}

impl Salvaged {
    /// What was brought over, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let rest = if self.whole {
            ""
        } else {
            "; not all could be read"
        };
        format!(
            "{} jobs, {} notes on files that are to be left alone and {} pauses were brought over{rest}",
            self.jobs, self.ledger, self.paused
        )
    }
}

/// Rows by their key.
type Rows<T> = BTreeMap<String, T>;

/// Brings over what can be read, in one transaction.
pub(crate) fn salvage(into: &mut Connection, kept: &Path) -> Result<Salvaged, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(old) = Connection::open_with_flags(kept, flags) else {
        return Ok(Salvaged::default());
    };
    let (jobs, all_jobs) = rows(&old, "SELECT id, body FROM job ORDER BY id", |row| {
        Ok((row.get(0)?, row.get::<_, String>(1)?))
    });
    let (ledger, all_ledger) = rows(
        &old,
        "SELECT pipeline || char(0) || relative, pipeline, relative, identity, why FROM ledger ORDER BY pipeline, relative",
        |row| {
            Ok((
                row.get(0)?,
                [text(row, 1)?, text(row, 2)?, text(row, 3)?, text(row, 4)?],
            ))
        },
    );
    let (revisions, all_revisions) = rows(
        &old,
        "SELECT hash, pipeline, yaml, first FROM revision ORDER BY hash",
        |row| {
            Ok((
                row.get(0)?,
                (text(row, 1)?, text(row, 2)?, row.get::<_, i64>(3)?),
            ))
        },
    );
    let (pauses, all_pauses) = rows(&old, "SELECT id, paused FROM pipeline ORDER BY id", |row| {
        Ok((row.get(0)?, row.get::<_, Option<String>>(1)?))
    });
    let jobs: Vec<Job> = jobs
        .values()
        .filter_map(|body| serde_json::from_str(body).ok())
        .collect();
    let pauses: Vec<(String, String)> = pauses
        .into_iter()
        .filter_map(|(id, reason)| Some((id, reason?)))
        .collect();
    let salvaged = Salvaged {
        jobs: jobs.len(),
        ledger: ledger.len(),
        paused: pauses.len(),
        whole: all_jobs && all_ledger && all_revisions && all_pauses,
    };
    let transaction = into.transaction().map_err(writing)?;
    for job in &jobs {
        upsert_job(&transaction, job, 0)?;
        unit::count(&transaction, &job.accepted.pipeline, job.state.word(), 1).map_err(writing)?;
    }
    for row in ledger.values() {
        transaction
            .prepare_cached(
                "INSERT INTO ledger(pipeline, relative, identity, why) VALUES(?1, ?2, ?3, ?4)",
            )
            .and_then(|mut statement| statement.execute(rusqlite::params_from_iter(row)))
            .map_err(writing)?;
    }
    for (hash, (pipeline, yaml, first)) in &revisions {
        transaction
            .prepare_cached(
                "INSERT INTO revision(hash, pipeline, yaml, first) VALUES(?1, ?2, ?3, ?4)",
            )
            .and_then(|mut statement| statement.execute(params![hash, pipeline, yaml, first]))
            .map_err(writing)?;
    }
    let known = unit::Known::default();
    let drafts: Vec<Draft> = pauses.into_iter().map(paused).collect();
    unit::write(&transaction, [&known, &known], &drafts)?;
    transaction.commit().map_err(writing)?;
    Ok(salvaged)
}

fn paused((pipeline, reason): (String, String)) -> Draft {
    let what = PipelineEvent::Paused { reason };
    Draft::now(Event::Pipeline { pipeline, what })
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    row.get(column)
}

/// The rows of a question that ends with `ORDER BY`, read from both ends up to the first damage; whether there was none.
fn rows<T>(
    old: &Connection,
    question: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(String, T)>,
) -> (Rows<T>, bool) {
    let mut found = Rows::new();
    let backwards = question.replace(", relative", " DESC, relative");
    for question in [question.to_owned(), format!("{backwards} DESC")] {
        if some_rows(old, &question, &read, &mut found).is_ok() {
            return (found, true);
        }
    }
    (found, false)
}

fn some_rows<T>(
    old: &Connection,
    question: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(String, T)>,
    found: &mut Rows<T>,
) -> rusqlite::Result<()> {
    let mut statement = old.prepare(question)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, value) = read(row)?;
        found.insert(key, value);
    }
    Ok(())
}
