//! Bad input costs its own job and nothing else: each message names the thing and what to do, and the original is kept.

mod documents;
mod pipelines;
pub(crate) mod places;

use dropleaf_test_support::daemon::{TestDaemon, TestHome};

/// What `explain` says about a file below the home, one link a line.
fn explain(home: &TestHome, daemon: &TestDaemon, path: &str) -> String {
    let path = home.path(path);
    let answer = daemon.get(&format!("/files/explain?path={}", path.display()));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let chain = answer.body["chain"].as_array().expect("a chain").clone();
    let texts = chain.iter().filter_map(|link| link["text"].as_str());
    texts.collect::<Vec<_>>().join("\n")
}

/// A pipeline beside the bad ones still does its work.
fn still_works(home: &TestHome, daemon: &TestDaemon, name: &str) {
    let mut feed = daemon.follow("/pipelines/good/events");
    home.drop_file("inbox/good", name, dropleaf_test_support::sample::pdf(1));
    feed.until(|event| event.name == "job.succeeded" && event.data["name"] == name);
    assert!(home.path("outbox/good").join(name).is_file());
    assert_eq!(daemon.get("/healthz").status, 200);
}

const GOOD: &str = "watch: { folder: inbox/good, quiet: 0s }\nsteps: [{ uses: reverse }]\n";
