//! Uploads on a disk that fails, fills or loses its power.

use super::*;
use dropleaf_test_support::torture::traced;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to an upload, in order.
struct Uploads(Arc<Mutex<Vec<&'static str>>>);

impl trace::Observer for Uploads {
    fn begins(&mut self, _: &trace::Call) -> Option<i32> {
        None
    }

    fn ended(&mut self, call: &trace::Call, _: usize, result: i64, _: &trace::Seen) {
        let is_upload = |path: &Path| path.extension() == Some(OsStr::new("part"));
        // Other events may be written while the upload comes in.
        let hears_of_it = |path: &Path| {
            path.ends_with("journal.db-wal")
                && std::fs::read(path)
                    .is_ok_and(|log| log.windows(5).any(|bytes| bytes == b"a.pdf"))
        };
        let what = match call {
            trace::Call::Write { path, .. } if is_upload(path) => "write",
            trace::Call::Sync { path, .. } if is_upload(path) => "sync",
            trace::Call::Write { path, .. } if hears_of_it(path) => "journal",
            trace::Call::Rename { from, .. } if is_upload(from) => "claim",
            _ => return,
        };
        if result >= 0 {
            self.0.lock().expect("nobody panics").push(what);
        }
    }
}

/// A power cut must not leave a job that goes on with half of its file: the journal hears of an upload when the disk has it.
#[test]
fn an_upload_is_on_the_disk_before_the_journal_hears_of_it() {
    if !may_trace() {
        return;
    }
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    home.write("inbox/p/.keep", "");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watched = Uploads(Arc::clone(&seen));
    let daemon =
        traced::Daemon::start(&home, watched).unwrap_or_else(|ended| panic!("{}", ended.log));
    assert!(daemon.upload("p", "a.pdf", &sample::pdf(1)));
    daemon.kill();
    let mut seen = seen.lock().expect("nobody panics").clone();
    seen.dedup();
    let first = seen.iter().position(|what| *what == "write");
    let of_upload = &seen[first.expect("it was written")..];
    assert_eq!(
        &of_upload[..4],
        ["write", "sync", "journal", "claim"],
        "{seen:?}"
    );
}

/// What is answered to an upload whose body comes a little after its head. The connection must be good for another request, which
/// asks for its end.
fn sent_slowly(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let body = sample::pdf(1);
    let head = format!(
        "POST /api/v1/pipelines/p/jobs?name=sent.pdf HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/pdf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("it listens");
    // That the body comes late is what is tried.
    std::thread::sleep(Duration::from_millis(100));
    stream.write_all(&body).expect("it still listens");
    let next = b"GET /api/v1/readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(next).expect("it still listens");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("it answers");
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 2, "{answers}");
    answers
}

/// Less room than there should be: who sends a file is told so and keeps it, a dropped one waits, and both go through when there is
/// room again.
#[test]
fn an_upload_is_refused_while_there_is_no_room() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "min_free_mb: 16\n");
    home.pipeline("p", PIPELINE);
    home.write("inbox/p/.keep", "");
    let Some(_disk) = Disk::mount(home.path("outbox/p"), "32m") else {
        println!("skipped: this user may not mount a small disk to fill");
        return;
    };
    home.write("outbox/p/filler", vec![0; 24 << 20]);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    wait_until("the look at the disks", || {
        daemon.get("/healthz").body["details"]["intake"]["open"] == false
    });
    let send = || daemon.post("/pipelines/p/jobs?name=sent.pdf", &sample::pdf(1));
    let said = sent_slowly(daemon.address());
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    assert!(
        ["MiB are free at", "outbox/p", "min_free_mb"]
            .iter()
            .all(|part| said.contains(part)),
        "{said}"
    );
    home.drop_file("inbox/p", "dropped.pdf", sample::pdf(1));
    for folder in ["inbox/p/.dropleaf/uploads", "inbox/p/.dropleaf/claimed"] {
        wait_until("the end of what was received", || {
            let mut left = files(&home.path(folder));
            left.retain(|name| !name.ends_with("folder-id"));
            left.is_empty()
        });
    }
    let dropped = home.path("inbox/p/dropped.pdf");
    let explained = format!("/files/explain?path={}", dropped.display());
    wait_until("the reason why a dropped file waits", || {
        let said = daemon.get(&explained).body["chain"].to_string();
        ["settled", "MiB are free at", "outbox/p", "min_free_mb"]
            .iter()
            .all(|part| said.contains(part))
    });
    let jobs = daemon.get("/jobs").body["jobs"].as_array().map(Vec::len);
    assert_eq!(jobs, Some(0), "nothing came of it");
    fs::remove_file(home.path("outbox/p/filler")).expect("ours");
    feed.until(|event| event.name == "daemon.intake" && event.data["open"] == true);
    assert_eq!(send().status, 202);
    let mut ended = BTreeSet::new();
    while ended.len() < 2 {
        let event = feed.until_named("job.succeeded");
        ended.insert(event.data["name"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(ended, ["dropped.pdf", "sent.pdf"].map(str::to_owned).into());
}
