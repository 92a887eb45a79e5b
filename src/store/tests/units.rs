//! Units: all or nothing, numbered without gaps, projections in step with the events.

use super::sample::*;
use crate::event::{DaemonEvent, Event, PipelineEvent, WatchEvent};
use crate::raw_path::RawPath;
use crate::store::Store;
use crate::store::error::Error;
use crate::store::log::{LogLine, MAX_LINES, MAX_MESSAGE};
use crate::store::query::EventQuery;
use crate::store::row;
use crate::time::Timestamp;
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;

fn all() -> EventQuery {
    EventQuery {
        limit: 1_000_000,
        ..Default::default()
    }
}

#[tokio::test]
async fn an_event_comes_back_as_it_went_in() {
    let folder = folder();
    let (store, heard) = open_hearing(folder.path());
    let draft = of(id(1), accepted("scan", "/inbox/ä.pdf"));
    let stored = store.append(vec![draft.clone()]).await.expect("appended");
    assert_eq!(stored[0].event, draft.event);
    assert_eq!(
        (stored[0].seq, stored[0].rev, stored[0].pipeline.as_deref()),
        (1, Some(1), Some("scan"))
    );
    assert_eq!(*heard.lock().expect("no panic"), stored);
    assert_eq!(store.events(all()).await.expect("read"), stored);
}

#[tokio::test]
async fn a_bad_unit_fails_alone_and_leaves_no_trace() {
    let folder = folder();
    let (store, heard) = open_hearing(folder.path());
    // Enqueued together, so that they share transactions.
    let good = store.append(vec![of(id(1), accepted("scan", "/inbox/a.pdf"))]);
    let bad = store.append(vec![
        of(id(2), accepted("scan", "/inbox/b.pdf")),
        of(id(1), succeeded()),
    ]);
    let unknown = store.append(vec![of(id(9), queued("x"))]);
    let twice = store.append(vec![of(id(1), accepted("scan", "/inbox/a.pdf"))]);
    let after = store.append(vec![of(id(1), queued("c0ffee"))]);
    assert_eq!(good.await.expect("good")[0].seq, 1);
    let error = bad.await.expect_err("a claimed job has not succeeded");
    assert!(matches!(error, Error::Impossible(_)), "{error}");
    assert!(matches!(unknown.await, Err(Error::UnknownJob(job)) if job == id(9)));
    assert!(matches!(twice.await, Err(Error::JobExists(job)) if job == id(1)));
    assert_eq!(after.await.expect("good")[0].seq, 2, "no number is lost");
    assert_eq!(heard.lock().expect("no panic").len(), 2);
    assert!(store.job(id(2)).await.expect("read").is_none());
    let job = store.job(id(1)).await.expect("read").expect("there");
    assert_eq!((job.rev, job.state.word()), (2, "queued"));
    assert_eq!(store.counts().await.expect("read")["scan"]["queued"], 1);
}

#[tokio::test]
async fn events_stand_in_the_order_of_the_calls_before_any_is_awaited() {
    let folder = folder();
    let (store, heard) = open_hearing(folder.path());
    let waiting: Vec<_> = (0..2_000)
        .map(|n| {
            store.append(vec![at(
                n,
                Event::Daemon(DaemonEvent::Started {
                    version: n.to_string(),
                }),
            )])
        })
        .collect();
    // The last call is awaited first.
    for (n, unit) in waiting.into_iter().enumerate().rev() {
        assert_eq!(unit.await.expect("appended")[0].seq, n as u64 + 1);
    }
    let heard = heard.lock().expect("no panic");
    assert!(heard.iter().map(|event| event.seq).eq(1..=2_000));
    assert!(store.health().commits < 200, "{:?}", store.health());
}

#[tokio::test]
async fn a_dropped_future_takes_nothing_back() {
    let folder = folder();
    let (store, _) = open(folder.path());
    drop(store.append(vec![of(id(1), accepted("scan", "/inbox/a.pdf"))]));
    store
        .append(vec![of(id(1), queued("c0ffee"))])
        .await
        .expect("the first one is there");
}

#[tokio::test]
async fn the_sink_hears_before_the_caller_does() {
    let folder = folder();
    let (store, heard) = open_hearing(folder.path());
    for n in 1..=50 {
        store
            .append(vec![of(id(n), accepted("scan", "/inbox/a.pdf"))])
            .await
            .expect("appended");
        assert_eq!(heard.lock().expect("no panic").len() as u64, n);
    }
}

