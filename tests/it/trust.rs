//! Promise: what a plugin asks for it gets only from the operator, and what it puts out is believed only where it may be.

mod breakouts;
mod ordinary;
pub(crate) mod proof;

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::plugins;
use dropleaf_test_support::{hostile, sample};
use serde_json::Value;
use std::net::TcpListener;
use std::path::PathBuf;

fn home(config: &str) -> TestHome {
    let home = TestHome::new(PROGRAM);
    plugins::install("faulty", &home.path("plugins"));
    home.write("config.yaml", config);
    home
}

fn pipeline(home: &TestHome, step: &str, more: &str) {
    let yaml = format!(
        "watch: {{ folder: inbox/x, quiet: 0s }}\nretry: {{ attempts: 1 }}\n{more}steps:\n  - {step}\n"
    );
    home.pipeline("x", &yaml);
}

/// Drops a file and gives its job when it has ended.
fn drop_and_wait(home: &TestHome, daemon: &TestDaemon, pdf: Vec<u8>) -> Value {
    let mut feed = daemon.follow("/pipelines/x/events");
    home.drop_file("inbox/x", "a.pdf", pdf);
    let ends = ["job.succeeded", "job.failed"];
    let end = feed.until(|event| ends.contains(&event.name.as_str()));
    let job = end.data["job"].as_str().expect("it names its job");
    daemon.get(&format!("/jobs/{job}")).body
}

#[track_caller]
fn failed_with(job: &Value, code: &str, text: &str) {
    let problem = job["problem"].to_string();
    assert_eq!(job["state"], "failed", "{job}");
    assert!(
        problem.contains(code) && problem.contains(text),
        "{problem}"
    );
}

fn forged(home: &TestHome, mode: &str) -> String {
    let folder = home.path("outbox/x");
    format!(
        "uses: misbehave\n    with: {{ mode: {mode}, text: \"{}\" }}",
        folder.display()
    )
}

#[test]
fn a_forged_result_of_an_untrusted_plugin_is_found_out() {
    for (mode, text) in [
        ("break-result", "damaged"),
        ("lie-tree", "a result is not sound"),
    ] {
        let home = home("untrusted: [faulty]\n");
        pipeline(&home, &forged(&home, mode), "");
        let daemon = home.serve();
        let job = drop_and_wait(&home, &daemon, sample::pdf(3));
        failed_with(&job, "result-invalid", text);
        assert!(!home.path("outbox/x/a.pdf").exists());
        assert!(home.path("failed/x/a.pdf").exists());
        assert!(home.path("failed/x/a.pdf.error.txt").exists());
    }
}

#[test]
fn an_untrusted_plugins_sound_result_is_delivered() {
    let home = home("untrusted: ['*']\n");
    pipeline(&home, "uses: misbehave\n    with: { mode: behave }", "");
    let daemon = home.serve();
    let job = drop_and_wait(&home, &daemon, sample::pdf(3));
    assert_eq!(job["state"], "succeeded", "{job}");
    // What arrives damaged is mended, and is no worse for it.
    let job = drop_and_wait(&home, &daemon, hostile::wrong_offsets());
    assert_eq!(job["state"], "succeeded", "{job}");
}

#[test]
fn results_that_are_not_as_expected_go_nowhere() {
    let lose = "uses: misbehave\n    with: { mode: lose-pages }";
    let grow = "uses: misbehave\n    with: { mode: grow-result }";
    let behave = "uses: misbehave\n    with: { mode: behave }";
    for (step, expect, text) in [
        (
            lose,
            "pages: same",
            "expected 4 pages, and a result has 2 pages",
        ),
        (
            lose,
            "pages: 3, opens: true",
            "expected 3 pages, and a result has 2 pages",
        ),
        (
            lose,
            "pages: sum",
            "in all results together, and they have 2 pages",
        ),
        (
            grow,
            "max_growth: 2x",
            "expected at most 2 times the original's",
        ),
        (behave, "pages: same, opens: true, max_growth: 1.5x", ""),
        ("uses: burst\n    with: {}", "pages: sum, opens: true", ""),
        ("uses: burst\n    with: {}", "pages: 1", ""),
    ] {
        let home = home("");
        pipeline(&home, step, &format!("expect: {{ {expect} }}\n"));
        let daemon = home.serve();
        let job = drop_and_wait(&home, &daemon, sample::pdf(4));
        if text.is_empty() {
            assert_eq!(job["state"], "succeeded", "{expect}: {job}");
            continue;
        }
        failed_with(&job, "unexpected-result", text);
        assert!(!home.path("outbox/x/a.pdf").exists());
        assert!(home.path("failed/x/a.pdf").exists());
    }
}

