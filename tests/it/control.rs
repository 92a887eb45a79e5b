//! What people do to jobs and pipelines while the daemon runs: pause, cancel, retry, restore, upload, ask why.

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::feed::Event;
use dropleaf_test_support::folder::{files, wait_until};
use dropleaf_test_support::{journal, sample};
use std::path::{Path, PathBuf};

const PIPELINE: &str =
    "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n";

fn job(event: &Event) -> String {
    event.data["job"]
        .as_str()
        .expect("it names its job")
        .to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person's file manager does not sync either"
)]
fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).expect("one file system");
}

fn why(daemon: &TestDaemon, path: &str) -> String {
    let answer = daemon.get(&format!("/files/explain?path={path}"));
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body["chain"].to_string()
}

#[test]
fn a_paused_pipeline_takes_files_and_says_why_they_wait() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let paused = daemon.post("/pipelines/p/pause", b"{\"reason\":\"lunch\"}");
    assert!(paused.status < 300, "{paused:?}");
    feed.until_named("pipeline.paused");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let queued = feed.until_named("job.queued");
    assert!(why(&daemon, "inbox/p/a.pdf").contains("lunch"));
    assert!(daemon.stop().success());
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    assert!(
        why(&daemon, "inbox/p/a.pdf").contains("lunch"),
        "a pause outlives the daemon"
    );
    assert!(daemon.post("/pipelines/p/resume", b"").status < 300);
    assert_eq!(job(&feed.until_named("job.succeeded")), job(&queued));
}

/// The home is called by a link at the start, the file by what the link leads to, and the other way round.
#[test]
fn a_file_is_known_by_all_its_paths() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let links = tempfile::tempdir().expect("a folder");
    let link = links.path().join("home");
    std::os::unix::fs::symlink(home.path(""), &link).expect("a link");
    let serve = |named: &Path| {
        home.serve_by(|command| {
            let mut other = std::process::Command::new(command.get_program());
            other.env_clear().arg("--home").arg(named);
            other.args(["serve", "--listen", "127.0.0.1:0"]);
            *command = other;
        })
    };
    let paths = [home.path("inbox/p/a.pdf"), link.join("inbox/p/a.pdf")];
    let known = |daemon: &TestDaemon| {
        for path in &paths {
            let path = path.display().to_string();
            let why = why(daemon, &path);
            assert!(why.contains("it succeeded at"), "{path}: {why}");
            let snapshot = daemon
                .follow(&format!("/files/events?path={path}"))
                .until_named("snapshot");
            let told = snapshot.data.to_string();
            assert!(
                told.contains("a.pdf") && told.contains("succeeded"),
                "{path}: {told}"
            );
        }
    };
    let daemon = serve(&link);
    let mut feed = daemon.follow("/events");
    let mut of_file = daemon.follow(&format!("/files/events?path={}", paths[0].display()));
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    of_file.until_named("job.succeeded");
    known(&daemon);
    // Nobody watches the folder any more.
    std::fs::remove_file(home.path("pipelines/p.yaml")).expect("removable");
    feed.until_named("pipeline.removed");
    known(&daemon);
    daemon.stop();
    let daemon = serve(&home.path(""));
    let why = why(&daemon, &paths[1].display().to_string());
    assert!(why.contains("it succeeded at"), "{why}");
}

/// Where its pipeline is gone the original goes where that pipeline put failed ones, not out of sight.
#[test]
fn a_job_of_a_removed_pipeline_ends_in_its_failed_folder() {
    let home = TestHome::new(PROGRAM);
    let own = PIPELINE.replace("inbox/p", "inbox/own") + "failed: kept/own\n";
    home.pipeline("own", &own);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let mut jobs = Vec::new();
    for pipeline in ["own", "p"] {
        daemon.post(&format!("/pipelines/{pipeline}/pause"), b"{}");
        feed.until_named("pipeline.paused");
        home.drop_file(&format!("inbox/{pipeline}"), "a.pdf", sample::pdf(1));
        jobs.push(job(&feed.until_named("job.queued")));
        std::fs::remove_file(home.path(format!("pipelines/{pipeline}.yaml"))).expect("removable");
        feed.until_named("pipeline.removed");
    }
    daemon.stop();
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    for id in &jobs {
        assert!(daemon.post(&format!("/jobs/{id}/cancel"), b"").status < 300);
        feed.until(|event| event.name == "job.cancelled" && job(event) == *id);
    }
    let kept = ["a.pdf", "a.pdf.error.json", "a.pdf.error.txt"].map(PathBuf::from);
    assert_eq!(files(&home.path("kept/own")), kept);
    assert_eq!(files(&home.path("failed/p")), kept);
}

