//! A reader of server-sent events (WHATWG HTML, 9.2.6) that waits under a deadline.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One event as it came over the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `id`, where it has one.
    pub id: Option<String>,
    /// `event`.
    pub name: String,
    /// `data`, parsed.
    pub data: Value,
}

impl Event {
    /// Its number in the journal, where it has one.
    pub fn number(&self) -> Option<u64> {
        self.id.as_ref()?.rsplit_once('-')?.1.parse().ok()
    }
}

/// An open stream; it closes when dropped with its connection.
#[derive(Debug)]
pub struct Feed {
    events: Receiver<Event>,
    seen: Vec<Event>,
}

impl Feed {
    /// Reads `body` on a thread of its own until it ends.
    pub fn read(body: impl Read + Send + 'static) -> Self {
        let (sender, events) = channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(body).lines();
            let (mut id, mut name, mut data) = (None, String::new(), String::new());
            while let Some(Ok(line)) = lines.next() {
                if line.is_empty() {
                    if !data.is_empty() {
                        let data =
                            serde_json::from_str(&data).unwrap_or(Value::String(data.clone()));
                        let event = Event {
                            id: id.take(),
                            name: std::mem::take(&mut name),
                            data,
                        };
                        if sender.send(event).is_err() {
                            return;
                        }
                    }
                    (id, name, data) = (None, String::new(), String::new());
                } else if let Some((field, value)) = line.split_once(':') {
                    let value = value.strip_prefix(' ').unwrap_or(value);
                    match field {
                        "id" => id = Some(value.to_owned()),
                        "event" => value.clone_into(&mut name),
                        "data" => data.push_str(value),
                        _ => {}
                    }
                }
            }
        });
        Self {
            events,
            seen: Vec::new(),
        }
    }

    /// The next event.
    ///
    /// # Panics
    /// None came in time, or the stream ended.
    pub fn next_event(&mut self) -> Event {
        self.try_next(PATIENCE)
            .unwrap_or_else(|why| panic!("no event ({why:?}); so far: {:#?}", self.names()))
    }

    /// The next event within `patience`.
    ///
    /// # Errors
    /// None came, or the stream ended.
    pub fn try_next(&mut self, patience: Duration) -> Result<Event, RecvTimeoutError> {
        let event = self.events.recv_timeout(patience)?;
        self.seen.push(event.clone());
        Ok(event)
    }

    /// The same, but it is not kept: for long runs.
    ///
    /// # Errors
    /// None came, or the stream ended.
    pub fn take_next(&mut self, patience: Duration) -> Result<Event, RecvTimeoutError> {
        self.events.recv_timeout(patience)
    }

    /// Reads on to the first event that `wanted` says yes to.
    ///
    /// # Panics
    /// None came in time; the message lists what came instead.
    pub fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.try_next(left) {
                Ok(event) if wanted(&event) => return event,
                Ok(_) => {}
                Err(why) => panic!("the event did not come ({why:?}); so far: {:#?}", self.seen),
            }
        }
    }

    /// Reads on to the first event of this name.
    ///
    /// # Panics
    /// None came in time.
    pub fn until_named(&mut self, name: &str) -> Event {
        self.until(|event| event.name == name)
    }

    /// All events until the stream ends.
    ///
    /// # Panics
    /// It did not end in time.
    pub fn rest(&mut self) -> Vec<Event> {
        let deadline = Instant::now() + PATIENCE;
        let mut rest = Vec::new();
        loop {
            match self.try_next(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) => rest.push(event),
                Err(RecvTimeoutError::Disconnected) => return rest,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("the stream did not end; so far: {:#?}", self.names())
                }
            }
        }
    }

    /// Reads on until `count` jobs have ended since the feed was opened, and gives each job's events by its file's name.
    ///
    /// # Panics
    /// They did not end in time.
    pub fn until_ended(&mut self, count: usize) -> BTreeMap<String, Vec<Event>> {
        while self.seen.iter().filter(|event| is_end(event)).count() < count {
            self.until(is_end);
        }
        let mut stories: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for event in &self.seen {
            if let (Some(name), true) = (event.data["name"].as_str(), event.data["job"].is_string())
            {
                stories
                    .entry(name.to_owned())
                    .or_default()
                    .push(event.clone());
            }
        }
        stories
    }

    /// Everything read so far.
    #[must_use]
    pub fn seen(&self) -> &[Event] {
        &self.seen
    }

    /// The names of everything read so far.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.seen.iter().map(|event| event.name.as_str()).collect()
    }
}

fn is_end(event: &Event) -> bool {
    matches!(
        event.name.as_str(),
        "job.succeeded" | "job.failed" | "job.cancelled"
    )
}
