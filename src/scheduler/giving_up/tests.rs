use super::*;
use crate::problem::Problem;
use crate::scheduler::decide::tests::stand::pipeline;

fn place(part: u32, parts: u32) -> StepPlace {
    StepPlace {
        step: "rotate".to_owned(),
        index: 0,
        part,
        parts,
    }
}

fn failure(ending: Ending, code: Code) -> Failure {
    let problem = Problem::new(code, "`pages/rotate` crashed");
    Failure { ending, problem }
}

fn given_up(part: u32, parts: u32, revision: &str) -> GivenUp {
    GivenUp {
        place: place(part, parts),
        everywhere: false,
        revision: revision.to_owned(),
        failure: failure(Ending::Crashed, Code::PluginCrashed),
    }
}

fn decide(
    continues: bool,
    given_up: &[GivenUp],
    at_work: Option<StepPlace>,
    failure: &Failure,
) -> Option<GivenUp> {
    let pipeline = pipeline("p", |pipeline| {
        pipeline.steps[0].continue_on_error = continues;
    });
    let loss = Loss {
        pipeline: &pipeline,
        given_up,
        at_work: at_work.as_ref(),
        failure,
    };
    loss.step_to_give_up()
}

#[test]
fn only_a_step_that_may_fail_and_cost_the_worker_is_given_up() {
    use Ending::{Cancelled, Crashed, Environment, Failed, Interrupted, Rejected, TimedOut};
    let cases = [
        (Crashed, Code::PluginCrashed, true),
        (TimedOut, Code::MemoryLimit, true),
        (TimedOut, Code::Stalled, true),
        (TimedOut, Code::StepFailed, true),
        (Failed, Code::WorkerFailed, true),
        (Failed, Code::StepFailed, true),
        (Failed, Code::PluginBroken, false),
        (Failed, Code::Internal, false),
        (Rejected, Code::DocumentRejected, false),
        (Interrupted, Code::Interrupted, false),
        (Cancelled, Code::Cancelled, false),
        (Environment, Code::DiskFull, false),
    ];
    for (ending, code, expected) in cases {
        let failure = failure(ending, code);
        let found = decide(true, &[], Some(place(1, 1)), &failure);
        assert_eq!(found.is_some(), expected, "{ending:?} {code:?}");
        assert_eq!(decide(false, &[], Some(place(1, 1)), &failure), None);
        assert_eq!(decide(true, &[], None, &failure), None, "no step ran");
    }
}

#[test]
fn a_step_is_given_up_document_by_document_and_then_on_all() {
    let revision = pipeline("p", |_| {}).revision.clone();
    let crash = failure(Ending::Crashed, Code::PluginCrashed);
    let mut before = Vec::new();
    for part in 1..=8 {
        let found = decide(true, &before, Some(place(part, 20)), &crash).expect("given up");
        assert!(!found.everywhere);
        assert!(found.covers(part, 20) && !found.covers(part + 1, 20));
        assert!(!found.covers(part, 21), "it may be another document");
        assert_eq!(
            decide(
                true,
                std::slice::from_ref(&found),
                Some(place(part, 20)),
                &crash
            ),
            None
        );
        before.push(found);
    }
    let last = decide(true, &before, Some(place(9, 20)), &crash).expect("given up");
    assert!(last.everywhere && last.covers(20, 20) && last.covers(1, 2));
    before.push(last);
    assert_eq!(decide(true, &before, Some(place(10, 20)), &crash), None);
    let other = [given_up(1, 20, "another"), given_up(2, 20, &revision)];
    let found = decide(true, &other, Some(place(1, 20)), &crash);
    assert!(found.is_some(), "another revision's count for nothing");
}

#[test]
fn a_crash_may_be_bad_luck_and_a_limit_is_not() {
    let pipeline = pipeline("p", |_| {});
    let lucky = |ending, crashes, tries| {
        let failure = failure(ending, Code::PluginCrashed);
        let loss = Loss {
            pipeline: &pipeline,
            given_up: &[],
            at_work: None,
            failure: &failure,
        };
        loss.may_be_bad_luck(crashes, tries)
    };
    assert!(lucky(Ending::Crashed, 1, 1));
    assert!(!lucky(Ending::Crashed, 2, 2));
    assert!(!lucky(Ending::Crashed, 1, 3), "the tries are used up");
    assert!(!lucky(Ending::TimedOut, 1, 1));
}

#[test]
fn the_warning_names_the_step_the_document_and_the_reason() {
    let mut given_up = given_up(2, 10, "r");
    let text = |given_up: &GivenUp| warning(given_up).message;
    assert_eq!(
        text(&given_up),
        "step `rotate` was given up on document 2 of 10, and the job began again without it: `pages/rotate` crashed"
    );
    given_up.everywhere = true;
    assert!(text(&given_up).contains("given up on all documents"));
    given_up.everywhere = false;
    given_up.place = place(1, 1);
    assert!(text(&given_up).contains("`rotate` was given up, and"));
    assert_eq!(warning(&given_up).step.as_deref(), Some("rotate"));
}
