//! Lists and counts as the API and the feeds need them.

use super::sample::*;
use crate::event::{Event, FileEvent};
use crate::job::event::{Ended, JobEvent, Queued};
use crate::job::redo::{Delivered, MoveKind};
use crate::raw_path::RawPath;
use crate::store::Store;
use crate::store::error::Error;
use crate::store::query::{EventQuery, JobQuery, Order, Same, Scope};
use std::path::Path;

/// 30 jobs in two pipelines: every third has succeeded, the rest are queued.
async fn filled(folder: &Path) -> Store {
    let (store, _) = open(folder);
    for n in 1..=30_u64 {
        // The same letter as one character and as two.
        let (pipeline, letter) = match n % 2 {
            0 => ("even", "A\u{308}"),
            _ => ("odd", "Ä"),
        };
        let mut events = life(
            id(n),
            pipeline,
            &format!("/inbox/Rechnung-{letter}{n:02}.pdf"),
            60_000 * n as i64,
        );
        if !n.is_multiple_of(3) {
            events.truncate(2);
        }
        store.append(events).await.expect("appended");
    }
    store
}

async fn numbers(store: &Store, mut query: JobQuery) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        let page = store.jobs(query.clone()).await.expect("read");
        found.extend(page.jobs.iter().map(|job| job.id.0.random() as u64));
        match page.next {
            Some(next) => query.before = Some(next),
            None => return found,
        }
    }
}

#[tokio::test]
async fn pages_hold_each_job_once_in_order() {
    let folder = folder();
    let store = filled(folder.path()).await;
    // Job 1 changes last.
    store
        .append(vec![of(id(1), started(1))])
        .await
        .expect("appended");
    let query = |order, limit| JobQuery {
        order,
        limit,
        ..Default::default()
    };
    let created: Vec<u64> = (1..=30).rev().collect();
    let mut changed = created.clone();
    changed.pop();
    changed.insert(0, 1);
    for limit in [1, 7, 30, 500] {
        assert_eq!(numbers(&store, query(Order::Created, limit)).await, created);
        assert_eq!(numbers(&store, query(Order::Changed, limit)).await, changed);
    }
}

#[tokio::test]
async fn jobs_are_narrowed_by_pipeline_state_and_name() {
    let folder = folder();
    let store = filled(folder.path()).await;
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    let base = JobQuery {
        limit: 3,
        ..Default::default()
    };
    let odd = JobQuery {
        pipeline: Some("odd".to_owned()),
        states: words(&["succeeded"]),
        ..base.clone()
    };
    assert_eq!(numbers(&store, odd).await, [27, 21, 15, 9, 3]);
    let both = JobQuery {
        states: words(&["queued", "succeeded", "queued"]),
        ..base.clone()
    };
    assert_eq!(
        numbers(&store, both).await,
        (1..=30).rev().collect::<Vec<_>>()
    );
    let named = JobQuery {
        q: Some("ä1".to_owned()),
        ..base.clone()
    };
    assert_eq!(
        numbers(&store, named).await,
        (10..=19).rev().collect::<Vec<_>>()
    );
    let decomposed = JobQuery {
        q: Some("A\u{308}1".to_owned()),
        ..base.clone()
    };
    assert_eq!(
        numbers(&store, decomposed).await,
        (10..=19).rev().collect::<Vec<_>>()
    );
    let wild = JobQuery {
        q: Some("%".to_owned()),
        ..base.clone()
    };
    assert!(numbers(&store, wild).await.is_empty(), "no wildcards");

    let unknown = store
        .jobs(JobQuery {
            states: words(&["done"]),
            ..base.clone()
        })
        .await;
    assert!(
        matches!(unknown, Err(Error::BadQuery(text)) if text.contains("`done`") && text.contains("succeeded"))
    );
    let cursor = store
        .jobs(JobQuery {
            before: Some("'; DROP".to_owned()),
            ..base
        })
        .await;
    assert!(matches!(cursor, Err(Error::BadQuery(_))));
}

