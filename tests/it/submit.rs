//! Files and jobs that are named on the command line: what has been done to each of them is told, to people and to programs.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::files;
use dropleaf_test_support::{many, sample};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

const PIPELINE: &str =
    "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n";

fn home() -> TestHome {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    home.write("a.pdf", sample::pdf(1));
    home.write("b.pdf", sample::pdf(2));
    home.write("broken.pdf", b"this is not a PDF");
    home.write("empty.pdf", b"");
    home
}

/// One object a line.
fn objects(out: &str) -> Vec<Value> {
    let object = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("JSON: {out}"));
    out.lines().map(object).collect()
}

#[test]
fn nothing_is_submitted_where_a_file_cannot_be_read() {
    let home = home();
    let daemon = home.serve();
    let (code, out, errors) = home.run(&["submit", "p", "a.pdf", "none.pdf", "b.pdf", "inbox"]);
    assert_eq!((code, out.as_str()), (1, ""), "{errors}");
    for part in [
        "nothing has been submitted",
        "`none.pdf`: No such",
        "`inbox`: it is not a file",
    ] {
        assert!(errors.contains(part), "`{part}` in: {errors}");
    }
    assert!(
        !errors.contains("a.pdf") && !errors.contains("b.pdf"),
        "{errors}"
    );
    let jobs = daemon.get("/jobs").body;
    assert_eq!(jobs["total"], 0, "{jobs}");
}

#[test]
fn a_submit_that_ends_early_tells_what_has_become_of_each_file() {
    let home = home();
    let daemon = home.serve();
    let (code, out, errors) = home.run(&["submit", "p", "a.pdf", "empty.pdf", "b.pdf", "--wait"]);
    assert_eq!(code, 1, "{out}{errors}");
    assert!(
        out.contains("a.pdf -> ") && out.contains("outbox/p/a.pdf"),
        "{out}"
    );
    let taken = daemon.get("/jobs").body;
    assert_eq!(taken["total"], 1, "{taken}");
    let id = taken["jobs"][0]["id"].as_str().expect("an id");
    for part in [
        &format!("a.pdf: submitted as job {id}"),
        "empty.pdf: not submitted",
        "b.pdf: not submitted",
        "; waiting for what was submitted",
        "error: ",
    ] {
        assert!(errors.contains(part), "`{part}` in: {errors}");
    }
    let (code, out, errors) = home.run(&["submit", "p", "a.pdf", "empty.pdf", "b.pdf", "--json"]);
    assert_eq!(code, 1, "{out}{errors}");
    let told = objects(&out);
    assert_eq!(told.len(), 3, "{out}");
    assert!(told[0]["ok"] == true && told[0]["job"].is_string(), "{out}");
    assert!(
        told[1]["sent"] == false && told[1]["error"]["detail"].is_string(),
        "{out}"
    );
    assert!(
        told[2]["file"] == "b.pdf" && told[2]["sent"] == false,
        "{out}"
    );
}

#[test]
fn submit_tells_programs_how_each_file_ended() {
    let home = home();
    let _daemon = home.serve();
    let (code, out, errors) = home.run(&["submit", "p", "a.pdf", "broken.pdf", "--wait", "--json"]);
    assert_eq!(code, 4, "{out}{errors}");
    let told = objects(&out);
    assert!(
        told[0]["ok"] == true && told[0]["state"] == "succeeded",
        "{out}"
    );
    let written = told[0]["written"][0].as_str().expect("a path");
    assert!(written.ends_with("outbox/p/a.pdf"), "{out}");
    assert!(
        told[1]["ok"] == false && told[1]["state"] == "failed",
        "{out}"
    );
    assert!(told[1]["problem"]["detail"].is_string(), "{out}");
    assert_eq!(told[1]["problem"]["code"], "not-a-pdf", "{out}");
    assert_eq!(errors, "");
}

