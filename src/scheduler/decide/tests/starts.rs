//! Which job starts when.

use crate::job::attempt::Ending;
use crate::job::id::JobId;
use crate::problem::Code;
use crate::scheduler::decide::tests::stand::{Bench, accepted, id, names, pipeline, starts};
use crate::scheduler::input::{Action, Decision, Hold, Input};
use crate::watch::update::Decline;
use std::collections::BTreeMap;
use std::path::PathBuf;

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

#[test]
fn a_disk_that_is_slow_for_a_burst_holds_up_no_other_pipeline() {
    let mut bench = Bench::new(1, vec![pipeline("burst", |_| {}), pipeline("lone", |_| {})]);
    for n in 1..=6 {
        bench.arrive(n, "burst");
        bench.claim(n);
    }
    // The workers are done with four of them, whose outputs are on their way to the disk: no more are begun.
    for n in 1..=4 {
        bench.begin(n);
        let next = starts(&bench.tell(Input::WorkerDone { job: id(n) }));
        assert_eq!(next, (n < 4).then(|| id(n + 1)).as_slice());
    }
    bench.arrive(10, "lone");
    assert_eq!(starts(&bench.claim(10)), [id(10)]);
    bench.begin(10);
    bench.arrive(11, "lone");
    bench.claim(11);
    let full = bench.tell(Input::WorkerDone { job: id(10) });
    assert_eq!(starts(&full), [], "it stages something itself now");
    let ended = bench.end(1, Ending::Rejected, Code::NotPdf);
    assert_eq!(starts(&ended), [], "four others are left");
    let ended = bench.end(10, Ending::Rejected, Code::NotPdf);
    assert_eq!(
        starts(&ended),
        [id(5)],
        "three are left, and it is the burst's turn"
    );
}

#[test]
fn a_lone_file_lets_at_most_one_of_a_burst_begin_before_it() {
    let mut bench = Bench::new(2, vec![pipeline("burst", |_| {}), pipeline("lone", |_| {})]);
    for n in 100..200 {
        bench.arrive(n, "burst");
        bench.claim(n);
    }
    for n in 100..150 {
        bench.begin(n);
        bench.end(n, Ending::Rejected, Code::NotPdf);
        if n % 10 == 0 {
            // Both workers are at work: it is the next to begin, whoever ends first.
            let lone = n - 100 + 1;
            bench.arrive(lone, "lone");
            assert_eq!(starts(&bench.claim(lone)), []);
            bench.begin(n + 1);
            let next = bench.end(n + 1, Ending::Rejected, Code::NotPdf);
            assert_eq!(starts(&next), [id(lone)]);
            bench.begin(lone);
            bench.end(lone, Ending::Rejected, Code::NotPdf);
        }
    }
}

#[test]
fn a_folder_that_does_not_answer_stops_its_pipeline_and_no_other() {
    let mut bench = Bench::new(2, vec![pipeline("far", |_| {}), pipeline("near", |_| {})]);
    bench.arrive(1, "far");
    let held = |hold| Input::Held(BTreeMap::from([("far".to_owned(), hold)]));
    bench.tell(held(Hold::Silent(PathBuf::from("/mnt/scans"))));
    assert!(starts(&bench.claim(1)).is_empty());
    let why = bench.scheduler.why_queued(id(1)).unwrap_or_default();
    assert!(why.contains("`/mnt/scans` does not answer"), "{why}");
    let stays = bench.arrive(2, "far");
    assert!(matches!(
        stays.actions[..],
        [Action::Declined {
            why: Decline::Full,
            ..
        }]
    ));
    bench.arrive(3, "near");
    assert_eq!(starts(&bench.claim(3)), [id(3)]);
    // Before its folders are swept nothing begins, but files may come.
    bench.tell(held(Hold::Unswept));
    let comes = bench.arrive(4, "far");
    assert!(matches!(comes.actions[..], [Action::Claim { .. }]));
    assert_eq!(starts(&bench.tell(Input::Held(BTreeMap::new()))), [id(1)]);
}
