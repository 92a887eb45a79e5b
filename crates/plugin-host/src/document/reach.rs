//! Which objects a document still uses: a walk along all references from the trailer.

use lopdf::{Dictionary, Object, ObjectId};

use crate::document::heap::{Form, Heap, Shape};
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
pub(crate) fn reachable(trailer: &Dictionary, heap: &Heap) -> Reached {
    let mut walk = Walk {
        heap,
        seen: Reached::default(),
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
            walk.seen.absent.sort_unstable();
            walk.seen.absent.dedup();
            return walk.seen;
        }
    }
}

/// How many arrays, dictionaries and streams can be reached. Repair makes scalars direct and keeps these.
pub(crate) fn containers(trailer: &Dictionary, heap: &Heap) -> usize {
    let reached = reachable(trailer, heap);
    let is_container = |id: &ObjectId| match heap.form(*id) {
        Some(Form::Value(object)) => leads_on(object) && object.as_reference().is_err(),
        Some(Form::Bytes(bytes)) => bytes.traits.is_stream || Shape::of(bytes.value).is_some(),
        None => false,
    };
    let ids = heap.ids();
    let reached = ids.iter().filter(|id| reached.contains(**id));
    reached.filter(|id| is_container(id)).count()
}

/// Numbers above `last` that something refers to though no object has them. Such a reference is null (ISO 32000-2, 7.3.10) and
/// must not come to mean an object that is made later.
pub(crate) fn named_beyond(last: u32, trailer: &Dictionary, heap: &Heap) -> IdSet {
    let mut named = IdSet::default();
    let mut note = |id: ObjectId| {
        if id.0 > last {
            named.insert((id.0, 0));
        }
    };
    heap.resting_references()
        .iter()
        .copied()
        .for_each(&mut note);
    let mut waiting: Vec<&Object> = values(trailer).chain(heap.values()).collect();
    while let Some(object) = waiting.pop() {
        match object {
            Object::Reference(id) => note(*id),
            Object::Array(items) => waiting.extend(items.iter().filter(|item| leads_on(item))),
            Object::Dictionary(dict) => waiting.extend(values(dict)),
            Object::Stream(stream) => waiting.extend(values(&stream.dict)),
            _ => {}
        }
    }
    named
}

/// The ids that were reached. Nearly all have a small number and no generation: for these there is a bit each.
#[derive(Default)]
pub(crate) struct Reached {
    bits: Vec<u64>,
    others: IdSet,
    last: u32,
    /// Numbers that were named and no object has, in order.
    absent: Vec<u32>,
}

impl Reached {
    /// Numbers from here on have no bit.
    const BITS: u32 = 1 << 23;

    pub(crate) fn contains(&self, id: ObjectId) -> bool {
        if id.1 != 0 || id.0 >= Self::BITS {
            return self.others.contains(&id);
        }
        let word = self.bits.get(id.0 as usize / 64);
        word.is_some_and(|word| word >> (id.0 % 64) & 1 == 1)
    }

    fn insert(&mut self, id: ObjectId) {
        self.last = self.last.max(id.0);
        if id.1 != 0 || id.0 >= Self::BITS {
            self.others.insert(id);
            return;
        }
        let word = id.0 as usize / 64;
        if word >= self.bits.len() {
            self.bits.resize((word + 1).next_power_of_two(), 0);
        }
        self.bits[word] |= 1 << (id.0 % 64);
    }

    /// The highest number; 0 where there is none.
    pub(crate) fn last(&self) -> u32 {
        self.last
    }

    /// The first number after `number` that may be given to a new object: a reference that is null must not come to mean it.
    pub(crate) fn free_after(&self, number: u32) -> Option<u32> {
        let mut next = number.checked_add(1)?;
        let from = self.absent.partition_point(|absent| *absent < next);
        for absent in &self.absent[from..] {
            if *absent != next {
                break;
            }
            next = next.checked_add(1)?;
        }
        Some(next)
    }
}

struct Walk<'a> {
    heap: &'a Heap,
    seen: Reached,
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
        if self.seen.contains(id) {
            return;
        }
        match self.heap.form(id) {
            None => return self.seen.absent.push(id.0),
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
