//! A journal with very many jobs: one that has ended is told of again and again, without the files.

use rusqlite::{Connection, params};
use std::path::Path;

/// Puts `count` more jobs like the last one that succeeded into the journal of a home whose daemon is stopped, the newest last. They
/// are named `scan-000001.pdf` and so on.
///
/// # Errors
/// There is no such job, or the journal cannot be written.
pub fn add(home: &Path, count: u32) -> Result<(), String> {
    let mut journal = crate::journal(&home.join("state/journal.db"));
    repeat(&mut journal, count).map_err(|error| format!("the journal: {error}"))
}

fn repeat(journal: &mut Connection, count: u32) -> rusqlite::Result<()> {
    let transaction = journal.transaction()?;
    let (id, pipeline, name): (String, String, String) = transaction.query_row(
        "SELECT id, pipeline, name FROM job WHERE state = 'succeeded' ORDER BY changed DESC LIMIT 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let head: u32 = transaction.query_row("SELECT MAX(seq) FROM event", [], |row| row.get(0))?;
    {
        let mut event = transaction.prepare(
            "INSERT INTO event(seq, at, pipeline, job, path, rev, kind, body)
             SELECT ?1, at, pipeline, ?2, replace(path, ?4, ?5), rev, kind, replace(replace(body, ?3, ?2), ?4, ?5)
             FROM event WHERE job = ?3 ORDER BY seq DESC LIMIT 1",
        )?;
        let mut job = transaction.prepare(
            "INSERT INTO job(id, pipeline, state, created, updated, finished, changed, name, folded, path, priority, blake3, body)
             SELECT ?2, pipeline, state, created, updated, finished, ?1, ?5, ?5, replace(path, ?4, ?5), priority, blake3,
                    replace(replace(body, ?3, ?2), ?4, ?5)
             FROM job WHERE id = ?3",
        )?;
        for number in 1..=count {
            // The time of the one that they are like, and the event's number in place of chance: a ULID, and no other one's.
            let new = format!("{}{:016}", &id[..10], head + number);
            let file = format!("scan-{number:06}.pdf");
            event.execute(params![head + number, new, id, name, file])?;
            job.execute(params![head + number, new, id, name, file])?;
        }
    }
    transaction.execute(
        "UPDATE tally SET jobs = jobs + ?1 WHERE pipeline = ?2 AND state = 'succeeded'",
        params![count, pipeline],
    )?;
    transaction.commit()
}
