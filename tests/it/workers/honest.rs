//! What an attempt does when nothing goes wrong.

use crate::workers::bench::{Bench, finish, limits, plan};
use dropleaf::job::attempt::Ending;
use dropleaf::pool::update::Update;
use dropleaf::problem::Code;
use dropleaf_test_support::sample::{self, Sample};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn several_steps_cost_one_parse_and_one_save() {
    let bench = Bench::new();
    let steps = vec![
        bench.misbehave("behave"),
        bench.misbehave("behave"),
        bench.misbehave("behave"),
    ];
    let ran = bench.run(steps).await;
    let bill = ran.bill();
    assert_eq!(
        (bill.parses, bill.saves, bill.pages_in, bill.pages_out),
        (1, 1, 3, 3)
    );
    assert!(bill.peak_kib > 1000, "{bill:?}");
    let outputs = ran.outputs();
    assert_eq!(outputs[0].0, "/out/1/scan-1.pdf");
    assert_eq!(sample::rotations(&outputs[0].1), [90, 90, 90]);
}

#[tokio::test]
async fn news_comes_in_order() {
    let bench = Bench::new();
    let ran = bench.run_mode("behave").await;
    let words: Vec<&str> = ran.updates.iter().map(word).collect();
    assert_eq!(words.first(), Some(&"began"));
    let without_progress: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| *word != "progress")
        .collect();
    assert_eq!(
        without_progress,
        ["began", "opened", "started", "finished", "output"]
    );
    let last = ran.updates.iter().rev().find_map(|update| match update {
        Update::Progress { place, done, total } => {
            Some((place.step.clone(), place.part, place.parts, *done, *total))
        }
        _ => None,
    });
    assert_eq!(last, Some(("bad".to_owned(), 1, 1, 3, 3)));
}

fn word(update: &Update) -> &'static str {
    match update {
        Update::Began { .. } => "began",
        Update::Opened { .. } => "opened",
        Update::StepStarted(_) => "started",
        Update::Progress { .. } => "progress",
        Update::StepFinished(_) => "finished",
        Update::StepSkipped(_) => "skipped",
        Update::StepFailed(_) => "failed",
        Update::Log { .. } => "log",
        Update::Warning(_) => "warning",
        Update::Artifact { .. } => "artifact",
        Update::Output { .. } => "output",
        Update::Crashed(_) => "crashed",
        Update::Ended(_) => "ended",
    }
}

#[tokio::test]
async fn a_document_that_is_cut_up_goes_on_in_parts() {
    let bench = Bench::new();
    let mut turn = bench.misbehave("behave");
    turn.id = "turn".into();
    turn.condition = Some("part.index != 2".into());
    let mut count = bench.step("count", json!({}));
    count.id = "count".into();
    let ran = bench
        .run(vec![bench.step("burst", json!({})), turn.clone()])
        .await;
    let outputs = ran.outputs();
    let names: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "/out/3/scan-1.pdf",
            "/out/3/scan-2.pdf",
            "/out/3/scan-3.pdf"
        ]
    );
    let turned: Vec<i64> = outputs
        .iter()
        .map(|(_, pdf)| sample::rotations(pdf)[0])
        .collect();
    assert_eq!(turned, [90, 0, 90]);
    assert_eq!(ran.bill().parses, 1);

    let ran = bench.run(vec![bench.step("burst", json!({})), count]).await;
    assert_eq!(ran.outputs().len(), 3, "who only looks loses nothing");
    let counted = ran.updates.iter().any(|update| {
        matches!(update,
        Update::StepFinished(finished) if finished.results.get("documents") == Some(&json!(3)))
    });
    assert!(counted, "{ran:?}");
}

#[tokio::test]
async fn templates_see_the_job_the_document_and_earlier_steps() {
    let bench = Bench::new();
    let mut first = bench.misbehave("behave");
    first.id = "first".into();
    let mut note = bench.step(
        "misbehave",
        json!({
            "mode": "artifact",
            "text": "{{ input.stem }} {{ pdf.pages }} {{ part.index }} {{ steps.first.pages }}",
        }),
    );
    note.id = "note".into();
    let mut skipped = bench.misbehave("abort");
    skipped.id = "skipped".into();
    skipped.condition = Some("pdf.pages > 100".into());
    let ran = bench.run(vec![first, note, skipped]).await;
    assert_eq!(
        ran.artifacts(),
        [("note.txt".to_owned(), 1, b"scan 3 1 3".to_vec())]
    );
    let skipped = ran.updates.iter().any(|update| {
        matches!(update,
        Update::StepSkipped(skipped) if skipped.place.step == "skipped")
    });
    assert!(skipped);
}

#[tokio::test]
async fn parameters_that_templates_made_are_checked_again() {
    let bench = Bench::new();
    let step = bench.step("misbehave", json!({ "mode": "{{ input.stem }}" }));
    let ran = bench.run(vec![step]).await;
    ran.failed(Ending::Rejected, Code::ParametersRefused, "mode");
}

