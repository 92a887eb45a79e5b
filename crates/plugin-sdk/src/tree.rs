//! A value copied out of a document whole, for code that reads much of it.

use dropleaf_plugin_abi as abi;

use crate::error::{Error, Result};
use crate::reference::Ref;
use crate::session::copied;
use crate::value::Value;

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

    /// Only the entries of `keys`, and of what stands in these only the scalars.
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
                entries.push(unsafe { take(&mut rest, 1) }?);
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
