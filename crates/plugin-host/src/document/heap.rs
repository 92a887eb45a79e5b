//! The objects of a document by number.
//!
//! Those of a file that was read by the book rest in its bytes ([`latent`](crate::document::latent)) until somebody asks
//! for them, and are written as those bytes if nobody has changed them. An entry that is put into a small dictionary that
//! nobody has built gives it another text to rest in, and small new streams rest from the beginning. All others are
//! values.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;

use lopdf::{Dictionary, Object, ObjectId, Stream};

use crate::document::characters::is_regular;
use crate::document::latent::check::{Check, Kind, Passed};
use crate::document::serialize;
use crate::document::syntax;
use crate::document::unread::{self, Entry, Unread};
use crate::input::Input;

/// The mark of a stream that lends its bytes from the file: beside it, in [`Stream::start_position`], the low half says
/// where they begin, the high one how many they are. No file has such a position.
const LENT: usize = 1 << 63;
/// The nesting of what has been checked.
const MAX_DEPTH: u32 = 96;
/// The source of what steps have made: [`Heap::made`].
const MADE: u32 = u32::MAX;
/// The most texts that one object gets in place of the one before, which stays where it is: what is changed more often is
/// built.
const MAX_TEXTS: u8 = 8;
/// The longest content of a new stream that rests.
const MAX_CONTENT: usize = 512;
/// Gaps in the numbers of new objects that rest, at most.
const MAX_GAP: usize = 4096;

/// Objects by number.
#[derive(Default)]
pub(crate) struct Heap {
    /// By number; what was in the file.
    rested: Vec<Option<Resting>>,
    /// The file, then what its object streams hold.
    sources: Vec<Input>,
    /// The texts and contents that steps have made.
    made: Vec<u8>,
    /// Room for the text of an entry, and for a look at one that is made.
    scratch: Vec<u8>,
    room: Vec<(usize, usize)>,
    /// What the resting objects refer to.
    references: Vec<ObjectId>,
    values: BTreeMap<ObjectId, Object>,
}

/// An object of a file, as its bytes.
#[derive(Debug)]
pub(crate) struct Resting {
    pub(crate) generation: u16,
    pub(crate) traits: Traits,
    /// Which text it stands in.
    pub(crate) source: u32,
    /// Where its value stands; of a stream the dictionary.
    pub(crate) value: Range<u32>,
    /// Where the bytes of a stream stand; empty for anything else.
    pub(crate) content: Range<u32>,
    /// Which references are its own.
    pub(crate) references: Range<u32>,
    /// The value, once somebody has asked.
    read: OnceCell<Box<Object>>,
    is_changed: bool,
    /// The content stands in [`Heap::made`], not in the file.
    is_content_made: bool,
    /// How many texts it has had.
    texts: u8,
}

/// What a look at the bytes tells of an object.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traits {
    pub(crate) is_stream: bool,
    pub(crate) kind: Kind,
    pub(crate) is_signature: bool,
    /// The stream's length stands elsewhere.
    pub(crate) is_length_elsewhere: bool,
}

impl Traits {
    /// Takes over what a look at another text of the object tells.
    fn take_kind(&mut self, passed: &Passed) {
        let top = &passed.top;
        self.kind = top.kind;
        self.is_signature = top.has_byte_range && top.has_contents;
    }

    /// Whether it describes the file, not the document: object and cross-reference streams, linearization.
    pub(crate) fn is_layout(self) -> bool {
        match self.kind {
            Kind::Other => false,
            Kind::ObjectStream | Kind::CrossReferences => self.is_stream,
            Kind::Linearization => !self.is_stream,
        }
    }
}

/// A stream whose bytes stay in the file: most are read by nobody, and copying them all is half the price of a step that
/// looks at every page.
fn lent(mut dict: Dictionary, content: &Range<u32>) -> Stream {
    let (start, length) = (content.start as usize, content.len());
    dict.set("Length", Object::Integer(length as i64));
    Stream {
        dict,
        content: Vec::new(),
        allows_compression: true,
        start_position: Some(LENT | length << 32 | start),
    }
}

/// An object as a writer wants it.
pub(crate) enum Form<'a> {
    Value(&'a Object),
    Bytes(Bytes<'a>),
}

/// The bytes of an object that nobody has changed.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a> {
    pub(crate) traits: Traits,
    pub(crate) value: &'a [u8],
    pub(crate) content: &'a [u8],
    pub(crate) references: &'a [ObjectId],
}

impl Resting {
    pub(crate) fn new(generation: u16, source: u32, value: Range<u32>) -> Self {
        Self {
            generation,
            traits: Traits::default(),
            source,
            value,
            content: 0..0,
            references: 0..0,
            read: OnceCell::new(),
            is_changed: false,
            is_content_made: false,
            texts: 0,
        }
    }

