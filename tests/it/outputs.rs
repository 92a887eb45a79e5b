//! What becomes of results: under which names, and what is said where nothing becomes of one.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::files;
use dropleaf_test_support::sample;

/// A result that is dropped because its name is taken is no success like any other.
#[test]
fn a_result_that_is_dropped_is_told() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\noutput: { name: same.pdf, if_exists: skip, receipt: true }\n",
    );
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let first = feed.until_named("job.succeeded");
    assert_eq!(first.data["name"], "a.pdf");
    let taken = std::fs::read(home.path("outbox/p/same.pdf")).expect("delivered");
    home.drop_file("inbox/p", "b.pdf", sample::pdf(2));
    let warned = feed.until_named("job.warned");
    assert_eq!(warned.data["code"], "output-skipped", "{}", warned.data);
    let said = warned.data["message"].as_str().unwrap_or_default();
    assert!(
        said.contains("outbox/p/same.pdf` was there already") && said.contains("`if_exists: skip`"),
        "{said}"
    );
    let end = feed.until_named("job.succeeded");
    let job = end.data["job"].as_str().expect("it names its job");
    let warnings = daemon.get(&format!("/jobs/{job}")).body["warnings"].clone();
    assert_eq!(warnings.as_array().map(Vec::len), Some(1), "{warnings}");
    let left = std::fs::read(home.path("outbox/p/same.pdf")).expect("there");
    assert!(left == taken, "it is the first one's");
}

/// A job's files of one name are numbered among themselves, so that those of an earlier run are replaced one by one.
#[test]
fn overwriting_leaves_no_mixture_of_runs() {
    let home = TestHome::new(PROGRAM);
    let yaml = r#"
watch: { folder: inbox/p, quiet: 0s }
steps: [{ uses: split, with: { every: 1 } }, { uses: extract-text }]
output: { name: "{{ part.index | pad(3) }}.pdf", if_exists: overwrite, folder: "outbox/p/{{ input.stem | slug }}" }
"#;
    home.pipeline("p", yaml);
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    let mut outputs = |pdf: Vec<u8>| {
        home.drop_file("inbox/p", "z.pdf", pdf);
        feed.until_named("job.succeeded");
        let folder = home.path("outbox/p/z");
        let read = |name| (std::fs::read(folder.join(&name)).expect("whole"), name);
        files(&folder).into_iter().map(read).collect::<Vec<_>>()
    };
    let first = outputs(sample::pdf(3));
    let second = outputs(sample::Sample::new("another", 3).bytes());
    assert_eq!(first.len(), 6, "three documents, three texts");
    assert_eq!(second.len(), 6, "each replaced");
    for ((one, path), (two, again)) in first.iter().zip(&second) {
        assert_eq!(path, again);
        assert_ne!(one, two, "`{}` is the second run's", path.display());
    }
}

/// Files of one job that want one name are told apart, and its receipts with them, whatever is to become of earlier files.
#[test]
fn the_files_of_one_job_do_not_take_each_others_names() {
    let home = TestHome::new(PROGRAM);
    let rules = ["number", "overwrite", "skip", "fail"];
    for rule in rules {
        let yaml = format!(
            "watch: {{ folder: inbox/{rule}, quiet: 0s }}\nsteps: [{{ uses: split, with: {{ every: 1 }} }}, {{ uses: extract-text, with: {{ format: json }} }}]\noutput: {{ name: \"{{{{ input.stem }}}}\", if_exists: {rule}, receipt: true }}\n"
        );
        home.pipeline(rule, &yaml);
    }
    let daemon = home.serve();
    for rule in rules {
        let mut feed = daemon.follow(&format!("/pipelines/{rule}/events"));
        home.drop_file(&format!("inbox/{rule}"), "s.pdf", sample::pdf(2));
        let end = feed.until(|event| event.name == "job.succeeded" || event.name == "job.failed");
        assert_eq!(end.name, "job.succeeded", "{rule}: {}", end.data);
        let job = end.data["job"].as_str().expect("it names its job");
        let seen = daemon.get(&format!("/jobs/{job}")).body;
        let told = seen["artifacts"].as_array().expect("a list");
        let mut told: Vec<&str> = told
            .iter()
            .filter(|artifact| artifact["kind"] != "original")
            .filter_map(|artifact| artifact["path"].as_str())
            .collect();
        told.sort_unstable();
        let folder = home.path(format!("outbox/{rule}"));
        let there = files(&folder);
        assert_eq!(there.len(), 6, "{rule}: two of each kind, {there:?}");
        assert_eq!(told.len(), 6, "{rule}: {told:?}");
        told.dedup();
        assert_eq!(told.len(), 6, "{rule}: {told:?}");
    }
}