#[test]
fn jobs_are_retried_and_restored_from_the_command_line() {
    let home = home();
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let (code, out, errors) = home.run(&["submit", "p", "a.pdf", "--wait", "--json"]);
    assert_eq!(code, 0, "{out}{errors}");
    let id = objects(&out)[0]["job"].as_str().expect("an id").to_owned();
    feed.until_named("job.succeeded");
    let (code, out, errors) = home.run(&["retry", &id, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--json"]);
    assert_eq!((code, errors.as_str()), (1, ""), "{out}");
    let told = objects(&out);
    assert!(
        told[0]["ok"] == false && told[0]["error"]["status"] == 409,
        "{out}"
    );
    assert!(
        told[1]["ok"] == false && told[1]["error"]["status"] == 404,
        "{out}"
    );
    let (code, out, errors) = home.run(&["restore", &id, "--json"]);
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    let told = objects(&out);
    assert!(
        told[0]["ok"] == true && told[0]["job"] == id.as_str(),
        "{out}"
    );
    let path = told[0]["path"].as_str().expect("a path");
    assert!(path.ends_with("inbox/p/a.pdf"), "{out}");
    feed.until_named("job.succeeded");
    assert_eq!(
        files(&home.path("outbox/p")).len(),
        2,
        "it went through again"
    );
    let (_, out, _) = home.run(&["restore", &id]);
    assert!(
        out.starts_with(&format!("{id}: the original lies in /")),
        "{out}"
    );
}

#[test]
fn jobs_are_retried_and_cancelled_by_what_they_are() {
    let home = home();
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    for name in ["one.pdf", "two.pdf", "three.pdf"] {
        home.drop_file("inbox/p", name, format!("{name} is not a PDF"));
        feed.until_named("job.failed");
    }
    home.drop_file("inbox/p", "good.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    daemon.post("/pipelines/p/pause", b"{}");

    let (code, out, errors) = home.run(&["retry", "--state", "failed", "--name", "t", "--json"]);
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    let told = objects(&out);
    assert_eq!(told.len(), 2, "two.pdf and three.pdf: {out}");
    assert!(told.iter().all(|told| told["ok"] == true), "{out}");
    assert_eq!(daemon.get("/jobs?state=queued").body["total"], 2);

    let (code, out, errors) = home.run(&["cancel", "--state", "open", "--pipeline", "p"]);
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    assert_eq!(out.matches(": cancelling").count(), 2, "{out}");
    feed.until_named("job.cancelled");
    feed.until_named("job.cancelled");
    assert_eq!(daemon.get("/jobs?state=failed,succeeded").body["total"], 2);

    let (code, out, errors) = home.run(&["retry", "--state", "queued"]);
    assert_eq!((code, out.as_str(), errors.as_str()), (0, "", "no jobs\n"));
}

#[test]
fn all_that_are_meant_are_asked_however_many_they_are() {
    let home = home();
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "good.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    daemon.stop();
    many::add(&home.path(""), 1_100).expect("the journal can be written");
    let _daemon = home.serve();
    let (code, out, errors) = home.run(&["retry", "--state", "ended", "--json"]);
    assert_eq!((code, errors.as_str()), (1, ""));
    let told = objects(&out);
    let asked: HashSet<&str> = told
        .iter()
        .filter_map(|told| told["job"].as_str())
        .collect();
    assert_eq!((told.len(), asked.len()), (1_101, 1_101));
    let why = &told[1_100]["error"];
    assert_eq!(
        (&told[1_100]["ok"], &why["status"]),
        (&json!(false), &json!(409)),
        "{why}"
    );
}

#[test]
fn what_cannot_be_meant_is_said() {
    let home = home();
    let _daemon = home.serve();
    for arguments in [
        &["cancel", ""] as &[&str],
        &["retry", ""],
        &["follow", "--job", ""],
        &["submit", "", "a.pdf"],
    ] {
        let (code, _, errors) = home.run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {errors}");
        assert!(errors.contains("a value is required"), "{errors}");
    }
    for arguments in [
        &["retry"] as &[&str],
        &["cancel", "--pipeline", "p"],
        &["restore", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--state", "failed"],
        &["retry", "--state", "broken"],
    ] {
        let (code, _, errors) = home.run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {errors}");
        assert!(errors.contains("--state"), "{arguments:?}: {errors}");
    }
    for command in [&["jobs"] as &[&str], &["retry", "--state", "failed"]] {
        for as_json in [&[] as &[&str], &["--json"]] {
            let (code, out, errors) =
                home.run(&[command, &["--pipeline", "nope"], as_json].concat());
            assert_eq!((code, out.as_str()), (1, ""), "{errors}");
            assert!(errors.contains("there is no pipeline `nope`"), "{errors}");
        }
    }
    let (code, _, errors) = home.run(&["jobs", "--pipeline", "p"]);
    assert_eq!((code, errors.as_str()), (0, "no jobs\n"));
}

#[test]
fn programs_are_told_what_failed_in_a_run_by_the_daemons_words() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("turn", PIPELINE);
    home.pipeline(
        "nameless",
        &format!("{PIPELINE}output: {{ name: '{{{{ env.X | default(\"\") }}}}.pdf' }}\n"),
    );
    home.write("a.pdf", sample::pdf(1));
    let name = OsStr::from_bytes(b"b\xff.pdf");
    std::fs::write(home.path(Path::new(name)), sample::pdf(1)).expect("written");
    let run = |arguments: &[&OsStr]| {
        let output = home.command(&["run", "--json"]).args(arguments).output();
        let output = output.expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str::<serde_json::Value>(&text)
            .unwrap_or_else(|_| panic!("JSON: {output:?}"))
    };
    let told = run(&["turn", "none.pdf"].map(OsStr::new));
    assert_eq!(told["problem"]["code"], "unreadable", "{told}");
    let told = run(&["nameless", "a.pdf"].map(OsStr::new));
    assert_eq!(told["problem"]["code"], "output-name", "{told}");
    // Nobody, not even root, makes files there.
    let told = run(&["turn", "a.pdf", "-o", "/proc"].map(OsStr::new));
    assert_eq!(told["problem"]["code"], "folder-blocked", "{told}");
    let told = run(&[
        OsStr::new("turn"),
        name,
        OsStr::new("-o"),
        OsStr::new("out"),
    ]);
    assert_eq!(told["file"], "bytes:b\\xff.pdf", "{told}");
    // The names of results are texts.
    assert_eq!(told["written"][0]["path"], "out/b\u{fffd}.pdf", "{told}");
    assert!(home.path("out/b\u{fffd}.pdf").is_file());
}
