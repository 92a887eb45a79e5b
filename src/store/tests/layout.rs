//! Journals of earlier versions load.

use super::sample::*;
use crate::store::query::EventQuery;

/// Written by the first version: three jobs (one running, one waiting for its attempt, one done), a pipeline, a ledger entry.
const V1: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/data/journal-v1.sql"
));

#[tokio::test]
async fn a_journal_of_format_1_loads() {
    let folder = folder();
    let connection = rusqlite::Connection::open(folder.path().join("journal.db")).expect("opens");
    connection.execute_batch(V1).expect("the old journal");
    drop(connection);
    let (store, opening) = open(folder.path());
    assert!(
        opening.set_aside.is_none() && !opening.fresh && !opening.clean,
        "{opening:?}"
    );
    assert_eq!((opening.epoch.as_str(), opening.head), ("7f3a9c1e", 14));
    let states: Vec<_> = opening
        .open_jobs
        .iter()
        .map(|job| job.state.word())
        .collect();
    assert_eq!(states, ["running", "queued"]);
    assert_eq!(opening.pipelines[0].paused.as_deref(), Some("lunch"));
    assert_eq!(opening.ledger.len(), 1);
    let events = store
        .events(EventQuery {
            limit: 100,
            ..Default::default()
        })
        .await
        .expect("read");
    assert_eq!(events.len(), 14);
    let next = store
        .append(vec![of(id(2), started(1))])
        .await
        .expect("it goes on");
    assert_eq!(next[0].seq, 15);
}
