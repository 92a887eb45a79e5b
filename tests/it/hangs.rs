//! A network mount whose server does not answer: every call on it hangs. It stops the pipelines that need it, and nothing else. These
//! tests need root and `bindfs`, which is halted for the while.

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::feed::Feed;
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::sample;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A halted server goes on by itself after this: a test that waits for it fails, but it ends.
const LONGEST: Duration = Duration::from_secs(100);

/// A folder behind a server that can be halted, until it is dropped.
struct Share {
    server: Child,
    /// Closed when it is dropped.
    _over: mpsc::Sender<()>,
    at: PathBuf,
}

impl Share {
    /// `None`, with the reason, where it cannot be mounted.
    #[expect(clippy::print_stdout, reason = "the test runner shows it on demand")]
    fn mount(home: &TestHome, at: &str) -> Option<Self> {
        let (from, at) = (home.path(format!("server/{at}")), home.path(at));
        for folder in [&from, &at] {
            fs::create_dir_all(folder).expect("ours");
        }
        let before = device(&at);
        let server = Command::new("bindfs")
            .arg("-f")
            .args([&from, &at])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let (over, is_over) = mpsc::channel::<()>();
        let mut share = match server {
            Ok(server) => Self {
                server,
                _over: over,
                at,
            },
            Err(error) => {
                println!("skipped: bindfs: {error}");
                return None;
            }
        };
        let id = share.server.id();
        std::thread::spawn(move || {
            while is_over.recv_timeout(LONGEST) == Err(mpsc::RecvTimeoutError::Timeout) {
                signal(id, "-CONT");
            }
        });
        while device(&share.at) == before {
            if let Ok(Some(status)) = share.server.try_wait() {
                println!("skipped: bindfs ended with {status}");
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(share)
    }

    /// From now on nothing answers.
    fn halt(&self) {
        signal(self.server.id(), "-STOP");
        // What the kernel knew of it is forgotten after a second.
        std::thread::sleep(Duration::from_millis(1200));
    }

    fn go_on(&self) {
        signal(self.server.id(), "-CONT");
    }
}

fn signal(process: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(sent.is_ok_and(|sent| sent.success()), "kill runs");
}

impl Drop for Share {
    fn drop(&mut self) {
        // At worst it stays until the next start of the machine.
        let id = self.server.id().to_string();
        let _ = Command::new("kill").args(["-CONT", &id]).status();
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn device(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(folder).map_or(0, |found| found.dev())
}

/// A home with the pipelines `far` and `near`.
fn home(far: &str) -> TestHome {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "min_free_mb: 0\nshutdown_seconds: 1\n");
    home.pipeline(
        "far",
        &format!("watch: {{ folder: inbox/far, quiet: 0s }}\nsteps: [{far}]\n"),
    );
    home.pipeline(
        "near",
        "watch: { folder: inbox/near, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    for inbox in ["inbox/far", "inbox/near"] {
        fs::create_dir_all(home.path(inbox)).expect("ours");
    }
    home
}

fn ended(feed: &mut Feed, name: &str) {
    feed.until(|event| event.name == "job.succeeded" && event.data["name"] == name);
}

/// The other pipeline takes, runs and delivers as ever, in the time that that takes.
fn near_goes_on(home: &TestHome, daemon: &TestDaemon, name: &str) {
    let mut feed = daemon.follow("/pipelines/near/events");
    let began = Instant::now();
    home.drop_file("inbox/near", name, sample::pdf(1));
    ended(&mut feed, name);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}

fn explain(daemon: &TestDaemon, path: &Path) -> String {
    let answer = daemon.get(&format!("/files/explain?path={}", path.display()));
    answer.body.to_string()
}

fn concerns(daemon: &TestDaemon) -> String {
    daemon.get("/healthz").body["details"]["concerns"].to_string()
}

fn threads(daemon: &TestDaemon) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid()));
    tasks.expect("it lives").count()
}

/// Says everywhere that this folder does not answer.
fn is_said(home: &TestHome, daemon: &TestDaemon, folder: &str) {
    let said = format!("{}` does not answer since", home.path(folder).display());
    wait_until("the folder is said", || concerns(daemon).contains(&said));
    let (_, status, _) = home.run(&["status"]);
    assert!(status.contains(&said), "{status}");
    let told = explain(daemon, &home.path("inbox/far/told.pdf"));
    assert!(told.contains(&said), "{told}");
    let upload = daemon.post("/pipelines/far/jobs?name=up.pdf", &sample::pdf(1));
    assert_eq!(upload.status, 503, "{}", upload.body);
    assert!(upload.body.to_string().contains(&said), "{}", upload.body);
}

