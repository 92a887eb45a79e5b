//! Promise: a file that may not be taken out of its folder stays there, and that is said once; it is no job until it may.

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestHome, is_root};
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::sample;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

fn allow(folder: &Path, mode: u32) {
    fs::set_permissions(folder, Permissions::from_mode(mode)).expect("ours");
}

#[test]
fn a_file_of_another_user_in_a_sticky_inbox_is_no_job_until_it_may_be_moved() {
    if !is_root() {
        // Only root can give a file to somebody else.
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let inbox = place.path();
    allow(inbox, 0o1777);
    let mut home = TestHome::new(PROGRAM);
    let yaml = format!(
        "watch: {{ folder: '{}', quiet: 0s }}\nsteps: [{{ uses: reverse }}]\n",
        inbox.display()
    );
    home.pipeline("p", &yaml);
    let daemon = home.serve_as_nobody();
    let mut feed = daemon.follow("/events");
    let file = inbox.join("a.pdf");
    fs::write(&file, sample::pdf(1)).expect("written");
    let waits = feed
        .until(|event| event.name == "file.settling" && event.data.to_string().contains("sticky"));
    let waits = waits.data["reason"].to_string();
    assert!(
        waits.contains("in a sticky folder (uid 0, mode 1777)") && waits.contains("chmod -t"),
        "{waits}"
    );
    let health = || daemon.get("/healthz").body.to_string();
    wait_until("a concern", || {
        health().contains("1 file cannot be taken, `a.pdf`: it cannot be taken by uid")
    });
    let explained = daemon.get(&format!("/files/explain?path={}", file.display()));
    let explained = explained.body.to_string();
    assert!(explained.contains("in a sticky folder"), "{explained}");
    // It is looked at again every 5 s.
    let over = Instant::now() + Duration::from_secs(6);
    while let Ok(event) = feed.try_next(over.saturating_duration_since(Instant::now())) {
        let is_told_again = event.name == "file.settling" || event.name.starts_with("job.");
        assert!(!is_told_again, "{event:?}");
    }
    allow(inbox, 0o777);
    let done = feed.until_named("job.succeeded");
    assert_eq!(done.data["name"], "a.pdf");
    wait_until("no concern", || !health().contains("cannot be taken"));
}
