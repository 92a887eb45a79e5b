//! `notify`: other systems hear how jobs ended; whoever does not listen holds nothing up.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::{Value, sample};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

/// What one call brought: its path and its JSON.
type Call = (String, Value);

/// A server that answers by the path: `/ok`, `/busy` (the first call only), `/elsewhere` (a redirect), `/no`, `/never`.
fn listener() -> (String, Receiver<Call>) {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("it is bound").to_string();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in server.incoming().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || answer(stream, &tell));
        }
    });
    (address, told)
}

fn answer(stream: TcpStream, tell: &Sender<Call>) {
    static BUSY: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(true);
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).expect("a request");
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header");
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let status = match path.as_str() {
        "/busy" if BUSY.swap(false, std::sync::atomic::Ordering::SeqCst) => {
            "503 Service Unavailable"
        }
        "/elsewhere" => "302 Found\r\nLocation: http://127.0.0.1:9/secret",
        "/no" => "403 Forbidden",
        _ => "204 No Content",
    };
    let call = (path, serde_json_of(&body));
    let silent = call.0 == "/never";
    // The test may be over.
    let _ = tell.send(call);
    if silent {
        std::thread::park();
    }
    let mut stream = stream;
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
}

fn serde_json_of(body: &[u8]) -> Value {
    String::from_utf8_lossy(body).parse().expect("JSON")
}

#[test]
fn ends_are_told_and_whoever_does_not_hear_holds_nothing_up() {
    let home = TestHome::new(PROGRAM);
    let (address, told) = listener();
    let hook = |path: &str, when: &str| {
        format!("{{ webhook: \"http://{address}/{path}\", when: [{when}] }}")
    };
    let both = [hook("ok", "succeeded, failed"), hook("busy", "failed")].join(", ");
    home.pipeline("told", &format!("watch: {{ folder: inbox/told, quiet: 0s }}\nsteps: [{{ uses: reverse }}]\nnotify: [{both}]\n"));
    let deaf = [
        hook("elsewhere", "succeeded"),
        hook("no", "succeeded"),
        hook("never", "succeeded"),
    ]
    .join(", ");
    home.pipeline("deaf", &format!("watch: {{ folder: inbox/deaf, quiet: 0s }}\nsteps: [{{ uses: reverse }}]\nnotify: [{deaf}]\n"));
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/deaf", "deaf.pdf", sample::pdf(1));
    let deaf = feed.until_ended(1)["deaf.pdf"][0].data["job"]
        .as_str()
        .expect("a job")
        .to_owned();
    home.drop_file("inbox/told", "good.pdf", sample::pdf(1));
    let locked = sample::Sample::new("locked", 1)
        .encrypted("secret", "owner")
        .bytes();
    home.drop_file("inbox/told", "locked.pdf", locked);
    feed.until_ended(3);
    let mut calls: Vec<Call> = Vec::new();
    // One end told, one end told twice (and once more after it was busy), and three to whom it is told in vain.
    while calls.len() < 7 {
        calls.push(
            told.recv_timeout(dropleaf_test_support::feed::PATIENCE)
                .expect("another call"),
        );
    }
    let of = |path: &str| -> Vec<&Value> {
        calls
            .iter()
            .filter(|(called, _)| called == path)
            .map(|(_, body)| body)
            .collect()
    };
    let good = of("/ok")
        .into_iter()
        .find(|body| body["name"] == "good.pdf")
        .expect("it is told");
    assert_eq!(
        (&good["event"], &good["pipeline"]),
        (&"job.succeeded".into(), &"told".into())
    );
    let output = home.path("outbox/told/good.pdf").display().to_string();
    assert_eq!(good["outputs"][0], output, "{good}");
    let failed = of("/busy");
    assert_eq!(failed.len(), 2, "once more after it was busy");
    assert_eq!(failed[0], failed[1], "in the same words");
    assert_eq!(failed[0]["problem"]["code"], "pdf-encrypted");
    assert_eq!(
        (of("/elsewhere").len(), of("/no").len()),
        (1, 1),
        "these are not tried again"
    );
    wait_until("the warnings", || {
        let log = daemon
            .get(&format!("/jobs/{deaf}/log?level=warn"))
            .body
            .to_string();
        log.contains("redirects to `127.0.0.1:9`, which is not followed")
            && log.contains("it answered 403")
            && log.contains(&address)
            && !log.contains("/secret")
    });
}

#[test]
fn an_address_that_cannot_be_called_is_a_fault() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", "watch: { folder: inbox/p }\nsteps: [{ uses: reverse }]\nnotify: [{ webhook: \"ftp://example.org\" }]\n");
    let (code, said, _) = home.run(&["check"]);
    assert_eq!(code, 3);
    assert!(
        said.contains("p.yaml:3:21: `webhook` must begin with `https://` or `http://`"),
        "{said}"
    );
}
