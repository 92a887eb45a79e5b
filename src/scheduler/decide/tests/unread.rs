//! Files that were taken and whose contents were not read.

use crate::job::redo::Verdict;
use crate::problem::Code;
use crate::scheduler::decide::tests::stand::{Bench, id, names, pipeline, redo};
use crate::scheduler::input::{Action, ClaimFailure, Decision, Input};
use std::sync::Arc;

fn unread(bench: &mut Bench, why: ClaimFailure) -> Decision {
    bench.tell(Input::Claimed {
        job: id(1),
        result: Err(why),
        was_done: false,
    })
}

#[test]
fn a_file_that_is_too_large_fails_without_an_attempt() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    let (size, limit) = (1 << 42, 1 << 29);
    let decision = unread(&mut bench, ClaimFailure::TooLarge { size, limit });
    let [Action::Taken { .. }, Action::PrepareEnd { about, .. }] = &decision.actions[..] else {
        panic!("{:?}", decision.actions);
    };
    let problem = about.problem.clone().expect("it fails");
    assert_eq!(problem.code, Code::TooLarge);
    assert!(problem.detail.contains("`max_input_mb`"), "{problem:?}");
    let verdict = Verdict::Fail { problem };
    let ended = bench.tell(Input::Prepared {
        job: id(1),
        result: Ok(redo(verdict)),
    });
    assert_eq!(names(&ended), ["job.delivering"]);
    let job = bench.scheduler.job(id(1)).expect("it is open");
    assert_eq!(job.blake3, None, "nobody knows it");
}

#[test]
fn a_job_can_be_cancelled_while_its_file_is_being_read() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    let decision = bench.tell(Input::Cancel { job: id(1) });
    assert!(matches!(decision.actions[..], [Action::HaltClaim { .. }]));
    let decision = unread(&mut bench, ClaimFailure::Halted);
    let [Action::Taken { .. }, Action::PrepareEnd { about, .. }] = &decision.actions[..] else {
        panic!("{:?}", decision.actions);
    };
    assert_eq!(about.problem, None, "it is cancelled");
}

#[test]
fn a_stop_does_not_wait_for_a_file_that_is_being_read() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    bench.tell(Input::Drain);
    bench.tell(Input::Interrupt);
    assert_eq!(bench.scheduler.busy(), 1);
    let decision = unread(&mut bench, ClaimFailure::Halted);
    assert!(names(&decision).is_empty());
    assert_eq!((bench.scheduler.busy(), bench.state(1)), (0, "claiming"));
}

#[test]
fn a_job_is_about_the_content_that_was_delivered() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    bench.claim(1);
    bench.begin(1);
    let mut redo = redo(Verdict::Succeed);
    Arc::make_mut(&mut redo.moves)[0].blake3 = "cd".repeat(32);
    bench.tell(Input::AttemptEnded {
        job: id(1),
        result: Ok((redo, crate::job::attempt::Bill::default())),
    });
    let job = bench.scheduler.job(id(1)).expect("it delivers");
    assert_eq!(job.blake3, Some("cd".repeat(32)));
}

#[test]
fn a_file_that_can_be_neither_taken_nor_put_back_is_claimed_again() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    let stuck = || ClaimFailure::Stuck("the disk fails".to_owned());
    for said in [&["job.warned"][..], &[]] {
        let decision = unread(&mut bench, stuck());
        assert_eq!(names(&decision), said);
        assert!(decision.actions.is_empty(), "{:?}", decision.actions);
        assert_eq!((bench.scheduler.busy(), bench.state(1)), (0, "claiming"));
        assert_eq!(bench.scheduler.obstacles().count(), 1);
        let due = bench.scheduler.next_deadline().expect("it goes on");
        assert_eq!(due.since(bench.now).as_secs(), 10);
        bench.now = due;
        let decision = bench.tell(Input::Tick);
        assert!(matches!(
            decision.actions[..],
            [Action::Claim { again: true, .. }]
        ));
        assert_eq!(bench.scheduler.busy(), 1);
    }
    assert_eq!(names(&bench.claim(1)), ["job.queued"]);
    assert_eq!(bench.scheduler.obstacles().count(), 0);
    let job = bench.scheduler.job(id(1)).expect("it is open");
    assert!(job.is_as_it_was_taken(), "it may have waited for a twin");
}

#[test]
fn a_cancel_does_not_leave_behind_what_may_be_held() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    unread(&mut bench, ClaimFailure::Stuck("the disk fails".to_owned()));
    let decision = bench.tell(Input::Cancel { job: id(1) });
    assert!(matches!(decision.actions[..], [Action::HaltClaim { .. }]));
    bench.now = bench.scheduler.next_deadline().expect("it goes on");
    let decision = bench.tell(Input::Tick);
    assert!(matches!(decision.actions[..], [Action::Claim { .. }]));
    let decision = unread(&mut bench, ClaimFailure::Halted);
    assert!(matches!(
        decision.actions[..],
        [Action::Taken { .. }, Action::PrepareEnd { .. }]
    ));
}
