//! Asking a library what it is.

use crate::workers::bench::{Bench, compile};
use dropleaf::pool::DescribeError;
use std::time::Duration;

#[tokio::test]
async fn a_library_tells_its_manifest() {
    let bench = Bench::new();
    let described = bench
        .pool
        .describe(&bench.store().join("faulty.so"))
        .await
        .expect("it tells");
    assert!(described.manifest.contains("\"misbehave\""));
    assert!(
        described.toolchain.contains("rustc"),
        "{}",
        described.toolchain
    );
}

#[tokio::test]
async fn broken_libraries_are_refused_by_name() {
    let bench = Bench::with(|config| config.describe_limit = Duration::from_secs(2));
    std::fs::write(bench.store().join("short.so"), b"\x7fELF").expect("written");
    std::fs::write(
        bench.store().join("text.so"),
        b"hello, this is no library at all",
    )
    .expect("written");
    for (source, text) in [
        (
            "constructor_abort",
            "a constructor of it, killed the worker with signal 6",
        ),
        ("init_abort", "its `init()` killed the worker with signal 6"),
        ("constructor_spin", "more than 2 s"),
        ("wrong_magic", "1234"),
        ("wrong_major", "2"),
        ("newer_minor", "1.9"),
        ("no_entry", "dropleaf_plugin_v1"),
        ("missing_symbol", "nobody_has_this"),
        ("short", ""),
        ("text", ""),
        ("absent", ""),
    ] {
        let library = bench.store().join(format!("{source}.so"));
        if std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/plugins/{source}.c"))
            .exists()
        {
            compile(source, &library);
        }
        let error = bench.pool.describe(&library).await.expect_err(source);
        assert!(error.is_its_fault(), "{source}: {error}");
        let error = error.to_string();
        assert!(error.contains(text), "{source}: {error}");
        assert!(
            !error.contains(".so"),
            "{source}: its name is known: {error}"
        );
    }
    bench.is_well().await;
}

#[tokio::test]
async fn a_truncated_library_is_refused() {
    let bench = Bench::new();
    let whole = std::fs::read(bench.store().join("faulty.so")).expect("read");
    let cut = bench.store().join("cut.so");
    std::fs::write(&cut, &whole[..whole.len() / 2]).expect("written");
    let error = bench.pool.describe(&cut).await.expect_err("it is refused");
    assert!(
        matches!(error, DescribeError::Refused(_) | DescribeError::Crashed(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_a_library_is_denied_while_it_is_described_counts() {
    let bench = Bench::new();
    let library = bench.store().join("constructor_socket.so");
    compile("constructor_socket", &library);
    bench.pool.describe(&library).await.expect("it tells");
    if bench.pool.probe().await.expect("a worker starts") == "full" {
        assert_eq!(bench.pool.status().denied, 1);
    }
}
