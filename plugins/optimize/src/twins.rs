//! Equal objects stored once: streams, and the dictionaries of fonts that lead to equal streams.
//!
//! Equal means: the same dictionary, references to equal objects counting as the same, and the same bytes. Where it matters
//! that two equal objects are two (pages, annotations and their appearances, structure), they stay two.

use std::collections::HashMap;

use dropleaf_plugin_sdk::prelude::*;

use crate::graph::{Graph, redirect};

/// Merging makes other objects equal: an image after its mask, a font after its program. Chains are short.
const ROUNDS: usize = 8;

/// An object that may be merged with its equals.
struct Candidate {
    reference: Ref,
    tree: Tree,
    /// Hash of the bytes of a stream.
    bytes: Option<blake3::Hash>,
}

/// Stores equal objects once; answers how many streams are gone.
pub(crate) fn merge(document: &Document<'_>, graph: &mut Graph, run: &Run<'_>) -> Result<u64> {
    let mut candidates = candidates(document, graph, run)?;
    let mut merged = 0;
    for _ in 0..ROUNDS {
        let mut first: HashMap<[u8; 32], Ref> = HashMap::with_capacity(candidates.len());
        let mut map: HashMap<Ref, Ref> = HashMap::new();
        for candidate in &candidates {
            let kept = *first
                .entry(candidate.digest())
                .or_insert(candidate.reference);
            if kept != candidate.reference {
                map.insert(candidate.reference, kept);
                merged += u64::from(candidate.bytes.is_some());
            }
        }
        if map.is_empty() {
            break;
        }
        candidates.retain(|candidate| !map.contains_key(&candidate.reference));
        for candidate in &mut candidates {
            rename(&mut candidate.tree, &map);
        }
        redirect(document, graph, &map)?;
        if run.cancelled() {
            return Err(Error::cancelled());
        }
    }
    Ok(merged)
}

/// Streams whose length another one has too, and fonts; in the order of their numbers.
fn candidates(document: &Document<'_>, graph: &Graph, run: &Run<'_>) -> Result<Vec<Candidate>> {
    let mut lengths: HashMap<usize, usize> = HashMap::new();
    let mut streams = Vec::new();
    for reference in &graph.streams {
        if graph.pinned.contains(reference) {
            continue;
        }
        if let Value::Stream(stream) = document.object(*reference)? {
            let length = stream.len()?;
            *lengths.entry(length).or_default() += 1;
            streams.push((*reference, length));
            stream.release()?;
        }
    }
    let mut candidates = Vec::new();
    for (reference, length) in streams {
        if lengths.get(&length).is_none_or(|count| *count < 2) {
            continue;
        }
        if run.cancelled() {
            return Err(Error::cancelled());
        }
        let Value::Stream(stream) = document.object(reference)? else {
            continue;
        };
        let tree = stream.tree()?;
        if is_mergeable_stream(&tree) {
            let bytes = Some(blake3::hash(&stream.raw()?));
            candidates.push(Candidate {
                reference,
                tree,
                bytes,
            });
        }
        stream.release()?;
    }
    for reference in graph.references.keys() {
        if graph.pinned.contains(reference) || graph.streams.binary_search(reference).is_ok() {
            continue;
        }
        if let Value::Dict(dict) = document.object(*reference)? {
            let tree = dict.tree()?;
            if is_font(&tree) {
                candidates.push(Candidate {
                    reference: *reference,
                    tree,
                    bytes: None,
                });
            }
            dict.release()?;
        }
    }
    candidates.sort_unstable_by_key(|candidate| candidate.reference);
    Ok(candidates)
}

/// Structure points back at its objects by number (ISO 32000-2, 14.7.5.4), metadata belongs to its object, and layout streams
/// are the file's own.
fn is_mergeable_stream(tree: &Tree) -> bool {
    let kept_apart = [&b"XRef"[..], b"ObjStm", b"Metadata", b"EmbeddedFile"];
    let typed =
        matches!(tree.get("Type"), Some(Tree::Name(name)) if kept_apart.contains(&name.as_slice()));
    !typed
        && ["StructParent", "StructParents", "PieceInfo", "F"]
            .iter()
            .all(|key| tree.get(key).is_none())
}

fn is_font(tree: &Tree) -> bool {
    matches!(tree.get("Type"), Some(Tree::Name(name)) if name == b"Font" || name == b"FontDescriptor")
}

