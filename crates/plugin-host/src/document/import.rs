//! Pages of one document into another: a deep copy that stops at the page tree.
//!
//! What the pages share is copied once for a pair of documents. A reference to a page that has not been imported gets
//! an object number at once and its object when that page comes, if it comes: until then it is null, so links between
//! pages hold whether they are imported together or one by one.

use lopdf::{Dictionary, Object, ObjectId};

use crate::document::carry;
use crate::document::copy::{Copy, Imported, PAGE_TIES, TIES, annotations};
use crate::document::objects::Objects;
use crate::document::page_index::INHERITED;
use crate::fault::{Fault, Result};

/// Copies `count` pages of `from`, beginning with `first`, into `to` before the page at `at`.
pub(crate) fn import_pages(
    to: &mut Objects,
    at: u32,
    from: &mut Objects,
    first: u32,
    count: u32,
    imported: &mut Imported,
) -> Result<()> {
    let pages = range(from, first, count)?;
    to.may_insert(at, &[])?;
    let is_whole = from.pages()?.len() == pages.len();
    let mut copy = Copy::new(to, from, imported);
    if is_whole {
        copy.whole();
    }
    let mut fresh = Vec::with_capacity(pages.len());
    for page in &pages {
        fresh.push(copy.page_number(*page)?);
    }
    for (page, (id, again)) in pages.iter().zip(&fresh) {
        copy.page(*page, *id, *again)?;
    }
    copy.finish()?;
    carry::layers(&mut copy)?;
    carry::fields(&mut copy, &pages)?;
    copy.finish()?;
    let ids: Vec<ObjectId> = fresh.into_iter().map(|(id, _)| id).collect();
    to.insert_pages(at, &ids)
}

/// Copies pages of a document within it: the pages are new, what they use is shared.
pub(crate) fn repeat_pages(objects: &mut Objects, at: u32, first: u32, count: u32) -> Result<()> {
    let mut ids = Vec::new();
    let pages = range(objects, first, count)?;
    objects.may_insert(at, &[])?;
    for page in pages {
        let mut dict = objects.dict(page).cloned().ok_or_else(Fault::handle)?;
        for key in INHERITED {
            if objects.lookup(&dict, key).is_none_or(Object::is_null)
                && let Some((_, value)) = objects.page_attribute(page, key)
            {
                dict.set(key, value.clone());
            }
        }
        for key in PAGE_TIES.into_iter().chain(TIES) {
            dict.remove(key);
        }
        let id = objects.add(Object::Null)?;
        let annotations: Vec<Dictionary> = annotations(objects, page)
            .into_iter()
            .filter_map(|(_, dict)| dict.cloned())
            .collect();
        let mut copies = Vec::with_capacity(annotations.len());
        for mut annotation in annotations {
            annotation.remove(b"StructParent");
            annotation.set("P", Object::Reference(id));
            copies.push(Object::Reference(
                objects.add(Object::Dictionary(annotation))?,
            ));
        }
        if dict.has(b"Annots") {
            dict.set("Annots", Object::Array(copies));
        }
        objects.change_object(id, Some(Object::Dictionary(dict)));
        ids.push(id);
    }
    objects.insert_pages(at, &ids)
}

fn range(from: &mut Objects, first: u32, count: u32) -> Result<Vec<ObjectId>> {
    let pages = from.pages()?;
    let (first, end) = (first as usize, first as usize + count as usize);
    let range = pages.get(first..end).ok_or_else(|| {
        Fault::argument(format!(
            "cannot import pages {first}..{end}: the document has {}",
            pages.len()
        ))
    })?;
    Ok(range.to_vec())
}
