//! The command line without a daemon.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::sample;

#[test]
fn check_lists_every_fault_with_its_place_and_exits_with_3() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("bad", "watch: { folder: inbox/bad, quite: 1s }\nsteps:\n  - uses: rotate\n    with: { angle: 45 }\n  - uses: nothing\n");
    let (code, faults, _) = home.run(&["check"]);
    assert_eq!(code, 3, "{faults}");
    for part in [
        "bad.yaml:1:",
        "quiet",
        "bad.yaml:4:",
        "angle",
        "bad.yaml:5:",
        "nothing",
    ] {
        assert!(faults.contains(part), "`{part}` in:\n{faults}");
    }
    assert_eq!(faults.lines().count(), 3, "one line a fault:\n{faults}");
    let (code, of_folder, _) = home.run(&["check", &home.path("pipelines").to_string_lossy()]);
    assert_eq!((code, of_folder), (3, faults));
    let (code, _, said) = home.run(&["check", &home.path("inbox").to_string_lossy()]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("there is no pipeline file"), "{said}");
}

#[test]
fn the_shipped_pipelines_have_no_faults() {
    let home = TestHome::new(PROGRAM);
    let (code, said, errors) = home.run(&["init"]);
    assert_eq!(code, 0, "{said}{errors}");
    let (code, faults, _) = home.run(&["check"]);
    assert_eq!((code, faults.as_str()), (0, ""));
}

#[test]
fn operations_are_listed_with_their_schemas() {
    let home = TestHome::new(PROGRAM);
    let (code, text, _) = home.run(&["operations", "--json"]);
    assert_eq!(code, 0);
    let operations: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let names: Vec<&str> = operations
        .as_array()
        .expect("an array")
        .iter()
        .filter_map(|operation| operation["name"].as_str())
        .collect();
    for name in [
        "rotate",
        "extract-pages",
        "delete-pages",
        "reverse",
        "split",
        "merge",
        "stamp-text",
        "set-metadata",
        "optimize",
        "extract-text",
        "repair",
        "render-pages",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    for operation in operations.as_array().expect("an array") {
        for key in [
            "name",
            "plugin",
            "summary",
            "schema",
            "examples",
            "available",
        ] {
            assert!(!operation[key].is_null(), "{key} of {operation}");
        }
    }
}

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

#[test]
fn commands_find_the_homes_daemon_and_say_when_there_is_none() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "turn",
        "watch: { folder: inbox/turn }\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n",
    );
    home.write("good.pdf", sample::pdf(2));
    home.write("bad.pdf", b"this is not a PDF");
    let (code, _, message) = home.run(&["status"]);
    assert_eq!(code, 5, "{message}");
    assert!(message.starts_with("error: no daemon answers"), "{message}");
    let daemon = home.serve();
    let (code, said, message) = home.run(&["submit", "turn", "good.pdf", "bad.pdf", "--wait"]);
    assert_eq!(code, 4, "{said}{message}");
    assert!(said.contains("outbox/turn/good.pdf"), "{said}");
    assert!(message.contains("bad.pdf: failed"), "{message}");
    let (_, said, _) = home.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let counts = &status["pipelines"][0]["jobs"];
    assert_eq!(
        (counts["succeeded"].as_u64(), counts["failed"].as_u64()),
        (Some(1), Some(1)),
        "{said}"
    );
    let (_, said, _) = home.run(&["jobs", "--state", "failed"]);
    assert!(
        said.contains("bad.pdf") && !said.contains("good.pdf"),
        "{said}"
    );
    let (_, said, _) = home.run(&["explain", "inbox/turn/bad.pdf"]);
    assert!(
        said.contains("not a PDF") && said.contains("failed/turn/bad.pdf"),
        "{said}"
    );
    assert!(daemon.stop().success());
}
