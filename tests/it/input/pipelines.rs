//! Pipeline files with mistakes: every one is refused with its place, and everything else goes on.

use crate::PROGRAM;
use crate::input::{GOOD, still_works};
use dropleaf_test_support::daemon::TestHome;

/// A file's name, its bytes, and what must be said about it.
fn table() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let before = vec![format!("*a{}", level - 1); 9].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    let deep = format!("watch: {}{}\n", "[".repeat(50_000), "]".repeat(50_000));
    vec![
        (
            "huge",
            b"# padding padding padding padding\n".repeat(1_500_000),
            "a pipeline may have 1 MiB",
        ),
        (
            "laughs",
            laughs.into_bytes(),
            "aliases (`*name`) are not supported",
        ),
        (
            "latin",
            b"description: Gr\xf6\xdfe\n".to_vec(),
            "latin.yaml:1:16: the file is not UTF-8",
        ),
        ("wide", b"\xff\xfew\0a\0t\0c\0h\0".to_vec(), "UTF-16"),
        ("binary", b"GIF8\0\x01".to_vec(), "a NUL character"),
        ("empty", Vec::new(), "the file is empty"),
        ("list", text("- a\n- b\n"), "a pipeline is a map"),
        (
            "tab",
            text("watch:\n\tfolder: x\n"),
            "tab.yaml:2:2: there is a tab here",
        ),
        (
            "open",
            text("watch: { folder: inbox/u\nsteps: []\n"),
            "closing `}` is missing",
        ),
        ("deep", deep.into_bytes(), "nested too deeply"),
        (
            "twice",
            text("watch: { folder: a }\nwatch: { folder: b }\n"),
            "twice.yaml:2:1: the key `watch` is given twice",
        ),
        (
            "typo",
            text("wacth: { folder: inbox/t }\nsteps: [{ uses: revrese }]\n"),
            "did you mean `watch`?",
        ),
        (
            "operation",
            text("watch: { folder: inbox/o }\nsteps: [{ uses: revrese }]\n"),
            "did you mean `reverse`?",
        ),
        (
            "angle",
            text("watch: { folder: inbox/a }\nsteps: [{ uses: rotate, with: { angle: 91 } }]\n"),
            "a multiple of 90",
        ),
        (
            "variable",
            text("watch: { folder: inbox/v }\nsteps: [{ uses: reverse, if: pdf.pagse > 1 }]\n"),
            "did you mean `pdf.pages`?",
        ),
        (
            "loop",
            text(
                "watch: { folder: inbox/l }\nsteps: [{ uses: reverse }]\noutput: { folder: inbox/l/out }\n",
            ),
            "outside the inbox",
        ),
        (
            "feeds",
            text(
                "watch: { folder: inbox/f }\nsteps: [{ uses: reverse }]\noutput: { folder: inbox/good }\n",
            ),
            "allow_chain",
        ),
    ]
}

#[test]
fn every_bad_pipeline_file_is_refused_with_its_place_and_the_rest_goes_on() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("good", GOOD);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let table = table();
    for (id, bytes, _) in &table {
        home.write(&format!("pipelines/{id}.yaml"), bytes);
    }
    // A pipe would block whoever opens it.
    let pipe = std::process::Command::new("mkfifo")
        .arg(home.path("pipelines/pipe.yaml"))
        .status();
    let pipe =
        pipe.is_ok_and(|made| made.success())
            .then_some(("pipe", Vec::new(), "not a regular file"));
    let expected: Vec<_> = table.into_iter().chain(pipe).collect();
    for (id, _, text) in &expected {
        let said = |event: &dropleaf_test_support::feed::Event| {
            event.name == "pipeline.invalid"
                && event.data["pipeline"] == *id
                && event.data["faults"].to_string().contains(text)
        };
        if !feed.seen().iter().any(said) {
            feed.until(said);
        }
    }
    let list = daemon.get("/pipelines");
    let listed = list.body["pipelines"].as_array().expect("a list");
    assert_eq!(listed.len(), expected.len() + 1);
    for pipeline in listed {
        let faulty = pipeline["faults"]
            .as_array()
            .is_some_and(|faults| !faults.is_empty());
        assert_eq!(faulty, pipeline["id"] != "good", "{pipeline}");
    }
    let (code, said, _) = home.run(&["check"]);
    assert_eq!(code, 3);
    for (id, _, text) in expected.iter().filter(|(id, ..)| *id != "feeds") {
        let line = said
            .lines()
            .find(|line| line.contains(&format!("/{id}.yaml")) && line.contains(text));
        assert!(line.is_some(), "{id}: {said}");
    }
    still_works(&home, &daemon, "a.pdf");
}
