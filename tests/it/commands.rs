//! The command line without a daemon.

mod running;

use crate::PROGRAM;
use dropleaf::worker::options::{Limits, Options, Sandbox};
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::files;
use dropleaf_test_support::process::copy_program;
use dropleaf_test_support::{plugins, sample};
use std::path::Path;
use std::process::{Command, Stdio};

const TURN: &str =
    "watch: { folder: inbox/turn }\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n";

#[test]
fn check_lists_every_fault_with_its_place_and_exits_with_3() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("bad", "watch: { folder: inbox/bad, quite: 1s }\nsteps:\n  - uses: rotate\n    with: { angle: 45 }\n  - uses: nothing\n");
    let (code, faults, _) = home.run(&["check"]);
    assert_eq!(code, 3, "{faults}");
    for part in [
        "bad.yaml:1:",
        "quiet",
        "bad.yaml:4:",
        "angle",
        "bad.yaml:5:",
        "nothing",
    ] {
        assert!(faults.contains(part), "`{part}` in:\n{faults}");
    }
    assert_eq!(faults.lines().count(), 3, "one line a fault:\n{faults}");
    let (code, of_folder, _) = home.run(&["check", &home.path("pipelines").to_string_lossy()]);
    assert_eq!((code, of_folder), (3, faults));
    let (code, _, said) = home.run(&["check", &home.path("inbox").to_string_lossy()]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("there is no pipeline file"), "{said}");
}

#[test]
fn the_shipped_pipelines_have_no_faults() {
    let home = TestHome::new(PROGRAM);
    let (code, said, errors) = home.run(&["init"]);
    assert_eq!(code, 0, "{said}{errors}");
    let (code, faults, _) = home.run(&["check"]);
    assert_eq!((code, faults.as_str()), (0, ""));
}

/// Runs the program on a home that nobody has made, with the plugins that came with it; nothing may be left.
fn without_a_home(home: &TestHome, arguments: &[&str]) -> (i32, String, String) {
    let (program, mistyped) = (home.path("bin/dropleaf"), home.path("mistyped/home"));
    let output = Command::new(program)
        .env_clear()
        .env("TMPDIR", home.path("temporary"))
        .arg("--home")
        .arg(&mistyped)
        .args(arguments)
        .current_dir(home.path("."))
        .output()
        .expect("it runs");
    assert!(!home.path("mistyped").exists(), "{arguments:?}");
    assert_eq!(files(&home.path("temporary")).len(), 0, "{arguments:?}");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let code = output.status.code().unwrap_or(-1);
    (code, text(output.stdout), text(output.stderr))
}

