//! What a worker says is counted, checked and cut, whoever speaks on its control socket.

use crate::workers::bench::{Bench, Ran};
use dropleaf::job::attempt::Ending;
use dropleaf::pool::update::Update;
use dropleaf::problem::Code;
use serde_json::json;

async fn run_with(bench: &Bench, mode: &str, text: &str) -> Ran {
    let with = json!({ "mode": mode, "text": text });
    bench.run(vec![bench.step("misbehave", with)]).await
}

#[tokio::test]
async fn a_bill_counts_what_the_daemon_has_seen() {
    let bench = Bench::new();
    for part in ["pages_in", "pages_out"] {
        let ran = run_with(&bench, "lie-bill", part).await;
        let bill = ran.bill();
        assert_eq!((bill.pages_in, bill.pages_out), (3, 1), "{part}");
        let times = ran.updates.iter().filter_map(|update| match update {
            Update::StepFinished(finished) => Some(finished.ms),
            _ => None,
        });
        assert!(times.max() < Some(120_000), "no longer than the attempt");
    }
    for part in ["peak_kib", "cpu_ms"] {
        let ran = run_with(&bench, "lie-bill", part).await;
        let text = "nothing counts `18446744073709551615`";
        ran.failed(Ending::Failed, Code::WorkerFailed, text);
    }
    bench.is_well().await;
}

#[tokio::test]
async fn there_is_an_end_to_what_a_step_tells() {
    let bench = Bench::new();
    for (mode, text) in [
        ("repeat-step", "out of order in step number `0`"),
        ("flood-results", "bytes of results"),
    ] {
        let ran = bench.run_mode(mode).await;
        ran.failed(Ending::Failed, Code::WorkerFailed, text);
        assert!(ran.updates.len() < 10, "{}", ran.updates.len());
    }
    bench.is_well().await;
}

#[tokio::test]
async fn reasons_are_short_and_plain_and_a_condition_is_the_pipelines() {
    let bench = Bench::new();
    let mut skipped = bench.misbehave("behave");
    (skipped.id, skipped.condition) = ("other".into(), Some("true".into()));
    let ran = bench
        .run(vec![bench.misbehave("lie-reasons"), skipped])
        .await;
    let problem = &ran.failure().problem;
    let mut reasons = vec![problem.detail.clone()];
    reasons.extend(problem.hint.clone());
    for update in &ran.updates {
        match update {
            Update::StepFailed(failed) => {
                assert!(failed.ms < 120_000, "no longer than the attempt");
                reasons.push(failed.problem.detail.clone());
                reasons.extend(failed.problem.hint.clone());
            }
            Update::StepSkipped(skipped) => assert_eq!(skipped.condition, "true"),
            _ => {}
        }
    }
    assert_eq!(reasons.len(), 4);
    for reason in reasons {
        assert!(reason.len() <= 8 << 10, "{} bytes", reason.len());
        assert!(!reason.contains('\u{1b}'));
    }
    let ran = bench.run_mode("long-reason").await;
    ran.failed(Ending::Failed, Code::StepFailed, "no end no end");
    assert!(ran.failure().problem.detail.len() <= 8 << 10);
}

#[tokio::test]
async fn results_beyond_what_an_attempt_may_publish_are_dropped_with_a_warning() {
    let bench = Bench::new();
    let step = |number: usize| {
        let with = json!({ "mode": "large-results", "text": format!("r{number}") });
        let mut step = bench.step("misbehave", with);
        step.id = format!("s{number}");
        step
    };
    let ran = bench.run((0..7).map(step).collect()).await;
    ran.ended.as_ref().expect("it succeeds all the same");
    let told = ran.updates.iter().filter_map(|update| match update {
        Update::StepFinished(finished) => Some(finished.results.len()),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [1, 1, 1, 1, 0, 0, 0]);
    assert_eq!(ran.warnings(), ["results-dropped"]);
}
