//! Space that retention has left empty goes back to the file system.

use super::sample::*;
use crate::store::log::LogLine;
use crate::store::prune::Retention;
use crate::store::shrink::SPARE;
use crate::store::{Store, schema};
use crate::time::Timestamp;
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

const MIB: u64 = 1024 * 1024;
const JOBS: u64 = 160;

/// Jobs whose logs fill some 40 MiB.
async fn fill(store: &Store) {
    for n in 1..=JOBS {
        let (one, mut life) = (id(n), life(id(n), "scan", "/inbox/a.pdf", n as i64));
        let end = life.split_off(3);
        store.append(life).await.expect("appended");
        let line = || LogLine {
            at: Timestamp(1),
            level: "info".to_owned(),
            step: None,
            message: "x".repeat(4_000),
        };
        let lines = std::iter::repeat_with(line).take(60).collect();
        store.log(one, lines).await.expect("logged");
        store.append(end).await.expect("appended");
    }
}

/// Keeps the newest three jobs, and the file of the journal that has them then.
async fn keep_three(folder: &Path) -> u64 {
    let (store, _) = open(folder);
    store.shrink(SPARE).await.expect("nothing to give back");
    let keep = Retention {
        age: Duration::from_secs(1_000),
        jobs: 3,
        now: Timestamp(200),
    };
    assert_eq!(store.prune(keep).await.expect("pruned").jobs, JOBS - 3);
    store.shrink(SPARE).await.expect("shrunk");
    let at_work = size(folder);
    for n in [JOBS - 2, JOBS] {
        let lines = store.log_lines(id(n), 0, 1_000).await.expect("read");
        assert_eq!(lines.len(), 60);
    }
    drop(store);
    let journal = Connection::open(folder.join("journal.db")).expect("opens");
    let sound: String = journal
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("read");
    assert_eq!(sound, "ok");
    assert_eq!(
        size(folder),
        at_work,
        "it is not the end that makes it small"
    );
    at_work
}

fn size(folder: &Path) -> u64 {
    let journal = std::fs::metadata(folder.join("journal.db"));
    journal.expect("a journal").len()
}

#[tokio::test]
async fn a_journal_that_holds_little_is_small_again() {
    let folder = folder();
    let (store, _) = open(folder.path());
    fill(&store).await;
    drop(store);
    let full = size(folder.path());
    assert!(full > 36 * MIB, "{full}");
    let left = keep_three(folder.path()).await;
    assert!((16 * MIB..20 * MIB).contains(&left), "{full}, {left}");
}

/// Its pages stay, and nothing goes round in circles.
#[tokio::test]
async fn a_journal_of_earlier_versions_keeps_its_size() {
    let folder = folder();
    let file = folder.path().join("journal.db");
    let older = Connection::open(&file).expect("opens");
    older
        .execute_batch("PRAGMA auto_vacuum = NONE; PRAGMA journal_mode = WAL; BEGIN")
        .expect("made");
    schema::create(&older, "0badcafe").expect("made");
    older.execute_batch("COMMIT").expect("made");
    drop(older);
    let (store, opening) = open(folder.path());
    assert!(!opening.fresh);
    fill(&store).await;
    drop(store);
    let full = size(folder.path());
    assert_eq!(keep_three(folder.path()).await, full);
}
