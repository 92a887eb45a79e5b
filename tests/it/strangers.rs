//! What others who may write into an inbox can do to it.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::{files, wait_until};
use dropleaf_test_support::sample;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

const PIPELINE: &str = "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n";

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[test]
fn a_file_that_says_it_is_huge_fails_at_once() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let path = home.path("inbox/p/huge.pdf");
    let file = fs::File::create(path).expect("writable");
    file.set_len(1 << 42).expect("a file system with holes");
    drop(file);
    let failed = feed.until_named("job.failed");
    let told = failed.data.to_string();
    assert!(told.contains("too-large"), "{told}");
    let found = fs::metadata(home.path("failed/p/huge.pdf")).expect("there");
    assert_eq!(found.len(), 1 << 42);
    assert!(daemon.stop().success());
}

#[test]
fn a_file_that_is_written_again_after_it_was_taken_is_told_with_the_content_it_has() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    daemon.post("/pipelines/p/pause", b"{\"reason\":\"lunch\"}");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let queued = feed.until_named("job.queued");
    let job = queued.data["job"].as_str().expect("an id").to_owned();
    let held = home.path(format!("inbox/p/.dropleaf/claimed/{job}"));
    fs::write(held, sample::pdf(3)).expect("whoever had it open writes on");
    daemon.post("/pipelines/p/resume", b"");
    let warned = feed.until_named("job.warned");
    assert!(
        warned.data.to_string().contains("input-changed"),
        "{}",
        warned.data
    );
    feed.until_named("job.succeeded");
    let told = daemon.get(&format!("/jobs/{job}")).body;
    assert_eq!(told["input"]["blake3"], hash(&sample::pdf(3)), "{told}");
    assert!(!told.to_string().contains(&hash(&sample::pdf(1))), "{told}");
    // So the content that is gone is nobody's duplicate, and the one that is there is.
    home.drop_file("inbox/p", "b.pdf", sample::pdf(3));
    let again = feed.until_named("job.queued");
    assert!(again.data.to_string().contains(&job), "{}", again.data);
}

#[test]
fn a_folder_whose_own_folder_was_replaced_by_a_link_is_blocked() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    home.serve().stop();
    let ours = home.path("inbox/p/.dropleaf");
    fs::remove_dir_all(&ours).expect("removable");
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("claimed")).expect("makeable");
    let theirs = PathBuf::from("claimed/01K40000000000000000000001");
    fs::write(place.path().join(&theirs), "theirs").expect("writable");
    symlink(place.path(), &ours).expect("made");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let daemon = home.serve();
    let state = || daemon.get("/pipelines/p").body["folder"].to_string();
    wait_until("the folder is blocked", || state().contains("blocked"));
    let told = state();
    assert!(
        told.contains("`.dropleaf` in it is a symbolic link") && told.contains("move it away"),
        "{told}"
    );
    assert_eq!(files(place.path()), [theirs]);
    fs::remove_file(&ours).expect("removable");
    let mut feed = daemon.follow("/pipelines/p/events");
    daemon.post("/pipelines/p/scan", b"");
    feed.until_named("job.succeeded");
}
