//! The client against real sockets that say what they are told to.

use super::*;
use crate::client::feed::{Heard, Patience, follow};
use serde_json::json;
use std::ops::ControlFlow;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const DEADLINE: Duration = Duration::from_secs(10);

/// Answers one connection after the other with these texts, and gives the requests.
async fn server(answers: Vec<String>) -> (Client, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let task = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("a client");
            requests.push(request(&mut stream).await);
            stream.write_all(answer.as_bytes()).await.expect("it reads");
            stream.shutdown().await.expect("open");
        }
        requests
    });
    (Client::new(&address, None, &[]).expect("an address"), task)
}

async fn request(stream: &mut TcpStream) -> String {
    let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut chunk).await.expect("readable");
        all.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&all).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn stream(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{body}")
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("in time")
}

#[tokio::test]
async fn without_a_daemon_one_is_told_how_to_start_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    drop(listener);
    let client = Client::new(&address, None, &[]).expect("an address");
    let error = within(client.get("/healthz"))
        .await
        .expect_err("nobody there");
    assert_eq!(
        error.to_string(),
        format!("no daemon answers at {address}: start one with `dropleaf serve`")
    );
    let outcome = within(follow(&client, "/api/v1/events", Patience::Refuse, |_| {
        ControlFlow::Continue(())
    }));
    assert!(matches!(outcome.await, Err(Error::NoDaemon(_))));
}

