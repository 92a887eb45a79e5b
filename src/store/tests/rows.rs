//! Rows that are damaged in a journal whose pages are whole: no start fails for one of them, and each is told.

use super::sample::*;
use crate::event::{Event, PipelineEvent};
use crate::store::Store;
use crate::store::ledger::LedgerEntry;
use crate::store::open::{Opening, SetAside};
use crate::store::query::{EventQuery, JobQuery};
use std::path::Path;

/// A journal with an ended job, an open one, a paused pipeline and a note; then this was done to its rows.
fn damaged(folder: &Path, sql: &str) -> (Store, Opening) {
    let (store, _) = open(folder);
    let runtime = runtime();
    let append = |unit| runtime.block_on(store.append(unit)).expect("appended");
    append(life(id(1), "scan", "/inbox/a.pdf", 7));
    let mut unit = life(id(2), "scan", "/inbox/b.pdf", 8);
    unit.truncate(3);
    append(unit);
    let reason = "lunch".to_owned();
    let what = PipelineEvent::Paused { reason };
    append(vec![at(
        9,
        Event::Pipeline {
            pipeline: "scan".to_owned(),
            what,
        },
    )]);
    let notes = ["kept.pdf", "other.pdf"].map(|name| LedgerEntry {
        pipeline: "scan".to_owned(),
        relative: Path::new(name).into(),
        identity: identity(3),
        blake3: None,
        why: "it is kept in place".to_owned(),
    });
    let put = store.ledger_put(notes.to_vec());
    runtime.block_on(put).expect("put");
    runtime.block_on(store.close());
    let journal = rusqlite::Connection::open(folder.join("journal.db")).expect("opens");
    journal.execute_batch(sql).expect("damaged");
    drop(journal);
    open(folder)
}

fn open_jobs(opening: &Opening) -> Vec<crate::job::id::JobId> {
    opening.open_jobs.iter().map(|job| job.id).collect()
}

#[test]
fn a_job_whose_row_is_damaged_is_made_again_from_its_events() {
    for damage in [
        "replace(body, '\"id\":', '\"id\"z')",
        "CAST(CAST(substr(body, 1, 20) AS BLOB) || x'ff' AS TEXT)",
    ] {
        let folder = folder();
        let sql = format!("UPDATE job SET body = {damage}");
        let (store, opening) = damaged(folder.path(), &sql);
        assert_eq!(open_jobs(&opening), [id(2)], "{damage}");
        assert_eq!(opening.open_jobs[0].rev, 3);
        assert!(opening.set_aside.is_none());
        let told = opening.mended.join(" ");
        assert!(told.contains("was made again from its events"), "{told}");
        let page = runtime().block_on(store.jobs(JobQuery::default()));
        let page = page.expect("listed");
        assert_eq!(page.jobs.len(), 2, "the ended one, too");
        runtime().block_on(store.close());
        let (_, again) = open(folder.path());
        assert!(again.mended.is_empty(), "its row is whole again");
    }
}

#[test]
fn a_job_that_cannot_be_read_at_all_goes_out_of_the_list_and_its_text_is_kept() {
    let folder = folder();
    let sql = "UPDATE job SET body = 'z' || body; UPDATE event SET body = 'z' || body";
    let (store, opening) = damaged(folder.path(), sql);
    assert!(open_jobs(&opening).is_empty());
    assert!(opening.mended[0].contains("goes back to its inbox"));
    let runtime = runtime();
    assert!(runtime.block_on(store.job(id(2))).expect("read").is_none());
    let jobs = runtime.block_on(store.jobs(JobQuery::default()));
    assert!(jobs.expect("listed").jobs.is_empty());
    let counts = runtime.block_on(store.counts()).expect("counted");
    assert!(!counts["scan"].contains_key("running"), "{counts:?}");
    runtime.block_on(store.close());
    let journal = rusqlite::Connection::open(folder.path().join("journal.db")).expect("opens");
    let kept: String = journal
        .query_row(
            "SELECT value FROM meta WHERE key = 'unread/job/' || ?1",
            [id(2).to_string()],
            |row| row.get(0),
        )
        .expect("kept");
    assert!(kept.starts_with("z{"), "{kept}");
}

