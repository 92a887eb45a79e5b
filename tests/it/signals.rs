//! What signals do to a daemon: the first one drains, a second one ends the wait.

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::{plugins, sample};

/// A daemon that would wait for a job that never ends for as long as the test runs.
fn busy(home: &TestHome, daemon: &TestDaemon) {
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/x", "a.pdf", sample::pdf(1));
    feed.until_named("step.started");
}

fn home() -> TestHome {
    let home = TestHome::new(PROGRAM);
    plugins::install("faulty", &home.path("plugins"));
    home.write("config.yaml", "shutdown_seconds: 3600\n");
    home.pipeline(
        "x",
        "watch: { folder: inbox/x, quiet: 0s }\nsteps: [{ uses: misbehave, with: { mode: sleep } }]\n",
    );
    home
}

#[test]
fn a_second_signal_ends_the_wait_and_nothing_is_lost() {
    let home = home();
    let daemon = home.serve();
    busy(&home, &daemon);
    daemon.signal("TERM");
    wait_until("the daemon stops", || daemon.log().contains("stopping"));
    daemon.signal("INT");
    wait_until("it hurries", || daemon.log().contains("a second time"));
    assert!(daemon.ended().success());
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let begun = feed.until(|event| event.name == "job.started" || event.name == "snapshot");
    assert!(begun.data.to_string().contains("a.pdf"), "{}", begun.data);
}

#[test]
fn a_terminal_that_is_closed_drains_the_daemon() {
    let home = TestHome::new(PROGRAM);
    // Whatever started the tests may ignore the signal, and what it starts does, too.
    let daemon = home.serve_by(|command| {
        let program = command.get_program().to_owned();
        let mut heeding = std::process::Command::new("env");
        heeding
            .arg("--default-signal=HUP")
            .arg(program)
            .args(command.get_args())
            .current_dir(home.path("."));
        *command = heeding;
    });
    daemon.signal("HUP");
    wait_until("the daemon stops", || daemon.log().contains("stopping"));
    assert!(daemon.ended().success());
}

#[test]
fn a_daemon_that_was_started_by_nohup_outlives_its_terminal() {
    let home = TestHome::new(PROGRAM);
    let daemon = home.serve_by(|command| {
        let program = command.get_program().to_owned();
        let mut ignoring = std::process::Command::new("sh");
        ignoring
            .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
            .arg(program)
            .args(command.get_args())
            .current_dir(home.path("."));
        *command = ignoring;
    });
    daemon.signal("HUP");
    assert_eq!(daemon.get("/readyz").status, 200);
    daemon.signal("TERM");
    wait_until("the daemon stops", || daemon.log().contains("stopping"));
    assert!(!daemon.log().contains("SIGHUP"), "{}", daemon.log());
    assert!(daemon.ended().success());
}
