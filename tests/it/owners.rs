//! Two homes whose pipelines watch one folder: the first has it, the second keeps its hands off and says why.

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::folder::{files, wait_until};
use dropleaf_test_support::sample;
use std::fs;
use std::path::{Path, PathBuf};

fn home_on(shared: &Path) -> TestHome {
    let home = TestHome::new(PROGRAM);
    let yaml = format!(
        "watch: {{ folder: '{}', quiet: 0s }}\nsteps: [{{ uses: reverse }}]\n",
        shared.display()
    );
    home.pipeline("p", &yaml);
    home
}

fn put(folder: &Path, name: &str) {
    fs::write(folder.join(format!(".{name}.tmp")), sample::pdf(2)).expect("written");
    #[expect(
        clippy::disallowed_methods,
        reason = "a person's file manager does not sync either"
    )]
    fs::rename(folder.join(format!(".{name}.tmp")), folder.join(name)).expect("a rename");
}

fn state(daemon: &TestDaemon) -> String {
    daemon.get("/pipelines/p").body["folder"].to_string()
}

fn wait_blocked(daemon: &TestDaemon, by: &TestHome) {
    wait_until("the folder is blocked", || {
        let state = state(daemon);
        state.contains("blocked") && state.contains(&by.path("").display().to_string()[..20])
    });
}

#[test]
fn a_folder_that_another_home_watches_is_left_alone_and_that_is_said() {
    let place = tempfile::tempdir().expect("a folder");
    let shared = place.path();
    let (first, second) = (home_on(shared), home_on(shared));
    let one = first.serve();
    let mut feed = one.follow("/events");
    put(shared, "done.pdf");
    let done = feed.until_named("job.succeeded");
    assert_eq!(done.data["name"], "done.pdf");
    one.post("/pipelines/p/pause", b"{\"reason\":\"lunch\"}");
    one.post("/pipelines/p/jobs?name=held.pdf", &sample::pdf(1));
    feed.until_named("job.queued");
    put(shared, "waits.pdf");

    let two = second.serve();
    wait_blocked(&two, &first);
    let why = two.get(&format!(
        "/files/explain?path={}",
        shared.join("waits.pdf").display()
    ));
    let why = why.body.to_string();
    assert!(
        why.contains("the folder is blocked") && why.contains(".dropleaf/owner"),
        "{why}"
    );
    let refused = two.post("/pipelines/p/jobs?name=a.pdf", &sample::pdf(1));
    let said = refused.body.to_string();
    assert_eq!(refused.status, 503, "{said}");
    assert!(said.contains("must not share one"), "{said}");
    let log = two.log();
    let blocked = "no file of a watched folder is taken: the Dropleaf home";
    assert_eq!(log.matches(blocked).count(), 1, "{log}");
    assert!(!log.contains("went back"), "{log}");
    assert!(two.stop().success());
    let two = second.serve();
    wait_blocked(&two, &first);

    one.post("/pipelines/p/resume", b"");
    let names = ["done.pdf", "held.pdf", "waits.pdf"].map(PathBuf::from);
    wait_until("all of the first", || {
        files(&first.path("outbox/p")) == names && files(&first.path("archive/p")) == names
    });
    assert_eq!(files(&first.path("failed")), Vec::<PathBuf>::new());
    for kind in ["outbox", "archive", "failed"] {
        assert_eq!(files(&second.path(kind)), Vec::<PathBuf>::new(), "{kind}");
    }

    // The first is gone for good, says somebody who knows.
    assert!(one.stop().success());
    fs::remove_file(shared.join(".dropleaf/owner")).expect("the mark");
    let mut feed = two.follow("/events");
    two.post("/pipelines/p/scan", b"");
    put(shared, "new.pdf");
    let done = feed.until_named("job.succeeded");
    assert_eq!(done.data["name"], "new.pdf");
    let log = two.log();
    assert!(log.contains("a watched folder can be used again"), "{log}");
    // And back once more: it was wrong.
    let one = first.serve();
    wait_blocked(&one, &second);
}

/// The state folder is lost, and with it the home's id: it lies where it lay.
#[test]
fn a_home_without_its_state_has_its_folders_still() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    let daemon = home.serve();
    daemon.post("/pipelines/p/pause", b"{\"reason\":\"lunch\"}");
    let mut feed = daemon.follow("/events");
    daemon.post("/pipelines/p/jobs?name=held.pdf", &sample::pdf(1));
    feed.until_named("job.queued");
    daemon.kill();
    fs::remove_dir_all(home.path("state")).expect("lost");
    let _daemon = home.serve();
    wait_until("the held file's end", || {
        files(&home.path("outbox/p")).len() == 1
    });
}