/// Documents that wait are put away where memory is short, and what comes out is the same.
#[test]
fn many_documents_of_one_need_no_more_memory_than_there_is() {
    let home = TestHome::new(PROGRAM);
    // A quarter of it is less than any worker has, so that all are put away.
    home.write("config.yaml", "worker_memory_mb: 64\n");
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: split, with: { every: 1 } }, { uses: rotate, with: { angle: 90 } }]\n",
    );
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "z.pdf", sample::pdf(40));
    let delivering = feed.until_named("job.delivering");
    let (parses, saves) = (&delivering.data["parses"], &delivering.data["saves"]);
    // The whole, each part for the step and for the save; each part after the split and after the step.
    assert!(
        parses.as_u64() > Some(40) && saves.as_u64() > Some(40),
        "{}",
        delivering.data
    );
    feed.until_named("job.succeeded");
    let there = files(&home.path("outbox/p"));
    assert_eq!(there.len(), 40);
    for number in 1..=40 {
        let path = home.path(format!("outbox/p/z-{number}.pdf"));
        let pdf = std::fs::read(&path).expect("delivered");
        let expected = format!("sample page {number} of 40");
        assert_eq!(sample::texts(&pdf), [expected]);
        assert_eq!(sample::rotations(&pdf), [90]);
    }
}

/// What a step that was skipped or that failed would have told can be given a default, or be asked for.
#[test]
fn what_a_skipped_step_has_not_told_can_have_a_default() {
    let home = TestHome::new(PROGRAM);
    let yaml = r#"
watch: { folder: inbox/p, quiet: 0s }
steps:
  - { id: text, uses: extract-text, if: pdf.pages > 100 }
  - { id: never, uses: extract-pages, with: { pages: "900" }, continue_on_error: true }
  - uses: set-metadata
    with: { title: "{{ steps.text.words | default('none') }} {{ steps['never'].x | default('nothing') }}" }
  - { uses: rotate, with: { angle: 90 }, if: steps.text.words is defined }
output: { name: "{{ steps.text.words | default('none') }}.pdf" }
"#;
    home.pipeline("p", yaml);
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let end = feed.until(|event| event.name == "job.succeeded" || event.name == "job.failed");
    assert_eq!(end.name, "job.succeeded", "{}", end.data);
    assert!(home.path("outbox/p/none.pdf").is_file());
}

/// A name of as many bytes as a file system takes leaves no room for a number, and a folder below the inbox may be called by anything.
#[test]
fn names_that_leave_no_room_are_made_to_fit() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s, recursive: true }\nsteps: [{ uses: split, with: { every: 1 } }]\n",
    );
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    let stem = "\u{e9}".repeat(125);
    let path = home.path("inbox/p").join(format!("{stem}x.pdf"));
    std::fs::write(path, sample::pdf(2)).expect("a name that is just not too long");
    let end = feed.until(|event| event.name == "job.succeeded" || event.name == "job.failed");
    assert_eq!(end.name, "job.succeeded", "{}", end.data);
    let stem = "\u{e9}".repeat(124);
    for number in [1, 2] {
        let name = format!("{stem}-{number}.pdf");
        assert!(home.path("outbox/p").join(&name).is_file(), "{name}");
    }
    home.drop_file("inbox/p/line\nfeed", "b.pdf", sample::pdf(1));
    let end = feed.until(|event| event.name == "job.succeeded" || event.name == "job.failed");
    assert_eq!(end.name, "job.succeeded", "{}", end.data);
    assert!(home.path("outbox/p/line_feed/b.pdf").is_file());
}

/// What lies in the archive, the outbox or the failed folder is known, too, by its job.
#[test]
fn explain_tells_which_job_put_a_file_there() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "settling: { not_pdf_seconds: 0 }\n");
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let done = feed.until_named("job.succeeded");
    home.drop_file("inbox/p", "bad.pdf", "no PDF");
    let failed = feed.until_named("job.failed");
    for (path, job, parts) in [
        (
            "archive/p/a.pdf",
            &done,
            ["the original of", "it succeeded at"],
        ),
        ("outbox/p/a.pdf", &done, ["a result of", "it succeeded at"]),
        (
            "failed/p/bad.pdf",
            &failed,
            ["the original of", "it failed"],
        ),
    ] {
        let file = home.path(path);
        assert!(file.is_file(), "{path}");
        let told = daemon
            .get(&format!("/files/explain?path={}", file.display()))
            .body;
        assert_eq!(told["job"], job.data["job"], "{path}: {told}");
        let first = told["chain"][0]["text"].to_string();
        assert!(first.contains("put it here"), "{path}: {told}");
        let said = told["chain"].to_string();
        assert!(
            parts.iter().all(|part| said.contains(part)),
            "{path}: {said}"
        );
    }
    home.drop_file("inbox/p", "a.pdf", sample::pdf(2));
    feed.until_named("job.succeeded");
    let told = daemon.get(&format!(
        "/files/explain?path={}",
        home.path("inbox/p/a.pdf").display()
    ));
    let said = told.body["chain"].to_string();
    assert!(said.contains("an earlier job was about"), "{said}");
    let told = daemon.get(&format!(
        "/files/explain?path={}",
        home.path("outbox/p/nobodys.pdf").display()
    ));
    assert_eq!(told.body["job"], serde_json::Value::Null, "{}", told.body);
}
