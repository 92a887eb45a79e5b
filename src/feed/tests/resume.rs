//! Whatever happens, a client sees each durable event of its topic once and in order, or is told that it does not.

use super::reader::{Reader, open};
use crate::feed::Feed;
use crate::feed::config::Config;
use crate::feed::topics::Topics;
use crate::store::Store;
use crate::store::prune::Retention;
use crate::store::query::{EventQuery, Scope};
use crate::store::tests::sample::{folder, id, life, runtime};
use crate::time::Timestamp;
use proptest::prelude::*;
use std::path::Path;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    /// So many jobs come and go.
    Work(u64),
    /// The client reads what there is.
    Read,
    /// The client's connection breaks and it comes back with its last id.
    Reconnect,
    /// The daemon goes and comes back, and with it every connection.
    Restart,
    /// Retention keeps so many jobs.
    Prune(u64),
    /// Another journal takes the place of the old one.
    Replace,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..6_u64).prop_map(Step::Work),
        3 => Just(Step::Read),
        4 => Just(Step::Reconnect),
        2 => Just(Step::Restart),
        1 => (0..8_u64).prop_map(Step::Prune),
        1 => Just(Step::Replace),
    ]
}

struct Client {
    topics: Topics,
    reader: Option<Reader>,
    last: Option<String>,
    /// All it knows of is up to here.
    known: u64,
    resets: u64,
}

impl Client {
    async fn connect(&mut self, store: &Store, feed: &Feed) {
        self.reader =
            Some(Reader::connect(feed, self.topics.clone(), self.last.as_deref(), store).await);
    }

    /// Reads until a ping says that there is no more, and checks every number against the journal.
    async fn read(&mut self, store: &Store) {
        let head = store.health().head;
        let mut query = EventQuery {
            limit: 1_000_000,
            ..Default::default()
        };
        if let Scope::Pipeline(id) = &self.topics.scope {
            query.pipeline = Some(id.clone());
        }
        let all: Vec<u64> = store
            .events(query)
            .await
            .expect("read")
            .iter()
            .map(|event| event.seq)
            .collect();
        let reader = self.reader.as_mut().expect("connected");
        loop {
            let got = reader.next().await.expect("the stream goes on");
            match (got.name.as_str(), got.seq()) {
                ("ping", _) if got.data["seq"] == head => break,
                ("reset", _) => self.resets += 1,
                // A state at an event: older news are in it.
                ("snapshot", Some(seq)) => self.known = seq,
                (_, Some(seq)) => {
                    let missed: Vec<_> = all
                        .iter()
                        .filter(|it| **it > self.known && **it < seq)
                        .collect();
                    assert!(missed.is_empty(), "missed {missed:?} before {seq}");
                    assert!(seq > self.known, "{seq} again after {}", self.known);
                    self.known = seq;
                }
                _ => {}
            }
        }
        let missed: Vec<_> = all.iter().filter(|it| **it > self.known).collect();
        assert!(missed.is_empty(), "missed {missed:?}");
        self.last.clone_from(&reader.last_id);
    }
}

fn config() -> Config {
    Config {
        heartbeat: Duration::from_millis(4),
        replay_events: 60,
        ..Default::default()
    }
}

async fn play(folder: &Path, steps: Vec<Step>) {
    let mut at = folder.join("0");
    let (mut store, mut feed) = open(&at, config());
    let client = |topics| Client {
        topics,
        reader: None,
        last: None,
        known: 0,
        resets: 0,
    };
    let mut clients = [
        client(Topics::default()),
        client(Topics::of(Scope::Pipeline("even".to_owned()))),
    ];
    for client in &mut clients {
        client.connect(&store, &feed).await;
    }
    let mut next_job = 1;
    for (n, step) in steps.into_iter().enumerate() {
        match step {
            Step::Work(jobs) => {
                for _ in 0..jobs {
                    let pipeline = if next_job % 2 == 0 { "even" } else { "odd" };
                    store
                        .append(life(
                            id(next_job),
                            pipeline,
                            "/inbox/a.pdf",
                            next_job as i64,
                        ))
                        .await
                        .expect("appended");
                    next_job += 1;
                }
            }
            Step::Read => {}
            Step::Reconnect => {
                for client in &mut clients {
                    // What it has not read is lost with the connection.
                    client.last = client.reader.take().expect("connected").last_id;
                }
            }
            Step::Restart | Step::Replace => {
                for client in &mut clients {
                    client.last = client.reader.take().expect("connected").last_id;
                }
                drop(feed);
                store.close().await;
                if matches!(step, Step::Replace) {
                    at = folder.join((n + 1).to_string());
                }
                (store, feed) = open(&at, config());
            }
            Step::Prune(jobs) => {
                let keep = Retention {
                    age: Duration::from_secs(1_000),
                    jobs,
                    now: Timestamp(0),
                };
                // A client that is connected reads before, so that what it is owed is still there to compare with.
                for client in &mut clients {
                    client.read(&store).await;
                }
                store.prune(keep).await.expect("pruned");
            }
        }
        for client in &mut clients {
            if client.reader.is_none() {
                client.connect(&store, &feed).await;
            }
            if matches!(step, Step::Read | Step::Restart | Step::Replace) {
                client.read(&store).await;
            }
        }
    }
    for client in &mut clients {
        client.read(&store).await;
    }
}

#[test]
fn every_event_once_or_a_reset() {
    let runtime = runtime();
    proptest!(ProptestConfig::with_cases(20), |(steps in proptest::collection::vec(step(), 1..25))| {
        let folder = folder();
        runtime.block_on(play(folder.path(), steps));
    });
}
