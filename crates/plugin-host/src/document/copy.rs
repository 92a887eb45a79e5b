//! Copying objects from one document into another, each once.

use lopdf::{Dictionary, Object, ObjectId, Stream};

use crate::document::bound::Bound;
use crate::document::carry::{self, Renamed};
use crate::document::destinations;
use crate::document::ids::{IdMap, IdSet};
use crate::document::objects::Objects;
use crate::document::page_index::INHERITED;
use crate::document::place::Place;
use crate::document::tags;
use crate::fault::{Fault, Result};

/// Keys that tie an object to a structure of its document that does not come along.
pub(crate) const TIES: [&[u8]; 2] = [b"StructParent", b"StructParents"];
/// Page keys that lead to the whole document: its tree, its article threads, its parts.
pub(crate) const PAGE_TIES: [&[u8]; 3] = [b"Parent", b"B", b"DPart"];

/// What has come from one document into another so far.
#[derive(Default)]
pub(crate) struct Imported {
    /// Numbers here of objects there.
    map: IdMap<ObjectId>,
    /// Pages there that are here.
    pages: IdSet,
    /// What has come with them.
    bound: Bound,
    /// Form fields that have another name here.
    renamed: Renamed,
}

/// The annotations of a page that are there: their ids where they have one.
pub(crate) fn annotations(
    objects: &Objects,
    page: ObjectId,
) -> Vec<(Option<ObjectId>, Option<&Dictionary>)> {
    let list = objects
        .dict(page)
        .and_then(|dict| objects.lookup(dict, b"Annots"));
    let Some(Object::Array(items)) = list else {
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| objects.resolve(item))
        .filter(|(_, value)| value.as_dict().is_ok())
        .map(|(id, value)| (id, value.as_dict().ok()))
        .collect()
}

/// A copy from one document into another at work.
pub(crate) struct Copy<'a> {
    pub(crate) to: &'a mut Objects,
    pub(crate) from: &'a Objects,
    imported: &'a mut Imported,
    /// Objects there that have a number here and are still to be copied.
    waiting: Vec<(ObjectId, ObjectId)>,
    /// Objects here that were made of objects there.
    made: Vec<ObjectId>,
}

impl<'a> Copy<'a> {
    pub(crate) fn new(to: &'a mut Objects, from: &'a Objects, imported: &'a mut Imported) -> Self {
        Self {
            to,
            from,
            imported,
            waiting: Vec::new(),
            made: Vec::new(),
        }
    }

    /// Says that all pages come at once.
    pub(crate) fn whole(&mut self) {
        self.imported.bound.is_whole = true;
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.imported.bound.is_whole
    }

    /// What has been made since this was asked last.
    pub(crate) fn take_made(&mut self) -> Vec<ObjectId> {
        std::mem::take(&mut self.made)
    }

    /// Enters fields that got another name; gives all that did so far.
    pub(crate) fn renamed(&mut self, fields: Renamed) -> Renamed {
        for (old, new) in fields {
            self.imported.renamed.entry(old).or_insert(new);
        }
        self.imported.renamed.clone()
    }

    /// The object here that an object there has become.
    pub(crate) fn here(&self, there: ObjectId) -> Option<ObjectId> {
        self.imported.map.get(&there).copied()
    }

    /// The number a page gets here, and whether it has been here before.
    pub(crate) fn page_number(&mut self, page: ObjectId) -> Result<(ObjectId, bool)> {
        if !self.imported.pages.insert(page) {
            return Ok((self.to.reserve()?, true));
        }
        let coming = self.imported.bound.enter(self.from, page);
        for awaited in coming.awaited {
            let here = self.number(awaited)?;
            self.waiting.push((awaited, here));
        }
        for (field, kid) in coming.kids {
            if let Some(here) = self.here(field).filter(|id| self.to.dict(*id).is_some())
                && let Object::Reference(kid) = self.reference(kid)?
            {
                carry::append(self.to, &Place::object(here), b"Kids", kid)?;
            }
        }
        Ok((self.number(page)?, false))
    }

    fn number(&mut self, id: ObjectId) -> Result<ObjectId> {
        if let Some(known) = self.imported.map.get(&id) {
            return Ok(*known);
        }
        let fresh = self.to.reserve()?;
        self.imported.map.insert(id, fresh);
        Ok(fresh)
    }