#[tokio::test]
async fn counts_and_the_last_hour_add_up() {
    let folder = folder();
    let store = filled(folder.path()).await;
    let counts = store.counts().await.expect("read");
    assert_eq!(counts["odd"]["succeeded"], 5);
    assert_eq!(counts["even"]["queued"], 10);
    assert!(!counts["even"].contains_key("running"));
    let ended = store.ended_since(60_000 * 12).await.expect("read");
    let minutes: Vec<i64> = ended.iter().map(|sum| sum.start / 60_000).collect();
    assert_eq!(minutes, [12, 15, 18, 21, 24, 27, 30]);
    assert!(
        ended
            .iter()
            .all(|sum| (sum.succeeded, sum.failed) == (1, 0) && sum.bytes > 0)
    );
}

#[tokio::test]
async fn numbers_that_cannot_be_are_summed_all_the_same() {
    let folder = folder();
    let (store, _) = open(folder.path());
    // What a sparse file says of its size, and a worker of its pages.
    for (n, pages) in [(1, u64::MAX), (2, i64::MAX as u64), (3, i64::MAX as u64)] {
        let mut events = life(id(n), "odd", "/inbox/a.pdf", 60_000);
        events.insert(5, of(id(n), step_finished()));
        for draft in &mut events {
            match &mut draft.event {
                Event::Job { what, .. } => match what {
                    JobEvent::Accepted(accepted) => accepted.identity.size = i64::MAX as u64,
                    JobEvent::Delivering(delivering) => delivering.bill.pages_in = pages,
                    JobEvent::StepFinished(finished) => finished.ms = u64::MAX,
                    _ => {}
                },
                _ => panic!("a life is of events of its job"),
            }
        }
        store.append(events).await.expect("appended");
    }
    let ended = store.ended_since(0).await.expect("read");
    assert_eq!((ended.len(), ended[0].succeeded), (1, 3));
    assert_eq!(ended[0].pages, 3 * u64::from(u32::MAX));
    assert_eq!(ended[0].bytes, i64::MAX as u64);
    let job = store.job(id(1)).await.expect("read").expect("it is there");
    assert_eq!(job.steps[0].ms, u64::MAX);
}

#[tokio::test]
async fn events_are_narrowed_by_job_pipeline_path_and_type() {
    let folder = folder();
    let store = filled(folder.path()).await;
    let path = RawPath::from(Path::new("/inbox/Rechnung-Ä05.pdf"));
    store
        .append(vec![at(
            1,
            Event::File {
                pipeline: "odd".to_owned(),
                path: path.clone(),
                what: FileEvent::Settling {
                    reason: "2 s".to_owned(),
                },
            },
        )])
        .await
        .expect("appended");
    let base = EventQuery {
        limit: 1_000,
        ..Default::default()
    };
    let names = async |query: EventQuery| {
        let events = store.events(query).await.expect("read");
        events
            .iter()
            .map(|event| event.event.name())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(EventQuery {
            job: Some(id(5)),
            ..base.clone()
        })
        .await,
        ["job.accepted", "job.queued"]
    );
    assert_eq!(
        names(EventQuery {
            path: Some(path.clone()),
            ..base.clone()
        })
        .await,
        ["job.accepted", "job.queued", "file.settling"]
    );
    let steps = EventQuery {
        pipeline: Some("odd".to_owned()),
        types: vec!["step.*".to_owned(), "job.succeeded".to_owned()],
        limit: 4,
        ..base.clone()
    };
    assert_eq!(
        names(steps).await,
        [
            "step.started",
            "step.finished",
            "job.succeeded",
            "step.started"
        ]
    );
    let history = store
        .history(
            EventQuery {
                after: 5,
                until: Some(9),
                limit: 3,
                ..base
            },
            usize::MAX,
        )
        .await
        .expect("read");
    assert_eq!(
        history
            .events
            .iter()
            .map(|event| event.seq)
            .collect::<Vec<_>>(),
        [6, 7, 8]
    );
    assert!(!history.complete);
    assert_eq!(history.head, store.health().head);
}

