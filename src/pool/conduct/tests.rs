//! Conversations that are allowed and those that are not.

use super::*;
use crate::job::attempt::Bill;
use crate::problem::{Code, Problem};
use crate::wire::message::PlanStep;
use proptest::prelude::*;

pub(crate) fn plan(steps: usize) -> Plan {
    let step = |index: usize| PlanStep {
        id: format!("s{index}"),
        plugin: "pages".into(),
        version: "1.0.0".into(),
        blake3: "00ff".repeat(16),
        library: "/store/00ff.so".into(),
        operation: "rotate".into(),
        takes_all: false,
        condition: None,
        with: serde_json::json!({}),
        own_variables: Default::default(),
        timeout_ms: None,
        continue_on_error: false,
        given_up: Vec::new(),
        temp: false,
    };
    Plan {
        job: "01J".into(),
        steps: (0..steps).map(step).collect(),
        variables: Default::default(),
        output_name: "a.pdf".into(),
        output_folder: "/out".into(),
        passwords: Vec::new(),
        refuse_signed: true,
        max_decoded: 1 << 20,
        max_input: 1 << 20,
        rests: false,
    }
}

fn at(step: u32, part: u32, parts: u32) -> Place {
    Place { step, part, parts }
}

fn opened() -> ToDaemon {
    ToDaemon::Opened { pages: 1 }
}

fn started(place: Place) -> ToDaemon {
    ToDaemon::StepStarted(place)
}

fn finished(place: Place) -> ToDaemon {
    ToDaemon::StepFinished {
        place,
        ms: 1,
        documents: 1,
        results: Default::default(),
    }
}

fn skipped(place: Place) -> ToDaemon {
    ToDaemon::StepSkipped {
        place,
        condition: "false".into(),
    }
}

fn published(size: usize) -> ToDaemon {
    ToDaemon::StepFinished {
        place: at(0, 1, 1),
        ms: 1,
        documents: 1,
        results: [("x".to_owned(), serde_json::json!("x".repeat(size)))].into(),
    }
}

fn billed(bill: Bill) -> ToDaemon {
    let rests = false;
    ToDaemon::Finished { bill, rests }
}

fn output(part: u32, name: &str, folder: &str) -> ToDaemon {
    ToDaemon::Output {
        part,
        pages: 1,
        name: name.into(),
        folder: folder.into(),
    }
}

fn done() -> ToDaemon {
    billed(Bill::default())
}

fn failed() -> ToDaemon {
    ToDaemon::Failed {
        rejected: false,
        cancelled: false,
        crowded: false,
        problem: Problem::new(Code::StepFailed, "no"),
    }
}

fn told(messages: &[ToDaemon]) -> Result<Conduct, Lie> {
    let plan = plan(2);
    let mut conduct = Conduct::default();
    for message in messages {
        conduct.check(message, &plan)?;
    }
    Ok(conduct)
}

#[test]
fn an_honest_conversation_passes() {
    let conduct = told(&[
        opened(),
        started(at(0, 1, 1)),
        ToDaemon::Progress {
            place: at(0, 1, 1),
            done: 1,
            total: 2,
        },
        finished(at(0, 1, 1)),
        started(at(1, 1, 2)),
        finished(at(1, 1, 2)),
        skipped(at(1, 2, 2)),
        output(1, "a-1.pdf", "/out"),
        output(2, "a-2.pdf", "/out/2026"),
        done(),
    ]);
    assert!(conduct.expect("it is honest").ended());
    assert!(told(&[failed()]).expect("it may fail at once").ended());
}