#[test]
fn a_home_that_nobody_has_made_is_said_and_not_made() {
    let home = TestHome::bare(PROGRAM);
    home.write("bin/plugins/.keep", "");
    home.write("temporary/.keep", "");
    std::fs::remove_file(home.path("temporary/.keep")).expect("removed");
    copy_program(PROGRAM.as_ref(), &home.path("bin/dropleaf"));
    plugins::install("pages", &home.path("bin/plugins"));
    plugins::install("stamp", &home.path("bin/plugins"));
    home.write("a.pdf", sample::pdf(2));
    home.write(
        "turn.yaml",
        "watch: { folder: inbox/turn }\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n",
    );
    for (arguments, code) in [
        (&["check"] as &[&str], 1),
        (&["try", "turn.yaml", "a.pdf"], 1),
        (&["doctor"], 3),
        (&["new", "pipeline", "x"], 1),
        (&["status"], 5),
        (&["explain", "a.pdf"], 5),
    ] {
        let (ended, out, errors) = without_a_home(&home, arguments);
        let said = format!("{out}{errors}");
        assert_eq!(ended, code, "{arguments:?}: {said}");
        assert!(
            said.contains("mistyped/home init") && said.contains("DROPLEAF_HOME"),
            "{arguments:?}: {said}"
        );
    }
    for (arguments, part) in [
        (&["plugins"] as &[&str], "pages"),
        (&["operations", "rotate"], "angle"),
        (&["operations", "stamp-text"], "[one of: top-left, "),
        (&["schema"], "angle"),
        (&["check", "turn.yaml"], ""),
        (&["run", "turn.yaml", "a.pdf", "-o", "out"], "out/a.pdf"),
    ] {
        let (code, out, errors) = without_a_home(&home, arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{errors}");
        assert!(out.contains(part), "{arguments:?}: {out}");
        assert!(errors.contains("there is no home at"), "{errors}");
    }
    let turned = std::fs::read(home.path("out/a.pdf")).expect("it is there");
    assert_eq!(sample::rotations(&turned), [90, 90]);
}

/// What `arguments` end with and say where standard output goes to `out`.
fn printing_to(home: &TestHome, arguments: &[&str], out: Stdio) -> (Option<i32>, String) {
    let output = home
        .command(arguments)
        .stdout(out)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[test]
fn what_cannot_be_printed_is_a_failure_and_a_closed_pipe_is_none() {
    let home = TestHome::bare(PROGRAM);
    let _daemon = home.serve();
    for arguments in [
        &["schema"] as &[&str],
        &["openapi"],
        &["completions", "zsh"],
        &["jobs", "--json"],
        &["status"],
        &["--help"],
        &["--version"],
        &["run", "--help"],
    ] {
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .expect("Linux has it");
        let (code, said) = printing_to(&home, arguments, full.into());
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert!(
            said.contains("error: failed to write to standard output: No space left"),
            "{arguments:?}: {said}"
        );
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let (code, said) = printing_to(&home, arguments, writer.into());
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        assert!(!said.contains("error"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_variable_without_a_value_names_no_home() {
    let home = TestHome::bare(PROGRAM);
    home.write("data/.keep", "");
    let output = Command::new(PROGRAM)
        .env_clear()
        .env("DROPLEAF_HOME", "")
        .env("XDG_DATA_HOME", home.path("data"))
        .env("HOME", home.path("."))
        .arg("init")
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    assert!(home.path("data/dropleaf/config.yaml").is_file());
    let (code, _, said) = home.run(&["--home", "", "init"]);
    assert_eq!(code, 2, "a flag without a value is a slip: {said}");
}

#[test]
fn a_name_cannot_forge_a_line_of_explain() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("turn", TURN);
    let _daemon = home.serve();
    let (code, said, errors) = home.run(&["explain", "inbox/turn/a\n  ok  all is well\r.pdf"]);
    assert_eq!(code, 0, "{errors}");
    assert!(said.contains("a\\n  ok  all is well\\r.pdf"), "{said}");
    assert!(
        said.lines().all(|line| !line.starts_with("  ok  all")),
        "{said}"
    );
}

#[test]
fn try_tells_the_names_that_results_get() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "texts",
        "watch: { folder: inbox/texts }\nsteps:\n  - uses: split\n    with: { every: 1 }\n  - uses: extract-text\n",
    );
    home.write("a.pdf", sample::pdf(3));
    let names = |arguments: &[&str]| -> Vec<String> {
        let (code, said, errors) = home.run(arguments);
        assert_eq!(code, 0, "{said}{errors}");
        let told: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        let written = told["written"].as_array().expect("a list").iter();
        let paths = written.filter_map(|written| written["path"].as_str());
        paths
            .filter_map(|path| path.rsplit('/').next())
            .map(str::to_owned)
            .collect()
    };
    let imagined = names(&["try", "texts", "a.pdf", "--json"]);
    let last = "a-2.txt".to_owned();
    assert!(imagined.contains(&last), "{imagined:?}");
    let real = names(&["try", "texts", "a.pdf", "--json", "-o", "out"]);
    assert_eq!(imagined, real);
}

#[test]
fn where_no_plugin_is_installed_no_command_names_itself_as_the_remedy() {
    let home = TestHome::bare(PROGRAM);
    for (command, expected) in [("plugins", false), ("operations", true)] {
        let (code, _, errors) = home.run(&[command]);
        assert_eq!(code, 0, "{errors}");
        assert!(errors.starts_with("no plugins are installed"), "{errors}");
        assert_eq!(errors.contains("`dropleaf plugins`"), expected, "{errors}");
        assert_eq!(
            errors.lines().count(),
            1,
            "and no word of workers: {errors}"
        );
    }
}

#[test]
fn a_worker_whose_daemon_is_gone_ends_without_a_word() {
    let options = Options {
        // The test's process is its parent, and not this one.
        parent: 1,
        sandbox: Sandbox::Off,
        limits: Limits::default(),
        store: Path::new("/").into(),
        readable: Vec::new(),
    };
    let options = serde_json::to_string(&options).expect("JSON");
    let output = Command::new(PROGRAM)
        .args(["worker", &options])
        .output()
        .expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}

#[test]
fn operations_are_listed_with_their_schemas() {
    let home = TestHome::new(PROGRAM);
    let (code, text, _) = home.run(&["operations", "--json"]);
    assert_eq!(code, 0);
    let operations: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let names: Vec<&str> = operations
        .as_array()
        .expect("an array")
        .iter()
        .filter_map(|operation| operation["name"].as_str())
        .collect();
    for name in [
        "rotate",
        "extract-pages",
        "delete-pages",
        "reverse",
        "split",
        "merge",
        "stamp-text",
        "set-metadata",
        "optimize",
        "extract-text",
        "repair",
        "render-pages",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    for operation in operations.as_array().expect("an array") {
        for key in [
            "name",
            "plugin",
            "summary",
            "schema",
            "examples",
            "available",
        ] {
            assert!(!operation[key].is_null(), "{key} of {operation}");
        }
    }
}

/// What operations say of themselves stands in the docs in the same words, with every parameter and every example.
#[test]
fn the_docs_of_the_standard_operations_are_their_own_words() {
    let docs = include_str!("../../docs/operations.md");
    let home = TestHome::new(PROGRAM);
    let (_, text, _) = home.run(&["operations", "--json"]);
    let operations: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let mut told = 0;
    for operation in operations.as_array().expect("an array") {
        let word = |key: &str| operation[key].as_str().unwrap_or_default().to_owned();
        let name = word("name");
        let Some(section) = docs.split("\n## ").find(|section| {
            section.starts_with(&format!("`{name}`\n"))
                && section.contains(&format!("(plugin `{}`)", word("plugin")))
        }) else {
            assert_eq!(word("plugin"), "faulty", "{name} is not in the docs");
            continue;
        };
        told += 1;
        assert!(section.contains(&word("description")), "{name}");
        assert!(
            section.contains(word("summary").trim_end_matches('.')),
            "{name}"
        );
        let parameters = operation["schema"]["properties"].as_object();
        for parameter in parameters.into_iter().flatten().map(|(key, _)| key) {
            assert!(
                section.contains(&format!("`{parameter}`")),
                "{name}: {parameter}"
            );
        }
        for example in operation["examples"].as_array().expect("examples") {
            let title = example["title"].as_str().unwrap_or_default();
            assert!(section.contains(title), "{name}: {title}");
        }
    }
    assert_eq!(told, 12);
}

#[test]
fn an_operation_tells_its_defaults_and_the_keys_of_its_maps() {
    let home = TestHome::new(PROGRAM);
    for (name, said) in [
        (
            "extract-text",
            "layout [one of: reading, physical, content] [default: \"reading\"]",
        ),
        ("render-pages", "[default: \"png\"]"),
        ("optimize", "images.quality [default: 75]"),
    ] {
        let (_, told, _) = home.run(&["operations", name]);
        assert!(told.contains(said), "`{said}` in:\n{told}");
    }
}

#[test]
fn commands_find_the_homes_daemon_and_say_when_there_is_none() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "turn",
        "watch: { folder: inbox/turn }\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n",
    );
    home.write("good.pdf", sample::pdf(2));
    home.write("bad.pdf", b"this is not a PDF");
    let (code, _, message) = home.run(&["status"]);
    assert_eq!(code, 5, "{message}");
    assert!(message.starts_with("error: no daemon answers"), "{message}");
    let daemon = home.serve();
    let (code, said, message) = home.run(&["submit", "turn", "good.pdf", "bad.pdf", "--wait"]);
    assert_eq!(code, 4, "{said}{message}");
    assert!(said.contains("outbox/turn/good.pdf"), "{said}");
    assert!(message.contains("bad.pdf: failed"), "{message}");
    let (_, said, _) = home.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let counts = &status["pipelines"][0]["jobs"];
    assert_eq!(
        (counts["succeeded"].as_u64(), counts["failed"].as_u64()),
        (Some(1), Some(1)),
        "{said}"
    );
    let (_, said, _) = home.run(&["jobs", "--state", "failed"]);
    assert!(
        said.contains("bad.pdf") && !said.contains("good.pdf"),
        "{said}"
    );
    let (_, said, _) = home.run(&["explain", "inbox/turn/bad.pdf"]);
    assert!(
        said.contains("not a PDF") && said.contains("failed/turn/bad.pdf"),
        "{said}"
    );
    assert!(daemon.stop().success());
}

/// What `new plugin --c` writes, built in the way that it tells.
#[test]
fn a_new_plugin_in_c_is_built_by_the_call_that_is_told() {
    let home = TestHome::new(PROGRAM);
    let output = Command::new(PROGRAM)
        .args(["new", "plugin", "hello", "--c"])
        .current_dir(home.path(""))
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let call = said
        .lines()
        .find_map(|line| line.strip_prefix("build it: "));
    let mut words = call.unwrap_or_default().split_whitespace();
    let mut compiler = Command::new(words.next().unwrap_or_default());
    let words: Vec<&str> = words.collect();
    assert!(words.contains(&"-fvisibility=hidden"), "{said}");
    let Ok(status) = compiler.args(words).current_dir(home.path("")).status() else {
        // There is no C compiler here.
        return;
    };
    assert!(status.success(), "{said}");
    std::fs::copy(home.path("hello.so"), home.path("plugins/hello.so")).expect("it was built");
    let (code, text, _) = home.run(&["operations", "hello"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("quarter turn"), "{text}");
}