#[tokio::test]
async fn a_history_too_large_is_cut_off_and_says_so() {
    let folder = folder();
    let store = filled(folder.path()).await;
    let query = EventQuery {
        limit: 1_000,
        ..Default::default()
    };
    let history = store.history(query.clone(), 2_000).await.expect("read");
    assert!(!history.complete && !history.events.is_empty());
    // Who pages gets past one that is larger than a page.
    let one = store.history(query.clone(), 1).await.expect("read");
    assert!(!one.complete && one.events.len() == 1);
    assert!(
        store
            .history(query, usize::MAX)
            .await
            .expect("read")
            .complete
    );
}

#[tokio::test]
async fn the_same_content_is_found_with_success_before_novelty() {
    let folder = folder();
    let store = filled(folder.path()).await;
    let find = async |pipeline: &str, not| {
        let question = (pipeline.to_owned(), "c0ffee".to_owned(), not);
        let found = store.find_contents(vec![question]).await.expect("read");
        assert_eq!(found.len(), 1);
        found[0]
    };
    let done = |n, is_done| {
        Some(Same {
            job: id(n),
            is_done,
        })
    };
    assert_eq!(find("odd", id(1)).await, done(27, true));
    assert_eq!(find("odd", id(27)).await, done(21, true));
    assert_eq!(find("none", id(1)).await, None);
}

#[tokio::test]
async fn a_content_that_came_to_nothing_was_not_processed() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let put = async |n: u64, content: JobEvent, end: &[JobEvent]| {
        let events = [accepted("p", &format!("/inbox/{n}.pdf")), content];
        let events = events.iter().chain(end);
        let events = events.map(|event| of(id(n), event.clone())).collect();
        store.append(events).await.expect("appended");
    };
    let find = async || {
        let question = ("p".to_owned(), "c0ffee".to_owned(), id(99));
        store.find_contents(vec![question]).await.expect("read")[0]
    };
    let same = |n, is_done| {
        Some(Same {
            job: id(n),
            is_done,
        })
    };
    let again = |earlier: u64| {
        JobEvent::Queued(Queued {
            blake3: "c0ffee".to_owned(),
            size: 1_000,
            duplicate_of: Some(id(earlier)),
            held_in: None,
        })
    };
    let skipped = [delivering(), succeeded()];
    put(1, queued("c0ffee"), &[started(1)]).await;
    assert_eq!(find().await, same(1, false), "it may still succeed");
    put(2, again(1), &skipped).await;
    put(3, again(2), &skipped).await;
    assert_eq!(find().await, same(1, false), "what was skipped did nothing");
    let end = [failing(), failed()].map(|event| of(id(1), event));
    store.append(end.to_vec()).await.expect("appended");
    assert_eq!(find().await, None);
    put(
        4,
        queued("c0ffee"),
        &[started(1), delivering(), succeeded()],
    )
    .await;
    put(5, again(4), &skipped).await;
    put(6, again(4), &[failing(), failed()]).await;
    assert_eq!(find().await, same(4, true));
    // A job that is no longer kept, and one that was skipped for it.
    let (store, _) = open(&folder.path().join("other"));
    let events = [accepted("p", "/inbox/7.pdf"), again(98)];
    let events = events.into_iter().chain(skipped);
    let events = events.map(|event| of(id(7), event)).collect();
    store.append(events).await.expect("appended");
    let question = ("p".to_owned(), "c0ffee".to_owned(), id(99));
    let found = store.find_contents(vec![question]).await.expect("read");
    assert_eq!(found, [same(7, true)]);
}

