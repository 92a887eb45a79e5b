//! Folders and files that cannot be read or written, and disks that are full.

use crate::PROGRAM;
use crate::input::{GOOD, explain, still_works};
use dropleaf_test_support::daemon::{TestDaemon, TestHome, is_root};
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::sample;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

#[test]
fn what_may_not_be_read_is_named_with_owner_and_mode_and_goes_on_when_it_may() {
    let mut home = TestHome::new(PROGRAM);
    home.pipeline("good", GOOD);
    home.pipeline(
        "shut",
        "watch: { folder: inbox/shut, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    home.write("inbox/shut/a.pdf", sample::pdf(1));
    home.write("inbox/good/.keep", "");
    let daemon = home.serve_as_nobody();
    let mut feed = daemon.follow("/pipelines/shut/events");
    // Nothing of it is under way any more when the folder is shut.
    wait_until("the first job's end", || {
        let ended = daemon.get("/jobs?pipeline=shut&state=succeeded");
        ended.body["jobs"]
            .as_array()
            .is_some_and(|jobs| jobs.len() == 1)
    });
    let (folder, unreadable) = (home.path("inbox/shut"), home.path("inbox/good/secret.pdf"));
    mode(&folder, 0o000);
    daemon.post("/pipelines/shut/scan", b"");
    let blocked = feed.until_named("watch.blocked");
    let reason = blocked.data["reason"].as_str().unwrap_or_default();
    for part in ["inbox/shut", "uid", "mode 0000", "give this user"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    let listed = daemon.get("/pipelines/shut").body.to_string();
    assert!(listed.contains("mode 0000"), "{listed}");
    let mut good = daemon.follow("/files/events?path=inbox/good/secret.pdf");
    std::fs::write(home.path("inbox/good/.secret"), sample::pdf(1)).expect("written");
    mode(&home.path("inbox/good/.secret"), 0o000);
    #[expect(
        clippy::disallowed_methods,
        reason = "a person's file manager does not sync either"
    )]
    std::fs::rename(home.path("inbox/good/.secret"), &unreadable).expect("one folder");
    good.until(|event| {
        event.data["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("not readable by uid"))
    });
    let said = explain(&home, &daemon, "inbox/good/secret.pdf");
    assert!(
        said.contains("mode 0000") && said.contains("give this user read permission"),
        "{said}"
    );
    still_works(&home, &daemon, "b.pdf");
    mode(&unreadable, 0o644);
    mode(&folder, 0o755);
    good.until_named("job.succeeded");
    feed.until_named("watch.online");
    home.drop_file("inbox/shut", "c.pdf", sample::pdf(1));
    feed.until(|event| event.name == "job.succeeded" && event.data["name"] == "c.pdf");
}

/// A small disk of its own at a folder, until it is dropped.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// `None` where this user may not mount.
    pub(crate) fn mount(folder: PathBuf, size: &str) -> Option<Self> {
        Self::mount_with(folder, &format!("size={size}"))
    }

    /// The same, with these options of `tmpfs`.
    pub(crate) fn mount_with(folder: PathBuf, options: &str) -> Option<Self> {
        std::fs::create_dir_all(&folder).expect("made");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&folder)
            .output();
        mounted
            .is_ok_and(|mounted| mounted.status.success())
            .then(|| Self(folder))
    }

    pub(crate) fn grow(&self, size: &str) {
        self.remount(&format!("size={size}"));
    }

    pub(crate) fn remount(&self, options: &str) {
        let grown = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(&self.0)
            .status();
        assert!(
            grown.is_ok_and(|grown| grown.success()),
            "a mounted disk can grow"
        );
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // At worst a small disk stays until the next start of the machine.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// A page of two megabytes that do not pack well.
pub(crate) fn large() -> Vec<u8> {
    let mut state = 7_u64;
    let mut line = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        format!("% {state:016x}\n")
    };
    let content: String = (0..110_000).map(|_| line()).collect();
    sample::Sample::new("large", 1).content(0, &content).bytes()
}

