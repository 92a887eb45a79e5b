//! Promise: under a real daemon each attempt to break out is denied, and the job tells which and how often.
//!
//! Each attempt is a step of its own, so that what the job tells of a step is what that attempt has raised.

use crate::trust::proof::Table;
use crate::trust::{drop_and_wait, home};
use crate::workers::disguise::without;
use dropleaf_test_support::daemon::{TestDaemon, TestHome};
use dropleaf_test_support::sample;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

/// Steps that a pipeline may have.
const MOST_STEPS: usize = 100;

/// What the attempts are about: another worker at work, the nursery, the journal and a plugin copy.
fn victims(home: &TestHome, daemon: &TestDaemon) -> Value {
    let mut feed = daemon.follow("/pipelines/neighbour/events");
    home.drop_file("inbox/neighbour", "a.pdf", sample::pdf(1));
    let started = feed.until_named("job.started");
    let neighbour = started.data["worker"].as_u64().expect("a process id");
    let plugins = fs::read_dir(home.path("state/plugins")).expect("the store");
    let mut plugins = plugins.filter_map(|entry| Some(entry.ok()?.path()));
    let plugin = plugins.find(|path| path.extension().is_some_and(|end| end == "so"));
    json!({
        "processes": [nursery(daemon), neighbour],
        "files": [home.path("state/journal.db"), plugin.expect("a plugin copy")],
    })
}

/// The child of the daemon that was there first.
fn nursery(daemon: &TestDaemon) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).expect("it lives");
    let children = tasks.filter_map(|task| {
        let path = task.ok()?.path().join("children");
        fs::read_to_string(path).ok()
    });
    let children: Vec<u64> = children
        .flat_map(|line| line.split_whitespace().map(str::parse).collect::<Vec<_>>())
        .filter_map(Result::ok)
        .collect();
    let began = |child: &u64| {
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let began = fields.split(' ').nth(19);
        began.and_then(|began| began.parse::<u64>().ok())
    };
    let first = children
        .into_iter()
        .min_by_key(|child| (began(child), *child));
    first.expect("it has children")
}

/// Runs these steps on one file; gives the job's events.
fn run(home: &TestHome, daemon: &TestDaemon, id: &str, steps: &[Value]) -> Vec<Value> {
    let pipeline = json!({
        "watch": { "folder": format!("inbox/{id}"), "quiet": "0s" },
        "steps": steps,
        "timeout": "10m",
    });
    let answer = daemon.put(&format!("/pipelines/{id}"), &pipeline.to_string());
    assert!(answer.status < 300, "{:?}", answer.body);
    let mut feed = daemon.follow(&format!("/pipelines/{id}/events"));
    home.drop_file(&format!("inbox/{id}"), "a.pdf", sample::pdf(1));
    let end = feed.until(|event| event.name == "job.succeeded" || event.name == "job.failed");
    assert_eq!(end.name, "job.succeeded", "{}", end.data);
    let named = |event: &dropleaf_test_support::feed::Event| json!({ "event": event.name.clone(), "data": event.data.clone() });
    feed.seen().iter().map(named).collect()
}

/// Each attempt with its answer, and what the job tells of its step.
fn break_out(home: &TestHome, daemon: &TestDaemon) -> BTreeMap<String, (i64, Option<String>)> {
    let victims = victims(home, daemon);
    let with = |only: Option<&str>| {
        let mut with = victims.clone();
        if let Some(only) = only {
            with["only"] = only.into();
        }
        with
    };
    let all = [json!({ "uses": "breakout", "with": with(None) })];
    let seen = run(home, daemon, "all", &all);
    let finished = seen.iter().find(|seen| seen["event"] == "step.finished");
    let results = finished.expect("it ran")["data"]["results"].clone();
    let results = results.as_object().expect("an object");
    let ways = results.iter().filter(|(_, error)| error.is_number());
    let ways: Vec<String> = ways.map(|(way, _)| way.clone()).collect();
    let mut rows = BTreeMap::new();
    for (number, ways) in ways.chunks(MOST_STEPS).enumerate() {
        let step = |(number, way): (usize, &String)| {
            let id = format!("way-{number}");
            json!({ "id": id, "uses": "breakout", "with": with(Some(way)) })
        };
        let steps: Vec<Value> = ways.iter().enumerate().map(step).collect();
        let seen = run(home, daemon, &format!("each-{number}"), &steps);
        rows.extend(told_of(ways, &seen));
    }
    rows
}

