//! File systems that are not this machine's own disk: one behind FUSE, one with a quota, and small ones that go away. They need
//! root, the first two `bindfs` and `btrfs-progs`.

use crate::PROGRAM;
use crate::input::places::{Disk, large};
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::feed::Feed;
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::sample;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something mounted, until it is dropped.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // At worst it stays until the next start of the machine.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Runs a program of the system; `false`, with its words, where it is missing or refuses.
#[expect(clippy::print_stdout, reason = "the test runner shows it on demand")]
fn try_run(program: &str, arguments: &[&str], last: &[&Path]) -> bool {
    match Command::new(program).args(arguments).args(last).output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            println!("skipped: {program} ended with {}: {said}", output.status);
            false
        }
        Err(error) => {
            println!("skipped: {program}: {error}");
            false
        }
    }
}

/// The same folder again at another place, by FUSE: what happens in the first is not reported in the second.
fn through_fuse(from: &Path, to: &Path) -> Option<Mounted> {
    try_run("bindfs", &[], &[from, to]).then(|| Mounted(to.to_owned()))
}

/// A home whose inbox is to be another machine's folder, with both folders.
fn with_a_server() -> (TestHome, PathBuf, PathBuf) {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "far",
        "watch: { folder: inbox/far, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    let (server, inbox) = (home.path("server"), home.path("inbox/far"));
    fs::create_dir_all(&server).expect("ours");
    fs::create_dir_all(&inbox).expect("ours");
    (home, server, inbox)
}

/// A home whose pipeline `p` does without the room that others need.
fn on_small_disks() -> TestHome {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "min_free_mb: 0\n");
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    home
}

/// A disk of btrfs in a file, which holds a folder to a quota, whoever writes.
fn with_quota(image: &Path, at: &Path) -> Option<Mounted> {
    let file = fs::File::create(image).expect("the home is ours");
    file.set_len(256 << 20).expect("nothing of it is written");
    let made =
        try_run("mkfs.btrfs", &["-q"], &[image]) && try_run("mount", &["-o", "loop"], &[image, at]);
    made.then(|| Mounted(at.to_owned()))
}

fn place(path: &Path, content: &[u8]) {
    let beside = path.with_extension("part");
    fs::write(&beside, content).expect("the folder is ours");
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever shares the folder does not sync either"
    )]
    fs::rename(beside, path).expect("one folder");
}

/// Another machine's folder, as far as one machine can have one: nothing is reported, so it is polled; away, nothing is concluded.
#[test]
fn a_folder_behind_fuse_is_polled_and_may_go_and_come_back() {
    let (home, server, inbox) = with_a_server();
    let Some(mount) = through_fuse(&server, &inbox) else {
        return;
    };
    place(&server.join("before.pdf"), &sample::pdf(1));
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/far/events");
    let ended = |feed: &mut Feed, name: &str| {
        feed.until(|event| event.name == "job.succeeded" && event.data["name"] == name);
    };
    ended(&mut feed, "before.pdf");
    let shown = daemon.get("/pipelines/far").body.to_string();
    assert!(
        shown.contains("polling") && shown.contains("fuse does not report"),
        "{shown}"
    );
    place(&server.join("meanwhile.pdf"), &sample::pdf(2));
    ended(&mut feed, "meanwhile.pdf");
    drop(mount);
    let said = feed.until_named("watch.offline").data.to_string();
    assert!(said.contains("what was mounted there is gone"), "{said}");
    place(&server.join("away.pdf"), &sample::pdf(3));
    let _again = through_fuse(&server, &inbox).expect("it was mounted before");
    feed.until_named("watch.online");
    ended(&mut feed, "away.pdf");
    for name in ["before.pdf", "meanwhile.pdf", "away.pdf"] {
        assert!(home.path("archive/far").join(name).is_file(), "{name}");
        assert!(!server.join(name).exists(), "{name} was taken");
    }
}

