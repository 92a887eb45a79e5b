//! Outlines (ISO 32000-2, 12.3.3): what of one document's is for pages that are in another document now.
//!
//! ```no_run
//! # use dropleaf_plugin_sdk::{Result, Run, assemble};
//! # fn first_page(run: &Run<'_>) -> Result<()> {
//! let document = run.document();
//! let part = run.create(Some(&document))?;
//! assemble::append(&part, &document, &[0])?;
//! if let Some(outline) = assemble::Outline::read(&document)? {
//!     outline.append(&mut assemble::OutlineEnd::of(&part)?, &[0], 0)?;
//! }
//! # run.emit(&part, "")
//! # }
//! ```

mod end;
mod reading;
mod share;

use std::collections::HashMap;

pub use end::OutlineEnd;

use crate::assemble::destinations::Lead;
use crate::document::Document;
use crate::error::Result;
use crate::tree::Tree;

/// The outline of a document, read into plain values.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// Each followed by those below it.
    items: Vec<Item>,
    /// Items by the page that they lead to.
    by_page: HashMap<u32, Vec<usize>>,
    /// Pages of the document.
    pages: u32,
    is_cut: bool,
}

/// One line of an outline.
#[derive(Clone, Debug, Default, PartialEq)]
struct Item {
    /// The item that it is below.
    parent: Option<usize>,
    title: Vec<u8>,
    /// Colour and style.
    look: Vec<(Vec<u8>, Tree)>,
    is_open: bool,
    lead: Lead,
}

impl Outline {
    /// The outline of `document`; `None` where it has none, or none that can be read.
    ///
    /// A damaged outline is read as far as that goes, and is no error. Items without a title are left out; those below them
    /// take their place.
    pub fn read(document: &Document<'_>) -> Result<Option<Self>> {
        let read = reading::read(document)?;
        Ok(read.filter(|outline| !outline.items.is_empty() || outline.is_cut))
    }

    /// Whether items were left out because there are too many, they are nested too deeply, or their titles are too long in
    /// all.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Appends what is for `pages`, counted from 0, to another outline; the first of them is page `at` of its document, the
    /// others follow.
    ///
    /// - An item stays if it leads to one of the pages, or an item below it does. In the second case it leads to where the
    ///   first of these leads.
    /// - Where all pages of the document are there, items that lead to no page stay, too: headings, and links to elsewhere.
    /// - Titles, colours, styles and what is open stay as they are. Named destinations become places on pages.
    pub fn append(&self, end: &mut OutlineEnd<'_>, pages: &[u32], at: u32) -> Result<()> {
        let mut places = HashMap::new();
        for (&page, place) in pages.iter().zip(at..) {
            places.entry(page).or_insert(place);
        }
        let share = share::share(self, &places);
        end.extend(self, &share, &places)
    }

    fn new(items: Vec<Item>, pages: u32, is_cut: bool) -> Self {
        let mut by_page: HashMap<u32, Vec<usize>> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            if let Lead::Page(place) = &item.lead {
                by_page.entry(place.page).or_default().push(index);
            }
        }
        Self {
            items,
            by_page,
            pages,
            is_cut,
        }
    }
}

#[cfg(test)]
mod tests;