/// A mark has served when its file is taken, and the note says that another one is needed.
#[test]
fn the_note_names_the_mark_that_a_file_needs_once_more() {
    let home = TestHome::new(PROGRAM);
    let yaml = "watch: { folder: inbox/p, quiet: 0s, done_file: \"{stem}.ok\" }\nsteps: [{ uses: rotate, with: { angle: 90, pages: \"{{ input.stem }}\" } }]\noriginal: keep\n";
    home.pipeline("p", yaml);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    // Pages that the document does not have are its fault; what is no range of pages is the pipeline's.
    for (stem, code) in [("9", "document-rejected"), ("scan", "parameters-refused")] {
        home.drop_file("inbox/p", &format!("{stem}.pdf"), sample::pdf(3));
        home.drop_file("inbox/p", &format!("{stem}.ok"), "");
        let failed = feed.until_named("job.failed");
        assert!(failed.data.to_string().contains(code), "{}", failed.data);
        let note = home.path(format!("failed/p/{stem}.pdf.error.json"));
        let note = std::fs::read_to_string(note).expect("a note");
        let note: serde_json::Value = serde_json::from_str(&note).expect("JSON");
        let started = note["steps"][0]["started"].as_str().unwrap_or_default();
        assert!(started.ends_with('Z'), "{note}");
        let note = home.path(format!("failed/p/{stem}.pdf.error.txt"));
        let note = std::fs::read_to_string(note).expect("a note");
        let said = format!("only once `{stem}.ok` lies beside it");
        assert!(
            note.contains("once more:\n") && note.contains(&said),
            "{note}"
        );
        let mark = home.path(format!("inbox/p/{stem}.ok"));
        wait_until("the mark is gone", || !mark.exists());
    }
}

#[test]
fn a_cancelled_job_keeps_its_original_and_can_be_retried() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    daemon.post("/pipelines/p/pause", b"");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let id = job(&feed.until_named("job.queued"));
    assert!(daemon.post(&format!("/jobs/{id}/cancel"), b"").status < 300);
    feed.until_named("job.cancelled");
    assert!(home.path("failed/p/a.pdf").is_file());
    let note = std::fs::read(home.path("failed/p/a.pdf.error.json")).expect("a note");
    let note: serde_json::Value = serde_json::from_slice(&note).expect("JSON");
    assert_eq!(note["problem"]["type"], "/problems/cancelled", "{note}");
    let told = daemon.get(&format!("/jobs/{id}")).body;
    assert_eq!(told["problem"]["type"], "/problems/cancelled", "{told}");
    daemon.post("/pipelines/p/resume", b"");
    assert!(daemon.post(&format!("/jobs/{id}/retry"), b"").status < 300);
    assert_eq!(job(&feed.until_named("job.succeeded")), id);
    assert!(home.path("outbox/p/a.pdf").is_file());
    assert!(
        !home.path("failed/p/a.pdf").exists() && !home.path("failed/p/a.pdf.error.txt").exists()
    );
    let again = daemon.post(&format!("/jobs/{id}/retry"), b"");
    assert_eq!(again.status, 409, "{:?}", again.body);
}

