//! The page tree: a flat list of its pages, and edits of that list.
//!
//! Building the list also puts the tree in order, in the manner of qpdf: direct kids become indirect objects, a page
//! that stands in the tree twice gets a copy of its own, cycles and kids that are no dictionaries are dropped, and
//! `/Parent` and `/Count` are made to agree (ISO 32000-2, 7.7.3).
//!
//! The first insertion, removal or move flattens the tree: what pages inherit becomes their own, and they all hang
//! below the root. From then on the list is the truth and the root's `/Kids` follows when somebody looks
//! ([`Objects::sync_pages`]), so that 10,000 edits cost 10,000 edits of a list and one of the tree.

use lopdf::{Dictionary, Object, ObjectId};

use crate::document::ids::{IdMap, IdSet};
use crate::document::objects::Objects;
use crate::document::place::{Place, Root, Step};
use crate::fault::{Fault, Result};

/// The attributes that pages inherit (ISO 32000-2, table 31).
pub(crate) const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];
/// The deepest page tree that is followed.
const MAX_DEPTH: usize = 256;

/// The pages in order.
pub(crate) struct PageIndex {
    pub(crate) list: Vec<ObjectId>,
    root: ObjectId,
    /// What the list was built from: catalog, nodes, arrays of kids.
    inner: IdSet,
    leaves: IdSet,
    nodes: Vec<ObjectId>,
    flat: bool,
    /// The list says more than the root's `/Kids`.
    stale: bool,
}

impl PageIndex {
    /// Whether a change at `place` (of `key`, or of the whole) may change the list.
    pub(crate) fn depends_on(&self, place: &Place, key: Option<&[u8]>) -> bool {
        const STRUCTURE: [&[u8]; 4] = [b"Kids", b"Type", b"Pages", b"Root"];
        let structural = match (place.steps.first(), key) {
            (None, Some(key)) => STRUCTURE.contains(&key),
            (Some(Step::Key(first)), _) => STRUCTURE.contains(&&**first),
            (None, None) | (Some(Step::Item(_)), _) => true,
        };
        structural
            && match place.root {
                Root::Loose(_) => false,
                Root::Trailer => true,
                Root::Object(id) => self.is_page(id) || self.is_inner(id),
            }
    }

    /// Whether `id` is part of the tree above the pages.
    pub(crate) fn is_inner(&self, id: ObjectId) -> bool {
        self.inner.contains(&id)
    }

    /// Whether `id` is a page.
    pub(crate) fn is_page(&self, id: ObjectId) -> bool {
        self.leaves.contains(&id)
    }

    /// Whether whoever looks at the object `id` must see the tree as the list has it.
    pub(crate) fn hides(&self, id: ObjectId) -> bool {
        self.stale && id == self.root
    }
}

impl Objects {
    /// The pages, in order.
    pub(crate) fn pages(&mut self) -> Result<&[ObjectId]> {
        Ok(&self.page_index()?.list)
    }

    fn page_index(&mut self) -> Result<&mut PageIndex> {
        let index = match self.pages.take() {
            Some(index) => index,
            None => Builder::default().build(self)?,
        };
        Ok(self.pages.insert(index))
    }

    /// The page at `index`.
    pub(crate) fn page(&mut self, index: u32) -> Result<ObjectId> {
        let pages = self.pages()?;
        pages.get(index as usize).copied().ok_or_else(|| {
            Fault::new(
                dropleaf_plugin_abi::E_NOT_FOUND,
                format!(
                    "no page {index}: the document has {} (counted from 0)",
                    pages.len()
                ),
            )
        })
    }

    /// The value of an attribute of `page`, inherited where it may be; with the place of the dictionary it stands in.
    pub(crate) fn page_attribute(&self, page: ObjectId, key: &[u8]) -> Option<(ObjectId, &Object)> {
        let mut at = page;
        for _ in 0..MAX_DEPTH {
            let dict = self.dict(at)?;
            if dict.has(key) {
                let value = dict.get(key).ok()?;
                if self
                    .resolve(value)
                    .is_some_and(|(_, value)| !value.is_null())
                {
                    return Some((at, value));
                }
            }
            if !INHERITED.contains(&key) || !dict.has(b"Parent") {
                return None;
            }
            at = dict.get(b"Parent").ok()?.as_reference().ok()?;
        }
        None
    }

    /// Inserts pages before the one at `at`; their dictionaries are in the document already.
    pub(crate) fn insert_pages(&mut self, at: u32, pages: &[ObjectId]) -> Result<()> {
        self.flatten()?;
        let index = self.page_index()?;
        let count = index.list.len();
        if at as usize > count {
            return Err(Fault::argument(format!(
                "cannot insert at {at}: the document has {count} pages"
            )));
        }
        if let Some(page) = pages
            .iter()
            .find(|page| index.is_inner(**page) || index.is_page(**page))
        {
            return Err(Fault::argument(format!(
                "object {} is in the page tree of this document already: move it, or insert a copy",
                page.0
            )));
        }
        let root = index.root;
        index
            .list
            .splice(at as usize..at as usize, pages.iter().copied());
        index.leaves.extend(pages);
        index.stale = true;
        for page in pages {
            self.put(Place::object(*page), b"Parent", Object::Reference(root))?;
        }
        Ok(())
    }

