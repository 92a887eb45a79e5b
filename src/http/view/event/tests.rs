//! One sample of every kind of event, and the promise that `docs/http.md` shows it as it is.

use super::*;
use crate::http::fake::{AT, accepted, id};
use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::event::{Delivering, Ended};
use crate::job::event::{
    GivenUp, PluginUse, Queued, Requeued, Started, StepFailed, StepFinished, StepSkipped, Waiting,
    Warned, WorkerCrashed,
};
use crate::job::redo::{Collision, Delivered, Move, Redo};
use crate::problem::{Code, Problem};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

fn samples() -> Vec<Stored> {
    let job = |what: JobEvent| Event::Job {
        job: id(0x0199_0000_0000_0000_0000_0000_0000_0001),
        what,
    };
    let place = StepPlace {
        step: "stamp".into(),
        index: 0,
        part: 1,
        parts: 1,
    };
    let given_up = place.clone();
    let problem = Problem {
        page: Some(3),
        plugin: Some("stamp 0.1.0 (5f1c2a9e)".into()),
        ..Problem::new(Code::StepFailed, "the font has no glyph for `\u{1f600}`")
            .hint("use a font that has it")
            .in_step("stamp")
    };
    let delivered = Delivered {
        kind: MoveKind::Document,
        path: Some(RawPath::decode("/home/outbox/receive/scan.pdf")),
        depth: None,
        size: 904_112,
        blake3: "9c1e".into(),
        mime: Some("application/pdf".into()),
        pages: Some(12),
    };
    let ended = || Ended {
        delivered: vec![delivered.clone()],
        problem: None,
    };
    let redo = Redo {
        verdict: Verdict::Succeed,
        moves: [Move {
            kind: MoveKind::Document,
            from: RawPath::decode("/home/outbox/receive/.tmp"),
            mark: None,
            to: delivered.path.clone(),
            depth: None,
            size: 904_112,
            blake3: "9c1e".into(),
            collision: Collision::Number,
            mime: None,
            pages: Some(12),
        }]
        .into(),
    };
    let bill = Bill {
        parses: 1,
        saves: 1,
        pages_in: 12,
        pages_out: 12,
        peak_kib: 20_480,
        cpu_ms: 130,
    };
    let pipeline = |what| Event::Pipeline {
        pipeline: "receive".into(),
        what,
    };
    let folder = || RawPath::decode("/home/inbox/receive");
    let watch = |what| Event::Watch {
        pipeline: "receive".into(),
        what,
    };
    let file = |what| Event::File {
        pipeline: "receive".into(),
        path: RawPath::decode("/home/inbox/receive/scan.pdf"),
        what,
    };
    let reason = |text: &str| text.to_owned();
    let all = vec![
        job(JobEvent::Accepted(Box::new(accepted(
            Path::new("/home"),
            "scan.pdf",
        )))),
        job(JobEvent::Queued(Queued {
            blake3: "7f3a".into(),
            size: 1_834_221,
            duplicate_of: None,
            held_in: None,
        })),
        job(JobEvent::Requeued(Requeued::new(RequeueReason::Due))),
        job(JobEvent::Started(Started {
            attempt: 1,
            revision: "0011223344556677".into(),
            worker: 4711,
            sandbox: "full".into(),
            plugins: vec![PluginUse {
                name: "stamp".into(),
                version: "0.1.0".into(),
                blake3: "5f1c2a9e".into(),
            }],
            steps: vec![StepName {
                id: "stamp".into(),
                uses: "stamp/stamp-text".into(),
            }],
        })),
        job(JobEvent::StepStarted(place.clone())),
        job(JobEvent::StepFinished(StepFinished {
            place: place.clone(),
            ms: 84,
            documents: 1,
            results: [("stamped".to_owned(), json!(12))].into(),
        })),
        job(JobEvent::StepSkipped(StepSkipped {
            place: place.clone(),
            condition: "pdf.pages > 20".into(),
        })),
        job(JobEvent::StepFailed(StepFailed {
            place,
            ms: 12,
            problem: problem.clone(),
            continued: true,
        })),
        job(JobEvent::Warned(Warned {
            decided: None,
            step: None,
            code: "repaired".into(),
            message: "the file was damaged and has been repaired".into(),
        })),
        job(JobEvent::WorkerCrashed(WorkerCrashed {
            worker: 4711,
            signal: Some(11),
            exit: None,
            problem: Problem::new(
                Code::PluginCrashed,
                "the worker died by signal 11 (SIGSEGV)",
            )
            .in_step("stamp"),
        })),
        job(JobEvent::Waiting(Waiting {
            failure: Failure {
                ending: Ending::Failed,
                problem,
            },
            until: AT.plus(Duration::from_secs(5)),
        })),
        job(JobEvent::Delivering(Delivering { redo, bill })),
        job(JobEvent::ArtifactWritten(delivered.clone())),
        job(JobEvent::Succeeded(ended())),
        job(JobEvent::Failed(Ended::default())),
        job(JobEvent::Cancelled(Ended::default())),
        pipeline(PipelineEvent::Loaded {
            revision: "0011223344556677".into(),
            yaml: "steps: []".into(),
        }),
        pipeline(PipelineEvent::Invalid {
            faults: vec!["receive.yaml:6:11: unknown operation `stmp-text`".into()],
        }),
        pipeline(PipelineEvent::Removed),
        pipeline(PipelineEvent::Paused {
            reason: "maintenance".into(),
        }),
        pipeline(PipelineEvent::Resumed),
        Event::Plugin(PluginEvent::Loaded {
            name: "stamp".into(),
            version: "0.1.0".into(),
            blake3: "5f1c2a9e".into(),
        }),
        Event::Plugin(PluginEvent::Failed {
            file: RawPath::decode("/home/plugins/bad.so"),
            reason: "it has no `dropleaf_plugin_v1`".into(),
        }),
        watch(WatchEvent::Online {
            folder: folder(),
            mode: "events".into(),
            reason: "ext4 is local".into(),
        }),
        watch(WatchEvent::Offline {
            folder: folder(),
            reason: "the mount is gone".into(),
        }),
        watch(WatchEvent::Blocked {
            folder: folder(),
            reason: "owned by uid 0, mode 0755, and we are uid 1000".into(),
        }),
        file(FileEvent::Settling {
            reason: reason("still open for writing"),
        }),
        file(FileEvent::Ignored {
            reason: reason("matches `*.part`"),
        }),
        file(FileEvent::Incomplete {
            reason: reason("no `%%EOF` near its end"),
        }),
        file(FileEvent::Gone {
            reason: reason("it was not taken when it went away"),
        }),
        Event::Daemon(DaemonEvent::Started {
            version: "0.1.0".into(),
        }),
        Event::Daemon(DaemonEvent::Draining),
        Event::Daemon(DaemonEvent::Intake {
            open: false,
            reason: "120 MiB free, 200 MiB wanted".into(),
        }),
        job(JobEvent::Requeued(Requeued::without(GivenUp {
            place: given_up,
            everywhere: false,
            revision: "0011223344556677".into(),
            failure: Failure {
                ending: Ending::TimedOut,
                problem: Problem::new(Code::TimedOut, "the step took longer than 60.0 s (`stamp/stamp-text`)")
                    .hint("raise the step's `timeout`; if it never ends, tell the author of the plugin `stamp`")
                    .in_step("stamp"),
            },
        }))),
    ];
    all.into_iter()
        .zip(184_468..)
        .map(|(event, seq)| {
            let is_job = event.job().is_some();
            Stored {
                seq,
                at: AT,
                rev: is_job.then_some(seq - 184_467),
                pipeline: is_job.then(|| "receive".into()),
                path: is_job.then(|| RawPath::decode("/home/inbox/receive/scan.pdf")),
                event,
            }
        })
        .collect()
}

