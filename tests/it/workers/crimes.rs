//! One test for every way of going wrong: what the pool makes of it, and that it goes on.

use crate::workers::bench::{Bench, Ran, finish, limits};
use dropleaf::job::attempt::Ending;
use dropleaf::job::event::{GivenUp, StepPlace};
use dropleaf::pool::update::{Limits, Stop, Update};
use dropleaf::problem::Code;
use dropleaf_test_support::sample;
use serde_json::json;
use std::time::{Duration, Instant};

async fn run_short(bench: &Bench, mode: &str, deadline: u64, stall: u64) -> Ran {
    let limits = Limits {
        deadline: Duration::from_millis(deadline),
        stall: Duration::from_millis(stall),
    };
    finish(bench.begin_on(vec![bench.misbehave(mode)], &sample::pdf(3), limits)).await
}

#[tokio::test]
async fn an_error_after_a_partial_edit_leaves_no_trace() {
    let bench = Bench::new();
    let ran = bench.run_mode("error-after-edit").await;
    ran.failed(Ending::Failed, Code::StepFailed, "gave up after page `2`");
    assert_eq!(ran.failure().problem.step.as_deref(), Some("bad"));
    let mut step = bench.misbehave("error-after-edit");
    step.continue_on_error = true;
    let ran = bench.run(vec![step]).await;
    assert_eq!(sample::rotations(&ran.outputs()[0].1), [0, 0, 0]);
    let passed = ran.updates.iter().any(|update| {
        matches!(update,
        Update::StepFailed(failed) if failed.continued)
    });
    assert!(passed);
}

#[tokio::test]
async fn a_rejection_is_the_documents_fault() {
    let bench = Bench::new();
    let ran = bench.run_mode("reject").await;
    ran.failed(Ending::Rejected, Code::DocumentRejected, "not to my taste");
}

#[tokio::test]
async fn a_panic_is_an_error_with_its_message() {
    let bench = Bench::new();
    let ran = bench.run_mode("panic").await;
    ran.failed(Ending::Failed, Code::PluginPanicked, "lost my nerve");
    bench.is_well().await;
}

#[tokio::test]
async fn crashes_are_blamed_by_plugin_step_and_signal() {
    let bench = Bench::new();
    for (mode, signal) in [
        ("segv", 11),
        ("abort", 6),
        ("panic-across", 6),
        ("double-free", 6),
    ] {
        let ran = bench.run_mode(mode).await;
        ran.failed(
            Ending::Crashed,
            Code::PluginCrashed,
            "`faulty/misbehave` crashed",
        );
        let crash = ran.crash();
        assert_eq!(crash.signal, Some(signal), "{mode}");
        assert_eq!(crash.problem.step.as_deref(), Some("bad"));
        assert_eq!(
            crash.problem.plugin.as_deref(),
            Some("faulty 0.1.0 (00ff00ff00ff)")
        );
        assert!(crash.worker > 0);
    }
    let ran = bench.run_mode("segv").await;
    assert_eq!(ran.crash().problem.page, Some(2), "page 1 was done");
    bench.is_well().await;
}

#[tokio::test]
async fn a_stack_overflow_is_a_crash() {
    let bench = Bench::new();
    let ran = bench.run_mode("stack-overflow").await;
    assert_eq!(ran.failure().ending, Ending::Crashed);
    bench.is_well().await;
}

#[tokio::test]
async fn who_spins_is_stopped_at_the_deadline() {
    let bench = Bench::new();
    for mode in ["spin", "spin-deaf", "sleep-deaf"] {
        let began = Instant::now();
        let ran = run_short(&bench, mode, 700, 60_000).await;
        ran.failed(
            Ending::TimedOut,
            Code::TimedOut,
            "the attempt took longer than 700 ms (`faulty/misbehave`)",
        );
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(ran.failure().problem.step.as_deref(), Some("bad"));
    }
    bench.is_well().await;
}

#[tokio::test]
async fn a_step_has_its_own_deadline() {
    let bench = Bench::new();
    let mut step = bench.misbehave("spin");
    step.timeout_ms = Some(300);
    let ran = bench.run(vec![step]).await;
    ran.failed(
        Ending::TimedOut,
        Code::TimedOut,
        "the step took longer than 300 ms (`faulty/misbehave`)",
    );
}

#[tokio::test]
async fn progress_that_does_not_move_is_no_progress() {
    let bench = Bench::new();
    let ran = run_short(&bench, "spin-on-the-spot", 60_000, 600).await;
    ran.failed(
        Ending::TimedOut,
        Code::Stalled,
        "`faulty/misbehave` made no progress for 600 ms",
    );
    let hint = &ran.failure().problem.hint;
    assert!(
        hint.as_ref()
            .is_some_and(|hint| hint.contains("tell the author of the plugin `faulty`")),
        "{hint:?}"
    );
}

