//! Promise: a look at a result ends with its attempt and with the pool, however long it would take.

use crate::workers::bench::{Bench, finish, plan};
use dropleaf::job::attempt::{Ending, Failure};
use dropleaf::plugin::grants::Grant;
use dropleaf::pool::update::{Stop, StopHandle};
use dropleaf::problem::Code;
use dropleaf::wire::message::Inspected;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::time::{Duration, Instant};

/// A bench whose next worker does nothing at all, a file for it, and a handle that stops what it is asked.
async fn with_a_worker_that_stands_still() -> (Bench, File, StopHandle) {
    let bench = Bench::new();
    let attempt = bench.begin(vec![bench.misbehave("behave")]);
    let stop = attempt.stop.clone();
    finish(attempt).await.ended.expect("it ran");
    let deadline = Instant::now() + Duration::from_secs(60);
    // The one that waits is younger than the nursery.
    let youngest = loop {
        if bench.pool.status().spare == 1 {
            break bench.processes().into_iter().max();
        }
        assert!(Instant::now() < deadline, "no worker waits");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let id = i32::try_from(youngest.expect("it lives")).expect("a process id");
    let pid = Pid::from_raw(id).expect("a process id");
    kill_process(pid, Signal::STOP).expect("it is our child");
    let path = bench.home.path().join("input.pdf");
    (bench, File::open(path).expect("it is there"), stop)
}

type Looked = Result<Result<Inspected, dropleaf::problem::Problem>, Failure>;

#[track_caller]
fn ended(looked: &Looked, ending: Ending) {
    let failure = looked.as_ref().expect_err("nobody has looked");
    assert_eq!(failure.ending, ending, "{failure:?}");
}

#[tokio::test]
async fn a_cancel_reaches_an_inspection() {
    let (bench, file, stop) = with_a_worker_that_stands_still().await;
    let begun = Instant::now();
    let look = bench
        .pool
        .inspect(plan(Vec::new()), &file, Duration::from_secs(120), &stop);
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop.stop(Stop::Cancelled);
    };
    let (looked, ()) = tokio::join!(look, cancel);
    ended(&looked, Ending::Cancelled);
    assert!(begun.elapsed() < Duration::from_secs(60));
    bench.is_well().await;
}

#[tokio::test]
async fn the_pools_end_is_the_end_of_inspections() {
    let (bench, file, stop) = with_a_worker_that_stands_still().await;
    let patience = Duration::from_secs(120);
    let look = bench.pool.inspect(plan(Vec::new()), &file, patience, &stop);
    let drain = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        bench.pool.drain(Duration::from_millis(200)).await;
    };
    let (looked, ()) = tokio::join!(look, drain);
    ended(&looked, Ending::Interrupted);
    let late = bench.pool.inspect(plan(Vec::new()), &file, patience, &stop);
    ended(&late.await, Ending::Interrupted);
}

#[test]
fn a_grant_that_is_refused_is_no_trouble_of_the_pool() {
    crate::workers::disguise::without(&[libc::SYS_landlock_create_ruleset], || async {
        let bench = Bench::new();
        bench.run_mode("behave").await.ended.expect("it ran");
        let file = File::open(bench.home.path().join("input.pdf")).expect("it is there");
        let grant = Grant {
            programs: vec!["/bin/true".into()],
            ..Grant::default()
        };
        let steps = vec![bench.misbehave("behave")];
        let limits = crate::workers::bench::limits();
        let ran = finish(bench.pool.run(plan(steps), file, grant, limits)).await;
        ran.failed(
            Ending::Failed,
            Code::SandboxMissing,
            "this system cannot limit which",
        );
        assert_eq!(bench.pool.status().trouble, None);
    });
}
