//! What listeners hear while they listen, and what the feed costs while nobody does.

mod passing;

use super::reader::{Reader, open, views};
use crate::event::{DaemonEvent, Event};
use crate::feed::Feed;
use crate::feed::config::Config;
use crate::feed::progress::Progress;
use crate::feed::topics::Topics;
use crate::feed::welcome::SubscribeError;
use crate::raw_path::RawPath;
use crate::store::log::LogLine;
use crate::store::query::Scope;
use crate::store::tests::sample::{
    accepted, at, folder, id, life, of, queued, started, step_started,
};
use crate::time::Timestamp;
use futures_util::StreamExt as _;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

fn progress(n: u64, rev: u64, done: u64) -> Progress {
    Progress {
        job: id(n),
        pipeline: "scan".to_owned(),
        path: RawPath::from(Path::new("/inbox/a.pdf")),
        rev,
        step: "rotate".to_owned(),
        index: 0,
        steps: 1,
        part: 1,
        parts: 1,
        done,
        total: 1_000,
        rate: None,
        eta_ms: None,
    }
}

fn noise(size: usize) -> Vec<crate::event::Draft> {
    vec![at(
        1,
        Event::Daemon(DaemonEvent::Started {
            version: "x".repeat(size),
        }),
    )]
}

#[tokio::test]
async fn a_stream_is_these_bytes() {
    let folder = folder();
    let (store, feed) = open(
        folder.path(),
        Config {
            build: "1.2.3".to_owned(),
            page: "p1".to_owned(),
            ..Default::default()
        },
    );
    store
        .append(vec![of(id(1), accepted("scan", "/inbox/a.pdf"))])
        .await
        .expect("appended");
    let mut stream = feed
        .subscribe(Topics::default(), None, &store)
        .await
        .expect("a stream");
    store
        .append(vec![of(id(1), queued("c0ffee"))])
        .await
        .expect("appended");
    feed.progress(progress(1, 2, 5));
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\"done\":5}\n\n") {
        bytes.extend_from_slice(&stream.next().await.expect("more").expect("never fails"));
    }
    let text = String::from_utf8(bytes).expect("text");
    let (retry, rest) = text.split_once("\n\n").expect("retry");
    let retry: u64 = retry
        .strip_prefix("retry: ")
        .expect("retry")
        .parse()
        .expect("ms");
    assert!((1_000..4_000).contains(&retry));
    let connection = rest.split("\"connection\":\"").nth(1).expect("one")[..26].to_owned();
    let plain = rest
        .replace(&connection, "C")
        .replace(store.epoch(), "E")
        .replace(&id(1).to_string(), "J");
    assert_eq!(
        plain,
        "event: hello\n\
         data: {\"protocol\":1,\"epoch\":\"E\",\"cursor\":\"E-1\",\"resumed\":false,\"replayed\":0,\"heartbeatMs\":15000,\"build\":\"1.2.3\",\"uiBuild\":\"p1\",\"connection\":\"C\",\"topics\":[\"everything\"]}\n\n\
         id: E-1\nevent: snapshot\ndata: {\"open\":1,\"ended\":0,\"cursor\":\"E-1\"}\n\n\
         id: E-2\nevent: job.queued\ndata: {\"seq\":2,\"rev\":2}\n\n\
         event: step.progress\ndata: {\"job\":\"J\",\"done\":5}\n\n"
    );
}

#[tokio::test]
async fn those_who_hear_everything_share_the_bytes() {
    let folder = folder();
    let (store, feed) = open(folder.path(), Config::default());
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = feed
            .subscribe(Topics::default(), None, &store)
            .await
            .expect("a stream");
        stream
            .next()
            .await
            .expect("the welcome")
            .expect("never fails");
        streams.push(stream);
    }
    store
        .append(life(id(1), "scan", "/inbox/a.pdf", 1))
        .await
        .expect("appended");
    let mut places = Vec::new();
    for stream in &mut streams {
        places.push(
            stream
                .next()
                .await
                .expect("a batch")
                .expect("never fails")
                .as_ptr(),
        );
    }
    assert!(places.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(feed.counters().frames, 7, "each event is framed once");
}