#[tokio::test]
async fn json_goes_there_and_back() {
    let ok = answer("200 OK", "application/json", r#"{"a":1}"#);
    let none = answer("202 Accepted", "text/plain", "");
    let (client, task) = server(vec![ok, none]).await;
    assert_eq!(
        within(client.get("/x?y=z")).await.expect("json"),
        json!({"a": 1})
    );
    let said = within(client.post("/p", Some(&json!({"reason": "x"})))).await;
    assert_eq!(said.expect("nothing"), Value::Null);
    let requests = within(task).await.expect("both came");
    assert!(requests[0].starts_with("GET /x?y=z HTTP/1.1\r\n"));
    assert!(requests[0].contains(&format!("host: {}\r\n", client.address())));
    assert!(requests[1].ends_with("\r\n\r\n{\"reason\":\"x\"}"));
}

#[tokio::test]
async fn the_token_goes_along() {
    let (client, task) = server(vec![answer("200 OK", "application/json", "null")]).await;
    let token = Some("0123456789abcdef".to_owned());
    let client = Client::new(&client.address().to_string(), token, &[]).expect("an address");
    within(client.get("/x")).await.expect("json");
    let requests = within(task).await.expect("it came");
    assert!(requests[0].contains("authorization: Bearer 0123456789abcdef\r\n"));
    assert!(matches!(
        Client::new("a", Some("x\ny".into()), &[]),
        Err(Error::Token)
    ));
}

#[tokio::test]
async fn whose_daemon_it_is_is_asked_without_the_token() {
    let told = "HTTP/1.1 204 No Content\r\ndropleaf-home: 0123abcd\r\nconnection: close\r\n\r\n";
    let strange = answer("405 No", "text/plain", "");
    let full = answer("503 Full", "text/plain", "");
    let (client, task) = server(vec![told.to_owned(), strange, full]).await;
    let token = Some("0123456789abcdef".to_owned());
    let client = Client::new(&client.address().to_string(), token, &[]).expect("an address");
    assert_eq!(within(client.home()).await.expect("it tells"), "0123abcd");
    let error = within(client.home()).await;
    assert!(matches!(error, Err(Error::Stranger(_))), "{error:?}");
    let error = within(client.home()).await;
    assert!(
        matches!(error, Err(Error::Refused { status: 503, .. })),
        "{error:?}"
    );
    for request in within(task).await.expect("all came") {
        assert!(!request.contains("0123456789abcdef"), "{request}");
    }
}

#[tokio::test]
async fn refusals_say_what_the_daemon_said() {
    let body = json!({
        "detail": "1 fault in pipeline `x`; nothing was changed", "hint": "correct it",
        "errors": [{"file": "x.yaml", "line": 3, "column": 5, "message": "no", "hint": "yes"}],
    });
    let problem = answer(
        "422 Unprocessable",
        "application/problem+json",
        &body.to_string(),
    );
    let strange = answer("500 Oops", "text/html", "<html>");
    let (client, _task) = server(vec![problem, strange]).await;
    let error = within(client.get("/x")).await.expect_err("refused");
    assert_eq!(
        error.to_string(),
        "1 fault in pipeline `x`; nothing was changed\nx.yaml:3:5: no\n  yes"
    );
    assert_eq!(error.hint(), Some("correct it"));
    let error = within(client.get("/x")).await.expect_err("refused");
    assert_eq!(error.to_string(), "the daemon answered with status 500");
}

#[tokio::test]
async fn what_is_no_daemon_is_called_so() {
    let (client, _task) = server(vec![answer("200 OK", "text/html", "<html>")]).await;
    let error = within(client.get("/x")).await.expect_err("not json");
    assert!(
        error.to_string().ends_with("is not a dropleaf daemon"),
        "{error}"
    );
}

#[tokio::test]
async fn files_are_sent_as_they_are_read() {
    let (client, task) = server(vec![answer("202 Accepted", "application/json", "{}")]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.pdf");
    std::fs::write(&path, "%PDF-content").expect("a file");
    let (told, hears) = std::sync::mpsc::channel();
    let sent = move |total| told.send(total).expect("the test listens");
    within(client.upload("re ceive", "Ü.pdf", &path, sent))
        .await
        .expect("taken");
    let requests = within(task).await.expect("it came");
    assert!(
        requests[0]
            .starts_with("POST /api/v1/pipelines/re%20ceive/jobs?name=%C3%9C.pdf HTTP/1.1\r\n")
    );
    assert!(requests[0].ends_with("\r\n\r\n%PDF-content"));
    assert_eq!(hears.try_iter().last(), Some(12));
    let missing = folder.path().join("b.pdf");
    let error = within(client.upload("x", "b.pdf", &missing, |_| {})).await;
    assert!(
        error
            .expect_err("no such file")
            .to_string()
            .contains("b.pdf")
    );
}

#[tokio::test]
async fn following_goes_on_after_a_cut_where_it_was() {
    let first = stream(
        "retry: 100\n\nevent: hello\ndata: {}\n\nid: e-1\nevent: job.queued\ndata: {\"n\":1}\n\n",
    );
    let second = stream(
        "id: e-2\nevent: job.started\ndata: {\"n\":2}\n\nevent: ping\ndata: {}\n\nevent: end\ndata: {}\n\n",
    );
    let (client, task) = server(vec![first, second]).await;
    let mut names = Vec::new();
    within(follow(
        &client,
        "/api/v1/events",
        Patience::Refuse,
        |heard| {
            names.push(match heard {
                Heard::Event { name, id, .. } => match id {
                    Some(id) => format!("{name} {id}"),
                    None => name,
                },
                Heard::Lost { .. } => "lost".into(),
            });
            ControlFlow::Continue(())
        },
    ))
    .await
    .expect("it ends");
    assert_eq!(
        names,
        [
            "hello",
            "job.queued e-1",
            "lost",
            "job.started e-2",
            "ping",
            "end"
        ],
        "only what is told again has an id"
    );
    let requests = within(task).await.expect("both came");
    assert!(!requests[0].contains("last-event-id"));
    assert!(requests[1].contains("last-event-id: e-1\r\n"));
}

#[tokio::test]
async fn following_ends_where_there_is_no_more_or_a_refusal() {
    let none = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_owned();
    let gone = answer(
        "404 Not Found",
        "application/problem+json",
        r#"{"detail":"there is no job `x`"}"#,
    );
    let (client, _task) = server(vec![none, gone]).await;
    let mut heard = 0;
    let mut listen = |_| {
        heard += 1;
        ControlFlow::Continue(())
    };
    within(follow(&client, "/x", Patience::Wait, &mut listen))
        .await
        .expect("over");
    let error = within(follow(&client, "/x", Patience::Wait, &mut listen)).await;
    assert_eq!(
        error.expect_err("refused").to_string(),
        "there is no job `x`"
    );
    assert_eq!(heard, 0);
}

#[tokio::test]
async fn who_was_too_slow_comes_back_to_where_he_was() {
    let cut = |reason: &str| {
        let data = json!({ "reason": reason, "cursor": "e-9" });
        stream(&format!(
            "retry: 100\n\nid: e-5\nevent: job.queued\ndata: {{}}\n\nevent: reset\ndata: {data}\n\n"
        ))
    };
    let end = stream("event: end\ndata: {}\n\n");
    let (client, task) = server(vec![cut("slow-consumer"), cut("epoch-changed"), end]).await;
    let listen = |_| ControlFlow::Continue(());
    within(follow(&client, "/x", Patience::Refuse, listen))
        .await
        .expect("it ends");
    let requests = within(task).await.expect("all came");
    assert!(requests[1].contains("last-event-id: e-5\r\n"));
    assert!(!requests[2].contains("last-event-id"));
}

#[tokio::test]
async fn a_feed_that_never_begins_counts_as_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let mut client = Client::new(&address, None, &[]).expect("an address");
    client.silence = Duration::from_millis(50);
    // The system takes the connections; nobody ever reads from them.
    let refused = within(follow(&client, "/x", Patience::Refuse, |_| {
        ControlFlow::Continue(())
    }));
    assert!(matches!(refused.await, Err(Error::Silent { .. })));
    let mut lost = 0;
    within(follow(&client, "/x", Patience::Wait, |heard| {
        assert!(matches!(heard, Heard::Lost { .. }));
        lost += 1;
        ControlFlow::Break(())
    }))
    .await
    .expect("the listener has heard enough");
    assert_eq!(lost, 1);
}
