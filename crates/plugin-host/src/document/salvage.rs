//! The last resort: pages of a file whose page tree, catalog or trailer is gone.
//!
//! What says that it is a page is taken for one, in the order of object numbers, which is the order that nearly all
//! producers write them in.

use lopdf::{Dictionary, Object, ObjectId};

use crate::document::objects::Objects;
use crate::document::page_tree::unstream;
use crate::document::place::Place;
use crate::document::repair::lined_up;
use crate::fault::Result;

/// The number of the catalog that [`with_end`] makes up: the highest that the engine takes when it scans a file.
const MADE_UP: ObjectId = (1_000_000, 0);

/// Builds a page tree of all pages that there are; answers how many.
pub(crate) fn gather_pages(objects: &mut Objects) -> Result<usize> {
    let is_page = |id: &ObjectId| {
        let object = objects.heap.get(*id).map(Object::as_dict);
        object.is_some_and(|dict| {
            dict.is_ok_and(|dict| {
                dict.has_type(b"Page")
                    && (dict.has(b"Contents") || dict.has(b"MediaBox") || dict.has(b"Resources"))
            })
        })
    };
    let ids = objects.heap.ids().into_iter();
    let pages: Vec<ObjectId> = ids.filter(is_page).collect();
    if pages.is_empty() {
        return Ok(0);
    }
    for page in &pages {
        unstream(objects, *page);
    }
    // Builds an empty tree where there is none.
    objects.pages()?;
    let catalog = objects
        .pdf
        .trailer
        .get(b"Root")
        .and_then(Object::as_reference);
    let Ok(catalog) = catalog else {
        return Ok(0);
    };
    let mut tree = Dictionary::new();
    tree.set("Type", Object::Name(b"Pages".to_vec()));
    tree.set(
        "Kids",
        Object::Array(pages.into_iter().map(Object::Reference).collect()),
    );
    let tree = objects.add(Object::Dictionary(tree))?;
    objects.put(Place::object(catalog), b"Pages", Object::Reference(tree))?;
    Ok(objects.pages()?.len())
}

/// The file without what leads to its cross-references, so that the engine scans it for objects. Nothing moves.
pub(crate) fn without_start(bytes: &[u8]) -> Vec<u8> {
    const KEYWORD: &[u8] = b"startxref";
    let mut file = bytes.to_vec();
    for at in memchr::memmem::find_iter(bytes, KEYWORD) {
        file[at..at + KEYWORD.len()].fill(b'%');
    }
    file
}

/// The file with an end that lets the engine scan it for objects though it has lost its own. `None` where that would
/// give nothing: without the trailer there is no key to what is encrypted.
pub(crate) fn with_end(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.windows(8).any(|window| window == b"/Encrypt") {
        return None;
    }
    let end = format!(
        "\nendstream\nendobj\n{} 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root {} 0 R /Size {} >>\nstartxref\n0\n%%EOF\n",
        MADE_UP.0,
        MADE_UP.0,
        MADE_UP.0 + 1
    );
    let lined = lined_up(bytes);
    Some([lined.as_deref().unwrap_or(bytes), end.as_bytes()].concat())
}

/// Takes out what [`with_end`] put in.
pub(crate) fn forget_end(pdf: &mut lopdf::Document) {
    pdf.objects.remove(&MADE_UP);
    if matches!(pdf.trailer.get(b"Root"), Ok(Object::Reference(MADE_UP))) {
        pdf.trailer.remove(b"Root");
    }
    pdf.max_id = pdf.objects.keys().next_back().map_or(0, |id| id.0);
}