#[tokio::test]
async fn each_scope_hears_its_own() {
    let folder = folder();
    let (store, feed) = open(
        folder.path(),
        Config {
            heartbeat: Duration::from_millis(50),
            ..Default::default()
        },
    );
    let path = RawPath::from(Path::new("/inbox/b.pdf"));
    let topics = [
        (
            Topics::of(Scope::Pipeline("mail".to_owned())),
            vec![3, 4, 6],
        ),
        (Topics::of(Scope::Job(id(3))), vec![6]),
        (Topics::of(Scope::Path(path)), vec![3, 4]),
        (
            Topics::default().only("job.queued").expect("known"),
            vec![2, 4],
        ),
        (
            Topics::of(Scope::Pipeline("mail".to_owned()))
                .only("job.queued")
                .expect("known"),
            vec![4],
        ),
    ];
    let mut readers = Vec::new();
    for (topics, expected) in topics {
        readers.push((Reader::connect(&feed, topics, None, &store).await, expected));
    }
    store
        .append(vec![
            of(id(1), accepted("scan", "/inbox/a.pdf")),
            of(id(1), queued("c0ffee")),
            of(id(2), accepted("mail", "/inbox/b.pdf")),
            of(id(2), queued("c0ffee")),
            of(id(4), accepted("scan", "/inbox/c.pdf")),
            of(id(3), accepted("mail", "/inbox/d.pdf")),
        ])
        .await
        .expect("appended");
    for (reader, expected) in &mut readers {
        reader.until("snapshot").await;
        let mut seen = Vec::new();
        loop {
            let got = reader.next().await.expect("the stream goes on");
            seen.extend(got.seq());
            if got.name == "ping" && got.data["seq"] == 6 {
                break;
            }
        }
        assert_eq!(
            seen, *expected,
            "the ping has the journal's newest number: nothing is missed"
        );
    }
}

#[tokio::test]
async fn a_snapshot_and_the_tail_meet_without_gap_or_repeat() {
    let folder = folder();
    let (store, feed) = open(folder.path(), Config::default());
    let total = 4 * 300 * 3;
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..300 {
                    let unit =
                        life(id(1 + n * 4 + writer), "scan", "/inbox/a.pdf", 1)[..3].to_vec();
                    store.append(unit).await.expect("appended");
                }
            })
        })
        .collect();
    let readers: Vec<_> = (0..24)
        .map(|n| {
            let (store, feed) = (store.clone(), feed.clone());
            tokio::spawn(async move {
                // Each comes at another moment of the writing.
                while store.health().head < n * 120 {
                    tokio::task::yield_now().await;
                }
                let mut reader = Reader::connect(&feed, Topics::default(), None, &store).await;
                let mut next = reader.until("snapshot").await.seq().expect("an id") + 1;
                while next <= total {
                    let got = reader.next().await.expect("the stream goes on");
                    if let Some(seq) = got.seq() {
                        assert_eq!(seq, next, "reader {n}");
                        next += 1;
                    }
                }
            })
        })
        .collect();
    for task in writers.into_iter().chain(readers) {
        task.await.expect("no panic");
    }
}

#[tokio::test]
async fn who_does_not_read_is_reset_and_costs_nobody_anything() {
    let folder = folder();
    let (store, feed) = open(
        folder.path(),
        Config {
            ring_bytes: 64 * 1024,
            ..Default::default()
        },
    );
    // `render` shows numbers only, so that frames are small and many.
    let stalled = feed
        .subscribe(Topics::default(), None, &store)
        .await
        .expect("a stream");
    let mut live = Reader::connect(&feed, Topics::default(), None, &store).await;
    let mut last = 0;
    for _ in 0..60 {
        let mut unit = Vec::new();
        for _ in 0..50 {
            unit.extend(noise(10));
        }
        last = store.append(unit).await.expect("never waits")[49].seq;
        while live.next().await.expect("goes on").seq() != Some(last) {}
    }
    assert!(
        feed.counters().held_bytes < 3 * 64 * 1024,
        "{:?}",
        feed.counters()
    );
    let mut stalled = Reader::of(stalled, None);
    assert_eq!(
        stalled.names_until("reset").await,
        ["retry", "hello", "snapshot", "reset"]
    );
    assert_eq!(stalled.next().await, None);
    assert_eq!(feed.counters().resets["slow-consumer"], 1);
    // It comes back with what it has seen, and misses nothing.
    let mut again =
        Reader::connect(&feed, Topics::default(), stalled.last_id.as_deref(), &store).await;
    assert_eq!(again.until("hello").await.data["replayed"], last);
}

#[tokio::test]
async fn shutdown_tells_everybody_and_ends_the_streams() {
    let folder = folder();
    let (store, feed) = open(folder.path(), Config::default());
    let mut readers = Vec::new();
    for _ in 0..20 {
        readers.push(Reader::connect(&feed, Topics::default(), None, &store).await);
    }
    store.append(noise(1)).await.expect("appended");
    feed.shutdown();
    store.append(noise(1)).await.expect("the journal goes on");
    let start = Instant::now();
    let mut delays = std::collections::HashSet::new();
    for reader in &mut readers {
        assert_eq!(
            reader.names_until("daemon.started").await.len(),
            4,
            "what was told before comes before"
        );
        let got = reader.next().await.expect("shutdown");
        assert_eq!(got.name, "shutdown");
        let ms = got.data["retryMs"].as_u64().expect("a number");
        assert!((1_000..5_000).contains(&ms));
        delays.insert(ms);
        assert_eq!(reader.next().await, None);
    }
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(delays.len() > 5, "they do not come back as one herd");
    let mut late = Reader::connect(&feed, Topics::default(), None, &store).await;
    assert_eq!(late.names_until("shutdown").await, ["retry", "shutdown"]);
    assert_eq!(late.next().await, None);
    drop(readers);
    assert_eq!(feed.counters().listeners, 0);
}

