//! Files that are not ours, damaged, newer, locked: never an empty start in silence.

use super::sample::*;
use crate::store::Store;
use crate::store::error::Error;
use crate::store::ledger::LedgerEntry;
use crate::store::query::EventQuery;
use std::fs;

#[tokio::test]
async fn a_second_daemon_is_refused_and_told_who_holds_the_home() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let error = Store::open(&config(folder.path()), Box::new(|_| {})).expect_err("locked");
    assert!(
        matches!(error, Error::Locked { pid: Some(pid), .. } if pid == std::process::id()),
        "{error}"
    );
    store.close().await;
    open(folder.path());
}

#[test]
fn what_is_not_a_journal_is_kept_aside_and_told() {
    let foreign = |path: &std::path::Path| {
        let connection = rusqlite::Connection::open(path).expect("opens");
        connection
            .execute_batch("CREATE TABLE photos(x)")
            .expect("made");
    };
    type Make<'a> = &'a dyn Fn(&std::path::Path);
    let cases: [(&str, Make<'_>, &str); 3] = [
        (
            "text",
            &|path| fs::write(path, "x".repeat(5_000)).expect("written"),
            "not a database",
        ),
        ("another program's", &foreign, "another program"),
        (
            "cut off",
            &|path| {
                let folder = path.parent().expect("a folder");
                let (store, _) = open(folder);
                runtime()
                    .block_on(store.append(life(id(1), "scan", "/inbox/a.pdf", 7)))
                    .expect("appended");
                drop(store);
                let bytes = fs::read(path).expect("read");
                fs::write(path, &bytes[..bytes.len() / 2]).expect("cut");
            },
            "malformed",
        ),
    ];
    for (name, make, reason) in cases {
        let folder = folder();
        let path = folder.path().join("journal.db");
        make(&path);
        let before = fs::read(&path).expect("read");
        let (_store, opening) = open(folder.path());
        let aside = opening.set_aside.unwrap_or_else(|| panic!("{name}: told"));
        assert!(aside.reason.contains(reason), "{name}: {}", aside.reason);
        assert_eq!(fs::read(&aside.kept).expect("kept"), before, "{name}");
        let kept = aside
            .kept
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(
            kept.starts_with("journal-") && kept.ends_with(".damaged"),
            "{kept}"
        );
        assert!(opening.fresh && opening.head == 0);
    }
}

#[test]
fn what_can_be_read_of_a_damaged_journal_is_brought_over() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let runtime = runtime();
    for n in 1..400 {
        let mut unit = life(id(n), "scan", "/inbox/a.pdf", 7);
        unit.truncate(3);
        runtime.block_on(store.append(unit)).expect("appended");
    }
    let kept = LedgerEntry {
        pipeline: "scan".to_owned(),
        relative: std::path::Path::new("kept.pdf").into(),
        identity: identity(3),
        blake3: Some("ab".repeat(32)),
        why: "it is kept in place".to_owned(),
    };
    runtime
        .block_on(store.ledger_put(vec![kept.clone()]))
        .expect("put");
    runtime.block_on(store.close());
    let path = folder.path().join("journal.db");
    let connection = rusqlite::Connection::open(&path).expect("opens");
    connection
        .execute("UPDATE meta SET value = '0' WHERE key = 'clean'", [])
        .expect("as after a crash");
    let page: u32 = connection
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'event_path'",
            [],
            |row| row.get(0),
        )
        .expect("an index");
    drop(connection);
    let mut bytes = fs::read(&path).expect("read");
    let at = (page as usize - 1) * 4_096;
    bytes[at..at + 4_096].fill(0xa5);
    fs::write(&path, bytes).expect("spoilt");
    let (store, opening) = open(folder.path());
    let aside = opening.set_aside.expect("told");
    assert_eq!((aside.salvaged.jobs, aside.salvaged.ledger), (399, 1));
    assert!(aside.salvaged.whole, "only an index was damaged");
    assert_eq!(opening.ledger, [kept]);
    assert_eq!(opening.open_jobs.len(), 399, "each goes on where it was");
    let next = runtime
        .block_on(store.append(vec![of(id(7), step_started())]))
        .expect("it goes on");
    assert_eq!(next[0].seq, opening.head + 1);
}

#[test]
fn a_journal_that_is_gone_or_empty_is_told_where_a_daemon_has_lived() {
    for empty in [false, true] {
        let folder = folder();
        let (store, opening) = open(folder.path());
        assert!(!opening.missing, "the first start of all");
        drop(store);
        let path = folder.path().join("journal.db");
        fs::remove_file(&path).expect("removed");
        if empty {
            fs::write(&path, "").expect("emptied");
        }
        let (_store, opening) = open(folder.path());
        assert!(opening.fresh && opening.missing, "{empty}");
    }
}

