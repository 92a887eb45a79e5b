//! A client that follows the feed through all deaths of the daemon and holds it to its contract.

use crate::feed::Feed;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The client's thread.
#[derive(Debug)]
pub(super) struct Follower {
    shared: Arc<Mutex<Shared>>,
    thread: JoinHandle<Followed>,
}

/// What it heard.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// Each durable event by its number.
    pub(super) events: BTreeMap<u64, Value>,
    /// The number that its first snapshot told.
    pub(super) from: u64,
    /// How often it connected.
    pub(super) connections: u32,
    /// What was not as the contract says.
    pub(super) faults: Vec<String>,
}

#[derive(Debug, Default)]
struct Shared {
    address: Option<String>,
    heard: u64,
    stop: bool,
}

impl Follower {
    pub(super) fn start(seed: u64) -> Self {
        Self::resume(seed, Followed::default(), None)
    }

    /// A client that has heard something before and comes back with its last event id.
    pub(super) fn resume(seed: u64, followed: Followed, last: Option<(String, u64)>) -> Self {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let mut client = Client {
            shared: Arc::clone(&shared),
            random: fastrand::Rng::with_seed(seed),
            followed,
            last,
        };
        let thread = std::thread::spawn(move || {
            client.follow();
            client.followed
        });
        Self { shared, thread }
    }

    /// Where the daemon listens now.
    pub(super) fn listens_at(&self, address: Option<&str>) {
        self.shared.lock().expect("no follower panics").address = address.map(str::to_owned);
    }

    /// Waits until it has heard an event, for a while.
    pub(super) fn await_seq(&self, seq: u64) {
        let end = Instant::now() + Duration::from_secs(20);
        while self.shared.lock().expect("no follower panics").heard < seq && Instant::now() < end {
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    pub(super) fn stop(self) -> Followed {
        self.shared.lock().expect("no follower panics").stop = true;
        self.thread.join().expect("no follower panics")
    }
}

struct Client {
    shared: Arc<Mutex<Shared>>,
    random: fastrand::Rng,
    followed: Followed,
    last: Option<(String, u64)>,
}

impl Client {
    fn follow(&mut self) {
        loop {
            let (address, stop) = {
                let shared = self.shared.lock().expect("no driver panics");
                (shared.address.clone(), shared.stop)
            };
            if stop {
                return;
            }
            if let Some(feed) = address.as_deref().and_then(|address| self.connect(address)) {
                self.followed.connections += 1;
                self.hear(feed);
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    fn connect(&self, address: &str) -> Option<Feed> {
        let config = ureq::Agent::config_builder().timeout_connect(Some(Duration::from_secs(2)));
        let agent: ureq::Agent = config.build().into();
        let mut request = agent
            .get(format!("http://{address}/api/v1/events"))
            .header("accept", "text/event-stream");
        if let Some((id, _)) = &self.last {
            request = request.header("last-event-id", id);
        }
        let answer = request.call().ok()?;
        Some(Feed::read(answer.into_body().into_reader()))
    }

    /// Reads until the connection ends, or is given up at random: lines are cut in the middle of a life, too.
    fn hear(&mut self, mut feed: Feed) {
        let events = self.random.u32(5..400);
        for _ in 0..events {
            match feed.try_next(Duration::from_millis(200)) {
                Ok(event) => {
                    let name = event.name.clone();
                    match name.as_str() {
                        "hello" => self.hello(&event.data),
                        "reset" => self.fault(format!("the feed was reset: {}", event.data)),
                        "snapshot" => self.snapshot(event.id, &event.data),
                        _ => {
                            if let Some(id) = event.id {
                                self.durable(id, &name, event.data);
                            }
                        }
                    }
                }
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    if self.shared.lock().expect("no driver panics").stop {
                        return;
                    }
                }
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn hello(&mut self, data: &Value) {
        if self.last.is_some() && data["resumed"] != true {
            self.fault(format!(
                "the feed did not resume after {:?}: {data}",
                self.last
            ));
        }
    }

    fn snapshot(&mut self, id: Option<String>, data: &Value) {
        let Some(seq) = data["seq"].as_u64() else {
            return self.fault(format!("a snapshot without its number: {data}"));
        };
        if let Some(last) = &self.last {
            return self.fault(format!("a snapshot in place of what follows {last:?}"));
        }
        self.followed.from = seq;
        self.last = id.map(|id| (id, seq));
    }

    fn durable(&mut self, id: String, name: &str, mut data: Value) {
        let seq = data["seq"].as_u64().unwrap_or(0);
        let before = self.last.as_ref().map_or(0, |(_, seq)| *seq);
        if seq != before + 1 {
            self.fault(format!("event {seq} ({name}) came after event {before}"));
        }
        if id.rsplit('-').next() != Some(seq.to_string().as_str()) {
            self.fault(format!("event {seq} has the id {id}"));
        }
        if let Some(data) = data.as_object_mut() {
            data.insert("event".to_owned(), name.into());
        }
        self.followed.events.insert(seq, data);
        self.last = Some((id, seq));
        self.shared.lock().expect("no driver panics").heard = seq;
    }

    fn fault(&mut self, fault: String) {
        self.followed.faults.push(fault);
    }
}
