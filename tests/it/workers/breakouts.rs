//! Promise: a plugin that tries everything gets nowhere, and what it tried stands in the job's events.
//!
//! What becomes of each attempt stands in the table of `docs/security.md`, which is read and held to here. Under a real daemon each
//! attempt is a step of its own: `trust::breakouts`.

use crate::trust::proof::Table;
use crate::workers::bench::{Bench, Ran, finish};
use crate::workers::disguise::{as_nobody, without};
use dropleaf::job::attempt::Ending;
use dropleaf::pool::update::{Stop, Update};
use dropleaf::problem::Code;
use dropleaf::worker::options::Sandbox;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Tries every way out while another worker runs; gives each way with its error.
async fn break_out(bench: &Bench) -> (BTreeMap<String, i64>, Ran) {
    let secret = bench.home.path().join("journal.db");
    fs::write(&secret, "the journal").expect("written");
    let mut sibling = bench.begin(vec![bench.misbehave("sleep")]);
    let Some(Update::Began { worker, .. }) = sibling.updates.recv().await else {
        panic!("the sibling did not begin");
    };
    let family = bench.processes();
    assert!(family.contains(&worker), "{family:?} lacks {worker}");
    let with = json!({
        "processes": family,
        "files": [secret, bench.store().join("faulty.so")],
    });
    let ran = bench.run(vec![bench.step("breakout", with)]).await;
    let told = ran.results();
    let descriptors: Vec<String> =
        serde_json::from_value(told["descriptors"].clone()).expect("a list");
    let store = bench.store().to_string_lossy().into_owned();
    for open in &descriptors {
        let own = ["/dev/null", "socket:", "pipe:", "/memfd:", "/proc/"];
        assert!(
            own.iter().any(|known| open.starts_with(known)) || open.starts_with(&store),
            "{descriptors:?}"
        );
    }
    let pipes = descriptors.iter().filter(|open| open.starts_with("pipe:"));
    assert_eq!(
        pipes.count(),
        2,
        "standard output and error: {descriptors:?}"
    );
    assert_eq!(fs::read(&secret).expect("there"), b"the journal");
    let alive = fs::read_to_string(format!("/proc/{worker}/stat")).expect("it lives");
    assert!(!alive.contains(") Z"), "{alive}");
    sibling.stop.stop(Stop::Cancelled);
    let ended = finish(sibling).await;
    assert_eq!(ended.failure().ending, Ending::Cancelled);
    let errors = told.into_iter();
    let errors = errors.filter_map(|(way, error)| Some((way, error.as_i64()?)));
    (errors.collect(), ran)
}

