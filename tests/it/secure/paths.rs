//! Every parameter that names a file, with names that mean another one.

use super::{PIPELINE, everything, exchange, one_job, status};
use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use std::path::PathBuf;

/// Ways to say `../secret.txt`, and worse, in one segment of a path or a parameter.
const EVIL: &[&str] = &[
    "..%2fsecret.txt",
    "..%2Fsecret.txt",
    "%2e%2e%2fsecret.txt",
    "%2e%2e/secret.txt",
    "../secret.txt",
    "..%252fsecret.txt",
    "%252e%252e%252fsecret.txt",
    "..%5csecret.txt",
    "..%c0%afsecret.txt",
    "..%ff%2fsecret.txt",
    "%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "a%00.pdf",
    "..",
    "%2e%2e",
    ".",
    "bytes:..%5cx2fsecret.txt",
    "bytes:%5cx2e%5cx2e%5cx2fsecret.txt",
    "~%2fsecret.txt",
    "file:%2f%2f%2fetc%2fpasswd",
];

#[test]
fn no_parameter_reaches_a_file_that_it_should_not() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    home.write("secret.txt", "the secret");
    home.write("outbox/secret.txt", "the secret");
    let daemon = home.serve();
    let job = one_job(&home, &daemon);
    let before = everything(&home.path(""));
    let request = |method: &str, path: &str, headers: &str, body: &str| {
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = exchange(&daemon, text.as_bytes());
        assert!(
            !answer.contains("the secret") && !answer.contains("root:x:"),
            "{method} {path}: {answer}"
        );
        let status = answer
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse::<u16>().ok());
        let status = status.unwrap_or_else(|| panic!("{method} {path}: {answer}"));
        assert_ne!(status / 100, 5, "{method} {path}: {answer}");
        (status, answer)
    };
    for evil in EVIL {
        for path in [
            format!("/api/v1/jobs/{job}/artifacts/{evil}"),
            format!("/api/v1/jobs/{evil}/input"),
            format!("/api/v1/trials/{evil}/input"),
            format!("/api/v1/trials/{evil}/outputs/{evil}"),
            format!("/api/v1/pipelines/{evil}/revisions/{evil}"),
            format!("/problems/{evil}"),
        ] {
            let (status, answer) = request("GET", &path, "", "");
            assert!(
                [400, 404, 410].contains(&status) || is_page(&answer),
                "{path}: {answer}"
            );
        }
        for path in [
            format!("/{evil}"),
            format!("/assets/{evil}"),
            format!("/api/v1/pipelines/{evil}"),
        ] {
            request("GET", &path, "", "");
        }
        for method in ["PUT", "DELETE"] {
            let (status, answer) =
                request(method, &format!("/api/v1/pipelines/{evil}"), "", PIPELINE);
            assert!((400..500).contains(&status), "{method} {evil}: {answer}");
        }
        for path in ["jobs", "try"] {
            let path = format!("/api/v1/pipelines/p/{path}?name={evil}");
            let (status, answer) = request("POST", &path, "", "%PDF-1.7");
            assert!(status == 400 || names_no_folder(evil), "{path}: {answer}");
        }
        request("GET", &format!("/api/v1/files/explain?path={evil}"), "", "");
        request(
            "POST",
            &format!("/api/v1/pipelines/check?id={evil}"),
            "",
            PIPELINE,
        );
        let form = format!(
            "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"../{evil}\"\r\n\r\n%PDF-1.7\r\n--x--\r\n"
        );
        let media = "content-type: multipart/form-data; boundary=x\r\n";
        request("POST", "/api/v1/pipelines/p/jobs", media, &form);
    }
    // What was taken is in the pipeline's own folders, under a plain name.
    let own: Vec<PathBuf> = [
        "inbox/p",
        "outbox/p",
        "archive/p",
        "failed/p",
        "state",
        "work",
    ]
    .iter()
    .map(|below| home.path(below))
    .collect();
    for path in everything(&home.path("")) {
        let is_known = before.contains(&path) || own.iter().any(|folder| path.starts_with(folder));
        assert!(
            is_known || path == home.path("failed"),
            "{} was made",
            path.display()
        );
    }
    assert_eq!(
        status(&daemon, "GET", "/api/v1/pipelines/p"),
        200,
        "it is still there"
    );
}

/// The page answers for whatever names no file below it.
fn is_page(answer: &str) -> bool {
    answer.contains("text/html")
}

/// Some of them are odd but plain names.
fn names_no_folder(evil: &str) -> bool {
    evil.contains("%25") || evil.starts_with("bytes:")
}

#[test]
fn a_link_in_the_outbox_leads_nowhere() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    home.write("secret.txt", "the secret");
    let daemon = home.serve();
    let job = one_job(&home, &daemon);
    let output = home.path("outbox/p/a.pdf");
    assert_eq!(daemon.bytes(&format!("/jobs/{job}/artifacts/a.pdf")).0, 200);
    std::fs::remove_file(&output).expect("it was delivered");
    std::os::unix::fs::symlink(home.path("secret.txt"), &output).expect("a link");
    assert_eq!(daemon.bytes(&format!("/jobs/{job}/artifacts/a.pdf")).0, 410);
    std::fs::remove_file(&output).expect("our link");
    std::fs::create_dir(&output).expect("a folder");
    assert_eq!(daemon.bytes(&format!("/jobs/{job}/artifacts/a.pdf")).0, 410);
}
