//! What the journal is told, and what it is not.

use super::stand::{Bench, id, names, pipeline};
use crate::job::attempt::Ending;
use crate::problem::Code;
use crate::scheduler::input::{Closed, Input, Lack};
use std::path::PathBuf;

#[test]
fn a_pipeline_without_a_good_revision_can_be_paused() {
    let mut bench = Bench::new(1, Vec::new());
    let pause = |reason: Option<&str>| Input::Pause {
        pipeline: "p".to_owned(),
        reason: reason.map(str::to_owned),
    };
    assert_eq!(
        names(&bench.tell(pause(Some("lunch")))),
        ["pipeline.paused"]
    );
    bench.tell(Input::Pipelines(vec![pipeline("p", |_| {})]));
    assert_eq!(bench.scheduler.paused("p"), Some("lunch"));
    assert_eq!(names(&bench.tell(pause(None))), ["pipeline.resumed"]);
}

#[test]
fn a_disk_that_stays_low_is_journalled_once() {
    let mut bench = Bench::new(1, Vec::new());
    let mut intake = |lack: Option<Lack>, free: u32| {
        let closed = lack.map(|lack| Closed {
            lack,
            reason: format!("only {free} MiB are free"),
        });
        let decision = bench.tell(Input::Intake { closed });
        let said = bench.scheduler.intake_closed().map(str::to_owned);
        (names(&decision), said)
    };
    let low = || Some(Lack::Room(PathBuf::from("/out")));
    let text = |free: u32| Some(format!("only {free} MiB are free"));
    assert_eq!(intake(low(), 9), (vec!["daemon.intake"], text(9)));
    assert_eq!(
        intake(low(), 8),
        (vec![], text(8)),
        "who asks is told the last"
    );
    assert_eq!(
        intake(Some(Lack::Reserve), 8),
        (vec!["daemon.intake"], text(8))
    );
    assert_eq!(intake(None, 0), (vec!["daemon.intake"], None));
    assert_eq!(intake(None, 0), (vec![], None));
}

#[test]
fn an_attempt_that_a_stop_meets_before_its_begin_is_told_nothing() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    bench.claim(1);
    bench.tell(Input::Drain);
    bench.tell(Input::Interrupt);
    let decision = bench.end(1, Ending::Interrupted, Code::Interrupted);
    assert!(names(&decision).is_empty(), "{decision:?}");
    let job = bench.scheduler.job(id(1)).expect("open");
    assert_eq!((job.state.word(), job.rev), ("queued", 2));
}
