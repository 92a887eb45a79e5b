//! Inboxes as they are in the world: away and back, without events, with files that are still being written.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::feed::Event;
use dropleaf_test_support::folder::{files, wait_until};
use dropleaf_test_support::sample;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[expect(
    clippy::disallowed_methods,
    reason = "a person's file manager does not sync either"
)]
fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).expect("a rename in one file system");
}

fn reason_has(event: &Event, text: &str) -> bool {
    event.data["reason"]
        .as_str()
        .is_some_and(|reason| reason.contains(text))
}

#[test]
fn an_inbox_that_comes_back_is_swept_and_scanned_at_once() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    // The first life makes the folder; only one that was there before can be missed.
    home.serve().stop();
    // An earlier life claimed a file, and died before its journal was kept.
    home.write(
        "inbox/p/.dropleaf/claimed/01K40000000000000000000001",
        sample::pdf(1),
    );
    let (here, away) = (home.path("inbox/p"), home.path("away"));
    rename(&here, &away);
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    let offline = feed.until(|event| {
        event.name == "watch.offline"
            || (event.name == "snapshot" && event.data.to_string().contains("offline"))
    });
    assert!(
        offline.data.to_string().contains("create it, or mount"),
        "{}",
        offline.data
    );
    rename(&away, &here);
    daemon.post("/pipelines/p/scan", b"");
    feed.until_named("watch.online");
    let back = feed.until_named("job.succeeded");
    assert_eq!(
        back.data["name"],
        "recovered-01K40000000000000000000001.pdf"
    );
    rename(&here, &away);
    daemon.post("/pipelines/p/scan", b"");
    feed.until_named("watch.offline");
    // Nothing is put in the place of a mount that is away.
    let refused = daemon.post("/pipelines/p/jobs?name=a.pdf", &sample::pdf(1));
    let said = refused.body.to_string();
    assert_eq!(refused.status, 503, "{said}");
    assert!(said.contains("is offline"), "{said}");
    assert!(!here.exists());
    std::fs::write(away.join("meanwhile.pdf"), sample::pdf(1)).expect("written");
    rename(&away, &here);
    // Nobody asks this time: the folder is looked for by itself.
    feed.until_named("watch.online");
    feed.until_named("job.succeeded");
    let names = ["meanwhile.pdf", "recovered-01K40000000000000000000001.pdf"];
    assert_eq!(files(&home.path("outbox/p")), names.map(PathBuf::from));
}

/// A share that is away: what is put in its place would lie below it when it is back.
#[test]
fn nothing_is_put_back_into_an_inbox_that_is_away() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: extract-pages\n    with: { pages: \"7\" }\n");
    home.write("inbox/p/.keep", "");
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let failed = feed.until_named("job.failed");
    let id = failed.data["job"].as_str().expect("an id").to_owned();
    let (here, away) = (home.path("inbox/p"), home.path("away"));
    rename(&here, &away);
    let refused = |how: &str| {
        let refused = daemon.post(&format!("/jobs/{id}/{how}"), b"");
        let said = refused.body.to_string();
        assert_eq!(refused.status, 503, "{how}: {said}");
        assert!(said.contains("is offline"), "{how}: {said}");
        assert!(!here.exists(), "{how}");
        assert!(home.path("failed/p/a.pdf").is_file(), "{how}");
        assert!(home.path("failed/p/a.pdf.error.txt").is_file(), "{how}");
    };
    // The folder's thread may not have noticed yet.
    refused("restore");
    refused("retry");
    daemon.post("/pipelines/p/scan", b"");
    feed.until_named("watch.offline");
    refused("restore");
    refused("retry");
    rename(&away, &here);
    daemon.post("/pipelines/p/scan", b"");
    feed.until_named("watch.online");
    assert_eq!(daemon.post(&format!("/jobs/{id}/restore"), b"").status, 200);
    let again = feed.until_named("job.failed");
    assert_ne!(again.data["job"], id.as_str(), "restored, it is a new job");
    assert!(daemon.post(&format!("/jobs/{id}/retry"), b"").status < 300);
    feed.until(|event| event.name == "job.failed" && event.data["job"] == id.as_str());
}

