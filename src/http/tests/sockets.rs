//! What only real sockets show: feeds, limits, slow and broken clients, and stopping.

mod encrypted;
mod hostile;

use super::*;
use crate::http::{listen, serve, tls};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(10);

struct Daemon {
    world: World,
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Daemon {
    fn start(config: Config) -> Self {
        Self::with_feed(config, crate::feed::config::Config::default())
    }

    fn with_feed(config: Config, feed: crate::feed::config::Config) -> Self {
        let config = Config {
            listen: "127.0.0.1:0".parse().expect("an address"),
            ..config
        };
        let tls = config.tls.as_ref().map(tls::Certificate::read);
        let tls = tls.transpose().expect("a good certificate").map(Arc::new);
        let listener = listen::bind(&config).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let world = World::with_feed(config, feed);
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve::serve(
            listener,
            tls,
            Arc::clone(&world.api),
            stop.clone(),
        ));
        Self {
            world,
            address,
            stop,
            task,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it listens")
    }

    async fn ask(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.expect("it reads");
        stream
    }

    async fn feed(&self) -> TcpStream {
        let request = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
        let mut stream = self.ask(request).await;
        until(&mut stream, "event: snapshot").await;
        stream
    }

    async fn stopped(self) -> Duration {
        let begun = tokio::time::Instant::now();
        self.stop.cancel();
        within(self.task).await.expect("it ends well");
        begun.elapsed()
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("in time")
}

/// Reads until `text` has come.
async fn until(stream: &mut TcpStream, text: &str) -> String {
    let reading = async {
        let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
        loop {
            let count = stream.read(&mut chunk).await.expect("readable");
            all.extend_from_slice(&chunk[..count]);
            let so_far = String::from_utf8_lossy(&all).into_owned();
            if so_far.contains(text) {
                return so_far;
            }
            assert!(count > 0, "ended without `{text}`: {so_far}");
        }
    };
    within(reading).await
}

/// Reads until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    match within(stream.read_to_end(&mut all)).await {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn a_feed_shows_what_happens_as_it_happens() {
    let daemon = Daemon::start(Config::default());
    let mut stream = daemon
        .ask("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    let head = until(&mut stream, "event: snapshot")
        .await
        .to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/event-stream; charset=utf-8\r\n"));
    assert!(head.contains("cache-control: no-cache, no-transform\r\n"));
    assert!(head.contains("x-accel-buffering: no\r\n"));
    assert!(!head.contains("content-length"));
    daemon.world.finished(1, "a.pdf", b"x", b"y").await;
    let tail = until(&mut stream, "event: job.succeeded").await;
    let first = format!("id: {}\nevent: job.accepted\n", daemon.world.cursor(1));
    assert!(tail.contains(&first), "{tail}");
}

#[tokio::test]
async fn a_feed_ends_with_the_session_that_it_came_by() {
    let token = "0123456789abcdef0123";
    let daemon = Daemon::start(Config {
        token: Some(token.into()),
        ..Config::default()
    });
    let sessions = &daemon.world.api.sessions;
    let cookie = |set: String| set.split(';').next().expect("a pair").to_owned();
    let (one, other) = (
        cookie(sessions.open(token, false)),
        cookie(sessions.open(token, false)),
    );
    let ask = async |header: String| {
        let request = format!("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n{header}\r\n\r\n");
        let mut stream = daemon.ask(&request).await;
        until(&mut stream, "event: snapshot").await;
        stream
    };
    let mut ends = ask(format!("cookie: {one}")).await;
    let mut stays = ask(format!("cookie: {other}")).await;
    let mut program = ask(format!("cookie: {one}\r\nauthorization: Bearer {token}")).await;
    let leave =
        format!("DELETE /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncookie: {one}\r\n\r\n");
    until(&mut daemon.ask(&leave).await, "204").await;
    // The last chunk: nothing more comes.
    until(&mut ends, "0\r\n\r\n").await;
    daemon.world.finished(1, "a.pdf", b"x", b"y").await;
    until(&mut stays, "event: job.succeeded").await;
    until(&mut program, "event: job.succeeded").await;
}

#[tokio::test]
async fn a_cursor_that_is_no_text_is_answered_as_one_that_is_not_ours() {
    let daemon = Daemon::start(Config::default());
    let text = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\nlast-event-id: \u{fc}\r\n\r\n";
    let mut stream = daemon.ask(text).await;
    let told = until(&mut stream, "event: snapshot").await;
    assert!(told.contains("bad-cursor"), "{told}");
}

/// One request and all of its answer.
async fn whole(daemon: &Daemon, path: &str, headers: &str) -> String {
    let text =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}connection: close\r\n\r\n");
    rest(&mut daemon.ask(&text).await).await
}

#[tokio::test]
async fn the_feed_of_an_ended_job_ends_and_sends_nobody_back() {
    let daemon = Daemon::start(Config::default());
    let job = daemon.world.finished(1, "a.pdf", b"x", b"y").await;
    let path = format!("/api/v1/jobs/{job}/events");
    let first = whole(&daemon, &path, "").await;
    assert!(
        first.contains("event: snapshot") && first.contains("event: end"),
        "{first}"
    );
    let half = format!("last-event-id: {}\r\n", daemon.world.cursor(3));
    let resumed = whole(&daemon, &path, &half).await;
    assert!(resumed.contains("\"resumed\":true"), "{resumed}");
    assert!(
        !resumed.contains("event: job.started") && resumed.contains("event: job.delivering"),
        "{resumed}"
    );
    assert!(
        resumed.contains("event: job.succeeded") && resumed.contains("event: end"),
        "{resumed}"
    );
    let all = daemon.world.cursor(5);
    let header = format!("last-event-id: {all}\r\n");
    assert!(
        whole(&daemon, &path, &header)
            .await
            .starts_with("HTTP/1.1 204 ")
    );
    let query = format!("{path}?last_event_id={all}");
    assert!(
        whole(&daemon, &query, "")
            .await
            .starts_with("HTTP/1.1 204 ")
    );
}

#[tokio::test]
async fn a_feed_goes_on_exactly_where_its_client_was() {
    let daemon = Daemon::start(Config::default());
    for number in 1..=3 {
        daemon.world.finished(number, "a.pdf", b"x", b"y").await;
    }
    let query = format!(
        "GET /api/v1/events?last_event_id={} HTTP/1.1\r\nhost: localhost\r\n\r\n",
        daemon.world.cursor(4)
    );
    let mut stream = daemon.ask(&query).await;
    let id = |seq| format!("id: {}\n", daemon.world.cursor(seq));
    let mut text = until(&mut stream, &id(15)).await;
    daemon.world.finished(4, "a.pdf", b"x", b"y").await;
    text.push_str(&until(&mut stream, &id(20)).await);
    let ids: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .collect();
    let expected: Vec<String> = (5..=20).map(|seq| daemon.world.cursor(seq)).collect();
    assert_eq!(ids, expected);
    let strange = "GET /api/v1/events?last_event_id=ffffffff-4 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut stream = daemon.ask(strange).await;
    let text = until(&mut stream, "event: snapshot").await;
    assert!(text.contains("\"reason\":\"epoch-changed\""), "{text}");
}

#[tokio::test]
async fn feeds_of_one_thing_tell_of_no_other() {
    let daemon = Daemon::start(Config::default());
    let home = daemon.world.fake.home.path().display().to_string();
    let open = async |path: String| {
        let text = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        let mut stream = daemon.ask(&text).await;
        until(&mut stream, "event: snapshot").await;
        stream
    };
    let mut pipeline = open("/api/v1/pipelines/receive/events?types=job.succeeded".into()).await;
    let mut file = open("/api/v1/files/events?path=inbox/receive/b.pdf".into()).await;
    daemon.world.finished(1, "a.pdf", b"x", b"y").await;
    daemon.world.finished(2, "b.pdf", b"x", b"y").await;
    let told = until(&mut pipeline, &id(2).to_string()).await;
    assert!(
        told.contains(&id(1).to_string()) && !told.contains("job.accepted"),
        "{told}"
    );
    let told = until(&mut file, "event: job.succeeded").await;
    assert!(
        told.contains(&format!("{home}/inbox/receive/b.pdf")),
        "{told}"
    );
    assert!(!told.contains(&id(1).to_string()), "{told}");
    assert!(
        whole(&daemon, "/api/v1/pipelines/nope/events", "")
            .await
            .starts_with("HTTP/1.1 404 ")
    );
    let nobody = format!("/api/v1/jobs/{}/events", id(9));
    assert!(
        whole(&daemon, &nobody, "")
            .await
            .starts_with("HTTP/1.1 404 ")
    );
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_place() {
    let feed = crate::feed::config::Config {
        max_streams: 1,
        ..crate::feed::config::Config::default()
    };
    let daemon = Daemon::with_feed(Config::default(), feed);
    let stream = daemon.feed().await;
    let answer = whole(&daemon, "/api/v1/events", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 5"),
        "{answer}"
    );
    drop(stream);
    let freed = async {
        while daemon.world.api.feed.counters().listeners > 0 {
            tokio::task::yield_now().await;
        }
    };
    within(freed).await;
    daemon.feed().await;
}

#[tokio::test]
async fn stopping_ends_feeds_and_takes_no_second() {
    let daemon = Daemon::start(Config::default());
    let mut feeds = Vec::new();
    for _ in 0..20 {
        feeds.push(daemon.feed().await);
    }
    let address = daemon.address;
    let took = daemon.stopped().await;
    assert!(took < Duration::from_secs(5), "{took:?} on a busy machine");
    for mut feed in feeds {
        assert!(rest(&mut feed).await.contains("event: shutdown"));
    }
    assert!(
        TcpStream::connect(address).await.is_err(),
        "it no longer listens"
    );
}

#[tokio::test]
async fn stopping_lets_an_answer_end() {
    let daemon = Daemon::start(Config::default());
    let mut upload = daemon
        .ask("POST /api/v1/pipelines/check HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nsteps")
        .await;
    // The request is being answered once the daemon has counted it.
    let counted = async {
        while daemon
            .world
            .api
            .tally
            .requests
            .load(std::sync::atomic::Ordering::Relaxed)
            == 0
        {
            tokio::task::yield_now().await;
        }
    };
    within(counted).await;
    daemon.stop.cancel();
    upload.write_all(b": []x").await.expect("still open");
    let answer = rest(&mut upload).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    daemon.stopped().await;
}

#[tokio::test]
async fn over_the_limit_of_connections_a_client_hears_so() {
    let daemon = Daemon::start(Config {
        max_connections: 1,
        ..Config::default()
    });
    let _held = daemon.feed().await;
    let mut second = daemon.connect().await;
    let answer = rest(&mut second).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("too many connections are open"), "{answer}");
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut() {
    let daemon = Daemon::start(Config {
        head_timeout: Duration::from_millis(100),
        ..Config::default()
    });
    let mut slow = daemon.ask("GET / HTTP/1.1\r\nhost: loc").await;
    rest(&mut slow).await;
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let daemon = Daemon::start(Config::default());
    let long = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "y".repeat(20_000)
    );
    let mut stream = daemon.ask(&long).await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 431 "));
    let many: String = (0..100).map(|n| format!("x-{n}: y\r\n")).collect();
    let mut stream = daemon
        .ask(&format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many}\r\n"))
        .await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 431 "));
    let mut stream = daemon.ask("nonsense\r\n\r\n").await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let daemon = Daemon::start(Config::default());
    let folder = daemon.world.fake.home.path().to_path_buf();
    let count = || std::fs::read_dir(&folder).expect("the home").count();
    let before = count();
    let half = daemon
        .ask("POST /api/v1/pipelines/receive/jobs?name=a.pdf HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n%PDF-")
        .await;
    let begun = async {
        while count() == before {
            tokio::task::yield_now().await;
        }
    };
    within(begun).await;
    drop(half);
    let gone = async {
        while count() > before {
            tokio::task::yield_now().await;
        }
    };
    within(gone).await;
}

#[tokio::test]
async fn an_upload_without_a_length_is_still_bounded() {
    let daemon = Daemon::start(Config {
        max_upload: 10,
        ..Config::default()
    });
    let chunked = "POST /api/v1/pipelines/receive/jobs?name=a.pdf HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                   transfer-encoding: chunked\r\n\r\n14\r\n%PDF-1.7 and so on..\r\n0\r\n\r\n";
    let mut stream = daemon.ask(chunked).await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn one_client_cannot_take_all_streams() {
    let daemon = Daemon::start(Config {
        max_client_streams: 2,
        ..Config::default()
    });
    let (one, _two) = (daemon.feed().await, daemon.feed().await);
    let request = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut third = daemon.ask(request).await;
    let refused = until(&mut third, "of this client are open").await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(
        refused.to_lowercase().contains("retry-after: 5"),
        "{refused}"
    );
    drop(one);
    // The daemon hears of the closed socket in its own time.
    within(async {
        loop {
            let mut again = daemon.ask(request).await;
            if until(&mut again, "\r\n\r\n")
                .await
                .starts_with("HTTP/1.1 200")
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    daemon.stopped().await;
}
