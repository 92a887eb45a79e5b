//! Following a feed through cuts and restarts: the last event id goes along, the wait grows and is jittered, and silence
//! counts as a cut.

use crate::client::Client;
use crate::client::error::Error;
use crate::client::sse::{Parser, SseEvent};
use crate::problem::chain;
use http_body_util::BodyExt as _;
use serde_json::Value;
use std::ops::ControlFlow;
use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What one who follows hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// An event; `hello`, `snapshot`, `reset`, `ping`, `end` and `shutdown` among them.
    Event {
        /// Its name.
        name: String,
        /// Its data; a text that is not JSON comes as a string.
        data: Value,
        /// Its id, where it has one: what passes by and is never told again has none.
        id: Option<String>,
    },
    /// The line was cut; the next try comes after this time.
    Lost {
        /// How long until then.
        wait: Duration,
        /// Why.
        why: String,
    },
}

/// How one went on following.
enum Ended {
    /// The listener has heard enough, or the daemon says that there is no more.
    Done,
    /// Try again.
    Cut(String),
}

/// Follows the feed at `path` until `listen` breaks, the feed ends, or the daemon refuses. Without `patience` the first
/// connection must succeed; with it, a daemon that is not there yet is waited for.
///
/// # Errors
/// The daemon refuses, or (without `patience`) is not there at the first try.
pub async fn follow(
    client: &Client,
    path: &str,
    patience: Patience,
    listen: impl FnMut(Heard) -> ControlFlow<()>,
) -> Result<(), Error> {
    let find = async || Ok(client.clone());
    follow_found(find, path, patience, listen).await
}

/// The same for a daemon that may come back elsewhere: it is looked for before each try.
///
/// # Errors
/// As [`follow`].
pub async fn follow_found(
    find: impl AsyncFn() -> Result<Client, Error>,
    path: &str,
    patience: Patience,
    mut listen: impl FnMut(Heard) -> ControlFlow<()>,
) -> Result<(), Error> {
    let mut state = State {
        last: None,
        base: Duration::from_secs(2),
        tries: 0,
        has_met: patience == Patience::Wait,
    };
    loop {
        let tried = async {
            let client = find().await?;
            once(&client, path, &mut state, &mut listen).await
        };
        let why = match tried.await {
            Ok(Ended::Done) => return Ok(()),
            Ok(Ended::Cut(why)) => why,
            Err(error) if state.has_met && error.is_passing() => chain(&error),
            Err(error) => return Err(error),
        };
        let wait = state.next_wait();
        if listen(Heard::Lost { wait, why }).is_break() {
            return Ok(());
        }
        tokio::time::sleep(wait).await;
    }
}

/// What to do about a daemon that is not there at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Say so.
    Refuse,
    /// Wait for it.
    Wait,
}

struct State {
    last: Option<String>,
    base: Duration,
    tries: u32,
    has_met: bool,
}

impl State {
    /// A random part of a span that doubles with each try, so that clients do not come back as one herd.
    fn next_wait(&mut self) -> Duration {
        let span = self
            .base
            .saturating_mul(1 << self.tries.min(10))
            .min(LONGEST);
        self.tries += 1;
        let random = ulid::Ulid::generate().random() as u32;
        Duration::from_millis(100) + span.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

async fn once(
    client: &Client,
    path: &str,
    state: &mut State,
    listen: &mut impl FnMut(Heard) -> ControlFlow<()>,
) -> Result<Ended, Error> {
    let answer = client.open(path, state.last.as_deref()).await?;
    if answer.status() == http::StatusCode::NO_CONTENT {
        return Ok(Ended::Done);
    }
    state.has_met = true;
    let mut body = answer.into_body();
    let mut parser = Parser::after(state.last.clone());
    let mut silence = HEARTBEAT * 5 / 2;
    loop {
        let frame = match tokio::time::timeout(silence, body.frame()).await {
            Err(_) => return Ok(Ended::Cut("silence".into())),
            Ok(None) => return Ok(Ended::Cut("the daemon closed the feed".into())),
            Ok(Some(Err(error))) => return Ok(Ended::Cut(chain(&error))),
            Ok(Some(Ok(frame))) => frame,
        };
        let Some(bytes) = frame.data_ref() else {
            continue;
        };
        let events = match parser.feed(bytes) {
            Ok(events) => events,
            Err(error) => return Err(Error::Cut(error.into())),
        };
        if let Some(ms) = parser.retry() {
            state.base = Duration::from_millis(ms.clamp(100, 30_000));
        }
        for event in events {
            if let Some(heartbeat) = react(state, &event) {
                silence = heartbeat * 5 / 2;
            }
            let is_end = event.name == "end";
            if listen(heard(event)).is_break() || is_end {
                return Ok(Ended::Done);
            }
        }
    }
}

/// What an event changes about following; the heartbeat, if it says so.
fn react(state: &mut State, event: &SseEvent) -> Option<Duration> {
    // A feed that delivers is a good one: the next cut starts with a short wait again.
    state.tries = 0;
    let data = || serde_json::from_str::<Value>(&event.data).ok();
    // Who was too slow comes back to where he was. Any other reset means that there is no going on from there.
    let is_lost =
        event.name == "reset" && data().is_none_or(|reset| reset["reason"] != "slow-consumer");
    state.last = event.id.clone().filter(|_| !is_lost);
    if event.name != "hello" {
        return None;
    }
    let data = data()?;
    let heartbeat = data["heartbeatMs"].as_u64()?;
    Some(Duration::from_millis(heartbeat.clamp(1_000, 600_000)))
}

fn heard(event: SseEvent) -> Heard {
    Heard::Event {
        data: serde_json::from_str(&event.data).unwrap_or(Value::String(event.data)),
        name: event.name,
        id: event.id.filter(|_| event.has_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound() {
        let mut state = State {
            last: None,
            base: Duration::from_secs(1),
            tries: 0,
            has_met: true,
        };
        for tries in 0..40 {
            let wait = state.next_wait();
            let longest = Duration::from_secs(1 << tries.min(10)).min(LONGEST);
            assert!(
                wait <= longest + Duration::from_millis(100),
                "{tries}: {wait:?}"
            );
            assert!(wait >= Duration::from_millis(100));
        }
    }
}
