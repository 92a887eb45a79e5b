//! Files that are to be left alone until they change: what was declined, refused or put back, by identity.

use crate::job::event::Identity;
use crate::raw_path::RawPath;
use crate::store::Store;
use crate::store::error::{Error, writing};
use crate::store::row::bytes;
use crate::store::writer::Work;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A file that is left where it lies until it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The pipeline whose folder holds it.
    pub pipeline: String,
    /// The path below the watched folder.
    pub relative: RawPath,
    /// Who the file was.
    pub identity: Identity,
    /// BLAKE3 of its content, in hex, where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
    /// Why it is left.
    pub why: String,
}

/// Who a file was, as the ledger has it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Who {
    #[serde(flatten)]
    pub(crate) identity: Identity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) blake3: Option<String>,
}

impl LedgerEntry {
    /// Stands for the folder itself: what lies there has not been seen to the end yet, and is to be left (`existing: ignore`). Earlier
    /// versions leave a file without a name, which there is none of.
    #[must_use]
    pub fn unscanned(pipeline: &str) -> Self {
        Self {
            pipeline: pipeline.to_owned(),
            relative: RawPath::from(Path::new("")),
            identity: Identity {
                device: 0,
                inode: 0,
                size: 0,
                mtime_ns: 0,
                ctime_ns: 0,
            },
            blake3: None,
            why: "the first scan has not ended (`existing: ignore`)".to_owned(),
        }
    }

    /// Whether it stands for the folder itself.
    #[must_use]
    pub fn is_unscanned(&self) -> bool {
        self.relative.0.as_os_str().is_empty()
    }
}

impl Store {
    /// The first scan of a pipeline's folder has ended: these files are to be left. All of it or nothing.
    ///
    /// # Errors
    /// `Full`, `Broken`, `Closed`.
    pub fn ledger_scanned(
        &self,
        pipeline: String,
        entries: Vec<LedgerEntry>,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let relative = LedgerEntry::unscanned(&pipeline).relative;
        let scanned = LedgerChange::Delete { pipeline, relative };
        let puts = entries.into_iter().map(LedgerChange::Put);
        self.done(Work::Ledger(puts.chain([scanned]).collect()))
    }
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
    let who = Who {
        identity: entry.identity,
        blake3: entry.blake3.clone(),
    };
    let identity = serde_json::to_string(&who).map_err(|source| Error::Unreadable {
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

/// An entry that cannot be read: its key as it stands, and why.
#[derive(Debug)]
pub(crate) struct Illegible {
    pub(crate) pipeline: Vec<u8>,
    pub(crate) relative: Vec<u8>,
    pub(crate) why: String,
}

/// The entries of one pipeline, or all, that can be read.
pub(crate) fn list(
    connection: &Connection,
    pipeline: Option<&str>,
) -> Result<Vec<LedgerEntry>, Error> {
    Ok(legible(connection, pipeline)?.0)
}

/// The entries of one pipeline, or all; those that cannot be read by themselves.
pub(crate) fn legible(
    connection: &Connection,
    pipeline: Option<&str>,
) -> Result<(Vec<LedgerEntry>, Vec<Illegible>), Error> {
    let rows: Vec<[Vec<u8>; 4]> = connection
        .prepare_cached(
            "SELECT pipeline, relative, identity, why FROM ledger WHERE ?1 IS NULL OR pipeline = ?1 ORDER BY pipeline, relative",
        )
        .and_then(|mut statement| {
            statement
                .query_map([pipeline], |row| {
                    Ok([bytes(row, 0)?, bytes(row, 1)?, bytes(row, 2)?, bytes(row, 3)?])
                })?
                .collect()
        })
        .map_err(crate::store::error::reading)?;
    let (mut entries, mut illegible) = (Vec::with_capacity(rows.len()), Vec::new());
    for [pipeline, relative, identity, why] in rows {
        match entry([&pipeline, &relative, &identity, &why]) {
            Ok(entry) => entries.push(entry),
            Err(why) => illegible.push(Illegible {
                pipeline,
                relative,
                why,
            }),
        }
    }
    Ok((entries, illegible))
}

/// An entry from its row.
///
/// # Errors
/// What of it makes no sense.
pub(crate) fn entry(
    [pipeline, relative, identity, why]: [&[u8]; 4],
) -> Result<LedgerEntry, String> {
    let text = |bytes| std::str::from_utf8(bytes).map_err(|error| error.to_string());
    let who: Who = serde_json::from_slice(identity).map_err(|error| error.to_string())?;
    Ok(LedgerEntry {
        pipeline: text(pipeline)?.to_owned(),
        relative: RawPath::decode(text(relative)?),
        identity: who.identity,
        blake3: who.blake3,
        why: String::from_utf8_lossy(why).into_owned(),
    })
}
