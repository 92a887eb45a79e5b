//! Where every key and value of a YAML text lies.

use crate::pipeline::yaml::flaw::{Place, unescape};
use crate::pipeline::yaml::scalar::Scalar;
use serde_json::Value;

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

impl Node {
    /// Where this is something else than `value` by its shape.
    fn parts_from(&self, value: &Value) -> Option<Place> {
        match (&self.kind, value) {
            (Kind::Scalar(_), Value::Array(_) | Value::Object(_)) => Some(self.place),
            (Kind::Scalar(_), _) => None,
            (Kind::List(items), Value::Array(values)) if items.len() == values.len() => {
                let mut pairs = items.iter().zip(values);
                pairs.find_map(|(item, value)| item.parts_from(value))
            }
            (Kind::Map(entries), Value::Object(values)) if entries.len() == values.len() => {
                let part = |(key, place, node): &(String, Place, Self)| {
                    values
                        .get(key)
                        .map_or(Some(*place), |value| node.parts_from(value))
                };
                entries.iter().find_map(part)
            }
            (Kind::List(_) | Kind::Map(_), _) => Some(self.place),
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
    /// The first place, if any, at which the two parsers have not understood the same.
    pub(super) fn parts_from(&self, value: &Value) -> Option<Place> {
        match &self.root {
            Some(root) => root.parts_from(value),
            None => (!value.is_null()).then_some(Place::START),
        }
    }

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

    /// The value at `pointer` as the text has it, where it is one without quotes.
    pub(crate) fn written(&self, text: &str, pointer: &str) -> Option<String> {
        match &self.walk(pointer).filter(|_| self.has(pointer))?.1.kind {
            Kind::Scalar(scalar) => scalar.written(text),
            Kind::List(_) | Kind::Map(_) => None,
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

#[cfg(test)]
mod tests {
    use crate::pipeline::yaml::build::parse;
    use crate::pipeline::yaml::flaw::Place;
    use serde_json::{Value, json};

    #[test]
    fn a_value_that_the_tree_does_not_know_is_found_with_its_place() {
        let tree = parse("a: 1\nb: [x, {c: 2}]\n").expect("readable").tree;
        let place = |value: Value| {
            tree.parts_from(&value)
                .map(|Place { line, column }| (line, column))
        };
        assert_eq!(place(json!({"a": "1", "b": [null, {"c": true}]})), None);
        for (other, expected) in [
            (json!({"a": [1], "b": ["x", {"c": 2}]}), (1, 4)),
            (json!({"a": 1, "b": ["x"]}), (2, 4)),
            (json!({"a": 1, "b": ["x", {"d": 2}]}), (2, 9)),
            (json!({"a": 1, "b": ["x", {"c": {}}]}), (2, 12)),
            (json!({"a": 1}), (1, 1)),
            (json!("text"), (1, 1)),
        ] {
            assert_eq!(place(other.clone()), Some(expected), "{other}");
        }
        let empty = parse("# nothing\n").expect("readable").tree;
        assert!(empty.parts_from(&Value::Null).is_none());
        assert!(empty.parts_from(&json!({})).is_some());
    }
}