/// Whoever has the answer to a retry reads the job as it is then, and a feed that is opened at once stays open.
#[test]
fn a_retry_is_answered_once_the_journal_knows_it() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: extract-pages\n    with: { pages: \"7\" }\n");
    let daemon = home.serve();
    home.drop_file("inbox/p", "a.pdf", sample::pdf(2));
    let id = job(&daemon.follow("/events").until_named("job.failed"));
    let path = format!("/jobs/{id}/events");
    let mut last = daemon.follow(&path).rest();
    for _ in 0..8 {
        let cursor = last.iter().rev().find_map(|event| event.id.clone());
        let before = daemon.get(&format!("/jobs/{id}")).body["rev"].as_u64();
        let asked = daemon.post(&format!("/jobs/{id}/retry"), b"");
        assert_eq!(asked.status, 202, "{:?}", asked.body);
        assert!(daemon.get(&format!("/jobs/{id}")).body["rev"].as_u64() > before);
        last = daemon.follow_from(&path, cursor.as_deref()).rest();
        let names: Vec<&str> = last.iter().map(|event| event.name.as_str()).collect();
        assert!(names.contains(&"job.queued"), "{names:?}");
        assert_eq!(names.last(), Some(&"end"));
    }
}

#[test]
fn a_failed_job_runs_with_the_mended_pipeline_when_it_is_retried() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: extract-pages\n    with: { pages: \"7\" }\n");
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(2));
    let failed = feed.until_named("job.failed");
    assert!(
        failed.data["problem"]["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("2 pages")),
        "{}",
        failed.data
    );
    home.pipeline("p", PIPELINE);
    feed.until_named("pipeline.loaded");
    assert!(
        daemon
            .post(&format!("/jobs/{}/retry", job(&failed)), b"")
            .status
            < 300
    );
    feed.until_named("job.succeeded");
    assert!(home.path("outbox/p/a.pdf").is_file());
}

#[test]
fn a_restored_original_goes_through_again() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let first = job(&feed.until_named("job.succeeded"));
    assert!(daemon.post(&format!("/jobs/{first}/restore"), b"").status < 300);
    let second = feed.until_named("job.succeeded");
    assert_ne!(job(&second), first);
    assert!(
        home.path("outbox/p/a-1.pdf").is_file(),
        "the first output is not replaced"
    );
    let found = daemon.get(&format!("/jobs/{}", job(&second)));
    assert_eq!(
        found.body["input"]["duplicateOf"].as_str(),
        Some(first.as_str()),
        "{}",
        found.body
    );
}

/// Each of them is somebody's file, and whoever counts them finds all.
#[test]
fn equal_files_of_one_name_are_archived_one_by_one() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let jobs = [(); 3].map(|()| {
        home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
        job(&feed.until_named("job.succeeded"))
    });
    let archived = ["a-1.pdf", "a-2.pdf", "a.pdf"].map(PathBuf::from);
    assert_eq!(files(&home.path("archive/p")), archived);
    for id in jobs {
        let restored = daemon.post(&format!("/jobs/{id}/restore"), b"");
        assert_eq!(restored.status, 200, "{:?}", restored.body);
        feed.until_named("job.succeeded");
    }
    assert_eq!(files(&home.path("archive/p")).len(), 6);
    assert!(home.path("outbox/p/a-5.pdf").is_file());
}

#[test]
fn an_upload_is_a_job_like_any_other() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let bytes = sample::pdf(2);
    let taken = daemon.post("/pipelines/p/jobs?name=sent.pdf", &bytes);
    assert_eq!(taken.status, 202, "{:?}", taken.body);
    assert_ne!(taken.body["state"], "claiming", "the journal knows it");
    let id = job(&feed.until_named("job.succeeded"));
    let (status, output) = daemon.bytes(&format!("/jobs/{id}/artifacts/sent.pdf"));
    assert_eq!((status, sample::rotations(&output)), (200, vec![90, 90]));
    let (status, input) = daemon.bytes(&format!("/jobs/{id}/input"));
    assert_eq!((status, input), (200, bytes));
    // A name may be as long as one in the folder.
    let long = "ä".repeat(125) + "x.pdf";
    let escaped = "%C3%A4".repeat(125) + "x.pdf";
    let taken = daemon.post(
        &format!("/pipelines/p/jobs?name={escaped}"),
        &sample::pdf(1),
    );
    assert_eq!(taken.status, 202, "{:?}", taken.body);
    feed.until_named("job.succeeded");
    assert!(home.path(format!("outbox/p/{long}")).is_file());
    let longer = daemon.post(&format!("/pipelines/p/jobs?name=x{escaped}"), b"%PDF-1.4");
    assert_eq!(longer.status, 400, "{:?}", longer.body);
    let nowhere = daemon.post("/pipelines/none/jobs?name=sent.pdf", b"%PDF-1.4");
    assert_eq!(nowhere.status, 404, "{:?}", nowhere.body);
}