#[test]
fn the_manual_shows_every_event_as_it_is() {
    let manual = include_str!("../../../../docs/http.md");
    let mut missing = String::new();
    for stored in samples() {
        let (name, data) = event(&stored);
        let text = format!("event: {name}\ndata: {data}\n");
        if !manual.contains(&text) {
            missing.push_str(&text);
            missing.push('\n');
        }
    }
    assert!(missing.is_empty(), "docs/http.md does not show:\n{missing}");
}

#[test]
fn every_type_of_the_feed_has_a_sample_and_every_sample_a_known_type() {
    let sampled: BTreeSet<_> = samples().iter().map(|stored| event(stored).0).collect();
    let passing = ["step.progress", "log", "stats"];
    let told: BTreeSet<_> = sampled.into_iter().chain(passing).collect();
    assert_eq!(told, crate::feed::topics::TYPES.iter().copied().collect());
}

#[test]
fn an_event_says_the_same_whenever_it_is_told() {
    for stored in samples() {
        assert_eq!(event(&stored), event(&stored.clone()));
    }
}

#[test]
fn job_events_stand_alone() {
    for stored in samples() {
        let (name, data) = event(&stored);
        if stored.event.job().is_some() {
            for key in ["seq", "at", "job", "rev", "pipeline", "path", "name"] {
                assert!(!data[key].is_null(), "{name} has no `{key}`");
            }
        }
        let keys = data.as_object().expect("an object").keys();
        for key in keys {
            assert!(
                key.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{name}: `{key}` is not camelCase"
            );
        }
    }
}

#[test]
fn names_that_are_not_text_keep_their_bytes_in_the_path() {
    let mut stored = samples().remove(1);
    stored.path = Some(RawPath::decode("bytes:/in/\\xff.pdf"));
    let (_, data) = event(&stored);
    assert_eq!(data["path"], "bytes:/in/\\xff.pdf");
    assert_eq!(data["name"], "\u{fffd}.pdf");
}

#[test]
fn every_event_is_described_and_every_sample_is_as_described() {
    let document = crate::http::openapi::document(&[]);
    let names: BTreeSet<&str> = catalog::EVENTS.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), catalog::EVENTS.len());
    for name in crate::feed::topics::TYPES {
        assert!(names.contains(name), "{name}");
    }
    let mut whole = json!({ "$ref": "#/components/schemas/HistoryEventView" });
    whole["components"] = document["components"].clone();
    let validator = jsonschema::draft202012::new(&whole).expect("a valid schema");
    for stored in samples() {
        let (name, data) = event(&stored);
        let one = &document["x-events"][name];
        let mut schema = one.clone();
        schema["components"] = document["components"].clone();
        let own = jsonschema::draft202012::new(&schema).expect("a valid schema");
        let faults: Vec<String> = own
            .iter_errors(&data)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{name}: {faults:?}\n{data:#}");
        assert!(
            validator.is_valid(&json!({ "event": name, "data": data })),
            "{name}"
        );
        assert!(
            !validator.is_valid(&json!({ "event": name, "data": {} })),
            "{name} could be anything"
        );
    }
}