    /// Removes `count` pages from `at` on, with their dictionaries; references to them are null from now on.
    pub(crate) fn remove_pages(&mut self, at: u32, count: u32) -> Result<()> {
        let total = self.pages()?.len();
        let (from, end) = (at as usize, at as usize + count as usize);
        if end > total {
            return Err(Fault::argument(format!(
                "cannot remove pages {from}..{end}: the document has {total}"
            )));
        }
        self.flatten()?;
        let index = self.page_index()?;
        let removed: Vec<ObjectId> = index.list.drain(from..end).collect();
        index.stale = true;
        for page in &removed {
            index.leaves.remove(page);
        }
        for page in removed {
            self.change_object(page, None);
        }
        Ok(())
    }

    /// Moves the page at `from` so that it is the one at `to` afterwards.
    pub(crate) fn move_page(&mut self, from: u32, to: u32) -> Result<()> {
        let total = self.pages()?.len();
        if from as usize >= total || to as usize >= total {
            return Err(Fault::argument(format!(
                "cannot move page {from} to {to}: the document has {total}"
            )));
        }
        self.flatten()?;
        let index = self.page_index()?;
        let page = index.list.remove(from as usize);
        index.list.insert(to as usize, page);
        index.stale = true;
        Ok(())
    }

    /// Writes the list into the tree where that is still to be done.
    pub(crate) fn sync_pages(&mut self) -> Result<()> {
        let Some(mut index) = self.pages.take_if(|index| index.stale) else {
            return Ok(());
        };
        let kids: Vec<Object> = index
            .list
            .iter()
            .map(|page| Object::Reference(*page))
            .collect();
        let count = kids.len() as i64;
        let root = Place::object(index.root);
        self.put(root.clone(), b"Kids", Object::Array(kids))?;
        self.put(root, b"Count", Object::Integer(count))?;
        index.stale = false;
        self.pages = Some(index);
        Ok(())
    }

    /// Hangs all pages below the root, with what they inherited as their own.
    fn flatten(&mut self) -> Result<()> {
        if self.page_index()?.flat {
            return Ok(());
        }
        self.share_inherited()?;
        let Some(mut index) = self.pages.take() else {
            return Err(Fault::handle());
        };
        let mut inherited = IdMap::default();
        for page in &index.list {
            for (key, value) in self.missing_attributes(*page, &mut inherited) {
                self.put(Place::object(*page), key, value)?;
            }
            self.put(
                Place::object(*page),
                b"Parent",
                Object::Reference(index.root),
            )?;
        }
        for node in index.nodes.drain(..) {
            if node == index.root {
                for key in INHERITED {
                    if self.dict(node).is_some_and(|dict| dict.has(key)) {
                        self.remove_key(Place::object(node), key)?;
                    }
                }
            } else {
                self.change_object(node, None);
                index.inner.remove(&node);
            }
        }
        index.nodes.push(index.root);
        index.flat = true;
        index.stale = true;
        self.pages = Some(index);
        Ok(())
    }

    /// Makes inherited direct dictionaries indirect, so that the pages share them instead of copies.
    fn share_inherited(&mut self) -> Result<()> {
        for node in self.page_index()?.nodes.clone() {
            let direct = self.dict(node).and_then(|dict| {
                dict.has(b"Resources")
                    .then(|| dict.get(b"Resources").ok().cloned())
                    .flatten()
            });
            if let Some(resources @ Object::Dictionary(_)) = direct {
                let id = self.add(resources)?;
                self.put(Place::object(node), b"Resources", Object::Reference(id))?;
            }
        }
        Ok(())
    }

    /// What `page` inherits and has not itself. `memo` keeps the answers of nodes.
    fn missing_attributes(
        &self,
        page: ObjectId,
        memo: &mut IdMap<[Option<Object>; 4]>,
    ) -> Vec<(&'static [u8], Object)> {
        let Some(dict) = self.dict(page) else {
            return Vec::new();
        };
        let Some(parent) = dict
            .get(b"Parent")
            .ok()
            .and_then(|parent| parent.as_reference().ok())
        else {
            return Vec::new();
        };
        let known = memo.entry(parent).or_insert_with(|| {
            INHERITED.map(|key| {
                self.page_attribute(parent, key)
                    .map(|(_, value)| value.clone())
            })
        });
        let absent = |key: &[u8]| self.lookup(dict, key).is_none_or(Object::is_null);
        INHERITED
            .into_iter()
            .zip(known)
            .filter_map(|(key, value)| Some((key, value.as_ref()?.clone())))
            .filter(|(key, _)| absent(key))
            .collect()
    }

