//! Where a container lies in a document, and how to reach it.

use lopdf::{Dictionary, Object, ObjectId, Stream};

/// Dictionaries up to this size are looked through: hashing a key takes longer than comparing some.
const FEW: usize = 12;

/// The value of `key`.
pub(crate) fn entry<'a>(dict: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
    if dict.len() <= FEW {
        return dict
            .iter()
            .find(|(name, _)| name.as_slice() == key)
            .map(|(_, value)| value);
    }
    // The engine spends an allocated error on a key that is not there.
    dict.has(key).then(|| dict.get(key).ok()).flatten()
}

/// Whether the dictionary's `/Type` is `name`.
pub(crate) fn is_of_type(dict: &Dictionary, name: &[u8]) -> bool {
    matches!(entry(dict, b"Type"), Some(Object::Name(found)) if found == name)
}

/// What a path starts at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Root {
    /// An indirect object.
    Object(ObjectId),
    /// The trailer dictionary.
    Trailer,
    /// A direct value that is not part of the document yet.
    Loose(u32),
}

/// One step down a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(Box<[u8]>),
    Item(usize),
}

/// The path of a container: no step follows a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) root: Root,
    pub(crate) steps: Vec<Step>,
}

impl Place {
    pub(crate) fn object(id: ObjectId) -> Self {
        Self {
            root: Root::Object(id),
            steps: Vec::new(),
        }
    }

    pub(crate) fn of(root: Root) -> Self {
        Self {
            root,
            steps: Vec::new(),
        }
    }

    pub(crate) fn key(mut self, key: &[u8]) -> Self {
        self.steps.push(Step::Key(key.into()));
        self
    }

    pub(crate) fn item(mut self, index: usize) -> Self {
        self.steps.push(Step::Item(index));
        self
    }
}

/// A container that can be read.
#[derive(Clone, Copy)]
pub(crate) enum Holder<'a> {
    Dict(&'a Dictionary),
    Array(&'a [Object]),
    Stream(&'a Stream),
}

impl<'a> Holder<'a> {
    pub(crate) fn of(object: &'a Object) -> Option<Self> {
        match object {
            Object::Dictionary(dict) => Some(Self::Dict(dict)),
            Object::Array(items) => Some(Self::Array(items)),
            Object::Stream(stream) => Some(Self::Stream(stream)),
            _ => None,
        }
    }

    /// The dictionary; for a stream its own.
    pub(crate) fn dict(self) -> Option<&'a Dictionary> {
        match self {
            Self::Dict(dict) => Some(dict),
            Self::Stream(stream) => Some(&stream.dict),
            Self::Array(_) => None,
        }
    }

    pub(crate) fn array(self) -> Option<&'a [Object]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Dict(_) => "a dictionary",
            Self::Array(_) => "an array",
            Self::Stream(_) => "a stream",
        }
    }

    /// What `step` leads to.
    pub(crate) fn step(self, step: &Step) -> Option<&'a Object> {
        match step {
            Step::Key(key) => entry(self.dict()?, key),
            Step::Item(index) => self.array()?.get(*index),
        }
    }

    /// A copy of the container as a value.
    pub(crate) fn copy(self) -> Object {
        match self {
            Self::Dict(dict) => Object::Dictionary(dict.clone()),
            Self::Array(items) => Object::Array(items.to_vec()),
            Self::Stream(stream) => Object::Stream(stream.clone()),
        }
    }
}

/// A container that can be changed.
pub(crate) enum HolderMut<'a> {
    Dict(&'a mut Dictionary),
    Array(&'a mut Vec<Object>),
    Stream(&'a mut Stream),
}

impl<'a> HolderMut<'a> {
    pub(crate) fn of(object: &'a mut Object) -> Option<Self> {
        match object {
            Object::Dictionary(dict) => Some(Self::Dict(dict)),
            Object::Array(items) => Some(Self::Array(items)),
            Object::Stream(stream) => Some(Self::Stream(stream)),
            _ => None,
        }
    }

    pub(crate) fn dict(self) -> Option<&'a mut Dictionary> {
        match self {
            Self::Dict(dict) => Some(dict),
            Self::Stream(stream) => Some(&mut stream.dict),
            Self::Array(_) => None,
        }
    }

    pub(crate) fn array(self) -> Option<&'a mut Vec<Object>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    fn step(self, step: &Step) -> Option<&'a mut Object> {
        match step {
            Step::Key(key) => self.dict()?.get_mut(key).ok(),
            Step::Item(index) => self.array()?.get_mut(*index),
        }
    }

    /// The value at the end of `steps`.
    pub(crate) fn walk(self, steps: &[Step]) -> Option<&'a mut Object> {
        let (first, rest) = steps.split_first()?;
        let mut at = self.step(first)?;
        for step in rest {
            at = HolderMut::of(at)?.step(step)?;
        }
        Some(at)
    }
}
