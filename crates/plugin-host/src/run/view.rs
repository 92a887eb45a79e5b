//! The flat form of a value: its nodes in preorder.

use dropleaf_plugin_abi as abi;
use lopdf::{Object, ObjectId, StringFormat};

use crate::document::exact;
use crate::document::heap::{Heap, Shape};
use crate::document::place::Holder;
use crate::document::unread::{self, Unread};
use crate::run::value::{kind, reference};

/// The nesting of what is told from its text.
const UNREAD_DEPTH: u32 = 8;

/// Appends the nodes of the unread dictionary `id`, itself first, if they can be told from its text; otherwise what was
/// appended means nothing.
pub(crate) fn unread(
    heap: &Heap,
    id: ObjectId,
    max_depth: u32,
    nodes: &mut Vec<abi::Node>,
) -> Option<()> {
    let dict = heap.unread(id)?;
    let type_ = match heap.shape(id)? {
        Shape::Stream => abi::STREAM,
        Shape::Array | Shape::Dictionary => abi::DICT,
    };
    let depth = max_depth.checked_sub(1)?.min(UNREAD_DEPTH);
    push_entries(type_, b"", dict, depth, nodes)
}

fn push_entries(
    type_: u32,
    key: &[u8],
    dict: Unread<'_>,
    depth: u32,
    nodes: &mut Vec<abi::Node>,
) -> Option<()> {
    let at = nodes.len();
    nodes.push(open(type_, key));
    for entry in dict.entries() {
        let key = unread::plain(entry.key)?;
        push_text(key, dict.text().get(entry.value)?, depth, nodes)?;
        nodes[at].count += 1;
    }
    Some(())
}

fn push_text(key: &[u8], text: &[u8], depth: u32, nodes: &mut Vec<abi::Node>) -> Option<()> {
    if let Some(items) = unread::items(text) {
        let at = nodes.len();
        nodes.push(open(abi::ARRAY, key));
        for item in items {
            push_text(b"", item, depth.checked_sub(1)?, nodes)?;
            nodes[at].count += 1;
        }
    } else if let Some(dict) = Unread::of(text) {
        push_entries(abi::DICT, key, dict, depth.checked_sub(1)?, nodes)?;
    } else if let Some(name) = unread::name(text) {
        nodes.push(abi::Node {
            u: abi::NodeUnion {
                s: abi::Str::new(name),
            },
            ..open(abi::NAME, key)
        });
    } else if let Some(string) = unread::string(text) {
        nodes.push(abi::Node {
            u: abi::NodeUnion {
                s: abi::Str::new(string),
            },
            ..open(abi::STRING, key)
        });
    } else {
        push(key, &unread::scalar(text)?, nodes);
    }
    Some(())
}

/// A node without children yet.
fn open(type_: u32, key: &[u8]) -> abi::Node {
    abi::Node {
        type_,
        count: 0,
        key: abi::Str::new(key),
        u: abi::NodeUnion { i: 0 },
    }
}

/// Appends the nodes of `holder`, itself first. Its nesting has been measured.
pub(crate) fn flatten(holder: Holder<'_>, nodes: &mut Vec<abi::Node>) {
    let node = |type_, count: usize| abi::Node {
        count: count as u32,
        ..open(type_, b"")
    };
    match holder {
        Holder::Array(items) => {
            nodes.push(node(abi::ARRAY, items.len()));
            items.iter().for_each(|item| push(b"", item, nodes));
        }
        Holder::Dict(dict) => {
            nodes.push(node(abi::DICT, dict.len()));
            dict.iter().for_each(|(key, value)| push(key, value, nodes));
        }
        Holder::Stream(stream) => {
            nodes.push(node(abi::STREAM, stream.dict.len()));
            stream
                .dict
                .iter()
                .for_each(|(key, value)| push(key, value, nodes));
        }
    }
}

fn number(value: &Object) -> abi::NodeUnion {
    abi::NodeUnion {
        r: exact::value(value).unwrap_or_default(),
    }
}

fn push(key: &[u8], value: &Object, nodes: &mut Vec<abi::Node>) {
    let key = abi::Str::new(key);
    if let Some(holder) = Holder::of(value) {
        let at = nodes.len();
        flatten(holder, nodes);
        nodes[at].key = key;
        return;
    }
    let u = match value {
        Object::Boolean(value) => abi::NodeUnion {
            i: i64::from(*value),
        },
        Object::Integer(value) => abi::NodeUnion { i: *value },
        Object::Real(_) => number(value),
        Object::Name(name) if exact::wide(name).is_some() => number(value),
        Object::Name(text)
        | Object::String(text, StringFormat::Literal | StringFormat::Hexadecimal) => {
            abi::NodeUnion {
                s: abi::Str::new(text),
            }
        }
        Object::Reference(id) => abi::NodeUnion {
            reference: reference(*id),
        },
        _ => abi::NodeUnion { i: 0 },
    };
    nodes.push(abi::Node {
        type_: kind(value),
        count: 0,
        key,
        u,
    });
}
