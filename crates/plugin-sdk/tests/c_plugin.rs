//! The example plugin in C is built with the system's compiler and does what it says.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use dropleaf_plugin_sdk::abi;
use dropleaf_plugin_sdk::prelude::*;
use dropleaf_plugin_sdk::testing::{self, Failed, Ran, Trial};

/// Tells the media boxes of a document.
#[derive(Deserialize, JsonSchema)]
struct Measure {}

impl Operation for Measure {
    const NAME: &'static str = "measure";
    const SUMMARY: &'static str = "Tell the media boxes";

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let corners =
            |page: Result<Object<'_>>| page?.object("MediaBox")?.expect("a box").numbers();
        let boxes = run
            .document()
            .pages()
            .map(corners)
            .collect::<Result<Vec<_>>>()?;
        run.result("boxes", boxes)
    }
}

/// The library, built once; `None` where there is no C compiler, as on a machine without development tools.
fn library() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(build).as_deref()
}

fn build() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let library = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("libadd_margin-{}.so", std::process::id()));
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let built = Command::new(compiler)
        .args([
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
            "-shared",
            "-fPIC",
            "-fvisibility=hidden",
        ])
        .arg("-I")
        .arg(root.join("include"))
        .arg("-o")
        .arg(&library)
        .arg(root.join("examples/c-plugin/add_margin.c"))
        .output();
    match built {
        Ok(output) => {
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            Some(library)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("the compiler cannot be started: {error}"),
    }
}

fn run(points: Json, pages: u32) -> Option<Result<Ran, Failed>> {
    let trial = Trial::of_library(library()?, "add-margin", json!({ "points": points }))
        .expect("it is a plugin");
    Some(trial.run(&[testing::sample(pages)]))
}

#[test]
fn its_manifest_is_sound_and_its_example_runs() {
    if let Some(library) = library() {
        testing::check_library(library);
    }
}

#[test]
fn it_grows_every_page_with_progress() {
    let Some(ran) = run(json!(36.5), 3) else {
        return;
    };
    let ran = ran.expect("it runs");
    assert_eq!(ran.pages(), [3]);
    assert_eq!(ran.progress, [(1, 3), (2, 3), (3, 3)]);
    let measured = testing::run::<Measure>(json!({}), &ran.documents).expect("it is read");
    let expected = [-36.5, -36.5, 631.5, 878.5];
    assert_eq!(
        measured.results["boxes"],
        json!([expected, expected, expected])
    );
}

#[test]
fn what_it_cannot_do_is_said_and_undone() {
    let Some(ran) = run(json!(-400), 2) else {
        return;
    };
    let failed = ran.expect_err("nothing would be left");
    assert_eq!(failed.status, abi::E_REJECTED);
    assert_eq!(failed.message, "page 1: nothing would be left of it");
    let Some(ran) = run(json!(1e9), 1) else {
        return;
    };
    assert_eq!(ran.expect_err("too much").status, abi::E_PARAMETERS);
}
