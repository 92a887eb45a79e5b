//! Plugins come and go while the daemon runs; what they do wrong costs their own job and nothing else.

mod rows;

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::{plugins, sample};
use std::process::Command;

/// Builds a C file against the header alone; false where the machine has no C compiler.
pub(crate) fn compile(home: &TestHome, source: &str, library: &str) -> bool {
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
    let listed = daemon.get("/plugins").body;
    let files: Vec<&str> = listed["plugins"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|plugin| plugin["file"].as_str())
        .collect();
    let dropped = home.path("plugins/add_margin.so");
    assert!(
        files.iter().any(|file| dropped.ends_with(file)),
        "where it came from, not where its copy lies: {files:?}"
    );
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
