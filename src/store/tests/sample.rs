//! Jobs and stores for tests.

use crate::event::{Draft, Event, Stored};
use crate::job::attempt::Bill;
use crate::job::event::{
    Accepted, Delivering, Ended, Identity, JobEvent, Origin, Queued, RequeueReason, Requeued,
    Started, StepFinished, StepName, StepPlace,
};
use crate::job::id::JobId;
use crate::job::redo::{Redo, Verdict};
use crate::problem::{Code, Problem};
use crate::raw_path::RawPath;
use crate::store::Store;
use crate::store::config::Config;
use crate::store::open::Opening;
use crate::time::Timestamp;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A job's name that sorts by `n`.
pub(crate) fn id(n: u64) -> JobId {
    JobId(ulid::Ulid::from_parts(1_700_000_000_000 + n, u128::from(n)))
}

pub(crate) fn identity(n: u64) -> Identity {
    Identity {
        device: 64_769,
        inode: n,
        size: 1_000 + n,
        mtime_ns: 1_763_788_211_123_456_789,
        ctime_ns: 1_763_788_211_123_456_790,
    }
}

pub(crate) fn accepted(pipeline: &str, path: &str) -> JobEvent {
    JobEvent::Accepted(Box::new(Accepted {
        pipeline: pipeline.to_owned(),
        revision: "ab12".to_owned(),
        path: RawPath::from(Path::new(path)),
        folder: RawPath::from(Path::new("/inbox")),
        relative: RawPath::from(Path::new("a.pdf")),
        held: RawPath::from(Path::new("/inbox/.dropleaf/claimed/x")),
        identity: identity(7),
        origin: Origin::Watch,
        priority: 0,
        steps: vec![StepName {
            id: "rotate".to_owned(),
            uses: "pages/rotate".to_owned(),
        }],
    }))
}

pub(crate) fn queued(blake3: &str) -> JobEvent {
    JobEvent::Queued(Queued {
        blake3: blake3.to_owned(),
        size: 1_000,
        duplicate_of: None,
        held_in: None,
    })
}

pub(crate) fn started(attempt: u32) -> JobEvent {
    JobEvent::Started(Started {
        attempt,
        revision: "ab12".to_owned(),
        worker: 4_242,
        sandbox: "full".to_owned(),
        plugins: vec![],
        steps: vec![StepName {
            id: "rotate".to_owned(),
            uses: "pages/rotate".to_owned(),
        }],
    })
}

pub(crate) fn place() -> StepPlace {
    StepPlace {
        step: "rotate".to_owned(),
        index: 0,
        part: 1,
        parts: 1,
    }
}

pub(crate) fn step_started() -> JobEvent {
    JobEvent::StepStarted(place())
}

pub(crate) fn step_finished() -> JobEvent {
    JobEvent::StepFinished(StepFinished {
        place: place(),
        ms: 12,
        documents: 1,
        results: [("pages".to_owned(), serde_json::json!(3))].into(),
    })
}

pub(crate) fn delivering() -> JobEvent {
    deliver(Verdict::Succeed)
}

pub(crate) fn failing() -> JobEvent {
    deliver(Verdict::Fail {
        problem: Problem::new(Code::PdfDamaged, "no trailer"),
    })
}

fn deliver(verdict: Verdict) -> JobEvent {
    JobEvent::Delivering(Delivering {
        redo: Redo {
            verdict,
            moves: [].into(),
        },
        bill: Bill::default(),
    })
}

pub(crate) fn succeeded() -> JobEvent {
    JobEvent::Succeeded(Ended::default())
}

pub(crate) fn failed() -> JobEvent {
    JobEvent::Failed(Ended::default())
}

pub(crate) fn asked_again() -> JobEvent {
    JobEvent::Requeued(Requeued::new(RequeueReason::Asked))
}

pub(crate) fn at(ms: i64, event: Event) -> Draft {
    Draft {
        at: Timestamp(ms),
        event,
    }
}

pub(crate) fn of(job: JobId, what: JobEvent) -> Draft {
    at(1_763_788_211_123, Event::Job { job, what })
}

/// A whole successful life.
pub(crate) fn life(job: JobId, pipeline: &str, path: &str, ms: i64) -> Vec<Draft> {
    [
        accepted(pipeline, path),
        queued("c0ffee"),
        started(1),
        step_started(),
        step_finished(),
        delivering(),
        succeeded(),
    ]
    .into_iter()
    .map(|what| at(ms, Event::Job { job, what }))
    .collect()
}

/// No reserve: tests should not take 64 MiB each.
pub(crate) fn config(folder: &Path) -> Config {
    Config {
        ballast: 0,
        ..Config::new(folder)
    }
}

pub(crate) fn open(folder: &Path) -> (Store, Opening) {
    Store::open(&config(folder), Box::new(|_| {})).expect("the journal opens")
}

/// A store that keeps what its sink hears.
pub(crate) type Heard = Arc<Mutex<Vec<Arc<Stored>>>>;

pub(crate) fn open_hearing(folder: &Path) -> (Store, Heard) {
    let heard = Heard::default();
    let sink = Arc::clone(&heard);
    let (store, _) = Store::open(
        &config(folder),
        Box::new(move |events| {
            sink.lock()
                .expect("no panic")
                .extend(events.iter().cloned())
        }),
    )
    .expect("the journal opens");
    (store, heard)
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temp folder")
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}
