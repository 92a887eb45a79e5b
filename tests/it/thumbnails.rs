//! Pictures of pages: drawn by the plugin `render` in a worker, for the originals and the documents of jobs.

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::hostile;
use dropleaf_test_support::process::{children, name_and_nice};
use dropleaf_test_support::sample::{self, Sample};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Cursor, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const PIPELINE: &str = "watch: { folder: inbox/p, quiet: 0s }\npasswords: [sesame]\nretry: { attempts: 1 }\n\
    steps:\n  - { uses: rotate, with: { angle: 90 } }\n  - uses: extract-text\n";

/// Drops a file and gives the id of its job once that has ended.
fn processed(home: &TestHome, daemon: &TestDaemon, name: &str, content: &[u8]) -> String {
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", name, content);
    let ended = feed.until(|event| matches!(event.name.as_str(), "job.succeeded" | "job.failed"));
    ended.data["job"].as_str().expect("its job").to_owned()
}

struct Png {
    width: u32,
    height: u32,
    /// The part of it that is darker than half.
    darkness: f64,
}

fn picture(daemon: &TestDaemon, path: &str) -> Png {
    let (status, bytes) = daemon.bytes(path);
    let text = || String::from_utf8_lossy(&bytes).into_owned();
    assert_eq!(status, 200, "{path}: {}", text());
    let mut decoder = png::Decoder::new(Cursor::new(&bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("its pixels");
    let dark = pixels.iter().filter(|value| **value < 128).count();
    Png {
        width: info.width,
        height: info.height,
        darkness: dark as f64 / pixels.len() as f64,
    }
}

fn refused(daemon: &TestDaemon, path: &str, status: u16, slug: &str) -> Value {
    let answer = daemon.get(path);
    assert_eq!(answer.status, status, "{path}: {:?}", answer.body);
    assert_eq!(answer.body["type"], format!("/problems/{slug}"), "{path}");
    answer.body
}

fn workers(daemon: &TestDaemon, what: &str) -> u64 {
    let health = daemon.get("/healthz").body;
    health["details"]["workers"][what]
        .as_u64()
        .expect("a number")
}

/// Files may be called what artifacts may not.
#[test]
fn no_name_of_a_file_keeps_it_from_being_read_and_drawn() {
    let home = TestHome::new(PROGRAM);
    for (id, passwords) in [("p", "passwords: [sesame]\n"), ("q", "")] {
        home.pipeline(
            id,
            &format!("watch: {{ folder: inbox/{id}, quiet: 0s }}\n{passwords}retry: {{ attempts: 1 }}\nsteps: [{{ uses: extract-text }}, {{ uses: render-pages, with: {{ dpi: 20 }} }}]\n"),
        );
    }
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    for name in [
        "esc\u{1b}[31mred.pdf".to_owned(),
        "x".repeat(251) + ".pdf",
        "ä".repeat(125) + ".pdf",
    ] {
        for folder in ["inbox/p", "inbox/q"] {
            home.drop_file(folder, &name, sample::pdf(1));
            let ended =
                feed.until(|event| matches!(event.name.as_str(), "job.succeeded" | "job.failed"));
            assert_eq!(ended.name, "job.succeeded", "{}", ended.data);
            let job = ended.data["job"].as_str().expect("its job");
            let drawn = picture(&daemon, &format!("/jobs/{job}/input/thumbnail"));
            assert_eq!(drawn.width, 320);
        }
    }
}

#[test]
fn pages_of_what_went_in_and_of_what_came_out_are_drawn() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    assert_eq!(daemon.get("/healthz").body["details"]["thumbnails"], true);
    let job = processed(&home, &daemon, "a.pdf", &sample::pdf(3));

    let before = picture(&daemon, &format!("/jobs/{job}/input/thumbnail"));
    assert_eq!((before.width, before.height), (320, 453));
    assert!(
        before.darkness > 0.0002 && before.darkness < 0.1,
        "{}",
        before.darkness
    );
    let artifact = format!("/jobs/{job}/artifacts/a.pdf/thumbnail");
    let after = picture(&daemon, &format!("{artifact}?page=2&width=200"));
    assert_eq!((after.width, after.height), (200, 141), "it was turned");
    assert!(
        after.darkness > 0.0002 && after.darkness < 0.1,
        "{}",
        after.darkness
    );

    let beyond = refused(&daemon, &format!("{artifact}?page=9"), 404, "not-found");
    assert!(beyond["detail"].to_string().contains("3 pages"), "{beyond}");
    for wrong in [
        "width=15",
        "width=1025",
        "width=x",
        "page=0",
        "page=-1",
        "page=",
    ] {
        refused(&daemon, &format!("{artifact}?{wrong}"), 400, "bad-request");
    }
    let text = format!("/jobs/{job}/artifacts/a.txt/thumbnail");
    refused(&daemon, &text, 415, "unsupported-media");
    let none = format!("/jobs/{job}/artifacts/b.pdf/thumbnail");
    refused(&daemon, &none, 404, "not-found");
    std::fs::remove_file(home.path("outbox/p/a.pdf")).expect("it was there");
    refused(&daemon, &artifact, 410, "gone");
}

#[test]
fn a_picture_is_of_the_file_as_it_is_now() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let job = processed(&home, &daemon, "a.pdf", &sample::pdf(1));
    let path = format!("/jobs/{job}/artifacts/a.pdf/thumbnail");
    assert!(picture(&daemon, &path).darkness < 0.1);
    let black = Sample::new("s", 1).content(0, "0 0 2000 2000 re f").bytes();
    std::fs::write(home.path("outbox/p/a.pdf"), black).expect("somebody else writes it");
    assert!(picture(&daemon, &path).darkness > 0.9);
}

