//! A step under `continue_on_error` that takes its worker along: the job begins again without it.

use crate::event::Event;
use crate::job::attempt::{Bill, Ending};
use crate::job::event::{JobEvent, Requeued, StepPlace, WorkerCrashed};
use crate::job::redo::Verdict;
use crate::job::state::{Job, State};
use crate::pipeline::checked::Pipeline;
use crate::problem::{Code, Problem};
use crate::scheduler::decide::tests::stand::{Bench, id, names, pipeline, redo, starts};
use crate::scheduler::input::{Action, Decision, Input, Start};
use crate::time::Timestamp;
use std::sync::Arc;

fn indulgent(change: impl FnOnce(&mut Pipeline)) -> Arc<Pipeline> {
    pipeline("p", |pipeline| {
        pipeline.steps[0].continue_on_error = true;
        change(pipeline);
    })
}

/// A bench whose first job is about to run.
fn bench(pipeline: Arc<Pipeline>) -> Bench {
    let mut bench = Bench::new(1, vec![pipeline]);
    bench.arrive(1, "p");
    bench.claim(1);
    bench
}

fn told(bench: &mut Bench, event: JobEvent) {
    bench.tell(Input::Told { job: id(1), event });
}

/// The attempt begins and comes to the step on this document.
fn reach(bench: &mut Bench, part: u32) {
    bench.begin(1);
    let place = StepPlace {
        step: "rotate".to_owned(),
        index: 0,
        part,
        parts: 3,
    };
    told(bench, JobEvent::StepStarted(place));
}

fn crash(bench: &mut Bench) -> Decision {
    let problem = Problem::new(Code::PluginCrashed, "signal 11");
    let crashed = WorkerCrashed {
        worker: 7,
        signal: Some(11),
        exit: None,
        problem,
    };
    told(bench, JobEvent::WorkerCrashed(crashed));
    bench.end(1, Ending::Crashed, Code::PluginCrashed)
}

fn started(decision: &Decision) -> &Start {
    let start = decision.actions.iter().find_map(|action| match action {
        Action::Start(start) => Some(start),
        _ => None,
    });
    start.expect("an attempt starts")
}

fn job(bench: &Bench) -> Job {
    bench.scheduler.job(id(1)).expect("it is open").clone()
}

const GIVEN_UP: [&str; 2] = ["job.warned", "job.queued"];

#[test]
fn a_limit_gives_the_step_up_at_once_and_counts_for_nothing() {
    let mut bench = bench(indulgent(|_| {}));
    for (part, ending, code) in [
        (1, Ending::TimedOut, Code::TimedOut),
        (2, Ending::TimedOut, Code::MemoryLimit),
        (3, Ending::Failed, Code::WorkerFailed),
    ] {
        reach(&mut bench, part);
        let decision = bench.end(1, ending, code);
        assert_eq!(names(&decision), GIVEN_UP, "{code:?}");
        let start = started(&decision);
        assert_eq!(start.given_up.len(), part as usize);
        assert!(start.given_up.iter().all(|given_up| !given_up.everywhere));
        let job = job(&bench);
        assert_eq!((job.counted, job.crashes), (0, 0));
        assert_eq!(job.problem.expect("the last failure").code, code);
        assert!(job.warnings[part as usize - 1].contains("step `rotate` was given up"));
    }
    bench.begin(1);
    let result = Ok((redo(Verdict::Succeed), Bill::default()));
    bench.tell(Input::AttemptEnded { job: id(1), result });
    assert_eq!(job(&bench).problem, None, "it succeeds");
}

#[test]
fn a_crash_is_tried_once_more_before_the_step_is_given_up() {
    let mut bench = bench(indulgent(|_| {}));
    for part in [1, 2] {
        reach(&mut bench, part);
        assert_eq!(names(&crash(&mut bench)), ["job.waiting"], "bad luck?");
        bench.now = bench.scheduler.next_deadline().expect("it is due again");
        assert_eq!(starts(&bench.tell(Input::Tick)), [id(1)]);
        reach(&mut bench, part);
        let decision = crash(&mut bench);
        assert_eq!(names(&decision), GIVEN_UP);
        assert_eq!(started(&decision).given_up.len(), part as usize);
        assert_eq!(job(&bench).crashes, 0, "the next one is tried twice, too");
    }
}

