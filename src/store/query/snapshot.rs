//! The state of things at one event, and the pipelines' part of it.

use crate::job::state::Job;
use crate::store::error::{Error, reading};
use crate::store::query::history::{head, last_of_file};
use crate::store::query::jobs::{at_path, bodies, counts};
use crate::store::query::{Counts, PipelineRow, Scope, Snapshot};
use crate::store::row::{bytes, load_job, some_text, text, unsigned};
use crate::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

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
            at_path(connection, path, SNAPSHOT_ENDED)?
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

/// Every pipeline's last state.
pub(crate) fn pipelines(connection: &Connection) -> Result<Vec<PipelineRow>, Error> {
    Ok(legible(connection)?.0)
}

/// Pipelines, and those of which something cannot be read, with why.
type Legible = (Vec<PipelineRow>, Vec<(String, String)>);

/// Every pipeline's last state; those of which something cannot be read are told, with why, and come without it.
pub(crate) fn legible(connection: &Connection) -> Result<Legible, Error> {
    let mut statement = connection
        .prepare_cached("SELECT id, changed, updated, revision, faults, removed, paused, folder FROM pipeline ORDER BY id")
        .map_err(reading)?;
    let mut rows = statement.query([]).map_err(reading)?;
    let (mut found, mut illegible) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next().map_err(reading)? {
        let (row, why) = pipeline(row).map_err(reading)?;
        illegible.extend(why.map(|why| (row.id.clone(), why)));
        found.push(row);
    }
    Ok((found, illegible))
}

fn pipeline(row: &rusqlite::Row<'_>) -> rusqlite::Result<(PipelineRow, Option<String>)> {
    let faults = serde_json::from_slice(&bytes(row, 4)?);
    let folder = row.get_ref(7)?.as_bytes_or_null()?;
    let folder = folder.map(serde_json::from_slice).transpose();
    let why = faults.as_ref().err().or(folder.as_ref().err());
    let why = why.map(ToString::to_string);
    let row = PipelineRow {
        id: text(row, 0)?,
        changed: unsigned(row.get(1)?),
        updated: Timestamp(row.get(2)?),
        revision: some_text(row, 3)?,
        faults: faults.unwrap_or_default(),
        removed: row.get(5)?,
        // Whatever is left of the reason: it stays paused.
        paused: some_text(row, 6)?,
        folder: folder.unwrap_or_default(),
    };
    Ok((row, why))
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

/// Whether a pipeline was ever there, removed ones included.
pub(crate) fn has_pipeline(connection: &Connection, id: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS(SELECT 1 FROM pipeline WHERE id = ?1)")?
        .query_row([id], |row| row.get(0))
}
