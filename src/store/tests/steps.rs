//! What is left of a job's steps where its attempt ends in the middle of one.

use super::sample::{accepted, id, queued, started, step_started};
use crate::job::attempt::{Bill, Ending, Failure, StepStatus};
use crate::job::event::{Delivering, JobEvent, RequeueReason, Requeued, Waiting};
use crate::job::redo::{Redo, Verdict};
use crate::job::state::Job;
use crate::problem::{Code, Problem};
use crate::time::Timestamp;

fn at_work() -> Job {
    let JobEvent::Accepted(first) = accepted("scan", "/inbox/a.pdf") else {
        panic!("a first event");
    };
    let mut job = Job::new(id(1), Timestamp(0), *first);
    for (at, event) in [
        (1, queued("c0ffee")),
        (2, started(1)),
        (1_000, step_started()),
    ] {
        job.apply(Timestamp(at), &event).expect("possible");
    }
    job
}

#[test]
fn no_step_is_at_work_when_its_attempt_is_over() {
    let deliver = |verdict| {
        JobEvent::Delivering(Delivering {
            redo: Redo {
                verdict,
                moves: [].into(),
            },
            bill: Bill::default(),
        })
    };
    let problem = Problem::new(Code::Stalled, "there was no progress");
    let failure = Failure {
        ending: Ending::TimedOut,
        problem: problem.clone(),
    };
    let until = Timestamp(9_000);
    for (event, why) in [
        (deliver(Verdict::Cancel), Some(Problem::cancelled())),
        (
            deliver(Verdict::Fail {
                problem: problem.clone(),
            }),
            Some(problem.clone()),
        ),
        (
            JobEvent::Waiting(Waiting { failure, until }),
            Some(problem.clone()),
        ),
        (
            JobEvent::Requeued(Requeued::new(RequeueReason::Interrupted)),
            None,
        ),
    ] {
        let mut job = at_work();
        job.apply(Timestamp(4_500), &event).expect("possible");
        let step = &job.steps[0];
        let found = (step.status, step.ms, &step.problem);
        assert_eq!(found, (StepStatus::Failed, 3_500, &why), "{event:?}");
    }
}
