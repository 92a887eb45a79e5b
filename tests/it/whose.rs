//! Whose daemon a command asks: the home's own or the one that is named, never another home's.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::sample;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

const PIPELINE: &str =
    "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n";

/// Every command that asks a daemon.
const COMMANDS: [&[&str]; 8] = [
    &["status"],
    &["jobs"],
    &["explain", "a.pdf"],
    &["submit", "p", "a.pdf"],
    &["cancel", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
    &["retry", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
    &["restore", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
    &["follow"],
];

#[test]
fn a_command_asks_no_other_homes_daemon() {
    let (home, other) = (TestHome::new(PROGRAM), TestHome::new(PROGRAM));
    other.pipeline("p", PIPELINE);
    home.write("a.pdf", sample::pdf(1));
    home.serve().kill();
    let daemon = other.serve();
    let refused = || {
        for command in COMMANDS {
            let (code, out, errors) = home.run(command);
            assert_eq!((code, out.as_str()), (5, ""), "{command:?}: {errors}");
            let own = home.path(".");
            let own = own.to_string_lossy();
            for part in [
                daemon.address(),
                "another home",
                own.trim_end_matches("/."),
                "--daemon",
            ] {
                assert!(errors.contains(part), "`{part}` in: {errors}");
            }
        }
    };
    home.write("state/address", daemon.address());
    refused();
    // Neither where only the configuration leads there.
    std::fs::remove_file(home.path("state/address")).expect("removed");
    home.write("config.yaml", format!("listen: {}\n", daemon.address()));
    refused();
    // Nor before a daemon of the home has ever run.
    std::fs::remove_dir_all(home.path("state")).expect("removed");
    refused();
    assert_eq!(daemon.get("/jobs").body["total"], 0);
    let (code, out, errors) = home.run(&["status", "--daemon", daemon.address()]);
    assert_eq!(code, 0, "who is named is asked: {out}{errors}");
}

#[test]
fn a_home_that_cannot_be_read_is_said() {
    let home = TestHome::new(PROGRAM);
    let daemon = home.serve();
    let check = |part: &str| {
        for command in [&["status"] as &[&str], &["jobs"], &["follow"]] {
            let (code, out, errors) = home.run(command);
            assert_eq!((code, out.as_str()), (1, ""), "{command:?}: {errors}");
            assert!(errors.contains(part), "`{part}` in: {errors}");
        }
        let (code, _, errors) = home.run(&["status", "--daemon", daemon.address()]);
        assert_eq!(code, 0, "{errors}");
    };
    // Folders cannot be read as files, whoever asks.
    let address = home.path("state/address");
    std::fs::remove_file(&address).expect("removed");
    std::fs::create_dir(&address).expect("made");
    check("state/address`: Is a directory");
    check("--daemon ADDRESS:PORT");
    let config = home.path("config.yaml");
    let _absent = std::fs::remove_file(&config);
    std::fs::create_dir(&config).expect("made");
    check("failed to read the configuration");
    std::fs::remove_dir(&config).expect("removed");
    home.write("config.yaml", "lisden: 127.0.0.1:80\n");
    check("config.yaml:1:1: ");
}

#[test]
fn follow_finds_a_daemon_that_comes_back_on_another_port() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let before = daemon.address().to_owned();
    let mut follower = home
        .command(&["follow", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let said = Arc::new(Mutex::new(String::new()));
    let out = BufReader::new(follower.stdout.take().expect("it is piped"));
    let kept = Arc::clone(&said);
    let reader = std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            kept.lock().expect("no reader panics").push_str(&line);
        }
    });
    let has_said = |part: &str| said.lock().expect("no reader panics").contains(part);
    wait_until("it follows", || has_said("\"hello\""));
    daemon.kill();
    let daemon = home.serve();
    assert_ne!(daemon.address(), before);
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    wait_until("the job is told", || has_said("job.succeeded"));
    follower.kill().expect("it runs still");
    follower.wait().expect("it ends");
    reader.join().expect("its output ends");
}

#[test]
fn a_certificate_that_is_none_is_refused_also_without_tls() {
    let home = TestHome::new(PROGRAM);
    let _daemon = home.serve();
    home.write("wrong.pem", "no certificate");
    for (named, part) in [("none.pem", "No such file"), ("wrong.pem", "PEM")] {
        let (code, _, errors) = home.run(&["status", "--ca", named]);
        assert_eq!(code, 1, "{errors}");
        assert!(
            errors.contains("--ca") && errors.contains(named) && errors.contains(part),
            "{errors}"
        );
    }
}
