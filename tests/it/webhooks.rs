//! `notify`: other systems hear how jobs ended; whoever does not listen holds nothing up.

mod again;
mod encrypted;

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::{Value, sample};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

/// What one call brought.
struct Call {
    path: String,
    /// Its `Webhook-Id`.
    id: String,
    body: Value,
}

/// A server that answers by the path: `/ok`, `/busy` (the first call only), `/elsewhere` (a redirect), `/no`, `/never`.
fn listener() -> (String, Receiver<Call>) {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("it is bound").to_string();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in server.incoming().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || {
                // The test may be over, and the daemon gone, before its call is whole.
                let _ = answer(stream, &tell);
            });
        }
    });
    (address, told)
}

/// Reads one request.
fn request(stream: &mut impl Read) -> std::io::Result<Call> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length, mut id) = (String::new(), 0, String::new());
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
        if let Some(value) = line.strip_prefix("webhook-id:") {
            id = value.trim().to_owned();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Call {
        path: first.split(' ').nth(1).unwrap_or_default().to_owned(),
        id,
        body: String::from_utf8_lossy(&body)
            .parse()
            .unwrap_or(Value::Null),
    })
}

fn answer(mut stream: TcpStream, tell: &Sender<Call>) -> std::io::Result<()> {
    static BUSY: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(true);
    let call = request(&mut stream)?;
    let status = match call.path.as_str() {
        "/busy" if BUSY.swap(false, std::sync::atomic::Ordering::SeqCst) => {
            "503 Service Unavailable"
        }
        "/elsewhere" => "302 Found\r\nLocation: http://127.0.0.1:9/secret",
        "/no" => "403 Forbidden",
        _ => "204 No Content",
    };
    let silent = call.path == "/never";
    // The test may be over.
    let _ = tell.send(call);
    if silent {
        std::thread::park();
    }
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

#[test]
fn a_skipped_duplicate_has_succeeded_and_says_why_nothing_came_of_it() {
    let home = TestHome::new(PROGRAM);
    let (address, told) = listener();
    let hook = |path: &str, when: &str| {
        format!("{{ webhook: \"http://{address}/{path}\", when: [{when}] }}")
    };
    let hooks = [hook("off", "cancelled"), hook("ok", "succeeded")].join(", ");
    home.pipeline("p", &format!("watch: {{ folder: inbox/p, quiet: 0s }}\nsteps: [{{ uses: reverse }}]\nduplicates: skip\nnotify: [{hooks}]\n"));
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    for name in ["a.pdf", "b.pdf"] {
        home.drop_file("inbox/p", name, sample::pdf(1));
        let end = feed.until_named("job.succeeded");
        assert_eq!(end.data["name"], name);
        let call = told.recv_timeout(dropleaf_test_support::feed::PATIENCE);
        let call = call.expect("it is told");
        assert_eq!(
            (call.path.as_str(), &call.body["name"]),
            ("/ok", &end.data["name"])
        );
        let job = end.data["job"].as_str().expect("it names its job");
        let job = daemon.get(&format!("/jobs/{job}")).body;
        let warnings = job["warnings"].to_string();
        assert_eq!(
            warnings.contains("skipped: the same content"),
            name == "b.pdf",
            "{job}"
        );
    }
    assert!(home.path("archive/p/b.pdf").exists() && !home.path("outbox/p/b.pdf").exists());
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
            .filter(|call| call.path == path)
            .map(|call| &call.body)
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
    let busy = calls.iter().filter(|call| call.path == "/busy");
    let ids: std::collections::BTreeSet<&str> = busy.map(|call| call.id.as_str()).collect();
    assert_eq!(ids.len(), 1, "under the same id: {ids:?}");
    let all: std::collections::BTreeSet<&str> = calls.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(all.len(), 3, "an id for each end: {all:?}");
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

/// Each of 24 calls to a host that hangs takes ten seconds four times; a sound host is not behind them.
#[test]
fn a_host_that_hangs_holds_up_no_other() {
    let home = TestHome::new(PROGRAM);
    let (address, told) = listener();
    let deaf = TcpListener::bind("127.0.0.1:0").expect("a port");
    let hangs = deaf.local_addr().expect("bound");
    for (id, hook) in [
        ("flood", format!("http://{hangs}/x")),
        ("sound", format!("http://{address}/ok")),
    ] {
        home.pipeline(id, &format!("watch: {{ folder: inbox/{id}, quiet: 0s }}\nsteps: [{{ uses: reverse }}]\nnotify: [{{ webhook: \"{hook}\", when: [succeeded] }}]\n"));
    }
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    for number in 0..24 {
        home.drop_file("inbox/flood", &format!("{number}.pdf"), sample::pdf(1));
    }
    feed.until_ended(24);
    home.drop_file("inbox/sound", "sound.pdf", sample::pdf(1));
    let call = told.recv_timeout(std::time::Duration::from_secs(15));
    let call = call.expect("a call before the other host has timed out twice");
    assert_eq!(
        (&*call.path, &call.body["name"]),
        ("/ok", &"sound.pdf".into())
    );
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