#[test]
fn a_forged_result_does_not_open_where_that_is_expected() {
    let home = home("");
    pipeline(
        &home,
        &forged(&home, "break-result"),
        "expect: { opens: true }\n",
    );
    let daemon = home.serve();
    let job = drop_and_wait(&home, &daemon, sample::pdf(1));
    failed_with(
        &job,
        "unexpected-result",
        "expected results that open, and one does not",
    );
}

#[test]
fn a_program_runs_only_where_it_is_granted() {
    let cat =
        "uses: launch\n    with: { program: /bin/cat, arguments: [/etc/hostname, /etc/passwd] }";
    let refusing = home("");
    pipeline(&refusing, cat, "");
    let (code, out, errors) = refusing.run(&["check"]);
    let said = format!("{out}{errors}");
    assert!(
        code != 0 && said.contains("`faulty/launch` asks to run `cat`, which is not granted"),
        "{said}"
    );

    let granting = home("grants: { faulty: { programs: [/bin/cat], read: [/etc/hostname] } }\n");
    let hostname = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    pipeline(&granting, cat, "");
    let daemon = granting.serve();
    let job = drop_and_wait(&granting, &daemon, sample::pdf(1));
    assert_eq!(job["state"], "succeeded", "{job}");
    let told = job.to_string();
    // It has read what is granted, and in its sandbox nothing else.
    assert!(told.contains("/etc/passwd: Permission denied"), "{told}");
    let printed = serde_json::to_string(&hostname).expect("text");
    assert!(told.contains(printed.trim_matches('"')), "{told}");
}

/// What the plugin has put into its scratch folder, a program that it starts finds by the same path.
pub(crate) const SHARES: (&str, &str) = (
    "grants: { faulty: { temp: true, programs: [/bin/cat] } }\n",
    "uses: launch\n    with: { program: /bin/cat, arguments: ['{temp}/note'] }",
);

#[test]
fn a_granted_program_reaches_the_granted_scratch_folder() {
    let home = home(SHARES.0);
    pipeline(&home, SHARES.1, "");
    // The home of this test is closed to workers; one that they may pass through has another way to the folder.
    for mode in [0o700, 0o711] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(home.path(""), mode).expect("ours");
        let daemon = home.serve();
        let job = drop_and_wait(&home, &daemon, sample::pdf(1));
        assert_eq!(job["state"], "succeeded", "{job}");
        assert!(job.to_string().contains("left by the plugin"), "{job}");
        assert!(daemon.stop().success());
    }
}

/// A home whose pipeline reads for ever: from a pipe that nobody writes to. The pipe's path is the test's own.
fn that_reads_for_ever() -> (TestHome, String) {
    let place = tempfile::tempdir().expect("a folder").keep();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&place, open).expect("ours");
    let pipe = place.join("never");
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, 0o644.into(), 0).expect("a pipe");
    let pipe = pipe.display().to_string();
    let home = home(&format!(
        "grants: {{ faulty: {{ programs: [/bin/cat], read: [{pipe}] }} }}\n"
    ));
    let step = format!("uses: launch\n    with: {{ program: /bin/cat, arguments: ['{pipe}'] }}");
    pipeline(&home, &step, "");
    (home, pipe)
}

fn readers(pipe: &str) -> usize {
    let entries = std::fs::read_dir("/proc").expect("it can be listed");
    let words = format!("/bin/cat\0{pipe}\0");
    let is_it = |entry: &std::fs::DirEntry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|said| said == words.as_bytes())
    };
    entries.flatten().filter(is_it).count()
}

/// What is started does not outlive a daemon that is killed.
fn programs_end_with_the_daemon(home: &TestHome, daemon: TestDaemon, pipe: &str) {
    let feed = daemon.follow("/pipelines/x/events");
    home.drop_file("inbox/x", "a.pdf", sample::pdf(1));
    wait_until("the program", || readers(pipe) == 1);
    // Longer than between two looks of the nursery.
    std::thread::park_timeout(std::time::Duration::from_millis(1200));
    assert_eq!(readers(pipe), 1);
    drop(feed);
    daemon.kill();
    wait_until("the program's end", || readers(pipe) == 0);
    let place = std::path::Path::new(pipe).parent().expect("a folder");
    std::fs::remove_dir_all(place).expect("ours");
}

#[test]
fn a_granted_program_does_not_outlive_a_killed_daemon() {
    let (home, pipe) = that_reads_for_ever();
    let daemon = home.serve();
    programs_end_with_the_daemon(&home, daemon, &pipe);
}

#[test]
fn a_granted_program_does_not_outlive_an_ordinary_users_killed_daemon() {
    let (mut home, pipe) = that_reads_for_ever();
    let daemon = home.serve_as_nobody();
    programs_end_with_the_daemon(&home, daemon, &pipe);
}

#[test]
fn a_program_that_is_not_granted_does_not_run() {
    let home = home("grants: { faulty: { programs: [/bin/cat] } }\n");
    pipeline(&home, "uses: launch\n    with: { program: /bin/ls }", "");
    let daemon = home.serve();
    let job = drop_and_wait(&home, &daemon, sample::pdf(1));
    failed_with(&job, "step-failed", "Permission denied");
}

