//! What passes by: progress and gauges.

use super::*;

#[tokio::test]
async fn progress_is_told_a_few_times_and_never_after_the_end() {
    let folder = folder();
    let config = Config {
        progress_gap: Duration::from_millis(40),
        ..Default::default()
    };
    let (store, feed) = open(folder.path(), config);
    let mut reader = Reader::connect(&feed, Topics::default(), None, &store).await;
    store
        .append(life(id(1), "scan", "/inbox/a.pdf", 1)[..4].to_vec())
        .await
        .expect("appended");
    let start = Instant::now();
    for done in 1..=1_000 {
        feed.progress(progress(1, 4, done));
    }
    let mut told = 1;
    while reader.until("step.progress").await.data["done"] != 1_000 {
        told += 1;
    }
    let gaps = start.elapsed().as_millis() / 40;
    assert!(
        told <= 1 + gaps,
        "{told} in {gaps} gaps, the latest among them"
    );

    // One more waits when the job ends; it is overtaken.
    feed.progress(progress(1, 4, 1_001));
    store
        .append(life(id(1), "scan", "/inbox/a.pdf", 1)[4..].to_vec())
        .await
        .expect("appended");
    feed.progress(progress(1, 7, 1_002));
    feed.log(
        &store.job(id(1)).await.expect("read").expect("there"),
        &[LogLine {
            at: Timestamp(1),
            level: "info".to_owned(),
            step: None,
            message: "bye".to_owned(),
        }],
    );
    let names = reader.names_until("log").await;
    assert!(
        !names.contains(&"step.progress".to_owned())
            || names.iter().position(|name| name == "step.progress")
                < names.iter().position(|name| name == "job.delivering"),
        "{names:?}"
    );
    assert!(names.contains(&"job.succeeded".to_owned()));
    tokio::time::sleep(Duration::from_millis(80)).await;
    store.append(noise(1)).await.expect("appended");
    assert_eq!(
        reader.names_until("daemon.started").await,
        ["daemon.started"],
        "nothing in between"
    );
}

#[tokio::test]
async fn one_who_comes_late_sees_the_running_jobs_progress() {
    let folder = folder();
    let (store, feed) = open(folder.path(), Config::default());
    let _first = Reader::connect(&feed, Topics::default(), None, &store).await;
    store
        .append(life(id(1), "scan", "/inbox/a.pdf", 1)[..4].to_vec())
        .await
        .expect("appended");
    feed.progress(progress(1, 4, 7));
    let mut late = Reader::connect(&feed, Topics::default(), None, &store).await;
    late.until("snapshot").await;
    assert_eq!(late.until("step.progress").await.data["done"], 7);
}

/// The moment between a commit and its publishing: the journal knows of the end, the feed does not yet.
#[tokio::test]
async fn a_job_that_a_snapshot_knows_to_have_ended_shows_no_progress() {
    let folder = folder();
    let (store, heard) = crate::store::tests::sample::open_hearing(folder.path());
    let feed = Feed::new(Config::default(), views(), store.epoch(), 0);
    let _first = Reader::connect(&feed, Topics::default(), None, &store).await;
    let events = store
        .append(life(id(1), "scan", "/inbox/a.pdf", 1))
        .await
        .expect("appended");
    feed.publish(&events[..4]);
    feed.progress(progress(1, 4, 7));
    let mut late = Reader::connect(&feed, Topics::default(), None, &store).await;
    feed.progress(progress(1, 4, 8));
    feed.publish(&events[4..]);
    feed.publish(&store.append(noise(1)).await.expect("appended"));
    assert_eq!(
        late.names_until("daemon.started").await,
        ["retry", "hello", "snapshot", "daemon.started"]
    );
    assert_eq!(heard.lock().expect("no panic").len(), 8);
}

#[tokio::test]
async fn gauges_are_told_when_they_change() {
    let folder = folder();
    let (store, _) = crate::store::tests::sample::open(folder.path());
    let value = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(1));
    let shown = std::sync::Arc::clone(&value);
    let mut views = views();
    views.stats = Some(std::sync::Arc::new(move || {
        let gauges = json!({"queue": shown.load(std::sync::atomic::Ordering::Relaxed)});
        Box::pin(async move { Some(gauges) })
    }));
    let config = Config {
        stats_every: Duration::from_millis(10),
        ..Default::default()
    };
    let feed = Feed::new(config, views, store.epoch(), 0);
    let mut reader = Reader::connect(&feed, Topics::default(), None, &store).await;
    assert_eq!(reader.until("stats").await.data["queue"], 1);
    value.store(2, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(
        reader.until("stats").await.data["queue"],
        2,
        "not the same again"
    );
    let mut late = Reader::connect(&feed, Topics::default(), None, &store).await;
    assert_eq!(late.until("stats").await.data["queue"], 2);
    feed.publish(&store.append(noise(1)).await.expect("appended"));
    assert_eq!(
        reader.names_until("daemon.started").await,
        ["daemon.started"],
        "who was there has seen them"
    );
}
