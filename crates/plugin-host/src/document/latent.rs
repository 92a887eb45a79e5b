//! Reading a file without building its objects: the cross-references are read, every object is looked at where it
//! stands, and rests there until somebody asks for it.
//!
//! This is for files that are written by the book, where every reader reads the same. The slightest doubt sends a file to
//! the engine and its damage gate, so that what is damaged, odd or encrypted is treated as if this did not exist.

pub(crate) mod check;
pub(crate) mod sections;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use lopdf::{Dictionary, Object, ObjectId, Stream};

use crate::document::characters::is_space;
use crate::document::heap::{Heap, Resting, Traits};
use crate::document::latent::check::{Check, Kind, Length, Passed};
use crate::document::latent::sections::{Entry, Sections};
use crate::document::objects::Objects;
use crate::document::place::entry;
use crate::document::syntax;
use crate::input::Input;

/// How many times its own size a file may make us look at: objects that lie in each other would do that.
const MAX_LOOKS: usize = 2;
/// The nesting of an object stream's dictionary.
const MAX_DEPTH: u32 = 96;

/// Reads a file that is written by the book. What its object streams hold may be `limit` bytes in all.
pub(crate) fn read(bytes: &Input, limit: usize) -> Option<Objects> {
    let version = version(bytes)?;
    let sections = Sections::read(bytes, limit)?;
    // Streams are lent by half a machine word each for where and how long.
    i32::try_from(bytes.len())
        .ok()
        .filter(|_| usize::BITS == 64)?;
    let mut reader = Reader {
        bytes,
        sections: &sections,
        rested: Vec::new(),
        references: Vec::new(),
        sources: vec![bytes.clone()],
        looked: 0,
        room: limit,
    };
    reader.objects()?;
    reader.packed()?;
    let heap = Heap::resting(reader.rested, reader.sources, reader.references);
    let mut pdf = lopdf::Document::new();
    pdf.version = version;
    if let Some(mark) = binary_mark(bytes) {
        pdf.binary_mark = mark;
    }
    pdf.reference_table.cross_reference_type = sections.form;
    pdf.max_id = u32::try_from(sections.entries.len().checked_sub(1)?).ok()?;
    pdf.trailer = sections.trailer;
    let objects = Objects::resting(pdf, heap, bytes.clone());
    has_tree(&objects).then_some(objects)
}

struct Reader<'a> {
    bytes: &'a Input,
    sections: &'a Sections,
    rested: Vec<Option<Resting>>,
    references: Vec<ObjectId>,
    sources: Vec<Input>,
    looked: usize,
    room: usize,
}

impl Reader<'_> {
    /// Looks at every object that stands by itself.
    fn objects(&mut self) -> Option<()> {
        let entries = &self.sections.entries;
        self.rested.resize_with(entries.len(), || None);
        // Many streams may have the same one, and it may stand in very much white space.
        let mut lengths: HashMap<ObjectId, Option<usize>> = HashMap::new();
        let mut room = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            let Entry::At { offset, generation } = *entry else {
                continue;
            };
            let id = (u32::try_from(number).ok()?, generation);
            let noted = self.references.len();
            let (at, sections, bytes) = (offset as usize, self.sections, self.bytes);
            let (lengths, mut looked) = (&mut lengths, 0);
            let length_of = |id| {
                *lengths.entry(id).or_insert_with(|| {
                    let (length, bytes) = length(bytes, sections, id)?;
                    looked = bytes;
                    Some(length)
                })
            };
            let mut check = Check::reusing(bytes, &mut self.references, room);
            let (passed, end) = check.indirect(at, id, length_of)?;
            room = check.into_room();
            self.looked += end - at + looked;
            if self.looked > bytes.len().saturating_mul(MAX_LOOKS) {
                return None;
            }
            let mut resting = Resting::new(generation, 0, range(passed.value)?);
            if let Some(content) = passed.content {
                resting.content = range(content)?;
            }
            resting.traits = traits(&passed);
            resting.references = range((noted, self.references.len()))?;
            self.rested[number] = Some(resting);
        }
        Some(())
    }

    /// Looks at every object that is packed into a stream.
    fn packed(&mut self) -> Option<()> {
        let mut containers: BTreeMap<u32, Vec<(u32, u16)>> = BTreeMap::new();
        for (number, entry) in (0..).zip(&self.sections.entries) {
            if let Entry::Packed { container, index } = *entry {
                let members = containers.entry(container).or_default();
                members.push((number, index));
            }
        }
        // One that holds nothing that is in use would be looked through by the engine all the same.
        let mut rested = (0..).zip(&self.rested);
        let is_idle = |(number, resting): (u32, &Option<Resting>)| {
            resting.as_ref().is_some_and(is_container) && !containers.contains_key(&number)
        };
        if rested.any(is_idle) {
            return None;
        }
        for (container, members) in containers {
            self.container(container, &members)?;
        }
        Some(())
    }

    /// Looks at the members of one object stream (7.5.7).
    fn container(&mut self, container: u32, members: &[(u32, u16)]) -> Option<()> {
        let resting = self.rested.get(container as usize)?.as_ref()?;
        if resting.generation != 0 || !is_container(resting) {
            return None;
        }
        let (first, table, text) = unpacked(self.bytes, resting, self.room)?;
        self.room -= text.len();
        // What the sections do not speak of, or place elsewhere, the engine might take from here.
        let mut named = HashSet::new();
        let is_sound = |(number, _): &(usize, usize)| {
            let entry = self.sections.entries.get(*number);
            let is_known = matches!(entry, Some(Entry::Packed { .. } | Entry::Free));
            is_known && named.insert(*number)
        };
        if !table.iter().all(is_sound) {
            return None;
        }
        let source = u32::try_from(self.sources.len()).ok()?;
        let mut looked = 0;
        for (number, index) in members {
            let (named, offset) = *table.get(usize::from(*index))?;
            let at = first.checked_add(offset)?;
            let space = text.get(at..)?.iter().position(|byte| !is_space(*byte))?;
            let noted = self.references.len();
            let (passed, end) = Check::new(&text, &mut self.references).outermost(at + space)?;
            looked += end - at;
            if named != *number as usize || looked > text.len().saturating_mul(MAX_LOOKS) {
                return None;
            }
            let mut resting = Resting::new(0, source, range(passed.value)?);
            resting.traits = traits(&passed);
            resting.references = range((noted, self.references.len()))?;
            self.rested[named] = Some(resting);
        }
        self.sources.push(Input::from(text));
        Some(())
    }
}

