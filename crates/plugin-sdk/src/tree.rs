//! A value copied out of a document whole, for code that reads much of it.

use dropleaf_plugin_abi as abi;

use crate::error::{Error, Result};
use crate::reference::Ref;
use crate::session::copied;

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

    /// # Safety
    /// The host wrote `count` nodes at `nodes` in the call just made.
    pub(crate) unsafe fn from_abi(nodes: *const abi::Node, count: usize) -> Result<Self> {
        if count == 0 {
            return Ok(Self::Null);
        }
        // SAFETY: the caller's promise.
        let mut rest = unsafe { std::slice::from_raw_parts(nodes, count) }.iter();
        // SAFETY: as above; the host's nesting is limited, so that recursion is.
        let tree = unsafe { take(&mut rest) }?;
        Ok(tree.1)
    }
}

type Keyed = (Vec<u8>, Tree);

/// # Safety
/// The nodes are the host's, from the call just made.
unsafe fn take(rest: &mut std::slice::Iter<'_, abi::Node>) -> Result<Keyed> {
    let node = rest
        .next()
        .ok_or_else(|| Error::failed("the host's view of an object ends in its middle"))?;
    // SAFETY: the caller's promise; `type_` says which member the host wrote.
    unsafe {
        let children = |rest: &mut _| {
            (0..node.count)
                .map(|_| take(rest))
                .collect::<Result<Vec<Keyed>>>()
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
