//! Loading libraries: what is refused says why. Plugins are compiled from C on the spot; without a compiler there is
//! nothing to load, and the tests pass.

use std::path::{Path, PathBuf};
use std::process::Command;

use dropleaf_plugin_host::{Library, run};

use crate::samples::{open, reread, sample};
use crate::script::Told;

/// Compiles `source` to a library of its own, or answers `None` where there is no compiler.
fn compiled(folder: &Path, name: &str, source: &str) -> Option<PathBuf> {
    let file = folder.join(format!("{name}.c"));
    let target = folder.join(format!("{name}.so"));
    std::fs::write(&file, source).expect("written");
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../include");
    let output = Command::new("cc")
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-shared",
            "-fPIC",
            "-fvisibility=hidden",
            "-I",
        ])
        .arg(include)
        .arg(file)
        .arg("-o")
        .arg(&target)
        .output()
        .ok()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(target)
}

fn plugin(entry: &str, body: &str) -> String {
    format!(
        r#"#include "dropleaf_plugin.h"
static const leaf_cos_v1 *cos;
static leaf_status make(const leaf_host *host, leaf_str parameters, void **out, leaf_ctx *err)
{{ (void)parameters; (void)err; *out = NULL; cos = host->get_extension(host, LEAF_EXT_COS);
   return cos && !host->get_extension(host, "com.example.none/1") ? LEAF_OK : LEAF_E_UNSUPPORTED; }}
static leaf_status work(void *instance, leaf_ctx *ctx)
{{ (void)instance; (void)ctx; {body} }}
static void destroy(void *instance) {{ (void)instance; }}
static const leaf_operation OPERATION = {{ sizeof(leaf_operation), 0, "turn", make, work, destroy, NULL }};
static const leaf_operation *operation(uint32_t index) {{ return index == 0 ? &OPERATION : NULL; }}
const leaf_entry dropleaf_plugin_v1 = {{ {entry}, operation, NULL }};
"#
    )
}

const GOOD: &str = "LEAF_MAGIC, LEAF_ABI_MAJOR, LEAF_ABI_MINOR, sizeof(leaf_entry), 0, \"{\\\"name\\\": \\\"c\\\"}\", \"cc\", NULL, NULL";

#[test]
fn a_plugin_in_c_turns_pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let body = r#"
        uint32_t count = 0;
        leaf_status status = cos->page_count(ctx, LEAF_DOCUMENT, &count);
        for (uint32_t i = 0; status == LEAF_OK && i < count; i++) {
            leaf_obj page;
            leaf_str key = { (const uint8_t *)"Rotate", 6 };
            leaf_val value = { LEAF_INT, 0, { 180 } };
            if ((status = cos->page(ctx, LEAF_DOCUMENT, i, &page)) == LEAF_OK)
                status = cos->dict_put(ctx, page, key, &value);
        }
        return status;"#;
    let Some(path) = compiled(folder.path(), "good", &plugin(GOOD, body)) else {
        return;
    };
    let library = Library::load(&path).expect("it loads");
    assert_eq!(
        (library.manifest(), library.toolchain()),
        ("{\"name\": \"c\"}", "cc")
    );
    assert!(library.operation("turn") && !library.operation("rotate"));
    assert_eq!(library.operations().expect("listed"), ["turn"]);
    let mut documents = vec![open(sample(3))];
    let invocation = dropleaf_plugin_host::Invocation {
        operation: "turn",
        parameters: "{}",
        values: &Default::default(),
        temp_dir: None,
        limits: &Default::default(),
        observer: &Told::default(),
    };
    run(library, &invocation, &mut documents).expect("it runs");
    let pdf = reread(&mut documents[0]);
    for page in pdf.page_iter() {
        let rotate = pdf
            .get_dictionary(page)
            .expect("a page")
            .get(b"Rotate")
            .and_then(lopdf::Object::as_i64);
        assert_eq!(rotate.ok(), Some(180));
    }
}

