//! One life of the daemon: started, loaded, killed. And the last one, which ends well.

use super::Report;
use super::follower::Follower;
use super::load::Load;
use crate::daemon::{TestDaemon, TestHome};
use crate::process::{ended, kill};
use serde_json::Value;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the last life may take to work everything off.
const LAST: Duration = Duration::from_secs(300);
/// How long it may take to use its pipelines.
const LOADED: Duration = Duration::from_secs(20);
/// The longest life before the kill.
const LONGEST: u64 = 900;
/// Failpoints are passed at a rate of some hundred a second under load.
const FARTHEST: u32 = 250;

/// A life that ends by kill -9.
pub(super) fn one(
    home: &TestHome,
    random: &mut fastrand::Rng,
    mut load: Load,
    follower: &Follower,
    report: &mut Report,
) -> Result<(), String> {
    load.before_start();
    if random.u8(..8) == 0 {
        early(home, random)?;
        report.early += 1;
        return Ok(());
    }
    let failpoint = random.bool().then(|| random.u32(1..FARTHEST));
    let crash = failpoint.map(|after| after.to_string());
    let daemon = match &crash {
        None => home.try_serve(|_| {}),
        Some(after) => home.try_serve(|command| {
            command.env("DROPLEAF_CRASH_AFTER", after);
        }),
    };
    let daemon = match daemon {
        Ok(daemon) => daemon,
        // It came to its failpoint before it listened.
        Err((status, _)) if failpoint.is_some() && killed(status) => {
            report.early += 1;
            return Ok(());
        }
        Err((status, log)) => {
            return Err(format!(
                "the daemon did not start again ({status:?}):\n{log}"
            ));
        }
    };
    follower.listens_at(Some(daemon.address()));
    let stop = AtomicBool::new(false);
    let (workers, by_failpoint) = std::thread::scope(|scope| {
        let working = scope.spawn(|| load.go_on(daemon.address(), daemon.pid(), &stop));
        let by_failpoint = wait(&daemon, Duration::from_millis(random.u64(20..LONGEST)));
        kill(daemon.pid());
        stop.store(true, Ordering::Relaxed);
        (
            working.join().expect("the load does not panic"),
            by_failpoint,
        )
    });
    follower.listens_at(None);
    report.workers += workers;
    report.kills += 1;
    report.failpoints += u32::from(by_failpoint);
    let log = daemon.log();
    daemon.kill();
    match log.lines().find(|line| line.contains("panicked at")) {
        Some(panic) => Err(format!("the daemon panicked: {panic}\n{log}")),
        None => Ok(()),
    }
}

/// Kills it before it says that it listens, at any moment of its start and of its repairs.
fn early(home: &TestHome, random: &mut fastrand::Rng) -> Result<(), String> {
    let mut command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command
        .spawn()
        .map_err(|error| format!("the daemon cannot be started: {error}"))?;
    std::thread::park_timeout(Duration::from_millis(random.u64(..150)));
    // It may have ended by itself: then the next start will say why.
    let _ = child.kill();
    let _ = child.wait();
    Ok(())
}

/// Waits so long, or until the daemon has killed itself: then true.
fn wait(daemon: &TestDaemon, time: Duration) -> bool {
    let end = Instant::now() + time;
    while Instant::now() < end {
        if ended(daemon.pid()) {
            return true;
        }
        std::thread::park_timeout(Duration::from_millis(3));
    }
    false
}

fn killed(status: Option<std::process::ExitStatus>) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.and_then(|status| status.signal()) == Some(9)
}

/// Waits until a pipeline is in use. It is not at once where the home is so young that its plugins have not come to rest.
fn is_loaded(daemon: &TestDaemon, pipeline: &str) -> Result<(), String> {
    let deadline = Instant::now() + LOADED;
    loop {
        let loaded = daemon.get(&format!("/pipelines/{pipeline}")).body;
        if loaded["faults"].as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("the pipeline {pipeline} is not loaded: {loaded}"));
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Starts the daemon on what the kills left, with sound pipelines and no more load; waits until all is worked off; gives
/// the journal's events after number `from` as the API tells them, and stops the daemon the clean way.
pub(super) fn last(home: &TestHome, follower: &Follower, from: u64) -> Result<Vec<Value>, String> {
    for pipeline in &super::input::PIPELINES {
        home.pipeline(pipeline.id, &pipeline.yaml(u32::MAX));
    }
    let daemon = home
        .try_serve(|_| {})
        .map_err(|(status, log)| format!("the daemon did not start again ({status:?}):\n{log}"))?;
    follower.listens_at(Some(daemon.address()));
    for pipeline in &super::input::PIPELINES {
        is_loaded(&daemon, pipeline.id)?;
    }
    let deadline = Instant::now() + LAST;
    while !super::verdict::at_rest(home, |path| daemon.get(path).body) {
        if Instant::now() > deadline {
            let open = daemon
                .get("/jobs?limit=20&state=claiming,queued,running,waiting,delivering")
                .body;
            return Err(format!(
                "not all work came to its end within {LAST:?}; open: {open}\n{}",
                daemon.log()
            ));
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let history = history(&daemon, from)?;
    follower.await_seq(
        history
            .last()
            .and_then(|event| event["data"]["seq"].as_u64())
            .unwrap_or(0),
    );
    follower.listens_at(None);
    let status = daemon.stop();
    if status.success() {
        Ok(history)
    } else {
        Err(format!("the daemon did not end well: {status:?}"))
    }
}

/// Every event of the journal after number `from`, by the pages of the API.
fn history(daemon: &TestDaemon, from: u64) -> Result<Vec<Value>, String> {
    let newest = daemon.get("/jobs?limit=1").body["cursor"]
        .as_str()
        .map(str::to_owned);
    let newest = newest.ok_or("a list of jobs has no cursor")?;
    let epoch = newest.split('-').next().unwrap_or_default();
    let mut cursor = format!("{epoch}-{from}");
    let mut events = Vec::new();
    loop {
        let page = daemon.get(&format!("/events/history?after={cursor}"));
        let found = page.body["events"]
            .as_array()
            .cloned()
            .ok_or_else(|| format!("no history: {}", page.body))?;
        let complete = found.is_empty() || page.body["complete"].as_bool() == Some(true);
        events.extend(found);
        page.body["cursor"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut cursor);
        if complete {
            return Ok(events);
        }
    }
}
