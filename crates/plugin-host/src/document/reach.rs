//! Which objects a document still uses: a walk along all references from the trailer.

use lopdf::{Dictionary, Object};

use crate::document::ids::IdSet;

/// Keys of a trailer that say how the file was laid out, not what it holds; a save writes its own.
pub(crate) const LAYOUT_KEYS: [&[u8]; 10] = [
    b"Type",
    b"Size",
    b"Prev",
    b"XRefStm",
    b"W",
    b"Index",
    b"Filter",
    b"DecodeParms",
    b"Length",
    b"Encrypt",
];

/// The ids of all objects that the trailer leads to.
pub(crate) fn reachable(pdf: &lopdf::Document) -> IdSet {
    let mut seen = IdSet::with_capacity_and_hasher(pdf.objects.len(), Default::default());
    let mut waiting: Vec<&Object> = pdf
        .trailer
        .iter()
        .filter(|(key, _)| !LAYOUT_KEYS.contains(&key.as_slice()))
        .map(|(_, value)| value)
        .collect();
    while let Some(object) = waiting.pop() {
        match object {
            Object::Reference(id) => {
                if let Some(target) = pdf.objects.get(id)
                    && seen.insert(*id)
                {
                    waiting.push(target);
                }
            }
            Object::Array(items) => waiting.extend(items.iter().filter(|item| leads_on(item))),
            Object::Dictionary(dict) => waiting.extend(values(dict)),
            Object::Stream(stream) => waiting.extend(values(&stream.dict)),
            _ => {}
        }
    }
    seen
}

fn values(dict: &Dictionary) -> impl Iterator<Item = &Object> {
    dict.iter()
        .map(|(_, value)| value)
        .filter(|value| leads_on(value))
}

fn leads_on(object: &Object) -> bool {
    matches!(
        object,
        Object::Reference(_) | Object::Array(_) | Object::Dictionary(_) | Object::Stream(_)
    )
}
