//! Real files, where they are at hand: opened, saved as they are and saved written anew, none may panic, and none may
//! lose a page.
//!
//! The corpus is `DROPLEAF_CORPUS`, or `../shared/corpus` beside the workspace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dropleaf_plugin_host::{Bill, Document, Limits, OpenError};

/// Larger files are left out, to keep the test short.
const MAX_SIZE: u64 = 300 << 10;

fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("DROPLEAF_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let nested = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/corpus");
    named
        .into_iter()
        .chain([beside, nested])
        .find(|folder| folder.is_dir())
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pdf")
            && path
                .metadata()
                .is_ok_and(|metadata| metadata.len() <= MAX_SIZE)
        {
            found.push(path);
        }
    }
}

/// All files that are short enough, if there is a corpus.
pub(crate) fn found() -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(corpus) = corpus() {
        files(&corpus, &mut found);
    }
    found.sort();
    found
}

#[test]
fn every_file_opens_or_says_why_and_keeps_its_pages() {
    let found = found();
    let limits = Limits::default();
    let mut refused: BTreeMap<String, u32> = BTreeMap::new();
    for path in &found {
        let bytes = std::fs::read(path).expect("the corpus is readable");
        let bill = Bill::new();
        let mut document = match Document::open(bytes, &[], &limits, &bill) {
            Ok((document, _)) => document,
            Err(error) => {
                *refused.entry(reason(&error).to_owned()).or_default() += 1;
                continue;
            }
        };
        let facts = document
            .facts()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        document.rewrite();
        let mut saved = Vec::new();
        let outcome = document.save(&mut saved);
        let outcome = outcome.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(outcome.pages, facts.pages, "{}", path.display());
        let passwords = [];
        let (mut again, warnings) = Document::open(saved, &passwords, &limits, &bill)
            .unwrap_or_else(|error| {
                panic!("{}: what was saved does not open: {error}", path.display())
            });
        assert!(warnings.is_empty(), "{}: {warnings:?}", path.display());
        assert_eq!(
            again.facts().expect("facts").pages,
            facts.pages,
            "{}",
            path.display()
        );
    }
    let sum: u32 = refused.values().sum();
    assert!(
        sum as usize * 10 <= found.len(),
        "of {} files refused: {refused:?}",
        found.len()
    );
}

fn reason(error: &OpenError) -> &'static str {
    match error {
        OpenError::Empty => "empty",
        OpenError::NotPdf(_) => "not a PDF",
        OpenError::NeedsPassword => "needs a password",
        OpenError::WrongPassword => "wrong password",
        OpenError::Unsupported(_) => "unsupported",
        OpenError::Damaged(_) => "damaged",
        OpenError::TooLarge { .. } => "too large",
        OpenError::Limit(_) => "limit",
    }
}
