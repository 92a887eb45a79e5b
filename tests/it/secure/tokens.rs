//! Wrong tokens: the log says where they come from.

use super::exchange;
use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};

const TOKEN: &str = "0123456789abcdef";

/// The status of an answer.
fn ask(daemon: &TestDaemon, head: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "{head}\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let answer = exchange(daemon, request.as_bytes());
    answer.split(' ').nth(1).unwrap_or(&answer).to_owned()
}

#[test]
fn who_gives_a_wrong_token_is_told_of() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", format!("token: {TOKEN}\n"));
    let daemon = home.serve();
    let jobs = "GET /api/v1/jobs HTTP/1.1";
    let bearing = |token: &str| format!("{jobs}\r\nauthorization: Bearer {token}");
    // Who gives none has not tried any.
    assert_eq!(ask(&daemon, jobs, ""), "401");
    assert_eq!(ask(&daemon, &bearing(TOKEN), ""), "200");
    assert!(!daemon.log().contains("a wrong token"), "{}", daemon.log());

    let login = |token: &str| {
        let body = format!("{{\"token\":\"{token}\"}}");
        ask(&daemon, "POST /api/v1/session HTTP/1.1", &body)
    };
    let wrong = "0123456789abcdeg";
    for status in [ask(&daemon, &bearing(wrong), ""), login(wrong)] {
        assert_eq!(status, "401");
    }
    assert_eq!(login(TOKEN), "204");
    let log = daemon.log();
    let told: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("a wrong token was given"))
        .collect();
    let [once] = told[..] else { panic!("{log}") };
    assert!(
        once.contains("WARN") && once.contains("from=127.0.0.1"),
        "{once}"
    );
    assert!(!log.contains(wrong) && !log.contains(TOKEN), "{log}");
}
