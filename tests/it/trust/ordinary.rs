//! Promise: under a daemon that is an ordinary user, grants open what they say and no more, as they do under root's.

use crate::trust::{SHARES, drop_and_wait, failed_with, home, pipeline};
use dropleaf_test_support::sample;
use serde_json::Value;
use std::net::TcpListener;

/// What becomes of a job with this one step, under the daemon of an ordinary user with this configuration.
fn job(config: &str, step: &str) -> Value {
    let mut home = home(config);
    pipeline(&home, step, "");
    let daemon = home.serve_as_nobody();
    let job = drop_and_wait(&home, &daemon, sample::pdf(1));
    let left = daemon.get("/healthz").body;
    assert!(left["sandbox"].is_string() || left.is_object(), "{left}");
    job
}

#[test]
fn a_granted_program_runs_for_an_ordinary_users_daemon() {
    let hostname = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let job = job(
        "grants: { faulty: { programs: [/bin/cat], read: [/etc/hostname] } }\n",
        "uses: launch\n    with: { program: /bin/cat, arguments: [/etc/hostname, /etc/passwd] }",
    );
    assert_eq!(job["state"], "succeeded", "{job}");
    let told = job.to_string();
    // It has read what is granted, and in its sandbox nothing else.
    assert!(told.contains("/etc/passwd: Permission denied"), "{told}");
    let printed = serde_json::to_string(&hostname).expect("text");
    assert!(told.contains(printed.trim_matches('"')), "{told}");
}

#[test]
fn a_granted_program_reaches_the_scratch_folder_of_an_ordinary_users_daemon() {
    let job = job(SHARES.0, SHARES.1);
    assert_eq!(job["state"], "succeeded", "{job}");
    assert!(job.to_string().contains("left by the plugin"), "{job}");
}

#[test]
fn a_program_that_is_not_granted_does_not_run_for_an_ordinary_users_daemon() {
    let job = job(
        "grants: { faulty: { programs: [/bin/cat] } }\n",
        "uses: launch\n    with: { program: /bin/ls }",
    );
    failed_with(&job, "step-failed", "Permission denied");
}

#[test]
fn an_ordinary_users_daemon_gives_the_granted_port_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = |socket: &TcpListener| socket.local_addr().expect("bound").port();
    let config = format!(
        "grants: {{ faulty: {{ network: [{}] }} }}\n",
        port(&listener)
    );
    let connect = |port: u16| format!("uses: connect\n    with: {{ port: {port} }}");
    let reached = job(&config, &connect(port(&listener)));
    assert_eq!(reached["state"], "succeeded", "{reached}");
    let refused = job(&config, &connect(port(&other)));
    failed_with(&refused, "step-failed", "connect: Permission denied");
}

#[test]
fn an_ordinary_users_daemon_gives_a_scratch_folder_only_where_it_is_granted() {
    let step = "uses: misbehave\n    with: { mode: temp, text: scratch }";
    for (config, state) in [
        ("", "failed"),
        ("grants: { faulty: { temp: true } }\n", "succeeded"),
    ] {
        let job = job(config, step);
        assert_eq!(job["state"], state, "{job}");
    }
}
