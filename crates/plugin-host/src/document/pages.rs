//! The pages as a list, and edits of that list.
//!
//! The list is read from the page tree, which is put in order on the way ([`page_tree`]). The first insertion, removal
//! or move flattens the tree: what pages inherit becomes their own, and they all hang below the root. From then on the
//! list is the truth and the root's `/Kids` follows when somebody looks ([`Objects::sync_pages`]), so that 10,000 edits
//! cost 10,000 edits of a list and one of the tree.

use lopdf::{Object, ObjectId};

use crate::document::ids::IdMap;
use crate::document::objects::Objects;
use crate::document::page_index::{INHERITED, MAX_DEPTH, PageIndex};
use crate::document::page_tree;
use crate::document::place::{Place, entry};
use crate::document::unread;
use crate::fault::{Fault, Result};

/// Where an attribute of a page is.
pub(crate) enum Attribute {
    /// In this node of the page tree, or above it.
    Above(ObjectId),
    /// In the page, which holds this scalar.
    Own(Object),
}

impl Objects {
    /// The pages, in order.
    pub(crate) fn pages(&mut self) -> Result<&[ObjectId]> {
        Ok(&self.page_index()?.list)
    }

    fn page_index(&mut self) -> Result<&mut PageIndex> {
        if self.pages.is_none() {
            self.pages = Some(page_tree::read(self)?);
        }
        let index = self.pages.as_mut();
        index.ok_or_else(|| Fault::new(dropleaf_plugin_abi::E_FAIL, "the pages are gone"))
    }

    /// How many kids the page tree named and counted, and did not have, when it was read. The page list must be built.
    pub(crate) fn absent_kids(&self) -> usize {
        self.pages.as_ref().map_or(0, |index| index.absent)
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

    /// What an attribute of `page` that may be inherited comes down to, if that can be told without building the page:
    /// where the search for it goes on, or the value of the page itself.
    pub(crate) fn unread_attribute(&self, page: ObjectId, key: &[u8]) -> Option<Attribute> {
        let dict = self.heap.unread(page)?;
        let text = dict.get(key);
        match text.map(unread::scalar) {
            Some(Some(Object::Null)) | None if INHERITED.contains(&key) => {
                unread::reference(dict.get(b"Parent")?).map(Attribute::Above)
            }
            None => None,
            Some(value) => value
                .filter(|value| value.as_reference().is_err() && !value.is_null())
                .map(Attribute::Own),
        }
    }

    /// The value of an attribute of `page`, inherited where it may be; with the place of the dictionary it stands in.
    pub(crate) fn page_attribute(&self, page: ObjectId, key: &[u8]) -> Option<(ObjectId, &Object)> {
        let mut at = page;
        for _ in 0..MAX_DEPTH {
            // Most pages have nothing of their own here, and need not be built to see that.
            if let Some(Attribute::Above(parent)) = self.unread_attribute(at, key) {
                at = parent;
                continue;
            }
            let dict = self.dict(at)?;
            if let Some(value) = entry(dict, key)
                && self
                    .resolve(value)
                    .is_some_and(|(_, value)| !value.is_null())
            {
                return Some((at, value));
            }
            if !INHERITED.contains(&key) {
                return None;
            }
            at = entry(dict, b"Parent")?.as_reference().ok()?;
        }
        None
    }

    /// Whether pages can be inserted before the one at `at`. Asked before anything is changed for it: what is refused leaves no trace,
    /// and the nodes of the tree are gone once it is flat.
    pub(crate) fn may_insert(&mut self, at: u32, pages: &[ObjectId]) -> Result<()> {
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
        Ok(())
    }

    /// Inserts pages before the one at `at`; their dictionaries are in the document already.
    pub(crate) fn insert_pages(&mut self, at: u32, pages: &[ObjectId]) -> Result<()> {
        self.may_insert(at, pages)?;
        self.flatten()?;
        let index = self.page_index()?;
        let (at, root) = (at as usize, index.root);
        index.list.splice(at..at, pages.iter().copied());
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
            let direct = self
                .dict(node)
                .and_then(|dict| entry(dict, b"Resources").cloned());
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
        let walked = page_tree::read(self)?;
        let count = walked.list.len();
        self.pages = Some(match kept {
            Some(kept) if kept.list == walked.list => kept,
            _ => walked,
        });
        Ok(count)
    }
}
