//! Destinations by name (ISO 32000-2, 12.3.2.4), which only their own document knows.

use lopdf::{Dictionary, Object};

use crate::document::objects::Objects;

/// The deepest tree of names that is descended.
const MAX_DEPTH: usize = 32;
/// Nodes of the tree that are looked at for one name; a tree by the book needs no more than its depth.
const MAX_NODES: usize = 1024;
/// Entries that are looked at one by one where they are not sorted.
const MAX_UNSORTED: usize = 4096;

/// Where a link, an item of an outline or an action leads that names its destination: the key, and the destination itself.
/// `None` where it names none, or one that is not there.
pub(crate) fn explicit(objects: &Objects, dict: &Dictionary) -> Option<(&'static [u8], Object)> {
    let goes_there = |key: &[u8]| {
        let is_action = matches!(dict.get(b"S").and_then(Object::as_name), Ok(b"GoTo"));
        key == b"Dest" || is_action
    };
    let (key, name) = [b"Dest".as_slice(), b"D"]
        .into_iter()
        .filter(|key| goes_there(key))
        .find_map(|key| Some((key, objects.lookup(dict, key)?)))?;
    let found = match name {
        Object::Name(name) => {
            let old = objects.lookup(catalog(objects)?, b"Dests")?;
            objects.lookup(old.as_dict().ok()?, name)
        }
        Object::String(name, _) => {
            let names = objects.lookup(catalog(objects)?, b"Names")?;
            let tree = objects.lookup(names.as_dict().ok()?, b"Dests")?;
            let mut left = MAX_NODES;
            find(objects, tree, name, MAX_DEPTH, &mut left)
        }
        _ => None,
    }?;
    let found = match found {
        Object::Dictionary(dict) => objects.lookup(dict, b"D")?,
        other => other,
    };
    matches!(found, Object::Array(_)).then(|| (key, found.clone()))
}

/// Whether `key` leads to an element of the structure tree: of a jump within the document (12.3.2.3) or an item of an outline
/// (table 151). The page that either leads to is told besides.
pub(crate) fn is_in_structure(objects: &Objects, dict: &Dictionary, key: &[u8]) -> bool {
    let name = |key: &[u8]| objects.lookup(dict, key)?.as_name().ok();
    match key {
        b"SD" => name(b"S") == Some(b"GoTo") || name(b"S").is_none() && dict.has(b"D"),
        b"SE" => dict.has(b"Title") && dict.has(b"Parent"),
        _ => false,
    }
}

fn catalog(objects: &Objects) -> Option<&Dictionary> {
    objects
        .lookup(&objects.pdf.trailer, b"Root")?
        .as_dict()
        .ok()
}

/// The value of `name` in a tree (7.9.6).
fn find<'a>(
    objects: &'a Objects,
    node: &'a Object,
    name: &[u8],
    depth: usize,
    left: &mut usize,
) -> Option<&'a Object> {
    *left = left.checked_sub(1)?;
    let node = node.as_dict().ok()?;
    if is_beside(objects, node, name) {
        return None;
    }
    if let Some(Object::Array(pairs)) = objects.lookup(node, b"Names")
        && let Some(value) = entry(objects, pairs, name)
    {
        return Some(value);
    }
    let Some(Object::Array(kids)) = objects.lookup(node, b"Kids") else {
        return None;
    };
    let depth = depth.checked_sub(1)?;
    kids.iter()
        .filter_map(|kid| Some(objects.resolve(kid)?.1))
        .find_map(|kid| find(objects, kid, name, depth, left))
}

/// The value of `name` in the entries of a node, which are sorted, or ought to be.
fn entry<'a>(objects: &'a Objects, entries: &'a [Object], name: &[u8]) -> Option<&'a Object> {
    let (pairs, _) = entries.as_chunks::<2>();
    let key = |[key, _]: &'a [Object; 2]| match objects.resolve(key)?.1 {
        Object::String(key, _) => Some(key.as_slice()),
        _ => None,
    };
    let sorted = pairs.binary_search_by(|pair| key(pair).cmp(&Some(name)));
    let at = sorted.ok().or_else(|| {
        let some = pairs.get(..MAX_UNSORTED).unwrap_or(pairs);
        some.iter().position(|pair| key(pair) == Some(name))
    })?;
    Some(objects.resolve(&pairs[at][1])?.1)
}

/// Whether the node says that the name is not below it.
fn is_beside(objects: &Objects, node: &Dictionary, name: &[u8]) -> bool {
    let Some(Object::Array(limits)) = objects.lookup(node, b"Limits") else {
        return false;
    };
    let limit = |at: usize| match objects.resolve(limits.get(at)?)?.1 {
        Object::String(limit, _) => Some(limit.as_slice()),
        _ => None,
    };
    limit(0).is_some_and(|least| name < least) || limit(1).is_some_and(|most| name > most)
}
