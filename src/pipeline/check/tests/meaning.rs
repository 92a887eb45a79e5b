//! Values, folders and steps that are well written and wrong.

use super::*;

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
        "passwords: [1234, 1e5, 0x1F, true]",
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
    insta::assert_snapshot!(all.join("\n"), @r###"
    scan.yaml:3:10: `timeout`: `soon` is not a duration (write a number with its unit, for example `250ms`, `2s`, `5m` or `1h30m`)
    scan.yaml:3:10: `timeout` must be a text, not a list (write a number with its unit, for example `250ms`, `2s`, `5m` or `1h30m`)
    scan.yaml:4:3: `timeout` must be a text, not a map (write a number with its unit, for example `250ms`, `2s`, `5m` or `1h30m`)
    scan.yaml:3:16: `stalled_after` must be longer than nothing (leave the key out for the default)
    scan.yaml:3:35: `max_backoff` (1m) is shorter than `backoff` (1h)
    scan.yaml:3:39: unknown key `times` in `retry` (this is called `attempts` here)
    scan.yaml:3:19: `attempts` must be at least 1, not `0` (`attempts`: Attempts in all; 1 tries once)
    scan.yaml:3:8: `retry` must be a map of keys and values, not the number 5 (its keys are: attempts, backoff, max_backoff)
    scan.yaml:3:14: `concurrency` must be a whole number, not the number 4.5 (`concurrency`: How many files of this pipeline are worked on at once)
    scan.yaml:3:14: `concurrency` must be a whole number, not the text `4` (write it without quotes: 4)
    scan.yaml:3:11: `priority` must be at most 1000, not `1000000` (`priority`: Files of pipelines with a higher priority go first)
    scan.yaml:3:12: `on_signed` must be `refuse` or `process`, not `refused` (did you mean `refuse`?)
    scan.yaml:3:13: `duplicates` must be `process`, `skip` or `fail`, not `["skip"]` (`duplicates`: What is done about a file with the same content as that of a job that succeeded or is still open)
    scan.yaml:3:24: unknown key `keep` in `original` (known keys: archive)
    scan.yaml:3:1: the key `archive` is missing in `original` (`archive`: The folder for originals)
    scan.yaml:3:12: unknown key `achive` in `original` (did you mean `archive`?)
    scan.yaml:3:11: `original` must be `archive`, `keep`, `delete` or `{archive: folder}`, not the text `Keep` (did you mean `keep`?)
    scan.yaml:4:3: `original` must be `archive`, `keep`, `delete` or `{archive: folder}`, not a list
    scan.yaml:3:12: `passwords` must be a list, not the text `secret` (write it as a list: [...])
    scan.yaml:3:17: `pdf` is not known here: passwords are tried before the document is open
    scan.yaml:3:36: the environment variable `SCAN_PASSWRD` is not set (set it for the daemon, or write `env.SCAN_PASSWRD | default('')`)
    scan.yaml:3:62: `steps` is not known here: passwords are tried before the document is open
    scan.yaml:3:86: `env` must be followed by the name of one variable (for example `env.SCAN_PASSWORD`)
    scan.yaml:3:13: item 1 of `passwords` must be a text, not the number 1234 (put it in quotes: "1234")
    scan.yaml:3:19: item 2 of `passwords` must be a text, not the number 100000.0 (put it in quotes: "1e5")
    scan.yaml:3:24: item 3 of `passwords` must be a text, not the number 31 (put it in quotes: "0x1F")
    scan.yaml:3:30: item 4 of `passwords` must be a text, not `true` (put it in quotes: "true")
    scan.yaml:3:14: `allow_chain` must be `true` or `false`, not the text `on` (write `true`)
    scan.yaml:3:1: `collect` is not built yet in this version of Dropleaf (take it out: collecting several files into one job is to come)
    scan.yaml:3:1: unknown key `inbox` (this is called `watch` here)
    scan.yaml:3:1: unknown key `recursive` (`recursive` belongs into `watch`)
    scan.yaml:3:10: unknown key `path` in `output` (this is called `folder` here)
    scan.yaml:3:19: unknown key `overwrite` in `output` (this is called `if_exists` here)
    scan.yaml:3:9: `output` must be a map of keys and values, not the text `outbox` (its keys are: folder, name, if_exists, receipt)
    scan.yaml:3:14: `description` must be a text, not the number 5 (put it in quotes: "5")
    scan.yaml:3:14: `description` must be a text, not a list (`description`: What the pipeline does, for people)
    "###);
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
        "watch: {folder: inbox, done_file: '{name}.{stem}'}",
        "watch: {folder: inbox, done_file: '{stem}.PDF'}",
        "watch: {folder: inbox, include: ['*.{pdf,tif}'], done_file: '{stem}.tif'}",
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
    insta::assert_snapshot!(all.join("\n"), @r###"
    scan.yaml:1:9: `folder` is empty; it must be a text (`folder`: The inbox)
    scan.yaml:1:17: `folder` is empty (write a folder, relative to the home or absolute)
    scan.yaml:1:17: `folder` must be a text, not the number 5 (put it in quotes: "5")
    scan.yaml:1:17: `folder` is the root of the file system (name a folder below it)
    scan.yaml:1:17: `folder` is the root of the file system (name a folder below it)
    scan.yaml:1:17: the inbox is the home of Dropleaf, or lies above it (name a folder inside it, for example `inbox/scans`)
    scan.yaml:1:17: `folder` names another user's home (only `~/...` works; write the absolute folder)
    scan.yaml:1:17: `folder` is one fixed folder and takes no template (only `output.folder`, `output.name`, `passwords` and the texts of `with` may hold templates)
    scan.yaml:1:17: `folder` holds a `\` (folders are separated by `/`)
    scan.yaml:1:17: the inbox lies in Dropleaf's own folder `work` (name another folder, for example `inbox/scans`)
    scan.yaml:1:17: `folder` holds a control character
    scan.yaml:1:33: `include` must not be empty (`include`: Patterns of the file names to take, without regard to case)
    scan.yaml:1:34: `[a` is not a pattern: unclosed character class; missing ']' (`*` stands for any characters, `?` for one, `[a-z]` for one of these, `{a,b}` for one or the other)
    scan.yaml:1:40: this pattern is empty (a pattern is for example `*.pdf`)
    scan.yaml:1:50: the pattern `../*` leads out of the inbox (patterns are held against names and paths below the inbox)
    scan.yaml:1:35: `done_file` must hold `{name}` or `{stem}`, so that each file has its own (for example "{name}.ok" for `scan.pdf.ok` or "{stem}.ok" for `scan.ok`)
    scan.yaml:1:35: `done_file` may only hold `{name}` and `{stem}` in braces (for example "{name}.ok" for `scan.pdf.ok` or "{stem}.ok" for `scan.ok`)
    scan.yaml:1:35: `done_file` is the file itself (for example "{name}.ok" for `scan.pdf.ok` or "{stem}.ok" for `scan.ok`)
    scan.yaml:1:35: `done_file` may hold `{name}` or `{stem}` only once (for example "{name}.ok" for `scan.pdf.ok` or "{stem}.ok" for `scan.ok`)
    scan.yaml:1:35: `done_file` is the file itself (for example "{name}.ok" for `scan.pdf.ok` or "{stem}.ok" for `scan.ok`)
    scan.yaml:1:61: `done_file` is the file itself (for example "{name}.ok" for `scan.pdf.ok` or "{stem}.ok" for `scan.ok`)
    scan.yaml:1:31: `quiet` is longer than a day
    scan.yaml:1:8: `watch` must be a map of keys and values, not the text `inbox` (its keys are: folder, include, exclude, recursive, quiet, existing, done_file, polling)
    scan.yaml:2:18: results would lie in the inbox (/nowhere/dropleaf/inbox/out) and be taken again (choose a folder outside the inbox)
    scan.yaml:2:9: failed originals would lie in the inbox (/nowhere/dropleaf/inbox) and be taken again (choose a folder outside the inbox)
    scan.yaml:2:21: originals would lie in the inbox (/nowhere/dropleaf/inbox/done) and be taken again (choose a folder outside the inbox)
    scan.yaml:1:17: results would lie in the inbox (/nowhere/dropleaf/outbox/scan) and be taken again (choose a folder outside the inbox)
    scan.yaml:2:18: results could come to lie in the inbox, which is below their folder (/nowhere/dropleaf/data) (choose a folder that the inbox does not lie in)
    scan.yaml:2:18: results could come to lie in the inbox, which is below their folder (/nowhere/dropleaf/data) (choose a folder that the inbox does not lie in)
    scan.yaml:2:18: results would lie in Dropleaf's own folder `plugins` (choose another folder)
    scan.yaml:2:18: the first part of `folder` cannot be a template: the outbox needs a fixed place (for example `outbox/{{ job.pipeline }}`)
    scan.yaml:2:18: the first part of `folder` cannot be a template: the outbox needs a fixed place (for example `outbox/{{ job.pipeline }}`)
    scan.yaml:2:18: `folder` holds `..` behind a template (results never leave the outbox)
    scan.yaml:2:16: `name` is a file name and holds no `/` (folders belong into `output.folder`, which may hold templates too)
    scan.yaml:2:16: `name` is empty (leave the key out to keep the input's name)
    scan.yaml:2:16: `name` is `..`, which is a folder and not a file (leave the key out to keep the input's name)
    "###);
}

#[test]
fn a_name_that_no_file_may_have_is_told_why() {
    let told = faults(&format!(
        "watch: {{folder: inbox}}\noutput: {{name: {}}}\nsteps: [{{uses: repair}}]\n",
        "ä".repeat(130)
    ));
    assert_eq!(
        told.trim_end(),
        "scan.yaml:2:16: `name` has 260 bytes, more than a file's name may have (take one of at most 255; a letter with an accent has two)"
    );
}

#[test]
fn parameters_that_exclude_each_other_are_named() {
    for (with, expected) in [
        (
            "{}",
            "2:23: `split` needs the parameter `every` or `ranges`, which `with` does not give",
        ),
        (
            "{every: 2, ranges: ['1']}",
            "2:29: `with` has `every` and `ranges`, which exclude each other (keep only `every` (Pages in each part) or `ranges`)",
        ),
    ] {
        let told = faults(&format!(
            "watch: {folder}\nsteps: [{{uses: split, with: {with}}}]\n",
            folder = "{folder: inbox}"
        ));
        assert_eq!(told.trim_end(), format!("scan.yaml:{expected}"), "{with}");
    }
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
    insta::assert_snapshot!(all.join("\n"), @r###"
    scan.yaml:2:8: `steps` must not be empty (`steps`: What is done with each document, in this order)
    scan.yaml:2:1: `steps` is empty; it must be a list (`steps`: What is done with each document, in this order)
    scan.yaml:2:8: `steps` must be a list, not the text `repair` (write it as a list: [...])
    scan.yaml:2:9: item 1 of `steps` must be a map of keys and values, not the text `repair` (a step starts with its operation: `- uses: rotate`)
    scan.yaml:2:9: the key `uses` is missing in item 1 of `steps` (`uses`: The operation: `rotate`, or `plugin/operation` where two plugins offer it)
    scan.yaml:2:10: `uses` is empty; it must be a text (`uses`: The operation: `rotate`, or `plugin/operation` where two plugins offer it)
    scan.yaml:2:16: `uses` must be a text, not the number 5 (put it in quotes: "5")
    scan.yaml:2:16: `rotat` is an operation that no installed plugin offers (did you mean `rotate`?)
    scan.yaml:2:16: `page/rotate` names a plugin that is not installed (did you mean `pages`?)
    scan.yaml:2:16: `pages/stamp-text` names an operation that this plugin does not offer (did you mean `stamp/stamp-text`?)
    scan.yaml:2:16: `stamp` is an operation that no installed plugin offers (did you mean `stamp-text`?)
    scan.yaml:2:9: `rotate` needs the parameter `angle`, which `with` does not give (`angle`: Clockwise, a multiple of 90)
    scan.yaml:2:24: `rotate` needs the parameter `angle`, which `with` does not give (`angle`: Clockwise, a multiple of 90)
    scan.yaml:2:30: `with` must be a map of keys and values, not the number 90 (`with`: The operation's parameters; texts may hold templates)
    scan.yaml:2:38: `angle` must be a multiple of 90, not `45` (`angle`: Clockwise, a multiple of 90)
    scan.yaml:2:42: unknown key `pgaes` in `with` (did you mean `pages`?)
    scan.yaml:2:42: the step `rotate` does not come before this one, so that its results are not known yet (no step comes before this one)
    scan.yaml:2:9: `rotate` needs the parameter `angle`, which `with` does not give (`angle`: Clockwise, a multiple of 90)
    scan.yaml:2:24: unknown key `when` in item 1 of `steps` (this is called `if` here)
    scan.yaml:2:33: unknown key `params` in item 1 of `steps` (this is called `with` here)
    scan.yaml:2:31: unknown key `x` in `with` (`with` takes no keys)
    scan.yaml:2:37: the id `a` is already that of step 1 (give each step an id of its own, or none)
    scan.yaml:2:49: `a` must be a text, not the number 5 (put it in quotes: "5")
    scan.yaml:2:63: `keywords` must be a text or a list, not a map
    scan.yaml:2:51: `max_dpi` must be at least 1, not `0`
    scan.yaml:2:54: unknown key `qualty` in `images` (did you mean `quality`?)
    scan.yaml:2:27: `part` is not known here: this operation takes all documents of the job at once
    scan.yaml:2:50: `extract` is no step before this one (an id with `-` is written `steps['extract-text']`)
    scan.yaml:2:28: the step `later` does not come before this one, so that its results are not known yet (no step comes before this one)
    scan.yaml:2:43: `if` cannot be read: unexpected character (compare with `==` and `!=`; join with `and`, `or`, `not`)
    scan.yaml:2:38: `if` cannot be read: unexpected input after expression (compare with `==` and `!=`; join with `and`, `or`, `not`)
    scan.yaml:2:29: `if` is always `yes` and decides nothing (for example `pdf.pages > 1`; a text to compare with needs quotes, a variable none)
    scan.yaml:2:28: unknown variable `yes` (known here are: input, job, pdf, part, steps, env, now; a plain text needs quotes)
    scan.yaml:2:28: `if` must be an expression, not the number 1 (for example `pdf.pages > 1 and not pdf.signed`)
    scan.yaml:2:29: `if` is empty (leave the key out to run the step always)
    scan.yaml:2:38: templates have no functions such as `.upper()` (use the filter: `| upper`)
    scan.yaml:2:41: unknown test `is eq` (known tests: defined, divisibleby, endingwith, even, false, in, none, number, odd, startingwith, string, true, undefined)
    scan.yaml:2:33: `timeout` must be longer than nothing (leave the key out for the default)
    "###);
}

/// A document's title can be `config.yaml`.
#[test]
fn nothing_is_put_among_our_own_files() {
    for place in [
        "output: {folder: .}",
        "output: {folder: \"/nowhere/{{ pdf.author }}\"}",
        "failed: .",
        "original: {archive: ./}",
    ] {
        let found = faults(&format!(
            "watch: {{folder: inbox/a}}\nsteps: [{{uses: repair}}]\n{place}\n"
        ));
        assert!(
            found.contains("among Dropleaf's own files")
                || found.contains("in the inbox, which is below"),
            "{place}: {found}"
        );
    }
}

#[test]
fn nothing_is_put_where_it_would_not_stay() {
    let home = tempfile::tempdir().expect("a temp folder");
    std::fs::write(home.path().join("config.yaml"), "").expect("written");
    std::os::unix::fs::symlink("inbox/flat/.dropleaf", home.path().join("link")).expect("linked");
    std::fs::create_dir_all(home.path().join("inbox/flat/.dropleaf")).expect("made");
    let says = |home: &Path, more: &str| {
        let surroundings = Surroundings {
            home: home.to_path_buf(),
            ..surroundings()
        };
        let yaml = format!("{more}\nsteps: [{{uses: repair}}]\nallow_chain: true\n");
        let checked = check(
            "scan",
            "scan.yaml",
            yaml.as_bytes(),
            &catalog(),
            &surroundings,
        );
        let faults = checked.err().unwrap_or_default();
        faults
            .iter()
            .map(|fault| format!("{fault}\n"))
            .collect::<String>()
    };
    for (more, expected) in [
        (
            "watch: {folder: in}\noutput: {folder: inbox/flat/.dropleaf/claimed}",
            "2:18: results would lie in a folder `.dropleaf`",
        ),
        (
            "watch: {folder: in}\noutput: {folder: \"out/{{ pdf.author }}/.dropleaf\"}",
            "2:18: results would lie in a folder `.dropleaf`",
        ),
        (
            "watch: {folder: in}\noutput: {folder: link/x}",
            "2:18: results would lie in a folder `.dropleaf`",
        ),
        (
            "watch: {folder: in}\noriginal: {archive: a/.dropleaf}",
            "2:21: originals would lie in a folder `.dropleaf`",
        ),
        (
            "watch: {folder: in}\nfailed: /x/.dropleaf/y",
            "2:9: failed originals would lie in a folder `.dropleaf`",
        ),
        (
            "watch: {folder: in/.dropleaf}",
            "1:17: the inbox lies in a folder `.dropleaf`",
        ),
        (
            "watch: {folder: in}\noutput: {folder: /proc}",
            "2:18: results cannot lie in `/proc`",
        ),
        ("watch: {folder: in}\noutput: {folder: out/dropleaf}", ""),
    ] {
        let told = says(home.path(), more);
        match expected {
            "" => assert_eq!(told, "", "{more}"),
            part => {
                assert_eq!(told.lines().count(), 1, "{more}: {told}");
                assert!(told.contains(part), "{more}: {told}");
            }
        }
    }
    // A home may have that name itself.
    let hidden = home.path().join(".dropleaf");
    std::fs::create_dir(&hidden).expect("made");
    assert_eq!(says(&hidden, "watch: {folder: in}"), "");
}

#[test]
fn patterns_that_take_nothing_are_faults() {
    let told = faults(
        "watch: {folder: inbox, include: [a/*.pdf, '*.pdf', ./*.pdf], exclude: ['*']}\nsteps: [{uses: repair}]\n",
    );
    insta::assert_snapshot!(told, @r###"
    scan.yaml:1:34: the pattern `a/*.pdf` takes no file: it names a folder below the inbox, and those are not watched (write `recursive: true`, or the name alone: patterns begin at the inbox)
    scan.yaml:1:52: the pattern `./*.pdf` takes no file: no path below the inbox has a part `.` (write it without: `*.pdf`)
    scan.yaml:1:72: the pattern `*` leaves every file (name the files to leave, for example `draft-*`)
    "###);
}
