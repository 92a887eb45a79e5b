//! `dropleaf check` with the real plugins: files beside each other, and parameters that would fail every file.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;

/// The lines that `check` prints for these files, without the folder in front.
fn checked(home: &TestHome, files: &[&str]) -> (i32, Vec<String>) {
    let mut arguments = vec!["check".to_owned()];
    let path = |file: &&str| home.path(file).to_string_lossy().into_owned();
    arguments.extend(files.iter().map(path));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (code, faults, _) = home.run(&arguments);
    let name = |line: &str| {
        line.rsplit_once("/")
            .map_or(line, |(_, name)| name)
            .to_owned()
    };
    let heads = faults.lines().map(|line| match line.split_once(": ") {
        Some((place, what)) => format!("{}: {what}", name(place)),
        None => line.to_owned(),
    });
    (code, heads.collect())
}

#[test]
fn a_named_file_is_checked_beside_the_others_of_the_home() {
    const STEPS: &str = "steps: [{ uses: repair }]\n";
    let home = TestHome::new(PROGRAM);
    let pipelines = [
        ("a", "watch: { folder: in/a, recursive: true }\n"),
        ("b", "watch: { folder: in/b }\n"),
        ("z2", "watch: { folder: in/a/deep }\n"),
        ("z3", "watch: { folder: in/b }\n"),
        ("z4", "watch: { folder: in/z4 }\noutput: { folder: in/b }\n"),
    ];
    for (id, yaml) in pipelines {
        home.pipeline(id, &format!("{yaml}{STEPS}"));
    }
    let (code, all) = checked(&home, &[]);
    assert_eq!((code, all.len()), (3, 4), "{all:#?}");
    for id in ["z2", "z3", "z4"] {
        let (code, told) = checked(&home, &[&format!("pipelines/{id}.yaml")]);
        let expected: Vec<&String> = all.iter().filter(|line| line.starts_with(id)).collect();
        assert_eq!(code, 3, "{id}: {told:#?}");
        assert_eq!(told.iter().collect::<Vec<_>>(), expected, "{id}");
    }
    // Those that were there first go on.
    assert_eq!(
        checked(&home, &["pipelines/a.yaml", "pipelines/b.yaml"]),
        (0, vec![])
    );

    // A file elsewhere is checked as if it were added; one of the same name takes the other's place.
    home.write(
        "drafts/new.yaml",
        format!("watch: {{ folder: in/b }}\n{STEPS}"),
    );
    let (code, told) = checked(&home, &["drafts/new.yaml"]);
    assert_eq!((code, told.len()), (3, 2), "{told:#?}");
    assert!(
        told[0].contains("`b` already watches this folder"),
        "{told:#?}"
    );
    home.write(
        "drafts/b.yaml",
        format!("watch: {{ folder: in/b }}\n{STEPS}"),
    );
    assert_eq!(checked(&home, &["drafts/b.yaml"]), (0, vec![]));
    // A folder is a home's pipelines by itself.
    std::fs::remove_file(home.path("drafts/b.yaml")).expect("removed");
    assert_eq!(checked(&home, &["drafts"]), (0, vec![]));
}

#[test]
fn parameters_that_would_fail_every_file_are_faults() {
    let home = TestHome::new(PROGRAM);
    for (step, expected) in [
        (
            "render-pages, with: { dpi: 100, width: 50 }",
            "`width` and `dpi` exclude each other",
        ),
        ("render-pages, with: { dpi: 100 }", ""),
        ("render-pages, with: { width: 100, height: 50 }", ""),
        (
            "set-metadata, with: { title: x, remove: [title] }",
            "item 1 of `remove` must not be `title`",
        ),
        ("set-metadata, with: { title: '', remove: [Title] }", ""),
        ("set-metadata, with: { title: x, remove: [author] }", ""),
        (
            "set-metadata, with: { keywords: [a], remove: [KEYWORDS] }",
            "item 1 of `remove`",
        ),
        (
            "set-metadata, with: { custom: { Title: x } }",
            "`custom` cannot have the key `Title` (`title` is a key of its own, beside `custom`)",
        ),
        (
            "set-metadata, with: { custom: { '': x } }",
            "`custom` cannot have the key ``",
        ),
        ("set-metadata, with: { custom: { Department: x } }", ""),
        (
            "stamp-text, with: { text: ' ' }",
            "`text` must not be blank",
        ),
        (
            "stamp-text, with: { text: \"\\n\\n\" }",
            "`text` must not be blank",
        ),
        ("stamp-text, with: { text: '' }", "`text` must not be empty"),
        ("stamp-text, with: { text: '{{ page }}' }", ""),
        (
            "optimize, with: { images: 'a{{ pdf.pages }}' }",
            "`images` must be a map of keys and values, not the text",
        ),
        (
            "optimize, with: { images: '{{ steps.x.y }}' }",
            "`x` is no step before this one",
        ),
        (
            "rotate, with: { angle: 90, pages: '99999999999' }",
            "`pages` does not have the form that is needed",
        ),
        (
            "rotate, with: { angle: 90, pages: 99999999999 }",
            "`pages` must be at most 999999999",
        ),
        ("rotate, with: { angle: 90, pages: last-first }", ""),
        ("split, with: { ranges: [last-first, 10-1] }", ""),
    ] {
        home.pipeline(
            "one",
            &format!("watch: {{ folder: inbox/one }}\nsteps:\n  - {{ uses: {step} }}\n"),
        );
        let (code, told) = checked(&home, &["pipelines/one.yaml"]);
        match expected {
            "" => assert_eq!((code, told), (0, vec![]), "{step}"),
            part => {
                assert_eq!((code, told.len()), (3, 1), "{step}: {told:#?}");
                assert!(told[0].contains(part), "{step}: {told:#?}");
            }
        }
    }
}