#[tokio::test]
async fn nobody_listening_costs_nothing() {
    let folder = folder();
    let (store, feed) = open(
        folder.path(),
        Config {
            heartbeat: Duration::from_millis(5),
            ..Default::default()
        },
    );
    let publish = async |feed: &Feed| {
        for _ in 0..50 {
            store.append(noise(100)).await.expect("appended");
            feed.progress(progress(1, 1, 1));
        }
    };
    publish(&feed).await;
    assert_eq!(
        feed.counters(),
        crate::feed::state::Counters::default(),
        "nothing framed, no task"
    );
    let mut reader = Reader::connect(&feed, Topics::default(), None, &store).await;
    reader.until("ping").await;
    drop(reader);
    // The task's last turn.
    while feed.task_lives() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let before = feed.counters();
    assert_eq!((before.listeners, before.held_bytes), (0, 0));
    publish(&feed).await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(feed.counters(), before, "no ping, no wake-up, no frame");
}

#[tokio::test]
async fn a_quiet_feed_wakes_for_its_pings_only() {
    let folder = folder();
    let (store, feed) = open(
        folder.path(),
        Config {
            heartbeat: Duration::from_millis(60),
            ..Default::default()
        },
    );
    let mut reader = Reader::connect(&feed, Topics::default(), None, &store).await;
    for _ in 0..5 {
        reader.until("ping").await;
    }
    let counters = feed.counters();
    // One turn at the start; a ping within the window of another one is flushed a turn later.
    assert!(counters.wakeups <= 1 + 2 * counters.batches, "{counters:?}");
}

#[tokio::test]
async fn streams_are_limited_and_a_place_is_free_at_once_when_one_goes() {
    let folder = folder();
    let (store, feed) = open(
        folder.path(),
        Config {
            max_streams: 2,
            ..Default::default()
        },
    );
    let one = Reader::connect(&feed, Topics::default(), None, &store).await;
    let _two = Reader::connect(&feed, Topics::default(), None, &store).await;
    let error = feed
        .subscribe(Topics::default(), None, &store)
        .await
        .expect_err("full");
    assert!(matches!(error, SubscribeError::TooMany(2)), "{error}");
    assert_eq!(feed.counters().refused, 1);
    drop(one);
    Reader::connect(&feed, Topics::default(), None, &store).await;
}

#[tokio::test]
async fn a_job_stream_ends_with_the_job() {
    let folder = folder();
    let (store, feed) = open(folder.path(), Config::default());
    let job = || Topics::of(Scope::Job(id(1)));
    store
        .append(vec![
            of(id(1), accepted("scan", "/inbox/a.pdf")),
            of(id(1), queued("c0ffee")),
        ])
        .await
        .expect("appended");
    let mut live = Reader::connect(&feed, job(), None, &store).await;
    let mut only_steps =
        Reader::connect(&feed, job().only("step.*").expect("known"), None, &store).await;
    store
        .append(vec![of(id(1), started(1)), of(id(1), step_started())])
        .await
        .expect("appended");
    live.until("step.started").await;
    let middle = live.last_id.clone().expect("an id");
    store
        .append(life(id(1), "scan", "/inbox/a.pdf", 1)[4..].to_vec())
        .await
        .expect("appended");
    assert_eq!(
        live.names_until("end").await,
        ["step.finished", "job.delivering", "job.succeeded", "end"]
    );
    assert_eq!(live.next().await, None);
    assert_eq!(
        only_steps.names_until("end").await,
        [
            "retry",
            "hello",
            "snapshot",
            "step.started",
            "step.finished",
            "end"
        ]
    );

    let past = live.last_id.clone().expect("an id");
    assert!(
        feed.already_ended(id(1), &past, &store)
            .await
            .expect("read")
    );
    assert!(
        !feed
            .already_ended(id(1), &middle, &store)
            .await
            .expect("read")
    );
    assert!(
        !feed
            .already_ended(id(2), &past, &store)
            .await
            .expect("read"),
        "no such job"
    );
    assert!(
        !feed
            .already_ended(id(1), "00000000-99", &store)
            .await
            .expect("read"),
        "another journal"
    );

    let mut again = Reader::connect(&feed, job(), Some(&middle), &store).await;
    assert_eq!(
        again.names_until("end").await,
        [
            "retry",
            "hello",
            "step.finished",
            "job.delivering",
            "job.succeeded",
            "end"
        ]
    );
    assert_eq!(again.next().await, None);
    for last in [Some(past.as_str()), None] {
        let mut late = Reader::connect(&feed, job(), last, &store).await;
        late.until("end").await;
        assert_eq!(late.next().await, None);
    }
    assert_eq!(feed.counters().listeners, 0, "ended streams hold no place");
}
