//! Where every key and value of a YAML text lies.

use crate::pipeline::yaml::flaw::{Place, unescape};
use crate::pipeline::yaml::scalar::Scalar;

/// A value and where it lies.
#[derive(Debug)]
pub(crate) struct Node {
    pub(super) place: Place,
    pub(super) kind: Kind,
}

impl Node {
    /// The value under a key or index, with the place of its key.
    fn child(&self, segment: &str) -> Option<(Option<Place>, &Self)> {
        match &self.kind {
            Kind::Scalar(_) => None,
            Kind::List(items) => {
                let item = items.get(segment.parse::<usize>().ok()?)?;
                Some((None, item))
            }
            Kind::Map(entries) => {
                let entry = entries.iter().rev().find(|(key, ..)| key == segment)?;
                Some((Some(entry.1), &entry.2))
            }
        }
    }
}

#[derive(Debug)]
pub(super) enum Kind {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<(String, Place, Node)>),
}

/// All values of a text.
#[derive(Debug)]
pub(crate) struct Tree {
    /// `None` for an empty text.
    pub(super) root: Option<Node>,
}

impl Tree {
    /// The place of the value at `pointer`, or of the nearest one around it that the text has.
    pub(crate) fn value_at(&self, pointer: &str) -> Place {
        self.walk(pointer)
            .map_or(Place::START, |(_, node)| node.place)
    }

    /// The place of the key that holds the value at `pointer`; of the value itself where it has none (list items).
    pub(crate) fn key_at(&self, pointer: &str) -> Place {
        self.walk(pointer)
            .map_or(Place::START, |(key, node)| key.unwrap_or(node.place))
    }

    /// Whether the text has a value at `pointer`.
    pub(crate) fn has(&self, pointer: &str) -> bool {
        let mut at = self.root.as_ref();
        for segment in pointer.split('/').skip(1) {
            at = at.and_then(|node| Some(node.child(&unescape(segment))?.1));
        }
        at.is_some()
    }

    /// The place of the character at byte `offset` of the text value at `pointer`.
    pub(crate) fn inside(&self, text: &str, pointer: &str, offset: usize) -> Place {
        match self.walk(pointer) {
            Some((
                _,
                Node {
                    place,
                    kind: Kind::Scalar(scalar),
                },
            )) => scalar.place(text, *place, offset),
            Some((_, node)) => node.place,
            None => Place::START,
        }
    }

    /// The deepest node on the way to `pointer`, with its key's place.
    fn walk(&self, pointer: &str) -> Option<(Option<Place>, &Node)> {
        let mut at = (None, self.root.as_ref()?);
        for segment in pointer.split('/').skip(1) {
            let next = at.1.child(&unescape(segment));
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        Some(at)
    }
}
