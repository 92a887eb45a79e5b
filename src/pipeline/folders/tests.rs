use super::*;
use crate::pipeline::check::check;
use crate::pipeline::surroundings::Surroundings;
use crate::pipeline::testing::{catalog, surroundings};

fn pipeline(id: &str, yaml: &str) -> Pipeline {
    checked(id, yaml, &surroundings())
}

fn checked(id: &str, yaml: &str, surroundings: &Surroundings) -> Pipeline {
    let text = format!("{yaml}\nsteps: [{{uses: repair}}]\n");
    match check(id, "x.yaml", text.as_bytes(), &catalog(), surroundings) {
        Ok(pipeline) => pipeline,
        Err(faults) => panic!("{id}: {faults:?}"),
    }
}

fn says(pipelines: &[Pipeline]) -> String {
    let files: Vec<String> = pipelines
        .iter()
        .map(|pipeline| format!("{}.yaml", pipeline.id))
        .collect();
    let entries: Vec<Entry<'_>> = pipelines
        .iter()
        .zip(&files)
        .map(|(pipeline, file)| Entry { pipeline, file })
        .collect();
    let faults = folders(&entries);
    faults
        .iter()
        .map(|(id, fault)| format!("[{id}] {fault}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn pipelines_that_keep_apart_go_together() {
    let all = [
        pipeline("a", "watch: {folder: inbox/a}"),
        pipeline("b", "watch: {folder: inbox/b}"),
        // Not recursive, so that `a` does not see these.
        pipeline("c", "watch: {folder: inbox/a/c}"),
        pipeline(
            "d",
            "watch: {folder: inbox/d}\noutput: {folder: inbox/b}\nallow_chain: true",
        ),
    ];
    assert_eq!(says(&all), "");
}

#[test]
fn every_clash_is_told_at_the_later_one() {
    let tests: [&[(&str, &str)]; 9] = [
        &[
            ("a", "watch: {folder: in}"),
            ("b", "watch: {folder: ./in/}"),
        ],
        &[
            ("a", "watch: {folder: in, recursive: true}"),
            ("b", "watch: {folder: in/b}"),
        ],
        &[
            ("a", "watch: {folder: in/a}"),
            ("b", "watch: {folder: in, recursive: true}"),
        ],
        &[
            ("a", "watch: {folder: in}"),
            ("b", "watch: {folder: x}\noutput: {folder: in/b}"),
        ],
        &[
            ("a", "watch: {folder: x}\noutput: {folder: in}"),
            ("b", "watch: {folder: in}"),
        ],
        &[
            ("a", "watch: {folder: in}"),
            ("b", "watch: {folder: x}\noriginal: {archive: in}"),
        ],
        &[
            ("a", "watch: {folder: in/a}"),
            (
                "b",
                "watch: {folder: x}\noutput: {folder: \"in/{{ pdf.author }}\"}",
            ),
        ],
        &[
            (
                "a",
                "watch: {folder: in/a}\noutput: {folder: in/b}\nallow_chain: true",
            ),
            (
                "b",
                "watch: {folder: in/b}\noutput: {folder: in/c}\nallow_chain: true",
            ),
            (
                "c",
                "watch: {folder: in/c}\nfailed: in/a\nallow_chain: true",
            ),
        ],
        &[
            ("a", "watch: {folder: in}"),
            ("b", "watch: {folder: outbox/a}"),
        ],
    ];
    let all: Vec<String> = tests
        .iter()
        .map(|set| {
            says(
                &set.iter()
                    .map(|(id, yaml)| pipeline(id, yaml))
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"), @r###"
    [b] b.yaml:1:17: the pipeline `a` already watches this folder (every file has one pipeline: give each an inbox of its own)
    [b] b.yaml:1:17: this folder lies in the inbox of the pipeline `a`, which takes files from folders below too (every file has one pipeline: give each an inbox of its own)
    [b] b.yaml:1:17: the inbox of the pipeline `a` lies below this folder, whose folders are watched too (`recursive`) (every file has one pipeline: give each an inbox of its own)
    [b] b.yaml:2:18: results of this pipeline (/nowhere/dropleaf/in/b) would come into the inbox of the pipeline `a` (write `allow_chain: true` if that is meant)
    [b] b.yaml:1:17: results of the pipeline `a` (/nowhere/dropleaf/in) would come into this inbox (write `allow_chain: true` into `a.yaml` if that is meant)
    [b] b.yaml:2:11: originals of this pipeline (/nowhere/dropleaf/in) would come into the inbox of the pipeline `a` (write `allow_chain: true` if that is meant)
    [b] b.yaml:2:18: results of this pipeline (/nowhere/dropleaf/in) would come into the inbox of the pipeline `a` (write `allow_chain: true` if that is meant)
    [c] c.yaml:1:17: the chain c -> a -> b -> c never ends (let one of them put its files elsewhere)
    [b] b.yaml:1:17: results of the pipeline `a` (/nowhere/dropleaf/outbox/a) would come into this inbox (write `allow_chain: true` into `a.yaml` if that is meant)
    "###);
}

#[test]
fn whoever_shares_an_inbox_with_many_is_told_once() {
    let all = ["a", "b", "c", "d"].map(|id| pipeline(id, "watch: {folder: in}"));
    let said = says(&all);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    for (line, id) in lines.iter().zip(["b", "c", "d"]) {
        let expected = format!("[{id}] {id}.yaml:1:17: the pipeline `a` already watches");
        assert!(line.starts_with(&expected), "{line}");
    }
}

#[test]
fn symbolic_links_are_seen_through() {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(home.path().join("real/in")).expect("a folder");
    std::os::unix::fs::symlink(home.path().join("real"), home.path().join("link")).expect("a link");
    let surroundings = Surroundings {
        home: home.path().to_path_buf(),
        ..surroundings()
    };
    let all = [
        checked("a", "watch: {folder: real/in}", &surroundings),
        checked("b", "watch: {folder: link/in}", &surroundings),
    ];
    assert!(
        says(&all).contains("already watches this folder"),
        "{}",
        says(&all)
    );
    let yaml =
        b"watch: {folder: link/in}\nsteps: [{uses: repair}]\noutput: {folder: real/in/new/deep}\n";
    let faults = check("c", "c.yaml", yaml, &catalog(), &surroundings).expect_err("a loop");
    assert!(
        faults[0]
            .message
            .starts_with("results would lie in the inbox"),
        "{faults:?}"
    );
}
