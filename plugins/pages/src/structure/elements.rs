//! The walk through the elements.

use std::collections::{HashMap, HashSet};

use dropleaf_plugin_sdk::prelude::*;

/// The deepest tree that is walked: several times what the deepest of tables in lists in tables have.
const MAX_DEPTH: u32 = 200;
/// Items of lists that are walked again, because several elements share them: none do in a sound tree.
const MAX_AGAIN: usize = 1_000_000;

/// What becomes of a value in the tree.
enum Fate {
    Stays,
    Goes,
    /// Another value stands in its place.
    Becomes(Tree),
}

/// What is to be written into an element.
struct Edit {
    element: Ref,
    content: Option<Tree>,
    /// Its page is gone, and it has content on others.
    without_page: bool,
}

pub(super) struct Elements<'r, 's> {
    document: Document<'r>,
    /// Pages that are dropped.
    pages: &'s HashSet<Ref>,
    /// Annotations that are dropped.
    annotations: &'s HashSet<Ref>,
    /// Whether an element goes; `None` while it is walked.
    fates: HashMap<Ref, Option<bool>>,
    edits: Vec<Edit>,
    /// Lists that have been walked.
    lists: HashSet<Ref>,
    /// What is left of [`MAX_AGAIN`].
    again: usize,
    /// The new content of the root.
    top: Fate,
    /// Whether the tree has a circle, is too deep, or has lists in too many places.
    is_tangled: bool,
}

impl<'r, 's> Elements<'r, 's> {
    pub(super) fn new(
        document: Document<'r>,
        pages: &'s HashSet<Ref>,
        annotations: &'s HashSet<Ref>,
    ) -> Self {
        Self {
            document,
            pages,
            annotations,
            fates: HashMap::new(),
            edits: Vec::new(),
            lists: HashSet::new(),
            again: MAX_AGAIN,
            top: Fate::Stays,
            is_tangled: false,
        }
    }

    /// Decides what goes; says whether the tree can be walked.
    pub(super) fn walk(&mut self, root: &Object<'r>) -> Result<bool> {
        if let Some(content) = root.sketch(&["K"])?.get("K") {
            // Elements that stand in the root itself are seen whole.
            let whole = match content {
                Tree::Ref(_) => content.clone(),
                _ => root.tree()?.get("K").cloned().unwrap_or(Tree::Null),
            };
            self.top = self.content(&whole, None, MAX_DEPTH)?;
        }
        Ok(!self.is_tangled)
    }

    /// Writes what was decided.
    pub(super) fn apply(&mut self, root: &Object<'r>) -> Result<()> {
        match std::mem::replace(&mut self.top, Fate::Stays) {
            Fate::Stays => {}
            Fate::Goes => _ = root.remove("K")?,
            Fate::Becomes(content) => put(&self.document, root, &content)?,
        }
        for edit in self.edits.drain(..) {
            let Some(element) = self.document.object(edit.element)?.as_dict() else {
                continue;
            };
            if let Some(content) = &edit.content {
                put(&self.document, &element, content)?;
            }
            if edit.without_page {
                element.remove("Pg")?;
            }
            element.release()?;
        }
        Ok(())
    }

    /// The elements that go; of a tangled tree, all that were seen.
    pub(super) fn removed(&self) -> HashSet<Ref> {
        let fates = self.fates.iter();
        let removed = fates.filter(|(_, goes)| self.is_tangled || **goes == Some(true));
        removed.map(|(element, _)| *element).collect()
    }

    /// The elements that are in the tree from now on.
    pub(super) fn left(&self) -> HashSet<Ref> {
        let fates = self.fates.iter();
        let left = fates.filter(|(_, goes)| !self.is_tangled && **goes == Some(false));
        left.map(|(element, _)| *element).collect()
    }

    /// What becomes of the value of `/K`, on `page` where it does not say another one.
    fn content(&mut self, content: &Tree, page: Option<Ref>, depth: u32) -> Result<Fate> {
        if let Tree::Ref(id) = content
            && let Some(list) = self.document.object(*id)?.as_array()
        {
            if !self.lists.insert(*id) {
                let Some(left) = self.again.checked_sub(list.len()?) else {
                    self.is_tangled = true;
                    return Ok(Fate::Stays);
                };
                self.again = left;
            }
            let list = list.tree()?;
            return self.list(&list, page, depth);
        }
        match content {
            Tree::Array(_) => self.list(content, page, depth),
            item => self.item(item, page, depth),
        }
    }

    fn list(&mut self, list: &Tree, page: Option<Ref>, depth: u32) -> Result<Fate> {
        let Tree::Array(items) = list else {
            return Ok(Fate::Stays);
        };
        let mut left = Vec::with_capacity(items.len());
        let mut is_changed = false;
        for item in items {
            match self.item(item, page, depth)? {
                Fate::Stays => left.push(item.clone()),
                Fate::Goes => is_changed = true,
                Fate::Becomes(other) => {
                    is_changed = true;
                    left.push(other);
                }
            }
        }
        Ok(match (is_changed, left.is_empty()) {
            (false, _) => Fate::Stays,
            (true, true) => Fate::Goes,
            (true, false) => Fate::Becomes(Tree::Array(left)),
        })
    }

