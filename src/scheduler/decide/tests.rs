//! The rules about jobs, without processes, clocks or files.

mod decided;
mod given_up;
mod said;
pub(crate) mod stand;
mod starts;
mod texts;
mod twins;
mod unread;

use crate::job::attempt::{Bill, Ending};
use crate::job::event::{JobEvent, RequeueReason, Requeued};
use crate::job::redo::Verdict;
use crate::job::state::{Job, State};
use crate::problem::{Code, Problem};
use crate::scheduler::decide::state::Scheduler;
use crate::scheduler::decide::tests::stand::{Bench, accepted, id, names, pipeline, redo, starts};
use crate::scheduler::input::{Action, ClaimFailure, Input};
use crate::time::Timestamp;
use crate::watch::update::Decline;

#[test]
fn a_file_goes_all_the_way() {
    let mut bench = Bench::new(2, vec![pipeline("p", |_| {})]);
    let decision = bench.arrive(1, "p");
    assert_eq!(names(&decision), ["job.accepted"]);
    assert!(matches!(decision.actions[..], [Action::Claim { .. }]));
    let decision = bench.claim(1);
    assert_eq!(names(&decision), ["job.queued"]);
    assert_eq!(starts(&decision), [id(1)]);
    assert_eq!(names(&bench.begin(1)), ["job.started"]);
    let decision = bench.tell(Input::AttemptEnded {
        job: id(1),
        result: Ok((redo(Verdict::Succeed), Bill::default())),
    });
    assert_eq!(names(&decision), ["job.delivering"]);
    assert!(matches!(decision.actions[..], [Action::Redo { .. }]));
    let decision = bench.tell(Input::Redone {
        job: id(1),
        result: Ok(Vec::new()),
    });
    assert_eq!(names(&decision), ["job.succeeded"]);
    assert_eq!(bench.state(1), "gone");
}

#[test]
fn transient_failures_wait_longer_each_time_and_then_fail() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    bench.claim(1);
    for pause in [5_000, 8_000] {
        bench.begin(1);
        assert_eq!(
            names(&bench.end(1, Ending::Failed, Code::StepFailed)),
            ["job.waiting"]
        );
        assert_eq!(
            bench.scheduler.next_deadline(),
            Some(Timestamp(bench.now.0 + pause))
        );
        bench.now = Timestamp(bench.now.0 + pause - 1);
        assert!(
            names(&bench.tell(Input::Tick)).is_empty(),
            "it is not due yet"
        );
        bench.now = Timestamp(bench.now.0 + 1);
        let due = bench.tell(Input::Tick);
        assert_eq!(
            (names(&due), starts(&due)),
            (vec!["job.queued"], vec![id(1)])
        );
    }
    bench.begin(1);
    let decision = bench.end(1, Ending::Failed, Code::StepFailed);
    assert!(
        matches!(&decision.actions[..], [Action::PrepareEnd { about, .. }] if about.problem.is_some())
    );
    let verdict = Verdict::Fail {
        problem: Problem::new(Code::StepFailed, "it went wrong"),
    };
    let decision = bench.tell(Input::Prepared {
        job: id(1),
        result: Ok(redo(verdict)),
    });
    assert_eq!(names(&decision), ["job.delivering"]);
    assert_eq!(
        names(&bench.tell(Input::Redone {
            job: id(1),
            result: Ok(Vec::new())
        })),
        ["job.failed"]
    );
}

#[test]
fn the_documents_own_fault_is_not_retried() {
    for (ending, code) in [
        (Ending::Rejected, Code::PdfEncrypted),
        (Ending::Failed, Code::TemplateFailed),
    ] {
        let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
        bench.arrive(1, "p");
        bench.claim(1);
        bench.begin(1);
        let decision = bench.end(1, ending, code);
        assert!(
            matches!(decision.actions[..], [Action::PrepareEnd { .. }]),
            "{code:?}"
        );
    }
}

