//! Every way in which a cursor can be good or bad.

use super::reader::{Reader, open};
use crate::feed::Feed;
use crate::feed::config::Config;
use crate::feed::topics::Topics;
use crate::store::Store;
use crate::store::prune::Retention;
use crate::store::query::Scope;
use crate::store::tests::sample::{folder, id, life};
use crate::time::Timestamp;
use std::path::Path;
use std::time::Duration;

/// 20 jobs, 140 events; the first job's are removed by retention.
async fn filled(folder: &Path) -> (Store, Feed) {
    let config = Config {
        replay_events: 100,
        replay_bytes: 60_000,
        ..Default::default()
    };
    let (store, feed) = open(folder, config);
    for n in 1..=20 {
        store
            .append(life(id(n), "scan", "/inbox/a.pdf", n as i64))
            .await
            .expect("appended");
    }
    let keep = Retention {
        age: Duration::from_secs(1),
        jobs: 19,
        now: Timestamp(20),
    };
    store.prune(keep).await.expect("pruned");
    (store, feed)
}

#[tokio::test]
async fn a_good_cursor_is_resumed_and_a_bad_one_told_why_not() {
    let folder = folder();
    let (store, feed) = filled(folder.path()).await;
    let epoch = store.epoch().to_owned();
    for (last, expected) in [
        (format!("{epoch}-140"), Ok(0)),
        (format!("{epoch}-130"), Ok(10)),
        (format!("{epoch}-40"), Ok(100)),
        (format!(" {epoch}-139 "), Ok(1)),
        (format!("{epoch}-39"), Err("replay-too-large")),
        (format!("{epoch}-7"), Err("replay-too-large")),
        (format!("{epoch}-6"), Err("cursor-expired")),
        (format!("{epoch}-141"), Err("cursor-ahead")),
        ("00000000-130".to_owned(), Err("epoch-changed")),
        ("130".to_owned(), Err("bad-cursor")),
        ("\u{fffd}".to_owned(), Err("bad-cursor")),
    ] {
        let mut reader = Reader::connect(&feed, Topics::default(), Some(&last), &store).await;
        let hello = reader.until("hello").await.data;
        assert_eq!(hello["resumed"], expected.is_ok(), "{last}");
        assert_eq!(hello["replayed"], expected.unwrap_or(0), "{last}");
        assert_eq!(hello["cursor"], format!("{epoch}-140"));
        match expected {
            Ok(count) => {
                for seq in 141 - count..=140 {
                    assert_eq!(
                        reader.next().await.expect("an event").seq(),
                        Some(seq),
                        "{last}"
                    );
                }
            }
            Err(reason) => {
                let reset = reader.next().await.expect("reset");
                assert_eq!(
                    (reset.name.as_str(), &reset.data["reason"]),
                    ("reset", &reason.into())
                );
                assert_eq!(reset.id, None);
                let snapshot = reader.next().await.expect("snapshot");
                assert_eq!(
                    (snapshot.name.as_str(), snapshot.seq()),
                    ("snapshot", Some(140))
                );
            }
        }
    }
    assert_eq!(feed.counters().resets["bad-cursor"], 2);
}

#[tokio::test]
async fn an_empty_last_id_is_none() {
    let folder = folder();
    let (store, feed) = filled(folder.path()).await;
    let mut reader = Reader::connect(&feed, Topics::default(), Some(""), &store).await;
    assert_eq!(
        reader.names_until("snapshot").await,
        ["retry", "hello", "snapshot"]
    );
}

#[tokio::test]
async fn a_narrow_topic_counts_its_own_events_only() {
    let folder = folder();
    let (store, feed) = filled(folder.path()).await;
    let last = format!("{}-7", store.epoch());
    let one = Topics::of(Scope::Job(id(9)));
    let mut reader = Reader::connect(&feed, one, Some(&last), &store).await;
    assert_eq!(reader.until("hello").await.data["replayed"], 7);
    let ends = Topics::default().only("job.succeeded").expect("known");
    let mut reader = Reader::connect(&feed, ends, Some(&last), &store).await;
    assert_eq!(reader.until("hello").await.data["replayed"], 19);
}

#[tokio::test]
async fn a_replay_of_too_many_bytes_is_refused() {
    let folder = folder();
    let (store, feed) = filled(folder.path()).await;
    let config = Config {
        replay_bytes: 200,
        ..Default::default()
    };
    let small = Feed::new(config, super::reader::views(), store.epoch(), 140);
    let last = format!("{}-100", store.epoch());
    let mut reader = Reader::connect(&small, Topics::default(), Some(&last), &store).await;
    assert_eq!(
        reader.until("reset").await.data["reason"],
        "replay-too-large"
    );
    let mut reader = Reader::connect(&feed, Topics::default(), Some(&last), &store).await;
    assert_eq!(reader.until("hello").await.data["resumed"], true);
}
