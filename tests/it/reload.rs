//! Pipelines are live: a change counts at once, a mistake changes nothing.

use crate::PROGRAM;
use crate::plugins::compile;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::{plugins, sample};

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

/// What `explain` says about a path below the home.
fn explain(home: &TestHome, daemon: &TestDaemon, path: &str) -> String {
    let path = home.path(path);
    let answer = daemon.get(&format!("/files/explain?path={}", path.display()));
    answer.body["chain"].to_string()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "an operator's `mv`; no power is cut here"
)]
fn jobs_of_a_pipeline_that_is_gone_are_a_concern() {
    let home = TestHome::new(PROGRAM);
    plugins::install("faulty", &home.path("plugins"));
    home.pipeline(
        "hold",
        "watch: { folder: inbox/hold, quiet: 0s }\nconcurrency: 1\nsteps:\n  - uses: misbehave\n    with: { mode: sleep }\n",
    );
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    for name in ["a.pdf", "b.pdf", "c.pdf", "d.pdf"] {
        home.drop_file("inbox/hold", name, sample::pdf(1));
    }
    for _ in 0..4 {
        feed.until_named("job.queued");
    }
    let rename = |from: &str, to: &str| {
        std::fs::rename(home.path(from), home.path(to)).expect("the home is writable");
    };
    rename("pipelines/hold.yaml", "pipelines/hold2.yaml");
    feed.until_named("pipeline.removed");
    let health = daemon.get("/healthz").body;
    let told = "3 jobs of pipeline `hold`, which is gone, wait: put its file back, or cancel them \
        (`dropleaf jobs --pipeline hold --state open`, `dropleaf cancel JOB...`)";
    let concerns = &health["details"]["concerns"];
    assert_eq!(concerns, &serde_json::json!([told]), "{health}");
    assert_eq!(health["status"], "degraded");
    let (_, said, _) = home.run(&["status"]);
    assert!(said.contains(told), "{said}");
    rename("pipelines/hold2.yaml", "pipelines/hold.yaml");
    feed.until_named("pipeline.removed");
    let health = daemon.get("/healthz").body;
    assert_eq!(health["status"], "ok", "{health}");
}

#[test]
fn explain_names_the_faults_that_keep_a_folder_from_being_watched() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("good", &pipeline(90).replace("inbox/p", "inbox/good"));
    let bad =
        "watch: { folder: inbox/elsewhere }\nsteps:\n  - uses: rotat\n    with: { angle: 90 }\n";
    home.pipeline("bad", bad);
    home.drop_file("inbox/elsewhere", "a.pdf", sample::pdf(1));
    let daemon = home.serve();
    let said = explain(&home, &daemon, "inbox/elsewhere/a.pdf");
    for part in [
        "inbox/elsewhere`, which the file of the pipeline `bad` names",
        "nothing watches this folder",
        "there is no good revision before it",
        "bad.yaml:3:11: ",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!said.contains("no watched folder"), "{said}");
    let said = explain(&home, &daemon, "inbox/nowhere/a.pdf");
    assert!(
        said.contains("no watched folder") && !said.contains("bad.yaml"),
        "{said}"
    );

    let mut feed = daemon.follow("/events");
    home.pipeline("good", bad);
    feed.until_named("pipeline.invalid");
    let said = explain(&home, &daemon, "inbox/good/a.pdf");
    assert!(
        said.contains("its last good revision goes on") && said.contains("good.yaml:3:11: "),
        "{said}"
    );
    home.pipeline("broken", "watch: { folder: inbox/broken\n");
    feed.until_named("pipeline.invalid");
    let said = explain(&home, &daemon, "inbox/broken/a.pdf");
    assert!(
        said.contains("which folder it means cannot be read") && said.contains("broken.yaml:2:1: "),
        "{said}"
    );
}

#[test]
fn an_operation_that_a_second_plugin_offers_goes_on_meaning_the_first_over_a_restart() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", &pipeline(90));
    assert!(home.serve().stop().success());
    if !compile(&home, "tests/plugins/second_rotate.c", "plugins/second.so") {
        println!("skipped: no C compiler");
        return;
    }
    for name in ["1.pdf", "2.pdf"] {
        let daemon = home.serve();
        let mut feed = daemon.follow("/events");
        home.drop_file("inbox/p", name, sample::pdf(1));
        feed.until_named("job.succeeded");
        let output = std::fs::read(home.path(format!("outbox/p/{name}"))).expect("the output");
        assert_eq!(sample::rotations(&output), [90]);
        let said = explain(&home, &daemon, "inbox/p/other.pdf");
        assert!(
            said.contains("its last good revision goes on")
                && said.contains("is offered by 2 plugins"),
            "{said}"
        );
        assert!(daemon.stop().success());
    }
}

#[test]
fn a_pipeline_whose_plugin_has_gone_says_so_after_a_restart() {
    let home = TestHome::new(PROGRAM);
    plugins::install("faulty", &home.path("plugins"));
    let yaml = "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: misbehave\n    with: { mode: behave }\n";
    home.pipeline("p", yaml);
    assert!(home.serve().stop().success());
    for entry in std::fs::read_dir(home.path("plugins")).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.to_string_lossy().contains("faulty") {
            std::fs::remove_file(path).expect("removed");
        }
    }
    let daemon = home.serve();
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let said = explain(&home, &daemon, "inbox/p/a.pdf");
    assert!(
        said.contains("something that it needs is not there any more")
            && said.contains("p.yaml:3:11: ")
            && said.contains("no installed plugin offers"),
        "{said}"
    );
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
