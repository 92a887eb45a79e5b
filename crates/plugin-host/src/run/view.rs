//! The flat form of a value: its nodes in preorder.

use dropleaf_plugin_abi as abi;
use lopdf::{Object, StringFormat};

use crate::document::place::Holder;
use crate::run::value::{kind, reference, widened};

/// Appends the nodes of `holder`, itself first. Its nesting has been measured.
pub(crate) fn flatten(holder: Holder<'_>, nodes: &mut Vec<abi::Node>) {
    let node = |type_, count: usize| abi::Node {
        type_,
        count: count as u32,
        key: abi::Str::EMPTY,
        u: abi::NodeUnion { i: 0 },
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
        Object::Real(value) => abi::NodeUnion { r: widened(*value) },
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
