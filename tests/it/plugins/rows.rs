//! One row for every way in which a plugin is known to go wrong: what its job and the feed show.
//!
//! All rows run in one daemon: the file's name is the mode. So each of them is also a neighbour of all the others.

use crate::PROGRAM;
use crate::plugins::compile;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::feed::Event;
use dropleaf_test_support::{plugins, sample};
use std::collections::BTreeMap;

const CONFIG: &str = "workers: 3\nworker_cpu_seconds: 1\nworker_memory_mb: 200\n";

const BAD: &str = "\
watch: { folder: inbox/bad, quiet: 0s }
retry: { attempts: 1 }
steps:
  - id: bad
    uses: misbehave
    with: { mode: \"{{ input.stem }}\", text: some }
";

/// What a row shows.
enum Shows {
    /// The job fails with this problem and says this.
    Fails(&'static str, &'static str),
    /// The worker dies by this signal, or ends with this code.
    Dies(Option<i64>, Option<i64>),
    /// The worker dies in one of several ways.
    DiesSomehow,
    /// The job succeeds, and this warning is given if any.
    Passes(Option<&'static str>),
    /// Nobody can see it but by its damage: sound output, or a crash of this job.
    PassesOrDies,
}

use Shows::{Dies, DiesSomehow, Fails, Passes, PassesOrDies};

const ROWS: &[(&str, Shows)] = &[
    ("behave", Passes(None)),
    (
        "error-after-edit",
        Fails("step-failed", "gave up after page `2`"),
    ),
    ("reject", Fails("document-rejected", "not to my taste")),
    ("panic", Fails("plugin-panicked", "lost my nerve")),
    ("panic-across", Dies(Some(6), None)),
    ("segv", Dies(Some(11), None)),
    ("abort", Dies(Some(6), None)),
    ("stack-overflow", DiesSomehow),
    ("double-free", Dies(Some(6), None)),
    ("overflow", PassesOrDies),
    (
        "spin",
        Fails("cpu-limit", "more than 1 s of processor time"),
    ),
    (
        "spin-deaf",
        Fails("cpu-limit", "more than 1 s of processor time"),
    ),
    ("spin-on-the-spot", Fails("stalled", "no progress for 2")),
    ("sleep", Fails("stalled", "no progress for 2")),
    ("sleep-deaf", Fails("stalled", "no progress for 2")),
    (
        "allocate",
        Fails("step-failed", "out of memory, and noticed"),
    ),
    (
        "allocate-blindly",
        Fails("memory-limit", "more than 200 MiB"),
    ),
    ("leak", Passes(None)),
    ("print", Passes(None)),
    ("print-by-c", Passes(None)),
    ("print-by-c-and-abort", Dies(Some(6), None)),
    ("flood-print", Passes(None)),
    ("flood-log", Passes(Some("step-warning"))),
    ("exit", Dies(None, Some(0))),
    ("exit-hard", Dies(None, Some(3))),
    ("close-all", DiesSomehow),
    ("threads", Passes(Some("left-over-threads"))),
    ("thread-with-attributes", Passes(None)),
    ("lie-progress", Passes(None)),
    (
        "noise",
        Fails("worker-failed", "a frame of `4294967295` bytes"),
    ),
    (
        "finish-early",
        Fails("worker-failed", "finished without an output"),
    ),
    ("unsealed-output", Fails("worker-failed", "it sent")),
    ("bad-artifact", Fails("step-failed", "")),
    ("artifact", Passes(None)),
    (
        "artifact-then-error",
        Fails("step-failed", "changed my mind"),
    ),
    ("huge-results", Fails("step-failed", "")),
    // Its manifest asks for a scratch folder, which grants nothing.
    ("temp", Fails("step-failed", "no scratch folder is granted")),
];

/// What the sandbox stops, with the word of the system: by the filter of system calls, or by the rules for paths.
const BREAKOUTS: &[(&str, &str, &str)] = &[
    ("exec", "seccomp", "execv: Operation not permitted"),
    ("fork", "seccomp", "fork: Operation not permitted"),
    ("socket", "seccomp", "socket: Operation not permitted"),
    ("kill-parent", "seccomp", "kill: Operation not permitted"),
    ("signal-parent", "seccomp", "fcntl: Operation not permitted"),
    ("trace-parent", "seccomp", "ptrace: Operation not permitted"),
    (
        "read-parent",
        "seccomp",
        "process_vm_readv: Operation not permitted",
    ),
    ("limits", "seccomp", "setrlimit: Operation not permitted"),
    ("outlive", "seccomp", "prctl: Operation not permitted"),
    ("passwd", "landlock", "Permission denied"),
    ("tmp", "landlock", "Permission denied"),
    ("store", "landlock", "Permission denied"),
];

#[test]
fn every_way_of_going_wrong_is_said_by_name_and_costs_its_own_job() {
    let home = TestHome::new(PROGRAM);
    plugins::install("faulty", &home.path("plugins"));
    home.write("config.yaml", CONFIG);
    home.pipeline("bad", BAD);
    // Their worker does nothing: on a busy machine those that spin would be taken for them.
    home.pipeline(
        "still",
        &format!("{}stalled_after: 2s\n", BAD.replace("/bad", "/still")),
    );
    home.pipeline(
        "good",
        "watch: { folder: inbox/good, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    let daemon = home.serve();
    let level = daemon.get("/healthz").body.to_string();
    let stopped = BREAKOUTS
        .iter()
        // A layer that this system lacks is named in the level; without it nothing stops them.
        .filter(|(_, layer, _)| !level.contains("off") && !level.contains(layer))
        .map(|(mode, _, text)| (*mode, Fails("step-failed", text)));
    let rows: Vec<(&str, Shows)> = ROWS
        .iter()
        .map(|(mode, shows)| (*mode, shows.again()))
        .chain(stopped)
        .collect();
    let mut feed = daemon.follow("/events");
    let document = sample::pdf(3);
    for (mode, shows) in &rows {
        let folder = format!("inbox/{}", pipeline(shows));
        home.drop_file(&folder, &format!("{mode}.pdf"), &document);
    }
    for number in 0..3 {
        home.drop_file("inbox/good", &format!("neighbour-{number}.pdf"), &document);
    }
    let stories = feed.until_ended(rows.len() + 3);
    for (mode, shows) in &rows {
        holds(&home, mode, shows, &stories[&format!("{mode}.pdf")]);
    }
    for number in 0..3 {
        assert!(
            home.path(format!("outbox/good/neighbour-{number}.pdf"))
                .is_file()
        );
    }
    assert!(
        !std::path::Path::new("/tmp/dropleaf-faulty-was-here").exists()
            || level.contains("landlock")
    );
    assert!(!home.path("outbox/bad/note.txt").exists() || stories.contains_key("artifact.pdf"));
    the_log_has_what_was_printed(&daemon, &stories);
    assert!(daemon.stop().success(), "the daemon itself is as it was");
}

impl Shows {
    fn again(&self) -> Self {
        match self {
            Fails(code, text) => Fails(code, text),
            Dies(signal, exit) => Dies(*signal, *exit),
            DiesSomehow => DiesSomehow,
            Passes(warning) => Passes(*warning),
            PassesOrDies => PassesOrDies,
        }
    }
}

/// Where a row's file goes.
fn pipeline(shows: &Shows) -> &'static str {
    match shows {
        Fails("stalled", _) => "still",
        _ => "bad",
    }
}

fn holds(home: &TestHome, mode: &str, shows: &Shows, story: &[Event]) {
    let last = story.last().expect("it ended");
    let crash = story.iter().find(|event| event.name == "worker.crashed");
    match shows {
        Passes(warning) => {
            assert_eq!(last.name, "job.succeeded", "{mode}: {}", last.data);
            let warned = |code: &str| {
                story
                    .iter()
                    .any(|event| event.name == "job.warned" && event.data["code"] == code)
            };
            assert!(warning.is_none_or(warned), "{mode}: {story:?}");
            passed(home, mode);
        }
        PassesOrDies if crash.is_none() => passed(home, mode),
        Fails(code, text) => {
            let detail = failed(home, mode, code, last);
            assert!(detail.contains(text), "{mode}: {detail}");
            // The kernel ends who goes over these; that is told as a death, too.
            let killed = ["cpu-limit", "memory-limit"].contains(code);
            assert_eq!(crash.is_some(), killed, "{mode}: {crash:?}");
        }
        Dies(signal, exit) => {
            failed(home, mode, "plugin-crashed", last);
            let crash = crash.expect("the crash is told");
            let told = (crash.data["signal"].as_i64(), crash.data["exit"].as_i64());
            assert_eq!(told, (*signal, *exit), "{mode}");
        }
        DiesSomehow | PassesOrDies => {
            failed(home, mode, "plugin-crashed", last);
            assert!(crash.is_some(), "{mode}: the crash is told");
        }
    }
}

fn passed(home: &TestHome, mode: &str) {
    let output = std::fs::read(home.path(format!("outbox/bad/{mode}.pdf"))).expect("it came out");
    assert_eq!(sample::rotations(&output).len(), 3, "{mode}");
    assert!(
        home.path(format!("archive/bad/{mode}.pdf")).is_file(),
        "{mode}"
    );
}

/// The job failed with this problem, its step and plugin are blamed, its original is kept with a note; gives the detail.
fn failed(home: &TestHome, mode: &str, code: &str, last: &Event) -> String {
    let problem = &last.data["problem"];
    assert_eq!(
        problem["type"],
        format!("/problems/{code}"),
        "{mode}: {}",
        last.data
    );
    let detail = problem["detail"].as_str().expect("it says what happened");
    assert!(problem["hint"].is_string(), "{mode}: it says what to do");
    // Damage that shows only later, and lies to the daemon, are nobody's step.
    if code != "worker-failed" && mode != "overflow" {
        assert_eq!(problem["step"], "bad", "{mode}");
    }
    let pipeline = last.data["pipeline"].as_str().expect("it has a pipeline");
    let (name, kept) = (format!("{mode}.pdf"), home.path("failed").join(pipeline));
    assert!(kept.join(&name).is_file(), "{mode}: the original is kept");
    assert!(
        !home.path("outbox").join(pipeline).join(&name).exists(),
        "{mode}: nothing comes out"
    );
    let note = kept.join(format!("{name}.error.txt"));
    let note = std::fs::read_to_string(note).expect("the note is there");
    assert!(note.contains("What to do"), "{mode}: {note}");
    detail.to_owned()
}

fn the_log_has_what_was_printed(daemon: &TestDaemon, stories: &BTreeMap<String, Vec<Event>>) {
    let log = |name: &str, narrow: &str| {
        let job = stories[name][0].data["job"]
            .as_str()
            .expect("it has a job")
            .to_owned();
        daemon
            .get(&format!("/jobs/{job}/log{narrow}"))
            .body
            .to_string()
    };
    let printed = log("print.pdf", "");
    for stream in ["standard output", "standard error"] {
        assert!(
            printed.contains(&format!("hello from {stream}")),
            "{printed}"
        );
    }
    for flood in ["flood-print.pdf", "flood-log.pdf"] {
        // Where it is cut depends on how fast it comes; on a busy machine it may come so slowly that all is kept.
        let ends = [
            "log lines dropped",
            "the log is cut off here",
            "line 99999 of a flood",
        ];
        let mut pages = (0..100_000)
            .step_by(5000)
            .map(|after| log(flood, &format!("?after={after}&limit=5000")));
        assert!(
            pages.any(|page| ends.iter().any(|end| page.contains(end))),
            "{flood}"
        );
    }
}

#[test]
fn a_crash_is_tried_once_more_and_an_error_may_be_passed_over() {
    let home = TestHome::new(PROGRAM);
    plugins::install("faulty", &home.path("plugins"));
    let step =
        "steps:\n  - id: bad\n    uses: misbehave\n    with: { mode: \"{{ input.stem }}\" }\n";
    home.pipeline("twice", &format!("watch: {{ folder: inbox/twice, quiet: 0s }}\nretry: {{ attempts: 3, backoff: 50ms }}\n{step}"));
    home.pipeline(
        "over",
        &format!("watch: {{ folder: inbox/over, quiet: 0s }}\n{step}    continue_on_error: true\n"),
    );
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/twice", "segv.pdf", sample::pdf(2));
    home.drop_file("inbox/over", "error-after-edit.pdf", sample::pdf(3));
    let stories = feed.until_ended(2);
    let names: Vec<&str> = stories["segv.pdf"]
        .iter()
        .map(|event| event.name.as_str())
        .collect();
    let count = |wanted: &str| names.iter().filter(|name| **name == wanted).count();
    assert_eq!(
        (
            count("worker.crashed"),
            count("job.waiting"),
            count("job.failed")
        ),
        (2, 1, 1),
        "{names:?}"
    );
    let page = &stories["segv.pdf"].last().expect("it ended").data["problem"]["page"];
    assert_eq!(page, 2, "page 1 was done");
    let over = &stories["error-after-edit.pdf"];
    assert!(
        over.iter()
            .any(|event| event.name == "step.failed" && event.data["continued"] == true)
    );
    let output = std::fs::read(home.path("outbox/over/error-after-edit.pdf")).expect("it came out");
    assert_eq!(
        sample::rotations(&output),
        [0, 0, 0],
        "its edits were rolled back"
    );
}

#[test]
fn a_scratch_folder_is_given_to_whom_the_operator_grants_it() {
    let home = TestHome::new(PROGRAM);
    plugins::install("faulty", &home.path("plugins"));
    home.write("config.yaml", "grants: { faulty: { temp: true } }\n");
    home.pipeline("bad", BAD);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/bad", "temp.pdf", sample::pdf(1));
    let story = feed.until_ended(1).remove("temp.pdf").expect("it ended");
    let finished = story
        .iter()
        .find(|event| event.name == "step.finished")
        .expect("it went well");
    assert_eq!(
        finished.data["results"]["read"], "some",
        "it read what it wrote"
    );
}

#[test]
fn libraries_that_are_no_plugins_are_named_with_their_reason() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "good",
        "watch: { folder: inbox/good, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    let calls = "watch: { folder: inbox/calls, quiet: 0s }\nretry: { attempts: 1 }\nsteps: [{ id: bad, uses: PLUGIN/fault }]\n";
    for (id, plugin) in [("other", "other-thread"), ("forged", "forged-handle")] {
        home.pipeline(id, &calls.replace("calls", id).replace("PLUGIN", plugin));
    }
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let whole = std::fs::read(plugins::library("faulty")).expect("it is built");
    home.write("plugins/cut.so", &whole[..whole.len() / 2]);
    home.write("plugins/text.so", "hello, this is no library at all");
    let mut expected = vec![("cut.so", ""), ("text.so", "")];
    for (source, text) in [
        ("constructor_abort", "signal 6"),
        ("wrong_magic", "1234"),
        ("wrong_major", "2"),
        ("newer_minor", "1.9"),
        ("no_entry", "dropleaf_plugin_v1"),
        ("missing_symbol", "nobody_has_this"),
        ("bad_manifest", "Bad Name!"),
        ("other_thread", "-"),
        ("forged_handle", "-"),
    ] {
        if !compile(
            &home,
            &format!("tests/plugins/{source}.c"),
            &format!("plugins/{source}.so"),
        ) {
            return;
        }
        if text != "-" {
            expected.push((source, text));
        }
    }
    for (file, text) in &expected {
        let said = |event: &Event| {
            let data = event.data.to_string();
            event.name == "plugin.failed" && data.contains(file) && data.contains(text)
        };
        if !feed.seen().iter().any(said) {
            feed.until(said);
        }
    }
    let listed = daemon.get("/plugins").body.to_string();
    for (file, text) in &expected {
        assert!(
            listed.contains(file) && listed.contains(text),
            "{file}: {listed}"
        );
    }
    let (_, shown, broken) = home.run(&["plugins"]);
    let shown = shown + &broken;
    assert!(
        expected.iter().all(|(file, _)| shown.contains(file)),
        "{shown}"
    );
    for id in ["other", "forged"] {
        let loaded =
            |event: &Event| event.name == "pipeline.loaded" && event.data["pipeline"] == id;
        if !feed.seen().iter().any(loaded) {
            feed.until(loaded);
        }
        home.drop_file(&format!("inbox/{id}"), &format!("{id}.pdf"), sample::pdf(1));
    }
    home.drop_file("inbox/good", "good.pdf", sample::pdf(1));
    let stories = feed.until_ended(3);
    for (id, text) in [
        ("other", "called from another thread"),
        ("forged", "a forged handle was refused"),
    ] {
        let last = stories[&format!("{id}.pdf")].last().expect("it ended");
        assert_eq!(
            last.data["problem"]["type"], "/problems/step-failed",
            "{}",
            last.data
        );
        assert!(last.data.to_string().contains(text), "{}", last.data);
    }
    assert!(home.path("outbox/good/good.pdf").is_file());
}
