//! What lies in a folder, for comparisons.

use std::path::{Path, PathBuf};

/// Every regular file below `folder` but hidden ones, as paths below it, sorted.
///
/// # Panics
/// The folder cannot be read.
#[must_use]
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let entry = entry.expect("the folder can be listed");
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            found.push(
                path.strip_prefix(root)
                    .expect("it lies below")
                    .to_path_buf(),
            );
        }
    }
}

/// Copies a home. Plugins are never changed and only linked; the journal's reserve is left out.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the place is ours");
    for entry in std::fs::read_dir(from).expect("it is there").flatten() {
        let (path, copy_to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &copy_to);
        } else if path.extension().is_some_and(|ending| ending == "so") {
            std::fs::hard_link(&path, &copy_to).expect("one file system");
        } else if path.file_name().is_none_or(|name| name != "ballast") {
            std::fs::copy(&path, &copy_to).expect("the place is ours");
        }
    }
}

/// Waits until `done`, looking again every few milliseconds: for what no feed tells.
///
/// # Panics
/// It did not come about in time.
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + crate::feed::PATIENCE;
    while !done() {
        assert!(
            std::time::Instant::now() < deadline,
            "{what} did not come about in time"
        );
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
}
