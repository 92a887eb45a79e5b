//! A dropped file goes all the way, and everybody can see it.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::files;
use dropleaf_test_support::sample;
use std::path::PathBuf;

const ROTATE: &str = "\
watch: { folder: inbox/turn, quiet: 0s }
steps:
  - uses: rotate
    with: { angle: 90 }
  - uses: set-metadata
    with: { title: \"{{ input.stem }} of {{ pdf.pages }} pages\" }
";

#[test]
fn a_dropped_file_comes_out_whole_and_its_original_is_archived() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("turn", ROTATE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/files/events?path=inbox/turn/a.pdf");
    home.drop_file("inbox/turn", "a.pdf", sample::pdf(3));
    let end = feed.until_named("job.succeeded");
    let names: Vec<&str> = feed
        .names()
        .into_iter()
        .filter(|name| name.contains('.') && *name != "step.progress")
        .collect();
    let expected = [
        "job.accepted",
        "job.queued",
        "job.started",
        "step.started",
        "step.finished",
        "step.started",
        "step.finished",
        "job.delivering",
        "artifact.written",
        "artifact.written",
        "job.succeeded",
    ];
    let names: Vec<&str> = names
        .into_iter()
        .filter(|name| !name.starts_with("file."))
        .collect();
    assert_eq!(names, expected);
    let output = std::fs::read(home.path("outbox/turn/a.pdf")).expect("the output is there");
    assert_eq!(sample::rotations(&output), [90, 90, 90]);
    assert!(home.path("archive/turn/a.pdf").is_file());
    assert_eq!(files(&home.path("inbox")), Vec::<PathBuf>::new());
    let job = daemon.get(&format!(
        "/jobs/{}",
        end.data["job"].as_str().expect("it names its job")
    ));
    assert_eq!(
        (
            job.body["state"].as_str(),
            job.body["parses"].as_u64(),
            job.body["saves"].as_u64()
        ),
        (Some("succeeded"), Some(1), Some(1))
    );
}

#[test]
fn one_document_in_and_several_out() {
    let home = TestHome::new(PROGRAM);
    let yaml = "watch: { folder: inbox/split, quiet: 0s }\nsteps:\n  - uses: split\n    with: { every: 2 }\n  - uses: rotate\n    with: { angle: 180 }\n";
    home.pipeline("split", yaml);
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/split/events");
    home.drop_file("inbox/split", "five.pdf", sample::pdf(5));
    feed.until_named("job.succeeded");
    let outputs = files(&home.path("outbox/split"));
    assert_eq!(
        outputs,
        ["five-1.pdf", "five-2.pdf", "five-3.pdf"].map(PathBuf::from)
    );
    let pages: Vec<usize> = outputs
        .iter()
        .map(|name| {
            sample::rotations(
                &std::fs::read(home.path("outbox/split").join(name)).expect("it is there"),
            )
            .len()
        })
        .collect();
    assert_eq!(pages, [2, 2, 1]);
}

#[test]
fn what_cannot_be_done_lies_in_failed_with_a_note_in_plain_words() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("turn", ROTATE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file(
        "inbox/turn",
        "locked.pdf",
        sample::Sample::new("locked", 2)
            .encrypted("secret", "owner")
            .bytes(),
    );
    let failed = feed.until_named("job.failed");
    assert_eq!(failed.data["problem"]["type"], "/problems/pdf-encrypted");
    let note = std::fs::read_to_string(home.path("failed/turn/locked.pdf.error.txt"))
        .expect("the note is there");
    assert!(note.contains("needs a password"), "{note}");
    assert!(home.path("failed/turn/locked.pdf").is_file());
    assert!(home.path("failed/turn/locked.pdf.error.json").is_file());
}

#[test]
fn what_a_template_says_takes_the_type_that_the_parameter_wants() {
    let home = TestHome::new(PROGRAM);
    let yaml = "watch: { folder: inbox/t, quiet: 0s }\nsteps:\n  - uses: set-metadata\n    with: { title: \"{{ pdf.pages }}\" }\n";
    home.pipeline("t", yaml);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/t", "a.pdf", sample::pdf(3));
    feed.until_named("job.succeeded");
    assert!(home.path("outbox/t/a.pdf").is_file());
}