#[test]
fn a_crash_is_retried_once() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    bench.claim(1);
    let crash = || {
        JobEvent::WorkerCrashed(crate::job::event::WorkerCrashed {
            worker: 7,
            signal: Some(11),
            exit: None,
            problem: Problem::new(Code::PluginCrashed, "signal 11"),
        })
    };
    bench.begin(1);
    bench.tell(Input::Told {
        job: id(1),
        event: crash(),
    });
    assert_eq!(
        names(&bench.end(1, Ending::Crashed, Code::PluginCrashed)),
        ["job.waiting"]
    );
    bench.now = Timestamp(bench.now.0 + 60_000);
    bench.tell(Input::Tick);
    bench.begin(1);
    bench.tell(Input::Told {
        job: id(1),
        event: crash(),
    });
    let decision = bench.end(1, Ending::Crashed, Code::PluginCrashed);
    assert!(matches!(decision.actions[..], [Action::PrepareEnd { .. }]));
}

#[test]
fn a_full_disk_uses_up_no_attempt() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    bench.claim(1);
    for _ in 0..10 {
        bench.begin(1);
        assert_eq!(
            names(&bench.end(1, Ending::Environment, Code::DiskFull)),
            ["job.waiting"]
        );
        bench.now = Timestamp(bench.now.0 + 60_000);
        assert_eq!(starts(&bench.tell(Input::Tick)), [id(1)]);
    }
}

#[test]
fn jobs_that_wait_for_a_folder_are_told_until_they_get_on() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    let told = |bench: &Bench| -> Vec<(Code, usize)> {
        let all = bench.scheduler.obstacles();
        all.map(|one| (one.code, one.jobs)).collect()
    };
    bench.arrive(1, "p");
    bench.claim(1);
    bench.begin(1);
    assert_eq!(told(&bench), []);
    bench.end(1, Ending::Environment, Code::DiskFull);
    assert_eq!(told(&bench), [(Code::DiskFull, 1)]);
    bench.now = Timestamp(bench.now.0 + 60_000);
    bench.tell(Input::Tick);
    bench.begin(1);
    assert_eq!(told(&bench), [(Code::DiskFull, 1)], "while it is tried");
    bench.tell(Input::AttemptEnded {
        job: id(1),
        result: Ok((redo(Verdict::Succeed), Bill::default())),
    });
    assert_eq!(told(&bench), [], "its outputs are there");
    let away = Problem::new(Code::FolderBlocked, "`/archive` is away");
    bench.tell(Input::Redone {
        job: id(1),
        result: Err(away),
    });
    assert_eq!(told(&bench), [(Code::FolderBlocked, 1)]);
    bench.tell(Input::Pipelines(Vec::new()));
    assert_eq!(
        told(&bench),
        [(Code::FolderBlocked, 1)],
        "also of one that is gone"
    );
    bench.now = Timestamp(bench.now.0 + 60_000);
    bench.tell(Input::Tick);
    bench.tell(Input::Redone {
        job: id(1),
        result: Ok(Vec::new()),
    });
    assert_eq!(told(&bench), []);
}

#[test]
fn cancelling_stops_a_running_job_and_is_refused_past_the_point_of_no_return() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    bench.claim(1);
    bench.begin(1);
    assert!(matches!(
        bench.tell(Input::Cancel { job: id(1) }).actions[..],
        [Action::StopAttempt { .. }]
    ));
    let decision = bench.end(1, Ending::Cancelled, Code::Cancelled);
    assert!(
        matches!(&decision.actions[..], [Action::PrepareEnd { about, .. }] if about.problem.is_none())
    );
    bench.tell(Input::Prepared {
        job: id(1),
        result: Ok(redo(Verdict::Cancel)),
    });
    assert!(bench.scheduler.can_cancel(id(1)).is_err());
    let job = bench.scheduler.job(id(1)).expect("open");
    assert_eq!(job.problem, Some(Problem::cancelled()));
    assert_eq!(
        names(&bench.tell(Input::Redone {
            job: id(1),
            result: Ok(Vec::new())
        })),
        ["job.cancelled"]
    );
}

#[test]
fn an_interrupted_job_runs_again_and_fails_after_three_times_in_a_row() {
    let mut job = Job::new(id(1), Timestamp(0), *accepted("p", 1000));
    job.state = State::Running {
        since: Timestamp(0),
    };
    for life in 1..=2 {
        let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
        assert_eq!(
            names(
                &bench
                    .scheduler
                    .recover(vec![job.clone()], Vec::new(), Timestamp(5))
            ),
            ["job.queued"]
        );
        assert_eq!(starts(&bench.tell(Input::Tick)), [id(1)], "life {life}");
        bench.begin(1);
        job = bench.scheduler.job(id(1)).expect("it is open").clone();
        assert_eq!(job.interruptions, life);
    }
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    let decision = bench.scheduler.recover(vec![job], Vec::new(), Timestamp(5));
    assert!(
        matches!(&decision.actions[..], [Action::PrepareEnd { about, .. }] if about.problem.is_some())
    );
}

