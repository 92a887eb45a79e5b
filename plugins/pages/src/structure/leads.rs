//! What leads to elements from outside of the tree: items of the outline (ISO 32000-2, table 151) and jumps (12.6.4.2, 12.3.2.4).
//!
//! An element that is in no tree, or was in one that is left out, is in the file through them alone, with all that it says.

use std::collections::HashSet;

use dropleaf_plugin_sdk::prelude::*;

/// The deepest tree of names, and the longest chain of actions, that is followed.
const MAX_DEPTH: u32 = 64;

/// The elements that the document's outline, destinations and actions, and those of the pages `pages`, lead to.
pub(super) fn elements(document: &Document<'_>, pages: &[u32]) -> Result<HashSet<Ref>> {
    let mut leads = Leads {
        document,
        found: HashSet::new(),
        seen: HashSet::new(),
    };
    leads.of_document()?;
    for &page in pages {
        leads.of_page(page)?;
    }
    let mut elements = HashSet::new();
    for id in leads.found {
        let Some(dict) = document.object(id)?.as_dict() else {
            continue;
        };
        let is_typed = match dict.get("Type")? {
            Some(kind) => kind.is_name("StructElem"),
            None => true,
        };
        let kind = dict.get("S")?;
        let is_named = kind.is_some_and(|kind| kind.as_name().is_some());
        if is_typed && is_named && (dict.has("P")? || dict.has("K")?) {
            elements.insert(id);
        }
        dict.release()?;
    }
    Ok(elements)
}

struct Leads<'d, 'r> {
    document: &'d Document<'r>,
    found: HashSet<Ref>,
    /// Objects that were followed.
    seen: HashSet<Ref>,
}

impl Leads<'_, '_> {
    fn of_document(&mut self) -> Result<()> {
        let catalog = self.document.catalog()?.tree()?;
        self.action(catalog.get("OpenAction"), MAX_DEPTH)?;
        self.additional(catalog.get("AA"))?;
        if let Some(Tree::Dict(named)) = self.value(catalog.get("Dests"))? {
            for (_, destination) in &named {
                self.destination(destination)?;
            }
        }
        if let Some(names) = self.value(catalog.get("Names"))? {
            self.names(names.get("Dests"), MAX_DEPTH)?;
        }
        let outlines = self.value(catalog.get("Outlines"))?;
        let mut items: Vec<Tree> = outlines
            .iter()
            .filter_map(|root| root.get("First").cloned())
            .collect();
        while let Some(item) = items.pop() {
            let Some(item) = self.value(Some(&item))? else {
                continue;
            };
            items.extend(
                ["Next", "First"]
                    .iter()
                    .filter_map(|key| item.get(key).cloned()),
            );
            if let Some(Tree::Ref(element)) = item.get("SE") {
                self.found.insert(*element);
            }
            self.action(item.get("A"), MAX_DEPTH)?;
        }
        Ok(())
    }

    fn of_page(&mut self, page: u32) -> Result<()> {
        let page = self.document.page(page)?;
        if page.has("AA")? {
            let own = page.tree()?;
            self.additional(own.get("AA"))?;
        }
        let Some(annotations) = page.object("Annots")? else {
            return Ok(());
        };
        // Pages may share a list in a damaged document.
        if annotations.id()?.is_some_and(|id| !self.seen.insert(id)) {
            return Ok(());
        }
        let Tree::Array(annotations) = annotations.tree()? else {
            return Ok(());
        };
        for annotation in &annotations {
            if let Some(annotation) = self.value(Some(annotation))? {
                self.action(annotation.get("A"), MAX_DEPTH)?;
                self.action(annotation.get("PA"), MAX_DEPTH)?;
                self.additional(annotation.get("AA"))?;
                if let Some(destination) = annotation.get("Dest") {
                    self.destination(destination)?;
                }
            }
        }
        Ok(())
    }

    /// Actions by what triggers them (12.6.3).
    fn additional(&mut self, actions: Option<&Tree>) -> Result<()> {
        if let Some(Tree::Dict(actions)) = self.value(actions)? {
            for (_, action) in &actions {
                self.action(Some(action), MAX_DEPTH)?;
            }
        }
        Ok(())
    }

    /// An action and those that follow it.
    fn action(&mut self, action: Option<&Tree>, depth: u32) -> Result<()> {
        let (Some(depth), Some(action)) = (depth.checked_sub(1), self.value(action)?) else {
            return Ok(());
        };
        self.jump(&action)?;
        match action.get("Next") {
            Some(Tree::Array(next)) => {
                for action in next {
                    self.action(Some(action), depth)?;
                }
                Ok(())
            }
            next => self.action(next, depth),
        }
    }

    fn destination(&mut self, destination: &Tree) -> Result<()> {
        match self.value(Some(destination))? {
            Some(destination) => self.jump(&destination),
            None => Ok(()),
        }
    }

    /// The element that a dictionary says besides the page.
    fn jump(&mut self, dict: &Tree) -> Result<()> {
        if let Some(Tree::Array(place)) = self.value(dict.get("SD"))?
            && let Some(Tree::Ref(element)) = place.first()
        {
            self.found.insert(*element);
        }
        Ok(())
    }

    fn names(&mut self, node: Option<&Tree>, depth: u32) -> Result<()> {
        let (Some(depth), Some(node)) = (depth.checked_sub(1), self.value(node)?) else {
            return Ok(());
        };
        if let Some(Tree::Array(pairs)) = self.value(node.get("Names"))? {
            for destination in pairs.iter().skip(1).step_by(2) {
                self.destination(destination)?;
            }
        }
        if let Some(Tree::Array(kids)) = self.value(node.get("Kids"))? {
            for kid in &kids {
                self.names(Some(kid), depth)?;
            }
        }
        Ok(())
    }

    /// A container; none that was followed before.
    fn value(&mut self, value: Option<&Tree>) -> Result<Option<Tree>> {
        Ok(match value {
            Some(Tree::Ref(id)) if self.seen.insert(*id) => {
                match self.document.object(*id)?.as_object() {
                    Some(object) => {
                        let tree = object.tree()?;
                        object.release()?;
                        Some(tree)
                    }
                    None => None,
                }
            }
            Some(container @ (Tree::Dict(_) | Tree::Array(_))) => Some(container.clone()),
            _ => None,
        })
    }
}
