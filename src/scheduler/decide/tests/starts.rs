//! Which job starts when.

use crate::job::attempt::Ending;
use crate::job::id::JobId;
use crate::problem::Code;
use crate::scheduler::decide::tests::stand::{Bench, accepted, id, names, pipeline, starts};
use crate::scheduler::input::{Decision, Input};

#[test]
fn limits_hold_and_pipelines_take_turns() {
    let mut bench = Bench::new(
        3,
        vec![pipeline("a", |p| p.concurrency = 2), pipeline("b", |_| {})],
    );
    for n in 1..=4 {
        bench.arrive(n, "a");
    }
    bench.arrive(10, "b");
    let mut started: Vec<JobId> = Vec::new();
    for n in [1, 2, 3, 4, 10] {
        started.extend(starts(&bench.claim(n)));
    }
    assert_eq!(
        started,
        [id(1), id(2), id(10)],
        "concurrency of `a` is 2, one worker is left for `b`"
    );
    assert!(
        bench
            .scheduler
            .why_queued(id(3))
            .is_some_and(|why| why.contains("concurrency"))
    );
}

#[test]
fn a_large_file_waits_for_memory_and_small_ones_pass_it() {
    let mut bench = Bench::new(4, vec![pipeline("p", |_| {})]);
    for (n, size) in [(1, 300 << 20), (2, 300 << 20), (3, 1000)] {
        bench.tell(Input::Arrival {
            job: id(n),
            accepted: accepted("p", size),
        });
    }
    let started: Vec<JobId> = [1, 2, 3]
        .into_iter()
        .flat_map(|n| starts(&bench.claim(n)))
        .collect();
    assert_eq!(started, [id(1), id(3)]);
    assert_eq!(
        starts(&bench.end(1, Ending::Rejected, Code::NotPdf)),
        [id(2)]
    );
}

#[test]
fn a_paused_pipeline_starts_nothing_until_it_is_resumed() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    let paused = bench.tell(Input::Pause {
        pipeline: "p".to_owned(),
        reason: Some("lunch".to_owned()),
    });
    assert_eq!(names(&paused), ["pipeline.paused"]);
    bench.arrive(1, "p");
    assert!(starts(&bench.claim(1)).is_empty());
    assert!(
        bench
            .scheduler
            .why_queued(id(1))
            .is_some_and(|why| why.contains("lunch"))
    );
    let resumed = bench.tell(Input::Pause {
        pipeline: "p".to_owned(),
        reason: None,
    });
    assert_eq!(
        (names(&resumed), starts(&resumed)),
        (vec!["pipeline.resumed"], vec![id(1)])
    );
}

#[test]
fn a_large_file_is_not_passed_for_ever() {
    let mut bench = Bench::new(2, vec![pipeline("big", |_| {}), pipeline("small", |_| {})]);
    let large = 300 << 20;
    for (n, pipeline, size) in [(1, "big", large), (2, "big", large)] {
        bench.tell(Input::Arrival {
            job: id(n),
            accepted: accepted(pipeline, size),
        });
        bench.claim(n);
    }
    // The first large job goes on and on, and small ones never end to come.
    let mut started = Vec::new();
    for n in 100..200 {
        bench.arrive(n, "small");
        started.extend(starts(&bench.claim(n)));
        if started.last() == Some(&id(n)) {
            started.extend(starts(&bench.end(n, Ending::Rejected, Code::NotPdf)));
        }
    }
    assert!(
        (10..=20).contains(&started.len()),
        "small jobs pass it some times, and then no more: {}",
        started.len()
    );
    let why = bench.scheduler.why_queued(id(199)).expect("it is queued");
    assert!(why.contains(&id(2).to_string()), "{why}");
    let after = starts(&bench.end(1, Ending::Rejected, Code::NotPdf));
    assert_eq!(after[0], id(2), "the large one is next");
    assert!(after.len() > 1, "and then the small ones go on");
}

#[test]
fn nothing_is_kept_free_for_a_large_file_that_may_not_start_or_is_gone() {
    let mut bench = Bench::new(2, vec![pipeline("big", |_| {}), pipeline("small", |_| {})]);
    for n in [1, 2] {
        bench.tell(Input::Arrival {
            job: id(n),
            accepted: accepted("big", 300 << 20),
        });
        bench.claim(n);
    }
    let mut passed = 0;
    for n in 100..150 {
        bench.arrive(n, "small");
        let claimed = bench.claim(n);
        passed += run_all(&mut bench, &claimed);
    }
    assert!(passed < 50);
    let paused = bench.tell(Input::Pause {
        pipeline: "big".to_owned(),
        reason: Some("lunch".to_owned()),
    });
    passed += run_all(&mut bench, &paused);
    assert_eq!(passed, 50, "a job that waits for a person holds up nobody");
    bench.tell(Input::Pause {
        pipeline: "big".to_owned(),
        reason: None,
    });
    bench.arrive(150, "small");
    assert!(starts(&bench.claim(150)).is_empty());
    let cancelled = bench.tell(Input::Cancel { job: id(2) });
    assert_eq!(starts(&cancelled), [id(150)], "nor does one that is gone");
}

/// Ends what was started, and what follows from that; gives how many there were.
fn run_all(bench: &mut Bench, decision: &Decision) -> usize {
    let started = starts(decision);
    let mut count = started.len();
    for job in started {
        let ended = bench.end(job.0.0, Ending::Rejected, Code::NotPdf);
        count += run_all(bench, &ended);
    }
    count
}