/// The share of an outbox, an archive or a `failed` folder is away: nothing is put below its mount point, the job says so and waits,
/// and goes on by itself when it is back, under another device number.
#[test]
fn nothing_is_put_below_the_mount_point_of_a_folder_that_is_away() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "min_free_mb: 0\n");
    let pipeline = |id: &str, pages: u32| {
        home.pipeline(id, &format!("watch: {{ folder: inbox/{id}, quiet: 0s }}\nsteps: [{{ uses: extract-pages, with: {{ pages: \"{pages}\" }} }}]\n"));
    };
    pipeline("out", 1);
    pipeline("kept", 1);
    pipeline("bad", 7);
    for (id, shared, ends) in [
        ("out", "outbox/out", "job.succeeded"),
        ("kept", "archive/kept", "job.succeeded"),
        ("bad", "failed/bad", "job.failed"),
    ] {
        let folder = home.path(shared);
        let mount = || Disk::mount(folder.clone(), "16m");
        let Some(disk) = mount() else {
            return;
        };
        let daemon = home.serve();
        let mut feed = daemon.follow(&format!("/pipelines/{id}/events"));
        let inbox = format!("inbox/{id}");
        let mut ended = |name: &str| {
            let event = feed.until(|event| event.name == ends && event.data["name"] == name);
            let there = folder.join(name).is_file();
            assert!(there, "{shared}: {}", event.data);
        };
        home.drop_file(&inbox, "before.pdf", sample::pdf(1));
        ended("before.pdf");
        drop(disk);
        let mut told = daemon.follow(&format!("/files/events?path={inbox}/away.pdf"));
        home.drop_file(&inbox, "away.pdf", sample::pdf(1));
        let said = told.until(|event| {
            let said = event.data.to_string();
            event.name.starts_with("job.") && said.contains("what was mounted there is gone")
        });
        assert!(said.data.to_string().contains(shared), "{}", said.data);
        let below = fs::read_dir(&folder).expect("the mount point").count();
        assert_eq!(below, 0, "{shared}");
        let _again = mount().expect("it was mounted before");
        ended("away.pdf");
        assert!(daemon.stop().success());
    }
}

/// The daemon is started before the share of an inbox is mounted: its bare folder is not taken for it, and nothing is left there.
#[test]
fn an_inbox_that_is_not_mounted_yet_at_the_start_is_waited_for() {
    let (home, server, inbox) = with_a_server();
    let Some(mount) = through_fuse(&server, &inbox) else {
        return;
    };
    let daemon = home.serve();
    let before = "/files/events?path=inbox/far/before.pdf";
    let mut feed = daemon.follow(before);
    place(&server.join("before.pdf"), &sample::pdf(1));
    feed.until_named("job.succeeded");
    assert!(daemon.stop().success());
    drop(mount);
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/far/events");
    let words = ["nothing is mounted at", "mount it, or ask for a scan"];
    wait_until("the pipeline says that its inbox is offline", || {
        let shown = daemon.get("/pipelines/far").body.to_string();
        shown.contains("offline") && words.iter().all(|word| shown.contains(word))
    });
    let upload = daemon.post("/pipelines/far/jobs?name=sent.pdf", &sample::pdf(1));
    assert_eq!(upload.status, 503, "{:?}", upload.body);
    assert_eq!(fs::read_dir(&inbox).expect("bare").count(), 0);
    place(&server.join("away.pdf"), &sample::pdf(3));
    let _again = through_fuse(&server, &inbox).expect("it was mounted before");
    feed.until_named("watch.online");
    feed.until(|event| event.name == "job.succeeded" && event.data["name"] == "away.pdf");
}

/// The same of an outbox: the job says so and waits. A killed daemon has kept where its folders were mounted.
#[test]
fn an_outbox_that_is_not_mounted_yet_at_the_start_is_waited_for() {
    let home = on_small_disks();
    let outbox = home.path("outbox/p");
    let mount = || Disk::mount(outbox.clone(), "16m");
    let Some(disk) = mount() else {
        return;
    };
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    daemon.kill();
    drop(disk);
    home.drop_file("inbox/p", "b.pdf", sample::pdf(1));
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    let waiting = feed.until_named("job.waiting").data.to_string();
    assert!(waiting.contains("nothing is mounted at"), "{waiting}");
    assert_eq!(fs::read_dir(&outbox).expect("bare").count(), 0);
    let again = mount().expect("it was mounted before");
    feed.until_named("job.succeeded");
    assert!(outbox.join("b.pdf").is_file());
    // It is meant to be a plain folder from now on.
    assert!(daemon.stop().success());
    drop(again);
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "c.pdf", sample::pdf(1));
    feed.until_named("job.waiting");
    assert!(daemon.post("/pipelines/p/scan", b"").status < 300);
    feed.until_named("job.succeeded");
    assert!(daemon.stop().success());
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "d.pdf", sample::pdf(1));
    feed.until(|event| event.name == "job.succeeded" && event.data["name"] == "d.pdf");
}

/// Somebody means the bare folder: a scan of the pipeline takes it as it is.
#[test]
fn a_folder_whose_mount_will_not_come_back_can_be_taken_as_it_is() {
    let home = on_small_disks();
    home.write("inbox/p/.keep", "");
    let Some(disk) = Disk::mount(home.path("outbox/p"), "16m") else {
        return;
    };
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    drop(disk);
    home.drop_file("inbox/p", "b.pdf", sample::pdf(1));
    feed.until_named("job.waiting");
    assert!(daemon.post("/pipelines/p/scan", b"").status < 300);
    feed.until_named("job.succeeded");
    assert!(home.path("outbox/p/b.pdf").is_file());
}

