//! Ends that were decided, and a restart before anything was done about them.

use crate::job::attempt::{Bill, Ending};
use crate::job::event::{JobEvent, RequeueReason, Requeued};
use crate::job::redo::Verdict;
use crate::job::state::Job;
use crate::pipeline::checked::Duplicates;
use crate::problem::{Code, Problem};
use crate::scheduler::decide::tests::stand::{Bench, id, names, pipeline, redo, starts};
use crate::scheduler::input::{Action, Decision, EndOf, Input};
use crate::time::Timestamp;
use std::path::PathBuf;

fn bench(rule: Duplicates) -> Bench {
    Bench::new(4, vec![pipeline("p", |text| text.duplicates = rule)])
}

fn job(bench: &Bench, n: u128) -> Job {
    bench.scheduler.job(id(n)).expect("it is open").clone()
}

/// The ends that are being prepared.
fn ends(decision: &Decision) -> Vec<&EndOf> {
    let ends = decision.actions.iter().filter_map(|action| match action {
        Action::PrepareEnd { about, .. } => Some(&**about),
        _ => None,
    });
    ends.collect()
}

/// What the next life does about this job, as the journal has it.
fn next_life(job: &Job, rule: Duplicates) -> (Bench, Decision) {
    let kept = serde_json::to_string(job).expect("written");
    let kept = serde_json::from_str(&kept).expect("read");
    let mut next = bench(rule);
    let mut decision = next.scheduler.recover(vec![kept], vec![], next.now);
    let tick = next.tell(Input::Tick);
    decision.actions.extend(tick.actions);
    (next, decision)
}

#[test]
fn a_cancel_holds_in_the_next_life_wherever_the_job_stood() {
    let mut bench = bench(Duplicates::Process);
    for n in 1..=4 {
        bench.arrive(n, "p");
    }
    for n in 2..=4 {
        bench.claim(n);
    }
    bench.begin(3);
    bench.begin(4);
    bench.end(4, Ending::Environment, Code::FolderBlocked);
    let states = [1, 2, 3, 4].map(|n| bench.state(n));
    assert_eq!(states, ["claiming", "queued", "running", "waiting"]);
    for n in 1..=4 {
        let decision = bench.tell(Input::Cancel { job: id(n) });
        assert_eq!(names(&decision), ["job.warned"], "{n}: it is journalled");
        let again = bench.tell(Input::Cancel { job: id(n) });
        assert!(names(&again).is_empty(), "{n}: once");
        let (mut next, mut decision) = next_life(&job(&bench, n), Duplicates::Process);
        if n == 1 {
            assert!(matches!(decision.actions[..], [Action::Claim { .. }]));
            decision = next.claim(1);
        }
        assert!(starts(&decision).is_empty(), "{n}");
        assert!(matches!(
            ends(&decision)[..],
            [EndOf {
                problem: None,
                archive: None,
                ..
            }]
        ));
        assert!(next.scheduler.is_cancelled(id(n)));
    }
}

#[test]
fn a_duplicate_that_was_weighed_is_not_processed_in_the_next_life() {
    for rule in [Duplicates::Skip, Duplicates::Fail] {
        let mut first = bench(rule);
        for n in [1, 2] {
            first.arrive(n, "p");
            first.claim(n);
        }
        first.begin(1);
        let result = Ok((redo(Verdict::Succeed), Bill::default()));
        first.tell(Input::AttemptEnded { job: id(1), result });
        let result = Ok(Vec::new());
        first.tell(Input::Redone { job: id(1), result });
        let (_, decision) = next_life(&job(&first, 2), rule);
        assert!(starts(&decision).is_empty(), "{rule:?}");
        let [about] = ends(&decision)[..] else {
            panic!("{decision:?}");
        };
        let code = about.problem.as_ref().map(|problem| problem.code);
        let is_failed = rule == Duplicates::Fail;
        assert_eq!(code, is_failed.then_some(Code::Duplicate));
        assert_eq!(about.archive.is_some(), !is_failed);
        // An end that cannot be prepared is prepared again as what it was.
        let full = Problem::new(Code::DiskFull, "no space left");
        let result = Err(full);
        first.tell(Input::Prepared { job: id(2), result });
        first.now = Timestamp(first.now.0 + 60_000);
        let decision = first.tell(Input::Tick);
        assert_eq!(ends(&decision)[0].archive.is_some(), !is_failed);
    }
}

#[test]
fn a_job_whose_notes_cannot_be_written_fails_in_the_next_life_without_another_attempt() {
    let mut bench = bench(Duplicates::Process);
    bench.arrive(1, "p");
    bench.claim(1);
    bench.begin(1);
    bench.end(1, Ending::Rejected, Code::PdfDamaged);
    let result = Err(Problem::new(Code::FolderBlocked, "`failed` is not there"));
    bench.tell(Input::Prepared { job: id(1), result });
    let failed = job(&bench, 1);
    let (_, decision) = next_life(&failed, Duplicates::Process);
    assert!(starts(&decision).is_empty());
    let [about] = ends(&decision)[..] else {
        panic!("{decision:?}");
    };
    let problem = about.problem.as_ref().expect("it fails");
    assert_eq!(problem.code, Code::PdfDamaged);

    let mut asked = failed;
    asked.state = crate::job::state::State::Failed;
    let event = JobEvent::Requeued(Requeued::new(RequeueReason::Asked));
    asked.apply(Timestamp(9), &event).expect("it may be");
    let (_, decision) = next_life(&asked, Duplicates::Process);
    assert_eq!(starts(&decision), [id(1)], "a person wants it processed");
}

#[test]
fn a_cancel_while_results_are_staged_discards_them() {
    let mut bench = bench(Duplicates::Process);
    bench.arrive(1, "p");
    bench.claim(1);
    bench.begin(1);
    bench.tell(Input::WorkerDone { job: id(1) });
    bench.scheduler.can_cancel(id(1)).expect("it can be");
    bench.tell(Input::Cancel { job: id(1) });
    let mut list = redo(Verdict::Succeed);
    let mut output = list.moves[0].clone();
    output.kind = crate::job::redo::MoveKind::Document;
    output.from = PathBuf::from("/out/staged").into();
    list.moves = [output].into_iter().chain(list.moves.to_vec()).collect();
    let result = Ok((list, Bill::default()));
    let decision = bench.tell(Input::AttemptEnded { job: id(1), result });
    assert!(names(&decision).is_empty(), "nothing is delivered");
    let [about] = ends(&decision)[..] else {
        panic!("{decision:?}");
    };
    assert_eq!((&about.problem, &about.archive), (&None, &None));
    assert_eq!(about.staged, [PathBuf::from("/out/staged")]);
}
