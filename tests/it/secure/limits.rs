//! More clients than there is room for: those who have their place go on, the others hear why not.

use super::status;
use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::folder::wait_until;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use socket2::{Domain, Socket, Type};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// The head of the answer to one who wants the feed of everything, and the stream.
fn feed(daemon: &TestDaemon) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(daemon.address()).expect("it listens");
    let request = b"GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
    // One who is turned away may be so before he has said anything.
    let _ = stream.write_all(request);
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    (String::from_utf8_lossy(&head).into_owned(), stream)
}

#[test]
fn streams_and_connections_have_their_limits_and_hold_up_nobody() {
    let home = TestHome::bare(PROGRAM);
    home.write(
        "config.yaml",
        "max_streams: 20\nmax_connections: 40\nmax_client_connections: 40\n",
    );
    let daemon = home.serve();
    let all: Vec<(String, TcpStream)> = (0..60).map(|_| feed(&daemon)).collect();
    let of = |status: &str| {
        all.iter()
            .filter(|(head, _)| head.starts_with(status))
            .count()
    };
    assert_eq!(of("HTTP/1.1 200 "), 16, "one client's share");
    assert_eq!(of("HTTP/1.1 503 "), 44, "the others");
    drop(all);
    wait_until("room", || status(&daemon, "GET", "/api/v1/healthz") == 200);
}

/// A connection from another address of this machine, on which nothing has been said.
fn silent(daemon: &TestDaemon, from: [u8; 4]) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let from = SocketAddr::from((from, 0));
    socket.bind(&from.into()).expect("all of 127/8 is ours");
    let to: SocketAddr = daemon.address().parse().expect("an address");
    socket.connect(&to.into()).expect("it listens");
    socket.into()
}

fn answer(mut stream: TcpStream) -> String {
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    // One who is turned away may be so before he has said anything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn one_machine_cannot_hold_all_connections() {
    let home = TestHome::bare(PROGRAM);
    // A quarter, but at least sixteen.
    home.write("config.yaml", "max_connections: 80\n");
    let daemon = home.serve();
    let (holder, other) = ([127, 0, 0, 7], [127, 0, 0, 8]);
    let held: Vec<TcpStream> = (0..20).map(|_| silent(&daemon, holder)).collect();
    let refused = answer(silent(&daemon, holder));
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(
        refused.contains("too many connections of this client"),
        "{refused}"
    );
    assert!(refused.contains("`max_client_connections`"), "{refused}");
    let served = answer(silent(&daemon, other));
    assert!(served.starts_with("HTTP/1.1 200 "), "{served}");
    drop(held);
    wait_until("room for the first again", || {
        answer(silent(&daemon, holder)).starts_with("HTTP/1.1 200 ")
    });
}

fn open_files(pid: u32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("it lives")
        .count() as u64
}

fn allow_files(pid: u32, soft: u64) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a process id"));
    let given = prlimit(
        pid,
        Resource::Nofile,
        Rlimit {
            current: Some(soft),
            maximum: Some(1024),
        },
    );
    given.expect("it is our child");
}

#[test]
fn out_of_descriptors_the_daemon_goes_on_and_says_so() {
    let home = TestHome::bare(PROGRAM);
    home.write("config.yaml", "heartbeat_ms: 1000\n");
    let daemon = home.serve();
    let mut open = daemon.follow("/events");
    open.until_named("snapshot");
    let pid = daemon.pid();
    allow_files(pid, open_files(pid) + 2);
    let waiting: Vec<TcpStream> = (0..10)
        .map(|_| {
            let mut stream = TcpStream::connect(daemon.address()).expect("the kernel takes it");
            let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            // Held open, so that those who were let in keep their places.
            stream
                .write_all(&request[..request.len() - 2])
                .expect("buffered");
            stream
        })
        .collect();
    wait_until("the shortage is said", || {
        daemon
            .log()
            .contains("no connections can be accepted for now")
    });
    open.until_named("ping");
    allow_files(pid, 1024);
    for mut stream in waiting {
        stream.write_all(b"\r\n").expect("open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    wait_until("the end of it is said", || {
        daemon.log().contains("connections are accepted again")
    });
    let said = daemon
        .log()
        .matches("no connections can be accepted")
        .count();
    assert_eq!(said, 1, "once for each shortage");
}

#[test]
fn connections_leave_descriptors_for_the_work() {
    let home = TestHome::bare(PROGRAM);
    home.write("config.yaml", "max_client_connections: 100\n");
    let daemon = home.serve_by(|command| {
        let mut poor = std::process::Command::new("sh");
        poor.args(["-c", "ulimit -n 300; exec \"$0\" \"$@\""])
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(home.path(""));
        *command = poor;
    });
    wait_until("the warning", || {
        daemon.log().contains("only 22 of 1024 connections")
    });
    let all: Vec<(String, TcpStream)> = (0..40).map(|_| feed(&daemon)).collect();
    let turned_away = all
        .iter()
        .filter(|(head, _)| head.starts_with("HTTP/1.1 503 "))
        .count();
    assert_eq!(turned_away, 18);
}

#[test]
fn a_target_without_a_path_is_answered() {
    let home = TestHome::new(PROGRAM);
    let daemon = home.serve();
    for line in [
        "GET localhost",
        "POST 127.0.0.1:80",
        "CONNECT x:1",
        "GET [::1]:7",
    ] {
        let mut stream = TcpStream::connect(daemon.address()).expect("it listens");
        write!(
            stream,
            "{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )
        .expect("sent");
        let answer = answer(stream);
        assert!(answer.starts_with("HTTP/1.1 4"), "{line}: {answer}");
        assert!(
            answer.contains("application/problem+json"),
            "{line}: {answer}"
        );
    }
    assert_eq!(daemon.get("/healthz").status, 200);
}