/// A quota is used up: said as a quota, waited for, and the job goes on by itself when there may be more.
#[test]
fn a_quota_that_is_used_up_is_said_and_waited_for() {
    let home = on_small_disks();
    let outbox = home.path("outbox/p");
    fs::create_dir_all(&outbox).expect("ours");
    let Some(_mount) = with_quota(&home.path("disk.img"), &outbox) else {
        return;
    };
    let limit = |most: &str| try_run("btrfs", &["qgroup", "limit", most], &[&outbox]);
    if !try_run("btrfs", &["quota", "enable"], &[&outbox]) || !limit("1M") {
        return;
    }
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "large.pdf", large());
    let waiting = feed.until(|event| event.name == "job.waiting" || event.name == "job.failed");
    let said = waiting.data.to_string();
    assert_eq!(waiting.name, "job.waiting", "{said}");
    assert!(
        [
            "outbox/p",
            "quota",
            "disk-full",
            "quota is used up; it can be raised"
        ]
        .iter()
        .all(|part| said.contains(part)),
        "{said}"
    );
    assert!(limit("none"), "it could be set before");
    feed.until_named("job.succeeded");
    assert!(home.path("outbox/p/large.pdf").is_file());
    assert!(home.path("archive/p/large.pdf").is_file());
}

/// An inbox that is mounted from a disk at another place: the disk stays when the inbox goes.
struct Borrowed {
    mount: Mounted,
    server: PathBuf,
    inbox: PathBuf,
    _disk: Disk,
}

fn borrowed_inbox(home: &TestHome) -> Option<Borrowed> {
    let (server, inbox) = (home.path("server"), home.path("inbox/p"));
    fs::create_dir_all(&inbox).expect("ours");
    let disk = Disk::mount(server.clone(), "16m")?;
    Some(Borrowed {
        mount: bound(&server, &inbox)?,
        server,
        inbox,
        _disk: disk,
    })
}

fn bound(from: &Path, to: &Path) -> Option<Mounted> {
    try_run("mount", &["--bind"], &[from, to]).then(|| Mounted(to.to_owned()))
}

fn watched(daemon: &TestDaemon) {
    wait_until("the inbox is watched", || {
        daemon.get("/pipelines/p").body["folder"]["state"] == "online"
    });
}

/// What waits in the queue has not vanished because the inbox is away for a moment.
#[test]
fn jobs_wait_for_an_inbox_that_drops_for_a_moment() {
    let home = on_small_disks();
    // What was mounted last goes first.
    let Some(Borrowed {
        _disk,
        mount,
        server,
        inbox,
    }) = borrowed_inbox(&home)
    else {
        return;
    };
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    watched(&daemon);
    let paused = daemon.post("/pipelines/p/pause", b"{\"reason\":\"the mount drops\"}");
    assert!(paused.status < 300, "{paused:?}");
    place(&server.join("a.pdf"), &sample::pdf(1));
    feed.until_named("job.queued");
    drop(mount);
    assert!(daemon.post("/pipelines/p/resume", b"").status < 300);
    let waiting = feed.until(|event| event.name == "job.waiting" || event.name == "job.failed");
    let said = waiting.data.to_string();
    assert_eq!(waiting.name, "job.waiting", "{said}");
    assert!(said.contains("folder-blocked"), "{said}");
    let _again = bound(&server, &inbox).expect("it was mounted before");
    feed.until_named("job.succeeded");
    assert!(home.path("outbox/p/a.pdf").is_file());
    assert!(home.path("archive/p/a.pdf").is_file());
}

/// An inbox that becomes read-only is blocked at the first file that cannot be taken, and makes no jobs until it can be written.
#[test]
fn an_inbox_that_becomes_read_only_is_blocked_until_it_can_be_written() {
    let home = on_small_disks();
    // What was mounted last goes first.
    let Some(Borrowed {
        _disk,
        mount: _mount,
        server,
        inbox,
    }) = borrowed_inbox(&home)
    else {
        return;
    };
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    watched(&daemon);
    if !try_run("mount", &["-o", "remount,bind,ro"], &[&inbox]) {
        return;
    }
    place(&server.join("a.pdf"), &sample::pdf(1));
    let cancelled = feed.until_named("job.cancelled");
    let job = cancelled.data["job"].as_str().expect("an id").to_owned();
    let job = daemon.get(&format!("/jobs/{job}")).body.to_string();
    assert!(job.contains("folder-blocked"), "{job}");
    feed.until_named("watch.blocked");
    let explained = daemon
        .get("/files/explain?path=inbox/p/a.pdf")
        .body
        .to_string();
    assert!(explained.contains("the folder is blocked"), "{explained}");
    assert!(explained.contains("was not taken"), "{explained}");
    assert!(try_run("mount", &["-o", "remount,bind,rw"], &[&inbox]));
    let next = feed.until(|event| event.name == "job.accepted" || event.name == "watch.online");
    assert_eq!(next.name, "watch.online", "no job meanwhile");
    feed.until_named("job.succeeded");
}
