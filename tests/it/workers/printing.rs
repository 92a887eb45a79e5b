//! What plugins print and log: whose it is, and what becomes of floods.

use crate::workers::bench::Bench;
use dropleaf::pool::update::Update;
use serde_json::json;

#[tokio::test]
async fn what_is_printed_becomes_log_lines() {
    let bench = Bench::new();
    let ran = bench.run_mode("print").await;
    assert_eq!(ran.bill().pages_out, 3);
    let logs = ran.logs();
    assert!(logs.contains(&"hello from standard output"), "{logs:?}");
    assert!(logs.contains(&"hello from standard error"), "{logs:?}");
}

#[tokio::test]
async fn what_is_printed_through_the_c_library_needs_no_flush() {
    let bench = Bench::new();
    let step = |id: &str, mode: &str| {
        let mut step = bench.misbehave(mode);
        step.id = id.to_owned();
        step.with["text"] = json!("no end");
        step
    };
    let steps = vec![
        step("a", "print-by-c"),
        step("b", "print-by-c"),
        step("c", "print-by-c-and-abort"),
    ];
    let ran = bench.run(steps).await;
    let logs: Vec<(&str, &str)> = ran
        .updates
        .iter()
        .filter_map(|update| match update {
            Update::Log { step, message, .. } => Some((step.as_deref()?, message.as_str())),
            _ => None,
        })
        .collect();
    let (line, half) = ("a line of C", "no end");
    let printed = [
        ("a", line),
        ("a", half),
        ("b", line),
        ("b", half),
        ("c", line),
    ];
    assert_eq!(logs, printed, "what a line lacks is lost in a crash");
}

#[tokio::test]
async fn what_is_printed_belongs_to_the_step_that_printed_it() {
    let bench = Bench::new();
    let step = |id: &str| {
        let mut step = bench.misbehave("print");
        step.id = id.to_owned();
        step
    };
    for _ in 0..20 {
        let ran = bench.run(vec![step("a"), step("b"), step("c")]).await;
        let steps: Vec<&str> = ran
            .updates
            .iter()
            .filter_map(|update| match update {
                Update::Log { step, .. } => Some(step.as_deref().unwrap_or("-")),
                _ => None,
            })
            .collect();
        assert_eq!(steps, ["a", "a", "b", "b", "c", "c"]);
    }
}

#[tokio::test]
async fn floods_of_lines_are_cut_and_counted() {
    let bench = Bench::new();
    for mode in ["flood-print", "flood-log"] {
        let ran = bench.run_mode(mode).await;
        assert_eq!(ran.bill().pages_out, 3);
        let logs = ran.logs();
        assert!(logs.len() < 50_000, "{} lines", logs.len());
        assert!(
            logs.last()
                .is_some_and(|line| line.contains("log lines dropped")),
            "{:?}",
            logs.last()
        );
        if mode == "flood-log" {
            let dropped = logs.last().and_then(|line| line.split(' ').next());
            let dropped: usize = dropped.expect("a line").parse().expect("a number");
            assert_eq!(logs.len() - 1 + dropped, 100_000, "each is told or counted");
            assert_eq!(ran.warnings(), ["step-warning"], "no flood drowns it");
        }
    }
}
