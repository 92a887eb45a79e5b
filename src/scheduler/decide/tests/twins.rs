//! Files of one content, under `duplicates: skip` and `fail`.

use crate::job::attempt::{Bill, Ending};
use crate::job::event::{JobEvent, Queued, RequeueReason, Requeued};
use crate::job::redo::Verdict;
use crate::job::state::Job;
use crate::pipeline::checked::Duplicates;
use crate::problem::{Code, Problem};
use crate::scheduler::decide::tests::stand::{Bench, id, names, pipeline, redo, starts};
use crate::scheduler::input::{Action, Decision, Input};
use crate::time::Timestamp;
use std::sync::Arc;

/// A bench on which so many files of one content have come, the first of which runs.
fn bench(rule: Duplicates, files: u128) -> Bench {
    let mut bench = Bench::new(4, vec![pipeline("p", |text| text.duplicates = rule)]);
    for n in 1..=files {
        bench.arrive(n, "p");
        assert_eq!(starts(&bench.claim(n)).len(), usize::from(n == 1));
    }
    bench.begin(1);
    bench
}

fn end(bench: &mut Bench, n: u128, verdict: Verdict) -> Decision {
    bench.tell(Input::Prepared {
        job: id(n),
        result: Ok(redo(verdict)),
    });
    bench.tell(Input::Redone {
        job: id(n),
        result: Ok(Vec::new()),
    })
}

fn fail(bench: &mut Bench, n: u128) -> Decision {
    bench.end(n, Ending::Rejected, Code::PdfDamaged);
    let problem = Problem::new(Code::PdfDamaged, "no trailer");
    end(bench, n, Verdict::Fail { problem })
}

fn succeed(bench: &mut Bench, n: u128) -> Decision {
    let result = Ok((redo(Verdict::Succeed), Bill::default()));
    bench.tell(Input::AttemptEnded { job: id(n), result });
    bench.tell(Input::Redone {
        job: id(n),
        result: Ok(Vec::new()),
    })
}

/// Jobs whose ends are being prepared: whether they are skipped, and why they fail.
fn ending(decision: &Decision) -> Vec<(u128, bool, Option<Code>)> {
    let ends = decision.actions.iter().filter_map(|action| match action {
        Action::PrepareEnd { job, about } => {
            let code = about.problem.as_ref().map(|problem| problem.code);
            Some((job.0.0, about.archive.is_some(), code))
        }
        _ => None,
    });
    ends.collect()
}

fn job(bench: &Bench, n: u128) -> Job {
    bench.scheduler.job(id(n)).expect("it is open").clone()
}

#[test]
fn a_duplicate_of_an_open_job_waits_and_is_skipped_once_that_one_succeeds() {
    let mut bench = bench(Duplicates::Skip, 3);
    let why = bench.scheduler.why_queued(id(2)).expect("it waits");
    assert!(why.contains(&id(1).to_string()), "{why}");
    let decision = succeed(&mut bench, 1);
    assert_eq!(ending(&decision), [(2, true, None), (3, true, None)]);
    let said = &job(&bench, 3).warnings[0];
    assert!(said.contains(&format!("by job {}", id(1))), "{said}");
}

#[test]
fn a_duplicate_of_a_job_that_fails_is_processed_and_the_others_wait_for_it() {
    for rule in [Duplicates::Skip, Duplicates::Fail] {
        let mut bench = bench(rule, 4);
        let decision = fail(&mut bench, 1);
        assert_eq!(
            (starts(&decision), ending(&decision)),
            (vec![id(2)], vec![])
        );
        assert!(job(&bench, 2).warnings.is_empty());
        // One that comes now waits for the second, too.
        bench.arrive(5, "p");
        assert!(starts(&bench.claim(5)).is_empty());
        bench.begin(2);
        let decision = succeed(&mut bench, 2);
        let ended: Vec<u128> = ending(&decision).iter().map(|(n, ..)| *n).collect();
        assert_eq!(ended, [3, 4, 5]);
        let is_skipped = rule == Duplicates::Skip;
        let code = (!is_skipped).then_some(Code::Duplicate);
        let all = ending(&decision);
        assert!(all.iter().all(|end| (end.1, end.2) == (is_skipped, code)));
    }
}

#[test]
fn a_duplicate_is_processed_where_the_earlier_job_is_cancelled_or_the_rule_has_gone() {
    let mut stopped = bench(Duplicates::Skip, 2);
    stopped.tell(Input::Cancel { job: id(1) });
    stopped.end(1, Ending::Cancelled, Code::Cancelled);
    assert_eq!(starts(&end(&mut stopped, 1, Verdict::Cancel)), [id(2)]);

    let mut changed = bench(Duplicates::Skip, 2);
    changed.tell(Input::Pipelines(vec![pipeline("p", |_| {})]));
    assert_eq!(starts(&succeed(&mut changed, 1)), [id(2)]);
}

