//! Reading the page tree (ISO 32000-2, 7.7.3) and putting it in order.
//!
//! In the manner of qpdf: direct kids become indirect objects, a page that stands in the tree twice gets a copy of its
//! own, cycles and kids that are no dictionaries are dropped, and `/Parent` and `/Count` are made to agree. A catalog or
//! a root that the trailer does not lead to is looked for, and made where there is none.

use lopdf::{Dictionary, Object, ObjectId};

use crate::document::heap::Shape;
use crate::document::ids::{IdMap, IdSet};
use crate::document::objects::Objects;
use crate::document::page_index::{MAX_DEPTH, PageIndex};
use crate::document::place::{Place, Root, entry, is_of_type};
use crate::document::unread;
use crate::fault::Result;

/// Reads the tree into a list.
pub(crate) fn read(objects: &mut Objects) -> Result<PageIndex> {
    objects.reading(|objects| Builder::default().build(objects))
}

/// Builds a [`PageIndex`] and puts the tree in order on the way.
#[derive(Default)]
struct Builder {
    list: Vec<ObjectId>,
    inner: IdSet,
    leaves: IdSet,
    nodes: Vec<ObjectId>,
    below: IdMap<i64>,
    /// Kids that lead nowhere.
    absent: usize,
}

/// A node on the way down.
struct Level {
    node: ObjectId,
    kids: std::vec::IntoIter<Child>,
    first: usize,
}

impl Builder {
    fn build(mut self, objects: &mut Objects) -> Result<PageIndex> {
        let catalog = catalog(objects)?;
        self.inner.insert(catalog);
        let root = self.root(objects, catalog)?;
        self.walk(objects, root)?;
        // Who has deleted a page and left its reference has at least counted anew.
        let is_complete = count(objects, root) == Some(self.list.len() as i64);
        let absent = if is_complete { 0 } else { self.absent };
        for node in &self.nodes {
            let below = self.below.get(node).copied().unwrap_or(0);
            if count(objects, *node) != Some(below) {
                objects.put(Place::object(*node), b"Count", Object::Integer(below))?;
            }
        }
        Ok(PageIndex {
            list: self.list,
            root,
            inner: self.inner,
            leaves: self.leaves,
            flat: false,
            nodes: self.nodes,
            absent,
            stale: false,
        })
    }

    /// The root of the tree, made where there is none.
    fn root(&mut self, objects: &mut Objects, catalog: ObjectId) -> Result<ObjectId> {
        let entry = objects
            .dict(catalog)
            .and_then(|dict| entry(dict, b"Pages").cloned());
        if let Some(reference) = &entry {
            unstream_at(objects, reference);
        }
        let found = match entry {
            Some(Object::Dictionary(direct)) => {
                let id = objects.add(Object::Dictionary(direct))?;
                objects.put(Place::object(catalog), b"Pages", Object::Reference(id))?;
                Some(id)
            }
            Some(reference) => objects
                .resolve(&reference)
                .and_then(|(id, value)| match value {
                    Object::Dictionary(dict) if !describes_file(dict) => id,
                    _ => None,
                }),
            None => None,
        };
        match found {
            Some(id) if is_node(objects, id) => Ok(id),
            page => {
                let kids = page.map(Object::Reference).into_iter().collect();
                let mut root = Dictionary::new();
                root.set("Type", Object::Name(b"Pages".to_vec()));
                root.set("Kids", Object::Array(kids));
                root.set("Count", Object::Integer(0));
                let id = objects.add(Object::Dictionary(root))?;
                objects.put(Place::object(catalog), b"Pages", Object::Reference(id))?;
                Ok(id)
            }
        }
    }

    fn walk(&mut self, objects: &mut Objects, root: ObjectId) -> Result<()> {
        let mut levels = vec![self.enter(objects, root)?];
        while let Some(level) = levels.last_mut() {
            let Some(kid) = level.kids.next() else {
                if let Some(done) = levels.pop() {
                    self.below
                        .insert(done.node, (self.list.len() - done.first) as i64);
                }
                continue;
            };
            if kid.parent != Some(level.node) {
                objects.put(
                    Place::object(kid.id),
                    b"Parent",
                    Object::Reference(level.node),
                )?;
            }
            if !kid.is_node {
                self.list.push(kid.id);
            } else if levels.len() < MAX_DEPTH {
                levels.push(self.enter(objects, kid.id)?);
            }
        }
        Ok(())
    }