#[test]
fn the_inbox_of_a_new_pipeline_is_made_once() {
    let home = TestHome::new(PROGRAM);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.pipeline(
        "new",
        "watch: { folder: inbox/deep/new, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    feed.until(|event| event.name == "watch.online" && event.data["pipeline"] == "new");
    home.drop_file("inbox/deep/new", "a.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    // One that was there and is gone may be a mount that went away: it is missed, not made again.
    rename(&home.path("inbox/deep"), &home.path("away"));
    daemon.post("/pipelines/new/scan", b"");
    feed.until_named("watch.offline");
    drop(daemon);
    let daemon = home.serve();
    daemon
        .follow("/pipelines/new/events")
        .until(|event| event.data.to_string().contains("offline"));
    assert!(!home.path("inbox/deep").exists());
}

#[test]
fn twins_in_flight_are_known_to_each_other() {
    let home = TestHome::new(PROGRAM);
    for (id, rule) in [("skip", "skip"), ("fail", "fail")] {
        let yaml = format!(
            "watch: {{ folder: inbox/{id}, quiet: 0s }}\nsteps: [{{ uses: reverse }}]\nduplicates: {rule}\n"
        );
        home.pipeline(id, &yaml);
        for number in 0..8 {
            home.write(&format!("inbox/{id}/{number}.pdf"), sample::pdf(1));
        }
    }
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let count = |id: &str, state: &str| {
        let page = daemon.get(&format!("/jobs?limit=100&pipeline={id}&state={state}"));
        page.body["jobs"].as_array().map_or(0, Vec::len)
    };
    while count("skip", "succeeded") + count("skip", "cancelled") < 8
        || count("fail", "succeeded") + count("fail", "failed") < 8
    {
        feed.until(|event| event.name.starts_with("job."));
    }
    assert_eq!(files(&home.path("outbox/skip")).len(), 1);
    assert_eq!(
        files(&home.path("archive/skip")).len(),
        8,
        "the originals are all kept"
    );
    assert_eq!(files(&home.path("outbox/fail")).len(), 1);
    assert_eq!(count("fail", "failed"), 7);
}

/// As the note beside a failed document advises: the pipeline is put right, and the document dropped once more.
#[test]
fn a_document_that_failed_is_no_duplicate_of_itself() {
    let home = TestHome::new(PROGRAM);
    let yaml = |step: &str, rule: &str| {
        format!(
            "watch: {{ folder: inbox/p, quiet: 0s }}\nsteps: [{step}]\nduplicates: {rule}\nretry: {{ attempts: 1 }}\n"
        )
    };
    home.pipeline(
        "p",
        &yaml("{ uses: extract-pages, with: { pages: \"9\" } }", "skip"),
    );
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let failed = feed.until_named("job.failed");
    home.pipeline("p", &yaml("{ uses: reverse }", "skip"));
    feed.until_named("pipeline.loaded");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    assert!(home.path("outbox/p/a.pdf").is_file());
    // Who asks for the first one again means it, though the content was processed meanwhile.
    let id = failed.data["job"].as_str().expect("it names its job");
    assert!(daemon.post(&format!("/jobs/{id}/retry"), b"").status < 300);
    feed.until(|event| event.name == "job.succeeded" && event.data["job"] == id);
    assert_eq!(files(&home.path("outbox/p")).len(), 2);
    home.pipeline("p", &yaml("{ uses: reverse }", "fail"));
    feed.until_named("pipeline.loaded");
    home.drop_file("inbox/p", "b.pdf", sample::pdf(1));
    let failed = feed.until_named("job.failed");
    let told = failed.data.to_string();
    assert!(told.contains("was processed before"), "{told}");
}

#[test]
fn a_folder_that_is_polled_by_order_brings_its_files_too() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s, polling: true }\nsteps: [{ uses: reverse }]\n",
    );
    home.write("inbox/p/.keep", "");
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    let shown = daemon.get("/pipelines/p").body.to_string();
    assert!(
        shown.contains("polling") && shown.contains("the pipeline says `polling: true`"),
        "{shown}"
    );
}

