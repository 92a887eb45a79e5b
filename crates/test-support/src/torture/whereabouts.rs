//! What lies where, by content alone: names prove nothing.

use crate::daemon::TestHome;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every regular file below a folder, hidden ones too.
pub(super) fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut next = vec![folder.to_path_buf()];
    while let Some(folder) = next.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() && !path.is_symlink() {
                next.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Whether the daemon may leave such a file for good: the marks by which it knows a folder again.
pub(super) fn is_mark(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let lies_in = |above: usize, folder: &str| {
        let part = path.iter().rev().nth(above);
        part.is_some_and(|part| part == folder)
    };
    let marks = ["folder-id", "owner", "canary", "CACHEDIR.TAG"];
    let in_ours = lies_in(2, ".dropleaf") && (lies_in(1, "claimed") || lies_in(1, "staged"));
    lies_in(1, ".dropleaf") && marks.iter().any(|mark| name == *mark)
        || in_ours && name == "folder-id"
}

/// The places of every content below the folders of a kind.
pub(super) fn by_content(home: &TestHome, kind: &str) -> BTreeMap<String, Vec<PathBuf>> {
    let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in all(&home.path(kind)) {
        if is_mark(&path) {
            continue;
        }
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        places
            .entry(blake3::hash(&bytes).to_hex().to_string())
            .or_default()
            .push(path);
    }
    places
}

/// What a page of a sample says: which page of how many of which file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    pub(super) mark: String,
    pub(super) page: u32,
    pub(super) of: u32,
}

/// What the pages of an output say, or why it cannot be read.
pub(super) fn said(path: &Path) -> Result<Vec<Said>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let document = lopdf::Document::load_mem(&bytes).map_err(|error| error.to_string())?;
    if document.get_pages().is_empty() {
        return Err("it has no pages".to_owned());
    }
    crate::sample::texts(&bytes)
        .iter()
        .map(|text| page(text).ok_or_else(|| format!("a page says {text:?}")))
        .collect()
}

/// Reads "f000012 page 1 of 3".
fn page(text: &str) -> Option<Said> {
    let mut words = text.split(' ');
    let mark = words.next()?.to_owned();
    let page = words.nth(1)?.parse().ok()?;
    let of = words.nth(1)?.parse().ok()?;
    Some(Said { mark, page, of })
}
