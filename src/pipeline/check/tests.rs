use super::*;
use crate::pipeline::testing::{catalog, surroundings};
use std::path::Path;

fn checked(yaml: &str) -> Result<Pipeline, Vec<Fault>> {
    check(
        "scan",
        "scan.yaml",
        yaml.as_bytes(),
        &catalog(),
        &surroundings(),
    )
}

/// The faults as people read them.
fn faults(yaml: &str) -> String {
    let faults = checked(yaml).expect_err("it has faults");
    faults
        .iter()
        .map(Fault::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_short_pipeline_has_every_default() {
    let pipeline = checked("watch: {folder: inbox}\nsteps: [{uses: repair}]\n").expect("no faults");
    assert_eq!(pipeline.watch.folder, Path::new("/nowhere/dropleaf/inbox"));
    assert_eq!(pipeline.watch.include, ["*.pdf"]);
    assert_eq!((pipeline.watch.quiet, pipeline.watch.polling), (None, None));
    assert_eq!(pipeline.watch.existing, Existing::Process);
    assert_eq!(
        pipeline.output.root,
        Path::new("/nowhere/dropleaf/outbox/scan")
    );
    assert_eq!(pipeline.output.folder, "/nowhere/dropleaf/outbox/scan");
    assert_eq!(pipeline.output.name, names::DEFAULT_OUTPUT);
    assert_eq!(pipeline.output.if_exists, IfExists::Number);
    assert_eq!(
        pipeline.original,
        Original::Archive("/nowhere/dropleaf/archive/scan".into())
    );
    assert_eq!(pipeline.failed, Path::new("/nowhere/dropleaf/failed/scan"));
    assert_eq!(
        pipeline.retry,
        Retry {
            attempts: 3,
            backoff: Duration::from_secs(5),
            max_backoff: Duration::from_secs(60)
        }
    );
    assert_eq!(pipeline.timeout, Duration::from_secs(600));
    assert_eq!(pipeline.stalled_after, Duration::from_secs(120));
    assert_eq!((pipeline.concurrency, pipeline.priority), (4, 0));
    assert_eq!(
        (pipeline.on_signed, pipeline.duplicates),
        (OnSigned::Refuse, Duplicates::Process)
    );
    assert_eq!(pipeline.revision.len(), 16);
}

#[test]
fn a_full_pipeline_says_it_all() {
    let pipeline = checked(
        r#"
description: Stamp and shrink incoming scans
watch:
  folder: ~/scans
  include: ["*.pdf", "2026/**/*.PDF"]
  exclude: ["draft-*"]
  recursive: true
  quiet: 2s
  existing: ignore
  done_file: "{name}.ok"
  polling: true
steps:
  - uses: repair
  - id: stamp
    uses: stamp/stamp-text
    if: pdf.pages > 1 and not pdf.signed
    with: { text: "{{ page }}/{{ pages }}, received {{ job.received | date('%d %b %Y') }}", position: top-right }
    timeout: 1m
  - uses: rotate
    with: { angle: "{{ steps.stamp.angle | default(0) }}" }
  - uses: rotate
    with: { angle: 90 }
    continue_on_error: true
output:
  folder: ../results/{{ now | date('%Y/%m') }}
  name: "{{ input.stem }}-{{ part.index | pad(3) }}.pdf"
  if_exists: overwrite
  receipt: true
original: {archive: originals}
failed: /srv/failed
retry: { attempts: 1, backoff: 2m }
timeout: 1h30m
stalled_after: 30s
concurrency: 1
priority: -5
on_signed: process
passwords: ["{{ env.SCAN_PASSWORD }}", plain]
duplicates: skip
allow_chain: true
"#,
    )
    .expect("no faults");
    assert_eq!(pipeline.watch.folder, Path::new("/nowhere/someone/scans"));
    assert_eq!(pipeline.output.root, Path::new("/nowhere/results"));
    assert_eq!(
        pipeline.output.folder,
        "/nowhere/results/{{ now | date('%Y/%m') }}/{{ input.folder }}"
    );
    assert_eq!(
        pipeline.original,
        Original::Archive("/nowhere/dropleaf/originals".into())
    );
    assert_eq!(pipeline.retry.max_backoff, Duration::from_secs(120));
    let ids: Vec<&str> = pipeline.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["repair", "stamp", "rotate", "rotate-2"]);
    assert_eq!(pipeline.steps[1].uses(), "stamp/stamp-text");
    assert_eq!(
        crate::pipeline::template::mentioned_env(&pipeline),
        BTreeSet::from(["SCAN_PASSWORD".to_owned()])
    );
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_text() {
    insta::assert_snapshot!(faults(
        r#"
descripton: x
watch:
  foldr: inbox
  include: "*.pdf"
  recursive: yes
  quiet: 5
steps:
  - uses: stamp-txt
    with: { text: "{{ page }}" }
  - uses: stamp-text
    id: a b
    if: "{{ pdf.pages > 1 }}"
    with: { text: "{{ job.recieved | dat }} {{ page + 1 }}", position: topright, opacity: 2, colour: red }
    timeout: 5 min
  - rotate
  - uses: rotate
    with: { pages: 1-3 }
output:
  name: "{{ input.stm }}/{{ part.index }.pdf"
  if_exist: fail
original: move
failed: ""
timeout: 0s
concurrency: 0
notify: [{ webhook: "https://example.org" }]
watch_folder: x
"#
    ), @"");
}

#[test]
fn texts_that_are_no_yaml_say_what_to_do() {
    let tests = [
        "",
        "# only a comment\n",
        "just text\n",
        "- a\n- b\n",
        "watch:\n\tfolder: inbox\n",
        "watch:\n  folder: inbox\n   recursive: true\n",
        "watch:\n  folder: inbox\n steps: []\n",
        "watch: {folder: inbox\nsteps: []\n",
        "watch:\n  folder: \"inbox\nsteps: []\n",
        "watch:\n  folder inbox\n",
        "watch: {folder: inbox}\nsteps: [{uses: repair}]\noutput:\n  name: {{ input.stem }}.pdf\n",
        "watch: {folder: inbox}\nsteps: [{uses: repair}]\noutput:\n  name: {{ input.stem }}\n",
        "watch:\n  folder: inbox\n  include: *.pdf\nsteps: [{uses: repair}]\n",
        "watch: &a {folder: inbox}\nsteps: [{uses: repair}]\noutput: *a\n",
        "watch: !!map {folder: inbox}\nsteps: []\n",
        "watch: {folder: inbox}\nwatch: {folder: outbox}\nsteps: [{uses: repair}]\n",
        "watch: {folder: inbox}\nsteps: [{uses: repair}]\n---\nwatch: {}\n",
        "base: {a: b}\nwatch:\n  <<: {folder: inbox}\n",
        "? [a, b]\n: c\n",
        "watch: {folder: inbox}\nsteps: [{uses: repair}]\ndescription: a: b\n",
        "watch: {folder: inbox}\npriority: 99999999999999999999999999\nsteps: [{uses: repair}]\n",
        "watch: {folder: inbox, ~: x}\nsteps: [{uses: repair}]\n",
        "description: 'it''s' fine\n",
        "description: \"\\q\"\n",
        "description: @x\n",
    ];
    let all: Vec<String> = tests.iter().map(|yaml| faults(yaml)).collect();
    insta::assert_snapshot!(all.join("\n"), @"");
}

#[test]
fn bytes_that_are_no_text_are_refused_at_once() {
    let check = |bytes: &[u8]| {
        check("a", "a.yaml", bytes, &catalog(), &surroundings()).expect_err("refused")[0]
            .to_string()
    };
    let all = [
        check(b"description: \xc3\xa4\n  bad: \xff\n"),
        check(b"\xff\xfew\0a\0"),
        check(b"description: \"a\0b\"\n"),
        check(b"description: \x1b[31m\n"),
        check(&vec![b' '; 50 << 20]),
    ];
    insta::assert_snapshot!(all.join("\n"), @"");
    let with_mark = "\u{feff}watch: {folder: inbox}\nsteps: [{uses: repair}]\n";
    assert!(checked(with_mark).is_ok());
}

#[test]
fn values_are_checked_with_their_meaning() {
    let with = |more: &str| {
        faults(&format!(
            "watch: {{folder: inbox}}\nsteps: [{{uses: repair}}]\n{more}\n"
        ))
    };
    let all: Vec<String> = [
        "timeout: soon",
        "timeout: [1]",
        "timeout:\n  a: 1",
        "stalled_after: 0ms",
        "retry: {backoff: 1h, max_backoff: 1m, times: 3}",
        "retry: {attempts: 0}",
        "retry: 5",
        "concurrency: 4.5",
        "concurrency: '4'",
        "priority: 1000000",
        "on_signed: refused",
        "duplicates: [skip]",
        "original: {archive: x, keep: y}",
        "original: {achive: x}",
        "original: Keep",
        "original:\n  - keep",
        "passwords: secret",
        "passwords: ['{{ pdf.title }}', '{{ env.SCAN_PASSWRD }}', '{{ steps.repair.x }}', '{{ env }}']",
        "passwords: [1234]",
        "allow_chain: on",
        "collect: {}",
        "inbox: x",
        "recursive: true",
        "output: {path: x, overwrite: true}",
        "output: outbox",
        "description: 5",
        "description: [a]",
    ]
    .iter()
    .map(|more| with(more))
    .collect();
    insta::assert_snapshot!(all.join("\n"), @"");
}

#[test]
fn folders_are_checked_with_their_meaning() {
    let all: Vec<String> = [
        "watch: {folder: }",
        "watch: {folder: ''}",
        "watch: {folder: 5}",
        "watch: {folder: /}",
        "watch: {folder: ../..}",
        "watch: {folder: .}",
        "watch: {folder: ~other/x}",
        "watch: {folder: \"in{{ now }}\"}",
        "watch: {folder: 'C:\\scans'}",
        "watch: {folder: work/x}",
        "watch: {folder: \"a\\0b\"}",
        "watch: {folder: inbox, include: []}",
        "watch: {folder: inbox, include: ['[a', '', '/x', '../*']}",
        "watch: {folder: inbox, done_file: done}",
        "watch: {folder: inbox, done_file: '{name}.{x}'}",
        "watch: {folder: inbox, done_file: '{name}'}",
        "watch: {folder: inbox, quiet: 2d}",
        "watch: inbox",
        "watch: {folder: inbox}\noutput: {folder: inbox/out}",
        "watch: {folder: inbox}\nfailed: inbox",
        "watch: {folder: inbox}\noriginal: {archive: ./inbox/done}",
        "watch: {folder: outbox}",
        "watch: {folder: data/in}\noutput: {folder: \"data/{{ pdf.author }}\"}",
        "watch: {folder: data/in, recursive: true}\noutput: {folder: data}",
        "watch: {folder: inbox}\noutput: {folder: plugins}",
        "watch: {folder: inbox}\noutput: {folder: \"{{ pdf.author }}\"}",
        "watch: {folder: inbox}\noutput: {folder: \"/{{ pdf.author }}\"}",
        "watch: {folder: inbox}\noutput: {folder: \"out/{{ pdf.author }}/../x\"}",
        "watch: {folder: inbox}\noutput: {name: 'a/b.pdf'}",
        "watch: {folder: inbox}\noutput: {name: ''}",
        "watch: {folder: inbox}\noutput: {name: '..'}",
    ]
    .iter()
    .map(|watch| faults(&format!("{watch}\nsteps: [{{uses: repair}}]\n")))
    .collect();
    insta::assert_snapshot!(all.join("\n"), @"");
}

#[test]
fn steps_are_checked_against_what_is_installed() {
    let all: Vec<String> = [
        "[]",
        "",
        "repair",
        "[repair]",
        "[{}]",
        "[{uses: }]",
        "[{uses: 5}]",
        "[{uses: rotat, with: {angle: 5}}]",
        "[{uses: page/rotate}]",
        "[{uses: pages/stamp-text}]",
        "[{uses: stamp}]",
        "[{uses: rotate}]",
        "[{uses: rotate, with: }]",
        "[{uses: rotate, with: 90}]",
        "[{uses: rotate, with: {angle: 45, pgaes: all}}]",
        "[{uses: rotate, with: {angle: '{{ steps.rotate.x }}'}}]",
        "[{uses: rotate, when: x, params: {angle: 90}}]",
        "[{uses: repair, with: {x: 1}}]",
        "[{id: a, uses: repair}, {id: a, uses: repair}]",
        "[{uses: set-metadata, with: {custom: {a: 5}, keywords: {a: b}}}]",
        "[{uses: optimize, with: {images: {max_dpi: 0, qualty: 1}}}]",
        "[{uses: merge, if: part.index > 1}]",
        "[{uses: extract-text}, {uses: repair, if: steps.extract-text.words > 1}]",
        "[{uses: repair, if: steps.later.x}, {uses: repair, id: later}]",
        "[{uses: repair, if: 'pdf.pages > 1 && pdf.signed'}]",
        "[{uses: repair, if: pdf.pages = 1}]",
        "[{uses: repair, if: \"'yes'\"}]",
        "[{uses: repair, if: yes}]",
        "[{uses: repair, if: 1}]",
        "[{uses: repair, if: ''}]",
        "[{uses: repair, if: input.name.upper() == 'X'}]",
        "[{uses: repair, if: pdf.title is eq 'x'}]",
        "[{uses: repair, timeout: 0s}]",
    ]
    .iter()
    .map(|steps| faults(&format!("watch: {{folder: inbox}}\nsteps: {steps}\n")))
    .collect();
    insta::assert_snapshot!(all.join("\n"), @"");
}

#[test]
fn places_inside_a_text_are_exact() {
    let with = |name: &str| {
        let yaml = format!(
            "watch: {{folder: inbox}}\nsteps: [{{uses: repair}}]\noutput:\n  name: {name}\n"
        );
        let fault = checked(&yaml).expect_err("a fault").remove(0);
        (fault.line, fault.column)
    };
    for (name, expected) in [
        ("a{{ x }}", (4, 13)),
        ("'a{{ x }}'", (4, 14)),
        ("'it''s {{ x }}'", (4, 19)),
        (r#""\u00e4\n\"{{ x }}""#, (4, 23)),
        (r#""ä{{ x }}""#, (4, 14)),
        ("|-\n    {{ x }}", (5, 8)),
        ("|\n    é\n\n    é{{ x }}", (7, 9)),
        (">-\n    {{ x }}", (4, 9)),
        ("a\n    {{ x }}", (4, 9)),
    ] {
        assert_eq!(with(name), expected, "{name}");
    }
}

#[test]
fn a_condition_may_be_plainly_true_or_false() {
    let pipeline = checked(
        "watch: {folder: i}\nsteps: [{uses: repair, if: false}, {uses: repair, if: pdf.pages > 1}]\n",
    );
    let conditions: Vec<Option<String>> = pipeline
        .expect("no faults")
        .steps
        .into_iter()
        .map(|step| step.condition)
        .collect();
    assert_eq!(
        conditions,
        [Some("false".to_owned()), Some("pdf.pages > 1".to_owned())]
    );
}

#[test]
fn the_revision_changes_with_the_text_and_with_the_operations() {
    let one = checked("watch: {folder: i}\nsteps: [{uses: repair}]\n").expect("no faults");
    let other = checked("watch: {folder: i}\nsteps: [{uses: repair}]\n# x\n").expect("no faults");
    let same = checked("watch: {folder: i}\nsteps: [{uses: repair}]\n").expect("no faults");
    assert_ne!(one.revision, other.revision);
    assert_eq!(one.revision, same.revision);
}

#[test]
fn a_home_with_braces_in_its_name_is_no_template() {
    let surroundings = Surroundings {
        home: "/nowhere/{{ x }}".into(),
        ..surroundings()
    };
    let yaml =
        b"watch: {folder: i}\nsteps: [{uses: repair}]\noutput: {folder: \"o/{{ input.stem }}\"}\n";
    let pipeline = check("a", "a.yaml", yaml, &catalog(), &surroundings).expect("no faults");
    assert_eq!(
        pipeline.output.folder,
        "{% raw %}/nowhere/{{ x }}/o{% endraw %}/{{ input.stem }}"
    );
}

mod never_panics;