#[tokio::test]
async fn snapshots_hold_what_their_scope_is_about() {
    let folder = folder();
    let store = filled(folder.path()).await;
    let everything = store.snapshot(Scope::Everything).await.expect("read");
    assert_eq!((everything.open.len(), everything.ended.len()), (20, 10));
    assert_eq!(everything.seq, store.health().head);
    assert!(!everything.more_open);
    assert_eq!(everything.ended[0].id, id(30), "the newest first");

    let odd = store
        .snapshot(Scope::Pipeline("odd".to_owned()))
        .await
        .expect("read");
    assert_eq!(
        (odd.open.len(), odd.ended.len(), odd.counts.len()),
        (10, 5, 1)
    );

    let job = store.snapshot(Scope::Job(id(3))).await.expect("read");
    assert_eq!((job.open.len(), job.ended.len()), (0, 1));

    let path = RawPath::from(Path::new("/inbox/Rechnung-Ä05.pdf"));
    let file = store.snapshot(Scope::Path(path)).await.expect("read");
    assert_eq!((file.open.len(), file.ended.len()), (1, 0));
    assert!(file.file.is_none());
}

#[tokio::test]
async fn state_lists_use_their_partial_index() {
    let folder = folder();
    drop(filled(folder.path()).await);
    let connection = rusqlite::Connection::open(folder.path().join("journal.db")).expect("opens");
    for (sql, index) in [
        (
            "SELECT body FROM job WHERE state = 'queued' AND (?1 IS NULL OR pipeline = ?1) AND changed < ?3 ORDER BY changed DESC LIMIT ?4",
            "job_queued",
        ),
        (
            "SELECT body FROM job WHERE TRUE AND (?1 IS NULL OR pipeline = ?1) AND (?2 IS NULL OR instr(folded, ?2) > 0) AND changed < ?3 ORDER BY changed DESC LIMIT ?4",
            "job_changed",
        ),
        (
            "SELECT id FROM job WHERE finished IS NOT NULL ORDER BY finished DESC, id DESC LIMIT 50",
            "job_finished",
        ),
        (
            "SELECT seq FROM event WHERE seq > ?1 AND job = ?2 ORDER BY seq LIMIT 5",
            "event_job",
        ),
        (
            "SELECT seq FROM event WHERE path = ?1 AND job IS NULL ORDER BY seq DESC LIMIT 1",
            "event_path",
        ),
    ] {
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .expect("prepared");
        let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
        let plan: Vec<String> = statement
            .query_map(rusqlite::params_from_iter(nulls), |row| row.get(3))
            .expect("explained")
            .collect::<Result<_, _>>()
            .expect("read");
        assert!(
            plan.iter().any(|line| line.contains(index)),
            "{sql}: {plan:?}"
        );
    }
}

#[tokio::test]
async fn a_job_is_found_by_what_it_put_somewhere() {
    let folder = folder();
    let store = filled(folder.path()).await;
    let put = r#"bytes:/outbox/a "quoted" \\ \xff.pdf"#;
    let mut events = life(id(31), "odd", "/inbox/a.pdf", 60_000 * 31);
    events.pop();
    let delivered = Delivered {
        kind: MoveKind::Document,
        path: Some(RawPath::decode(put)),
        depth: None,
        size: 1,
        blake3: String::new(),
        mime: None,
        pages: None,
    };
    let ended = Ended {
        delivered: vec![delivered],
        ..Ended::default()
    };
    events.push(of(id(31), JobEvent::Succeeded(ended)));
    store.append(events).await.expect("appended");
    let found = async |path: &str| -> Vec<_> {
        let paths = vec![RawPath::decode("/nowhere"), RawPath::decode(path)];
        let jobs = store.jobs_that_put_out(paths).await.expect("read");
        jobs.iter().map(|job| job.id).collect()
    };
    assert_eq!(found(put).await, [id(31)]);
    // Named in a job, but nothing that it put there.
    assert_eq!(found("/inbox/a.pdf").await, []);
}
