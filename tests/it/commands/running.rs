//! `dropleaf run`: a pipeline without a daemon.

use super::TURN;
use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::{files, wait_until};
use dropleaf_test_support::{plugins, sample};

#[test]
fn run_needs_no_daemon_and_says_what_failed() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "turn",
        "watch: { folder: inbox/turn }\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n",
    );
    home.write("good.pdf", sample::pdf(2));
    home.write("bad.pdf", b"this is not a PDF");
    let (code, said, errors) = home.run(&["run", "turn", "good.pdf", "bad.pdf", "-o", "out"]);
    assert_eq!(code, 4, "{said}{errors}");
    assert!(said.contains("out/good.pdf"), "{said}");
    assert!(
        errors.contains("bad.pdf") && errors.contains("not a PDF"),
        "{errors}"
    );
    assert_eq!(
        sample::rotations(&std::fs::read(home.path("out/good.pdf")).expect("it is there")),
        [90, 90]
    );
    let (_, said, _) = home.run(&["run", "turn", "good.pdf", "-o", "out"]);
    assert!(said.contains("good-1.pdf"), "nothing is replaced: {said}");
}

/// Names of zones are looked up where the system keeps them, which not all have.
#[test]
fn templates_have_the_time_of_the_zone_that_tz_names() {
    if !std::path::Path::new("/usr/share/zoneinfo/Asia/Tokyo").exists() {
        return;
    }
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "turn",
        "watch: { folder: inbox/turn }\nsteps: [{ uses: reverse }]\noutput: { name: \"{{ now | date('%z') }}.pdf\" }\n",
    );
    home.write("a.pdf", sample::pdf(2));
    let mut command = home.command(&["run", "turn", "a.pdf", "-o", "out"]);
    let done = command.env("TZ", "Asia/Tokyo").output().expect("it runs");
    assert!(done.status.success(), "{done:?}");
    assert!(home.path("out/+0900.pdf").is_file(), "{done:?}");
    let daemon = home.serve_by(|command| {
        command.env("TZ", "Asia/Tokyo");
    });
    home.write("inbox/turn/b.pdf", sample::pdf(2));
    let done = || home.path("outbox/turn/+0900.pdf").is_file();
    wait_until("the daemon's files have it, too", done);
    drop(daemon);
    let daemon = home.serve_by(|command| {
        command.env("TZ", "Asia/Tokio");
    });
    let log = daemon.log();
    assert!(
        log.contains("the time zone is not found") && log.contains("Asia/Tokio"),
        "{log}"
    );
}

#[test]
fn what_failed_without_a_daemon_is_told_with_what_its_operation_said_last() {
    let home = TestHome::new(PROGRAM);
    plugins::install("faulty", &home.path("plugins"));
    home.pipeline(
        "p",
        "watch: { folder: inbox/p }\nsteps: [{ uses: misbehave, with: { mode: panic } }]\n",
    );
    home.write("a\nb.pdf", sample::pdf(1));
    let (code, said, errors) = home.run(&["run", "p", "a\nb.pdf", "-o", "out"]);
    assert_eq!(code, 4, "{said}{errors}");
    assert!(errors.contains("\n  | "), "{errors}");
    assert!(!errors.contains("job's log"), "{errors}");
    assert!(
        errors.contains("a\\nb.pdf: "),
        "a name is one line: {errors}"
    );
}

#[test]
fn run_follows_links_that_are_named() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("turn", TURN);
    home.write("elsewhere/good.pdf", sample::pdf(2));
    let link = |to: &str, name: &str| {
        std::os::unix::fs::symlink(home.path(to), home.path(name)).expect("the home is writable");
    };
    link("elsewhere/good.pdf", "link.pdf");
    link("elsewhere/none.pdf", "dangling.pdf");
    let (code, said, errors) = home.run(&["run", "turn", "link.pdf", "-o", "out"]);
    assert_eq!(code, 0, "{said}{errors}");
    assert!(home.path("out/link.pdf").is_file(), "{said}");
    let (code, said, errors) = home.run(&["try", "turn", "link.pdf", "--json"]);
    assert_eq!(code, 0, "{said}{errors}");
    let told: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(told["ok"], true, "{said}");
    let (code, _, errors) = home.run(&["run", "turn", "dangling.pdf"]);
    assert_eq!(code, 4, "{errors}");
    assert!(
        errors.contains("failed to open `dangling.pdf`: No such"),
        "{errors}"
    );
}

#[test]
fn results_of_equal_names_are_numbered_in_the_order_of_the_command_line() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("turn", TURN);
    home.write("slow/a.pdf", sample::pdf(3000));
    home.write("quick/a.pdf", sample::pdf(1));
    home.write("third/a.pdf", sample::pdf(2));
    let line = ["run", "turn", "slow/a.pdf", "quick/a.pdf", "third/a.pdf"];
    let (code, said, errors) = home.run(&[&line[..], &["-o", "out", "-j", "3"]].concat());
    assert_eq!(code, 0, "{said}{errors}");
    for part in [
        "slow/a.pdf -> out/a.pdf",
        "quick/a.pdf -> out/a-1.pdf",
        "third/a.pdf -> out/a-2.pdf",
    ] {
        assert!(said.contains(part), "`{part}` in:\n{said}");
    }
}

#[test]
fn run_leaves_receipts_where_the_pipeline_asks_for_them() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("turn", &format!("{TURN}output: {{ receipt: true }}\n"));
    home.write("a.pdf", sample::pdf(2));
    home.write("out/a.pdf.json", "somebody's own");
    let (code, said, errors) = home.run(&["run", "turn", "a.pdf", "-o", "out"]);
    assert_eq!(code, 0, "{said}{errors}");
    assert!(said.contains("out/a-1.pdf"), "they keep together: {said}");
    let text = std::fs::read(home.path("out/a-1.pdf.json")).expect("it is there");
    let receipt: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(receipt["pipeline"]["id"], "turn", "{receipt}");
    assert_eq!(receipt["plugins"][0]["name"], "pages", "{receipt}");
    let hash = |name: &str| {
        let bytes = std::fs::read(home.path(name)).expect("it is there");
        blake3::hash(&bytes).to_hex().to_string()
    };
    assert_eq!(receipt["input"]["blake3"], hash("a.pdf"), "{receipt}");
    assert_eq!(
        receipt["output"]["blake3"],
        hash("out/a-1.pdf"),
        "{receipt}"
    );
    assert_eq!(files(&home.path("out")).len(), 3, "nothing else is left");
}