    /// Notes a node and gives its kids, each an indirect dictionary that no other place of the tree has.
    fn enter(&mut self, objects: &mut Objects, node: ObjectId) -> Result<Level> {
        self.inner.insert(node);
        self.nodes.push(node);
        unstream_kids(objects, node);
        let (place, kids) = self.kids_of(objects, node);
        let mut kept = Vec::with_capacity(kids.len());
        self.list.reserve(kids.len());
        self.leaves.reserve(kids.len());
        let mut dropped = Vec::new();
        for (index, kid) in kids.into_iter().enumerate() {
            match self.kid(objects, &place, index, kid)? {
                Some(child) => kept.push(child),
                None => dropped.push(index),
            }
        }
        for index in dropped.into_iter().rev() {
            objects.remove_item(place.clone(), index)?;
        }
        Ok(Level {
            node,
            kids: kept.into_iter(),
            first: self.list.len(),
        })
    }

    /// The array of kids: where it stands and what it holds.
    fn kids_of(&mut self, objects: &Objects, node: ObjectId) -> (Place, Vec<Kid>) {
        let kids = objects.dict(node).and_then(|dict| entry(dict, b"Kids"));
        let Some((id, Object::Array(items))) = kids.and_then(|kids| objects.resolve(kids)) else {
            self.absent += usize::from(kids.is_some_and(|kids| leads_nowhere(objects, kids)));
            return (Place::object(node), Vec::new());
        };
        let place = id.map_or_else(|| Place::object(node).key(b"Kids"), Place::object);
        if let Some(id) = id {
            self.inner.insert(id);
        }
        let kids = items.iter().map(|item| Kid::of(objects, item)).collect();
        (place, kids)
    }

    /// One kid as an object of its own, or `None` where it is none.
    fn kid(
        &mut self,
        objects: &mut Objects,
        place: &Place,
        index: usize,
        kid: Kid,
    ) -> Result<Option<Child>> {
        let (value, is_node) = match kid {
            // Met before: a node is a cycle, a page wants a copy.
            Kid::Indirect(child) if child.is_node => {
                return Ok(self.inner.insert(child.id).then_some(child));
            }
            Kid::Indirect(child) if self.leaves.insert(child.id) => return Ok(Some(child)),
            Kid::Indirect(child) => match objects.dict(child.id) {
                Some(dict) => (Object::Dictionary(dict.clone()), false),
                None => return Ok(None),
            },
            Kid::Direct(dict, is_node) => (Object::Dictionary(*dict), is_node),
            Kid::Nothing => return Ok(None),
            Kid::Absent => {
                self.absent += 1;
                return Ok(None);
            }
        };
        let id = objects.add(value)?;
        objects.put_item(place.clone(), index, Object::Reference(id))?;
        if is_node {
            self.inner.insert(id);
        } else {
            self.leaves.insert(id);
        }
        Ok(Some(Child {
            id,
            is_node,
            parent: None,
        }))
    }
}

/// A kid that is an object of its own, with what one look at it tells.
#[derive(Clone, Copy)]
struct Child {
    id: ObjectId,
    is_node: bool,
    parent: Option<ObjectId>,
}

enum Kid {
    Indirect(Child),
    Direct(Box<Dictionary>, bool),
    Nothing,
    /// Named, and not there.
    Absent,
}

impl Kid {
    fn of(objects: &Objects, item: &Object) -> Self {
        if let Object::Reference(id) = item
            && let Some(leaf) = unread_leaf(objects, *id)
        {
            return Self::Indirect(leaf);
        }
        match objects.resolve(item) {
            Some((_, Object::Dictionary(dict))) if describes_file(dict) => Self::Nothing,
            Some((Some(id), Object::Dictionary(dict))) => Self::Indirect(Child {
                id,
                is_node: dict_is_node(objects, dict),
                parent: match entry(dict, b"Parent") {
                    Some(Object::Reference(parent)) => Some(*parent),
                    _ => None,
                },
            }),
            Some((None, Object::Dictionary(dict))) => {
                Self::Direct(Box::new(dict.clone()), dict_is_node(objects, dict))
            }
            _ if leads_nowhere(objects, item) => Self::Absent,
            _ => Self::Nothing,
        }
    }
}

/// Whether `object` is a reference to an object that is not there.
fn leads_nowhere(objects: &Objects, object: &Object) -> bool {
    let id = object.as_reference();
    id.is_ok_and(|id| !objects.heap.contains(id))
}

/// How many pages a node says that there are below it.
fn count(objects: &Objects, node: ObjectId) -> Option<i64> {
    let count = objects.lookup(objects.dict(node)?, b"Count")?;
    count.as_i64().ok()
}

/// A page that says that it is one, looked at where it rests.
fn unread_leaf(objects: &Objects, id: ObjectId) -> Option<Child> {
    if objects.heap.shape(id) != Some(Shape::Dictionary) {
        return None;
    }
    let dict = objects.heap.unread(id)?;
    let (mut is_page, mut parent) = (false, None);
    for entry in dict.entries() {
        let value = dict.text().get(entry.value)?;
        match entry.key {
            b"Type" => is_page = value == b"/Page",
            b"Parent" => parent = unread::reference(value),
            b"Kids" | b"Linearized" => return None,
            _ => {}
        }
    }
    is_page.then_some(Child {
        id,
        is_node: false,
        parent,
    })
}

