//! Under load: workers die and clients come and go, and still nothing is lost, doubled, or told out of order.

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::feed::PATIENCE;
use dropleaf_test_support::folder::files;
use dropleaf_test_support::process::{Dice, children, kill};
use dropleaf_test_support::{Value, sample};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

const TURN: &str = "\
retry: { attempts: 4, backoff: 10ms, max_backoff: 50ms }
steps:
  - uses: rotate
    with: { angle: 90 }
  - uses: set-metadata
    with: { title: \"{{ input.stem }}\" }
";

fn turn(id: &str) -> String {
    format!("watch: {{ folder: inbox/{id}, quiet: 0s }}\n{TURN}")
}

#[test]
fn nothing_is_lost_and_nothing_doubled_when_workers_are_killed_at_random() {
    const FILES: usize = 200;
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", &turn("p"));
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let document = sample::pdf(4);
    for number in 0..FILES {
        home.drop_file("inbox/p", &format!("{number}.pdf"), &document);
    }
    let mut dice = Dice::new(20_261_126);
    let (mut ended, mut kills) = (0, 0);
    let began = Instant::now();
    while ended < FILES {
        // Pings alone would keep it waiting for ever.
        assert!(began.elapsed() < 3 * PATIENCE, "{} of {FILES} ended", ended);
        let event = feed.next_event();
        match event.name.as_str() {
            "job.succeeded" | "job.failed" => ended += 1,
            // At a start a worker has its work before it; in a step it is in the middle.
            "job.started" | "step.started" if dice.roll(5) == 0 => {
                let workers = children(daemon.pid());
                if let Some(worker) =
                    workers.get(usize::try_from(dice.roll(workers.len() as u64)).unwrap_or(0))
                {
                    kill(*worker);
                    kills += 1;
                }
            }
            _ => {}
        }
    }
    assert!(kills >= 20, "only {kills} were killed");
    let named =
        |folder: &str| -> BTreeSet<PathBuf> { files(&home.path(folder)).into_iter().collect() };
    let (outputs, archived) = (named("outbox/p"), named("archive/p"));
    let failed: BTreeSet<PathBuf> = named("failed/p")
        .into_iter()
        .filter(|name| name.extension().is_some_and(|ending| ending == "pdf"))
        .collect();
    assert_eq!(
        outputs, archived,
        "an output for each archived original, under its own name"
    );
    assert!(outputs.is_disjoint(&failed), "no file has two ends");
    let all: BTreeSet<PathBuf> = (0..FILES)
        .map(|number| PathBuf::from(format!("{number}.pdf")))
        .collect();
    assert_eq!(&outputs | &failed, all, "each file has an end");
    assert!(
        outputs.len() > FILES / 2,
        "most get through: {}",
        outputs.len()
    );
    for name in &outputs {
        let output = std::fs::read(home.path("outbox/p").join(name)).expect("it is there");
        assert_eq!(sample::rotations(&output), [90; 4], "{}", name.display());
    }
    for name in &failed {
        let note = format!("failed/p/{}.error.txt", name.display());
        let note = std::fs::read_to_string(home.path(note)).expect("the note is there");
        assert!(
            note.contains("killed from outside") || note.contains("signal 9"),
            "{note}"
        );
    }
    let crashed = feed
        .names()
        .iter()
        .filter(|name| **name == "worker.crashed")
        .count();
    assert!(crashed > 0, "some died at work");
    assert_eq!(files(&home.path("inbox/p")), Vec::<PathBuf>::new());
    let jobs = daemon.get("/jobs?limit=500");
    assert_eq!(
        jobs.body["jobs"].as_array().map(Vec::len),
        Some(FILES),
        "one job a file"
    );
}

/// What a client that is cut again and again has read: each event's number, name and data.
type Read = Vec<(u64, String, Value)>;

/// Reads a feed from `cursor`, cut after a few events each time and resumed after the last one, until a pipeline is paused.
fn cut_again_and_again(daemon: &TestDaemon, path: &str, cursor: &str, seed: u64) -> Read {
    let mut dice = Dice::new(seed);
    let (mut read, mut last, mut cuts) = (Read::new(), cursor.to_owned(), 0);
    let began = Instant::now();
    loop {
        // Pings alone would keep it waiting for ever.
        assert!(began.elapsed() < PATIENCE, "{path}: the end did not come");
        let mut feed = daemon.follow_from(path, Some(&last));
        for _ in 0..=dice.roll(25) {
            let event = feed.next_event();
            assert!(
                !["reset", "snapshot"].contains(&event.name.as_str()),
                "{path}: {event:?}"
            );
            if let Some(id) = event.id {
                let seq = event.data["seq"]
                    .as_u64()
                    .expect("durable events are numbered");
                let end = event.name == "pipeline.paused";
                read.push((seq, event.name, event.data));
                last = id;
                if end {
                    assert!(cuts > 5, "{path} was cut only {cuts} times");
                    return read;
                }
            }
        }
        cuts += 1;
    }
}

/// The journal after `cursor`, narrowed to a pipeline.
fn journal(daemon: &TestDaemon, cursor: &str, narrow: &str) -> Read {
    let (mut read, mut cursor) = (Read::new(), cursor.to_owned());
    loop {
        let page = daemon
            .get(&format!(
                "/events/history?limit=1000&after={cursor}{narrow}"
            ))
            .body;
        for event in page["events"].as_array().expect("events") {
            let name = event["event"].as_str().expect("a name").to_owned();
            let seq = event["data"]["seq"].as_u64().expect("a number");
            read.push((seq, name, event["data"].clone()));
        }
        if page["complete"] == true {
            return read;
        }
        page["cursor"]
            .as_str()
            .expect("a cursor")
            .clone_into(&mut cursor);
    }
}

#[test]
fn feeds_that_are_cut_and_resumed_at_random_say_what_the_journal_says() {
    const FILES: usize = 60;
    let home = TestHome::new(PROGRAM);
    home.pipeline("a", &turn("a"));
    home.pipeline("b", &turn("b"));
    let daemon = home.serve();
    let hello = daemon.follow("/events").until_named("hello");
    let cursor = hello.data["cursor"].as_str().expect("a cursor").to_owned();
    let document = sample::pdf(2);
    let clients: [(&str, &str); 4] = [
        ("/events", ""),
        ("/events?types=job.*,pipeline.*", "&types=job.*,pipeline.*"),
        ("/pipelines/a/events", "&pipeline=a"),
        ("/pipelines/b/events", "&pipeline=b"),
    ];
    let read: BTreeMap<&str, Read> = std::thread::scope(|scope| {
        let readers: Vec<_> = (1..)
            .zip(clients)
            .map(|(seed, (path, _))| {
                let (daemon, cursor) = (&daemon, &cursor);
                (
                    path,
                    scope.spawn(move || cut_again_and_again(daemon, path, cursor, seed)),
                )
            })
            .collect();
        let mut whole = daemon.follow_from("/events", Some(&cursor));
        for number in 0..FILES {
            for id in ["a", "b"] {
                home.drop_file(&format!("inbox/{id}"), &format!("{number}.pdf"), &document);
            }
        }
        whole.until_ended(2 * FILES);
        // `a` and `b` are paused in one breath, so that the feeds of both end together.
        for id in ["a", "b"] {
            let paused = daemon.post(&format!("/pipelines/{id}/pause"), b"");
            assert!(paused.status < 300, "{} {}", paused.status, paused.body);
        }
        readers
            .into_iter()
            .map(|(path, reader)| (path, reader.join().expect("it read on")))
            .collect()
    });
    for (path, narrow) in clients {
        let read = &read[path];
        let told: Read = journal(&daemon, &cursor, narrow)
            .into_iter()
            .take(read.len())
            .collect();
        assert_eq!(told.len(), read.len(), "{path}: the journal has no fewer");
        for (one, other) in told.iter().zip(read) {
            assert_eq!(one, other, "{path}");
        }
        assert!(read.len() > FILES, "{path}: {}", read.len());
    }
    let seqs: Vec<u64> = read["/events"].iter().map(|(seq, ..)| *seq).collect();
    assert!(
        seqs.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "without a gap: {seqs:?}"
    );
}
