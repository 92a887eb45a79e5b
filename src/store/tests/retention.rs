//! Retention removes whole jobs and moves the floor, nothing else.

use super::sample::*;
use crate::event::{Event, FileEvent};
use crate::raw_path::RawPath;
use crate::store::prune::Retention;
use crate::store::query::{EventQuery, JobQuery};
use crate::time::Timestamp;
use std::path::Path;
use std::time::Duration;

fn keep(age_ms: u64, jobs: u64, now: i64) -> Retention {
    Retention {
        age: Duration::from_millis(age_ms),
        jobs,
        now: Timestamp(now),
    }
}

#[tokio::test]
async fn old_jobs_go_with_their_events_and_open_ones_stay() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let mut open_one = life(id(1), "scan", "/inbox/old.pdf", 0);
    open_one.truncate(2);
    store.append(open_one).await.expect("appended");
    for n in 2..=250 {
        store
            .append(life(id(n), "scan", "/inbox/a.pdf", n as i64))
            .await
            .expect("appended");
    }
    let head = store.health().head;
    // Job 250 ended at 250; younger than 50 ms at 250 are 200..=250.
    let pruned = store.prune(keep(50, 1_000, 250)).await.expect("pruned");
    assert_eq!((pruned.jobs, pruned.events), (198, 198 * 7));
    let page = store
        .jobs(JobQuery {
            limit: 500,
            ..Default::default()
        })
        .await
        .expect("read");
    assert_eq!(page.jobs.len(), 52);
    assert!(page.jobs.iter().any(|job| job.id == id(1)));
    assert_eq!(store.counts().await.expect("read")["scan"]["succeeded"], 51);
    let history = store
        .history(
            EventQuery {
                limit: 10_000,
                ..Default::default()
            },
            usize::MAX,
        )
        .await
        .expect("read");
    assert_eq!(history.events.len(), 2 + 51 * 7);
    assert_eq!((history.floor, history.head), (2 + 198 * 7, head));

    let pruned = store.prune(keep(1_000_000, 10, 250)).await.expect("pruned");
    assert_eq!(pruned.jobs, 41, "the newest ten stay");
    let pruned = store.prune(keep(1_000_000, 10, 250)).await.expect("pruned");
    assert_eq!((pruned.jobs, pruned.events), (0, 0));
}

#[tokio::test]
async fn numbers_go_on_when_everything_was_removed() {
    let folder = folder();
    let (store, _) = open(folder.path());
    store
        .append(life(id(1), "scan", "/inbox/a.pdf", 1))
        .await
        .expect("appended");
    store.prune(keep(0, 0, 100)).await.expect("pruned");
    drop(store);
    let (store, opening) = open(folder.path());
    assert_eq!(opening.head, 7);
    let stored = store
        .append(vec![of(id(2), accepted("scan", "/inbox/a.pdf"))])
        .await
        .expect("appended");
    assert_eq!(stored[0].seq, 8);
}

#[tokio::test]
async fn what_a_clock_that_was_behind_has_stamped_is_as_old_as_what_stands_beside_it() {
    let folder = folder();
    let (store, _) = open(folder.path());
    for (n, at) in [(1, 100), (2, 5_000), (3, 200), (4, 99_000), (5, 5_010)] {
        let job = life(id(n), "scan", "/inbox/a.pdf", at);
        store.append(job).await.expect("appended");
    }
    let pruned = |now| store.prune(keep(1_000, 1_000, now));
    // Job 3 came after job 2 and is no older; job 4 is of a clock that was ahead.
    assert_eq!(pruned(5_020).await.expect("pruned").jobs, 1);
    assert_eq!(pruned(6_005).await.expect("pruned").jobs, 2);
    assert_eq!(pruned(6_050).await.expect("pruned").jobs, 1);
}

#[tokio::test]
async fn events_of_no_job_are_kept_as_long() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let file = |ms| {
        at(
            ms,
            Event::File {
                pipeline: "scan".to_owned(),
                path: RawPath::from(Path::new("/inbox/a.pdf")),
                what: FileEvent::Settling {
                    reason: "2 s".to_owned(),
                },
            },
        )
    };
    store
        .append((0..5_000).map(file).collect())
        .await
        .expect("appended");
    let pruned = store
        .prune(keep(1_000, 1_000_000, 5_000))
        .await
        .expect("pruned");
    assert_eq!(pruned.events, 4_000);
    let pruned = store
        .prune(keep(1_000_000, 10, 5_000))
        .await
        .expect("pruned");
    assert_eq!(pruned.events, 990);
}

#[tokio::test]
async fn a_job_asked_for_again_is_not_old() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let mut failing_life = life(id(1), "scan", "/inbox/a.pdf", 1);
    failing_life.truncate(5);
    failing_life.extend([
        at(
            1,
            Event::Job {
                job: id(1),
                what: failing(),
            },
        ),
        at(
            1,
            Event::Job {
                job: id(1),
                what: failed(),
            },
        ),
    ]);
    store.append(failing_life).await.expect("appended");
    let again = store.append(vec![of(id(1), asked_again())]);
    let pruned = store.prune(keep(0, 0, 100)).await.expect("pruned");
    again.await.expect("queued again");
    assert_eq!(pruned.jobs, 0);
}

#[tokio::test]
async fn a_job_that_is_about_to_begin_again_stays_until_it_has_ended_once_more() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let prune = || store.prune(keep(0, 0, 1_000));
    let mut unit = life(id(1), "scan", "/inbox/a.pdf", 7);
    unit.truncate(5);
    unit.extend([failing(), failed()].map(|what| of(id(1), what)));
    store.append(unit).await.expect("appended");
    store.spare(id(1)).await.expect("spared");
    assert_eq!(prune().await.expect("pruned").jobs, 0);
    let again = of(id(1), asked_again());
    store.append(vec![again]).await.expect("it is there");
    let end = [started(2), failing(), failed()].map(|what| of(id(1), what));
    store.append(end.to_vec()).await.expect("appended");
    assert_eq!(prune().await.expect("pruned").jobs, 1);
}