/// What the events of a job tell of its steps, one for each of these ways.
fn told_of(ways: &[String], seen: &[Value]) -> Vec<(String, (i64, Option<String>))> {
    let of_step = |name: &str, step: &str| {
        let mut found = seen
            .iter()
            .filter(|seen| seen["event"] == name && seen["data"]["step"] == step);
        let first = found.next().map(|seen| seen["data"].clone());
        assert!(found.next().is_none(), "{step} tells once");
        first
    };
    let rows = ways.iter().enumerate().map(|(number, way)| {
        let step = format!("way-{number}");
        let finished = of_step("step.finished", &step).expect("it ran");
        let error = finished["results"][way].as_i64().expect("a number");
        let told = of_step("job.warned", &step).map(|warned| {
            assert_eq!(warned["code"], "denied-calls", "{warned}");
            warned["message"].as_str().expect("text").to_owned()
        });
        (way.clone(), (error, told))
    });
    rows.collect()
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn each_is_denied_and_told(home: &TestHome, daemon: &TestDaemon) {
    let level = daemon.get("/healthz").body["details"]["sandbox"].to_string();
    if level != "\"full\"" {
        eprintln!("SKIPPED: this system has only {level}");
        return;
    }
    let rows = break_out(home, daemon);
    write_down(&rows);
    let table = Table::read();
    let errors = rows.iter().map(|(way, (error, _))| (way.as_str(), *error));
    table.hold_errors(errors);
    for (way, (_, told)) in &rows {
        let once = |call| format!("the sandbox denied `{call}` once");
        // What was to be read stands behind it.
        let told = told
            .as_deref()
            .map(|told| told.split_once(" (").map_or(told, |(told, _)| told));
        assert_eq!(told, table.counts(way).map(once).as_deref(), "{way}");
    }
    // Nobody else was touched.
    let neighbour = daemon.get("/jobs?pipeline=neighbour").body;
    assert!(neighbour.to_string().contains("\"running\""), "{neighbour}");
    assert!(
        daemon.get("/healthz").body["details"]["concerns"]
            .as_array()
            .is_some_and(Vec::is_empty)
    );
}

/// The rows as they would stand in the table, for whoever adds an attempt.
fn write_down(rows: &BTreeMap<String, (i64, Option<String>)>) {
    let lines = rows.iter().map(|(way, (error, told))| {
        let call = told.as_deref().and_then(|told| told.split('`').nth(1));
        let call = call.map_or("no".to_owned(), |call| format!("`{call}`"));
        format!("| {way} | {error} | {call} |\n")
    });
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("breakouts.md");
    fs::write(path, lines.collect::<String>()).expect("written");
}

fn with_a_neighbour() -> TestHome {
    let home = home("");
    home.pipeline(
        "neighbour",
        "watch: { folder: inbox/neighbour, quiet: 0s }\nsteps:\n  - { uses: misbehave, with: { mode: sleep } }\n",
    );
    home
}

#[test]
fn each_way_out_is_denied_and_told_by_the_job() {
    let home = with_a_neighbour();
    let daemon = home.serve();
    each_is_denied_and_told(&home, &daemon);
}

#[test]
fn each_way_out_is_denied_and_told_by_an_ordinary_users_daemon() {
    let mut home = with_a_neighbour();
    let daemon = home.serve_as_nobody();
    each_is_denied_and_told(&home, &daemon);
}

/// What a real daemon does on a kernel without these calls: the job with the level that it ran at, or why it does not start.
fn on_a_kernel_without(calls: &[libc::c_long], sandbox: &str) -> Result<Value, String> {
    let home = home(&format!("sandbox: {sandbox}\n"));
    let yaml = "watch: { folder: inbox/x, quiet: 0s }\nsteps:\n  - { uses: misbehave, with: { mode: behave } }\n";
    home.pipeline("x", yaml);
    let mut outcome = Err("it was not started".to_owned());
    // A process has the filters of the thread that started it.
    without(calls, || {
        let started = home.try_serve(|_| {});
        outcome = match started {
            Ok(daemon) => Ok(drop_and_wait(&home, &daemon, sample::pdf(1))),
            Err((status, log)) => Err(format!("{status:?}: {log}")),
        };
        async {}
    });
    outcome
}

#[test]
fn where_a_layer_is_missing_the_daemon_does_what_was_configured() {
    let layers: [(&str, &[libc::c_long]); 2] = [
        ("landlock", &[libc::SYS_landlock_create_ruleset]),
        ("seccomp", &[libc::SYS_seccomp]),
    ];
    for (layer, calls) in layers {
        let refused = on_a_kernel_without(calls, "require").expect_err("it does not start");
        let why = "the sandbox is required, but this system has no ";
        assert!(
            refused.contains(why) && refused.contains(layer),
            "{refused}"
        );
        let job = on_a_kernel_without(calls, "best_effort").expect("it starts");
        assert_eq!(job["state"], "succeeded", "{job}");
        let level = job["sandbox"].as_str().expect("it is told");
        let missing = format!("no {layer} (");
        assert!(
            level.starts_with("partial: ") && level.contains(&missing),
            "{level}"
        );
        let job = on_a_kernel_without(calls, "off").expect("it starts");
        assert_eq!(
            (&job["state"], &job["sandbox"]),
            (&json!("succeeded"), &json!("off"))
        );
    }
    let whole = on_a_kernel_without(&[], "require");
    match whole {
        Ok(job) => assert_eq!(job["sandbox"], "full", "{job}"),
        Err(refused) => assert!(refused.contains("this system has no "), "{refused}"),
    }
}
