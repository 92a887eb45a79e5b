//! A value copied out of a document whole, for code that reads much of it.

use dropleaf_plugin_abi as abi;

use crate::error::{Error, Result};
use crate::reference::Ref;
use crate::session::copied;
use crate::value::Value;

/// A sketch has what stands in the values that it is about, and what stands in that: the names of a page's fonts.
const SKETCHED: u32 = 2;

/// A copy of a value and of all that stands directly in it; references are not followed.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// `null`, or a type of a newer host.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A real number.
    Real(f64),
    /// A name, without its solidus.
    Name(Vec<u8>),
    /// A string's bytes.
    String(Vec<u8>),
    /// An array's elements.
    Array(Vec<Tree>),
    /// A dictionary's entries in the order of the file.
    Dict(Vec<(Vec<u8>, Tree)>),
    /// A stream's dictionary.
    Stream(Vec<(Vec<u8>, Tree)>),
    /// A reference.
    Ref(Ref),
}

impl Tree {
    /// The value under `key` of a dictionary.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Tree> {
        match self {
            Self::Dict(entries) | Self::Stream(entries) => entries
                .iter()
                .find(|(name, _)| name == key.as_bytes())
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// All references in it, in the order of the file.
    #[must_use]
    pub fn references(&self) -> Vec<Ref> {
        let (mut found, mut open) = (Vec::new(), vec![self]);
        while let Some(tree) = open.pop() {
            match tree {
                Self::Ref(reference) => found.push(*reference),
                Self::Array(items) => open.extend(items.iter().rev()),
                Self::Dict(entries) | Self::Stream(entries) => {
                    open.extend(entries.iter().rev().map(|(_, value)| value));
                }
                _ => {}
            }
        }
        found
    }

    /// The value in PDF syntax (ISO 32000-2, 7.3); of a stream, its dictionary.
    #[must_use]
    pub fn to_syntax(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
            // There are no others in a document.
            Self::Real(value) if value.is_finite() => {
                out.extend_from_slice(value.to_string().as_bytes());
            }
            Self::Real(_) => out.push(b'0'),
            Self::Name(name) => write_name(name, out),
            Self::String(bytes) => write_string(bytes, out),
            Self::Array(items) => {
                out.push(b'[');
                for item in items {
                    item.write(out);
                    out.push(b' ');
                }
                out.push(b']');
            }
            Self::Dict(entries) | Self::Stream(entries) => {
                out.extend_from_slice(b"<<");
                for (key, value) in entries {
                    write_name(key, out);
                    out.push(b' ');
                    value.write(out);
                }
                out.extend_from_slice(b">>");
            }
            Self::Ref(reference) => out.extend_from_slice(reference.to_string().as_bytes()),
        }
    }

    /// A value that is no container; `Null` for one that is.
    pub(crate) fn of_scalar(value: &Value<'_>) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Real(value) => Self::Real(*value),
            Value::Name(name) => Self::Name(name.clone()),
            Value::String(bytes) | Value::HexString(bytes) => Self::String(bytes.clone()),
            Value::Ref(reference) => Self::Ref(*reference),
            _ => Self::Null,
        }
    }

    /// # Safety
    /// The host wrote `count` nodes at `nodes` in the call just made.
    pub(crate) unsafe fn from_abi(nodes: *const abi::Node, count: usize) -> Result<Self> {
        if count == 0 {
            return Ok(Self::Null);
        }
        // SAFETY: the caller's promise.
        let mut rest = unsafe { std::slice::from_raw_parts(nodes, count) }.iter();
        // SAFETY: as above; the host's nesting is limited, so that recursion is.
        let tree = unsafe { take(&mut rest, u32::MAX) }?;
        Ok(tree.1)
    }

    /// Only the entries of `keys`, and of what stands in these only so much as [`SKETCHED`] says.
    ///
    /// # Safety
    /// The host wrote `count` nodes at `nodes` in the call just made.
    pub(crate) unsafe fn sketch_from_abi(
        nodes: *const abi::Node,
        count: usize,
        keys: &[&str],
    ) -> Result<Self> {
        if count == 0 {
            return Ok(Self::Null);
        }
        // SAFETY: the caller's promise.
        let mut rest = unsafe { std::slice::from_raw_parts(nodes, count) }.iter();
        let root = rest.next().ok_or_else(broken_off)?;
        let mut entries = Vec::with_capacity(keys.len());
        for _ in 0..root.count {
            let next = rest.as_slice().first().ok_or_else(broken_off)?;
            // SAFETY: the caller's promise.
            let key = unsafe { next.key.as_bytes() };
            if keys.iter().any(|wanted| wanted.as_bytes() == key) {
                // SAFETY: the caller's promise.
                entries.push(unsafe { take(&mut rest, SKETCHED) }?);
            } else {
                skip(&mut rest, 1)?;
            }
        }
        Ok(match root.type_ {
            abi::DICT => Self::Dict(entries),
            abi::STREAM => Self::Stream(entries),
            _ => Self::Null,
        })
    }
}

