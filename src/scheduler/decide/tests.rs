//! The rules about jobs, without processes, clocks or files.

use super::*;
use crate::job::event::{Identity, Origin, Started, StepName};
use crate::job::redo::{Collision, Move, MoveKind};
use crate::pipeline::checked::{
    Existing, IfExists, OnSigned, Original, Output, Retry, Step, Watch,
};
use crate::raw_path::RawPath;
use std::path::{Path, PathBuf};
use ulid::Ulid;

fn id(n: u128) -> JobId {
    JobId(Ulid::from(n))
}

fn pipeline(name: &str, change: impl FnOnce(&mut Pipeline)) -> Arc<Pipeline> {
    let mut pipeline = Pipeline {
        id: name.to_owned(),
        revision: "0123456789abcdef".to_owned(),
        description: None,
        yaml: String::new(),
        watch: Watch {
            folder: PathBuf::from("/in").join(name),
            include: vec!["*.pdf".to_owned()],
            exclude: Vec::new(),
            recursive: false,
            quiet: None,
            existing: Existing::Process,
            done_file: None,
            polling: None,
        },
        steps: vec![Step {
            id: "rotate".to_owned(),
            plugin: "pages".to_owned(),
            operation: "rotate".to_owned(),
            condition: None,
            with: serde_json::json!({"angle": 90}),
            timeout: None,
            continue_on_error: false,
        }],
        output: Output {
            folder: "/out".to_owned(),
            root: PathBuf::from("/out"),
            name: "{{ input.stem }}.pdf".to_owned(),
            if_exists: IfExists::Number,
            receipt: false,
        },
        original: Original::Archive(PathBuf::from("/archive")),
        failed: PathBuf::from("/failed"),
        retry: Retry {
            attempts: 3,
            backoff: Duration::from_secs(5),
            max_backoff: Duration::from_secs(8),
        },
        timeout: Duration::from_secs(600),
        stalled_after: Duration::from_secs(120),
        concurrency: 4,
        priority: 0,
        on_signed: OnSigned::Refuse,
        passwords: Vec::new(),
        duplicates: Duplicates::Process,
        notify: Vec::new(),
        allow_chain: false,
    };
    change(&mut pipeline);
    Arc::new(pipeline)
}

fn accepted(pipeline: &str, size: u64) -> Box<Accepted> {
    let folder = Path::new("/in").join(pipeline);
    Box::new(Accepted {
        pipeline: pipeline.to_owned(),
        revision: "0123456789abcdef".to_owned(),
        path: RawPath(folder.join("a.pdf")),
        folder: RawPath(folder.clone()),
        relative: RawPath(PathBuf::from("a.pdf")),
        held: RawPath(folder.join(".dropleaf/claimed/x")),
        identity: Identity {
            device: 1,
            inode: 2,
            size,
            mtime_ns: 3,
            ctime_ns: 4,
        },
        origin: Origin::Watch,
        priority: 0,
        steps: vec![StepName {
            id: "rotate".to_owned(),
            uses: "pages/rotate".to_owned(),
        }],
    })
}

struct Bench {
    scheduler: Scheduler,
    now: Timestamp,
}

impl Bench {
    fn new(capacity: usize, pipelines: Vec<Arc<Pipeline>>) -> Self {
        let mut scheduler = Scheduler::new(capacity, 4 << 30);
        scheduler.decide(Input::Pipelines(pipelines), Timestamp(0));
        Self {
            scheduler,
            now: Timestamp(1_000),
        }
    }

    fn tell(&mut self, input: Input) -> Decision {
        self.scheduler.decide(input, self.now)
    }

    fn arrive(&mut self, n: u128, pipeline: &str) -> Decision {
        self.tell(Input::Arrival {
            job: id(n),
            accepted: accepted(pipeline, 1000),
        })
    }

    fn claim(&mut self, n: u128) -> Decision {
        let queued = Queued {
            blake3: "ab".repeat(32),
            size: 1000,
            duplicate_of: None,
        };
        self.tell(Input::Claimed {
            job: id(n),
            result: Ok(queued),
        })
    }

    fn begin(&mut self, n: u128) -> Decision {
        let started = Started {
            attempt: 1,
            revision: String::new(),
            worker: 7,
            sandbox: "full".to_owned(),
            plugins: Vec::new(),
            steps: Vec::new(),
        };
        self.tell(Input::Told {
            job: id(n),
            event: JobEvent::Started(started),
        })
    }

    fn end(&mut self, n: u128, ending: Ending, code: Code) -> Decision {
        let failure = Failure {
            ending,
            problem: Problem::new(code, "it went wrong"),
        };
        self.tell(Input::AttemptEnded {
            job: id(n),
            result: Err(failure),
        })
    }

    fn state(&self, n: u128) -> &'static str {
        self.scheduler
            .job(id(n))
            .map_or("gone", |job| job.state.word())
    }
}

fn names(decision: &Decision) -> Vec<&'static str> {
    decision
        .events
        .iter()
        .map(|draft| draft.event.name())
        .collect()
}

fn starts(decision: &Decision) -> Vec<JobId> {
    decision
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Start(start) => Some(start.job),
            _ => None,
        })
        .collect()
}

fn redo(verdict: Verdict) -> Redo {
    let original = Move {
        kind: MoveKind::Original,
        from: RawPath(PathBuf::from("/held")),
        to: Some(RawPath(PathBuf::from("/archive/a.pdf"))),
        size: 1000,
        blake3: String::new(),
        collision: Collision::Number,
        mime: None,
        pages: None,
    };
    Redo {
        verdict,
        moves: vec![original],
    }
}

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
fn a_draining_daemon_takes_and_starts_nothing() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    assert_eq!(names(&bench.tell(Input::Drain)), ["daemon.draining"]);
    assert!(starts(&bench.claim(1)).is_empty());
    assert!(matches!(
        bench.arrive(2, "p").actions[..],
        [Action::Declined { changed: false, .. }]
    ));
}

#[test]
fn what_changed_while_it_was_claimed_settles_again() {
    let mut bench = Bench::new(1, vec![pipeline("p", |_| {})]);
    bench.arrive(1, "p");
    let decision = bench.tell(Input::Claimed {
        job: id(1),
        result: Err(ClaimFailure::Changed),
    });
    assert_eq!(names(&decision), ["job.cancelled"]);
    assert!(matches!(
        decision.actions[..],
        [Action::Declined { changed: true, .. }]
    ));
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