#[test]
fn stops_of_the_daemon_cost_a_job_nothing_and_its_deaths_are_counted() {
    let mut job = Job::new(id(1), Timestamp(0), *accepted("p", 1000));
    let mut interrupt = |requeued: Requeued| {
        job.state = State::Running {
            since: Timestamp(0),
        };
        let event = JobEvent::Requeued(requeued);
        job.apply(Timestamp(1), &event).expect("it can follow");
        job.clone()
    };
    for _ in 0..4 {
        interrupt(Requeued::stopped());
    }
    let died = || Requeued::new(RequeueReason::Interrupted);
    interrupt(died());
    let mut job = interrupt(died());
    assert_eq!((job.interruptions, job.stops), (2, 4));
    job.state = State::Running {
        since: Timestamp(0),
    };
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    let decision = bench.scheduler.recover(vec![job], Vec::new(), Timestamp(5));
    let [Action::PrepareEnd { about, .. }] = &decision.actions[..] else {
        panic!("it fails: {:?}", decision.actions);
    };
    let detail = about.problem.as_ref().map(|problem| problem.detail.clone());
    assert_eq!(
        detail.as_deref(),
        Some(
            "the daemon died 3 times in a row while it worked on this file (and was stopped 4 times in between)"
        )
    );
}

#[test]
fn a_delivery_is_carried_on_after_a_crash() {
    let mut job = Job::new(id(1), Timestamp(0), *accepted("p", 1000));
    job.state = State::Delivering {
        redo: redo(Verdict::Succeed),
    };
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    let decision = bench.scheduler.recover(vec![job], Vec::new(), Timestamp(5));
    assert!(matches!(decision.actions[..], [Action::Redo { .. }]));
    let full = Problem::new(Code::DiskFull, "no space left in `/out`");
    assert_eq!(
        names(&bench.tell(Input::Redone {
            job: id(1),
            result: Err(full)
        })),
        ["job.warned"]
    );
    bench.now = Timestamp(bench.now.0 + 60_000);
    assert!(
        matches!(bench.tell(Input::Tick).actions[..], [Action::Redo { .. }]),
        "the moves are tried again"
    );
}

#[test]
fn what_was_lost_before_its_delivery_is_made_once_more() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    bench.claim(1);
    bench.begin(1);
    bench.tell(Input::AttemptEnded {
        job: id(1),
        result: Ok((redo(Verdict::Succeed), Bill::default())),
    });
    let lost = |bench: &mut Bench| {
        let problem = Problem::new(Code::FolderBlocked, "`/out` is another folder now");
        let job = id(1);
        bench.tell(Input::Lost { job, problem })
    };
    assert_eq!(names(&lost(&mut bench)), ["job.waiting"]);
    bench.now = Timestamp(bench.now.0 + 60_000);
    let again = bench.tell(Input::Tick);
    assert_eq!(
        (names(&again), starts(&again)),
        (vec!["job.queued"], vec![id(1)])
    );
    // Notes are written anew.
    bench.begin(1);
    bench.end(1, Ending::Rejected, Code::NotPdf);
    let problem = Problem::new(Code::NotPdf, "it is none");
    let notes = || {
        Ok(redo(Verdict::Fail {
            problem: problem.clone(),
        }))
    };
    bench.tell(Input::Prepared {
        job: id(1),
        result: notes(),
    });
    let decision = lost(&mut bench);
    assert!(
        matches!(&decision.actions[..], [Action::PrepareEnd { about, .. }] if about.problem == Some(problem.clone()))
    );
    let decision = bench.tell(Input::Prepared {
        job: id(1),
        result: notes(),
    });
    assert_eq!(names(&decision), ["job.delivering"]);
}

#[test]
fn a_draining_daemon_takes_and_starts_nothing() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    assert_eq!(names(&bench.tell(Input::Drain)), ["daemon.draining"]);
    assert!(starts(&bench.claim(1)).is_empty());
    assert!(matches!(
        bench.arrive(2, "p").actions[..],
        [Action::Declined {
            why: Decline::Full,
            ..
        }]
    ));
}

