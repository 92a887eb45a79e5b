//! What the page rests on: numbers at a glance, timelines, trials, and pipelines that two people edit.

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::sample;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const PIPELINE: &str =
    "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n";

fn get(daemon: &TestDaemon, path: &str) -> Value {
    let answer = daemon.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

/// The numbers of the pipelines, without those of their folders, which are of this moment.
fn of_jobs(stats: &Value) -> Value {
    let mut pipelines = stats["pipelines"].clone();
    for pipeline in pipelines.as_array_mut().expect("a list") {
        let folder = pipeline
            .as_object_mut()
            .expect("an object")
            .remove("folder");
        assert!(folder.is_some(), "each has one: {stats}");
    }
    pipelines
}

/// The address below the API's base.
fn below(href: &Value) -> &str {
    let href = href.as_str().expect("an address");
    href.strip_prefix("/api/v1").expect("one of the API")
}

#[test]
fn the_numbers_follow_the_jobs_and_outlive_the_daemon() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    home.pipeline("q", "watch: { folder: inbox/q, quiet: 0s }\nsteps:\n  - uses: extract-pages\n    with: { pages: \"7\" }\n");
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let first = feed.until_named("stats");
    assert_eq!(first.data["counters"], serde_json::json!({}));
    assert_eq!(first.id, None, "it is never told again");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(3));
    let succeeded = feed.until_named("job.succeeded");
    home.drop_file("inbox/q", "b.pdf", sample::pdf(2));
    feed.until_named("job.failed");
    let told = feed.until(|event| {
        event.name == "stats"
            && event.data["counters"]["failed"] == 1
            && event.data["counters"]["succeeded"] == 1
    });
    let asked = get(&daemon, "/stats");
    assert_eq!(of_jobs(&told.data), of_jobs(&asked));
    let (p, q) = (&asked["pipelines"][0], &asked["pipelines"][1]);
    assert_eq!((&p["pipeline"], &q["pipeline"]), (&"p".into(), &"q".into()));
    assert_eq!(p["lastSucceeded"]["job"], succeeded.data["job"]);
    assert_eq!(p["lastFailed"], Value::Null);
    assert_eq!(q["lastFailed"]["name"], "b.pdf");
    let pages = |pipeline: &Value| -> u64 {
        let minutes = pipeline["minutes"].as_array().expect("a list");
        minutes
            .iter()
            .filter_map(|minute| minute["pages"].as_u64())
            .sum()
    };
    assert_eq!(pages(p), 3);
    assert!(p["typicalMs"].is_u64() && q["typicalMs"].is_null());
    assert_eq!(asked["daemon"]["workers"]["busy"], 0);
    assert!(asked["daemon"]["journal"]["bytes"].as_u64() > Some(0));
    assert!(daemon.stop().success());
    let again = get(&home.serve(), "/stats");
    assert_eq!(of_jobs(&again), of_jobs(&asked), "made from the journal");
}

#[test]
fn what_comes_into_an_inbox_and_goes_again_is_told_in_words_and_numbers() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let ignored = |count: u64| {
        move |stats: &Value| stats["pipelines"][0]["folder"]["ignored"].as_u64() == Some(count)
    };
    home.drop_file("inbox/p", "notes.txt", b"no PDF");
    feed.until_named("file.ignored");
    let there = feed.until(|event| event.name == "stats" && ignored(1)(&event.data));
    std::fs::remove_file(home.path("inbox/p/notes.txt")).expect("it lies there");
    let gone = feed.until_named("file.gone");
    assert_eq!(gone.data["name"], "notes.txt");
    assert!(gone.id.is_some(), "it is told again to who missed it");
    let reason = gone.data["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("it was ignored: "), "{reason}");
    let after = feed.until(|event| event.name == "stats" && ignored(0)(&event.data));
    let changes = |stats: &Value| stats["pipelines"][0]["folder"]["changes"].as_u64();
    assert_ne!(changes(&there.data), changes(&after.data));
    assert_eq!(
        get(&daemon, "/pipelines")["pipelines"][0]["folder"]["ignored"],
        0
    );
}

#[test]
fn a_timeline_has_every_state_and_every_attempt() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(2));
    let done = feed.until_named("job.succeeded");
    let job = done.data["job"].as_str().expect("it names its job");
    let timeline = get(&daemon, &format!("/jobs/{job}/timeline"));
    let states: Vec<&str> = timeline["phases"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|phase| phase["state"].as_str())
        .collect();
    assert_eq!(
        states,
        ["claiming", "queued", "running", "delivering", "succeeded"]
    );
    let attempt = &timeline["attempts"][0];
    assert_eq!(attempt["ending"], "succeeded");
    assert_eq!(attempt["steps"][0]["runs"][0]["status"], "finished");
    assert_eq!(timeline["rev"], done.data["rev"]);
    let revision = attempt["revision"].as_str().expect("a hash");
    let text = daemon.bytes(&format!("/pipelines/p/revisions/{revision}"));
    assert_eq!(text, (200, PIPELINE.as_bytes().to_vec()));
    let page = get(&daemon, "/jobs?state=succeeded");
    assert_eq!(page["total"], 1);
}

