//! An object that rests in bytes, and what can be told of it without building it.

use std::cell::OnceCell;
use std::ops::Range;

use lopdf::Object;

use crate::document::heap::MADE;
use crate::document::latent::check::{Kind, Passed};

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
    pub(super) read: OnceCell<Box<Object>>,
    pub(super) is_changed: bool,
    /// The content stands in [`Heap::made`], not in the file.
    pub(super) is_content_made: bool,
    /// How many texts it has had.
    pub(super) texts: u8,
}

/// What a look at the bytes tells of an object.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traits {
    pub(crate) is_stream: bool,
    pub(crate) kind: Kind,
    pub(crate) is_signature: bool,
    /// It has an integer that may be beyond 64 bits.
    pub(crate) has_long_integer: bool,
    /// The stream's length stands elsewhere.
    pub(crate) is_length_elsewhere: bool,
}

impl Traits {
    /// Takes over what a look at another text of the object tells.
    pub(super) fn take_kind(&mut self, passed: &Passed) {
        let top = &passed.top;
        self.kind = top.kind;
        self.is_signature = top.has_byte_range && top.has_contents;
        self.has_long_integer = passed.has_long_integer;
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

    pub(super) fn content_source(&self) -> u32 {
        if self.is_content_made { MADE } else { 0 }
    }

    /// The same object, unread.
    pub(super) fn again(&self) -> Self {
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