#[test]
fn what_changed_while_it_was_claimed_settles_again() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    let decision = bench.tell(Input::Claimed {
        job: id(1),
        result: Err(ClaimFailure::Changed),
        was_done: false,
    });
    assert_eq!(names(&decision), ["job.cancelled"]);
    let told = format!("{:?}", decision.events);
    assert!(
        told.contains("the file changed while it was being taken and was put back"),
        "nobody cancelled it: {told}"
    );
    assert!(matches!(
        decision.actions[..],
        [Action::Declined {
            why: Decline::Changed,
            ..
        }]
    ));
}

#[test]
fn what_cannot_be_claimed_is_declined_with_the_reason() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    let decision = bench.tell(Input::Claimed {
        job: id(1),
        result: Err(ClaimFailure::Later("no permission".to_owned())),
        was_done: false,
    });
    assert_eq!(names(&decision), ["job.cancelled"]);
    let told = format!("{:?}", decision.events);
    assert!(told.contains("no permission"), "{told}");
    let [Action::Declined { why, .. }] = &decision.actions[..] else {
        panic!("{:?}", decision.actions);
    };
    let reason = "no permission".to_owned();
    assert_eq!(*why, Decline::Later { reason });
}

#[test]
fn an_attempt_whose_worker_dies_before_it_begins_is_made_again() {
    let mut bench = Bench::new(2, vec![pipeline("a", |_| {})]);
    bench.arrive(1, "a");
    assert_eq!(starts(&bench.claim(1)), [id(1)]);
    let failed = bench.end(1, Ending::Failed, Code::WorkerFailed);
    assert_eq!(names(&failed), ["job.waiting"]);
    assert_eq!(bench.state(1), "waiting");
    bench.now = bench.scheduler.next_deadline().expect("it is due again");
    let again = bench.tell(Input::Tick);
    assert_eq!(names(&again), ["job.queued"]);
    assert_eq!(starts(&again), [id(1)]);
}

#[test]
fn a_clock_that_is_moved_changes_no_wait() {
    const DAY: i64 = 86_400_000;
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    bench.claim(1);
    bench.begin(1);
    bench.end(1, Ending::Failed, Code::StepFailed);
    let left = |scheduler: &Scheduler, now: Timestamp| {
        let due = scheduler.next_deadline().expect("it waits");
        due.0 - now.0
    };
    let delay = left(&bench.scheduler, bench.now);
    assert!(delay > 0);
    // A day back while it waits: the same time is left.
    bench.scheduler.clock_moved(-DAY);
    bench.now = Timestamp(bench.now.0 - DAY);
    assert_eq!(left(&bench.scheduler, bench.now), delay);
    assert!(names(&bench.tell(Input::Tick)).is_empty());
    // The same in the next life, which knows only what the journal says.
    let job = bench.scheduler.job(id(1)).expect("open").clone();
    let recovered = |now: Timestamp| {
        let mut next = Scheduler::new(1, u64::MAX);
        next.recover(vec![job.clone()], vec![], now);
        left(&next, now)
    };
    assert_eq!(recovered(bench.now), delay);
    assert!(
        recovered(Timestamp(bench.now.0 + 365 * DAY)) < 0,
        "it is due"
    );
    bench.now = Timestamp(bench.now.0 + delay);
    assert_eq!(names(&bench.tell(Input::Tick)), ["job.queued"]);
}

#[test]
fn a_burst_keeps_no_other_pipeline_out() {
    let mut bench = Bench::new(1, vec![pipeline("burst", |_| {}), pipeline("lone", |_| {})]);
    let mut burst = 0;
    loop {
        let decision = bench.arrive(1_000 + burst, "burst");
        if matches!(decision.actions[..], [Action::Declined { .. }]) {
            break;
        }
        bench.claim(1_000 + burst);
        burst += 1;
    }
    assert!(burst >= 2_000);
    assert_eq!(names(&bench.arrive(1, "lone")), ["job.accepted"]);
    bench.claim(1);
    // One of the burst is at work: the lone one goes next.
    bench.begin(1_000);
    let next = bench.tell(Input::WorkerDone { job: id(1_000) });
    assert_eq!(starts(&next), [id(1)]);
}
