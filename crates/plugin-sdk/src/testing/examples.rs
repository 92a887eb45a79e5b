//! Checks a plugin's manifest and runs its examples.

use std::collections::HashSet;
use std::ffi::CStr;
use std::path::Path;

use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host as host;
use serde_json::Value;

use crate::testing::{Trial, Tried, sample};

/// Checks the manifest of a plugin and runs each example on sample documents.
///
/// # Panics
/// Where something is not as it should be; the text names operation and example.
pub fn check(entry: &'static abi::Entry) {
    // SAFETY: an entry's manifest is a constant text that ends with a NUL (O5 of the header).
    let manifest = unsafe { CStr::from_ptr(entry.manifest) };
    let manifest = manifest.to_str().expect("the manifest is UTF-8");
    check_manifest(Tried::Entry(entry), manifest);
}

/// As [`check`], for a plugin's library, whatever language it is written in.
///
/// # Panics
/// As [`check`], and where the file is no plugin.
pub fn check_library(library: &Path) {
    let library = host::Library::load(library).unwrap_or_else(|error| panic!("{error}"));
    check_manifest(Tried::Library(library), library.manifest());
}

fn check_manifest(plugin: Tried, manifest: &str) {
    let manifest: Value = serde_json::from_str(manifest).expect("the manifest is JSON");
    check_name(&manifest["name"], "plugin");
    assert_text(&manifest["version"], "the plugin has no version");
    let operations = manifest["operations"]
        .as_array()
        .expect("the manifest lists operations");
    assert!(!operations.is_empty(), "the plugin has no operations");
    let mut names = HashSet::new();
    for operation in operations {
        let name = check_name(&operation["name"], "operation");
        assert!(names.insert(name), "two operations are called `{name}`");
        assert_text(
            &operation["summary"],
            &format!("operation `{name}` has no summary"),
        );
        check_operation(plugin, name, operation);
    }
}

fn check_name<'m>(name: &'m Value, what: &str) -> &'m str {
    let text = name.as_str().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(is_plain);
    assert!(
        is_name,
        "{what} name {name} is not made of lower-case letters, digits and `-`"
    );
    text
}

fn assert_text(value: &Value, message: &str) {
    assert!(
        value.as_str().is_some_and(|text| !text.is_empty()),
        "{message}"
    );
}

fn check_operation(plugin: Tried, name: &str, operation: &Value) {
    let schema = &operation["parameters"];
    let validator = jsonschema::draft202012::new(schema).unwrap_or_else(|error| {
        panic!("the parameters of `{name}` have no sound JSON Schema: {error}")
    });
    assert_eq!(
        schema["additionalProperties"],
        Value::Bool(false),
        "operation `{name}` takes parameters that it does not know: add `#[serde(deny_unknown_fields)]`"
    );
    for example in operation["examples"].as_array().into_iter().flatten() {
        let title = example["title"].as_str().unwrap_or("?");
        let what = format!("example `{title}` of `{name}`");
        assert_text(
            &example["title"],
            &format!("an example of `{name}` has no title"),
        );
        if let Some(error) = validator.iter_errors(&example["with"]).next() {
            panic!(
                "{what}: the schema refuses {}: {error}",
                error.instance_path()
            );
        }
        run(plugin, name, &what, example);
    }
}

fn run(plugin: Tried, name: &str, what: &str, example: &Value) {
    let counts = |value: &Value| -> Option<Vec<u32>> {
        let counts = value.as_array()?.iter();
        counts
            .map(|count| count.as_u64().and_then(|count| u32::try_from(count).ok()))
            .collect()
    };
    let on = counts(&example["on"]).unwrap_or_else(|| vec![4]);
    let documents: Vec<Vec<u8>> = on.into_iter().map(sample).collect();
    let ran = Trial::of_plugin(plugin, name, example["with"].clone())
        .value("input.name", "example.pdf")
        .value("input.stem", "example")
        .run(&documents)
        .unwrap_or_else(|failed| panic!("{what} failed: {failed}"));
    if let Some(expected) = counts(&example["expect"]) {
        assert_eq!(
            ran.pages(),
            expected,
            "{what}: the page counts that came out"
        );
    }
}