fn write_name(name: &[u8], out: &mut Vec<u8>) {
    out.push(b'/');
    for &byte in name {
        match byte {
            b'-' | b'_' | b'.' | b'+' | b':' => out.push(byte),
            byte if byte.is_ascii_alphanumeric() => out.push(byte),
            byte => out.extend_from_slice(format!("#{byte:02X}").as_bytes()),
        }
    }
}

fn write_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'(');
    for &byte in bytes {
        match byte {
            b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            // As it stands it would be read as a line feed.
            b'\r' => out.extend_from_slice(b"\\r"),
            byte => out.push(byte),
        }
    }
    out.push(b')');
}

fn broken_off() -> Error {
    Error::failed("the host's view of an object ends in its middle")
}

/// Passes over `count` values.
fn skip(rest: &mut std::slice::Iter<'_, abi::Node>, count: u32) -> Result<()> {
    let mut waiting = u64::from(count);
    while waiting > 0 {
        let node = rest.next().ok_or_else(broken_off)?;
        waiting += u64::from(node.count);
        waiting -= 1;
    }
    Ok(())
}

type Keyed = (Vec<u8>, Tree);

/// Takes one value; containers more than `depth` below it come empty, and at depth 0 itself does.
///
/// # Safety
/// The nodes are the host's, from the call just made.
unsafe fn take(rest: &mut std::slice::Iter<'_, abi::Node>, depth: u32) -> Result<Keyed> {
    let node = rest.next().ok_or_else(broken_off)?;
    // SAFETY: the caller's promise; `type_` says which member the host wrote.
    unsafe {
        let children = |rest: &mut _| match depth.checked_sub(1) {
            None => skip(rest, node.count).map(|()| Vec::new()),
            Some(below) => (0..node.count)
                .map(|_| take(rest, below))
                .collect::<Result<Vec<Keyed>>>(),
        };
        let tree = match node.type_ {
            abi::BOOL => Tree::Bool(node.u.i != 0),
            abi::INT => Tree::Int(node.u.i),
            abi::REAL => Tree::Real(node.u.r),
            abi::NAME => Tree::Name(copied(node.u.s)),
            abi::STRING => Tree::String(copied(node.u.s)),
            abi::REF => Tree::Ref(Ref::new(node.u.reference.num, node.u.reference.gen_)),
            abi::ARRAY => Tree::Array(
                children(rest)?
                    .into_iter()
                    .map(|(_, value)| value)
                    .collect(),
            ),
            abi::DICT => Tree::Dict(children(rest)?),
            abi::STREAM => Tree::Stream(children(rest)?),
            _ => {
                children(rest)?;
                Tree::Null
            }
        };
        Ok((copied(node.key), tree))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_in_pdf_syntax() {
        let check = |tree: Tree, expected: &[u8]| {
            let written = tree.to_syntax();
            assert_eq!(written, expected, "{}", written.escape_ascii());
        };
        let name = |name: &[u8]| Tree::Name(name.to_vec());
        check(Tree::Real(f64::MIN_POSITIVE * 0.0), b"0");
        check(Tree::Real(f64::NAN), b"0");
        check(Tree::Real(-0.000_001_25), b"-0.00000125");
        check(name(b"A B#/\x00"), b"/A#20B#23#2F#00");
        check(
            Tree::String(b"a(b\\\r\n\xFE".to_vec()),
            b"(a\\(b\\\\\\r\n\xFE)",
        );
        let items = vec![
            Tree::Ref(Ref::new(3, 0)),
            Tree::Null,
            Tree::Bool(true),
            Tree::Int(-7),
        ];
        let entries = vec![
            (b"K".to_vec(), Tree::Array(items)),
            (b"N".to_vec(), name(b"Fit")),
        ];
        check(Tree::Dict(entries), b"<</K [3 0 R null true -7 ]/N /Fit>>");
    }
}