#[test]
fn lies_are_named() {
    let start = || vec![opened(), started(at(0, 1, 1))];
    let steps_done = || vec![opened(), skipped(at(0, 1, 1)), skipped(at(1, 1, 1))];
    let with = |mut messages: Vec<ToDaemon>, last: ToDaemon| {
        messages.push(last);
        messages
    };
    let cases = [
        (vec![opened(), opened()], "opened the input twice"),
        (vec![started(at(0, 1, 1))], "before it opened the input"),
        (with(start(), started(at(1, 1, 1))), "inside another"),
        (with(start(), finished(at(1, 1, 1))), "which is not running"),
        (with(start(), finished(at(0, 1, 2))), "which is not running"),
        (
            with(start(), output(1, "a.pdf", "/out")),
            "before the steps were done",
        ),
        (with(start(), done()), "without an output"),
        (vec![opened(), started(at(2, 1, 1))], "out of order"),
        (vec![opened(), started(at(0, 0, 1))], "document number `0`"),
        (
            vec![opened(), started(at(0, 2, 1))],
            "document number `2` of `1`",
        ),
        (vec![opened(), started(at(0, 1, 0))], "document number `0`"),
        (
            vec![opened(), started(at(0, 1, u32::MAX))],
            "document number",
        ),
        (
            vec![opened(), skipped(at(1, 1, 1)), skipped(at(0, 1, 1))],
            "out of order",
        ),
        (with(steps_done(), done()), "without an output"),
        (
            with(steps_done(), output(2, "a.pdf", "/out")),
            "out of order",
        ),
        (
            with(steps_done(), output(1, "../a.pdf", "/out")),
            "no plain file name",
        ),
        (
            with(steps_done(), output(1, "", "/out")),
            "no plain file name",
        ),
        (
            with(steps_done(), output(1, "..", "/out")),
            "no plain file name",
        ),
        (
            with(steps_done(), output(1, "a\n.pdf", "/out")),
            "no plain file name",
        ),
        (
            with(steps_done(), output(1, &"a".repeat(256), "/out")),
            "no plain file name",
        ),
        (
            with(steps_done(), output(1, "a.pdf", "out")),
            "no plain absolute folder",
        ),
        (
            with(steps_done(), output(1, "a.pdf", "/out/../etc")),
            "no plain absolute folder",
        ),
        (
            with(steps_done(), output(1, "a.pdf", &"/o".repeat(4096))),
            "no plain absolute folder",
        ),
        (
            vec![opened(), skipped(at(0, 1, 1)), started(at(0, 1, 1))],
            "document number `1` of `1` is out of order in step number `0`",
        ),
        (
            vec![opened(), skipped(at(0, 2, 3)), started(at(0, 1, 3))],
            "document number `1` of `3` is out of order",
        ),
        (
            vec![opened(), skipped(at(0, 1, 3)), skipped(at(0, 2, 4))],
            "document number `2` of `4` is out of order",
        ),
        (with(start(), published(1 << 20)), "bytes of results"),
        (
            vec![ToDaemon::Opened { pages: u64::MAX }],
            "nothing counts `18446744073709551615`",
        ),
        (vec![failed(), failed()], "after its last word"),
        (
            vec![
                opened(),
                skipped(at(0, 1, 1)),
                output(1, "a.pdf", "/o"),
                done(),
                done(),
            ],
            "after its last word",
        ),
        (
            vec![opened(), output(1, "a.pdf", "/o"), started(at(0, 1, 1))],
            "after its first output",
        ),
        (
            vec![ToDaemon::Ready {
                protocol: 1,
                sandbox: "full".into(),
                counts: false,
            }],
            "another question",
        ),
    ];
    for (messages, expected) in cases {
        let lie = told(&messages).expect_err(expected).to_string();
        assert!(lie.contains(expected), "{lie:?} lacks {expected:?}");
    }
}

#[test]
fn a_bill_is_checked_and_its_pages_are_those_that_were_told() {
    let ended = |bill| {
        told(&[
            ToDaemon::Opened { pages: 7 },
            output(1, "a.pdf", "/o"),
            output(2, "b.pdf", "/o"),
            billed(bill),
        ])
    };
    let forged = Bill {
        pages_in: u64::MAX,
        pages_out: u64::MAX,
        cpu_ms: 5,
        ..Bill::default()
    };
    let conduct = ended(forged.clone()).expect("what it says of pages is not asked for");
    let bill = conduct.corrected(forged);
    assert_eq!((bill.pages_in, bill.pages_out, bill.cpu_ms), (7, 2, 5));
    for number in [MOST + 1, u64::MAX] {
        let (peak, time) = (Bill::default(), Bill::default());
        let (peak_kib, cpu_ms) = (number, number);
        assert!(ended(Bill { peak_kib, ..peak }).is_err());
        assert!(ended(Bill { cpu_ms, ..time }).is_err());
    }
}

#[test]
fn there_is_an_end_to_what_an_attempt_publishes() {
    let plan = plan(20);
    let mut conduct = Conduct::default();
    conduct.check(&opened(), &plan).expect("it begins");
    let steps = (0..20).map(|step| {
        let place = at(step, 1, 1);
        let ToDaemon::StepFinished { results, .. } = published(bounds::RESULTS) else {
            panic!("it is one");
        };
        conduct.check(&started(place.clone()), &plan)?;
        let (ms, documents) = (1, 1);
        let finished = ToDaemon::StepFinished {
            place,
            ms,
            documents,
            results,
        };
        conduct.check(&finished, &plan)
    });
    let passed = steps.take_while(Result::is_ok).count();
    assert_eq!(passed, 2 * bounds::ALL_RESULTS / bounds::RESULTS - 1);
}

proptest! {
    #[test]
    fn whatever_is_said_nothing_follows_the_last_word(
        choices in proptest::collection::vec((0u8..7, 0u32..3, 0u32..3), 0..40)
    ) {
        let plan = plan(2);
        let mut conduct = Conduct::default();
        for (kind, step, part) in choices {
            let message = match kind {
                0 => opened(),
                1 => started(at(step, part, 2)),
                2 => finished(at(step, part, 2)),
                3 => skipped(at(step, part, 2)),
                4 => output(part, "a.pdf", "/out"),
                5 => done(),
                _ => failed(),
            };
            let before = conduct.ended();
            let answer = conduct.check(&message, &plan);
            prop_assert!(!before || answer.is_err());
        }
    }
}