    fn content_source(&self) -> u32 {
        if self.is_content_made { MADE } else { 0 }
    }

    /// The same object, unread.
    fn again(&self) -> Self {
        Self {
            traits: self.traits,
            content: self.content.clone(),
            references: self.references.clone(),
            is_content_made: self.is_content_made,
            texts: self.texts,
            ..Self::new(self.generation, self.source, self.value.clone())
        }
    }
}

/// A part of a dictionary's text and what comes in its place: a part of another's.
struct Edit {
    old: Range<usize>,
    value: Range<usize>,
}

/// What can be told of an object from how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Array,
    Dictionary,
    Stream,
}

impl Shape {
    /// Of a value, if it is a container.
    pub(crate) fn of(text: &[u8]) -> Option<Self> {
        match text {
            [b'[', ..] => Some(Self::Array),
            [b'<', b'<', ..] => Some(Self::Dictionary),
            _ => None,
        }
    }
}

fn range((start, end): (usize, usize)) -> Option<Range<u32>> {
    Some(u32::try_from(start).ok()?..u32::try_from(end).ok()?)
}

impl Heap {
    /// A heap of values.
    pub(crate) fn of(values: BTreeMap<ObjectId, Object>) -> Self {
        Self {
            values,
            ..Self::default()
        }
    }

    /// A heap of objects that rest in `sources`, by number, and refer to `references`.
    pub(crate) fn resting(
        rested: Vec<Option<Resting>>,
        sources: Vec<Input>,
        references: Vec<ObjectId>,
    ) -> Self {
        Self {
            rested,
            sources,
            references,
            ..Self::default()
        }
    }

    fn rested(&self, id: ObjectId) -> Option<&Resting> {
        let resting = self.rested.get(id.0 as usize)?.as_ref()?;
        (resting.generation == id.1).then_some(resting)
    }

    fn rested_mut(&mut self, id: ObjectId) -> Option<&mut Resting> {
        let resting = self.rested.get_mut(id.0 as usize)?.as_mut()?;
        (resting.generation == id.1).then_some(resting)
    }

    // ---- reading -----------------------------------------------------------------------------------------------

    pub(crate) fn get(&self, id: ObjectId) -> Option<&Object> {
        match self.rested(id) {
            Some(resting) => Some(self.read(resting)),
            None => self.values.get(&id),
        }
    }

    pub(crate) fn contains(&self, id: ObjectId) -> bool {
        self.rested(id).is_some() || self.values.contains_key(&id)
    }

    /// Whether `id` is a stream, without reading it.
    pub(crate) fn is_stream(&self, id: ObjectId) -> bool {
        match self.rested(id) {
            Some(resting) if !resting.is_changed => resting.traits.is_stream,
            _ => matches!(self.get(id), Some(Object::Stream(_))),
        }
    }

    /// The ids of all objects, in order.
    pub(crate) fn ids(&self) -> Vec<ObjectId> {
        let rested = (0..).zip(&self.rested);
        let rested = rested.filter_map(|(number, resting)| Some((number, resting.as_ref()?)));
        let mut ids: Vec<ObjectId> = rested
            .map(|(number, resting)| (number, resting.generation))
            .chain(self.values.keys().copied())
            .collect();
        ids.sort_unstable();
        ids
    }

    /// The id after `id`.
    pub(crate) fn next(&self, id: ObjectId) -> Option<ObjectId> {
        let from = self.rested.len().min(id.0 as usize);
        let rested = (id.0..).zip(&self.rested[from..]);
        let rested = rested
            .filter_map(|(number, resting)| Some((number, resting.as_ref()?.generation)))
            .find(|found| *found > id);
        let after = (std::ops::Bound::Excluded(id), std::ops::Bound::Unbounded);
        let value = self.values.range(after).next().map(|(id, _)| *id);
        rested.into_iter().chain(value).min()
    }

    /// How many objects there are, at least.
    pub(crate) fn capacity(&self) -> usize {
        self.rested.len() + self.values.len()
    }

    /// The bytes of all streams.
    pub(crate) fn stream_bytes(&self) -> u64 {
        let content = |object: &Object| match object {
            Object::Stream(stream) => self.content(stream).len() as u64,
            _ => 0,
        };
        let rested = self.rested.iter().flatten().map(|resting| {
            let changed = resting.read.get().filter(|_| resting.is_changed);
            changed.map_or(
                u64::from(resting.content.end - resting.content.start),
                |object| content(object),
            )
        });
        rested.sum::<u64>() + self.values.values().map(content).sum::<u64>()
    }

