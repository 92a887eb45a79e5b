//! A step under `continue_on_error` that takes its worker along costs the job that step, and nothing else.

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::feed::{Event, Feed};
use dropleaf_test_support::folder::files;
use dropleaf_test_support::{plugins, sample};
use serde_json::Value;
use std::fs;

/// A home with the pipeline `x`: a step that does what `mode` says, and one that writes down that the job came so far.
fn home(mode: &str, more: &str) -> TestHome {
    let home = TestHome::new(PROGRAM);
    plugins::install("faulty", &home.path("plugins"));
    home.write("config.yaml", "worker_memory_mb: 200\n");
    home.pipeline("x", &yaml(mode, more));
    home
}

fn yaml(mode: &str, more: &str) -> String {
    format!(
        "watch: {{ folder: inbox/x, quiet: 0s }}
retry: {{ attempts: 3, backoff: 50ms }}
stalled_after: 2s
steps:
  - {{ id: cut, uses: split, with: {{ every: 1 }}, if: \"input.stem == 'cut'\" }}
  - id: bad
    uses: misbehave
    with: {{ mode: \"{mode}\" }}
    continue_on_error: true
    {more}
  - {{ id: last, uses: set-metadata, with: {{ title: came so far }} }}
output: {{ receipt: false }}
"
    )
}

/// Drops a file and gives the events of its job.
fn story(home: &TestHome, daemon: &TestDaemon, name: &str, pages: u32) -> Vec<Event> {
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/x", name, sample::pdf(pages));
    feed.until_ended(1).remove(name).expect("it is told of")
}

fn names(story: &[Event]) -> Vec<&str> {
    let told = story.iter().map(|event| event.name.as_str());
    told.filter(|name| *name != "step.progress" && *name != "log")
        .collect()
}

fn job(daemon: &TestDaemon, story: &[Event]) -> Value {
    let id = story[0].data["job"].as_str().expect("it names its job");
    daemon.get(&format!("/jobs/{id}")).body
}

/// Drops a file and lets its step be given up. The next attempt does not begin: the pipeline is paused.
fn given_up_and_held(home: &TestHome, feed: &mut Feed, daemon: &TestDaemon) -> Event {
    home.drop_file("inbox/x", "a.pdf", sample::pdf(2));
    feed.until_named("step.started");
    let paused = daemon.post("/pipelines/x/pause", b"");
    assert!(paused.status < 300, "{paused:?}");
    feed.until(|event| event.data["reason"] == "step_given_up")
}

fn rotations(home: &TestHome, name: &str) -> Vec<i64> {
    sample::rotations(&fs::read(home.path("outbox/x").join(name)).expect("it came out"))
}

const TO_THE_STEP: [&str; 4] = ["job.started", "step.skipped", "step.started", "step.failed"];

#[test]
fn a_crash_is_tried_once_more_and_then_the_job_goes_on_without_the_step() {
    let home = home("segv", "");
    let daemon = home.serve();
    let story = story(&home, &daemon, "a.pdf", 2);
    let crash = [&TO_THE_STEP[..3], &["worker.crashed"]].concat();
    let expected: Vec<&str> = [
        &["job.accepted", "job.queued"][..],
        &crash,
        &["job.waiting", "job.queued"],
        &crash,
        &["job.warned", "job.queued"],
        &TO_THE_STEP,
        &["step.started", "step.finished"],
        &["job.delivering", "artifact.written", "artifact.written"],
        &["job.succeeded"],
    ]
    .concat();
    assert_eq!(names(&story), expected);
    let queued: Vec<&Event> = story.iter().filter(|e| e.name == "job.queued").collect();
    assert_eq!(queued[1].data["reason"], "due");
    assert_eq!(queued[2].data["reason"], "step_given_up");
    let crashed = story.iter().rfind(|e| e.name == "worker.crashed");
    let crashed = &crashed.expect("it crashed").data["problem"];
    let failed = story.iter().find(|event| event.name == "step.failed");
    let failed = &failed.expect("it is reported").data;
    assert_eq!(failed["continued"], true);
    for same in ["detail", "page", "plugin", "step"] {
        assert_eq!(failed["problem"][same], crashed[same], "{same}");
        assert_eq!(queued[2].data["problem"][same], crashed[same], "{same}");
    }

    let job = job(&daemon, &story);
    assert_eq!(job["state"], "succeeded");
    assert_eq!(job["attempts"], 3);
    assert!(job["problem"].is_null(), "{job}");
    assert_eq!(job["steps"][1]["status"], "passed");
    assert_eq!(job["steps"][2]["status"], "finished");
    let warning = job["warnings"][0].as_str().expect("there is one");
    assert!(
        warning.contains("step `bad` was given up") && warning.contains("SIGSEGV"),
        "{warning}"
    );
    assert_eq!(rotations(&home, "a.pdf"), [0, 0], "its edits are gone");
    let why = daemon.get("/files/explain?path=inbox/x/a.pdf").body;
    assert!(why.to_string().contains("step `bad` was given up"), "{why}");
    let id = job["id"].as_str().expect("an id");
    let timeline = daemon.get(&format!("/jobs/{id}/timeline")).body;
    let endings: Vec<&str> = timeline["attempts"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|attempt| attempt["ending"].as_str())
        .collect();
    assert_eq!(endings, ["crashed", "crashed", "succeeded"]);
}

#[test]
fn a_limit_gives_the_step_up_at_once() {
    for (mode, more, code) in [
        ("spin-on-the-spot", "", "stalled"),
        ("sleep-deaf", "timeout: 300ms", "timed-out"),
        ("allocate-blindly", "", "memory-limit"),
        ("noise", "", "worker-failed"),
    ] {
        let home = home(mode, more);
        let daemon = home.serve();
        let story = story(&home, &daemon, "a.pdf", 2);
        let queued = names(&story);
        let count = |wanted: &str| queued.iter().filter(|name| **name == wanted).count();
        assert_eq!(
            (
                count("job.started"),
                count("job.waiting"),
                count("job.succeeded")
            ),
            (2, 0, 1),
            "{mode}: {queued:?}"
        );
        let failed = story.iter().find(|event| event.name == "step.failed");
        let problem = failed.expect("it is reported").data["problem"].to_string();
        assert!(problem.contains(code), "{mode}: {problem}");
        assert_eq!(rotations(&home, "a.pdf"), [0, 0]);
        assert!(daemon.stop().success());
    }
}

#[test]
fn a_step_is_given_up_on_the_document_that_it_crashed_on() {
    let home = home(
        "{{ 'abort' if part.index in [2, 4] else 'behave' }}",
        "timeout: 1m",
    );
    let daemon = home.serve();
    let story = story(&home, &daemon, "cut.pdf", 5);
    let job = job(&daemon, &story);
    assert_eq!(job["state"], "succeeded", "{job}");
    assert_eq!(job["attempts"], 5, "two for each crash, and one to the end");
    let warnings = job["warnings"].to_string();
    for document in ["document 2 of 5", "document 4 of 5"] {
        assert!(warnings.contains(document), "{warnings}");
    }
    let turned: Vec<i64> = (1..=5)
        .map(|n| rotations(&home, &format!("cut-{n}.pdf"))[0])
        .collect();
    assert_eq!(turned, [90, 0, 90, 0, 90]);
    let last = story.iter().rposition(|event| event.name == "job.started");
    let parts: Vec<u64> = story[last.expect("it ran")..]
        .iter()
        .filter(|event| event.name == "step.failed")
        .filter_map(|event| event.data["part"].as_u64())
        .collect();
    assert_eq!(parts, [2, 4]);
}

#[test]
fn a_step_that_crashes_on_many_documents_is_given_up_on_all() {
    let home = home(
        "{{ 'abort' if part.index > 1 else 'behave' }}",
        "timeout: 1m",
    );
    let yaml = yaml("{{ 'abort' if part.index > 1 else 'behave' }}", "");
    home.pipeline("x", &yaml.replace("attempts: 3", "attempts: 1"));
    let daemon = home.serve();
    let story = story(&home, &daemon, "cut.pdf", 12);
    let job = job(&daemon, &story);
    assert_eq!(job["state"], "succeeded", "{job}");
    assert_eq!(
        job["attempts"], 10,
        "eight documents, then all, then the end"
    );
    let warnings = job["warnings"].to_string();
    assert!(warnings.contains("given up on all documents"), "{warnings}");
    assert_eq!(rotations(&home, "cut-1.pdf"), [0]);
}

#[test]
fn what_was_given_up_is_known_after_a_kill() {
    let home = home("sleep-deaf", "timeout: 1s");
    let daemon = home.serve();
    let queued = given_up_and_held(&home, &mut daemon.follow("/events"), &daemon);
    daemon.kill();

    let daemon = home.serve();
    let id = queued.data["job"].as_str().expect("it names its job");
    let job = daemon.get(&format!("/jobs/{id}")).body;
    assert_eq!(job["state"], "queued", "{job}");
    let seen = queued.id.as_deref().expect("it is durable");
    let mut feed = daemon.follow_from("/events", Some(seen));
    assert!(daemon.post("/pipelines/x/resume", b"").status < 300);
    feed.until_named("job.succeeded");
    let names = feed.names();
    assert!(!names.contains(&"reset"), "{names:?}");
    let count = |wanted: &str| names.iter().filter(|name| **name == wanted).count();
    assert_eq!((count("job.started"), count("step.failed")), (1, 1));
    let job = daemon.get(&format!("/jobs/{id}")).body;
    assert_eq!(job["steps"][1]["status"], "passed", "{job}");
    assert_eq!(job["attempts"], 2);
    assert_eq!(rotations(&home, "a.pdf"), [0, 0]);
    assert_eq!(
        files(&home.path("failed")),
        Vec::<std::path::PathBuf>::new()
    );
}

#[test]
fn a_retry_begins_with_all_steps() {
    let home = home(
        "{{ 'sleep-deaf' if job.attempt < 3 else 'behave' }}",
        "timeout: 300ms",
    );
    let yaml = yaml(
        "{{ 'sleep-deaf' if job.attempt < 3 else 'behave' }}",
        "timeout: 300ms",
    );
    let rejects =
        "  - { id: reject, uses: misbehave, with: { mode: reject }, if: \"job.attempt < 3\" }\n";
    home.pipeline("x", &yaml.replace("output:", &format!("{rejects}output:")));
    let daemon = home.serve();
    let story = story(&home, &daemon, "a.pdf", 2);
    let failed = job(&daemon, &story);
    assert_eq!(
        (&failed["state"], &failed["attempts"]),
        (&"failed".into(), &2.into())
    );
    assert_eq!(failed["steps"][1]["status"], "passed");
    let id = failed["id"].as_str().expect("an id");
    let mut feed = daemon.follow("/events");
    assert!(daemon.post(&format!("/jobs/{id}/retry"), b"").status < 300);
    feed.until_named("job.succeeded");
    let job = daemon.get(&format!("/jobs/{id}")).body;
    assert_eq!(job["steps"][1]["status"], "finished", "{job}");
    assert_eq!(rotations(&home, "a.pdf"), [90, 90]);
}

#[test]
fn another_revision_begins_with_all_steps() {
    let home = home("sleep-deaf", "timeout: 1s");
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    given_up_and_held(&home, &mut feed, &daemon);
    home.pipeline("x", &yaml("behave", ""));
    feed.until_named("pipeline.loaded");
    assert!(daemon.post("/pipelines/x/resume", b"").status < 300);
    feed.until_named("job.succeeded");
    assert_eq!(rotations(&home, "a.pdf"), [90, 90]);
}

#[test]
fn a_step_that_must_not_fail_fails_the_job_as_before() {
    let home = home("segv", "");
    let yaml = yaml("segv", "");
    home.pipeline("x", &yaml.replace("    continue_on_error: true\n", ""));
    let daemon = home.serve();
    let story = story(&home, &daemon, "a.pdf", 2);
    let job = job(&daemon, &story);
    assert_eq!(
        (&job["state"], &job["attempts"]),
        (&"failed".into(), &2.into())
    );
}

#[test]
fn without_a_daemon_it_is_the_same() {
    for (mode, more) in [("segv", ""), ("sleep-deaf", "timeout: 300ms")] {
        let home = home(mode, more);
        home.write("a.pdf", sample::pdf(2));
        let (code, said, noted) = home.run(&["run", "x", "a.pdf", "--output", "out", "--json"]);
        assert_eq!(code, 0, "{said}{noted}");
        let told: Value = serde_json::from_str(&said).expect("JSON");
        let warnings = told["warnings"].to_string();
        assert!(warnings.contains("step `bad` was given up"), "{said}");
        let output = fs::read(home.path("out/a.pdf")).expect("it came out");
        assert_eq!(sample::rotations(&output), [0, 0]);
    }
}

#[test]
fn a_trial_shows_the_attempt_that_came_to_an_end() {
    let home = home("abort", "");
    let daemon = home.serve();
    let told = daemon.post("/pipelines/x/try?name=a.pdf", &sample::pdf(2));
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(told.body["steps"][1]["status"], "passed", "{told:?}");
    assert_eq!(told.body["steps"][2]["status"], "finished");
    let warnings = told.body["warnings"].to_string();
    assert!(warnings.contains("step `bad` was given up"), "{warnings}");
}

/// Nobody would begin again, with the step or without it: the job ends by the text that it was started with.
#[test]
fn a_job_whose_pipeline_is_removed_while_it_runs_fails() {
    let home = home("sleep-deaf", "timeout: 1s");
    home.pipeline(
        "x",
        &format!("{}failed: kept\n", yaml("sleep-deaf", "timeout: 1s")),
    );
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/x", "a.pdf", sample::pdf(1));
    feed.until(|event| event.name == "step.started" && event.data["step"] == "bad");
    fs::remove_file(home.path("pipelines/x.yaml")).expect("removable");
    feed.until_named("pipeline.removed");
    let failed = feed.until_named("job.failed");
    assert_eq!(failed.data["problem"]["type"], "/problems/timed-out");
    assert!(home.path("kept/a.pdf").is_file());
    assert!(home.path("kept/a.pdf.error.txt").is_file());
}
