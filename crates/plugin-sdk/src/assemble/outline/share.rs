//! Which items of an outline some pages get, and how these hang together.

use std::collections::{HashMap, HashSet};

use crate::assemble::destinations::{Lead, Place};
use crate::assemble::outline::Outline;

/// An item that comes along. Other items are told by their place in the share.
#[derive(Debug, Default)]
pub(super) struct Line<'o> {
    /// Its place in the outline.
    pub(super) item: usize,
    pub(super) parent: Option<usize>,
    pub(super) previous: Option<usize>,
    pub(super) next: Option<usize>,
    pub(super) first: Option<usize>,
    pub(super) last: Option<usize>,
    /// Items below it that are seen while it is open.
    pub(super) below: i64,
    /// Where it leads to, or the first item below it that leads to one of the pages.
    pub(super) place: Option<&'o Place>,
}

/// The items for some pages, which lie where `places` says; each followed by those below it.
pub(super) fn share<'o>(outline: &'o Outline, places: &HashMap<u32, u32>) -> Vec<Line<'o>> {
    let mut lines: Vec<Line<'o>> = Vec::new();
    let mut line_of: HashMap<usize, usize> = HashMap::new();
    let mut last: Option<usize> = None;
    for item in chosen(outline, places) {
        let (line, parent) = (lines.len(), outline.items[item].parent);
        // What a chosen item is below is chosen, and comes before it.
        let parent = parent.and_then(|parent| line_of.get(&parent).copied());
        let previous = match parent {
            Some(parent) => lines[parent].last.replace(line),
            None => last.replace(line),
        };
        match (previous, parent) {
            (Some(previous), _) => lines[previous].next = Some(line),
            (None, Some(parent)) => lines[parent].first = Some(line),
            (None, None) => {}
        }
        line_of.insert(item, line);
        lines.push(Line {
            item,
            parent,
            previous,
            ..Line::default()
        });
    }
    // From the end, so that what is below an item is settled before it.
    for line in (0..lines.len()).rev() {
        let item = &outline.items[lines[line].item];
        let own = match &item.lead {
            Lead::Page(place) if places.contains_key(&place.page) => Some(place),
            _ => None,
        };
        let first = lines[line].first;
        let place = own.or_else(|| first.and_then(|first| lines[first].place));
        lines[line].place = place;
        let seen = 1 + if item.is_open { lines[line].below } else { 0 };
        if let Some(parent) = lines[line].parent {
            lines[parent].below += seen;
        }
    }
    lines
}

/// The items that come along, in their order.
fn chosen(outline: &Outline, places: &HashMap<u32, u32>) -> Vec<usize> {
    if places.len() == outline.pages as usize {
        return (0..outline.items.len()).collect();
    }
    let mut chosen = HashSet::new();
    for item in places
        .keys()
        .filter_map(|page| outline.by_page.get(page))
        .flatten()
    {
        let mut next = Some(*item);
        while let Some(item) = next.filter(|item| chosen.insert(*item)) {
            next = outline.items[item].parent;
        }
    }
    let mut chosen: Vec<usize> = chosen.into_iter().collect();
    chosen.sort_unstable();
    chosen
}