impl Candidate {
    fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        absorb(&mut hasher, &self.tree);
        if let Some(bytes) = &self.bytes {
            hasher.update(bytes.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

/// Hashes a value; entries of a dictionary in the order of their keys, each part with its length, so that no two values are
/// written alike.
fn absorb(hasher: &mut blake3::Hasher, tree: &Tree) {
    let mut part = |tag: u8, bytes: &[u8]| {
        hasher.update(&[tag]);
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    match tree {
        Tree::Null => part(0, &[]),
        Tree::Bool(value) => part(1, &[u8::from(*value)]),
        Tree::Int(value) => part(2, &value.to_le_bytes()),
        Tree::Real(value) => part(3, &value.to_bits().to_le_bytes()),
        Tree::Name(name) => part(4, name),
        Tree::String(bytes) => part(5, bytes),
        Tree::Ref(reference) => {
            let number = u64::from(reference.number) << 32 | u64::from(reference.generation);
            part(6, &number.to_le_bytes());
        }
        Tree::Array(items) => {
            part(7, &(items.len() as u64).to_le_bytes());
            for item in items {
                absorb(hasher, item);
            }
        }
        Tree::Dict(entries) | Tree::Stream(entries) => {
            let stream = matches!(tree, Tree::Stream(_));
            // The length may stand in an object of its own; the bytes are compared anyway.
            let mut entries: Vec<&(Vec<u8>, Tree)> = entries
                .iter()
                .filter(|(key, _)| !(stream && key == b"Length"))
                .collect();
            entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            part(8 + u8::from(stream), &(entries.len() as u64).to_le_bytes());
            for (key, value) in entries {
                hasher.update(&(key.len() as u64).to_le_bytes());
                hasher.update(key);
                absorb(hasher, value);
            }
        }
    }
}

fn rename(tree: &mut Tree, map: &HashMap<Ref, Ref>) {
    match tree {
        Tree::Ref(reference) => *reference = map.get(reference).copied().unwrap_or(*reference),
        Tree::Array(items) => items.iter_mut().for_each(|item| rename(item, map)),
        Tree::Dict(entries) | Tree::Stream(entries) => {
            entries.iter_mut().for_each(|(_, value)| rename(value, map));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(tree: Tree, bytes: &[u8]) -> [u8; 32] {
        Candidate {
            reference: Ref::new(1, 0),
            tree,
            bytes: Some(blake3::hash(bytes)),
        }
        .digest()
    }

    fn dict(entries: &[(&str, Tree)]) -> Tree {
        Tree::Stream(
            entries
                .iter()
                .map(|(key, value)| (key.as_bytes().to_vec(), value.clone()))
                .collect(),
        )
    }

    #[test]
    fn the_order_of_entries_and_the_length_do_not_matter() {
        let a = dict(&[
            ("A", Tree::Int(1)),
            ("B", Tree::Name(b"x".to_vec())),
            ("Length", Tree::Int(3)),
        ]);
        let b = dict(&[
            ("Length", Tree::Ref(Ref::new(9, 0))),
            ("B", Tree::Name(b"x".to_vec())),
            ("A", Tree::Int(1)),
        ]);
        assert_eq!(digest(a.clone(), b"abc"), digest(b, b"abc"));
        assert_ne!(digest(a.clone(), b"abc"), digest(a, b"abd"));
    }

    #[test]
    fn different_values_differ() {
        let all = [
            dict(&[]),
            dict(&[("A", Tree::Int(1))]),
            dict(&[("A", Tree::Real(1.0))]),
            dict(&[("A", Tree::Name(b"1".to_vec()))]),
            dict(&[("A", Tree::String(b"1".to_vec()))]),
            dict(&[("A", Tree::Ref(Ref::new(1, 0)))]),
            dict(&[("A", Tree::Ref(Ref::new(0, 1)))]),
            dict(&[("A", Tree::Array(vec![Tree::Int(1)]))]),
            dict(&[("A", Tree::Array(vec![])), ("B", Tree::Int(1))]),
            dict(&[("A", dict(&[("B", Tree::Int(1))]))]),
        ];
        for (index, a) in all.iter().enumerate() {
            for b in &all[..index] {
                assert_ne!(
                    digest(a.clone(), b""),
                    digest(b.clone(), b""),
                    "{a:?} {b:?}"
                );
            }
        }
    }

    #[test]
    fn what_has_an_identity_is_not_merged() {
        assert!(is_mergeable_stream(&dict(&[(
            "Subtype",
            Tree::Name(b"Image".to_vec())
        )])));
        assert!(!is_mergeable_stream(&dict(&[(
            "Type",
            Tree::Name(b"Metadata".to_vec())
        )])));
        assert!(!is_mergeable_stream(&dict(&[(
            "StructParents",
            Tree::Int(1)
        )])));
    }
}
