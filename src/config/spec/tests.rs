//! What a configuration means, and what is refused in it.

use super::*;

fn load(text: &str) -> Result<Config, Error> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("config.yaml"), text).expect("the folder is writable");
    let home = Home::find(Some(folder.path())).expect("an absolute path resolves");
    Config::load(home, Flags::default())
}

#[test]
fn no_file_and_an_empty_file_are_the_defaults() {
    assert_eq!(load("").expect("empty is fine").spec.listen.port(), 7311);
    assert_eq!(
        load("# nothing\n")
            .expect("comments are fine")
            .spec
            .listen
            .port(),
        7311
    );
}

#[test]
fn faults_name_file_line_and_key() {
    let error = load("listen: 127.0.0.1:7311\nworkes: 3\n")
        .expect_err("a typo")
        .to_string();
    assert!(error.contains("config.yaml:2:1"), "{error}");
    assert!(error.contains("workes"), "{error}");
}

#[test]
fn workers_have_a_bound() {
    assert_eq!(load("workers: 256\n").expect("the most").workers, 256);
    for many in [100_000, u64::MAX] {
        let text = load(&format!("workers: {many}\n"))
            .expect_err("too many")
            .to_string();
        assert!(
            text.contains("`workers` is") && text.contains("to 256"),
            "{text}"
        );
    }
}

#[test]
fn a_grant_that_cannot_be_meant_is_named() {
    let text = load("grants: { ocr: { programs: [tesseract] } }\n")
        .expect_err("not absolute")
        .to_string();
    assert!(
        text.ends_with("config.yaml:1:1: `grants.ocr.programs` has `tesseract`; paths are absolute there, such as `/usr/bin/tesseract`"),
        "{text}"
    );
}

#[test]
fn values_that_make_no_sense_are_told_with_their_place() {
    for (text, expected) in [
        (
            "# mine\ntoken: short\n",
            "config.yaml:2:1: `token` is shorter than 16 characters;",
        ),
        (
            "log: info\nheartbeat_ms: 5\n",
            "config.yaml:2:1: `heartbeat_ms` is 5;",
        ),
        (
            "max_connections: 0\n",
            "config.yaml:1:1: `max_connections` is 0; it must be from 1 to",
        ),
        (
            "max_client_connections: 0\n",
            "`max_client_connections` is 0; it must be from 1 to",
        ),
        (
            "max_input_mb: 0\n",
            "`max_input_mb` is 0; it must be from 1 to",
        ),
        (
            "max_decoded_mb: 0\n",
            "`max_decoded_mb` is 0; it must be from 1 to",
        ),
        (
            "rescan_seconds: 0\n",
            "`rescan_seconds` is 0; it must be from 1 to 31536000: scanning",
        ),
        (
            "retention: { jobs: 5, days: 0 }\n",
            "config.yaml:1:23: `retention.days` is 0; it must be from 1 to",
        ),
        (
            "retention:\n  jobs: 0\n",
            "config.yaml:2:3: `retention.jobs` is 0; it must be from 1 to",
        ),
        (
            "worker_first_uid: 0\n",
            "`worker_first_uid` is 0; it must be from 1 to 4294000000: workers must not be root",
        ),
        (
            "min_free_mb: 17592186044416\n",
            "`min_free_mb` is 17592186044416; it must be from 0 to 1073741824",
        ),
        (
            "hosts: [a.example, \"*\"]\n",
            "config.yaml:1:20: item 2 of `hosts` is `*`; no client",
        ),
        (
            "origins:\n  - http://x/y\n",
            "config.yaml:2:5: item 1 of `origins` is `http://x/y`; no page",
        ),
    ] {
        let said = load(text).expect_err(text).to_string();
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn an_open_address_needs_a_token() {
    assert!(matches!(
        load("listen: 0.0.0.0:7311\n"),
        Err(Error::Open(_))
    ));
    assert!(load("listen: 0.0.0.0:7311\ntoken: 0123456789abcdef\n").is_ok());
    assert!(load("listen: 0.0.0.0:7311\ninsecure: true\n").is_ok());
    assert!(load("token: short\n").is_err());
}