#[test]
fn a_full_outbox_is_waited_for_and_the_job_goes_on_by_itself() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "min_free_mb: 0\n");
    home.pipeline("good", GOOD);
    home.pipeline(
        "full",
        "watch: { folder: inbox/full, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    let Some(disk) = Disk::mount(home.path("outbox/full"), "1m") else {
        assert!(
            !is_root() || !may_mount(),
            "root could not mount a small disk"
        );
        eprintln!("skipped: this user may not mount a small disk to fill");
        return;
    };
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/full/events");
    home.drop_file("inbox/full", "large.pdf", large());
    let waiting = feed.until(|event| {
        event.name.starts_with("job.") && event.data.to_string().contains("outbox/full")
    });
    let said = waiting.data.to_string();
    assert!(said.contains("no space") || said.contains("full"), "{said}");
    let problem = &waiting.data["problem"];
    assert_eq!(problem["type"], "/problems/disk-full", "{said}");
    assert!(
        problem["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("free some space")),
        "{said}"
    );
    let said = explain(&home, &daemon, "inbox/full/large.pdf");
    assert!(said.contains("outbox/full"), "{said}");
    home.drop_file("inbox/full", "second.pdf", large());
    feed.until(|event| event.name == "job.waiting" && event.data["name"] == "second.pdf");
    told_by_everybody(&home, &daemon);
    still_works(&home, &daemon, "a.pdf");
    disk.grow("16m");
    feed.until_ended(2);
    let over = "no job waits for that folder any more";
    wait_until("the end is told", || daemon.log().contains(over));
    let log = daemon.log();
    for once in ["jobs wait for a folder", over] {
        assert_eq!(log.matches(once).count(), 1, "{once}: {log}");
    }
    let health = daemon.get("/healthz").body;
    assert_eq!(
        health["details"]["concerns"].as_array().map(Vec::len),
        Some(0),
        "{health}"
    );
    assert!(home.path("outbox/full/large.pdf").is_file());
    assert!(home.path("archive/full/large.pdf").is_file());
}

/// Two jobs wait for room in the outbox of `full`.
fn told_by_everybody(home: &TestHome, daemon: &TestDaemon) {
    let health = daemon.get("/healthz").body;
    assert_eq!(health["status"], "degraded", "{health}");
    let concerns = health["details"]["concerns"].to_string();
    for part in [
        "2 jobs of pipeline `full` wait",
        "outbox/full",
        "`disk-full`",
    ] {
        assert!(concerns.contains(part), "{part}: {concerns}");
    }
    let (code, table, _) = home.run(&["status", "--daemon", daemon.address()]);
    assert_eq!(code, 0, "{table}");
    assert!(
        table.contains("look at: 2 jobs of pipeline `full`"),
        "{table}"
    );
    let columns = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let head = table.lines().find(|line| line.starts_with("pipeline "));
    let head = columns(head.expect("a head"));
    let row = table.lines().find(|line| line.starts_with("full "));
    let row = columns(row.expect("a row"));
    // The folder's state is followed by how it is watched.
    let at = |name: &str| {
        head.iter()
            .position(|one| one == name)
            .map(|at| &row[at + 1])
    };
    assert_eq!(at("waiting").map(String::as_str), Some("2"), "{table}");
    assert_eq!(at("delivering").map(String::as_str), Some("0"), "{table}");
}

/// The disks of all folders that are written to count, not only those of inboxes and outboxes.
#[test]
fn a_low_disk_of_an_archive_or_a_failed_folder_closes_the_intake() {
    for folder in ["archive/good", "failed/good"] {
        let home = TestHome::new(PROGRAM);
        home.write("config.yaml", "min_free_mb: 16\n");
        home.pipeline("good", GOOD);
        home.write("inbox/good/.keep", "");
        let Some(_disk) = Disk::mount(home.path(folder), "32m") else {
            eprintln!("skipped: this user may not mount a small disk to fill");
            return;
        };
        home.write(&format!("{folder}/filler"), vec![0; 24 << 20]);
        let daemon = home.serve();
        let intake = || daemon.get("/healthz").body["details"]["intake"].clone();
        wait_until("the look at the disks", || intake()["open"] == false);
        assert_eq!(daemon.get("/readyz").status, 503);
        let (_, found, _) = home.run(&["doctor"]);
        assert!(
            found.contains("BAD  disk") && found.contains(folder),
            "{found}"
        );
        let said = intake()["reason"].to_string();
        assert!(
            said.contains(folder) && said.contains("min_free_mb"),
            "{said}"
        );
        std::fs::remove_file(home.path(folder).join("filler")).expect("ours");
        wait_until("room again", || intake()["open"] == true);
        assert_eq!(daemon.get("/readyz").status, 200);
        let log = daemon.log();
        for once in ["no new files are taken: only", "new files are taken again"] {
            assert_eq!(log.matches(once).count(), 1, "{once}: {log}");
        }
        still_works(&home, &daemon, "a.pdf");
    }
}

/// In a container root may not mount either.
fn may_mount() -> bool {
    let probe = tempfile::tempdir().expect("a folder");
    Disk::mount(probe.path().join("disk"), "64k").is_some()
}
