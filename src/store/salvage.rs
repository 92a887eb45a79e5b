//! What can still be read in a journal that was kept aside, brought into the new one: jobs, what is to be left alone, pauses.
//!
//! Each table is read from both ends up to the first damage. A job's row is its last state, so a delivery that was under way
//! is finished by the rule of its state and nothing is processed twice. Events are not brought over: clients begin anew,
//! because what was told last may be among what is lost.

use crate::event::{Draft, Event, PipelineEvent};
use crate::job::state::Job;
use crate::store::error::{Error, writing};
use crate::store::ledger::{self, LedgerChange, LedgerEntry};
use crate::store::row::{bytes, parse_job, some_text, text, upsert_job};
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

/// Brings over what can be read, in the caller's transaction.
pub(crate) fn salvage(into: &Connection, kept: &Path) -> Result<Salvaged, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(old) = Connection::open_with_flags(kept, flags) else {
        return Ok(Salvaged::default());
    };
    // By `rowid`: a damaged index does not matter then.
    let (jobs, all_jobs) = rows(&old, "SELECT id, body FROM job", &["rowid"], |row| {
        Ok((text(row, 0)?, bytes(row, 1)?))
    });
    let (ledger, all_ledger) = rows(
        &old,
        "SELECT pipeline || char(0) || relative, pipeline, relative, identity, why FROM ledger",
        &["pipeline", "relative"],
        |row| {
            Ok((
                text(row, 0)?,
                [
                    bytes(row, 1)?,
                    bytes(row, 2)?,
                    bytes(row, 3)?,
                    bytes(row, 4)?,
                ],
            ))
        },
    );
    let (revisions, all_revisions) = rows(
        &old,
        "SELECT hash, pipeline, yaml, first FROM revision",
        &["hash"],
        |row| {
            Ok((
                text(row, 0)?,
                (text(row, 1)?, text(row, 2)?, row.get::<_, i64>(3)?),
            ))
        },
    );
    let (pauses, all_pauses) = rows(&old, "SELECT id, paused FROM pipeline", &["id"], |row| {
        Ok((text(row, 0)?, some_text(row, 1)?))
    });
    // A row whose text makes no sense is left out; a job is then made again from its events if that can be done.
    let rows_read = jobs.len() + ledger.len();
    let jobs: Vec<Job> = jobs
        .iter()
        .filter_map(|(id, body)| parse_job(&old, id, body).ok())
        .collect();
    let ledger: Vec<LedgerEntry> = ledger
        .values()
        .filter_map(|row| ledger::entry(row.each_ref().map(Vec::as_slice)).ok())
        .collect();
    let all_understood = jobs.len() + ledger.len() == rows_read;
    let pauses: Vec<(String, String)> = pauses
        .into_iter()
        .filter_map(|(id, reason)| Some((id, reason?)))
        .collect();
    let salvaged = Salvaged {
        jobs: jobs.len(),
        ledger: ledger.len(),
        paused: pauses.len(),
        whole: all_jobs && all_ledger && all_revisions && all_pauses && all_understood,
    };
    for job in &jobs {
        upsert_job(into, job, 0)?;
        unit::count(into, &job.accepted.pipeline, job.state.word(), 1).map_err(writing)?;
    }
    for entry in ledger {
        ledger::change(into, &LedgerChange::Put(entry))?;
    }
    for (hash, (pipeline, yaml, first)) in &revisions {
        into.prepare_cached(
            "INSERT INTO revision(hash, pipeline, yaml, first) VALUES(?1, ?2, ?3, ?4)",
        )
        .and_then(|mut statement| statement.execute(params![hash, pipeline, yaml, first]))
        .map_err(writing)?;
    }
    let known = unit::Known::default();
    let drafts: Vec<Draft> = pauses.into_iter().map(paused).collect();
    unit::write(into, [&known, &known], &drafts)?;
    Ok(salvaged)
}

fn paused((pipeline, reason): (String, String)) -> Draft {
    let what = PipelineEvent::Paused { reason };
    Draft::now(Event::Pipeline { pipeline, what })
}

/// The rows of a question, read from both ends of their order up to the first damage; whether there was none.
fn rows<T>(
    old: &Connection,
    question: &str,
    order: &[&str],
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(String, T)>,
) -> (Rows<T>, bool) {
    let mut found = Rows::new();
    for direction in ["", " DESC"] {
        let order = order.join(&format!("{direction}, "));
        let question = format!("{question} ORDER BY {order}{direction}");
        if let Ok(all) = some_rows(old, &question, &read, &mut found) {
            return (found, all);
        }
    }
    (found, false)
}

/// Rows up to the first that SQLite cannot give; whether all of them made sense.
fn some_rows<T>(
    old: &Connection,
    question: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(String, T)>,
    found: &mut Rows<T>,
) -> rusqlite::Result<bool> {
    let mut statement = old.prepare(question)?;
    let mut rows = statement.query([])?;
    let mut all = true;
    while let Some(row) = rows.next()? {
        match read(row) {
            Ok((key, value)) => _ = found.insert(key, value),
            Err(_) => all = false,
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    #[test]
    fn all_but_the_damage_is_read_from_both_ends() {
        let old = Connection::open_in_memory().expect("opens");
        schema::create(&old, "00000000").expect("tables");
        for (pipeline, relative) in [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")] {
            old.execute(
                "INSERT INTO ledger VALUES(?1, ?2, '', '')",
                [pipeline, relative],
            )
            .expect("written");
        }
        let question = "SELECT pipeline || relative, pipeline, relative FROM ledger";
        let but = |damaged: &str| {
            let (found, whole) = rows(&old, question, &["pipeline", "relative"], |row| {
                let key = text(row, 0)?;
                if key == damaged {
                    return Err(rusqlite::Error::InvalidQuery);
                }
                Ok((key, ()))
            });
            (found.into_keys().collect::<Vec<_>>().join(" "), whole)
        };
        assert_eq!(but(""), ("a1 a2 b1 b2".to_owned(), true));
        assert_eq!(but("a1"), ("a2 b1 b2".to_owned(), false));
        assert_eq!(but("a2"), ("a1 b1 b2".to_owned(), false));
        assert_eq!(but("b2"), ("a1 a2 b1".to_owned(), false));
    }
}