/// A home whose pipeline keeps originals where they lie.
fn keeping() -> TestHome {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", &format!("{PIPELINE}original: keep\n"));
    home
}

/// Files that are remembered to be left where they lie.
fn remembered(home: &TestHome) -> i64 {
    journal(&home.path("state/journal.db"))
        .query_row("SELECT COUNT(*) FROM ledger", [], |row| row.get(0))
        .expect("readable")
}

#[test]
fn a_kept_original_is_remembered_until_it_is_gone_or_replaced() {
    let home = keeping();
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    assert_eq!(remembered(&home), 1);
    // The daemon has to see it before it can see that it has gone.
    let seen = || daemon.get("/files?pipeline=p").body.to_string();
    wait_until("a look at it", || seen().contains("dealt with before"));
    let (here, away) = (home.path("inbox/p/a.pdf"), home.path("a.pdf"));
    rename(&here, &away);
    wait_until("the gap", || remembered(&home) == 0);
    // Whoever is told the folders anew is not told of it.
    home.pipeline("q", &PIPELINE.replace("inbox/p", "inbox/q"));
    feed.until_named("pipeline.loaded");
    rename(&away, &here);
    feed.until_named("job.succeeded");
    wait_until("a look at it", || seen().contains("dealt with before"));
    home.drop_file("inbox/p", "a.pdf", sample::pdf(2));
    feed.until_named("job.succeeded");
    assert_eq!(remembered(&home), 1, "one name, one file");
    assert!(daemon.stop().success());
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "b.pdf", sample::pdf(3));
    feed.until_named("job.succeeded");
    let jobs = daemon.get("/jobs").body["jobs"].as_array().map(Vec::len);
    assert_eq!(jobs, Some(4), "none of them twice");
}

#[test]
fn originals_that_are_kept_are_not_taken_twice() {
    let home = keeping();
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    assert!(home.path("inbox/p/a.pdf").is_file());
    assert!(daemon.post("/pipelines/p/scan", b"").status < 300);
    assert!(daemon.stop().success());
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "b.pdf", sample::pdf(3));
    feed.until_named("job.succeeded");
    let jobs = daemon.get("/jobs").body["jobs"].as_array().map(Vec::len);
    assert_eq!(jobs, Some(2), "one job for each file");
}

/// The second file of a name is put back under another name, under which nobody takes it again.
#[test]
fn originals_of_one_name_are_all_kept_and_none_is_taken_twice() {
    const FILES: u32 = 4;
    let home = keeping();
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    for pages in 1..=FILES {
        let taken = daemon.post("/pipelines/p/jobs?name=a.pdf", &sample::pdf(pages));
        assert_eq!(taken.status, 202, "{:?}", taken.body);
        if pages == 1 {
            feed.until_named("job.succeeded");
        }
    }
    for _ in 1..FILES {
        feed.until_named("job.succeeded");
    }
    let mut names = files(&home.path("inbox/p"));
    names.retain(|name| name.extension().is_some_and(|it| it == "pdf"));
    let expected = ["a-1.pdf", "a-2.pdf", "a-3.pdf", "a.pdf"].map(PathBuf::from);
    assert_eq!(names, expected);
    assert_eq!(remembered(&home), i64::from(FILES));
    let count = |daemon: &TestDaemon| {
        assert!(daemon.post("/pipelines/p/scan", b"").status < 300);
        let seen = || daemon.get("/files?pipeline=p").body.to_string();
        let left = || seen().matches("dealt with before").count();
        wait_until("a look at them", || left() == FILES as usize);
        daemon.get("/jobs").body["jobs"].as_array().map(Vec::len)
    };
    assert_eq!(count(&daemon), Some(FILES as usize));
    assert!(daemon.stop().success());
    assert_eq!(
        count(&home.serve()),
        Some(FILES as usize),
        "after a restart"
    );
}
