//! The end of a document's outline, where others are appended.

use std::collections::{HashMap, HashSet};

use crate::assemble::destinations::{Lead, Place};
use crate::assemble::outline::Outline;
use crate::assemble::outline::share::Line;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::handle::Object;
use crate::reference::Ref;
use crate::tree::Tree;
use crate::value::Value;

/// The end of a document's outline. Nothing is changed before something is appended ([`Outline::append`]).
#[derive(Debug)]
pub struct OutlineEnd<'r> {
    document: Document<'r>,
    root: Option<Ref>,
    first: Option<Ref>,
    last: Option<Ref>,
    /// Items that are seen when the outline is shown.
    seen: i64,
}

impl<'r> OutlineEnd<'r> {
    /// Finds the end of the outline of `document`; of a damaged one, of what can be reached from its beginning.
    pub fn of(document: &Document<'r>) -> Result<Self> {
        let mut end = Self {
            document: *document,
            root: None,
            first: None,
            last: None,
            seen: 0,
        };
        let Some(Value::Dict(root)) = document.catalog()?.get("Outlines")? else {
            return Ok(end);
        };
        let dict = root.sketch(&["Type", "First", "Last"])?;
        if is_other(&dict) {
            return Ok(end);
        }
        end.root = root.id()?;
        end.walk(&dict);
        Ok(end)
    }

    /// Goes along the items of the first level.
    fn walk(&mut self, root: &Tree) {
        let mut seen: HashSet<Ref> = self.root.into_iter().collect();
        let mut next = self.item(root, "First");
        if next.is_none() {
            let mut back = self.item(root, "Last");
            while let Some((item, dict)) = back.filter(|(item, _)| seen.insert(*item)) {
                back = self.item(&dict, "Prev");
                next = Some((item, dict));
            }
            seen = self.root.into_iter().collect();
        }
        while let Some((item, dict)) = next.filter(|(item, _)| seen.insert(*item)) {
            self.first.get_or_insert(item);
            self.last = Some(item);
            self.seen = self.seen.saturating_add(1);
            if let Some(Tree::Int(count)) = dict.get("Count") {
                self.seen = self.seen.saturating_add((*count).max(0));
            }
            next = self.item(&dict, "Next");
        }
    }

    /// The item under `key`, if it is one.
    fn item(&self, dict: &Tree, key: &str) -> Option<(Ref, Tree)> {
        let Some(Tree::Ref(item)) = dict.get(key) else {
            return None;
        };
        let Ok(Value::Dict(object)) = self.document.object(*item) else {
            return None;
        };
        let dict = object.sketch(&["Type", "Next", "Prev", "Count"]).ok()?;
        (!is_other(&dict)).then_some((*item, dict))
    }

    /// Appends items of `outline`, whose pages lie where `places` says.
    pub(super) fn extend(
        &mut self,
        outline: &Outline,
        lines: &[Line<'_>],
        places: &HashMap<u32, u32>,
    ) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let root = self.root()?;
        let mut writing = Writing {
            document: self.document,
            outline,
            places,
            root,
            before: self.last,
            refs: self.numbers(lines.len())?,
            pages: HashMap::new(),
        };
        let (mut first, mut last) = (None, None);
        for (line, &item) in lines.iter().zip(&writing.refs.clone()) {
            if line.parent.is_none() {
                first.get_or_insert(item);
                last = Some(item);
                let open = outline.items[line.item].is_open;
                let below = if open { line.below } else { 0 };
                self.seen = self.seen.saturating_add(1 + below);
            }
            let dict = writing.dict(line)?;
            let object = dictionary(&self.document, item)?;
            self.document.merge(&object, dict.to_syntax())?;
            object.release()?;
        }
        if let (Some(before), Some(first)) = (self.last, first) {
            dictionary(&self.document, before)?.put("Next", first)?;
        }
        self.first = self.first.or(first);
        self.last = last;
        let object = dictionary(&self.document, root)?;
        for (key, item) in [("First", self.first), ("Last", self.last)] {
            if let Some(item) = item {
                object.put(key, item)?;
            }
        }
        object.put("Count", self.seen)
    }

