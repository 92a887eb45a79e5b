//! Destinations by name (ISO 32000-2, 12.3.2.4), which only their own document knows.

use std::collections::HashMap;

use lopdf::{Dictionary, Object};

use crate::document::ids::IdSet;
use crate::document::objects::Objects;
use crate::document::place::{Holder, Place, Root};

/// Nodes and entries of the tree of names that are looked at: more than any document has names.
const MAX_LOOKS: usize = 1_000_000;

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
        Object::String(name, _) => objects.named_destinations().value(objects, name),
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

/// Where the values of a tree of names (7.9.6) stand: read once, whatever number of links there is.
#[derive(Default)]
pub(crate) struct NamedDestinations {
    /// The lists of the nodes, in which names and values take turns.
    lists: Vec<Place>,
    /// For each name a list, and the place of the value in it.
    values: HashMap<Vec<u8>, (usize, usize)>,
}

impl NamedDestinations {
    /// Reads all of the tree, each node once and without recursion, so that limits of nodes and the order of entries, which
    /// may be wrong, do not matter.
    pub(crate) fn read(objects: &Objects) -> Self {
        let mut found = Self::default();
        let catalog = objects.below(&Place::of(Root::Trailer), b"Root");
        let names = catalog.and_then(|catalog| objects.below(&catalog, b"Names"));
        let root = names.and_then(|names| objects.below(&names, b"Dests"));
        let (mut seen, mut looks) = (IdSet::default(), 0);
        let mut waiting: Vec<Place> = root.into_iter().collect();
        while let Some(node) = waiting.pop() {
            if let Root::Object(id) = node.root
                && node.steps.is_empty()
                && !seen.insert(id)
            {
                continue;
            }
            looks += 1 + found.take(objects, &node);
            let kids = objects.below(&node, b"Kids");
            let items = kids.as_ref().and_then(|kids| objects.holder(kids)?.array());
            let (Some(kids), Some(items)) = (&kids, items) else {
                continue;
            };
            looks += items.len();
            if looks > MAX_LOOKS {
                break;
            }
            for (at, kid) in items.iter().enumerate().rev() {
                waiting.extend(match objects.resolve(kid) {
                    Some((Some(id), _)) => Some(Place::object(id)),
                    Some((None, Object::Dictionary(_))) => Some(kids.clone().item(at)),
                    _ => None,
                });
            }
        }
        found
    }

    /// Enters the names of a node; answers how many there are.
    fn take(&mut self, objects: &Objects, node: &Place) -> usize {
        let Some(list) = objects.below(node, b"Names") else {
            return 0;
        };
        let items = objects.holder(&list).and_then(Holder::array);
        let (pairs, _) = items.unwrap_or_default().as_chunks::<2>();
        for (at, [name, _]) in pairs.iter().enumerate() {
            if let Some((_, Object::String(name, _))) = objects.resolve(name) {
                let place = (self.lists.len(), 2 * at + 1);
                self.values.entry(name.clone()).or_insert(place);
            }
        }
        self.lists.push(list);
        pairs.len()
    }

    fn value<'a>(&self, objects: &'a Objects, name: &[u8]) -> Option<&'a Object> {
        let (list, at) = self.values.get(name)?;
        let list = objects.holder(self.lists.get(*list)?)?.array()?;
        Some(objects.resolve(list.get(*at)?)?.1)
    }
}