#[tokio::test]
async fn a_pipeline_row_tells_the_last_state() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let pipeline = |what| {
        at(
            5,
            Event::Pipeline {
                pipeline: "scan".to_owned(),
                what,
            },
        )
    };
    let online = WatchEvent::Online {
        folder: RawPath::from(Path::new("/inbox")),
        mode: "events".to_owned(),
        reason: "ext4".to_owned(),
    };
    store
        .append(vec![
            pipeline(PipelineEvent::Loaded {
                revision: "ab12".to_owned(),
                yaml: "steps: []".to_owned(),
            }),
            pipeline(PipelineEvent::Paused {
                reason: "lunch".to_owned(),
            }),
            pipeline(PipelineEvent::Invalid {
                faults: vec!["scan.yaml:1:1: no".to_owned()],
            }),
            at(
                6,
                Event::Watch {
                    pipeline: "scan".to_owned(),
                    what: online.clone(),
                },
            ),
        ])
        .await
        .expect("appended");
    let row = store.pipelines().await.expect("read").remove(0);
    assert_eq!(
        row.revision.as_deref(),
        Some("ab12"),
        "the last good revision goes on"
    );
    assert_eq!(row.faults, ["scan.yaml:1:1: no"]);
    assert_eq!(
        (row.paused.as_deref(), row.folder),
        (Some("lunch"), Some(online))
    );
    assert_eq!((row.changed, row.updated), (4, Timestamp(6)));
    let yaml = store.revision_yaml("ab12".to_owned()).await.expect("read");
    assert_eq!(yaml.as_deref(), Some("steps: []"));
    drop(store);

    let (store, opening) = open(folder.path());
    assert_eq!(
        opening.pipelines[0].paused.as_deref(),
        Some("lunch"),
        "a pause survives"
    );
    store
        .append(vec![
            pipeline(PipelineEvent::Resumed),
            pipeline(PipelineEvent::Removed),
        ])
        .await
        .expect("appended");
    let row = store.pipelines().await.expect("read").remove(0);
    assert!(row.removed && row.paused.is_none() && row.faults.is_empty());
}

#[tokio::test]
async fn a_log_is_bounded_and_says_so_once() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let line = |message: String| LogLine {
        at: Timestamp(1),
        level: "info".to_owned(),
        step: Some("rotate".to_owned()),
        message,
    };
    assert!(matches!(
        store.log(id(1), vec![line("x".to_owned())]).await,
        Err(Error::UnknownJob(_))
    ));
    store
        .append(vec![
            of(id(1), accepted("scan", "/inbox/a.pdf")),
            of(id(2), accepted("scan", "/inbox/b.pdf")),
        ])
        .await
        .expect("appended");

    for n in 0..30 {
        let lines = (0..100).map(|m| line(format!("{n} {m}"))).collect();
        store.log(id(1), lines).await.expect("logged");
    }
    let lines = store.log_lines(id(1), 0, 10_000).await.expect("read");
    assert_eq!(lines.len() as u64, MAX_LINES + 1);
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.line.level == "truncated")
            .count(),
        1
    );
    assert_eq!(
        store.log_lines(id(1), 1_999, 1).await.expect("read")[0]
            .line
            .message,
        "19 99"
    );

    let long = "ä".repeat(MAX_MESSAGE);
    store
        .log(id(2), vec![line(long); 100])
        .await
        .expect("logged");
    let lines = store.log_lines(id(2), 0, 10_000).await.expect("read");
    assert!(lines[0].line.message.ends_with('…') && lines[0].line.message.len() <= MAX_MESSAGE + 3);
    assert_eq!(lines.last().expect("lines").line.level, "truncated");
    drop(store);

    let (store, _) = open(folder.path());
    store
        .log(id(1), vec![line("more".to_owned())])
        .await
        .expect("logged");
    assert_eq!(
        store.log_lines(id(1), 0, 10_000).await.expect("read").len() as u64,
        MAX_LINES + 1,
        "still closed after a restart"
    );
}

