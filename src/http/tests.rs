//! The routes over a real journal and its feed, with everyone else pretending: through warp's test harness, and over real
//! sockets.

mod contents;
mod history;
mod pipelines;
mod routes;
mod sockets;

use crate::event::{Draft, Event};
use crate::feed::Feed;
use crate::http::api::{Api, Backend};
use crate::http::config::Config;
use crate::http::fake::{AT, Fake, accepted, id};
use crate::http::filters;
use crate::http::gauges::Gauges;
use crate::http::reply::Response;
use crate::http::view;
use crate::job::event::{Ended, JobEvent, Queued, Started};
use crate::job::id::JobId;
use crate::job::redo::{Delivered, MoveKind, Redo, Verdict};
use crate::statistics::Statistics;
use crate::store::open::Journal;
use crate::store::writer::Sink;
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use warp::filters::BoxedFilter;

/// A daemon with one pipeline and, after [`World::finished`], one job.
pub(crate) struct World {
    pub(crate) fake: Arc<Fake>,
    pub(crate) api: Arc<Api>,
    routes: BoxedFilter<(Response,)>,
}

/// An answer whose body is here.
pub(crate) type Answered = http::Response<Bytes>;

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::with_feed(config, crate::feed::config::Config::default())
    }

    pub(crate) fn with_feed(config: Config, feed: crate::feed::config::Config) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let state = crate::store::config::Config {
            ballast: 0,
            ..crate::store::config::Config::new(home.path().join("state"))
        };
        let (journal, opening) = Journal::open(&state).expect("a journal");
        let (statistics, gauges) = (Statistics::default(), Gauges::default());
        let views = view::feed(&statistics, Some(gauges.source()));
        let feed = Feed::new(feed, views, &opening.epoch, opening.head);
        let (told, heard) = (feed.clone(), statistics.clone());
        let sink: Sink = Box::new(move |events| {
            heard.observe(events);
            told.publish(events);
        });
        let store = crate::store::Store::start(journal, sink).expect("a writer");
        let path = home.path().to_path_buf();
        let fake = Fake::new(home, store.clone());
        let backend = Arc::clone(&fake) as Arc<dyn Backend>;
        let api = Api::new(backend, store, feed, statistics, path, config);
        gauges.begin(&api);
        Self {
            routes: filters::all(Arc::clone(&api)),
            fake,
            api,
        }
    }

    /// A fact about a job.
    pub(crate) async fn tell(&self, job: JobId, what: JobEvent) {
        let event = Event::Job { job, what };
        let unit = vec![Draft { at: AT, event }];
        self.api.store.append(unit).await.expect("a possible event");
    }

    /// What a client that has seen this event says.
    pub(crate) fn cursor(&self, seq: u64) -> String {
        self.api.feed.cursor(seq)
    }

    pub(crate) async fn send(&self, request: warp::test::RequestBuilder) -> Answered {
        request
            .header("host", "localhost:7311")
            .reply(&self.routes)
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(warp::test::request().path(path)).await
    }

    pub(crate) async fn get_with(&self, path: &str, name: &str, value: &str) -> Answered {
        self.send(warp::test::request().path(path).header(name, value))
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answered {
        self.send(warp::test::request().method("POST").path(path).body(body))
            .await
    }

    /// A job that has put out `content` as `name`, whose original is `input`.
    pub(crate) async fn finished(
        &self,
        number: u128,
        name: &str,
        content: &[u8],
        input: &[u8],
    ) -> JobId {
        let home = self.fake.home.path();
        let (out, archive) = (home.join("outbox"), home.join("archive"));
        for (folder, content) in [(&out, content), (&archive, input)] {
            std::fs::create_dir_all(folder).expect("a folder");
            std::fs::write(folder.join(name), content).expect("a file");
        }
        let delivered = |kind, folder: &std::path::Path, content: &[u8]| Delivered {
            kind,
            path: Some(folder.join(name).into()),
            depth: None,
            size: content.len() as u64,
            blake3: blake3::hash(content).to_hex().to_string(),
            mime: None,
            pages: None,
        };
        let document = delivered(MoveKind::Document, &out, content);
        let original = delivered(MoveKind::Original, &archive, input);
        self.ended(number, name, vec![document, original]).await
    }

    /// A job that has put out these files, wherever they lie.
    pub(crate) async fn delivered(&self, number: u128, delivered: Vec<Delivered>) -> JobId {
        self.ended(number, "a.pdf", delivered).await
    }

    async fn ended(&self, number: u128, name: &str, delivered: Vec<Delivered>) -> JobId {
        let (home, job) = (self.fake.home.path(), id(number));
        let redo = Redo {
            verdict: Verdict::Succeed,
            moves: [].into(),
        };
        for event in [
            JobEvent::Accepted(Box::new(accepted(home, name))),
            JobEvent::Queued(Queued {
                blake3: "77".into(),
                size: 5,
                duplicate_of: None,
                held_in: None,
            }),
            JobEvent::Started(Started {
                attempt: 1,
                revision: "r".into(),
                worker: 1,
                sandbox: "full".into(),
                plugins: Vec::new(),
                steps: Vec::new(),
            }),
            JobEvent::Delivering(crate::job::event::Delivering {
                redo,
                bill: crate::job::attempt::Bill::default(),
            }),
            JobEvent::Succeeded(Ended {
                delivered,
                problem: None,
            }),
        ] {
            self.tell(job, event).await;
        }
        job
    }
}

pub(crate) fn json(answer: &Answered) -> Value {
    serde_json::from_slice(answer.body()).expect("json")
}

pub(crate) fn header<'a>(answer: &'a Answered, name: &str) -> &'a str {
    answer
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().expect("text"))
}

/// Asserts a problem document of this kind, and gives it.
pub(crate) fn problem(answer: &Answered, status: u16, slug: &str) -> Value {
    let text = String::from_utf8_lossy(answer.body());
    assert_eq!(answer.status(), status, "{text}");
    assert_eq!(header(answer, "content-type"), "application/problem+json");
    let document = json(answer);
    assert_eq!(document["type"], format!("/problems/{slug}"));
    assert_eq!(document["status"], status);
    assert_eq!(document["requestId"], header(answer, "x-request-id"));
    document
}