/// How many denied calls the warnings of an attempt tell of.
fn told_denied(ran: &Ran) -> u64 {
    let texts = ran.updates.iter().filter_map(|update| match update {
        Update::Warning(warned) if warned.code == "denied-calls" => Some(&warned.message),
        _ => None,
    });
    let words = |text: &String| -> u64 {
        let times = |part: &str| {
            let (_, times) = part.rsplit_once("` ").unwrap_or_default();
            match times.split(" (").next() {
                Some("once") => 1,
                Some(times) => times.trim_end_matches(" times").parse().unwrap_or(0),
                None => 0,
            }
        };
        text.split(", ").map(times).sum()
    };
    texts.map(words).sum()
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
async fn all_are_denied() {
    let bench = Bench::new();
    let level = bench.pool.probe().await.expect("a worker starts");
    let (errors, ran) = break_out(&bench).await;
    if level != "full" {
        eprintln!("SKIPPED: this system has only `{level}`");
        return;
    }
    let table = Table::read();
    let outcomes = errors.iter().map(|(way, error)| (way.as_str(), *error));
    table.hold_errors(outcomes);
    let counted = errors.keys().filter(|way| table.counts(way).is_some());
    let counted = counted.count() as u64;
    assert_eq!(told_denied(&ran), counted, "{:?}", ran.updates);
    assert_eq!(bench.pool.status().denied, counted);
    for trace in ["/tmp", "/dev/shm", "/var/tmp"] {
        assert!(!Path::new(trace).join("dropleaf-breakout").exists());
    }
    bench.is_well().await;
}

#[tokio::test]
async fn every_way_out_is_denied_and_counted() {
    all_are_denied().await;
}

#[test]
fn every_way_out_is_denied_to_an_ordinary_users_plugin() {
    as_nobody(all_are_denied);
}

#[tokio::test]
async fn a_flood_of_denied_calls_is_counted_to_an_end() {
    let bench = Bench::new();
    let with = json!({ "flood": 20_000 });
    let ran = bench.run(vec![bench.step("breakout", with)]).await;
    ran.ended.as_ref().expect("it goes on");
    if bench.pool.probe().await.expect("a worker starts") == "full" {
        assert_eq!(bench.pool.status().denied, 1000);
        let told = format!("{:?}", ran.updates);
        assert!(
            told.contains("`socket` 1000 times; what came after"),
            "{told}"
        );
    }
    bench.is_well().await;
}

/// Opens these files so often each; what the warning says, and the errors.
async fn read(bench: &Bench, files: &[&str], times: u32) -> (Option<String>, Vec<i64>) {
    let with = json!({ "reads": files, "times": times });
    let ran = bench.run(vec![bench.step("breakout", with)]).await;
    ran.ended.as_ref().expect("it goes on");
    let told = ran.updates.iter().find_map(|update| match update {
        Update::Warning(warned) if warned.code == "denied-calls" => Some(warned.message.clone()),
        _ => None,
    });
    let results = ran.results();
    let errors = files.iter().map(|file| results[*file].as_i64());
    (told, errors.map(|error| error.expect("a number")).collect())
}

#[tokio::test]
async fn files_that_may_not_be_read_are_told_by_name() {
    let bench = Bench::new();
    if bench.pool.probe().await.expect("a worker starts") != "full" {
        return;
    }
    let (eacces, enoent) = (i64::from(libc::EACCES), i64::from(libc::ENOENT));
    // What a runtime looks at by itself is refused by Landlock, and nobody needs to know.
    for (file, error) in [
        ("/dev/urandom", 0),
        ("/usr/lib", 0),
        ("/usr/lib/no such library", enoent),
        ("no such file", enoent),
        ("/proc/self/status", eacces),
        ("/proc/meminfo", eacces),
        ("/proc/self/fd/0", 0),
    ] {
        let (told, errors) = read(&bench, &[file], 1).await;
        assert_eq!((told, errors), (None, vec![error]), "{file}");
    }
    let files = ["/etc/passwd", "/etc/shadow", "/no\nsuch", "../x", "/root"];
    let (told, errors) = read(&bench, &files, 2).await;
    assert_eq!(errors, [eacces; 5]);
    let expected =
        "the sandbox denied `openat` 10 times (`/etc/passwd`, `/etc/shadow`, `/no\\nsuch`, ...)";
    assert_eq!(told.as_deref(), Some(expected));
    assert_eq!(bench.pool.status().denied, 10);
    bench.is_well().await;
}

#[tokio::test]
async fn very_many_reads_are_answered_to_an_end() {
    let bench = Bench::new();
    let (told, errors) = read(&bench, &["/dev/null"], 15_000).await;
    assert_eq!((told, errors), (None, vec![0]));
    bench.is_well().await;
}

#[tokio::test]
async fn an_honest_attempt_is_denied_nothing() {
    let bench = Bench::new();
    let ran = bench.run_mode("behave").await;
    assert_eq!(ran.bill().pages_out, 3);
    assert_eq!((told_denied(&ran), bench.pool.status().denied), (0, 0));
}

/// What a daemon does where a layer is missing.
async fn misses(layer: &str) {
    let required = Bench::with(|config| config.sandbox = Sandbox::Require);
    let error = required.pool.probe().await.expect_err("it is refused");
    let text = error.to_string();
    assert!(
        text.contains("the sandbox is required, but this system has no ") && text.contains(layer),
        "{text}"
    );
    let ran = required.run_mode("behave").await;
    ran.failed(Ending::Failed, Code::SandboxMissing, layer);
    let best = Bench::new();
    let level = best.pool.probe().await.expect("a worker starts");
    assert!(
        level.starts_with("partial: ") && level.contains(&format!("no {layer} (")),
        "{level}"
    );
    let ran = best.run_mode("behave").await;
    assert_eq!(ran.bill().pages_out, 3);
    assert!(matches!(&ran.updates[0], Update::Began { sandbox, .. } if *sandbox == level));
}

#[test]
fn without_landlock_require_refuses_and_best_effort_says_so() {
    without(&[libc::SYS_landlock_create_ruleset], || misses("landlock"));
}

#[test]
fn without_seccomp_require_refuses_and_best_effort_says_so() {
    without(&[libc::SYS_seccomp], || misses("seccomp"));
}

#[tokio::test]
async fn too_much_of_anything_ends_the_attempt_alone() {
    let bench = Bench::with(|config| config.limits.file_size = 32 << 20);
    let ran = bench.run_mode("many-threads").await;
    let text = format!("{:?}", ran.failure());
    assert!(text.contains("threads"), "{text}");
    let ran = bench.run_mode("many-artifacts").await;
    ran.failed(
        Ending::Failed,
        Code::StepFailed,
        "more than 50000 artifacts",
    );
    let ran = bench.run_mode("fill-memory-files").await;
    let failure = ran.failure();
    assert!(
        failure
            .problem
            .detail
            .contains("MiB in memory files; allowed are 32 MiB"),
        "{failure:?}"
    );
    let ran = bench.run_mode("many-memory-files").await;
    ran.failed(
        Ending::Failed,
        Code::StepFailed,
        "after 8 memory files: memfd_create: Too many open files",
    );
    for (mode, text) in [
        ("sparse-output", "wrote a file of more than 32 MiB"),
        ("mapped-output", "it sent a file that it can still change"),
        ("hidden-blocks", "it put out more than one attempt may"),
    ] {
        let with = json!({ "mode": mode, "text": "/out" });
        let ran = bench.run(vec![bench.step("misbehave", with)]).await;
        let failure = ran.failure();
        assert!(failure.problem.detail.contains(text), "{failure:?}");
    }
    let mut step = bench.misbehave("fill-scratch");
    step.temp = true;
    let ran = bench.run(vec![step]).await;
    let failure = ran.failure();
    assert!(
        failure.problem.detail.contains("scratch folder"),
        "{failure:?}"
    );
    bench.is_well().await;
}

#[test]
fn an_ordinary_users_threads_and_memory_files_are_limited_too() {
    as_nobody(|| async {
        let bench = Bench::with(|config| config.limits.file_size = 32 << 20);
        let ran = bench.run_mode("fill-memory-files").await;
        let text = format!("{:?}", ran.failure());
        assert!(text.contains("MiB in memory files"), "{text}");
        let ran = bench.run_mode("many-threads").await;
        let text = format!("{:?}", ran.failure());
        assert!(text.contains("threads"), "{text}");
        bench.is_well().await;
    });
}

#[tokio::test]
async fn a_flood_of_prints_is_a_few_lines_of_the_log() {
    let bench = Bench::new();
    let with = json!({ "mode": "flood-print-mebibytes", "text": "32" });
    let ran = bench.run(vec![bench.step("misbehave", with)]).await;
    ran.ended.as_ref().expect("it succeeds");
    assert!(ran.logs().len() < 10_000, "{}", ran.logs().len());
}

#[tokio::test]
async fn nothing_is_given_that_was_not_granted() {
    let bench = Bench::new();
    // It asks for a scratch folder in its manifest; the operator grants none.
    let ran = bench.run_mode("temp").await;
    let failure = ran.failure();
    assert_eq!(failure.problem.code, Code::StepFailed, "{failure:?}");
    assert!(!bench.home.path().join("scratch").exists());
}
