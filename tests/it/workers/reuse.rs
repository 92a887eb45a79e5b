//! Promise: where workers are used again, one attempt finds nothing of another one: not its log, not its limits, not its blame.

use crate::workers::bench::{Bench, Ran, finish, limits, plan};
use dropleaf::job::attempt::Ending;
use dropleaf::pool::update::{Attempt, Kin, Limits, Stop, Update};
use dropleaf::problem::Code;
use dropleaf::wire::message::{Plan, PlanStep};
use dropleaf_test_support::sample;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::File;
use std::time::Duration;

const MOST: u32 = 1000;

fn bench(reuse: u32) -> Bench {
    Bench::with(|config| config.reuse = reuse)
}

fn kin() -> Kin {
    Kin::of("p", "1", ["00ff"])
}

fn begin(bench: &Bench, plan: Plan, kin: Kin, limits: Limits) -> Attempt {
    let path = bench.home.path().join("input.pdf");
    std::fs::write(&path, sample::pdf(3)).expect("written");
    let input = File::open(&path).expect("opened");
    bench.pool.run_among(plan, input, kin, limits)
}

async fn run(bench: &Bench, step: PlanStep) -> Ran {
    finish(begin(bench, plan(vec![step]), kin(), limits())).await
}

async fn mode(bench: &Bench, mode: &str) -> Ran {
    run(bench, bench.misbehave(mode)).await
}

async fn with_text(bench: &Bench, mode: &str, text: &str) -> Ran {
    let step = bench.step("misbehave", json!({ "mode": mode, "text": text }));
    run(bench, step).await
}

fn worker(ran: &Ran) -> u32 {
    let began = ran.updates.iter().find_map(|update| match update {
        Update::Began { worker, .. } => Some(*worker),
        _ => None,
    });
    began.expect("it began")
}

#[tokio::test]
async fn a_worker_runs_as_many_attempts_as_it_may_and_ends() {
    let bench = bench(3);
    let mut workers = Vec::new();
    for _ in 0..7 {
        let ran = mode(&bench, "behave").await;
        let bill = ran.bill();
        assert_eq!((bill.parses, bill.saves, bill.pages_out), (1, 1, 3));
        assert_eq!(sample::rotations(&ran.outputs()[0].1), [90, 90, 90]);
        workers.push(worker(&ran));
    }
    assert_eq!(workers[0], workers[2], "{workers:?}");
    assert_eq!(workers[3], workers[5], "{workers:?}");
    let different: BTreeSet<&u32> = workers.iter().collect();
    assert_eq!(different.len(), 3, "{workers:?}");
    assert_eq!(bench.pool.status().resting, 1);
    bench.pool.drain(Duration::from_secs(5)).await;
    assert_eq!(bench.pool.status().resting, 0);
}

#[tokio::test]
async fn nobody_shares_a_worker_by_default_or_without_kin() {
    for reuse in [1, MOST] {
        let bench = bench(reuse);
        let first = bench.run_mode("behave").await;
        let second = bench.run_mode("behave").await;
        assert_ne!(worker(&first), worker(&second));
        assert_eq!(bench.pool.status().resting, 0);
    }
    let bench = bench(1);
    let first = mode(&bench, "behave").await;
    assert_ne!(worker(&first), worker(&mode(&bench, "behave").await));
}

#[tokio::test]
async fn only_kin_share_a_worker() {
    let bench = Bench::with(|config| {
        config.reuse = MOST;
        config.workers = 4;
    });
    let mut workers = BTreeSet::new();
    for kin in [
        kin(),
        Kin::of("other", "1", ["00ff"]),
        Kin::of("p", "2", ["00ff"]),
        Kin::of("p", "1", ["ff00"]),
    ] {
        let plan = plan(vec![bench.misbehave("behave")]);
        let ran = finish(begin(&bench, plan, kin, limits())).await;
        assert!(workers.insert(worker(&ran)), "{workers:?}");
    }
    assert!(workers.contains(&worker(&mode(&bench, "behave").await)));
    assert_eq!(bench.pool.status().resting, 4);
}

#[tokio::test]
async fn what_an_attempt_leaves_behind_ends_its_worker() {
    for trace in [
        "threads",
        "leak-file",
        "change-folder",
        "handle-signal",
        "wind-timer",
        "round-up",
        "unmask",
        "nonblocking",
        "change-locale",
        "socket",
        "flood-print",
        "error-after-edit",
        "panic",
        "reject",
        "finish-early",
    ] {
        let bench = bench(MOST);
        let first = mode(&bench, "behave").await;
        let traced = mode(&bench, trace).await;
        assert_eq!(worker(&first), worker(&traced), "{trace}");
        let next = mode(&bench, "behave").await;
        assert_ne!(worker(&traced), worker(&next), "{trace}");
        assert_eq!(next.bill().pages_out, 3, "{trace}");
        assert!(next.warnings().is_empty(), "{trace}: {:?}", next.updates);
        assert!(next.logs().is_empty(), "{trace}: {:?}", next.updates);
    }
}

