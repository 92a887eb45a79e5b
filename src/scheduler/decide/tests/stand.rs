//! A decider with a clock of its own, and the samples that its tests are told.

use crate::job::attempt::{Ending, Failure};
use crate::job::event::{Accepted, JobEvent, Queued};
use crate::job::event::{Identity, Origin, Started, StepName};
use crate::job::id::JobId;
use crate::job::redo::{Collision, Move, MoveKind};
use crate::job::redo::{Redo, Verdict};
use crate::pipeline::checked::{Duplicates, Pipeline};
use crate::pipeline::checked::{
    Existing, Expect, IfExists, OnSigned, Original, Output, Retry, Step, Watch,
};
use crate::problem::{Code, Problem};
use crate::raw_path::RawPath;
use crate::scheduler::decide::state::Scheduler;
use crate::scheduler::input::{Action, Decision, Input};
use crate::time::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use ulid::Ulid;

pub(super) fn id(n: u128) -> JobId {
    JobId(Ulid::from(n))
}

pub(crate) fn pipeline(name: &str, change: impl FnOnce(&mut Pipeline)) -> Arc<Pipeline> {
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
            build: String::new(),
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
        expect: Expect::default(),
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

pub(crate) fn accepted(pipeline: &str, size: u64) -> Box<Accepted> {
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

pub(super) struct Bench {
    pub(super) scheduler: Scheduler,
    pub(super) now: Timestamp,
}

impl Bench {
    pub(super) fn new(capacity: usize, pipelines: Vec<Arc<Pipeline>>) -> Self {
        let mut scheduler = Scheduler::new(capacity, 4 << 30);
        scheduler.decide(Input::Pipelines(pipelines), Timestamp(0));
        Self {
            scheduler,
            now: Timestamp(1_000),
        }
    }

    pub(super) fn tell(&mut self, input: Input) -> Decision {
        self.scheduler.decide(input, self.now)
    }

    pub(super) fn arrive(&mut self, n: u128, pipeline: &str) -> Decision {
        self.tell(Input::Arrival {
            job: id(n),
            accepted: accepted(pipeline, 1000),
        })
    }

    pub(super) fn claim(&mut self, n: u128) -> Decision {
        let queued = Queued {
            blake3: "ab".repeat(32),
            size: 1000,
            duplicate_of: None,
            held_in: None,
        };
        self.tell(Input::Claimed {
            job: id(n),
            result: Ok(queued),
            was_done: false,
        })
    }

    pub(super) fn begin(&mut self, n: u128) -> Decision {
        let started = Started {
            attempt: 1,
            revision: "0123456789abcdef".to_owned(),
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

    pub(super) fn end(&mut self, n: u128, ending: Ending, code: Code) -> Decision {
        let failure = Failure {
            ending,
            problem: Problem::new(code, "it went wrong"),
        };
        self.tell(Input::AttemptEnded {
            job: id(n),
            result: Err(failure),
        })
    }

    pub(super) fn state(&self, n: u128) -> &'static str {
        self.scheduler
            .job(id(n))
            .map_or("gone", |job| job.state.word())
    }
}

pub(super) fn names(decision: &Decision) -> Vec<&'static str> {
    decision
        .events
        .iter()
        .map(|draft| draft.event.name())
        .collect()
}

pub(super) fn starts(decision: &Decision) -> Vec<JobId> {
    decision
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Start(start) => Some(start.job),
            _ => None,
        })
        .collect()
}

pub(super) fn redo(verdict: Verdict) -> Redo {
    let original = Move {
        kind: MoveKind::Original,
        from: RawPath(PathBuf::from("/held")),
        mark: None,
        to: Some(RawPath(PathBuf::from("/archive/a.pdf"))),
        depth: None,
        size: 1000,
        blake3: String::new(),
        collision: Collision::Number,
        mime: None,
        pages: None,
    };
    Redo {
        verdict,
        moves: [original].into(),
    }
}
