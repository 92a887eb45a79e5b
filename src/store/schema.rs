//! The tables of the journal, their format number, and the way from older numbers to this one.
//!
//! The journal's truth is `event`: append-only, numbered without gaps. Everything else can be made again from it, except the
//! log lines, the ledger and the content of `meta`. The format number changes with any change to the layout; a test holds it.

use crate::store::error::Error;
use rusqlite::Connection;

/// The number of the layout below. It goes up by one with any change, and `migrate` learns the step.
pub const FORMAT: i32 = 1;

/// `LEAF` in SQLite's header: the file is a journal of ours.
pub(crate) const APPLICATION: i32 = 0x4c45_4146;

/// The tables of format [`FORMAT`].
pub(crate) const LAYOUT: &str = "
CREATE TABLE meta(
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE event(
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  pipeline TEXT,
  job TEXT,
  path TEXT,
  rev INTEGER,
  kind TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX event_job ON event(job, seq) WHERE job IS NOT NULL;
CREATE INDEX event_pipeline ON event(pipeline, seq) WHERE pipeline IS NOT NULL;
CREATE INDEX event_path ON event(path, seq) WHERE path IS NOT NULL;
CREATE INDEX event_other ON event(at) WHERE job IS NULL;

CREATE TABLE job(
  id TEXT PRIMARY KEY,
  pipeline TEXT NOT NULL,
  state TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  finished INTEGER,
  changed INTEGER NOT NULL,
  name TEXT NOT NULL,
  folded TEXT NOT NULL,
  path TEXT NOT NULL,
  priority INTEGER NOT NULL,
  blake3 TEXT,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX job_changed ON job(changed, pipeline, folded);
CREATE INDEX job_path ON job(path, id);
CREATE INDEX job_content ON job(pipeline, blake3, id) WHERE blake3 IS NOT NULL;
CREATE INDEX job_finished ON job(finished, state) WHERE finished IS NOT NULL;
CREATE INDEX job_claiming ON job(changed, pipeline, folded) WHERE state = 'claiming';
CREATE INDEX job_queued ON job(changed, pipeline, folded) WHERE state = 'queued';
CREATE INDEX job_running ON job(changed, pipeline, folded) WHERE state = 'running';
CREATE INDEX job_waiting ON job(changed, pipeline, folded) WHERE state = 'waiting';
CREATE INDEX job_delivering ON job(changed, pipeline, folded) WHERE state = 'delivering';
CREATE INDEX job_succeeded ON job(changed, pipeline, folded) WHERE state = 'succeeded';
CREATE INDEX job_failed ON job(changed, pipeline, folded) WHERE state = 'failed';
CREATE INDEX job_cancelled ON job(changed, pipeline, folded) WHERE state = 'cancelled';

CREATE TABLE tally(
  pipeline TEXT NOT NULL,
  state TEXT NOT NULL,
  jobs INTEGER NOT NULL,
  PRIMARY KEY(pipeline, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE log(
  job TEXT NOT NULL,
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  level TEXT NOT NULL,
  step TEXT,
  message TEXT NOT NULL,
  PRIMARY KEY(job, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger(
  pipeline TEXT NOT NULL,
  relative TEXT NOT NULL,
  identity TEXT NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY(pipeline, relative)
) STRICT, WITHOUT ROWID;

CREATE TABLE revision(
  hash TEXT PRIMARY KEY,
  pipeline TEXT NOT NULL,
  yaml TEXT NOT NULL,
  first INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pipeline(
  id TEXT PRIMARY KEY,
  changed INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  revision TEXT,
  faults TEXT NOT NULL,
  removed INTEGER NOT NULL,
  paused TEXT,
  folder TEXT
) STRICT, WITHOUT ROWID;
";

/// What the caches and the durability of every connection rest on.
///
/// `cache_size` is small because a daemon at rest stays under 25 MiB; `mmap_size` is 0 so that an I/O error is an error and
/// not a signal.
pub(crate) fn tune(connection: &Connection, cache_kib: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "busy_timeout", 5_000)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(48);
    Ok(())
}

/// The writer's own settings: write-ahead log, one fsync a commit.
pub(crate) fn tune_writer(connection: &Connection) -> rusqlite::Result<()> {
    tune(connection, 2_048)?;
    // Only a file that is still empty takes it: `shrink` gives back what a journal does not need any more.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    connection.pragma_update(None, "journal_size_limit", 32 * 1024 * 1024)
}

/// Makes the tables in an empty file, in the caller's transaction: all or none of them.
pub(crate) fn create(connection: &Connection, epoch: &str) -> rusqlite::Result<()> {
    connection.execute_batch(LAYOUT)?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", FORMAT)?;
    for (key, value) in [("epoch", epoch), ("floor", "0"), ("clean", "1")] {
        set_meta(connection, key, value)?;
    }
    Ok(())
}

/// The name of each table of [`LAYOUT`] and the statement that made it, as SQLite keeps it.
pub(crate) fn tables() -> impl Iterator<Item = (&'static str, &'static str)> {
    let statements = LAYOUT.split(';').map(str::trim);
    statements.filter_map(|statement| {
        let (name, _) = statement.strip_prefix("CREATE TABLE ")?.split_once('(')?;
        Some((name, statement))
    })
}

/// Brings an older journal to [`FORMAT`].
///
/// # Errors
/// There is no step from its number.
pub(crate) fn migrate(from: i32) -> Result<(), Error> {
    // Format 1 is the first; a later format adds its step here, inside one transaction.
    if from == FORMAT {
        return Ok(());
    }
    Err(Error::Damaged(format!(
        "its format number is {from}, which no version has written"
    )))
}

/// One value of `meta`.
pub(crate) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    use rusqlite::OptionalExtension as _;
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Sets one value of `meta`.
pub(crate) fn set_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO meta(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value")?
        .execute([key, value])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every layout that has ever been released. A changed layout needs a new number, a line here and a step in `migrate`.
    const RELEASED: &[(i32, &str)] = &[(
        1,
        "7f88892bc4e6322544c2ab39004928c2d62006a21f8b2a8d89c764017990396a",
    )];

    #[test]
    fn a_commit_waits_for_the_disk() {
        let folder = tempfile::tempdir().expect("a temp folder");
        let connection = Connection::open(folder.path().join("x.db")).expect("opens");
        tune_writer(&connection).expect("tuned");
        let value = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        assert_eq!(value("synchronous").expect("read"), 2, "FULL");
        let mode: String = connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .expect("read");
        assert_eq!(mode, "wal");
    }

    #[test]
    fn a_changed_layout_has_a_new_number() {
        let hash = blake3::hash(LAYOUT.as_bytes()).to_hex().to_string();
        assert_eq!(
            RELEASED.last(),
            Some(&(FORMAT, hash.as_str())),
            "the layout changed: raise FORMAT, add the pair here, teach `migrate`, keep the old journals in tests/data"
        );
    }
}
