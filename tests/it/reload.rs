//! Pipelines are live: a change counts at once, a mistake changes nothing.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::sample;

fn pipeline(angle: i32) -> String {
    format!(
        "watch: {{ folder: inbox/p, quiet: 0s }}\nsteps:\n  - uses: rotate\n    with: {{ angle: {angle} }}\n"
    )
}

#[test]
fn a_bad_file_leaves_the_last_good_revision_running_even_over_a_restart() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", &pipeline(90));
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: rotat\n    with: { angle: 90 }\n",
    );
    let invalid = feed.until_named("pipeline.invalid");
    let said = invalid.data["faults"].to_string();
    assert!(
        said.contains("p.yaml:3:11") && said.contains("rotate"),
        "{said}"
    );
    home.drop_file("inbox/p", "1.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    assert!(daemon.stop().success());
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "2.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    let output = std::fs::read(home.path("outbox/p/2.pdf")).expect("the output is there");
    assert_eq!(sample::rotations(&output), [90]);
}

#[test]
fn a_change_counts_for_the_next_file() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", &pipeline(90));
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.pipeline("p", &pipeline(180));
    feed.until_named("pipeline.loaded");
    home.drop_file("inbox/p", "1.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    let output = std::fs::read(home.path("outbox/p/1.pdf")).expect("the output is there");
    assert_eq!(sample::rotations(&output), [180]);
    let put = daemon.put("/pipelines/p", &pipeline(270));
    assert_eq!(put.status, 200, "{:?}", put.body);
    home.drop_file("inbox/p", "2.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    let output = std::fs::read(home.path("outbox/p/2.pdf")).expect("the output is there");
    assert_eq!(sample::rotations(&output), [270]);
}

#[test]
fn an_outbox_inside_an_inbox_is_refused() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "a",
        "watch: { folder: inbox/a }\nsteps: [{ uses: reverse }]\noutput: { folder: inbox/b }\n",
    );
    home.pipeline(
        "b",
        "watch: { folder: inbox/b }\nsteps: [{ uses: reverse }]\n",
    );
    let (code, faults, _) = home.run(&["check"]);
    assert_eq!(code, 3, "{faults}");
    assert!(faults.contains("allow_chain"), "{faults}");
}
