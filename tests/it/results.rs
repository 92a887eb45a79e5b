//! What the standard operations tell the steps below them stands in the docs.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::sample;
use std::collections::BTreeSet;

const ALL: &str = "watch: { folder: inbox/p, quiet: 0s }
steps:
  - uses: extract-text
  - uses: repair
  - { uses: rotate, with: { angle: 90 } }
  - uses: reverse
  - { uses: extract-pages, with: { pages: 1-3 } }
  - { uses: delete-pages, with: { pages: 1 } }
  - { uses: set-metadata, with: { title: x } }
  - { uses: stamp-text, with: { text: x } }
  - { uses: render-pages, with: { pages: 1 } }
  - { uses: optimize, with: { level: 1 } }
  - { uses: split, with: { every: 1 } }
  - uses: merge
";

#[test]
fn the_docs_list_the_results_of_each_standard_operation() {
    let docs = include_str!("../../docs/operations.md");
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", ALL);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(4));
    let done = feed.until_named("job.succeeded");
    let job = done.data["job"].as_str().expect("its id");
    let job = daemon.get(&format!("/jobs/{job}")).body;
    let steps = job["steps"].as_array().expect("its steps");
    assert_eq!(steps.len(), 12, "{job}");
    for step in steps {
        let uses = step["uses"].as_str().expect("an operation");
        let (_, name) = uses.split_once('/').expect("of a plugin");
        let told = step["results"].as_object().into_iter().flatten();
        let told: BTreeSet<&str> = told.map(|(name, _)| name.as_str()).collect();
        let mut sections = docs.split("\n## ");
        let section = sections.find(|section| section.starts_with(&format!("`{name}`\n")));
        let mut lines = section.expect("it is in the docs").lines();
        let line = lines.find_map(|line| line.strip_prefix("Results: "));
        let names = line.expect("a line of results").split('`').skip(1);
        let listed: BTreeSet<&str> = names.step_by(2).collect();
        assert_eq!(told, listed, "{name}");
    }
}

#[test]
fn a_result_that_there_is_not_is_answered_with_those_that_there_are() {
    let home = TestHome::new(PROGRAM);
    let yaml = "watch: { folder: inbox/p, quiet: 0s }
steps: [{ uses: extract-text }]
output: { name: \"{{ steps['extract-text'].words }}.pdf\" }
";
    home.pipeline("p", yaml);
    home.write("a.pdf", sample::pdf(1));
    let (code, said, errors) = home.run(&["run", "p", "a.pdf", "-o", "out"]);
    assert_eq!(code, 4, "{said}{errors}");
    assert!(
        errors.contains("`extract-text` has told `characters`, `pages`, `unknown`"),
        "{said}{errors}"
    );
}