#[test]
fn a_duplicate_that_waits_can_be_cancelled() {
    let mut bench = bench(Duplicates::Skip, 3);
    let decision = bench.tell(Input::Cancel { job: id(2) });
    assert_eq!(ending(&decision), [(2, false, None)]);
    let decision = fail(&mut bench, 1);
    assert_eq!(starts(&decision), [id(3)]);
}

/// What the journal says of the second file once it has been read.
fn claimed(bench: &mut Bench, n: u128, duplicate_of: Option<u128>, was_done: bool) -> Decision {
    let queued = Queued {
        blake3: "ab".repeat(32),
        size: 1000,
        duplicate_of: duplicate_of.map(id),
        held_in: None,
    };
    bench.tell(Input::Claimed {
        job: id(n),
        result: Ok(queued),
        was_done,
    })
}

#[test]
fn an_end_counts_that_the_journal_did_not_know_of_when_it_was_asked() {
    // It knew the first one as open, or did not know its content at all.
    for known in [Some(1), None] {
        let mut done = bench(Duplicates::Skip, 1);
        done.arrive(2, "p");
        succeed(&mut done, 1);
        let decision = claimed(&mut done, 2, known, false);
        assert_eq!(ending(&decision), [(2, true, None)], "{known:?}");
        assert!(starts(&decision).is_empty());

        let mut failed = bench(Duplicates::Fail, 1);
        failed.arrive(2, "p");
        fail(&mut failed, 1);
        let decision = claimed(&mut failed, 2, known, false);
        assert_eq!(starts(&decision), [id(2)], "{known:?}");
    }
    // It knew of a failed one, and the content is at work meanwhile.
    let mut at_work = bench(Duplicates::Skip, 1);
    at_work.arrive(2, "p");
    assert!(starts(&claimed(&mut at_work, 2, Some(99), false)).is_empty());
    assert_eq!(ending(&succeed(&mut at_work, 1)), [(2, true, None)]);
}

#[test]
fn of_what_ended_long_ago_the_journal_knows() {
    for was_done in [false, true] {
        let mut bench = Bench::new(
            4,
            vec![pipeline("p", |text| text.duplicates = Duplicates::Skip)],
        );
        bench.arrive(2, "p");
        let decision = claimed(&mut bench, 2, Some(1), was_done);
        assert_eq!(starts(&decision).len(), usize::from(!was_done));
        assert_eq!(ending(&decision).len(), usize::from(was_done));
    }
}

#[test]
fn a_duplicate_goes_on_waiting_in_the_next_life_unless_a_person_wants_it() {
    let skip = || pipeline("p", |text| text.duplicates = Duplicates::Skip);
    let before = bench(Duplicates::Skip, 3);
    let jobs: Vec<Job> = (1..=3).map(|n| job(&before, n)).collect();
    let live = |pipelines: Vec<Arc<_>>, jobs: Vec<Job>| {
        let mut next = Bench::new(4, pipelines);
        next.scheduler.recover(jobs, vec![], next.now);
        let started = starts(&next.tell(Input::Tick));
        (next, started)
    };
    let (mut next, started) = live(vec![skip()], jobs.clone());
    assert_eq!(started, [id(1)]);
    next.begin(1);
    assert_eq!(starts(&fail(&mut next, 1)), [id(2)]);
    // The earlier one is not there any more: where nobody knows what became of it the content is processed.
    assert_eq!(live(vec![skip()], jobs[1..2].to_vec()).1, [id(2)]);
    let mut knows = Bench::new(4, vec![skip()]);
    knows.scheduler.were_done([id(1)]);
    let recovered = knows
        .scheduler
        .recover(jobs[1..2].to_vec(), vec![], knows.now);
    assert_eq!(ending(&recovered), [(2, true, None)]);

    let mut asked = jobs[1].clone();
    asked.state = crate::job::state::State::Failed;
    let event = JobEvent::Requeued(Requeued::new(RequeueReason::Asked));
    asked.apply(Timestamp(9), &event).expect("it may be");
    let (_, started) = live(vec![skip()], vec![jobs[0].clone(), asked]);
    assert_eq!(started, [id(1), id(2)]);
}

#[test]
fn nothing_waits_under_process() {
    let mut bench = Bench::new(4, vec![pipeline("p", |_| {})]);
    for n in [1, 2] {
        bench.arrive(n, "p");
        let decision = bench.claim(n);
        assert_eq!(names(&decision), ["job.queued"]);
        assert_eq!(starts(&decision), [id(n)]);
    }
}
