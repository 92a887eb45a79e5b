//! `cargo xtask test` and `cargo xtask lint`.

use crate::dashboard;
use crate::machine::{cargo, ensure_compiler, must, offer_file_systems, root, target};
use anyhow::Result;

/// Sets up what the tests need and runs all of them; the workspace's come last, so that their result is what one sees.
pub fn run() -> Result<()> {
    ensure_compiler()?;
    offer_file_systems();
    // Built once here instead of by each test program.
    must(cargo(&["build", "--workspace", "--all-targets"]).env_remove("DROPLEAF_TEST_PLUGINS"))?;
    let examples = root().join("examples/rust-plugin/Cargo.toml");
    must(
        cargo(&["test", "--quiet", "--manifest-path"])
            .arg(examples)
            .env("CARGO_TARGET_DIR", target().join("examples")),
    )?;
    dashboard::test()?;
    must(cargo(&["test", "--workspace"]).env("DROPLEAF_TEST_PLUGINS", target().join("debug")))
}

/// Formatting, clippy, documentation, and the dashboard's own lints.
pub fn lint() -> Result<()> {
    must(&mut cargo(&["fmt", "--all", "--check"]))?;
    must(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    must(cargo(&["doc", "--workspace", "--no-deps", "--quiet"]).env(
        "RUSTDOCFLAGS",
        "-D warnings -A rustdoc::private_intra_doc_links",
    ))?;
    dashboard::lint()
}
