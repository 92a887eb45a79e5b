//! What belongs to the structure tree (ISO 32000-2, 14.7), which stays with its document.

use lopdf::{Dictionary, ObjectId};

use crate::document::objects::Objects;
use crate::document::place::{entry, is_of_type};

/// How far an element of no type is followed to the root of the tree. Elements have no need of a `/Type`.
const MAX_DEPTH: usize = 64;

/// Whether the object is an element of the structure tree, or its root.
pub(crate) fn is_element(objects: &Objects, id: ObjectId) -> bool {
    // No stream is one; they need not be built to see it.
    if objects.heap.is_stream(id) {
        return false;
    }
    let mut at = id;
    for _ in 0..MAX_DEPTH {
        let Some(dict) = objects.dict(at) else {
            return false;
        };
        let is_typed = is_of_type(dict, b"StructElem") || is_of_type(dict, b"StructTreeRoot");
        if is_typed || is_root(objects, at) {
            return true;
        }
        match parent(objects, dict) {
            Some(parent) => at = parent,
            None => return false,
        }
    }
    // Nothing else is nested like this.
    true
}

/// What an element without a type hangs on. Annotations and fields have a `/P` that is a page, and no name at `/S`.
fn parent(objects: &Objects, dict: &Dictionary) -> Option<ObjectId> {
    if entry(dict, b"Type").is_some() || objects.lookup(dict, b"S")?.as_name().is_err() {
        return None;
    }
    entry(dict, b"P")?.as_reference().ok()
}

fn is_root(objects: &Objects, id: ObjectId) -> bool {
    let root = objects.lookup(&objects.pdf.trailer, b"Root");
    let root = root.and_then(|catalog| entry(catalog.as_dict().ok()?, b"StructTreeRoot"));
    root.and_then(|root| root.as_reference().ok()) == Some(id)
}