#[tokio::test]
async fn a_failed_step_that_is_passed_over_ends_its_worker() {
    let bench = bench(MOST);
    let passed = PlanStep {
        continue_on_error: true,
        ..bench.misbehave("error-after-edit")
    };
    let ran = run(&bench, passed).await;
    assert_eq!(ran.bill().pages_out, 3);
    assert_ne!(worker(&ran), worker(&mode(&bench, "behave").await));
}

#[tokio::test]
async fn memory_that_is_lost_bit_by_bit_ends_its_worker() {
    let bench = bench(MOST);
    let mut workers = BTreeSet::new();
    for _ in 0..12 {
        let ran = mode(&bench, "leak").await;
        assert_eq!(ran.bill().pages_out, 3);
        workers.insert(worker(&ran));
    }
    assert!((2..12).contains(&workers.len()), "{workers:?}");
}

#[tokio::test]
async fn what_an_attempt_prints_is_its_own() {
    let bench = bench(MOST);
    let first = mode(&bench, "print").await;
    let half = with_text(&bench, "print-half", "no end of").await;
    let last = with_text(&bench, "print-half", "").await;
    assert_eq!(worker(&first), worker(&last));
    assert_eq!(
        first.logs(),
        ["hello from standard output", "hello from standard error"]
    );
    assert_eq!(half.logs(), ["no end of"]);
    assert!(last.logs().is_empty(), "{:?}", last.updates);
}

#[tokio::test]
async fn a_crash_is_blamed_on_its_own_attempt() {
    let bench = bench(MOST);
    let good = mode(&bench, "behave").await;
    let crashed = mode(&bench, "abort").await;
    crashed.failed(Ending::Crashed, Code::PluginCrashed, "SIGABRT");
    assert_eq!(worker(&good), worker(&crashed));
    assert_eq!(crashed.crash().worker, worker(&crashed));
    assert_eq!(mode(&bench, "behave").await.bill().pages_out, 3);
    assert_eq!(bench.pool.status().crashed, 1);
}

#[tokio::test]
async fn a_worker_that_dies_while_it_waits_is_nobodys_fault() {
    let bench = bench(MOST);
    let first = mode(&bench, "behave").await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(worker(&first)).expect("an id"));
    rustix::process::kill_process(pid.expect("an id"), rustix::process::Signal::KILL)
        .expect("it waits");
    let stat = format!("/proc/{}/stat", worker(&first));
    // A killed process takes its time on a busy machine.
    let lives = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    while lives() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let next = mode(&bench, "behave").await;
    assert_ne!(worker(&first), worker(&next));
    assert_eq!(next.bill().pages_out, 3);
    assert_eq!(bench.pool.status().crashed, 0);
}

#[tokio::test]
async fn processor_time_is_counted_for_each_attempt() {
    let bench = Bench::with(|config| {
        config.reuse = MOST;
        config.limits.cpu_seconds = 2;
    });
    let mut workers = BTreeSet::new();
    for _ in 0..4 {
        let ran = with_text(&bench, "burn", "1000").await;
        let spent = ran.bill().cpu_ms;
        assert!((1000..2000).contains(&spent), "{spent} ms are its own");
        workers.insert(worker(&ran));
    }
    assert_eq!(workers.len(), 1, "together they took 4 s, each 1 s");
    let spinning = mode(&bench, "spin-deaf").await;
    assert!(workers.contains(&worker(&spinning)));
    spinning.failed(Ending::TimedOut, Code::CpuLimit, "more than 2 s");
}

#[tokio::test]
async fn who_is_cancelled_ends_his_worker() {
    let bench = bench(MOST);
    let first = mode(&bench, "behave").await;
    let plan = plan(vec![bench.misbehave("sleep")]);
    let mut attempt = begin(&bench, plan, kin(), limits());
    let stop = attempt.stop.clone();
    while !matches!(attempt.updates.recv().await, Some(Update::StepStarted(_))) {}
    stop.stop(Stop::Cancelled);
    let cancelled = finish(attempt).await;
    cancelled.failed(Ending::Cancelled, Code::Cancelled, "");
    let next = mode(&bench, "behave").await;
    assert_ne!(worker(&first), worker(&next));
    assert_eq!(next.bill().pages_out, 3);
}

#[tokio::test]
async fn who_takes_too_long_ends_his_worker() {
    let bench = bench(MOST);
    let first = mode(&bench, "behave").await;
    let slow = plan(vec![bench.misbehave("sleep-deaf")]);
    let short = Limits {
        deadline: Duration::from_millis(300),
        ..limits()
    };
    let ran = finish(begin(&bench, slow, kin(), short)).await;
    ran.failed(Ending::TimedOut, Code::TimedOut, "");
    assert_ne!(worker(&first), worker(&mode(&bench, "behave").await));
}

#[tokio::test]
async fn nobody_waits_for_long() {
    let bench = bench(MOST);
    mode(&bench, "behave").await;
    assert_eq!(bench.pool.status().resting, 1);
    let gone = async {
        while bench.pool.status().resting > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .expect("it ends after some seconds");
    assert_eq!(mode(&bench, "behave").await.bill().pages_out, 3);
}