#[tokio::test]
async fn processor_time_is_limited_even_for_the_deaf() {
    let bench = Bench::with(|config| config.limits.cpu_seconds = 1);
    for mode in ["spin", "spin-deaf"] {
        let ran = bench.run_mode(mode).await;
        ran.failed(
            Ending::TimedOut,
            Code::CpuLimit,
            "more than 1 s of processor time",
        );
    }
}

#[tokio::test]
async fn memory_is_limited() {
    let bench = Bench::with(|config| config.limits.memory = 200 << 20);
    let ran = bench.run_mode("allocate").await;
    ran.failed(
        Ending::Failed,
        Code::StepFailed,
        "out of memory, and noticed",
    );
    let ran = bench.run_mode("allocate-blindly").await;
    ran.failed(Ending::TimedOut, Code::MemoryLimit, "more than 200 MiB");
    bench.is_well().await;
}

#[tokio::test]
async fn memory_that_the_kernels_limit_does_not_see_is_limited_too() {
    let bench = Bench::with(|config| config.limits.memory = 200 << 20);
    let ran = bench.run_mode("hide-memory").await;
    ran.failed(Ending::TimedOut, Code::MemoryLimit, "more than 200 MiB");
    bench.is_well().await;
}

#[tokio::test]
async fn a_leak_ends_with_its_worker() {
    let bench = Bench::new();
    assert_eq!(bench.run_mode("leak").await.bill().pages_out, 3);
}

#[tokio::test]
async fn an_end_without_a_result_is_a_fault_whatever_the_exit_code() {
    let bench = Bench::new();
    let ran = bench.run_mode("exit").await;
    ran.failed(Ending::Crashed, Code::PluginCrashed, "exit code 0");
    assert_eq!(ran.crash().exit, Some(0));
    let ran = bench.run_mode("exit-hard").await;
    ran.failed(Ending::Crashed, Code::PluginCrashed, "exit code 3");
    bench.is_well().await;
}

#[tokio::test]
async fn closing_everything_is_a_crash() {
    let bench = Bench::new();
    let ran = bench.run_mode("close-all").await;
    assert_eq!(ran.failure().ending, Ending::Crashed);
    bench.is_well().await;
}

#[tokio::test]
async fn threads_left_behind_are_a_warning() {
    let bench = Bench::new();
    let ran = bench.run_mode("threads").await;
    assert_eq!(ran.bill().pages_out, 3);
    assert_eq!(ran.warnings(), ["left-over-threads"]);
}

#[tokio::test]
async fn calls_from_another_thread_and_forged_handles_are_step_errors() {
    let bench = Bench::new();
    let ran = bench.run(vec![bench.fault("other_thread")]).await;
    ran.failed(
        Ending::Failed,
        Code::StepFailed,
        "called from another thread",
    );
    let ran = bench.run(vec![bench.fault("forged_handle")]).await;
    ran.failed(
        Ending::Failed,
        Code::StepFailed,
        "a forged handle was refused",
    );
}

#[tokio::test]
async fn progress_that_lies_harms_nobody() {
    let bench = Bench::new();
    assert_eq!(bench.run_mode("lie-progress").await.bill().pages_out, 3);
}

#[tokio::test]
async fn lies_on_the_control_socket_end_the_attempt() {
    let bench = Bench::new();
    for (mode, text) in [
        ("noise", "a frame of `4294967295` bytes"),
        ("finish-early", "finished without an output"),
        ("unsealed-output", "it sent"),
    ] {
        let ran = bench.run_mode(mode).await;
        ran.failed(Ending::Failed, Code::WorkerFailed, text);
    }
    bench.is_well().await;
}

#[tokio::test]
async fn names_that_leave_their_folder_and_huge_results_are_step_errors() {
    let bench = Bench::new();
    let ran = bench.run_mode("bad-artifact").await;
    assert_eq!(ran.failure().problem.code, Code::StepFailed);
    let ran = bench.run_mode("huge-results").await;
    ran.failed(Ending::Failed, Code::StepFailed, "larger than 256 KiB");
}

#[tokio::test]
async fn the_next_plugin_is_found_wherever_the_one_before_it_went() {
    let bench = Bench::new();
    let steps = vec![
        bench.misbehave("change-folder"),
        bench.fault("forged_handle"),
    ];
    let ran = bench.run(steps).await;
    ran.failed(
        Ending::Failed,
        Code::StepFailed,
        "a forged handle was refused",
    );
}

#[tokio::test]
async fn a_cancelled_attempt_ends_soon_whether_it_hears_or_not() {
    let bench = Bench::new();
    for mode in ["sleep", "sleep-deaf", "spin-deaf"] {
        let mut attempt = bench.begin(vec![bench.misbehave(mode)]);
        wait_for_step(&mut attempt).await;
        let asked = Instant::now();
        attempt.stop.stop(Stop::Cancelled);
        let ran = finish(attempt).await;
        ran.failed(Ending::Cancelled, Code::Cancelled, "");
        assert!(asked.elapsed() < Duration::from_secs(10), "{mode}");
    }
}

