//! Files that are to be left alone until they change: what was declined, refused or put back, by identity.

use crate::job::event::Identity;
use crate::raw_path::RawPath;
use crate::store::error::{Error, writing};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// A file that is left where it lies until it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The pipeline whose folder holds it.
    pub pipeline: String,
    /// The path below the watched folder.
    pub relative: RawPath,
    /// Who the file was.
    pub identity: Identity,
    /// Why it is left.
    pub why: String,
}

/// A change of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LedgerChange {
    /// An entry, in place of the one of the same file.
    Put(LedgerEntry),
    /// No entry any more.
    Delete { pipeline: String, relative: RawPath },
    /// No entries of a pipeline any more.
    Clear { pipeline: String },
}

pub(crate) fn change(connection: &Connection, change: &LedgerChange) -> Result<(), Error> {
    match change {
        LedgerChange::Put(entry) => put(connection, entry),
        LedgerChange::Delete { pipeline, relative } => connection
            .prepare_cached("DELETE FROM ledger WHERE pipeline = ?1 AND relative = ?2")
            .and_then(|mut statement| statement.execute(params![pipeline, relative.encode()]))
            .map(drop)
            .map_err(writing),
        LedgerChange::Clear { pipeline } => connection
            .prepare_cached("DELETE FROM ledger WHERE pipeline = ?1")
            .and_then(|mut statement| statement.execute([pipeline]))
            .map(drop)
            .map_err(writing),
    }
}

fn put(connection: &Connection, entry: &LedgerEntry) -> Result<(), Error> {
    let identity = serde_json::to_string(&entry.identity).map_err(|source| Error::Unreadable {
        what: "a ledger entry".to_owned(),
        source,
    })?;
    connection
        .prepare_cached(
            "INSERT INTO ledger(pipeline, relative, identity, why) VALUES(?1, ?2, ?3, ?4)
             ON CONFLICT(pipeline, relative) DO UPDATE SET identity = excluded.identity, why = excluded.why",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                entry.pipeline,
                entry.relative.encode(),
                identity,
                entry.why
            ])
        })
        .map_err(writing)?;
    Ok(())
}

/// The entries of one pipeline, or all.
pub(crate) fn list(
    connection: &Connection,
    pipeline: Option<&str>,
) -> Result<Vec<LedgerEntry>, Error> {
    let rows: Vec<(String, String, String, String)> = connection
        .prepare_cached(
            "SELECT pipeline, relative, identity, why FROM ledger WHERE ?1 IS NULL OR pipeline = ?1 ORDER BY pipeline, relative",
        )
        .and_then(|mut statement| {
            statement
                .query_map([pipeline], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect()
        })
        .map_err(crate::store::error::reading)?;
    rows.into_iter()
        .map(|(pipeline, relative, identity, why)| {
            let identity = serde_json::from_str(&identity).map_err(|source| Error::Unreadable {
                what: format!("the ledger entry `{relative}`"),
                source,
            })?;
            Ok(LedgerEntry {
                pipeline,
                relative: RawPath::decode(&relative),
                identity,
                why,
            })
        })
        .collect()
}