#[test]
fn a_library_that_does_not_fit_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let nothing = "return LEAF_OK;";
    let cases = [
        (
            "magic",
            plugin(&GOOD.replace("LEAF_MAGIC", "0x12345678u"), nothing),
            "starts with 0x12345678",
        ),
        (
            "major",
            plugin(&GOOD.replace("LEAF_ABI_MAJOR", "2"), nothing),
            "it speaks plugin ABI 2.0, this host speaks 1.0",
        ),
        (
            "minor",
            plugin(&GOOD.replace("LEAF_ABI_MINOR", "9"), nothing),
            "it speaks plugin ABI 1.9, this host speaks 1.0",
        ),
        (
            "size",
            plugin(&GOOD.replace("sizeof(leaf_entry)", "8"), nothing),
            "its entry has 8 bytes",
        ),
        (
            "json",
            plugin(&GOOD.replace("{\\\"name", "{{\\\"name"), nothing),
            "its manifest is not JSON",
        ),
        (
            "array",
            plugin(
                &GOOD.replace("\"{\\\"name\\\": \\\"c\\\"}\"", "\"[1]\""),
                nothing,
            ),
            "its manifest is JSON, but no object",
        ),
        (
            "manifest",
            plugin(
                &GOOD.replace("\"{\\\"name\\\": \\\"c\\\"}\"", "NULL"),
                nothing,
            ),
            "its manifest is missing",
        ),
        (
            "nothing",
            plugin(GOOD, nothing).replace(
                ", operation, NULL };",
                ", NULL, NULL };\nconst void *used(void) { return (const void *)&operation; }",
            ),
            "its entry has no operation()",
        ),
        (
            "symbol",
            "int nothing_here;".to_owned(),
            "does not export `dropleaf_plugin_v1`",
        ),
        (
            "undefined",
            plugin(GOOD, "extern int gone(void); return gone();"),
            "undefined symbol: gone",
        ),
    ];
    for (name, source, expected) in cases {
        let Some(path) = compiled(folder.path(), name, &source) else {
            return;
        };
        let refused = Library::load(&path).expect_err("refused");
        let mut text = refused.to_string();
        if let Some(cause) = std::error::Error::source(&refused) {
            text = format!("{text}: {cause}");
        }
        assert!(text.contains(expected), "{name}: {text}");
        assert!(text.contains(&format!("{name}.so")), "{name}: {text}");
    }
}

#[test]
fn a_library_that_does_not_hold_what_its_manifest_promises_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let promising = |operations: &str| {
        let manifest =
            format!("\"{{\\\"name\\\": \\\"c\\\", \\\"operations\\\": [{operations}]}}\"");
        let entry = GOOD.replace("\"{\\\"name\\\": \\\"c\\\"}\"", &manifest);
        plugin(&entry, "return LEAF_OK;")
    };
    let named = |name: &str| format!("{{\\\"name\\\": \\\"{name}\\\"}}");
    let turn = promising(&named("turn"));
    let needing = |needs: &str| {
        promising(&format!(
            "{{\\\"name\\\": \\\"turn\\\", \\\"needs\\\": [\\\"{needs}\\\"]}}"
        ))
    };
    let used = "\nconst void *used(void) { return (const void *)&WHAT; }";
    let cases = [
        ("kept", turn.clone(), ""),
        ("known", needing("leaf.cos/1"), ""),
        (
            "absent",
            promising(&[named("turn"), named("fly")].join(", ")),
            "its manifest names the operation `fly`, which operation() does not give",
        ),
        (
            "needs",
            needing("leaf.magic/9"),
            "its operation `turn` needs `leaf.magic/9`, which this Dropleaf does not have: update it, or use an older plugin",
        ),
        (
            "small",
            turn.replace("sizeof(leaf_operation)", "8"),
            "the table of its operation `turn` is smaller than this header's",
        ),
        (
            "create",
            turn.replace("make, work,", "NULL, work,") + &used.replace("WHAT", "make"),
            "the table of its operation `turn` has no create()",
        ),
        (
            "run",
            turn.replace("work, destroy", "NULL, destroy") + &used.replace("WHAT", "work"),
            "the table of its operation `turn` has no run()",
        ),
    ];
    for (name, source, expected) in cases {
        let Some(path) = compiled(folder.path(), name, &source) else {
            return;
        };
        let library = Library::load(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let held = library.hold_to_manifest();
        let text = held.err().map(|reason| reason.to_string());
        assert_eq!(text.unwrap_or_default(), expected, "{name}");
    }
}

#[test]
fn a_file_that_is_no_library_is_not_given_to_the_linker() {
    let folder = tempfile::tempdir().expect("a folder");
    let refusal = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        Library::load(&path).expect_err("refused").to_string()
    };
    assert!(refusal("empty.so", b"").contains("it is empty"));
    assert!(refusal("text.so", b"#!/bin/sh").contains("not an ELF file"));
    assert!(refusal("short.so", b"\x7FELF\x02\x01").contains("cut off"));
    assert!(
        refusal(
            "program.so",
            &std::fs::read("/proc/self/exe").expect("readable")
        )
        .contains("`")
    );
    let missing = Library::load(&folder.path().join("missing.so")).expect_err("refused");
    assert!(
        missing.to_string().starts_with("failed to read plugin"),
        "{missing}"
    );
    let Some(path) = compiled(folder.path(), "whole", &plugin(GOOD, "return LEAF_OK;")) else {
        return;
    };
    let whole = std::fs::read(path).expect("readable");
    for kept in [whole.len() / 4, whole.len() / 2, whole.len() - 1] {
        assert!(
            refusal("cut.so", &whole[..kept]).contains("cut off"),
            "{kept} of {}",
            whole.len()
        );
    }
}
