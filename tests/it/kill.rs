//! kill -9 at any moment: every input is accounted for exactly once, every output is whole.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::{files, wait_until};
use dropleaf_test_support::sample;
use std::collections::BTreeMap;
use std::path::PathBuf;

const FILES: usize = 60;
const LIVES: usize = 6;

const PIPELINE: &str = "\
watch: { folder: inbox/p, quiet: 0s }
steps:
  - uses: rotate
    with: { angle: 90 }
  - uses: set-metadata
    with: { title: \"{{ input.stem }}\" }
output: { if_exists: number }
";

#[test]
fn nothing_is_lost_and_nothing_doubled_when_the_daemon_is_killed_again_and_again() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let document = sample::pdf(4);
    let mut dropped = 0;
    for life in 0..LIVES {
        let daemon = home.serve();
        let mut feed = daemon.follow("/events");
        for _ in 0..FILES / LIVES {
            home.drop_file("inbox/p", &format!("{dropped}.pdf"), &document);
            dropped += 1;
        }
        // Another place in the stream of events each time, so that each kill falls elsewhere.
        let place = [
            "job.accepted",
            "job.queued",
            "job.started",
            "step.finished",
            "job.delivering",
            "job.succeeded",
        ][life % 6];
        for _ in 0..=life {
            feed.until_named(place);
        }
        daemon.kill();
    }
    let daemon = home.serve();
    wait_until("the end of all jobs", || {
        // On a busy machine the same attempt can be met again and again, until its job is given up: a person has the last word.
        let failed = daemon.get("/jobs?limit=500&state=failed");
        for job in failed.body["jobs"].as_array().into_iter().flatten() {
            let id = job["id"].as_str().expect("an id");
            assert!(daemon.post(&format!("/jobs/{id}/retry"), b"").status < 500);
        }
        files(&home.path("archive/p")).len() == FILES && files(&home.path("inbox")).is_empty()
    });
    wait_until("the last event", || {
        let page = daemon.get("/jobs?limit=500");
        page.body["jobs"].as_array().is_some_and(|jobs| {
            jobs.iter()
                .all(|job| matches!(job["state"].as_str(), Some("succeeded" | "cancelled")))
        })
    });
    let expected: Vec<PathBuf> = {
        let mut names: Vec<PathBuf> = (0..FILES)
            .map(|n| PathBuf::from(format!("{n}.pdf")))
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        files(&home.path("outbox/p")),
        expected,
        "each output once, under its own name"
    );
    assert_eq!(
        files(&home.path("archive/p")),
        expected,
        "each original once"
    );
    assert_eq!(files(&home.path("failed")), Vec::<PathBuf>::new());
    for name in &expected {
        let output = std::fs::read(home.path("outbox/p").join(name)).expect("it is there");
        assert_eq!(sample::rotations(&output), [90; 4], "{}", name.display());
    }
    let mut succeeded: BTreeMap<String, u32> = BTreeMap::new();
    for job in daemon.get("/jobs?limit=500&state=succeeded").body["jobs"]
        .as_array()
        .expect("a list")
    {
        *succeeded
            .entry(job["name"].as_str().expect("a name").to_owned())
            .or_default() += 1;
    }
    assert_eq!(succeeded.len(), FILES);
    assert!(succeeded.values().all(|&times| times == 1), "{succeeded:?}");
    assert!(daemon.stop().success());
    let left: Vec<PathBuf> = hidden(&home.path("outbox/p"))
        .into_iter()
        .chain(hidden(&home.path("inbox/p")))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "no leftovers");
}

/// Every file in our hidden folder, but the marks by which a folder is known again.
fn hidden(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut left = files(&folder.join(".dropleaf"));
    let is_mark = |name: &PathBuf| name.ends_with("folder-id") || name.ends_with("owner");
    left.retain(|name| !is_mark(name));
    left
}
