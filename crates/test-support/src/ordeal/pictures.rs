//! Pages as pictures, small and grey, to compare what nobody should have touched.

use super::judge::ask;
use std::path::Path;

/// Pages that are drawn of one document.
pub(super) const MOST: u32 = 8;

/// Each of the first pages as a picture; nothing where they cannot be drawn.
pub(super) fn pages(file: &Path) -> Option<Vec<Vec<u8>>> {
    let folder = tempfile::tempdir().ok()?;
    let root = folder.path().join("page");
    let most = MOST.to_string();
    let root = root.to_string_lossy().into_owned();
    let file = file.to_string_lossy().into_owned();
    // The picture's name comes last, which is where `ask` puts the file.
    let arguments = ["-gray", "-r", "20", "-l", &most, &file];
    let (code, ..) = ask("pdftoppm", &arguments, Path::new(&root))?;
    if code != Some(0) {
        return None;
    }
    let mut names = crate::folder::files(folder.path());
    names.sort();
    let pictures: Vec<Vec<u8>> = names
        .iter()
        .filter_map(|name| std::fs::read(folder.path().join(name)).ok())
        .collect();
    (!pictures.is_empty()).then_some(pictures)
}

/// The same of the document as qpdf turns it by a quarter to the right.
pub(super) fn turned_pages(file: &Path) -> Option<Vec<Vec<u8>>> {
    let folder = tempfile::tempdir().ok()?;
    let turned = folder.path().join("turned.pdf");
    let file = file.to_string_lossy().into_owned();
    let (code, ..) = ask("qpdf", &["--rotate=+90:1-z", &file], &turned)?;
    (code == Some(0)).then(|| pages(&turned))?
}

/// The part of a picture's dots that differ visibly; 1 where the sizes do.
pub(super) fn difference(one: &[u8], other: &[u8]) -> f64 {
    if one.len() != other.len() || one.is_empty() {
        return 1.0;
    }
    let differ = one
        .iter()
        .zip(other)
        .filter(|(a, b)| a.abs_diff(**b) > 24)
        .count();
    #[expect(clippy::cast_precision_loss, reason = "a part of a small picture")]
    let part = differ as f64 / one.len() as f64;
    part
}