#[test]
fn a_port_is_reached_only_where_it_is_granted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = |socket: &TcpListener| socket.local_addr().expect("bound").port();
    let connect = |port: u16| format!("uses: connect\n    with: {{ port: {port} }}");

    let refusing = home("");
    pipeline(&refusing, &connect(port(&listener)), "");
    let (code, out, errors) = refusing.run(&["check"]);
    let said = format!("{out}{errors}");
    assert!(
        code != 0 && said.contains("asks to use the network, which is not granted"),
        "{said}"
    );

    let home = home(&format!(
        "grants: {{ faulty: {{ network: [{}] }} }}\n",
        port(&listener)
    ));
    pipeline(&home, &connect(port(&listener)), "");
    let daemon = home.serve();
    let job = drop_and_wait(&home, &daemon, sample::pdf(1));
    assert_eq!(job["state"], "succeeded", "{job}");
    daemon.stop();
    pipeline(&home, &connect(port(&other)), "");
    let daemon = home.serve();
    let job = drop_and_wait(&home, &daemon, sample::pdf(1));
    failed_with(&job, "step-failed", "connect: Permission denied");
}

#[test]
fn a_scratch_folder_is_there_only_where_it_is_granted() {
    let step = "uses: misbehave\n    with: { mode: temp, text: scratch }";
    for (config, state) in [
        ("", "failed"),
        ("grants: { faulty: { temp: true } }\n", "succeeded"),
    ] {
        let home = home(config);
        pipeline(&home, step, "");
        let daemon = home.serve();
        let job = drop_and_wait(&home, &daemon, sample::pdf(1));
        assert_eq!(job["state"], state, "{job}");
    }
}

/// The scratch folders there are.
fn scratch(home: &TestHome) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(home.path("work")).expect("it is there");
    let names = entries.map(|entry| entry.expect("it can be listed").path());
    names
        .filter(|path| path.to_string_lossy().contains("/worker-"))
        .collect()
}

const WRITE: &str = "uses: misbehave\n    with: { mode: temp, text: scratch }";

#[test]
fn a_scratch_folder_goes_however_the_attempt_ended() {
    let home = home("grants: { faulty: { temp: true } }\n");
    let then = "uses: misbehave\n    with: { mode: \"{{ input.stem }}\" }\n    timeout: 2s";
    pipeline(&home, &format!("{WRITE}\n  - {then}"), "");
    let daemon = home.serve();
    for (mode, state, code) in [
        ("behave", "succeeded", "null"),
        ("reject", "failed", "document-rejected"),
        ("abort", "failed", "plugin-crashed"),
        ("sleep-deaf", "failed", "timed-out"),
    ] {
        let mut feed = daemon.follow("/pipelines/x/events");
        home.drop_file("inbox/x", &format!("{mode}.pdf"), sample::pdf(1));
        feed.until_named("step.finished");
        let end = feed.until(|event| event.name == format!("job.{state}"));
        let problem = end.data["problem"].to_string();
        assert!(problem.contains(code), "{problem}");
        wait_until("the scratch folder goes", || scratch(&home).is_empty());
    }
}

#[test]
fn a_scratch_folder_goes_with_the_daemon_or_when_the_next_one_starts() {
    let home = home("grants: { faulty: { temp: true } }\nshutdown_seconds: 0\n");
    let then = "uses: misbehave\n    with: { mode: sleep-deaf }";
    pipeline(&home, &format!("{WRITE}\n  - {then}"), "");
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/x/events");
    home.drop_file("inbox/x", "a.pdf", sample::pdf(1));
    feed.until_named("step.finished");
    assert_eq!(scratch(&home).len(), 1);
    assert!(daemon.stop().success());
    assert!(scratch(&home).is_empty(), "it went before the daemon");

    // The job was interrupted, and begins again.
    let daemon = home.serve();
    wait_until("the job has another", || !scratch(&home).is_empty());
    daemon.kill();
    let left = scratch(&home);
    assert_eq!(left.len(), 1, "nobody was there to remove it");
    let daemon = home.serve();
    wait_until("what was left goes", || !left[0].exists());
    assert!(daemon.stop().success());
}

#[test]
fn who_is_not_trusted_does_not_share_what_others_are_granted() {
    let home = home("untrusted: [pages]\ngrants: { faulty: { programs: [/bin/cat] } }\n");
    pipeline(
        &home,
        "uses: launch\n    with: { program: /bin/cat }\n  - uses: reverse",
        "",
    );
    let (code, out, errors) = home.run(&["check"]);
    let said = format!("{out}{errors}");
    assert!(
        code != 0
            && said.contains(
                "x.yaml:6:11: `pages` is untrusted, and would share what `faulty` is granted"
            ),
        "{said}"
    );
}
