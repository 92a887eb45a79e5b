//! The standard operations, each as a pipeline, and what is made hostile for them.

use super::gauges::{CLEAN, CLEAN_YAML};
use crate::daemon::{TestDaemon, TestHome};
use crate::{hostile, sample};
use lopdf::Object;
use std::path::Path;

/// Waits for files that will never be whole are short; limits are such that a worker meets them before this machine does.
/// Whether an operation goes on for ever is told by its processor time, which does not depend on who else is at work.
const CONFIG: &str = "\
settling: { not_pdf_seconds: 0, truncated_seconds: 0, incomplete_seconds: 600 }
max_decoded_mb: 32
worker_memory_mb: 512
worker_cpu_seconds: 90
min_free_mb: 64
retention: { days: 1, jobs: 5000 }
";

/// Each standard operation with its parameters, in an order in which each of them finds a document to work on.
pub(super) const OPERATIONS: &[(&str, &str)] = &[
    ("repair", "{}"),
    ("rotate", "{ angle: 90 }"),
    ("reverse", "{}"),
    ("stamp-text", "{ text: \"{{ page }} of {{ pages }}\" }"),
    ("set-metadata", "{ title: \"{{ input.stem }}\" }"),
    ("extract-text", "{ format: json }"),
    ("render-pages", "{ width: 320, pages: 1 }"),
    ("optimize", "{ images: { max_dpi: 72, quality: 40 } }"),
    ("merge", "{}"),
    ("delete-pages", "{ pages: last }"),
    ("extract-pages", "{ pages: 1 }"),
    ("split", "{ every: 1 }"),
];

/// The pipeline in which every operation comes after every other, each forgiven.
pub(super) const EVERY: &str = "every";

/// Writes the configuration and all pipelines.
pub(super) fn prepare(home: &TestHome) {
    home.write("config.yaml", CONFIG);
    home.pipeline(CLEAN, CLEAN_YAML);
    for (name, parameters) in OPERATIONS {
        home.pipeline(name, &pipeline(name, &[(name, parameters)]));
    }
    home.pipeline(EVERY, &pipeline(EVERY, OPERATIONS));
}

fn pipeline(name: &str, steps: &[(&str, &str)]) -> String {
    let mut text = format!(
        "watch: {{ folder: inbox/{name}, quiet: 0s }}\nretry: {{ attempts: 1 }}\ntimeout: 30m\nstalled_after: 20m\non_signed: process\nsteps:\n"
    );
    for (operation, parameters) in steps {
        text.push_str(&format!(
            "  - {{ id: {operation}, uses: {operation}, with: {parameters}, continue_on_error: {} }}\n",
            steps.len() > 1
        ));
    }
    text
}

/// The table above has what is installed.
pub(super) fn has_all_operations(daemon: &TestDaemon) -> Result<(), String> {
    let listed = daemon.get("/operations").body;
    let listed = listed.as_array().cloned().unwrap_or_default();
    let names: Vec<&str> = listed
        .iter()
        .filter_map(|operation| operation["name"].as_str())
        .collect();
    let missing: Vec<&&str> = names
        .iter()
        .filter(|name| OPERATIONS.iter().all(|(known, _)| known != *name))
        .collect();
    if names.len() < OPERATIONS.len() || !missing.is_empty() {
        return Err(format!(
            "operations that are not tried: {missing:?}, of {names:?}"
        ));
    }
    Ok(())
}

/// What is made hostile: samples of our own, and the small ones of the corpus.
pub(super) fn sounds(corpus: Option<&Path>) -> Result<Vec<Vec<u8>>, String> {
    let mut sounds = vec![
        sample::pdf(1),
        sample::pdf(5),
        hostile::sound(),
        sample::Sample::new("packed", 4).object_streams().bytes(),
        sample::Sample::new("named", 3)
            .xref_table()
            .info("Title", Object::string_literal("A title"))
            .outline()
            .field("name", "value")
            .bytes(),
        sample::Sample::new("turned", 3)
            .xref_table()
            .inherited_rotation(90)
            .rotation(1, 180)
            .bytes(),
        sample::Sample::new("locked", 2)
            .encrypted("", "owner")
            .bytes(),
        hostile::deep_pages(60),
        hostile::doubling_pages(),
    ];
    if let Some(folder) = corpus {
        for path in super::pdfs(folder)? {
            let bytes =
                std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            if bytes.len() < 64 << 10 {
                sounds.push(bytes);
            }
        }
    }
    Ok(sounds)
}
