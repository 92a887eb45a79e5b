//! The structure tree (ISO 32000-2, 14.7) without what is on dropped pages only.
//!
//! An element says what is on its page a second time, and more: alternative texts, expansions, replacements. So one whose
//! content is gone goes, from the leaves up, and with it what finds it by a number or a name. Nothing is changed before the
//! whole tree has been walked; one that makes no sense goes as a whole. Elements that are in no tree go, too.

mod elements;
mod leads;
mod lookup;

use std::collections::HashSet;

use dropleaf_plugin_sdk::prelude::*;

use crate::annotations;
use crate::structure::elements::Elements;
use crate::structure::lookup::Lookup;

/// Takes out of the structure tree what was on the pages `dropped` only; `gone` are annotations that were.
pub(crate) fn prune(
    run: &Run<'_>,
    dropped: &[u32],
    kept: &[u32],
    gone: &HashSet<Ref>,
) -> Result<()> {
    let document = run.document();
    let catalog = document.catalog()?;
    let Some(root) = catalog.object("StructTreeRoot")? else {
        return strays(&document, kept, &HashSet::new());
    };
    let mut pages = annotations::page_ids(&document, dropped)?;
    for page in annotations::page_ids(&document, kept)? {
        pages.remove(&page);
    }
    let mut elements = Elements::new(document, &pages, gone);
    let is_sound = elements.walk(&root)?;
    if is_sound {
        elements.apply(&root)?;
    } else {
        run.warn("the tags (structure tree) are damaged and left out: what they say of dropped pages cannot be told from the rest");
        catalog.remove("StructTreeRoot")?;
        catalog.remove("MarkInfo")?;
    }
    let removed = elements.removed();
    if is_sound {
        let mut numbers = parents(&document, dropped)?;
        for number in parents(&document, kept)? {
            numbers.remove(&number);
        }
        let mut lookup = Lookup::new(document, &removed, &numbers);
        lookup.prune(&root, "ParentTree", "Nums")?;
        lookup.prune(&root, "IDTree", "Names")?;
    }
    // References from elsewhere, such as the structure destinations of links, lead nowhere then.
    for &element in &removed {
        document.remove(element)?;
    }
    strays(&document, kept, &elements.left())
}

/// Removes the elements that something leads to and that are not in the tree: on which pages they are is not known.
fn strays(document: &Document<'_>, kept: &[u32], in_tree: &HashSet<Ref>) -> Result<()> {
    for element in leads::elements(document, kept)? {
        if !in_tree.contains(&element) {
            document.remove(element)?;
        }
    }
    Ok(())
}

/// The numbers by which these pages are found in the tree of parents.
fn parents(document: &Document<'_>, pages: &[u32]) -> Result<HashSet<i64>> {
    let mut numbers = HashSet::new();
    for &page in pages {
        let number = document.page(page)?.get("StructParents")?;
        numbers.extend(number.and_then(|number| number.as_i64()));
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests;
