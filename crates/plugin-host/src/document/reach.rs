//! Which objects a document still uses: a walk along all references from the trailer.

use lopdf::{Dictionary, Object, ObjectId};

use crate::document::heap::{Form, Heap};
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
pub(crate) fn reachable(trailer: &Dictionary, heap: &Heap) -> IdSet {
    let mut walk = Walk {
        heap,
        seen: IdSet::with_capacity_and_hasher(heap.capacity(), Default::default()),
        waiting: Vec::new(),
        resting: Vec::new(),
    };
    walk.waiting = trailer
        .iter()
        .filter(|(key, _)| !LAYOUT_KEYS.contains(&key.as_slice()))
        .map(|(_, value)| value)
        .collect();
    loop {
        if let Some(object) = walk.waiting.pop() {
            walk.look(object);
        } else if let Some(references) = walk.resting.pop() {
            references.iter().for_each(|id| walk.meet(*id));
        } else {
            return walk.seen;
        }
    }
}

struct Walk<'a> {
    heap: &'a Heap,
    seen: IdSet,
    waiting: Vec<&'a Object>,
    /// What objects refer to that nobody has read.
    resting: Vec<&'a [ObjectId]>,
}

impl<'a> Walk<'a> {
    fn look(&mut self, object: &'a Object) {
        match object {
            Object::Reference(id) => self.meet(*id),
            Object::Array(items) => {
                let items = items.iter().filter(|item| leads_on(item));
                self.waiting.extend(items);
            }
            Object::Dictionary(dict) => self.waiting.extend(values(dict)),
            Object::Stream(stream) => self.waiting.extend(values(&stream.dict)),
            _ => {}
        }
    }

    fn meet(&mut self, id: ObjectId) {
        if self.seen.contains(&id) {
            return;
        }
        match self.heap.form(id) {
            None => return,
            Some(Form::Value(object)) => self.waiting.push(object),
            Some(Form::Bytes(bytes)) => self.resting.push(bytes.references),
        }
        self.seen.insert(id);
    }
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