#[test]
fn a_crash_gives_the_step_up_at_once_where_nothing_is_tried_twice() {
    let mut bench = bench(indulgent(|pipeline| pipeline.retry.attempts = 1));
    reach(&mut bench, 1);
    assert_eq!(names(&crash(&mut bench)), GIVEN_UP);
}

#[test]
fn what_is_no_fault_of_such_a_step_goes_as_before() {
    let waits = |pipeline: Arc<Pipeline>, change: fn(&mut Bench)| {
        let mut bench = bench(pipeline);
        reach(&mut bench, 1);
        change(&mut bench);
        let decision = bench.end(1, Ending::TimedOut, Code::TimedOut);
        assert_eq!(names(&decision), ["job.waiting"]);
    };
    waits(pipeline("p", |_| {}), |_| {});
    waits(indulgent(|_| {}), |bench| {
        // The step has ended, and no other began.
        let place = StepPlace {
            step: "rotate".to_owned(),
            index: 0,
            part: 1,
            parts: 3,
        };
        let finished = crate::job::event::StepFinished {
            place,
            ms: 1,
            documents: 1,
            results: Default::default(),
        };
        told(bench, JobEvent::StepFinished(finished));
    });
    waits(indulgent(|_| {}), |bench| {
        let edited = indulgent(|pipeline| pipeline.revision = "another".to_owned());
        bench.tell(Input::Pipelines(vec![edited]));
    });
    for (ending, code) in [
        (Ending::Environment, Code::FolderBlocked),
        (Ending::Interrupted, Code::Interrupted),
    ] {
        let mut bench = bench(indulgent(|_| {}));
        reach(&mut bench, 1);
        assert_eq!(names(&bench.end(1, ending, code)), ["job.waiting"]);
    }
    let mut bench = bench(indulgent(|_| {}));
    reach(&mut bench, 1);
    bench.tell(Input::Cancel { job: id(1) });
    let decision = bench.end(1, Ending::TimedOut, Code::TimedOut);
    assert!(matches!(decision.actions[..], [Action::PrepareEnd { .. }]));
}

#[test]
fn a_step_that_an_earlier_attempt_was_in_is_not_to_blame() {
    let mut bench = bench(indulgent(|_| {}));
    reach(&mut bench, 1);
    bench.end(1, Ending::Environment, Code::DiskFull);
    bench.now = bench.scheduler.next_deadline().expect("it is due again");
    bench.tell(Input::Tick);
    let decision = bench.end(1, Ending::Crashed, Code::PluginCrashed);
    assert_eq!(names(&decision), ["job.waiting"]);
}

#[test]
fn what_was_given_up_outlives_the_daemon_and_not_a_retry() {
    let mut bench = bench(indulgent(|_| {}));
    reach(&mut bench, 2);
    let decision = bench.end(1, Ending::TimedOut, Code::TimedOut);
    // The journal's own way: a copy of the job follows the events as they were written down.
    let text = serde_json::to_string(&job(&bench)).expect("written");
    let kept: Job = serde_json::from_str(&text).expect("read");
    assert_eq!(kept.given_up.len(), 1);
    let Event::Job { what, .. } = &decision.events[1].event else {
        panic!("{decision:?}");
    };
    let text = serde_json::to_string(what).expect("written");
    assert_eq!(
        &serde_json::from_str::<JobEvent>(&text).expect("read"),
        what
    );

    let mut next = Bench::new(1, vec![indulgent(|_| {})]);
    next.scheduler.recover(vec![kept.clone()], vec![], next.now);
    let decision = next.tell(Input::Tick);
    assert_eq!(started(&decision).given_up, kept.given_up);

    let mut failed = kept;
    failed.state = State::Failed;
    let asked = Requeued::new(crate::job::event::RequeueReason::Asked);
    failed
        .apply(Timestamp(9), &JobEvent::Requeued(asked))
        .expect("a person may say so");
    assert!(failed.given_up.is_empty());
}
