//! Reading an outline, however it hangs together.

use std::collections::HashSet;

use crate::assemble::destinations::{Destinations, Lead};
use crate::assemble::outline::{Item, Outline};
use crate::document::Document;
use crate::error::Result;
use crate::reference::Ref;
use crate::tree::Tree;

/// More items than a book of ten thousand pages has.
const MAX_ITEMS: usize = 65_536;
/// Deeper than anybody opens; some readers go down by recursion.
const MAX_DEPTH: u32 = 64;
/// Bytes of titles and destinations: 256 for each item, and more than all viewers together show.
const MAX_BYTES: usize = 16 << 20;

pub(super) fn read(document: &Document<'_>) -> Result<Option<Outline>> {
    let Some(root) = document.catalog()?.get("Outlines")? else {
        return Ok(None);
    };
    let Some(root) = root.as_dict() else {
        return Ok(None);
    };
    let Some(Tree::Ref(first)) = root.sketch(&["First"])?.get("First").cloned() else {
        return Ok(None);
    };
    let mut reading = Reading {
        document,
        destinations: Destinations::of(document)?,
        seen: root.id()?.into_iter().collect(),
        items: Vec::new(),
        bytes: 0,
        is_cut: false,
    };
    reading.all(first);
    let Reading {
        mut destinations,
        mut items,
        is_cut,
        ..
    } = reading;
    destinations.look_up(items.iter_mut().map(|item| &mut item.lead))?;
    let pages = document.page_count()?;
    Ok(Some(Outline::new(items, pages, is_cut)))
}

struct Reading<'d, 'r> {
    document: &'d Document<'r>,
    destinations: Destinations<'d, 'r>,
    /// Objects that are an item already, or the root: where one comes again, its chain ends.
    seen: HashSet<Ref>,
    items: Vec<Item>,
    bytes: usize,
    is_cut: bool,
}

/// Where to go on.
struct Next {
    item: Ref,
    parent: Option<usize>,
    depth: u32,
}

impl Reading<'_, '_> {
    fn all(&mut self, first: Ref) {
        let mut waiting = vec![Next {
            item: first,
            parent: None,
            depth: 1,
        }];
        while let Some(next) = waiting.pop() {
            if !self.seen.insert(next.item) {
                continue;
            }
            let Ok(dict @ Tree::Dict(_)) = self.document.tree(next.item) else {
                continue;
            };
            if self.items.len() >= MAX_ITEMS || self.bytes > MAX_BYTES {
                self.is_cut = true;
                return;
            }
            let Next { parent, depth, .. } = next;
            let item = self.item(&dict, parent);
            let below = match &item {
                Some(_) => Some(self.items.len()),
                None => parent,
            };
            self.items.extend(item);
            if let Some(Tree::Ref(item)) = dict.get("Next") {
                waiting.push(Next {
                    item: *item,
                    ..next
                });
            }
            if let Some(Tree::Ref(item)) = dict.get("First") {
                if depth < MAX_DEPTH {
                    waiting.push(Next {
                        item: *item,
                        parent: below,
                        depth: depth + 1,
                    });
                } else {
                    self.is_cut = true;
                }
            }
        }
    }

    /// What a dictionary says; `None` where there is no title.
    fn item(&mut self, dict: &Tree, parent: Option<usize>) -> Option<Item> {
        let Tree::String(title) = self.destinations.small(dict.get("Title")?) else {
            return None;
        };
        let mut look = Vec::new();
        for key in ["C", "F"] {
            let Some(value) = dict.get(key) else { continue };
            let value = self.destinations.small(value);
            let is_sound = match &value {
                Tree::Array(parts) => key == "C" && parts.len() == 3 && parts.iter().all(is_number),
                value => key == "F" && matches!(value, Tree::Int(_)),
            };
            if is_sound {
                look.push((key.as_bytes().to_vec(), value));
            }
        }
        let count = dict
            .get("Count")
            .map(|count| self.destinations.small(count));
        let is_open = match count {
            Some(Tree::Int(count)) => count > 0,
            Some(Tree::Real(count)) => count > 0.0,
            _ => false,
        };
        let dest = dict.get("Dest").filter(|dest| **dest != Tree::Null);
        let lead = dest.or_else(|| dict.get("A"));
        let lead = lead.map_or(Lead::Nowhere, |lead| self.destinations.lead(lead));
        self.bytes += title.len() + lead.bytes();
        Some(Item {
            parent,
            title,
            look,
            is_open,
            lead,
        })
    }
}

fn is_number(value: &Tree) -> bool {
    matches!(value, Tree::Int(_) | Tree::Real(_))
}
