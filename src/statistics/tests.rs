//! Events in, numbers out.

use super::*;
use crate::job::attempt::Bill;
use crate::job::event::{Delivering, Ended, Started, StepFinished, StepName, StepPlace};
use crate::job::redo::{Collision, Move, Redo};
use crate::raw_path::RawPath;
use std::path::Path;

const MINUTE: i64 = 60_000;

fn id(number: u128) -> JobId {
    JobId(ulid::Ulid::from(number))
}

struct World {
    statistics: Statistics,
    seq: u64,
}

impl World {
    fn new() -> Self {
        Self {
            statistics: Statistics::default(),
            seq: 0,
        }
    }

    fn tell(&mut self, job: u128, at: i64, what: JobEvent) {
        self.seq += 1;
        self.statistics.observe(&[Arc::new(Stored {
            seq: self.seq,
            at: Timestamp(at),
            rev: Some(1),
            pipeline: Some("scan".to_owned()),
            path: Some(RawPath::from(Path::new("/inbox/a.pdf"))),
            event: Event::Job { job: id(job), what },
        })]);
    }

    fn start(&mut self, job: u128, at: i64) {
        let name = |id: &str| StepName {
            id: id.to_owned(),
            uses: "p/o".to_owned(),
        };
        let started = Started {
            attempt: 1,
            revision: String::new(),
            worker: 1,
            sandbox: String::new(),
            plugins: Vec::new(),
            steps: vec![name("ocr"), name("stamp")],
        };
        self.tell(job, at, JobEvent::Started(started));
        self.tell(job, at, JobEvent::StepStarted(place(0)));
    }

    fn finish_step(&mut self, job: u128, at: i64, index: u32, ms: u64) {
        let finished = StepFinished {
            place: place(index),
            ms,
            documents: 1,
            results: BTreeMap::default(),
        };
        self.tell(job, at, JobEvent::StepFinished(finished));
    }

    fn deliver(&mut self, job: u128, at: i64, pages_in: u64) {
        let original = Move {
            kind: MoveKind::Original,
            from: RawPath::from(Path::new("/x")),
            mark: None,
            to: None,
            depth: None,
            size: 1_000,
            blake3: String::new(),
            collision: Collision::Number,
            mime: None,
            pages: None,
        };
        let delivering = Delivering {
            redo: Redo {
                verdict: Verdict::Succeed,
                moves: [original].into(),
            },
            bill: Bill {
                pages_in,
                ..Bill::default()
            },
        };
        self.tell(job, at, JobEvent::Delivering(delivering));
        self.tell(job, at, JobEvent::Succeeded(Ended::default()));
    }

    /// A job of 10 pages: 4 s of ocr, 1 s of stamp.
    fn run(&mut self, job: u128, at: i64) {
        self.start(job, at);
        self.finish_step(job, at + 4_000, 0, 4_000);
        self.finish_step(job, at + 5_000, 1, 1_000);
        self.deliver(job, at + 5_000, 10);
    }

    fn left(&self, job: u128, now: i64) -> Option<u64> {
        millis(self.statistics.left(id(job), Timestamp(now)))
    }

    /// As the first step says that so much is to do.
    fn hear(&self, job: u128, now: i64, total: u64, left: Option<u64>) -> Option<u64> {
        let said = Said {
            job: id(job),
            index: 0,
            total,
            left: left.map(Duration::from_millis),
        };
        millis(self.statistics.hear(&said, Timestamp(now)))
    }
}

fn millis(duration: Option<Duration>) -> Option<u64> {
    duration.map(|duration| u64::try_from(duration.as_millis()).expect("short"))
}

fn place(index: u32) -> StepPlace {
    StepPlace {
        step: ["ocr", "stamp"][index as usize].to_owned(),
        index,
        part: 1,
        parts: 1,
    }
}

#[test]
fn ended_jobs_add_up_by_minute_with_the_last_of_each_kind() {
    let mut world = World::new();
    world.run(1, 0);
    world.run(2, MINUTE);
    world.start(3, MINUTE);
    world.tell(3, MINUTE + 9, JobEvent::Failed(Ended::default()));
    let summary = world.statistics.summary("scan", Timestamp(2 * MINUTE));
    assert_eq!(summary.typical_ms, Some(5_000));
    assert_eq!(summary.last_succeeded.expect("one").job, id(2));
    let failed = summary.last_failed.expect("one");
    assert_eq!(
        (failed.job, failed.name.as_str(), failed.at.0),
        (id(3), "a.pdf", MINUTE + 9)
    );
    let minute = |place: usize| {
        let minute = summary.minutes[place];
        (minute.succeeded, minute.failed, minute.pages, minute.bytes)
    };
    assert_eq!(
        (minute(0), minute(1)),
        ((1, 0, 10, 1_000), (1, 1, 10, 1_000))
    );
    let none = world.statistics.summary("other", Timestamp(0));
    assert_eq!(none, Summary::default());
}

#[test]
fn time_left_comes_from_the_pipelines_own_history() {
    let mut world = World::new();
    world.start(1, 0);
    assert_eq!(world.left(1, 0), None, "nothing is known yet");
    assert_eq!(world.hear(1, 500, 10, Some(700)), None);
    world.finish_step(1, 4_000, 0, 4_000);
    world.finish_step(1, 5_000, 1, 1_000);
    world.deliver(1, 5_000, 10);
    assert_eq!(world.left(1, 5_000), None, "it runs no more");

    world.start(2, 10_000);
    assert_eq!(world.left(2, 10_000), Some(5_000));
    assert_eq!(world.left(2, 11_000), Some(4_000));
    assert_eq!(world.left(2, 16_000), Some(1_000), "a little late");
    assert_eq!(world.left(2, 60_000), None, "like none before");
    let end = |now| world.statistics.running(Timestamp(now))[&id(2)];
    assert_eq!(end(10_500), Some(Timestamp(15_000)));
    assert_eq!(end(13_500), end(10_500), "it does not jump about");
    assert_eq!(end(90_000), None);
    // The first job taught that the step counts pages: twice as many take twice as long.
    assert_eq!(world.hear(2, 11_000, 20, Some(700)), Some(2_700));
    assert_eq!(world.left(2, 10_000), Some(10_000));
    world.finish_step(2, 17_000, 0, 7_000);
    assert_eq!(world.left(2, 17_000), Some(2_000));
}

#[test]
fn an_attempt_that_failed_teaches_nothing() {
    let mut world = World::new();
    world.start(1, 0);
    world.finish_step(1, 90_000, 0, 90_000);
    world.tell(1, 90_000, JobEvent::Cancelled(Ended::default()));
    world.start(2, 100_000);
    assert_eq!(world.left(2, 100_000), None);
    assert_eq!(world.statistics.running(Timestamp(0)).len(), 1);
}
