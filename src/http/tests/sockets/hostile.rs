//! Clients that mean no good: slow, silent, half-open, talking nonsense, sending too much.

use super::*;

/// Clients have a tenth of a second for their heads.
fn hasty() -> Daemon {
    Daemon::start(Config {
        head_timeout: Duration::from_millis(100),
        max_upload: 10,
        ..Config::default()
    })
}

#[tokio::test]
async fn who_says_nothing_is_let_go() {
    let daemon = hasty();
    let mut silent = daemon.connect().await;
    assert_eq!(rest(&mut silent).await, "");
    // After a whole request, too.
    let mut lingering = daemon
        .ask("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    let answer = rest(&mut lingering).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // One who has hung up on his side only.
    let mut half = daemon.ask("GET /healthz HTTP/1.1\r\nhost: local").await;
    half.shutdown().await.expect("open");
    rest(&mut half).await;
}

#[tokio::test]
async fn a_head_that_drips_is_cut_although_something_always_comes() {
    let daemon = hasty();
    let mut slow = daemon
        .ask("GET /healthz HTTP/1.1\r\nhost: localhost\r\n")
        .await;
    let dripping = async {
        // Far longer than a head may take, one byte at a time.
        for _ in 0..10_000 {
            if slow.write_all(b"x").await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it was never cut");
    };
    within(dripping).await;
}

#[tokio::test]
async fn who_calls_us_by_two_names_is_refused() {
    let daemon = Daemon::start(Config::default());
    for second in ["evil.example", "localhost"] {
        let head = format!("host: localhost\r\nhost: {second}\r\nconnection: close");
        let request = format!("GET /api/v1/jobs HTTP/1.1\r\n{head}\r\n\r\n");
        let answer = rest(&mut daemon.ask(&request).await).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(
            answer.contains("application/problem+json") && answer.contains("more than one Host"),
            "{answer}"
        );
    }
    daemon.stopped().await;
}

#[tokio::test]
async fn nonsense_after_a_good_request_costs_only_its_connection() {
    let daemon = hasty();
    let good = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for nonsense in [
        "\0\0\0\0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /healthz HTTP/9.9\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost : x\r\n\r\n",
        "POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        "POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut stream = daemon.ask(&format!("{good}{nonsense}{good}")).await;
        let answers = rest(&mut stream).await;
        assert!(
            answers.starts_with("HTTP/1.1 200 "),
            "{nonsense:?}: {answers}"
        );
        let later: Vec<&str> = answers
            .match_indices("HTTP/1.1 200 ")
            .map(|(_, it)| it)
            .collect();
        assert_eq!(
            later.len(),
            1,
            "{nonsense:?}: what follows is not another request: {answers}"
        );
    }
    let mut many = daemon.ask(&good.repeat(200)).await;
    let answers = rest(&mut many).await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 200);
}

#[tokio::test]
async fn addresses_that_are_too_long_are_refused() {
    let daemon = hasty();
    let long = format!(
        "GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "x".repeat(70_000)
    );
    let mut stream = daemon.connect().await;
    // It may be cut before all of it is sent.
    let _ = stream.write_all(long.as_bytes()).await;
    let answer = rest(&mut stream).await;
    let is_refused = answer.is_empty()
        || answer.starts_with("HTTP/1.1 414")
        || answer.starts_with("HTTP/1.1 431");
    assert!(is_refused, "{answer}");
}

#[tokio::test]
async fn an_upload_that_is_announced_too_large_is_refused_before_it_is_sent() {
    let daemon = hasty();
    let head = "POST /api/v1/pipelines/receive/jobs?name=a.pdf HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n";
    let polite = format!("{head}expect: 100-continue\r\n\r\n");
    let answer = rest(&mut daemon.ask(&polite).await).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(!answer.contains("100 Continue"), "{answer}");
    // One who sends without asking gets the answer as well, also when he falls silent.
    let begun = tokio::time::Instant::now();
    let mut rude = daemon.ask(&format!("{head}\r\n%PDF-1.7 and")).await;
    let answer = rest(&mut rude).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    let folder = daemon.world.fake.home.path();
    let left = std::fs::read_dir(folder).expect("the home").flatten();
    let left: Vec<_> = left
        .map(|entry| entry.file_name())
        .filter(|name| name != "state")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn an_upload_that_may_be_sent_is_asked_for() {
    let daemon = Daemon::start(Config::default());
    let head = "POST /api/v1/pipelines/receive/jobs?name=a.pdf HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                content-length: 5\r\nexpect: 100-continue\r\n\r\n";
    let mut stream = daemon.ask(head).await;
    until(&mut stream, "HTTP/1.1 100 Continue").await;
    stream.write_all(b"%PDF-").await.expect("it reads");
    let answer = rest(&mut stream).await;
    assert!(answer.contains("HTTP/1.1 202 "), "{answer}");
}
