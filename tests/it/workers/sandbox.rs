//! Promise: a hostile document or plugin reaches nothing but its own worker.

use crate::workers::bench::Bench;
use dropleaf::job::attempt::Ending;
use dropleaf::problem::Code;
use dropleaf::worker::options::Sandbox;
use serde_json::json;

/// Whether this system has all layers; where it has not, the tests below only look at what is there.
async fn level(bench: &Bench) -> String {
    bench.pool.probe().await.expect("a worker starts")
}

#[tokio::test]
async fn ways_out_of_a_worker_are_closed() {
    let bench = Bench::new();
    let level = level(&bench).await;
    let by_system_calls = [
        ("exec", "execv"),
        ("fork", "fork"),
        ("socket", "socket"),
        ("kill-parent", "kill"),
        ("signal-parent", "fcntl"),
        ("trace-parent", "ptrace"),
        ("read-parent", "process_vm_readv"),
        ("limits", "setrlimit"),
        ("outlive", "prctl"),
    ];
    for (mode, call) in by_system_calls
        .iter()
        .filter(|_| !level.contains("seccomp"))
    {
        let ran = bench.run_mode(mode).await;
        ran.failed(
            Ending::Failed,
            Code::StepFailed,
            &format!("{call}: Operation not permitted"),
        );
    }
    for mode in ["passwd", "tmp", "store"]
        .iter()
        .filter(|_| !level.contains("landlock"))
    {
        let ran = bench.run_mode(mode).await;
        ran.failed(Ending::Failed, Code::StepFailed, "Permission denied");
    }
    assert!(
        !std::path::Path::new("/tmp/dropleaf-faulty-was-here").exists()
            || level.contains("landlock")
    );
    bench.is_well().await;
}

#[tokio::test]
async fn a_worker_knows_no_more_than_it_must() {
    let bench = Bench::new();
    let ran = bench.run_mode("look").await;
    let seen = ran.results();
    let environment: Vec<String> =
        serde_json::from_value(seen["environment"].clone()).expect("a list");
    assert!(
        environment
            .iter()
            .all(|name| ["MALLOC_ARENA_MAX", "LANG", "TZ"].contains(&name.as_str())),
        "{environment:?}"
    );
    assert_eq!(seen["job"], json!("01JOB"));
    assert_eq!(seen["stem"], json!("scan"));
    assert_eq!(
        seen["secret"],
        json!(null),
        "passwords are not told to operations"
    );
    if rustix::process::geteuid().is_root() && level(&bench).await == "full" {
        assert!(seen["uid"].as_u64() >= Some(60_700), "{seen:?}");
    }
}

#[tokio::test]
async fn the_level_is_told_and_can_be_required() {
    let off = Bench::with(|config| config.sandbox = Sandbox::Off);
    assert_eq!(level(&off).await, "off");
    assert_eq!(off.run_mode("behave").await.bill().pages_out, 3);
    let required = Bench::with(|config| config.sandbox = Sandbox::Require);
    match required.pool.probe().await {
        Ok(level) => assert_eq!(level, "full"),
        Err(error) => assert!(error.to_string().contains("this system has no "), "{error}"),
    }
    let best = Bench::new();
    let told = level(&best).await;
    assert!(told == "full" || told.starts_with("partial: no "), "{told}");
    assert_eq!(best.pool.status().sandbox, Some(told));
}

#[tokio::test]
async fn a_required_sandbox_that_is_missing_fails_jobs_by_name() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // As root without a user to become, one layer is missing on every system.
    let bench = Bench::with(|config| {
        config.sandbox = Sandbox::Require;
        config.first_user = None;
    });
    let error = bench.pool.probe().await.expect_err("it is refused");
    assert!(error.to_string().contains("no user of its own"), "{error}");
    let ran = bench.run_mode("behave").await;
    ran.failed(Ending::Failed, Code::SandboxMissing, "no user of its own");
    assert!(bench.pool.status().trouble.is_some());
}

#[tokio::test]
async fn a_worker_that_cannot_start_is_said_so() {
    let bench = Bench::with(|config| config.executable = "/nonexistent/dropleaf".into());
    let ran = bench.run_mode("behave").await;
    ran.failed(
        Ending::Failed,
        Code::WorkerFailed,
        "failed to start a worker process: No such file",
    );
    let bench = Bench::with(|config| config.executable = "/bin/true".into());
    let ran = bench.run_mode("behave").await;
    ran.failed(
        Ending::Failed,
        Code::WorkerFailed,
        "it ended before it was ready (exit status: 0)",
    );
}

#[tokio::test]
async fn a_nursery_that_died_is_replaced() {
    let bench = Bench::new();
    bench.run_mode("behave").await.ended.expect("it ran");
    let family = family(&bench).await;
    for (id, _) in &family {
        let pid = rustix::process::Pid::from_raw(*id).expect("a process id");
        // One that has ended in between is dead too.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    for (id, _) in family {
        // Until it is dead to the last, the pool may ask the worker that waits, and see it crash.
        while std::fs::read_to_string(format!("/proc/{id}/stat"))
            .is_ok_and(|stat| !stat.contains(") Z "))
        {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    bench.run_mode("behave").await.ended.expect("it ran again");
}

#[tokio::test]
async fn a_worker_is_the_daemons_child_and_leads_its_own_group() {
    let bench = Bench::new();
    let own = i32::try_from(std::process::id()).expect("it fits");
    for (id, [parent, group]) in family(&bench).await {
        assert_eq!((parent, group), (own, id));
    }
}

/// The nursery of this pool and the worker that waits, each with its parent and its group.
async fn family(bench: &Bench) -> Vec<(i32, [i32; 2])> {
    let store = bench.store().to_string_lossy().into_owned();
    let found = |entry: std::io::Result<std::fs::DirEntry>| {
        let id: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let words = std::fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(1);
        let mut field = || fields.next()?.parse().ok();
        let place = [field()?, field()?];
        words.contains(&store).then_some((id, place))
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let family: Vec<_> = std::fs::read_dir("/proc")
            .expect("it can be listed")
            .filter_map(found)
            .collect();
        // Nothing tells when the worker that waits is ready.
        if family.len() == 2 && bench.pool.status().spare == 1 {
            return family;
        }
        assert!(std::time::Instant::now() < deadline, "{family:?}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
