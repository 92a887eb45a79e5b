//! Pages from one document into another, and what became of their form fields.
//!
//! [`Document::import_pages`] copies pages with whatever they refer to, layers and form fields among it; [`append`] tells which
//! fields got another name. [`Outline`] brings the items of an outline that lead to them. [`copy`] is for what no page refers to, such as [`Attachments`].

mod attachments;
mod copying;
mod destinations;
mod outline;

use std::collections::HashSet;

pub use attachments::{Attachment, Attachments};
pub use copying::copy;
pub use outline::{Outline, OutlineEnd};

use crate::document::Document;
use crate::error::Result;

/// What [`append`] brought over besides the pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Form fields.
    pub fields: u32,
    /// Fields that had to take another name, because the document had one of theirs: old and new name.
    pub renamed: Vec<(String, String)>,
}

/// Appends pages of `from`, counted from 0 and in the order given, to `to`.
///
/// - Form fields stay fields. One whose name `to` has already is renamed, since two fields of one name are one field.
/// - Layers (optional content) keep their visibility, and what else the configuration says of them.
/// - The structure tree stays behind, and with it the numbers on the pages that would point into that of `to`.
///
/// Outlines ([`Outline`] brings them), page labels ([`PageLabels`](crate::PageLabels) does), named destinations, attachments and
/// metadata stay behind.
pub fn append(to: &Document<'_>, from: &Document<'_>, pages: &[u32]) -> Result<Appended> {
    let ours: HashSet<String> = field_names(to)?.into_iter().collect();
    let theirs: HashSet<String> = field_names(from)?.into_iter().collect();
    let mut at = to.page_count()?;
    for (first, count) in runs(pages) {
        to.import_pages(at, from, first, count)?;
        at += count;
    }
    let mut appended = Appended::default();
    for name in field_names(to)?
        .into_iter()
        .filter(|name| !ours.contains(name))
    {
        appended.fields += 1;
        if let Some(old) = old_name(&name, &theirs) {
            appended.renamed.push((old.to_owned(), name));
        }
    }
    Ok(appended)
}

/// The names of a document's form fields, the outermost ones.
fn field_names(document: &Document<'_>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let Some(form) = document.catalog()?.object("AcroForm")? else {
        return Ok(names);
    };
    let Some(fields) = form.object("Fields")? else {
        return Ok(names);
    };
    for field in fields.items()? {
        let Some(field) = document.resolve(field)?.as_object() else {
            continue;
        };
        names.extend(field.get("T")?.and_then(|name| name.as_text()));
    }
    Ok(names)
}

/// What a field was called before it was renamed: the host puts `+1`, `+2`, ... behind a name that is taken.
fn old_name<'n>(name: &'n str, theirs: &HashSet<String>) -> Option<&'n str> {
    let (old, number) = name.rsplit_once('+')?;
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    (is_number && !theirs.contains(name) && theirs.contains(old)).then_some(old)
}

/// Splits a list of pages into stretches of neighbours: first and count of each.
#[must_use]
pub fn runs(pages: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &page in pages {
        match runs.last_mut() {
            Some((first, count)) if *first + *count == page => *count += 1,
            _ => runs.push((page, 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_travel_together() {
        assert_eq!(
            runs(&[0, 1, 2, 5, 6, 4, 4]),
            [(0, 3), (5, 2), (4, 1), (4, 1)]
        );
        assert_eq!(runs(&[]), []);
    }
}