    /// The object as a writer wants it.
    pub(crate) fn form(&self, id: ObjectId) -> Option<Form<'_>> {
        match self.rested(id) {
            Some(resting) if !resting.is_changed => Some(Form::Bytes(Bytes {
                traits: resting.traits,
                value: self.slice(resting.source, &resting.value),
                content: self.slice(resting.content_source(), &resting.content),
                references: self
                    .references
                    .get(resting.references.start as usize..resting.references.end as usize)
                    .unwrap_or_default(),
            })),
            _ => self.get(id).map(Form::Value),
        }
    }

    /// The bytes of a stream of this heap.
    pub(crate) fn content<'a>(&'a self, stream: &'a Stream) -> &'a [u8] {
        let lent = stream.start_position.filter(|at| at & LENT != 0);
        let (Some(at), Some(file)) = (lent, self.sources.first()) else {
            return &stream.content;
        };
        let (start, length) = (at & 0xFFFF_FFFF, (at & !LENT) >> 32);
        file.get(start..start + length).unwrap_or_default()
    }

    fn slice(&self, source: u32, range: &Range<u32>) -> &[u8] {
        let text = match source {
            MADE => Some(&self.made[..]),
            source => self.sources.get(source as usize).map(|input| &input[..]),
        };
        text.and_then(|text| text.get(range.start as usize..range.end as usize))
            .unwrap_or_default()
    }

    /// The dictionary `id` as its text, if it is a small one that nobody has changed in another way.
    pub(crate) fn unread(&self, id: ObjectId) -> Option<Unread<'_>> {
        let resting = self.rested(id).filter(|resting| !resting.is_changed)?;
        Unread::of(self.slice(resting.source, &resting.value))
    }

    /// Whether `id` is an array, a dictionary or a stream, if that can be told without building it.
    pub(crate) fn shape(&self, id: ObjectId) -> Option<Shape> {
        let resting = self.rested(id).filter(|resting| !resting.is_changed)?;
        if resting.traits.is_stream {
            return Some(Shape::Stream);
        }
        Shape::of(self.slice(resting.source, &resting.value))
    }

    /// The bytes of the stream `id`, if they can be told without building it.
    pub(crate) fn resting_content(&self, id: ObjectId) -> Option<&[u8]> {
        let resting = self.rested(id).filter(|resting| !resting.is_changed)?;
        let content = || self.slice(resting.content_source(), &resting.content);
        resting.traits.is_stream.then(content)
    }

    fn read<'a>(&'a self, resting: &'a Resting) -> &'a Object {
        resting.read.get_or_init(|| {
            let value = self.slice(resting.source, &resting.value);
            let value = syntax::read_checked(value, MAX_DEPTH);
            debug_assert!(value.is_some(), "what has been checked can be read");
            Box::new(match value {
                Some(Object::Dictionary(dict)) if resting.is_content_made => {
                    let content = self.slice(MADE, &resting.content);
                    Object::Stream(Stream::new(dict, content.to_vec()))
                }
                Some(Object::Dictionary(dict)) if resting.traits.is_stream => {
                    Object::Stream(lent(dict, &resting.content))
                }
                value => value.unwrap_or(Object::Null),
            })
        })
    }

    // ---- changing ----------------------------------------------------------------------------------------------

    /// Puts an entry into a small dictionary that nobody has built; answers what takes that back. `None` where that
    /// cannot be done, and nothing is.
    pub(crate) fn put(&mut self, id: ObjectId, key: &[u8], value: &Object) -> Option<Resting> {
        self.free(id)?;
        let mut source = std::mem::take(&mut self.scratch);
        source.clear();
        source.extend_from_slice(b"<<");
        serialize::entry(key, value, &mut source);
        source.extend_from_slice(b">>");
        let before = Unread::of(&source).and_then(|source| self.merge(id, source));
        self.scratch = source;
        before
    }

    /// The object, if it may rest in another text.
    fn free(&self, id: ObjectId) -> Option<&Resting> {
        let is_free = |resting: &&Resting| {
            resting.texts < MAX_TEXTS && resting.read.get().is_none() && !resting.is_changed
        };
        self.rested(id).filter(is_free)
    }

    /// The same for all entries of another small dictionary.
    pub(crate) fn merge(&mut self, id: ObjectId, source: Unread<'_>) -> Option<Resting> {
        let resting = self.free(id)?;
        let dict = Unread::of(self.slice(resting.source, &resting.value))?;
        let mut edits: Vec<Edit> = Vec::with_capacity(4);
        for Entry { key, start, value } in source.entries() {
            // What a stream says of its bytes is the writer's.
            if key == b"Length" && resting.traits.is_stream {
                return None;
            }
            edits.push(match dict.place(key) {
                Some(old) => Edit { old, value },
                None => Edit {
                    old: dict.end(),
                    value: start..value.end,
                },
            });
        }
        // In the order of the old text; what is new goes to its end, in its own order.
        edits.sort_by_key(|edit| edit.old.start);
        let (length, before) = (dict.text().len(), resting.again());
        if before.traits.is_length_elsewhere {
            return None;
        }
        let (from, noted) = (self.made.len(), self.references.len());
        let mut at = 0;
        for Edit { old, value } in edits {
            self.remake(&before, at..old.start);
            at = old.end;
            let value = source.text().get(value)?;
            if value.first().is_some_and(|byte| is_regular(*byte)) {
                self.made.push(b' ');
            }
            self.made.extend_from_slice(value);
        }
        self.remake(&before, at..length);
        let is_small = self.made.len() - from <= unread::LONGEST;
        let Some((passed, value)) = is_small.then(|| self.look(from)).flatten() else {
            self.made.truncate(from);
            self.references.truncate(noted);
            return None;
        };
        let references = range((noted, self.references.len()))?;
        let resting = self.rested_mut(id)?;
        resting.source = MADE;
        resting.value = value;
        resting.references = references;
        resting.traits.take_kind(&passed);
        resting.texts += 1;
        Some(before)
    }

    /// Appends a part of the text of `resting` to what has been made.
    fn remake(&mut self, resting: &Resting, part: Range<usize>) {
        let start = resting.value.start as usize;
        let part = start + part.start..start + part.end;
        match resting.source {
            MADE => self.made.extend_from_within(part),
            source => {
                let source = self.sources.get(source as usize);
                let text = source.and_then(|source| source.get(part));
                self.made.extend_from_slice(text.unwrap_or_default());
            }
        }
    }

    /// Looks at the text that begins at `from` in what has been made and is the rest of it.
    fn look(&mut self, from: usize) -> Option<(Passed, Range<u32>)> {
        let room = std::mem::take(&mut self.room);
        let mut check = Check::reusing(&self.made, &mut self.references, room);
        let passed = check.outermost(from);
        self.room = check.into_room();
        let (passed, end) = passed?;
        let is_whole = end == self.made.len();
        Some((passed, range((from, end))?)).filter(|_| is_whole)
    }

    /// Takes [`Self::merge`] back.
    pub(crate) fn restore(&mut self, id: ObjectId, before: Resting) {
        self.values.remove(&id);
        if let Some(place) = self.rested.get_mut(id.0 as usize) {
            *place = Some(before);
        }
    }

    /// Adds a small stream without entries, under a new number; `false` where it has to be a value.
    pub(crate) fn add_resting(&mut self, id: ObjectId, content: &[u8]) -> bool {
        let (number, length) = (id.0 as usize, self.rested.len());
        let is_next = !self.sources.is_empty() && (length..length + MAX_GAP).contains(&number);
        if content.len() >= MAX_CONTENT || id.1 != 0 || !is_next {
            return false;
        }
        let from = self.made.len();
        self.made.extend_from_slice(b"<</Length ");
        serialize::integer(content.len() as i64, &mut self.made);
        self.made.extend_from_slice(b">>");
        let end = self.made.len();
        self.made.extend_from_slice(content);
        let ranges = range((from, end)).zip(range((end, self.made.len())));
        let Some((value, content)) = ranges else {
            self.made.truncate(from);
            return false;
        };
        let mut resting = Resting::new(0, MADE, value);
        resting.content = content;
        resting.traits.is_stream = true;
        resting.is_content_made = true;
        self.rested.resize_with(number, || None);
        self.rested.push(Some(resting));
        true
    }

    /// The object, to be changed.
    pub(crate) fn get_mut(&mut self, id: ObjectId) -> Option<&mut Object> {
        let Some(resting) = self.rested(id) else {
            return self.values.get_mut(&id);
        };
        self.read(resting);
        let resting = self.rested_mut(id)?;
        resting.is_changed = true;
        resting.read.get_mut().map(|object| &mut **object)
    }

    /// Puts an object in; answers what stood there.
    pub(crate) fn insert(&mut self, id: ObjectId, object: Object) -> Option<Object> {
        match self.get_mut_if_resting(id) {
            Some(place) => Some(std::mem::replace(place, object)),
            None => self.values.insert(id, object),
        }
    }

    /// Takes an object out.
    pub(crate) fn remove(&mut self, id: ObjectId) -> Option<Object> {
        if self.rested(id).is_none() {
            return self.values.remove(&id);
        }
        self.get_mut(id)?;
        let resting = self.rested.get_mut(id.0 as usize)?.take()?;
        resting.read.into_inner().map(|object| *object)
    }

    /// Drops an object that was added.
    pub(crate) fn forget(&mut self, id: ObjectId) {
        self.values.remove(&id);
        if let Some(place) = self.rested.get_mut(id.0 as usize) {
            *place = None;
        }
    }

    fn get_mut_if_resting(&mut self, id: ObjectId) -> Option<&mut Object> {
        self.rested(id)?;
        self.get_mut(id)
    }
}