    /// Copies a page to the number that it got.
    pub(crate) fn page(&mut self, page: ObjectId, id: ObjectId, again: bool) -> Result<()> {
        let source = self.from.dict(page).ok_or_else(Fault::handle)?;
        let mut dict = Dictionary::new();
        for (key, value) in source
            .iter()
            .filter(|(key, _)| !PAGE_TIES.contains(&key.as_slice()))
        {
            if key == b"Annots" {
                dict.set(
                    "Annots",
                    Object::Array(self.page_annotations(page, id, again)?),
                );
            } else if !TIES.contains(&key.as_slice()) {
                dict.set(key.clone(), self.translated(value)?);
            }
        }
        for key in INHERITED {
            if self.from.lookup(source, key).is_none_or(Object::is_null)
                && let Some((_, value)) = self.from.page_attribute(page, key)
            {
                dict.set(key, self.translated(value)?);
            }
        }
        self.to.change_object(id, Some(Object::Dictionary(dict)));
        self.made.push(id);
        Ok(())
    }

    /// The annotations that are there. Those of a page that comes again are copies of their own.
    fn page_annotations(
        &mut self,
        page: ObjectId,
        to: ObjectId,
        again: bool,
    ) -> Result<Vec<Object>> {
        let mut copies = Vec::new();
        for (id, dict) in annotations(self.from, page) {
            let Some(dict) = dict else { continue };
            match id {
                Some(id) if !again => copies.push(self.reference(id)?),
                _ => {
                    let mut copy = self.dictionary(dict)?;
                    copy.set("P", Object::Reference(to));
                    copies.push(match id {
                        Some(_) => {
                            let own = self.to.add(Object::Dictionary(copy))?;
                            self.made.push(own);
                            Object::Reference(own)
                        }
                        None => Object::Dictionary(copy),
                    });
                }
            }
        }
        Ok(copies)
    }

    /// Copies everything that waits, and what that leads to.
    pub(crate) fn finish(&mut self) -> Result<()> {
        while let Some((there, here)) = self.waiting.pop() {
            let Some(object) = self.from.heap.get(there) else {
                continue;
            };
            let copy = match self.imported.bound.with_kids(self.from, there) {
                Some(field) => Object::Dictionary(self.dictionary(&field)?),
                None => self.translated(object)?,
            };
            if self.from.plain.contains(&there) {
                self.to.plain.insert(here);
            }
            self.to.change_object(here, Some(copy));
            self.made.push(here);
        }
        Ok(())
    }

    /// A value with the references of the other document.
    pub(crate) fn translated(&mut self, object: &Object) -> Result<Object> {
        Ok(match object {
            Object::Reference(id) => self.reference(*id)?,
            Object::Array(items) => Object::Array(
                items
                    .iter()
                    .map(|item| self.translated(item))
                    .collect::<Result<_>>()?,
            ),
            Object::Dictionary(dict) => Object::Dictionary(self.dictionary(dict)?),
            Object::Stream(stream) => Object::Stream(Stream {
                dict: self.dictionary(&stream.dict)?,
                content: self.from.heap.content(stream).to_vec(),
                allows_compression: stream.allows_compression,
                start_position: None,
            }),
            scalar => scalar.clone(),
        })
    }

    fn dictionary(&mut self, dict: &Dictionary) -> Result<Dictionary> {
        let mut copy: Dictionary = dict
            .iter()
            .filter(|(key, _)| !TIES.contains(&key.as_slice()))
            .filter(|(key, _)| !destinations::is_in_structure(self.from, dict, key))
            .map(|(key, value)| Ok((key.clone(), self.translated(value)?)))
            .collect::<Result<_>>()?;
        // Names stay behind, and here one could mean another place.
        if let Some((key, destination)) = destinations::explicit(self.from, dict) {
            copy.set(key, self.translated(&destination)?);
        }
        Ok(copy)
    }

    pub(crate) fn reference(&mut self, id: ObjectId) -> Result<Object> {
        let tree = self.from.pages.as_ref();
        if tree.is_some_and(|tree| tree.is_inner(id)) || !self.from.heap.contains(id) {
            return Ok(Object::Null);
        }
        if tree.is_some_and(|tree| tree.is_page(id)) {
            return Ok(Object::Reference(self.number(id)?));
        }
        if let Some(known) = self.imported.map.get(&id) {
            return Ok(Object::Reference(*known));
        }
        // One element leads to all others, and so to what is said of other pages; so does the catalog.
        if tags::is_element(self.from, id) || carry::is_catalog(self.from, id) {
            return Ok(Object::Null);
        }
        let here = self.number(id)?;
        if !self.imported.bound.is_elsewhere(self.from, id) {
            self.waiting.push((id, here));
        }
        Ok(Object::Reference(here))
    }
}
