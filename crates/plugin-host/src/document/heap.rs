//! The objects of a document by number.
//!
//! Those of a file that was read by the book rest in its bytes ([`latent`](crate::document::latent)) until somebody asks
//! for them, and are written as those bytes if nobody has changed them. An entry that is put into a small dictionary that
//! nobody has built gives it another text to rest in, and small new streams rest from the beginning. All others are
//! values.

mod made;
mod resting;
mod texts;

pub(crate) use resting::{Resting, Shape, Traits};

use std::collections::BTreeMap;
use std::ops::Range;

use lopdf::{Dictionary, Object, ObjectId, Stream};

use crate::document::heap::made::Made;
use crate::document::syntax;
use crate::document::unread::Unread;
use crate::input::Input;

/// The mark of a stream that lends its bytes from the file: beside it, in [`Stream::start_position`], the low half says
/// where they begin, the high one how many they are. No file has such a position.
const LENT: usize = 1 << 63;
/// The nesting of what has been checked.
const MAX_DEPTH: u32 = 96;
/// The source of what steps have made: [`Heap::made`].
const MADE: u32 = u32::MAX;
/// Objects by number.
#[derive(Default)]
pub(crate) struct Heap {
    /// By number; what was in the file.
    rested: Vec<Option<Resting>>,
    /// The file, then what its object streams hold.
    sources: Vec<Input>,
    /// The texts and contents that steps have made.
    made: Made,
    /// Room for the text of an entry, for the text that it becomes a part of, and for a look at that.
    scratch: Vec<u8>,
    text: Vec<u8>,
    room: Vec<(usize, usize)>,
    /// What the resting objects refer to.
    references: Vec<ObjectId>,
    values: BTreeMap<ObjectId, Object>,
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

    /// What the objects that rest refer to, all of them.
    pub(crate) fn resting_references(&self) -> &[ObjectId] {
        &self.references
    }

    /// The objects that do not rest.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Object> {
        self.values.values()
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
            MADE => self.made.get(range),
            source => {
                let input = self.sources.get(source as usize);
                input.and_then(|input| input.get(range.start as usize..range.end as usize))
            }
        };
        text.unwrap_or_default()
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