#[test]
fn a_large_file_that_somebody_still_writes_is_not_taken() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    home.write("inbox/p/.keep", "");
    let daemon = home.serve();
    let mut feed = daemon.follow("/files/events?path=inbox/p/slow.pdf");
    let mut all = daemon.follow("/events");
    all.until_named("snapshot");
    let document = sample::Sample::new("slow", 400).bytes();
    let mut writer = Command::new("tee")
        .arg(home.path("inbox/p/slow.pdf"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("tee runs");
    let mut pipe = writer.stdin.take().expect("it is piped");
    for piece in document.chunks(document.len() / 4 + 1) {
        pipe.write_all(piece).expect("it reads");
        pipe.flush().expect("it reads");
        // A whole other file goes its way in between: so much time passes, and the rest is over.
        home.drop_file("inbox/p", "beside.pdf", sample::pdf(1));
        all.until(|event| event.name == "job.succeeded" && event.data["name"] == "beside.pdf");
        assert!(feed.seen().iter().all(|event| event.name != "job.accepted"));
    }
    feed.until(|event| event.name == "file.settling" && reason_has(event, "open for writing"));
    assert!(
        home.path("inbox/p/slow.pdf").is_file(),
        "it is whole now, but not closed"
    );
    drop(pipe);
    assert!(writer.wait().expect("it is our child").success());
    feed.until_named("job.succeeded");
    let output = std::fs::read(home.path("outbox/p/slow.pdf")).expect("it came out");
    assert_eq!(sample::rotations(&output).len(), 400);
    let accepted = feed
        .names()
        .iter()
        .filter(|name| **name == "job.accepted")
        .count();
    assert_eq!(accepted, 1);
}

/// Where something is in the way of our own folder, the inbox is blocked and says so; no file is forgotten.
#[test]
fn files_that_cannot_be_held_are_all_taken_once_they_can() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    home.serve().stop();
    let claimed = home.path("inbox/p/.dropleaf/claimed");
    // Nothing has been taken yet, so it may not be there.
    drop(std::fs::remove_dir(&claimed));
    std::fs::write(&claimed, "in the way").expect("ours");
    for name in ["a.pdf", "b.pdf", "c.pdf"] {
        home.write(&format!("inbox/p/{name}"), sample::pdf(1));
    }
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let state = || daemon.get("/pipelines/p").body["folder"].to_string();
    wait_until("the folder is blocked", || state().contains("blocked"));
    let told = state();
    assert!(
        told.contains("`.dropleaf/claimed` in it is no folder"),
        "{told}"
    );
    std::fs::remove_file(&claimed).expect("ours");
    let mut done = Vec::new();
    for _ in 0..3 {
        let ended = feed.until_named("job.succeeded");
        done.push(ended.data["name"].as_str().expect("a name").to_owned());
    }
    done.sort();
    assert_eq!(done, ["a.pdf", "b.pdf", "c.pdf"]);
}

#[test]
fn files_from_before_a_pipeline_may_be_left_until_they_change() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s, existing: ignore }\nsteps: [{ uses: reverse }]\n",
    );
    home.write("inbox/p/old.pdf", sample::pdf(2));
    home.write("inbox/p/changed.pdf", sample::pdf(3));
    let daemon = home.serve();
    let old = format!(
        "/files/explain?path={}",
        home.path("inbox/p/old.pdf").display()
    );
    wait_until("the first scan", || {
        daemon
            .get(&old)
            .body
            .to_string()
            .contains("existing: ignore")
    });
    home.write("inbox/p/new.pdf", sample::pdf(1));
    wait_until("the new file", || home.path("archive/p/new.pdf").is_file());
    daemon.stop();
    // Neither a second life nor a look at the folder makes them new.
    let daemon = home.serve();
    daemon.post("/pipelines/p/scan", b"");
    let mut changed = std::fs::OpenOptions::new()
        .append(true)
        .open(home.path("inbox/p/changed.pdf"))
        .expect("it is there");
    changed.write_all(b"% more\n").expect("writable");
    drop(changed);
    wait_until("the changed file", || {
        home.path("archive/p/changed.pdf").is_file()
    });
    assert_eq!(
        files(&home.path("outbox/p")),
        ["changed.pdf", "new.pdf"].map(PathBuf::from)
    );
    assert!(home.path("inbox/p/old.pdf").is_file());
    daemon.stop();
}
