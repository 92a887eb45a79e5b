//! Real files read beside `pdftotext`, where a corpus is there to read: set `DROPLEAF_CORPUS` to a folder of PDFs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use hayro_interpret::InterpreterCache;
use hayro_syntax::Pdf;
use unicode_normalization::UnicodeNormalization;

use crate::extract::read_page;
use crate::fonts::Fonts;
use crate::page::Layout;

/// As many pages of a file as are compared.
const PAGES: usize = 3;

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("DROPLEAF_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    folder.is_dir().then_some(folder)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pdf") {
            found.push(path);
        }
    }
}

/// The text of the first pages; `None` where the file cannot be opened.
fn ours(path: &Path) -> Option<String> {
    let pdf = Pdf::new(std::fs::read(path).ok()?).ok()?;
    let cache = InterpreterCache::new();
    let mut fonts = Fonts::new(&pdf);
    let pages = pdf.pages().iter().take(PAGES);
    Some(
        pages
            .map(|page| read_page(&pdf, page, &cache, &mut fonts, Layout::Reading, &|| false).text)
            .collect(),
    )
}

fn theirs(path: &Path) -> Option<String> {
    let output = Command::new("pdftotext")
        .args(["-enc", "UTF-8", "-l", &PAGES.to_string()])
        .arg(path)
        .arg("-")
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn words(text: &str) -> HashMap<String, i64> {
    let mut words = HashMap::new();
    // Marks of direction are taste, not text.
    let unmarked = text
        .nfkc()
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'));
    for word in unmarked.collect::<String>().split_whitespace() {
        *words.entry(word.to_owned()).or_default() += 1;
    }
    words
}

/// The harmonic mean of precision and recall of words, whatever their order.
fn agreement(ours: &str, theirs: &str) -> Option<f64> {
    let (ours, theirs) = (words(ours), words(theirs));
    let total = |words: &HashMap<String, i64>| words.values().sum::<i64>();
    if total(&theirs) < 10 {
        return None;
    }
    let common: i64 = theirs
        .iter()
        .map(|(word, count)| *count.min(ours.get(word).unwrap_or(&0)))
        .sum();
    Some(2.0 * common as f64 / (total(&ours) + total(&theirs)) as f64)
}

#[test]
fn real_files_read_as_pdftotext_reads_them() {
    let Some(folder) = corpus() else { return };
    if theirs(Path::new("/dev/null")).is_none()
        && Command::new("pdftotext").arg("-v").output().is_err()
    {
        return;
    }
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    paths.sort();
    let mut scores: Vec<(f64, PathBuf)> = Vec::new();
    for path in paths {
        let Some(theirs) = theirs(&path) else {
            continue;
        };
        let Some(ours) = std::panic::catch_unwind(|| ours(&path)).ok().flatten() else {
            continue;
        };
        if let Some(score) = agreement(&ours, &theirs) {
            scores.push((score, path));
        }
    }
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mean = scores.iter().map(|(score, _)| score).sum::<f64>() / scores.len().max(1) as f64;
    let median = scores
        .get(scores.len() / 2)
        .map_or(0.0, |(score, _)| *score);
    let worst: Vec<String> = scores
        .iter()
        .take(150)
        .map(|(score, path)| format!("{score:.3} {}", path.display()))
        .collect();
    eprintln!(
        "{} files, mean {mean:.3}, median {median:.3}\n{}",
        scores.len(),
        worst.join("\n")
    );
    assert!(
        scores.len() < 50 || (mean > 0.85 && median > 0.95),
        "mean {mean:.3}, median {median:.3}"
    );
}