    /// The root as an object of its own, which items can refer to.
    fn root(&mut self) -> Result<Ref> {
        if let Some(root) = self.root {
            return Ok(root);
        }
        let catalog = self.document.catalog()?;
        let root = match catalog.get_raw("Outlines")? {
            Some(Value::Dict(direct)) => self.document.add(direct)?,
            _ => {
                let fresh = self.document.parse("<</Type/Outlines>>")?;
                self.document.add(fresh)?
            }
        };
        catalog.put("Outlines", root)?;
        self.root = Some(root);
        Ok(root)
    }

    /// Numbers of new objects, which refer to one another.
    fn numbers(&self, count: usize) -> Result<Vec<Ref>> {
        let empty = self.document.parse("<<>>")?;
        let numbers = (0..count).map(|_| self.document.add(empty));
        let numbers = numbers.collect::<Result<_>>()?;
        empty.release()?;
        Ok(numbers)
    }
}

/// Items on their way into a document.
struct Writing<'o, 'r> {
    document: Document<'r>,
    outline: &'o Outline,
    places: &'o HashMap<u32, u32>,
    root: Ref,
    /// The item that they come after.
    before: Option<Ref>,
    refs: Vec<Ref>,
    /// Pages, by their places.
    pages: HashMap<u32, Ref>,
}

impl Writing<'_, '_> {
    fn dict(&mut self, line: &Line<'_>) -> Result<Tree> {
        let item = &self.outline.items[line.item];
        let reference = |line: Option<usize>| line.map(|line| self.refs[line]);
        let previous = match (line.previous, line.parent) {
            (None, None) => self.before,
            (previous, _) => reference(previous),
        };
        let links = [
            ("Parent", Some(reference(line.parent).unwrap_or(self.root))),
            ("Prev", previous),
            ("Next", reference(line.next)),
            ("First", reference(line.first)),
            ("Last", reference(line.last)),
        ];
        let mut entries = vec![entry("Title", Tree::String(item.title.clone()))];
        for (key, item) in links {
            entries.extend(item.map(|item| entry(key, Tree::Ref(item))));
        }
        if line.first.is_some() {
            let count = if item.is_open {
                line.below
            } else {
                -line.below
            };
            entries.push(entry("Count", Tree::Int(count)));
        }
        match (&item.lead, line.place) {
            (Lead::Action(action), _) => entries.push(entry("A", action.clone())),
            (Lead::Page(_), Some(place)) => entries.push(entry("Dest", self.destination(place)?)),
            _ => {}
        }
        entries.extend(item.look.iter().cloned());
        Ok(Tree::Dict(entries))
    }

    fn destination(&mut self, place: &Place) -> Result<Tree> {
        let Some(&index) = self.places.get(&place.page) else {
            return Ok(Tree::Null);
        };
        let page = match self.pages.get(&index) {
            Some(page) => *page,
            None => {
                let page = self.document.page(index)?.id()?;
                let page = page.ok_or_else(|| Error::failed("a page has no number"))?;
                self.pages.insert(index, page);
                page
            }
        };
        let array = [Tree::Ref(page)]
            .into_iter()
            .chain(place.view.iter().cloned());
        Ok(Tree::Array(array.collect()))
    }
}

fn entry(key: &str, value: Tree) -> (Vec<u8>, Tree) {
    (key.as_bytes().to_vec(), value)
}

fn dictionary<'r>(document: &Document<'r>, reference: Ref) -> Result<Object<'r>> {
    let found = document.object(reference)?.as_dict();
    found.ok_or_else(|| Error::failed(format!("object {reference} is no dictionary")))
}

/// Whether a dictionary is clearly something else than a part of an outline, and to be left alone.
fn is_other(dict: &Tree) -> bool {
    let kind = match dict.get("Type") {
        Some(Tree::Name(kind)) => kind.as_slice(),
        _ => return false,
    };
    [&b"Catalog"[..], b"Pages", b"Page"].contains(&kind)
}