#[tokio::test]
async fn the_ledger_keeps_identities_over_a_restart() {
    use crate::store::ledger::LedgerEntry;
    let folder = folder();
    let (store, _) = open(folder.path());
    let entry = |name: &[u8], n| LedgerEntry {
        pipeline: "scan".to_owned(),
        relative: RawPath::from(
            <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name),
        ),
        identity: identity(n),
        blake3: (n == 3).then(|| "ab".repeat(32)),
        why: "it was there before the pipeline".to_owned(),
    };
    store
        .ledger_put(vec![entry(b"a.pdf", 1), entry(b"\xff.pdf", 2)])
        .await
        .expect("put");
    store
        .ledger_put(vec![entry(b"a.pdf", 3)])
        .await
        .expect("put");
    drop(store);
    let (store, opening) = open(folder.path());
    assert_eq!(opening.ledger, [entry(b"a.pdf", 3), entry(b"\xff.pdf", 2)]);
    store
        .ledger_del("scan".to_owned(), entry(b"a.pdf", 3).relative)
        .await
        .expect("deleted");
    assert_eq!(
        store.ledger_list("scan".to_owned()).await.expect("read"),
        [entry(b"\xff.pdf", 2)]
    );
    store
        .ledger_clear("scan".to_owned())
        .await
        .expect("cleared");
    assert_eq!(
        store.ledger_list("scan".to_owned()).await.expect("read"),
        []
    );
}

#[tokio::test]
async fn a_full_journal_refuses_units_and_takes_them_again_later() {
    let folder = folder();
    let mut small = config(folder.path());
    small.max_bytes = Some(200 * 1024);
    let (store, _) = Store::open(&small, Box::new(|_| {})).expect("opens");
    let daemon = |size: usize| {
        vec![at(
            1,
            Event::Daemon(DaemonEvent::Started {
                version: "x".repeat(size),
            }),
        )]
    };
    let small_one = store.append(daemon(10));
    let big = store.append(daemon(400 * 1024));
    let beside = store.append(daemon(10));
    assert!(small_one.await.is_ok());
    assert!(matches!(big.await, Err(Error::Full)));
    assert_eq!(beside.await.expect("the small ones pass")[0].seq, 2);

    let mut taken = 2;
    while store.append(daemon(4_000)).await.is_ok() {
        taken += 1;
    }
    assert!(taken > 10);
    assert_eq!(store.events(all()).await.expect("reads go on").len(), taken);
    drop(store);
    let (store, opening) = open(folder.path());
    assert_eq!(opening.head, taken as u64);
    assert_eq!(
        store.append(daemon(4_000)).await.expect("space again")[0].seq,
        taken as u64 + 1
    );
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let waiting = store.append(vec![of(id(1), accepted("scan", "/inbox/a.pdf"))]);
    store.close().await;
    assert!(waiting.await.is_ok(), "what was enqueued is written");
    assert!(matches!(store.append(vec![]).await, Err(Error::Closed)));
    assert!(matches!(store.job(id(1)).await, Err(Error::Closed)));
    let (_, opening) = open(folder.path());
    assert!(opening.clean && !opening.fresh);
    assert_eq!(opening.open_jobs.len(), 1);
}

#[tokio::test]
async fn an_unreadable_job_row_is_made_again_from_its_events() {
    let folder = folder();
    let (store, _) = open(folder.path());
    store
        .append(life(id(1), "scan", "/inbox/a.pdf", 7)[..4].to_vec())
        .await
        .expect("appended");
    let before = store.job(id(1)).await.expect("read");
    drop(store);
    let connection = rusqlite::Connection::open(folder.path().join("journal.db")).expect("opens");
    connection
        .execute("UPDATE job SET body = '{}'", [])
        .expect("spoilt");
    drop(connection);
    let (store, opening) = open(folder.path());
    assert_eq!(opening.open_jobs.first(), before.as_ref());
    assert_eq!(store.job(id(1)).await.expect("read"), before);
}

