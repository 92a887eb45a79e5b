mod expecting;
mod kinds;
mod meaning;
mod spelling;

use super::*;
use crate::pipeline::testing::{catalog, surroundings};
use std::collections::BTreeSet;
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
notify: [{ webhook: "https://example.org/hook", when: [failed] }]
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
notify: [{ webhook: "ftp://example.org", when: [done] }]
collect: 3
watch_folder: x
"#
    ), @r###"
    scan.yaml:2:1: unknown key `descripton` (did you mean `description`?)
    scan.yaml:3:1: the key `folder` is missing in `watch` (`folder`: The inbox)
    scan.yaml:4:3: unknown key `foldr` in `watch` (did you mean `folder`?)
    scan.yaml:5:12: `include` must be a list, not the text `*.pdf` (write it as a list: [...])
    scan.yaml:6:14: `recursive` must be `true` or `false`, not the text `yes` (write `true`)
    scan.yaml:7:10: `quiet` is the number 5 without a unit (write for example `5s`, `5m` or `5h`)
    scan.yaml:9:11: `stamp-txt` is an operation that no installed plugin offers (did you mean `stamp-text`?)
    scan.yaml:12:9: `a b` cannot be the id of a step (an id has up to 64 letters (a-z, A-Z), digits, `-` and `_`)
    scan.yaml:13:10: `if` is an expression already and takes no braces (write `if: pdf.pages > 1`)
    scan.yaml:14:23: unknown variable `job.recieved` (did you mean `job.received`?)
    scan.yaml:14:38: unknown filter `dat` (did you mean `date`?)
    scan.yaml:14:48: `page` is filled in by the operation itself, which only knows it alone in its braces (write `{{ page }}`)
    scan.yaml:14:72: `position` must be `top-left`, `top-right`, `bottom-left`, `bottom-right` or `center`, not `topright` (did you mean `top-right`?)
    scan.yaml:14:91: `opacity` must be at most 1, not `2`
    scan.yaml:14:94: unknown key `colour` in `with` (did you mean `color`?)
    scan.yaml:15:14: `timeout`: `5 min` has the unknown unit `min` (write a number with its unit, for example `250ms`, `2s`, `5m` or `1h30m`)
    scan.yaml:16:5: item 3 of `steps` must be a map of keys and values, not the text `rotate` (a step starts with its operation: `- uses: rotate`)
    scan.yaml:18:5: `rotate` needs the parameter `angle`, which `with` does not give (`angle`: Clockwise, a multiple of 90)
    scan.yaml:20:9: `name` is a file name and holds no `/` (folders belong into `output.folder`, which may hold templates too)
    scan.yaml:20:40: the template cannot be read: unexpected `}`, expected `}}` (a template is for example `{{ input.stem }}`)
    scan.yaml:21:3: unknown key `if_exist` in `output` (did you mean `if_exists`?)
    scan.yaml:22:11: `original` must be `archive`, `keep`, `delete` or `{archive: folder}`, not the text `move`
    scan.yaml:23:9: `failed` is empty (write a folder, relative to the home or absolute)
    scan.yaml:24:10: `timeout` must be longer than nothing (leave the key out for the default)
    scan.yaml:25:14: `concurrency` must be at least 1, not `0` (`concurrency`: How many files of this pipeline are worked on at once)
    scan.yaml:26:21: `webhook` must begin with `https://` or `http://` (write for example `https://example.org/hook`)
    scan.yaml:26:49: item 1 of `when` must be `succeeded`, `failed` or `cancelled`, not `done`
    scan.yaml:27:1: `collect` is not built yet in this version of Dropleaf (take it out: collecting several files into one job is to come)
    scan.yaml:28:1: unknown key `watch_folder` (did you mean `watch`?)
    "###);
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
    insta::assert_snapshot!(all.join("\n"), @r###"
    scan.yaml:1:1: the file is empty (a pipeline needs at least `watch` with its `folder`, and `steps`)
    scan.yaml:1:1: the file is empty (a pipeline needs at least `watch` with its `folder`, and `steps`)
    scan.yaml:1:1: a pipeline is a map of keys and values (it starts for example with `watch:`)
    scan.yaml:1:1: a pipeline is a map of keys and values (it starts for example with `watch:`)
    scan.yaml:2:2: there is a tab here; YAML is indented with spaces only (replace the tab by spaces)
    scan.yaml:3:13: a `:` stands where YAML allows none (a text with `: ` in it needs quotes; else check the indentation of this line and the one above)
    scan.yaml:3:2: a key is expected here (keys that belong together start in the same column; check the indentation of this line and the one above)
    scan.yaml:2:6: a `,` or the closing `}` is missing
    scan.yaml:2:11: a quote is opened here and never closed (add the missing quote)
    scan.yaml:1:1: the key `steps` is missing (`steps`: What is done with each document, in this order)
    scan.yaml:2:3: `watch` must be a map of keys and values, not the text `folder inbox` (is a colon missing? `folder: inbox`)
    scan.yaml:4:25: a template is not in quotes (put the whole text in double quotes: name: "{{ input.stem }}.pdf")
    scan.yaml:4:10: a key must be plain text, not a list or a map (put a text that starts with `{` or `[`, such as a template, in double quotes)
    scan.yaml:3:12: a text that starts with `*` or `&` is not in quotes, so that YAML takes it for an alias or anchor (put the pattern in double quotes: include: ["*.pdf"])
    scan.yaml:1:8: anchors (`&name`) are not supported here (write the value out where it is needed, or put a text that starts with `&` in quotes)
    scan.yaml:3:9: aliases (`*name`) are not supported here (write the value out, or put a text that starts with `*` in quotes)
    scan.yaml:1:8: tags (`!name`) are not supported here (put a text that starts with `!` in quotes)
    scan.yaml:2:1: the key `watch` is given twice (keep one of the two)
    scan.yaml:2:17: results would lie in the inbox (/nowhere/dropleaf/outbox/scan) and be taken again (choose a folder outside the inbox)
    scan.yaml:3:1: a second document starts here (`---`) (one pipeline a file: move it into a file of its own)
    scan.yaml:3:3: merge keys (`<<`) are not supported here (write the values out)
    scan.yaml:1:3: a key must be plain text, not a list or a map (put a text that starts with `{` or `[`, such as a template, in double quotes)
    scan.yaml:3:15: a `:` stands where YAML allows none (a text with `: ` in it needs quotes; else check the indentation of this line and the one above)
    scan.yaml:2:11: the number at `priority` is too large to be read (write a smaller one, or put it in quotes if it is a text)
    scan.yaml:1:24: unknown key `~` in `watch` (known keys: folder, include, exclude, recursive, quiet, existing, done_file, polling)
    scan.yaml:1:22: there is text behind the closing quote (a double quote inside double quotes is written `\"`)
    scan.yaml:1:14: there is a `\` in double quotes that starts no known escape (write `\\` for a backslash, or use single quotes)
    scan.yaml:1:14: a text that starts with this character needs quotes (put the whole text in double quotes)
    "###);
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
    insta::assert_snapshot!(all.join("\n"), @r###"
    a.yaml:2:8: the file is not UTF-8: byte 0xff at offset 23 starts no character (save it as UTF-8 in your editor)
    a.yaml:1:1: the file is UTF-16, not UTF-8 (save it as UTF-8 in your editor)
    a.yaml:1:16: there is a NUL character here, which YAML does not allow (delete it)
    a.yaml:1:14: there is the control character U+001B here, which YAML does not allow (delete it)
    a.yaml: the file has 50.0 MiB; a pipeline may have 1 MiB (a pipeline is a short text; is this another file by mistake?)
    "###);
    let with_mark = "\u{feff}watch: {folder: inbox}\nsteps: [{uses: repair}]\n";
    assert!(checked(with_mark).is_ok());
}

/// YAML 1.1 ends a line at them, YAML 1.2 does not: behind a comment, one of the two parsers would see keys that the other has not checked.
#[test]
fn breaks_that_only_one_of_the_parsers_sees_are_refused() {
    let said = |separator: char| {
        let yaml = format!(
            "watch: {{folder: inbox}}\nsteps: [{{uses: repair}}] # old{separator}priority: &a [*a]\n"
        );
        checked(&yaml).expect_err("refused")[0].to_string()
    };
    let all = ['\u{85}', '\u{2028}', '\u{2029}'].map(said);
    insta::assert_snapshot!(all.join("\n"), @r###"
    scan.yaml:2:30: there is the control character U+0085 (next line) here: whether it ends a line depends on the version of YAML (press Enter instead, or write `\N` in a text in double quotes)
    scan.yaml:2:30: there is the line separator U+2028 here: whether it ends a line depends on the version of YAML (press Enter instead, or write `\L` in a text in double quotes)
    scan.yaml:2:30: there is the paragraph separator U+2029 here: whether it ends a line depends on the version of YAML (press Enter instead, or write `\P` in a text in double quotes)
    "###);
    let escaped = "description: \"a\\Lb\\Nc\"\nwatch: {folder: inbox}\nsteps: [{uses: repair}]\n";
    assert!(checked(escaped).is_ok());
}

#[test]
fn places_inside_a_text_are_exact() {
    let with = |name: &str| {
        let yaml = format!(
            "watch: {{folder: inbox}}\nsteps: [{{uses: repair}}]\noutput:\n  name: {name}\n"
        );
        let faults = checked(&yaml).expect_err("a fault");
        let fault = faults
            .iter()
            .find(|fault| fault.message == "unknown variable `x`");
        fault.map(|fault| (fault.line, fault.column))
    };
    for (name, expected) in [
        ("a{{ x }}", (4, 13)),
        ("'a{{ x }}'", (4, 14)),
        ("'it''s {{ x }}'", (4, 19)),
        (r#""\u00e4\"{{ x }}""#, (4, 21)),
        (r#""ä{{ x }}""#, (4, 14)),
        ("|-\n    {{ x }}", (5, 8)),
        ("|\n    é\n\n    é{{ x }}", (7, 9)),
        ("|2\n\n\n    {{ x }}", (7, 8)),
        (">-\n    {{ x }}", (5, 5)),
        ("a\n    {{ x }}", (4, 9)),
    ] {
        assert_eq!(with(name), Some(expected), "{name}");
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
fn a_whole_number_may_be_written_with_a_point() {
    let pipeline = checked(
        "watch: {folder: i}\nconcurrency: 2.0\nsteps: [{uses: rotate, with: {angle: 90.0}}]\n",
    );
    let pipeline = pipeline.expect("no faults");
    assert_eq!(pipeline.concurrency, 2);
    assert_eq!(pipeline.steps[0].with, serde_json::json!({"angle": 90}));
}

#[test]
fn windows_line_ends_and_a_missing_last_one_are_fine() {
    let yaml = "watch:\r\n  folder: inbox\r\n  x: 1\r\nsteps:\r\n  - uses: repair";
    assert_eq!(
        faults(yaml),
        "scan.yaml:3:3: unknown key `x` in `watch` (known keys: folder, include, exclude, recursive, quiet, existing, \
         done_file, polling)"
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