async fn wait_for_step(attempt: &mut dropleaf::pool::update::Attempt) {
    while let Some(update) = attempt.updates.recv().await {
        if matches!(update, Update::StepStarted(_)) {
            return;
        }
    }
    panic!("no step began");
}

#[tokio::test]
async fn an_attempt_that_nobody_listens_to_is_stopped() {
    let bench = Bench::new();
    let mut attempt = bench.begin(vec![bench.misbehave("sleep-deaf")]);
    wait_for_step(&mut attempt).await;
    drop(attempt);
    let deadline = Instant::now() + Duration::from_secs(20);
    while bench.pool.status().running > 0 {
        assert!(Instant::now() < deadline, "it is still running");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn draining_interrupts_what_does_not_end() {
    let bench = Bench::new();
    let mut attempt = bench.begin(vec![bench.misbehave("sleep-deaf")]);
    wait_for_step(&mut attempt).await;
    let (ran, ()) = tokio::join!(
        finish(attempt),
        bench.pool.drain(Duration::from_millis(100))
    );
    ran.failed(Ending::Interrupted, Code::Interrupted, "");
    assert_eq!(bench.pool.status().spare, 0);
}

#[tokio::test]
async fn an_input_that_could_be_written_is_not_given_away() {
    let bench = Bench::new();
    let path = bench.home.path().join("open.pdf");
    std::fs::write(&path, sample::pdf(1)).expect("written");
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .expect("opened");
    let ran = finish(bench.pool.run(
        crate::workers::bench::plan(vec![]),
        file,
        dropleaf::plugin::grants::Grant::default(),
        limits(),
    ))
    .await;
    ran.failed(Ending::Failed, Code::Internal, "read-only");
}

#[tokio::test]
async fn a_library_outside_the_store_is_not_loaded() {
    let bench = Bench::new();
    let mut step = bench.step("misbehave", json!({ "mode": "behave" }));
    step.library = crate::workers::bench::built("faulty")
        .to_string_lossy()
        .into_owned();
    let ran = bench.run(vec![step]).await;
    ran.failed(
        Ending::Failed,
        Code::PluginBroken,
        "not in the plugin store",
    );
}

#[tokio::test]
async fn workers_do_not_pile_up() {
    let bench = Bench::new();
    for _ in 0..20 {
        bench.run_mode("segv").await;
    }
    bench.pool.drain(Duration::from_secs(5)).await;
    let me = std::process::id();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let children = children_of(me);
        if children == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "{children} children are left");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Living and dead children. Other tests of this process have some of their own under `cargo test`, so only the dead
/// ones of this pool can be counted there: those that nobody has buried.
fn children_of(parent: u32) -> usize {
    let zombie = |stat: &str| {
        let rest = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
        let mut words = rest.unwrap_or_default().split(' ');
        words.next() == Some("Z") && words.next().and_then(|word| word.parse().ok()) == Some(parent)
    };
    let entries = std::fs::read_dir("/proc").expect("/proc is there");
    let stats =
        entries.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    stats.filter(|stat| zombie(stat)).count()
}

#[tokio::test]
async fn a_step_that_is_given_up_is_not_run_and_tells_why_it_was() {
    let bench = Bench::new();
    let crashed = bench.run_mode("segv").await;
    let mut step = bench.step(
        "misbehave",
        json!({ "mode": "{{ 'segv' if part.index == 2 else 'behave' }}" }),
    );
    step.continue_on_error = true;
    step.given_up = vec![GivenUp {
        place: StepPlace {
            step: "bad".into(),
            index: 1,
            part: 2,
            parts: 3,
        },
        everywhere: false,
        revision: String::new(),
        failure: crashed.failure().clone(),
    }];
    let steps = vec![bench.step("burst", json!({})), step.clone()];
    let ran = bench.run(steps).await;
    let outputs = ran.outputs();
    let turned: Vec<i64> = outputs
        .iter()
        .map(|(_, pdf)| sample::rotations(pdf)[0])
        .collect();
    assert_eq!(turned, [90, 0, 90]);
    let failed = ran.updates.iter().find_map(|update| match update {
        Update::StepFailed(failed) => Some(failed),
        _ => None,
    });
    let failed = failed.expect("it is told");
    assert!(failed.continued);
    assert_eq!((failed.place.part, failed.ms), (2, 0));
    assert_eq!(failed.problem, crashed.failure().problem);
    assert_eq!(failed.problem.page, Some(2), "as it was said then");

    // On all documents, whichever they are.
    step.given_up[0].everywhere = true;
    step.with = json!({ "mode": "segv" });
    let ran = bench.run(vec![step]).await;
    assert_eq!(sample::rotations(&ran.outputs()[0].1), [0, 0, 0]);
}