/// Whether `id` is an inner node of the page tree.
fn is_node(objects: &Objects, id: ObjectId) -> bool {
    objects
        .dict(id)
        .is_some_and(|dict| dict_is_node(objects, dict))
}

/// A linearization dictionary (Annex F) is not written again: nothing of the document can stand in it.
fn describes_file(dict: &Dictionary) -> bool {
    entry(dict, b"Linearized").is_some()
}

/// A node is what has kids, or says that it is one.
fn dict_is_node(objects: &Objects, dict: &Dictionary) -> bool {
    let kids = objects
        .lookup(dict, b"Kids")
        .is_some_and(|kids| kids.as_array().is_ok());
    kids || is_of_type(dict, b"Pages")
}

/// The catalog, found among the objects or made where the trailer does not lead to one.
fn catalog(objects: &mut Objects) -> Result<ObjectId> {
    let entry = objects.pdf.trailer.get(b"Root").ok().cloned();
    if let Some(reference) = &entry {
        unstream_at(objects, reference);
    }
    let id = match entry {
        Some(Object::Dictionary(direct)) => objects.add(Object::Dictionary(direct))?,
        entry => {
            let named = entry
                .as_ref()
                .and_then(|entry| objects.resolve(entry))
                .and_then(|(id, value)| match value {
                    Object::Dictionary(dict) if !describes_file(dict) => id,
                    _ => None,
                });
            match named {
                Some(id) if matches!(entry, Some(Object::Reference(direct)) if direct == id) => {
                    return Ok(id);
                }
                Some(id) => id,
                None => lost_catalog(objects)?,
            }
        }
    };
    objects.put(Place::of(Root::Trailer), b"Root", Object::Reference(id))?;
    Ok(id)
}

fn lost_catalog(objects: &mut Objects) -> Result<ObjectId> {
    let ids = objects.heap.ids();
    let of_type = |name: &[u8]| {
        let is_it = |id: &ObjectId| objects.dict(*id).is_some_and(|dict| is_of_type(dict, name));
        ids.iter().rev().copied().find(is_it)
    };
    if let Some(id) = of_type(b"Catalog") {
        unstream(objects, id);
        return Ok(id);
    }
    let is_root = |id: &ObjectId| {
        let dict = objects.dict(*id);
        dict.is_some_and(|dict| is_of_type(dict, b"Pages") && !dict.has(b"Parent"))
    };
    let root = ids.iter().copied().find(is_root);
    let mut catalog = Dictionary::new();
    catalog.set("Type", Object::Name(b"Catalog".to_vec()));
    if let Some(root) = root {
        unstream(objects, root);
        catalog.set("Pages", Object::Reference(root));
    }
    objects.add(Object::Dictionary(catalog))
}

/// Makes `id` a dictionary where it is a stream with entries of the page tree, as a stray `stream` behind it does: nobody reads
/// these from a stream.
pub(crate) fn unstream(objects: &mut Objects, id: ObjectId) {
    const OF_STREAMS: [&[u8]; 7] = [
        b"Length",
        b"Filter",
        b"DecodeParms",
        b"F",
        b"FFilter",
        b"FDecodeParms",
        b"DL",
    ];
    const OF_TREE: [&[u8]; 4] = [b"Pages", b"Kids", b"Parent", b"Contents"];
    if let Some(Object::Stream(stream)) = objects.heap.get(id)
        && OF_TREE.iter().any(|key| stream.dict.has(key))
    {
        let mut dict = stream.dict.clone();
        for key in OF_STREAMS {
            dict.remove(key);
        }
        objects.change_object(id, Some(Object::Dictionary(dict)));
    }
}

/// The same for what `reference` leads to.
fn unstream_at(objects: &mut Objects, reference: &Object) {
    if let Some((Some(id), Object::Stream(_))) = objects.resolve(reference) {
        unstream(objects, id);
    }
}

/// The same for kids that say that they are pages or nodes.
fn unstream_kids(objects: &mut Objects, node: ObjectId) {
    let kids = objects
        .dict(node)
        .and_then(|dict| objects.lookup(dict, b"Kids"));
    let Some(Object::Array(kids)) = kids else {
        return;
    };
    let is_one = |id: &ObjectId| {
        objects.heap.is_stream(*id)
            && objects
                .dict(*id)
                .is_some_and(|dict| is_of_type(dict, b"Page") || is_of_type(dict, b"Pages"))
    };
    let streams: Vec<ObjectId> = kids
        .iter()
        .filter_map(|kid| kid.as_reference().ok())
        .filter(is_one)
        .collect();
    for id in streams {
        unstream(objects, id);
    }
}
