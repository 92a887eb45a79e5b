//! Plugins come and go while the daemon runs; what they do wrong costs their own job and nothing else.

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::feed::Feed;
use dropleaf_test_support::{plugins, sample};
use std::process::Command;

/// Builds a C file against the header alone; false where the machine has no C compiler.
fn compile(home: &TestHome, source: &str, library: &str) -> bool {
    let root = plugins::workspace();
    let mut compiler = Command::new("cc");
    compiler
        .args([
            "-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I",
        ])
        .arg(root.join("include"))
        .arg("-o")
        .arg(home.path(library))
        .arg(root.join(source));
    let Ok(status) = compiler.status() else {
        return false;
    };
    assert!(status.success(), "{source} compiles");
    true
}

#[test]
fn a_plugin_written_in_c_counts_as_soon_as_it_is_dropped_in() {
    let home = TestHome::new(PROGRAM);
    let yaml = "watch: { folder: inbox/wide, quiet: 0s }\nsteps:\n  - uses: add-margin\n    with: { points: 36 }\n";
    home.pipeline("wide", yaml);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    assert_eq!(
        daemon.get("/pipelines/wide").body["faults"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    let source = "examples/c-plugin/add_margin.c";
    if !compile(&home, source, "plugins/add_margin.so") {
        return;
    }
    feed.until_named("pipeline.loaded");
    home.drop_file("inbox/wide", "a.pdf", sample::pdf(2));
    feed.until_named("job.succeeded");
    assert!(home.path("outbox/wide/a.pdf").is_file());
}

#[test]
fn a_library_that_cannot_be_loaded_is_listed_with_its_reason() {
    let home = TestHome::new(PROGRAM);
    home.write("plugins/broken.so", b"\x7fELF but not really");
    let daemon = home.serve();
    let listed = daemon.get("/plugins").body.to_string();
    assert!(listed.contains("broken.so"), "{listed}");
}

fn crash(mode: &str) -> (TestHome, TestDaemon, Feed) {
    let home = TestHome::new(PROGRAM);
    plugins::install("faulty", &home.path("plugins"));
    let retry = "retry: { attempts: 2, backoff: 250ms }\ntimeout: 20s\nstalled_after: 2s\n";
    home.pipeline("bad", &format!("watch: {{ folder: inbox/bad, quiet: 0s }}\n{retry}steps:\n  - id: faulty\n    uses: misbehave\n    with: {{ mode: {mode} }}\n"));
    home.pipeline(
        "good",
        "watch: { folder: inbox/good, quiet: 0s }\nsteps:\n  - uses: reverse\n",
    );
    let daemon = home.serve();
    let feed = daemon.follow("/events");
    (home, daemon, feed)
}

#[test]
fn a_plugin_that_goes_wrong_costs_its_own_job_and_nothing_else() {
    for (mode, code, crashes) in [
        ("segv", "plugin-crashed", true),
        ("exit", "plugin-crashed", true),
        ("panic", "plugin-panicked", false),
        ("error-after-edit", "step-failed", false),
        ("reject", "document-rejected", false),
        ("sleep-deaf", "stalled", false),
    ] {
        let (home, daemon, mut feed) = crash(mode);
        home.drop_file("inbox/bad", "bad.pdf", sample::pdf(2));
        home.drop_file("inbox/good", "good.pdf", sample::pdf(2));
        let failed = feed.until_named("job.failed");
        let kind = failed.data["problem"]["type"]
            .as_str()
            .unwrap_or("")
            .to_owned();
        assert_eq!(kind, format!("/problems/{code}"), "{mode}: {}", failed.data);
        assert_eq!(
            feed.names().contains(&"worker.crashed"),
            crashes,
            "{mode}: {:?}",
            feed.names()
        );
        assert!(
            home.path("failed/bad/bad.pdf").is_file(),
            "{mode}: the original is kept"
        );
        let note = std::fs::read_to_string(home.path("failed/bad/bad.pdf.error.txt"))
            .expect("the note is there");
        assert!(note.contains("Step: faulty"), "{mode}: {note}");
        if !feed
            .seen()
            .iter()
            .any(|event| event.name == "job.succeeded")
        {
            feed.until_named("job.succeeded");
        }
        assert!(
            home.path("outbox/good/good.pdf").is_file(),
            "{mode}: the other job went on"
        );
        assert_eq!(daemon.get("/healthz").status, 200, "{mode}");
    }
}