/// Any mix of lives, good and bad units: the job rows are what a replay of the events gives, and the counts add up.
#[test]
fn projections_are_what_a_replay_gives() {
    let event = || {
        prop_oneof![
            Just(accepted("scan", "/inbox/a.pdf")),
            Just(accepted("mail", "/inbox/b.pdf")),
            Just(queued("c0ffee")),
            Just(started(1)),
            Just(step_started()),
            Just(step_finished()),
            Just(delivering()),
            Just(failing()),
            Just(succeeded()),
            Just(failed()),
            Just(asked_again()),
        ]
    };
    let unit = proptest::collection::vec((1..5_u64, event()), 1..4);
    let runtime = runtime();
    proptest!(ProptestConfig::with_cases(24), |(units in proptest::collection::vec(unit, 1..60))| {
        let folder = folder();
        let (store, _) = open(folder.path());
        runtime.block_on(async {
            let mut model = std::collections::BTreeMap::new();
            let mut seq = 0;
            for unit in units {
                let drafts: Vec<_> = unit.iter().map(|(n, what)| of(id(*n), what.clone())).collect();
                let expected = apply(&mut model, &unit);
                let stored = store.append(drafts).await;
                assert_eq!(stored.is_ok(), expected, "{stored:?}");
                seq += stored.map_or(0, |stored| stored.len() as u64);
                assert_eq!(store.health().head, seq);
            }
            check_projections(&store, folder.path(), &model).await;
        });
    });
}

type Model = std::collections::BTreeMap<crate::job::id::JobId, crate::job::state::Job>;

fn apply(model: &mut Model, unit: &[(u64, crate::job::event::JobEvent)]) -> bool {
    use crate::job::event::JobEvent;
    use crate::job::state::Job;
    let mut next = model.clone();
    for (n, what) in unit {
        let known = next.get_mut(&id(*n));
        let fits = match (known, what) {
            (None, JobEvent::Accepted(accepted)) => {
                let job = Job::new(id(*n), Timestamp(1_763_788_211_123), (**accepted).clone());
                next.insert(id(*n), job);
                true
            }
            (None, _) => false,
            (Some(job), what) => job.apply(Timestamp(1_763_788_211_123), what).is_ok(),
        };
        if !fits {
            return false;
        }
    }
    *model = next;
    true
}

async fn check_projections(store: &Store, folder: &Path, model: &Model) {
    let connection = rusqlite::Connection::open(folder.join("journal.db")).expect("opens");
    let mut counts = crate::store::query::Counts::new();
    for (id, job) in model {
        assert_eq!(store.job(*id).await.expect("read").as_ref(), Some(job));
        let replayed = row::replay(&connection, &id.to_string()).expect("replays");
        assert_eq!(replayed.as_ref(), Some(job));
        *counts
            .entry(job.accepted.pipeline.clone())
            .or_default()
            .entry(job.state.word().to_owned())
            .or_default() += 1;
    }
    assert_eq!(store.counts().await.expect("read"), counts);
    let events: Vec<Arc<_>> = store.events(all()).await.expect("read");
    assert!(
        events
            .iter()
            .map(|event| event.seq)
            .eq(1..=events.len() as u64)
    );
}

#[tokio::test]
async fn a_folder_is_unscanned_until_what_lies_there_is_known() {
    use crate::store::ledger::LedgerEntry;
    let folder = folder();
    let (store, _) = open(folder.path());
    let unscanned = LedgerEntry::unscanned("p");
    let put = store.ledger_put(vec![unscanned.clone()]);
    put.await.expect("put");
    drop(store);
    let (store, opening) = open(folder.path());
    assert_eq!(opening.ledger, std::slice::from_ref(&unscanned));
    assert!(opening.ledger[0].is_unscanned());
    let file = LedgerEntry {
        relative: RawPath::from(Path::new("a.pdf")),
        ..unscanned
    };
    let scanned = store.ledger_scanned("p".to_owned(), vec![file.clone()]);
    scanned.await.expect("put");
    let listed = store.ledger_list("p".to_owned()).await.expect("read");
    assert_eq!(listed, [file]);
}

#[tokio::test]
async fn a_pipeline_that_comes_back_with_faults_has_no_revision() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let loaded = || PipelineEvent::Loaded {
        revision: "ab12".to_owned(),
        yaml: "steps".to_owned(),
    };
    let invalid = || PipelineEvent::Invalid {
        faults: vec!["x".to_owned()],
    };
    let tell = |what| {
        let pipeline = "p".to_owned();
        store.append(vec![at(7, Event::Pipeline { pipeline, what })])
    };
    let revision = || async { store.pipelines().await.expect("read")[0].revision.clone() };
    tell(loaded()).await.expect("appended");
    tell(invalid()).await.expect("appended");
    assert_eq!(revision().await.as_deref(), Some("ab12"), "it goes on");
    tell(PipelineEvent::Removed).await.expect("appended");
    tell(invalid()).await.expect("appended");
    assert_eq!(revision().await, None, "nothing goes on");
}