#[test]
fn the_pipelines_passwords_open_it_and_what_cannot_be_drawn_says_why() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "settling: { not_pdf_seconds: 0 }\n");
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let known = Sample::new("s", 1).encrypted("sesame", "owner").bytes();
    let job = processed(&home, &daemon, "known.pdf", &known);
    for path in ["input", "artifacts/known.pdf"] {
        let drawn = picture(&daemon, &format!("/jobs/{job}/{path}/thumbnail"));
        assert!(drawn.darkness > 0.0002, "{path}");
    }
    let unknown = Sample::new("s", 1).encrypted("other", "owner").bytes();
    let job = processed(&home, &daemon, "unknown.pdf", &unknown);
    let path = format!("/jobs/{job}/input/thumbnail");
    let problem = refused(&daemon, &path, 422, "not-drawable");
    assert!(
        problem["detail"].to_string().contains("password"),
        "{problem}"
    );
    assert!(
        problem["hint"].to_string().contains("passwords"),
        "{problem}"
    );

    let job = processed(&home, &daemon, "broken.pdf", &hostile::noise());
    let path = format!("/jobs/{job}/input/thumbnail");
    let problem = refused(&daemon, &path, 422, "not-drawable");
    assert!(problem["detail"].is_string(), "{problem}");
    assert_eq!(daemon.get("/healthz").status, 200);
}

#[test]
fn without_the_plugin_there_are_none_and_the_answer_says_so() {
    let home = TestHome::new(PROGRAM);
    std::fs::remove_file(home.path("plugins/libdropleaf_plugin_render.so")).expect("it was there");
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    assert_eq!(daemon.get("/healthz").body["details"]["thumbnails"], false);
    let job = processed(&home, &daemon, "a.pdf", &sample::pdf(1));
    let path = format!("/jobs/{job}/input/thumbnail");
    let problem = refused(&daemon, &path, 404, "rendering-not-installed");
    assert!(problem["hint"].to_string().contains("render"), "{problem}");
}

#[test]
fn fifty_requests_at_once_wait_for_their_turn_and_jobs_do_not() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let job = processed(&home, &daemon, "a.pdf", &sample::pdf(10));
    let ask = |number: usize| {
        let page = number % 10 + 1;
        let path = format!("/jobs/{job}/artifacts/a.pdf/thumbnail?page={page}&width=64");
        assert_eq!(picture(&daemon, &path).width, 64);
    };
    thread::scope(|scope| {
        for number in 0..50 {
            scope.spawn(move || ask(number));
        }
        // A job comes through meanwhile.
        processed(&home, &daemon, "b.pdf", &sample::pdf(1));
    });
    let started = || {
        let (_, metrics) = daemon.bytes("/metrics");
        let metrics = String::from_utf8_lossy(&metrics).into_owned();
        let line = metrics
            .lines()
            .find(|line| line.starts_with("dropleaf_workers_started_total"));
        line.map(str::to_owned)
            .unwrap_or_else(|| panic!("it is counted: {metrics}"))
    };
    let (_, metrics) = daemon.bytes("/metrics");
    let metrics = String::from_utf8_lossy(&metrics).into_owned();
    let mut families: Vec<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let all = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), all, "each is told once: {metrics}");
    let before = started();
    for number in 0..10 {
        ask(number);
    }
    assert_eq!(started(), before, "what was drawn is kept");
}

#[test]
fn a_page_that_takes_too_long_is_given_up_at_once_when_nobody_waits_for_it() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    let daemon = home.serve();
    let job = processed(&home, &daemon, "a.pdf", &hostile::endless_page());
    let path = format!("/api/v1/jobs/{job}/input/thumbnail?width=1024");
    let mut leaving = TcpStream::connect(daemon.address()).expect("it listens");
    write!(
        leaving,
        "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n",
        daemon.address()
    )
    .expect("it hears");
    let wait = |what: &dyn Fn(u64) -> bool| {
        let begun = Instant::now();
        while !what(workers(&daemon, "busy")) {
            assert!(begun.elapsed() < Duration::from_secs(60), "it never came");
            thread::sleep(Duration::from_millis(20));
        }
        begun.elapsed()
    };
    wait(&|busy| busy == 1);
    let (_, ours) = name_and_nice(Path::new("/proc/self")).expect("we live");
    let expected = BTreeSet::from([ours + 5, ours + 10].map(|nice| nice.min(19)));
    wait_until("it gives way to other workers", || {
        let nursery = children(daemon.pid());
        let workers = nursery.iter().flat_map(|pid| children(*pid));
        let processes = nursery.iter().copied().chain(workers);
        let nices = processes.filter_map(|pid| name_and_nice(Path::new(&format!("/proc/{pid}"))));
        nices.map(|(_, nice)| nice).collect::<BTreeSet<i32>>() == expected
    });
    drop(leaving);
    let took = wait(&|busy| busy == 0);
    assert!(took < Duration::from_secs(8), "{took:?}");

    let problem = refused(
        &daemon,
        &format!("/jobs/{job}/input/thumbnail?width=1024"),
        422,
        "not-drawable",
    );
    assert!(problem["detail"].to_string().contains("10 s"), "{problem}");
    let begun = Instant::now();
    refused(
        &daemon,
        &format!("/jobs/{job}/input/thumbnail?width=1024"),
        422,
        "not-drawable",
    );
    assert!(begun.elapsed() < Duration::from_secs(5), "it is remembered");
}