    fn item(&mut self, item: &Tree, page: Option<Ref>, depth: u32) -> Result<Fate> {
        match item {
            Tree::Int(_) => Ok(self.on(page)),
            Tree::Ref(id) => self.indirect(*id, page, depth),
            Tree::Dict(_) => self.dictionary(item, None, page, depth),
            _ => Ok(Fate::Stays),
        }
    }

    fn indirect(&mut self, id: Ref, page: Option<Ref>, depth: u32) -> Result<Fate> {
        match self.fates.get(&id) {
            Some(Some(true)) => return Ok(Fate::Goes),
            Some(Some(false)) => return Ok(Fate::Stays),
            Some(None) => {
                self.is_tangled = true;
                return Ok(Fate::Stays);
            }
            None => {}
        }
        let object = match self.document.object(id)? {
            Value::Int(_) => return Ok(self.on(page)),
            Value::Dict(object) => object,
            _ => return Ok(Fate::Stays),
        };
        let tree = object.tree()?;
        object.release()?;
        self.dictionary(&tree, Some(id), page, depth)
    }

    fn dictionary(
        &mut self,
        dict: &Tree,
        id: Option<Ref>,
        page: Option<Ref>,
        depth: u32,
    ) -> Result<Fate> {
        let own = self.reference(dict, "Pg");
        let is_named = |key: &str, name: &[u8]| matches!(dict.get(key), Some(Tree::Name(found)) if found == name);
        // Many writers leave the type out: the key that it must have tells what it is.
        let is_one = |name: &[u8], key: &str| match dict.get("Type") {
            None | Some(Tree::Null) => dict.get("S").is_none() && dict.get(key).is_some(),
            Some(_) => is_named("Type", name),
        };
        if is_one(b"MCR", "MCID") {
            return Ok(self.on(own.or(page)));
        }
        if is_one(b"OBJR", "Obj") {
            let object = self.reference(dict, "Obj");
            return Ok(
                match object.is_some_and(|object| self.annotations.contains(&object)) {
                    true => Fate::Goes,
                    false => self.on(own.or(page)),
                },
            );
        }
        let is_element = matches!(dict.get("S"), Some(Tree::Name(_)))
            && (dict.get("Type").is_none() || is_named("Type", b"StructElem"));
        if !is_element {
            return Ok(Fate::Stays);
        }
        let Some(depth) = depth.checked_sub(1) else {
            self.is_tangled = true;
            return Ok(Fate::Stays);
        };
        if let Some(id) = id {
            self.fates.insert(id, None);
        }
        let is_of_dropped = own.is_some_and(|page| self.pages.contains(&page));
        let fate = match dict.get("K") {
            Some(content) => self.content(content, own.or(page), depth)?,
            None if is_of_dropped => Fate::Goes,
            None => Fate::Stays,
        };
        let goes = matches!(fate, Fate::Goes);
        let content = match fate {
            Fate::Becomes(content) => Some(content),
            _ => None,
        };
        let is_changed = content.is_some() || is_of_dropped;
        match id {
            Some(id) => {
                self.fates.insert(id, Some(goes));
                if !goes && is_changed {
                    self.edits.push(Edit {
                        element: id,
                        content,
                        without_page: is_of_dropped,
                    });
                }
                Ok(if goes { Fate::Goes } else { Fate::Stays })
            }
            None if goes => Ok(Fate::Goes),
            None if is_changed => Ok(Fate::Becomes(rewritten(dict, content, is_of_dropped))),
            None => Ok(Fate::Stays),
        }
    }

    fn reference(&self, dict: &Tree, key: &str) -> Option<Ref> {
        match dict.get(key) {
            Some(Tree::Ref(id)) => Some(*id),
            _ => None,
        }
    }

    /// What becomes of content on `page`.
    fn on(&self, page: Option<Ref>) -> Fate {
        match page.is_some_and(|page| self.pages.contains(&page)) {
            true => Fate::Goes,
            false => Fate::Stays,
        }
    }
}

/// An element that stands in another one, with other content.
fn rewritten(dict: &Tree, content: Option<Tree>, without_page: bool) -> Tree {
    let Tree::Dict(entries) = dict else {
        return dict.clone();
    };
    let mut entries = entries.clone();
    entries.retain(|(key, _)| !(without_page && key == b"Pg"));
    if let Some(content) = content
        && let Some((_, old)) = entries.iter_mut().find(|(key, _)| key == b"K")
    {
        *old = content;
    }
    Tree::Dict(entries)
}

fn put(document: &Document<'_>, element: &Object<'_>, content: &Tree) -> Result<()> {
    let mut syntax = b"<</K ".to_vec();
    syntax.extend(content.to_syntax());
    syntax.extend_from_slice(b">>");
    match document.parse(syntax)?.get_raw("K")? {
        Some(content) => element.put("K", content),
        None => Ok(()),
    }
}
