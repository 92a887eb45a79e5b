//! The text that an attempt was started with decides what follows from its end, whatever becomes of the pipeline meanwhile.

use crate::job::attempt::Ending;
use crate::job::event::{JobEvent, StepPlace};
use crate::pipeline::checked::Pipeline;
use crate::problem::Code;
use crate::scheduler::decide::tests::stand::{Bench, id, names, pipeline, starts};
use crate::scheduler::input::{Action, Decision, EndOf, Input};
use std::path::PathBuf;
use std::sync::Arc;

/// A bench whose first job runs this text.
fn running(pipeline: Arc<Pipeline>) -> Bench {
    let mut bench = Bench::new(1, vec![pipeline]);
    bench.arrive(1, "p");
    bench.claim(1);
    bench.begin(1);
    bench
}

fn another(change: impl FnOnce(&mut Pipeline)) -> Input {
    let text = pipeline("p", |pipeline| {
        pipeline.revision = "another".to_owned();
        change(pipeline);
    });
    Input::Pipelines(vec![text])
}

fn gone() -> Input {
    Input::Pipelines(Vec::new())
}

/// How the job fails at once.
fn failing(decision: &Decision) -> &EndOf {
    let [Action::PrepareEnd { about, .. }] = &decision.actions[..] else {
        panic!("{decision:?}");
    };
    assert!(names(decision).is_empty(), "{decision:?}");
    about
}

#[test]
fn a_running_job_whose_pipeline_is_removed_fails_by_its_own_text() {
    for (attempts, ending, code) in [
        (1, Ending::Failed, Code::StepFailed),
        (3, Ending::Failed, Code::StepFailed),
        (3, Ending::TimedOut, Code::TimedOut),
        (3, Ending::Crashed, Code::PluginCrashed),
        (3, Ending::Environment, Code::DiskFull),
    ] {
        let mut bench = running(pipeline("p", |text| text.retry.attempts = attempts));
        bench.tell(gone());
        let decision = bench.end(1, ending, code);
        let about = failing(&decision);
        let problem = about.problem.as_ref().expect("it fails");
        assert_eq!(problem.code, code, "that of its attempt");
        assert_eq!(about.failed, None, "its own revision says where to");
        assert_eq!(bench.scheduler.obstacles().count(), 0);
    }
}

#[test]
fn a_running_job_that_is_interrupted_is_not_at_fault_for_its_pipeline() {
    let mut bench = running(pipeline("p", |_| {}));
    bench.tell(gone());
    bench.tell(Input::Drain);
    let decision = bench.end(1, Ending::Interrupted, Code::Interrupted);
    assert_eq!(names(&decision), ["job.queued"]);
}

#[test]
fn no_step_is_given_up_where_nobody_would_begin_again() {
    let mut bench = running(pipeline("p", |text| text.steps[0].continue_on_error = true));
    let place = StepPlace {
        step: "rotate".to_owned(),
        index: 0,
        part: 1,
        parts: 1,
    };
    let event = JobEvent::StepStarted(place);
    bench.tell(Input::Told { job: id(1), event });
    bench.tell(gone());
    let decision = bench.end(1, Ending::TimedOut, Code::TimedOut);
    let problem = failing(&decision).problem.as_ref().expect("it fails");
    assert_eq!(problem.code, Code::TimedOut);
}

#[test]
fn the_retry_of_the_attempt_counts_and_not_that_of_a_later_text() {
    let mut bench = running(pipeline("p", |text| text.retry.attempts = 1));
    bench.tell(another(|text| text.failed = PathBuf::from("/elsewhere")));
    let decision = bench.end(1, Ending::Failed, Code::StepFailed);
    assert_eq!(failing(&decision).failed, None, "its own revision says");

    let mut bench = running(pipeline("p", |_| {}));
    bench.tell(another(|text| text.retry.attempts = 1));
    let decision = bench.end(1, Ending::Failed, Code::StepFailed);
    assert_eq!(names(&decision), ["job.waiting"]);
    bench.now = bench.scheduler.next_deadline().expect("it is due again");
    assert_eq!(starts(&bench.tell(Input::Tick)), [id(1)]);
    // The second attempt is one of the newest text, which has no other.
    let decision = bench.end(1, Ending::Failed, Code::StepFailed);
    let failed = failing(&decision).failed.clone();
    assert_eq!(failed, Some(PathBuf::from("/failed")));
}

#[test]
fn a_queued_job_of_a_removed_pipeline_waits_and_says_how_it_ends() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    bench.tell(gone());
    bench.claim(1);
    assert_eq!(bench.state(1), "queued");
    let why = bench.scheduler.why_queued(id(1)).expect("it waits");
    let advice = format!("`dropleaf cancel {}`", id(1));
    assert!(
        why.contains("put its file back") && why.contains(&advice),
        "{why}"
    );
}

#[test]
fn so_it_does_while_another_job_of_the_pipeline_runs() {
    let mut bench = running(pipeline("p", |_| {}));
    bench.arrive(2, "p");
    bench.claim(2);
    bench.tell(gone());
    let why = bench.scheduler.why_queued(id(2)).expect("it waits");
    let advice = format!("`dropleaf cancel {}`", id(2));
    assert!(why.contains("file") && why.contains(&advice), "{why}");
}