#[test]
fn a_page_gone_wrong_is_found_after_an_unclean_end() {
    let folder = folder();
    let (store, opening) = open(folder.path());
    let runtime = runtime();
    for n in 1..200 {
        runtime
            .block_on(store.append(life(id(n), "scan", "/inbox/a.pdf", 7)))
            .expect("appended");
    }
    drop(store);
    let path = folder.path().join("journal.db");
    let connection = rusqlite::Connection::open(&path).expect("opens");
    connection
        .execute("UPDATE meta SET value = '0' WHERE key = 'clean'", [])
        .expect("as after a crash");
    drop(connection);
    let mut bytes = fs::read(&path).expect("read");
    let middle = bytes.len() / 2 / 4_096 * 4_096;
    bytes[middle..middle + 4_096].fill(0xa5);
    fs::write(&path, bytes).expect("spoilt");
    let (_store, second) = open(folder.path());
    assert!(second.set_aside.is_some());
    assert_ne!(
        second.epoch, opening.epoch,
        "old cursors are meaningless now"
    );
}

#[test]
fn a_newer_journal_is_left_untouched() {
    let folder = folder();
    drop(open(folder.path()));
    let path = folder.path().join("journal.db");
    let connection = rusqlite::Connection::open(&path).expect("opens");
    connection
        .pragma_update(None, "user_version", 99)
        .expect("from the future");
    drop(connection);
    let before = fs::read(&path).expect("read");
    let error = Store::open(&config(folder.path()), Box::new(|_| {})).expect_err("refused");
    assert!(matches!(error, Error::Newer { found: 99, .. }), "{error}");
    assert_eq!(fs::read(&path).expect("read"), before);
}

#[test]
fn an_interrupted_making_is_made_again() {
    let folder = folder();
    let path = folder.path().join("journal.db");
    let connection = rusqlite::Connection::open(&path).expect("opens");
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .expect("the first page is written");
    drop(connection);
    let (_store, opening) = open(folder.path());
    assert!(opening.fresh && opening.set_aside.is_none());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    let error =
        Store::open(&config(&file.join("state")), Box::new(|_| {})).expect_err("not a folder");
    assert!(error.to_string().contains("file/state"), "{error}");
}

#[tokio::test]
async fn the_epoch_stays_and_an_unclean_end_is_told() {
    let folder = folder();
    let (store, first) = open(folder.path());
    assert!(first.fresh && first.head == 0);
    store
        .append(vec![of(id(1), accepted("scan", "/inbox/a.pdf"))])
        .await
        .expect("appended");
    // As a copy taken by a power cut: nothing was closed.
    let other = super::sample::folder();
    for name in ["journal.db", "journal.db-wal"] {
        fs::copy(folder.path().join(name), other.path().join(name)).expect("copied");
    }
    let (copy, second) = open(other.path());
    assert!(!second.clean && !second.fresh);
    assert_eq!(
        (second.epoch, second.head, second.open_jobs.len()),
        (first.epoch, 1, 1)
    );
    let events = copy
        .events(EventQuery {
            limit: 10,
            ..Default::default()
        })
        .await
        .expect("read");
    assert_eq!(events.len(), 1);
}

/// A disk that fails under the journal: nothing is acknowledged any more, and the daemon is told to stop.
#[tokio::test]
async fn a_failing_disk_breaks_the_store_for_good() {
    let folder = folder();
    let (store, _) = open(folder.path());
    store
        .append(life(id(1), "scan", "/inbox/a.pdf", 7))
        .await
        .expect("appended");
    drop(store);
    let (store, _) = open(folder.path());
    // The pages are gone from under it.
    let file = fs::File::options()
        .write(true)
        .open(folder.path().join("journal.db"))
        .expect("opens");
    file.set_len(4_096).expect("cut off");
    for _ in 0..2 {
        let error = store
            .append(vec![of(id(1), asked_again())])
            .await
            .expect_err("not written");
        assert!(matches!(error, Error::Broken(_)), "{error}");
    }
    assert!(store.health().broken);
    let good = store
        .append(vec![of(id(2), accepted("scan", "/inbox/b.pdf"))])
        .await;
    assert!(
        matches!(good, Err(Error::Broken(_))),
        "what is on the disk is not known any more"
    );
    drop(store);
    let (_store, opening) = open(folder.path());
    assert!(opening.set_aside.is_some());
}