#[test]
fn a_trial_shows_before_and_after_and_touches_no_folder() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let input = sample::pdf(2);
    let trial = daemon.post("/pipelines/p/try?name=s.pdf", &input);
    assert_eq!(trial.status, 200, "{}", trial.body);
    let trial = trial.body;
    assert_eq!(trial["ok"], true, "{trial}");
    assert_eq!(daemon.bytes(below(&trial["input"]["href"])), (200, input));
    let (status, output) = daemon.bytes(below(&trial["outputs"][0]["href"]));
    assert_eq!(status, 200);
    assert_eq!(output.len() as u64, trial["outputs"][0]["size"]);
    assert_eq!(sample::open(&output).get_pages().len(), 2);
    assert!(!home.path("outbox/p").join("s.pdf").exists());
    assert_eq!(get(&daemon, "/jobs")["total"], 0);
    wait_until("the end of what was received", || {
        let mut work = std::fs::read_dir(home.path("work")).expect("it is there");
        work.all(|entry| {
            !entry.is_ok_and(|entry| entry.path().extension() == Some("part".as_ref()))
        })
    });
    let at = format!("/trials/{}", trial["id"].as_str().expect("an id"));
    assert_eq!(get(&daemon, &at)["outputs"], trial["outputs"]);
    assert_eq!(daemon.delete(&at).status, 204);
    assert_eq!(daemon.get(&at).status, 410);
}

#[test]
fn trials_with_very_many_outputs_leave_descriptors_for_everybody_else() {
    let home = TestHome::new(PROGRAM);
    let split =
        "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: split\n    with: { every: 1 }\n";
    home.pipeline("p", split);
    let daemon = home.serve();
    let open = || {
        let folder = format!("/proc/{}/fd", daemon.pid());
        std::fs::read_dir(folder).expect("it runs").count()
    };
    let before = open();
    let input = sample::pdf(300);
    for _ in 0..2 {
        let trial = daemon.post("/pipelines/p/try?name=s.pdf", &input).body;
        let outputs = trial["outputs"].as_array().expect("a list");
        assert_eq!(outputs.len(), 300, "{}", trial["problem"]);
        for output in [&outputs[0], &outputs[299]] {
            let (status, bytes) = daemon.bytes(below(&output["href"]));
            assert_eq!(status, 200);
            assert_eq!(bytes.len() as u64, output["size"]);
            assert_eq!(sample::open(&bytes).get_pages().len(), 1);
        }
    }
    assert!(open() < before + 100, "{before} before, {} now", open());
}

#[test]
fn the_description_is_the_same_with_and_without_a_daemon() {
    let home = TestHome::new(PROGRAM);
    let (code, offline, _) = home.run(&["openapi"]);
    assert_eq!(code, 0);
    let offline: Value = serde_json::from_str(&offline).expect("json");
    assert_eq!(get(&home.serve(), "/openapi.json"), offline);
}

#[test]
fn what_lies_in_an_inbox_without_being_a_job_is_listed_with_its_reason() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    home.drop_file("inbox/p", "notes.txt", "no PDF");
    wait_until("the file is seen", || {
        let found = get(&daemon, "/files?state=ignored");
        found["files"][0]["name"] == "notes.txt" && !found["files"][0]["reason"].is_null()
    });
    assert_eq!(
        get(&daemon, "/files?state=settling&pipeline=p")["files"],
        serde_json::json!([])
    );
}

#[test]
fn of_a_save_and_a_removal_on_the_same_condition_one_is_refused() {
    let home = TestHome::new(PROGRAM);
    let daemon = home.serve();
    for round in 0..15_u64 {
        let text = format!("# {round}\n{PIPELINE}");
        daemon.put("/pipelines/p", &text);
        let tag = get(&daemon, "/pipelines/p")["tag"].clone();
        let tag = tag.as_str().expect("a tag");
        let theirs = format!("# theirs\n{text}");
        let (saved, removed) = std::thread::scope(|scope| {
            let save = scope.spawn(|| daemon.put_if("/pipelines/p", &theirs, tag).status);
            // Not to wait for anything: each round begins the removal at another moment of the save.
            std::thread::sleep(std::time::Duration::from_micros(250 * round));
            let removed = daemon.delete_if("/pipelines/p", tag).status;
            (save.join().expect("it was answered"), removed)
        });
        assert!(
            matches!((saved, removed), (200, 412) | (412, 204)),
            "{round}: {saved}, {removed}"
        );
    }
}

#[test]
fn a_pipeline_that_somebody_else_changed_is_not_overwritten() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let tag = get(&daemon, "/pipelines/p")["tag"].clone();
    let theirs = format!("# theirs\n{PIPELINE}");
    home.pipeline("p", &theirs);
    let mine = format!("# mine\n{PIPELINE}");
    let put =
        |tag: &Value, text: &str| daemon.put_if("/pipelines/p", text, tag.as_str().expect("a tag"));
    let refused = put(&tag, &mine);
    assert_eq!(refused.status, 412, "{}", refused.body);
    let current = &refused.body["current"];
    assert_eq!(current["yaml"], theirs.as_str());
    let on_disk = std::fs::read_to_string(home.path("pipelines/p.yaml")).expect("it is there");
    assert_eq!(on_disk, theirs);
    let saved = put(&current["tag"], &mine);
    assert_eq!(saved.status, 200, "{}", saved.body);
    assert_eq!(get(&daemon, "/pipelines/p")["yaml"], mine.as_str());
}

#[test]
fn tls_is_spoken_with_the_configured_certificate_or_the_daemon_says_why_not() {
    let home = TestHome::new(PROGRAM);
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
    home.write("tls/cert.pem", pair.cert.pem());
    home.write(
        "config.yaml",
        "tls: { certificate: tls/cert.pem, key: tls/key.pem }\n",
    );
    let (code, _, said) = home.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("tls/key.pem`, which `tls` names"), "{said}");
    home.write("tls/key.pem", pair.signing_key.serialize_pem());
    let daemon = home.serve();
    let (code, status, said) = home.run(&["status"]);
    assert_eq!(code, 0, "programs on this machine go without: {said}");
    assert!(status.contains("workers"), "{status}");
    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("known versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let session = ClientConnection::new(Arc::new(config), name).expect("a session");
    let socket = TcpStream::connect(daemon.address()).expect("it listens");
    let mut stream = StreamOwned::new(session, socket);
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