/// The outbox hangs while results come in, the archive or the `failed` folder while nothing does.
#[test]
fn an_outbox_that_hangs_stops_its_own_pipeline_until_it_answers() {
    // Several results each: the worker has to wait until the one before is staged.
    let home = home("{ uses: split, with: { every: 1 } }");
    let Some(share) = Share::mount(&home, "outbox/far") else {
        return;
    };
    let daemon = home.serve();
    let mut far = daemon.follow("/pipelines/far/events");
    home.drop_file("inbox/far", "before.pdf", sample::pdf(3));
    ended(&mut far, "before.pdf");
    share.halt();
    for number in 0..12 {
        home.drop_file("inbox/far", &format!("{number}.pdf"), sample::pdf(3));
    }
    near_goes_on(&home, &daemon, "a.pdf");
    is_said(&home, &daemon, "outbox/far");
    let before = threads(&daemon);
    for number in 12..24 {
        home.drop_file("inbox/far", &format!("{number}.pdf"), sample::pdf(3));
    }
    for _ in 0..5 {
        assert!(daemon.post("/pipelines/far/scan", b"").status < 300);
        let _ = concerns(&daemon);
        near_goes_on(&home, &daemon, "b.pdf");
    }
    // A pipeline is saved while another one's folder hangs.
    let new = "watch: { folder: inbox/new, quiet: 0s }\nsteps: [{ uses: reverse }]\n";
    assert_eq!(daemon.put("/pipelines/new", new).status, 201);
    // Those that only wait for more work end by themselves; those that hang would stay.
    let most = before + 8;
    wait_until(&format!("at most {most} threads are left"), || {
        threads(&daemon) <= most
    });
    let said = concerns(&daemon);
    assert!(said.contains("does not answer since"), "it hangs: {said}");
    share.go_on();
    let mut names: Vec<String> = (0..24).map(|number| format!("{number}.pdf")).collect();
    while !names.is_empty() {
        let event = far.until_named("job.succeeded");
        names.retain(|name| event.data["name"] != name.as_str());
    }
    wait_until("all is well", || concerns(&daemon) == "[]");
    for part in 1..=3 {
        let name = format!("outbox/far/23-{part}.pdf");
        assert!(home.path(&name).is_file(), "{name}");
    }
}

#[test]
fn an_archive_that_hangs_stops_its_own_pipeline_until_it_answers() {
    let home = home("{ uses: reverse }");
    let Some(share) = Share::mount(&home, "archive/far") else {
        return;
    };
    let daemon = home.serve();
    let mut far = daemon.follow("/pipelines/far/events");
    home.drop_file("inbox/far", "before.pdf", sample::pdf(1));
    ended(&mut far, "before.pdf");
    share.halt();
    home.drop_file("inbox/far", "meanwhile.pdf", sample::pdf(1));
    near_goes_on(&home, &daemon, "a.pdf");
    is_said(&home, &daemon, "archive/far");
    let listed = daemon.get("/pipelines/far").body["folder"].to_string();
    assert!(listed.contains("online"), "the inbox is well: {listed}");
    share.go_on();
    ended(&mut far, "meanwhile.pdf");
    assert!(home.path("archive/far/meanwhile.pdf").is_file());
}

/// The inbox hangs before the daemon starts: nothing can be swept, watched or resolved there.
#[test]
fn an_inbox_that_hangs_at_the_start_keeps_no_other_pipeline_from_starting() {
    let home = home("{ uses: reverse }");
    let Some(share) = Share::mount(&home, "inbox/far") else {
        return;
    };
    home.write("server/inbox/far/waits.pdf", sample::pdf(1));
    share.halt();
    let daemon = home.serve();
    near_goes_on(&home, &daemon, "a.pdf");
    is_said(&home, &daemon, "inbox/far");
    let listed = daemon.get("/pipelines/far").body["folder"].to_string();
    assert!(
        listed.contains("blocked") && listed.contains("does not answer"),
        "{listed}"
    );
    let mut far = daemon.follow("/pipelines/far/events");
    near_goes_on(&home, &daemon, "b.pdf");
    share.go_on();
    ended(&mut far, "waits.pdf");
    share.halt();
    near_goes_on(&home, &daemon, "c.pdf");
    is_said(&home, &daemon, "inbox/far");
    // A stop does not wait for what hangs any longer than for a job.
    let began = Instant::now();
    assert!(daemon.stop().success());
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}

/// The `failed` folder hangs while somebody wants a file of it back: he is told, the others go on, and it is fetched when it answers.
#[test]
fn a_retry_from_a_folder_that_hangs_holds_up_nobody_and_is_carried_out_in_the_end() {
    let home = home("{ uses: extract-pages, with: { pages: \"7\" } }");
    let Some(share) = Share::mount(&home, "failed/far") else {
        return;
    };
    let daemon = home.serve();
    let mut far = daemon.follow("/pipelines/far/events");
    home.drop_file("inbox/far", "a.pdf", sample::pdf(1));
    let failed = far.until_named("job.failed").data["job"].clone();
    let job = failed.as_str().expect("an id").to_owned();
    share.halt();
    let ask = |verb: &str| daemon.post(&format!("/jobs/{job}/{verb}"), b"");
    std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| ask("retry")));
        near_goes_on(&home, &daemon, "a.pdf");
        // One fetches the file, for the other it is being fetched.
        let mut both = both.map(|one| one.join().expect("it is answered"));
        both.sort_by_key(|answer| answer.status);
        let [second, first] = both;
        assert_eq!(second.status, 409, "{}", second.body);
        assert_eq!(first.status, 503, "{}", first.body);
        let said = first.body.to_string();
        assert!(said.contains("failed/far` does not answer since"), "{said}");
        assert!(said.contains("once it answers"), "{said}");
    });
    let refused = ask("restore");
    assert_eq!(refused.status, 503, "{}", refused.body);
    share.go_on();
    // Fetched back, it goes the same way again.
    far.until_named("job.queued");
    let again = far.until_named("job.failed");
    assert_eq!(again.data["job"], failed);
    assert!(home.path("failed/far/a.pdf").is_file());
}
