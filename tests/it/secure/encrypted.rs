//! Commands that speak TLS to a daemon that does.

use super::Certificate;
use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;

#[test]
fn commands_speak_tls_to_whom_they_trust() {
    let home = TestHome::bare(PROGRAM);
    let folder = home.path("");
    Certificate::for_names(&["127.0.0.1"], &folder, "own");
    Certificate::for_names(&["127.0.0.1"], &folder, "other");
    let elsewhere = Certificate::for_names(&["scans.example"], &folder, "elsewhere");
    home.write(
        "config.yaml",
        "tls: { certificate: own.pem, key: own.key }\n",
    );
    let daemon = home.serve();
    let away = TestHome::bare(PROGRAM);
    let address = format!("https://{}", daemon.address());
    let ask = |from: &TestHome, more: &[&str]| {
        let (code, said, wrong) = from.run(&[&["status", "--daemon", &address], more].concat());
        (code, said + &wrong)
    };
    let path = |name: &str| folder.join(name).display().to_string();
    let (code, said) = ask(&away, &["--ca", &path("own.pem")]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("workers busy"), "{said}");
    let (code, said) = ask(&home, &[]);
    assert_eq!(
        code, 0,
        "the home's own certificate needs no naming: {said}"
    );
    let (code, said) = ask(&away, &["--ca", &path("other.pem")]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("no TLS connection to 127.0.0.1")
            && said.contains("is not the one that `--ca FILE`"),
        "{said}"
    );
    assert!(!said.contains("peer certificate"), "plain words: {said}");
    let (code, said) = ask(&away, &["--ca", &path("own.key")]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("own.key` holds no certificate in PEM form"),
        "{said}"
    );
    let (code, said) = ask(&away, &["--ca", &path("missing.pem")]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("failed to read the certificate") && said.contains("missing.pem"),
        "{said}"
    );
    // One that is named is still only good for the names in it.
    home.write(
        "config.yaml",
        "tls: { certificate: elsewhere.pem, key: elsewhere.key }\n",
    );
    drop(daemon);
    let daemon = home.serve();
    let certificate = elsewhere.certificate.display().to_string();
    let address = format!("https://{}", daemon.address());
    let (code, said, wrong) = away.run(&["status", "--daemon", &address, "--ca", &certificate]);
    assert_eq!(code, 1, "{said}{wrong}");
    assert!(
        wrong.contains("is not one for `127.0.0.1` but for scans.example: ask"),
        "{wrong}"
    );
}

#[test]
fn a_certificate_that_has_ended_is_told_by_the_daemon_and_by_commands() {
    let home = TestHome::bare(PROGRAM);
    let ended = Certificate::ended(&["127.0.0.1"], &home.path(""), "own");
    let tls = "tls: { certificate: own.pem, key: own.key }\n";
    home.write("config.yaml", tls);
    let daemon = home.serve();
    let log = daemon.log();
    assert!(
        log.contains("the certificate ended on 2025-01-01T00:00:00.000Z")
            && log.contains("own.pem"),
        "{log}"
    );
    let away = TestHome::bare(PROGRAM);
    let address = format!("https://{}", daemon.address());
    let certificate = ended.certificate.display().to_string();
    let (code, said, wrong) = away.run(&["status", "--daemon", &address, "--ca", &certificate]);
    assert_eq!(code, 1, "{said}{wrong}");
    assert!(
        wrong.contains("expired") || wrong.contains("ended"),
        "{wrong}"
    );
    let log = daemon.log();
    assert_eq!(
        log.matches("the certificate ended").count(),
        1,
        "once: {log}"
    );
}

#[test]
fn where_nobody_is_trusted_a_command_says_how_to_name_one() {
    let home = TestHome::bare(PROGRAM);
    let mut status = home.command(&["status", "--daemon", "https://127.0.0.1:9"]);
    status.env("SSL_CERT_FILE", "/nonexistent");
    status.env("SSL_CERT_DIR", "/nonexistent");
    let output = status.output().expect("it runs");
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(
        wrong.contains("nobody is trusted") && wrong.contains("`--ca FILE`"),
        "{wrong}"
    );
    assert!(!wrong.contains("SSL_CERT_FILE"), "{wrong}");
}

#[test]
fn tls_to_a_daemon_that_speaks_none_says_so() {
    let home = TestHome::bare(PROGRAM);
    let daemon = home.serve();
    let own = Certificate::plain(&["127.0.0.1"], &home.path(""), "own");
    let address = format!("https://{}", daemon.address());
    let certificate = own.certificate.display().to_string();
    let (code, said, wrong) = home.run(&["status", "--daemon", &address, "--ca", &certificate]);
    assert_eq!(code, 1, "{said}{wrong}");
    assert!(
        wrong.contains("if it speaks no TLS, use http://"),
        "{wrong}"
    );
    assert!(own.key.is_file());
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_at_the_start() {
    let home = TestHome::bare(PROGRAM);
    Certificate::plain(&["localhost"], &home.path(""), "own");
    Certificate::plain(&["localhost"], &home.path(""), "other");
    home.write(
        "locked.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    for (tls, expected) in [
        (
            "{ certificate: missing.pem, key: own.key }",
            "missing.pem`, which `tls` names",
        ),
        (
            "{ certificate: own.key, key: own.key }",
            "own.key`, which `tls` names, holds no certificate",
        ),
        (
            "{ certificate: own.pem, key: own.pem }",
            "own.pem`, which `tls` names, holds no private key",
        ),
        (
            "{ certificate: own.pem, key: other.key }",
            "other.key` is not the key of the first certificate in `",
        ),
        (
            "{ certificate: own.pem, key: locked.key }",
            "locked.key`, which `tls` names, is encrypted",
        ),
    ] {
        home.write("config.yaml", format!("tls: {tls}\n"));
        let (code, said, wrong) = home.run(&["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(code, 1, "{tls}: {said}{wrong}");
        assert!(wrong.contains(expected), "{tls}: {wrong}");
    }
}