#[test]
fn a_job_whose_id_is_damaged_is_mended_once() {
    let id_is = "id = CAST(CAST(substr(id, 1, 5) AS BLOB) || x'ff' AS TEXT)";
    for (body, open_then) in [("body", vec![id(2)]), ("'z' || body", Vec::new())] {
        let folder = folder();
        let sql = format!("UPDATE job SET {id_is}, body = {body} WHERE state = 'running'");
        let (store, opening) = damaged(folder.path(), &sql);
        assert_eq!(open_jobs(&opening), open_then, "{body}");
        assert_eq!(opening.mended.len(), 1, "{:?}", opening.mended);
        runtime().block_on(store.close());
        let (store, again) = open(folder.path());
        assert!(again.mended.is_empty(), "{:?}", again.mended);
        assert_eq!(open_jobs(&again), open_then, "{body}");
        let counts = runtime().block_on(store.counts()).expect("counted");
        let running = counts["scan"].get("running").copied().unwrap_or(0);
        assert_eq!(usize::try_from(running).expect("few"), open_then.len());
    }
}

#[test]
fn a_damaged_note_is_dropped_and_the_others_stay() {
    for damage in [
        "identity = replace(identity, '{', 'z')",
        "relative = CAST(x'6bff' AS TEXT)",
    ] {
        let folder = folder();
        let sql = format!("UPDATE ledger SET {damage} WHERE relative = 'kept.pdf'");
        let (store, opening) = damaged(folder.path(), &sql);
        assert_eq!(opening.ledger.len(), 1, "{damage}");
        assert_eq!(opening.ledger[0].relative, Path::new("other.pdf").into());
        assert!(opening.mended[0].contains("is looked at again"));
        runtime().block_on(store.close());
        assert!(open(folder.path()).1.mended.is_empty());
    }
}

#[test]
fn a_damaged_pipeline_stays_paused() {
    let folder = folder();
    let sql = "UPDATE pipeline SET folder = 'x', faults = 'x', paused = CAST(x'6cff' AS TEXT)";
    let (_store, opening) = damaged(folder.path(), sql);
    let row = &opening.pipelines[0];
    assert!(row.paused.is_some() && row.faults.is_empty() && row.folder.is_none());
    assert!(opening.mended[0].contains("pipeline `scan`"));
}

#[test]
fn a_missing_table_and_a_state_that_does_not_exist_are_damage() {
    let aside = |sql: &str| {
        let folder = folder();
        let (_store, opening) = damaged(folder.path(), sql);
        let SetAside {
            reason, salvaged, ..
        } = opening.set_aside.clone().expect("set aside");
        (reason, salvaged, open_jobs(&opening))
    };
    let (reason, salvaged, _) = aside("DROP TABLE job");
    assert!(reason.contains("`job`"), "{reason}");
    assert_eq!(
        (salvaged.ledger, salvaged.paused, salvaged.whole),
        (2, 1, false)
    );
    let (reason, salvaged, open) = aside("UPDATE job SET state = 'weird'");
    assert!(reason.contains("no state that exists"), "{reason}");
    assert_eq!((salvaged.jobs, salvaged.whole), (2, true));
    assert_eq!(open, [id(2)], "its own text says where it stands");
}

#[test]
fn history_passes_over_events_that_cannot_be_read() {
    let folder = folder();
    let sql = "UPDATE event SET body = 'z' || body WHERE seq IN (2, 3); UPDATE event SET body = CAST(x'ff' AS TEXT) WHERE seq = 4";
    let (store, _) = damaged(folder.path(), sql);
    let query = |limit| EventQuery {
        limit,
        ..EventQuery::default()
    };
    let events = runtime().block_on(store.events(query(2))).expect("read");
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, [1, 5], "a page is full of what can be read");
}
