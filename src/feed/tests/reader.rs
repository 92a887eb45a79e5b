//! A client for tests: reads frames off a stream with a deadline.

use crate::event::Stored;
use crate::feed::Feed;
use crate::feed::config::{Config, Views};
use crate::feed::cursor::Cursor;
use crate::feed::progress::Progress;
use crate::feed::subscription::Subscription;
use crate::feed::topics::Topics;
use crate::store::Store;
use crate::store::open::Journal;
use crate::store::query::Snapshot;
use crate::store::tests::sample;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Nothing here takes as long; a test that waits longer has found a stream that hangs.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn views() -> Views {
    fn event(event: &Stored) -> Value {
        json!({"seq": event.seq, "rev": event.rev})
    }
    fn snapshot(snapshot: &Snapshot) -> Value {
        json!({"open": snapshot.open.len(), "ended": snapshot.ended.len()})
    }
    Views {
        event,
        snapshot: Arc::new(snapshot),
        progress: Arc::new(
            |progress: &Progress| json!({"job": progress.job, "done": progress.done}),
        ),
        log: |job, lines| json!({"job": job, "lines": lines.len()}),
        stats: None,
    }
}

/// A journal with its feed.
pub(crate) fn open(folder: &Path, config: Config) -> (Store, Feed) {
    let (journal, opening) = Journal::open(&sample::config(folder)).expect("the journal opens");
    let feed = Feed::new(config, views(), &opening.epoch, opening.head);
    (Store::start(journal, feed.sink()).expect("started"), feed)
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Got {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Got {
    pub(crate) fn seq(&self) -> Option<u64> {
        let cursor = Cursor::parse(self.id.as_deref()?).expect("our id");
        Some(cursor.seq)
    }
}

pub(crate) struct Reader {
    stream: Subscription,
    text: String,
    frames: VecDeque<Got>,
    pub(crate) last_id: Option<String>,
}

impl Reader {
    pub(crate) async fn connect(
        feed: &Feed,
        topics: Topics,
        last: Option<&str>,
        store: &Store,
    ) -> Self {
        let stream = feed.subscribe(topics, last, store).await.expect("a stream");
        Self::of(stream, last)
    }

    pub(crate) fn of(stream: Subscription, last: Option<&str>) -> Self {
        Self {
            stream,
            text: String::new(),
            frames: VecDeque::new(),
            last_id: last.map(str::to_owned),
        }
    }

    /// The next frame; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Got> {
        loop {
            if let Some(got) = self.frames.pop_front() {
                if got.id.is_some() {
                    self.last_id.clone_from(&got.id);
                }
                return Some(got);
            }
            let chunk = tokio::time::timeout(DEADLINE, self.stream.next())
                .await
                .expect("the stream goes on or ends");
            let Some(Ok(chunk)) = chunk else {
                assert_eq!(self.text, "", "a stream ends between frames");
                return None;
            };
            self.text
                .push_str(std::str::from_utf8(&chunk).expect("text"));
            self.parse();
        }
    }

    fn parse(&mut self) {
        while let Some((block, rest)) = self.text.split_once("\n\n") {
            let mut got = Got {
                id: None,
                name: String::new(),
                data: Value::Null,
            };
            for line in block.lines() {
                match line.split_once(": ").expect("a field") {
                    ("id", id) => got.id = Some(id.to_owned()),
                    ("event", name) => got.name = name.to_owned(),
                    ("data", data) => got.data = serde_json::from_str(data).expect("JSON"),
                    ("retry", ms) => {
                        got.name = "retry".to_owned();
                        got.data = ms.parse::<u64>().expect("milliseconds").into();
                    }
                    other => panic!("unknown field {other:?}"),
                }
            }
            self.frames.push_back(got);
            self.text = rest.to_owned();
        }
    }

    /// The next frame of this name; others before it are dropped.
    pub(crate) async fn until(&mut self, name: &str) -> Got {
        loop {
            let got = self.next().await.expect("the stream goes on");
            if got.name == name {
                return got;
            }
        }
    }

    /// Names up to and with this one.
    pub(crate) async fn names_until(&mut self, name: &str) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            names.push(self.next().await.expect("the stream goes on").name);
            if names.last().is_some_and(|last| last == name) {
                return names;
            }
        }
    }
}
