//! Nobody gets in, and nobody gets more than is his: modes of files, paths, limits, TLS.

mod certificate;
mod crowd;
mod encrypted;
mod limits;
mod paths;
mod swapped;
mod tokens;

pub(crate) use certificate::Certificate;

use crate::PROGRAM;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::sample;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const PIPELINE: &str = "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n";

/// Takes `a.pdf` through the pipeline `p`; gives the job.
pub(crate) fn one_job(home: &TestHome, daemon: &TestDaemon) -> String {
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let events = feed.until_ended(1);
    let job = events["a.pdf"][0].data["job"].as_str();
    job.expect("a job").to_owned()
}

/// Sends these bytes and reads until the daemon closes.
fn exchange(daemon: &TestDaemon, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(daemon.address()).expect("it listens");
    stream.write_all(request).expect("it reads");
    let mut answer = Vec::new();
    // A reset after the answer is an end, too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request without a body, and the status of its answer.
fn status(daemon: &TestDaemon, method: &str, path: &str) -> u16 {
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let answer = exchange(daemon, request.as_bytes());
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
    status.unwrap_or_else(|| panic!("{method} {path}: {answer}"))
}

/// Everything below a folder, hidden ones too.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(everything(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

fn mode(path: &Path) -> u32 {
    let meta =
        std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    meta.permissions().mode() & 0o7777
}

#[test]
fn what_the_daemon_keeps_is_its_own_whatever_the_umask() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    home.write("config.yaml", "token: 0123456789abcdef\n");
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(home.path("config.yaml"), open).expect("ours");
    // A journal of an earlier version may lie open.
    home.write("state/journal.db", "");
    let open = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(home.path("state/journal.db"), open).expect("ours");
    let daemon = home.serve_by(|command| {
        let mut lax = Command::new("sh");
        lax.args(["-c", "umask 000; exec \"$0\" \"$@\""])
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(home.path(""));
        *command = lax;
    });
    for name in [
        "journal.db",
        "journal.db-wal",
        "journal.db-shm",
        "ballast",
        "lock",
        "address",
    ] {
        assert_eq!(mode(&home.path("state").join(name)), 0o600, "{name}");
    }
    // Workers that gave up root pass through, and nobody lists it.
    assert_eq!(mode(&home.path("work")), 0o711);
    assert_eq!(mode(&home.path("state")), 0o711);
    for path in everything(&home.path("state"))
        .into_iter()
        .chain(everything(&home.path("work")))
    {
        assert_eq!(
            mode(&path) & 0o022,
            0,
            "{} may be written by others",
            path.display()
        );
    }
    for path in everything(&home.path("state/plugins")) {
        let is_library = path.extension().is_some_and(|extension| extension == "so");
        assert!(is_library || mode(&path) == 0o600, "{}", path.display());
    }
    let log = daemon.log();
    assert!(
        log.contains("others on this machine may read the token (mode 0644)"),
        "{log}"
    );
}

#[test]
fn the_configuration_that_is_made_is_for_its_owner_alone() {
    let home = TestHome::bare(PROGRAM);
    assert_eq!(home.run(&["init"]).0, 0);
    assert_eq!(mode(&home.path("config.yaml")), 0o600);
}

#[test]
fn an_upload_that_is_cut_off_leaves_nothing_in_any_folder() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let pdf = sample::pdf(1);
    assert_eq!(
        daemon.post("/pipelines/p/jobs?name=first.pdf", &pdf).status,
        202
    );
    feed.until_ended(1);
    let all = || -> Vec<PathBuf> {
        let folders = ["inbox", "outbox", "archive", "failed", "work"];
        folders
            .iter()
            .flat_map(|name| everything(&home.path(name)))
            .collect()
    };
    // Something of the first job may still go.
    let before = all();
    let is_new = || all().iter().any(|path| !before.contains(path));
    let form =
        "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7";
    for (headers, path, body) in [
        ("content-length: 100000\r\n", "jobs?name=a.pdf", "%PDF-1.7"),
        (
            "transfer-encoding: chunked\r\n",
            "jobs?name=a.pdf",
            "8\r\n%PDF-1.7\r\n",
        ),
        (
            "content-length: 100000\r\ncontent-type: multipart/form-data; boundary=x\r\n",
            "jobs",
            form,
        ),
        ("content-length: 100000\r\n", "try?name=a.pdf", "%PDF-1.7"),
    ] {
        let request = format!(
            "POST /api/v1/pipelines/p/{path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n{body}"
        );
        let mut stream = TcpStream::connect(daemon.address()).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        dropleaf_test_support::folder::wait_until("the upload", is_new);
        drop(stream);
        dropleaf_test_support::folder::wait_until("the end of the upload", || !is_new());
    }
    let jobs = daemon.get("/jobs").body;
    assert_eq!(jobs["total"], 1, "{jobs}");
}