/// What an object stream holds: where its first member begins, its table of numbers and offsets, its text.
type Unpacked = (usize, Vec<(usize, usize)>, Vec<u8>);

fn unpacked(bytes: &[u8], resting: &Resting, room: usize) -> Option<Unpacked> {
    let slice = |range: &Range<u32>| bytes.get(range.start as usize..range.end as usize);
    let Object::Dictionary(dict) = syntax::read_checked(slice(&resting.value)?, MAX_DEPTH)? else {
        return None;
    };
    let natural = |key: &[u8]| usize::try_from(dict.get(key).ok()?.as_i64().ok()?).ok();
    let (count, first) = (natural(b"N")?, natural(b"First")?);
    let is_packed = dict.has(b"Filter");
    let stream = Stream::new(dict, slice(&resting.content)?.to_vec());
    let text = if is_packed {
        stream.decompressed_content_with_limit(room).ok()?
    } else {
        stream.content
    };
    if text.len() > room {
        return None;
    }
    let head = std::str::from_utf8(text.get(..first)?).ok()?;
    let numbers: Option<Vec<usize>> = head
        .split_ascii_whitespace()
        .map(|number| number.parse().ok())
        .collect();
    let table: Vec<_> = numbers?
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect();
    (table.len() == count).then_some((first, table, text))
}

fn is_container(resting: &Resting) -> bool {
    resting.traits.is_stream && resting.traits.kind == Kind::ObjectStream
}

fn traits(passed: &Passed) -> Traits {
    let top = &passed.top;
    Traits {
        is_stream: passed.content.is_some(),
        kind: top.kind,
        is_signature: top.has_byte_range && top.has_contents,
        has_long_integer: passed.has_long_integer,
        is_length_elsewhere: matches!(top.length, Some(Length::Indirect(..))),
    }
}

/// The length of a stream that is an object of its own, and how many bytes had to be looked at for it.
fn length(bytes: &[u8], sections: &Sections, id: ObjectId) -> Option<(usize, usize)> {
    let Entry::At { offset, generation } = *sections.entries.get(id.0 as usize)? else {
        return None;
    };
    if generation != id.1 {
        return None;
    }
    let at = offset as usize;
    let (passed, end) = Check::new(bytes, &mut Vec::new()).indirect(at, id, |_| None)?;
    let text = std::str::from_utf8(&bytes[passed.value.0..passed.value.1]).ok()?;
    Some((text.parse().ok()?, end - at))
}

/// `1.7` for a file whose first line says just that.
fn version(bytes: &[u8]) -> Option<String> {
    let line = bytes.strip_prefix(b"%PDF-")?;
    match line.get(..4)? {
        [
            major @ b'0'..=b'9',
            b'.',
            minor @ b'0'..=b'9',
            b'\r' | b'\n',
        ] => Some(format!("{}.{}", char::from(*major), char::from(*minor))),
        _ => None,
    }
}

/// The comment of bytes beyond ASCII in the second line, by which programs know that the file is not text.
fn binary_mark(bytes: &[u8]) -> Option<Vec<u8>> {
    let second = bytes.iter().position(|byte| *byte == b'\n')? + 1;
    let comment = bytes[second..].strip_prefix(b"%")?;
    let end = comment
        .iter()
        .position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let mark = &comment[..end];
    mark.iter().all(|byte| *byte >= 128).then(|| mark.to_vec())
}

/// Whether the trailer leads to a root of the page tree that has kids.
fn has_tree(objects: &Objects) -> bool {
    let indirect = |dict: &Dictionary, key: &[u8]| {
        let id = entry(dict, key)?.as_reference().ok()?;
        objects.heap.get(id)?.as_dict().ok()
    };
    let kids = indirect(&objects.pdf.trailer, b"Root")
        .and_then(|catalog| indirect(catalog, b"Pages"))
        .and_then(|root| {
            let kids = entry(root, b"Kids")?;
            Some(objects.resolve(kids)?.1.as_array().is_ok())
        });
    kids == Some(true)
}

fn range((start, end): (usize, usize)) -> Option<Range<u32>> {
    Some(u32::try_from(start).ok()?..u32::try_from(end).ok()?)
}

#[cfg(test)]
mod tests;