#[tokio::test]
async fn a_template_without_value_rejects_the_document() {
    let bench = Bench::new();
    let mut missing = plan(vec![]);
    missing.output_name = "{{ input.nothing }}.pdf".into();
    let ran = finish(bench.begin_plan(missing, &sample::pdf(1), limits())).await;
    ran.failed(Ending::Rejected, Code::TemplateFailed, "input.nothing");
    let mut leaves = plan(vec![]);
    leaves.output_folder = "/out/{{ '..' }}/etc".into();
    let ran = finish(bench.begin_plan(leaves, &sample::pdf(1), limits())).await;
    ran.failed(Ending::Rejected, Code::OutputName, "..");
}

#[tokio::test]
async fn what_is_no_pdf_is_rejected_with_the_reason() {
    let bench = Bench::new();
    for (bytes, code) in [
        (&b""[..], Code::NotPdf),
        (b"PK\x03\x04 a zip file", Code::NotPdf),
    ] {
        let ran = finish(bench.begin_on(vec![], bytes, limits())).await;
        assert_eq!(ran.failure().ending, Ending::Rejected);
        assert_eq!(ran.failure().problem.code, code);
    }
    let mut small = plan(vec![]);
    small.max_input = 100;
    let ran = finish(bench.begin_plan(small, &sample::pdf(3), limits())).await;
    ran.failed(Ending::Rejected, Code::TooLarge, "`max_input_mb`");
}

#[tokio::test]
async fn passwords_are_templates_and_are_tried() {
    let bench = Bench::new();
    let pdf = Sample::new("secret", 2)
        .encrypted("sesame", "owner")
        .bytes();
    let ran = finish(bench.begin_on(vec![], &pdf, limits())).await;
    assert_eq!(ran.failure().problem.code, Code::PdfEncrypted);
    assert_eq!(ran.failure().ending, Ending::Rejected);
    let mut knowing = plan(vec![]);
    knowing.passwords = vec!["wrong".into(), "{{ env.PASSWORD }}".into()];
    let ran = finish(bench.begin_plan(knowing, &pdf, limits())).await;
    assert_eq!(ran.bill().pages_out, 2);
}

#[tokio::test]
async fn a_scratch_folder_is_there_for_who_may_have_one() {
    let bench = Bench::new();
    let mut step = bench.step("misbehave", json!({ "mode": "temp", "text": "scratch" }));
    let ran = bench.run(vec![step.clone()]).await;
    ran.failed(Ending::Failed, Code::StepFailed, "");
    step.temp = true;
    let ran = bench.run(vec![step]).await;
    assert_eq!(ran.bill().pages_out, 3);
    assert_eq!(ran.results().get("read"), Some(&json!("scratch")));
}

#[tokio::test]
async fn artifacts_of_a_step_that_failed_are_not_put_out() {
    let bench = Bench::new();
    let mut step = bench.misbehave("artifact-then-error");
    step.continue_on_error = true;
    let ran = bench.run(vec![step]).await;
    assert_eq!(ran.bill().pages_out, 3);
    assert!(ran.artifacts().is_empty());
}

#[tokio::test]
async fn a_step_that_is_passed_over_is_warned_of_once_with_the_reason() {
    let bench = Bench::new();
    let mut step = bench.step(
        "misbehave",
        json!({ "mode": "{{ 'behave' if part.index == 2 else 'error-after-edit' }}" }),
    );
    step.continue_on_error = true;
    let ran = bench.run(vec![bench.step("burst", json!({})), step]).await;
    assert_eq!(ran.bill().pages_out, 3);
    let warned: Vec<_> = ran
        .updates
        .iter()
        .filter_map(|update| match update {
            Update::Warning(warned) => Some(warned),
            _ => None,
        })
        .collect();
    let [warned] = &warned[..] else {
        panic!("one warning: {warned:?}");
    };
    assert_eq!(warned.code, "step-passed-over");
    assert_eq!(warned.step.as_deref(), Some("bad"));
    assert!(
        warned.message.starts_with(
            "step `bad` failed on 2 of 3 documents, and the job went on without it: gave up"
        ),
        "{}",
        warned.message
    );
}

#[tokio::test]
async fn hundreds_of_documents_arrive_although_the_reader_is_slow() {
    let bench = Bench::with(|config| config.limits.open_files = 64);
    let mut attempt = bench.begin_on(
        vec![bench.step("burst", json!({}))],
        &sample::pdf(400),
        limits(),
    );
    let mut parts = 0;
    while let Some(update) = attempt.updates.recv().await {
        match update {
            Update::Output { part, .. } => {
                parts += 1;
                assert_eq!(part, parts);
                // Long enough for the worker to run into what the kernel lets it have under way.
                if part == 1 {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Update::Ended(ended) => assert_eq!(ended.expect("it succeeds").pages_out, 400),
            _ => {}
        }
    }
    assert_eq!(parts, 400);
}