    /// A count of the pages in the tree as it would be written. A tree that was edited is walked again; one that was
    /// not is as it was when the list was built from it, since every change of it drops the list.
    pub(crate) fn recount_pages(&mut self) -> Result<usize> {
        self.sync_pages()?;
        if let Some(index) = self.pages.as_ref().filter(|index| !index.flat) {
            return Ok(index.list.len());
        }
        let kept = self.pages.take();
        let walked = Builder::default().build(self)?;
        let count = walked.list.len();
        self.pages = Some(match kept {
            Some(kept) if kept.list == walked.list => kept,
            _ => walked,
        });
        Ok(count)
    }
}

/// Builds a [`PageIndex`] and puts the tree in order on the way.
#[derive(Default)]
struct Builder {
    list: Vec<ObjectId>,
    inner: IdSet,
    leaves: IdSet,
    nodes: Vec<ObjectId>,
    below: IdMap<i64>,
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
        for node in &self.nodes {
            let count = self.below.get(node).copied().unwrap_or(0);
            let right = objects
                .dict(*node)
                .and_then(|dict| objects.lookup(dict, b"Count"))
                .is_some_and(|found| found.as_i64().ok() == Some(count));
            if !right {
                objects.put(Place::object(*node), b"Count", Object::Integer(count))?;
            }
        }
        Ok(PageIndex {
            list: self.list,
            root,
            inner: self.inner,
            leaves: self.leaves,
            flat: false,
            nodes: self.nodes,
            stale: false,
        })
    }

    /// The root of the tree, made where there is none.
    fn root(&mut self, objects: &mut Objects, catalog: ObjectId) -> Result<ObjectId> {
        let entry = objects.dict(catalog).and_then(|dict| {
            dict.has(b"Pages")
                .then(|| dict.get(b"Pages").ok().cloned())
                .flatten()
        });
        let found = match entry {
            Some(Object::Dictionary(direct)) => {
                let id = objects.add(Object::Dictionary(direct))?;
                objects.put(Place::object(catalog), b"Pages", Object::Reference(id))?;
                Some(id)
            }
            Some(reference) => objects
                .resolve(&reference)
                .and_then(|(id, value)| value.as_dict().ok().and(id)),
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
        let (place, kids) = self.kids_of(objects, node);
        let mut kept = Vec::with_capacity(kids.len());
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
        let entry = objects.dict(node).and_then(|dict| dict.get(b"Kids").ok());
        let Some((id, Object::Array(items))) = entry.and_then(|entry| objects.resolve(entry))
        else {
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
}

impl Kid {
    fn of(objects: &Objects, item: &Object) -> Self {
        match objects.resolve(item) {
            Some((Some(id), Object::Dictionary(dict))) => Self::Indirect(Child {
                id,
                is_node: dict_is_node(objects, dict),
                parent: match dict.has(b"Parent").then(|| dict.get(b"Parent")) {
                    Some(Ok(Object::Reference(parent))) => Some(*parent),
                    _ => None,
                },
            }),
            Some((None, Object::Dictionary(dict))) => {
                Self::Direct(Box::new(dict.clone()), dict_is_node(objects, dict))
            }
            _ => Self::Nothing,
        }
    }
}

/// Whether `id` is an inner node of the page tree.
fn is_node(objects: &Objects, id: ObjectId) -> bool {
    objects
        .dict(id)
        .is_some_and(|dict| dict_is_node(objects, dict))
}

/// A node is what has kids, or says that it is one.
fn dict_is_node(objects: &Objects, dict: &Dictionary) -> bool {
    let kids = dict.has(b"Kids")
        && objects
            .lookup(dict, b"Kids")
            .is_some_and(|kids| kids.as_array().is_ok());
    kids || dict.has_type(b"Pages")
}

/// The catalog, found among the objects or made where the trailer does not lead to one.
fn catalog(objects: &mut Objects) -> Result<ObjectId> {
    let entry = objects.pdf.trailer.get(b"Root").ok().cloned();
    let id = match entry {
        Some(Object::Dictionary(direct)) => objects.add(Object::Dictionary(direct))?,
        entry => {
            let named = entry
                .as_ref()
                .and_then(|entry| objects.resolve(entry))
                .and_then(|(id, value)| value.as_dict().ok().and(id));
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
    let of_type = |name: &[u8]| {
        objects
            .pdf
            .objects
            .iter()
            .rev()
            .find(|(_, object)| object.as_dict().is_ok_and(|dict| dict.has_type(name)))
            .map(|(id, _)| *id)
    };
    if let Some(id) = of_type(b"Catalog") {
        return Ok(id);
    }
    let root = objects
        .pdf
        .objects
        .iter()
        .find(|(_, object)| {
            object
                .as_dict()
                .is_ok_and(|dict| dict.has_type(b"Pages") && !dict.has(b"Parent"))
        })
        .map(|(id, _)| *id);
    let mut catalog = Dictionary::new();
    catalog.set("Type", Object::Name(b"Catalog".to_vec()));
    if let Some(root) = root {
        catalog.set("Pages", Object::Reference(root));
    }
    objects.add(Object::Dictionary(catalog))
}
