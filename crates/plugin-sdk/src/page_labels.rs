//! The labels of pages (ISO 32000-2, 12.4.2): read from one document, given to the pages that are in another order or
//! another document now.
//!
//! A document says from which page on labels go how; a page's label follows from its place. So whoever moves pages writes
//! the ranges anew, from the label that each page had:
//!
//! ```no_run
//! # use dropleaf_plugin_sdk::{PageLabels, Result, Run};
//! # fn reverse(run: &Run<'_>) -> Result<()> {
//! let document = run.document();
//! if let Some(before) = PageLabels::read(&document)? {
//!     let mut labels = PageLabels::default();
//!     labels.extend(&before, (0..document.page_count()?).rev());
//!     labels.write(&document)?;
//! }
//! # Ok(())
//! # }
//! ```

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write;

use crate::document::Document;
use crate::error::Result;
use crate::reference::Ref;
use crate::tree::Tree;

/// Elements of a tree that are looked at: more than any document has pages, and read in a second.
const MAX_LOOKS: usize = 1_000_000;

/// The labels of the pages of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageLabels {
    /// Where each range begins, in order, and the label of its first page.
    ranges: Vec<(u32, Label)>,
    pages: u32,
    damaged: bool,
}

/// The label of one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Label {
    /// How the number is written; without one there is no number.
    style: Option<Vec<u8>>,
    prefix: Vec<u8>,
    number: i64,
}

impl Label {
    /// That of the first page where nothing else is said.
    fn first() -> Self {
        Self {
            style: Some(b"D".to_vec()),
            prefix: Vec::new(),
            number: 1,
        }
    }

    /// The label that many pages further on in the same range.
    fn after(&self, pages: u32) -> Self {
        let number = match self.style {
            Some(_) => self.number.saturating_add(i64::from(pages)),
            None => self.number,
        };
        Self {
            number,
            ..self.clone()
        }
    }
}

impl PageLabels {
    /// Those of a document that says nothing of labels, as viewers show them: 1, 2, 3.
    #[must_use]
    pub fn numbered(pages: u32) -> Self {
        Self {
            ranges: vec![(0, Label::first())],
            pages,
            damaged: false,
        }
    }

    /// The labels of `document`; `None` where it has none.
    ///
    /// A damaged tree is read as far as that goes ([`PageLabels::is_damaged`]), and is no error.
    pub fn read(document: &Document<'_>) -> Result<Option<Self>> {
        let Some(root) = document.catalog()?.object("PageLabels")? else {
            return Ok(None);
        };
        let pages = document.page_count()?;
        let mut reading = Reading {
            document,
            ranges: Vec::new(),
            seen: root.id()?.into_iter().collect(),
            looks: 0,
            damaged: false,
        };
        match root.tree() {
            Ok(root) => reading.all(root),
            Err(_) => reading.damaged = true,
        }
        let Reading {
            mut ranges,
            damaged,
            ..
        } = reading;
        ranges.retain(|(first, _)| *first < pages);
        ranges.sort_by_key(|(first, _)| *first);
        ranges.dedup_by_key(|(first, _)| *first);
        Ok((damaged || !ranges.is_empty()).then_some(Self {
            ranges,
            pages,
            damaged,
        }))
    }

    /// Whether some of them could not be read; their pages have the labels of the range before.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Whether nothing of them could be read, as if there were none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Appends pages of `from`, counted from 0, with the labels that they have there. Where nothing of these could be read,
    /// the pages have their numbers.
    pub fn extend(&mut self, from: &Self, pages: impl IntoIterator<Item = u32>) {
        for page in pages {
            let (place, label) = (self.pages, from.label(page));
            self.pages += 1;
            let goes_on = self
                .ranges
                .last()
                .is_some_and(|(first, last)| last.after(place - first) == label);
            if !goes_on {
                self.ranges.push((place, label));
            }
        }
    }

    /// The label of a page; one without number and prefix before the first range.
    fn label(&self, page: u32) -> Label {
        if self.ranges.is_empty() {
            return Label::first().after(page);
        }
        let end = self.ranges.partition_point(|(first, _)| *first <= page);
        match end.checked_sub(1).and_then(|range| self.ranges.get(range)) {
            Some((first, label)) => label.after(page - first),
            None => Label::default(),
        }
    }

    /// Gives them to `document`, whose pages they are to be, in place of those that it has.
    pub fn write(&self, document: &Document<'_>) -> Result<()> {
        let catalog = document.catalog()?;
        if self.ranges.is_empty() {
            return catalog.remove("PageLabels").map(|_| ());
        }
        let labels = document.parse(self.syntax())?;
        catalog.put("PageLabels", labels)?;
        labels.release()
    }

    /// A number tree (7.9.7) of one node, in PDF syntax.
    fn syntax(&self) -> String {
        let mut out = String::from("<</Nums[");
        for (first, label) in &self.ranges {
            out += &format!("{first}<<");
            if let Some(style) = &label.style {
                out += "/S/";
                for byte in style {
                    // A `String` takes what `write!` gives it.
                    let _ = match byte {
                        byte if byte.is_ascii_alphanumeric() => write!(out, "{}", *byte as char),
                        byte => write!(out, "#{byte:02X}"),
                    };
                }
            }
            if !label.prefix.is_empty() {
                let digits = label.prefix.iter().map(|byte| format!("{byte:02X}"));
                out += &format!("/P<{}>", digits.collect::<String>());
            }
            if label.style.is_some() && label.number != 1 {
                out += &format!("/St {}", label.number);
            }
            out += ">>";
        }
        out + "]>>"
    }
}

/// A number tree on its way in.
struct Reading<'d, 'r> {
    document: &'d Document<'r>,
    ranges: Vec<(u32, Label)>,
    seen: HashSet<Ref>,
    looks: usize,
    damaged: bool,
}

impl Reading<'_, '_> {
    /// Reads all nodes, each once and without recursion, however they hang together.
    fn all(&mut self, root: Tree) {
        let mut waiting = vec![root];
        while let Some(node) = waiting.pop() {
            if self.looks > MAX_LOOKS {
                self.damaged = true;
                self.ranges.clear();
                return;
            }
            self.looks += 1;
            self.numbers(&node);
            let kids = match node.get("Kids").map(|kids| self.resolved(kids)) {
                Some(Cow::Borrowed(Tree::Array(kids))) => kids.clone(),
                Some(Cow::Owned(Tree::Array(kids))) => kids,
                kids => {
                    self.damaged |= kids.is_some();
                    continue;
                }
            };
            self.looks += kids.len();
            let from = waiting.len();
            for kid in &kids {
                let fresh = match kid {
                    Tree::Ref(kid) => self.looks <= MAX_LOOKS && self.seen.insert(*kid),
                    _ => true,
                };
                match self.resolved(kid).into_owned() {
                    kid @ Tree::Dict(_) if fresh => waiting.push(kid),
                    _ => self.damaged = true,
                }
            }
            waiting[from..].reverse();
        }
    }

    /// Takes the ranges of one node.
    fn numbers(&mut self, node: &Tree) {
        let Some(list) = node.get("Nums") else { return };
        let list = self.resolved(list);
        let Tree::Array(list) = list.as_ref() else {
            self.damaged = true;
            return;
        };
        self.looks += list.len();
        for pair in list.chunks(2) {
            let [key, label] = pair else {
                self.damaged = true;
                return;
            };
            let first = match self.resolved(key).as_ref() {
                Tree::Int(first) => u32::try_from(*first).ok(),
                _ => None,
            };
            match (first, self.resolved(label).as_ref()) {
                (Some(first), label @ Tree::Dict(_)) => {
                    let label = self.label(label);
                    self.ranges.push((first, label));
                }
                _ => self.damaged = true,
            }
        }
    }

    fn label(&mut self, dict: &Tree) -> Label {
        let mut label = Label {
            number: 1,
            ..Label::default()
        };
        for key in ["S", "P", "St"] {
            let Some(value) = dict.get(key) else { continue };
            match (key, self.resolved(value).into_owned()) {
                ("S", Tree::Name(style)) => label.style = Some(style),
                ("P", Tree::String(prefix)) => label.prefix = prefix,
                ("St", Tree::Int(number)) => label.number = number,
                (_, Tree::Null) => {}
                _ => self.damaged = true,
            }
        }
        if label.style.is_none() {
            label.number = 0;
        }
        label
    }

    /// What a reference leads to; nothing where that cannot be read.
    fn resolved<'t>(&mut self, value: &'t Tree) -> Cow<'t, Tree> {
        let Tree::Ref(reference) = value else {
            return Cow::Borrowed(value);
        };
        let found = self.document.tree(*reference);
        Cow::Owned(found.unwrap_or_else(|_| {
            self.damaged = true;
            Tree::Null
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(style: &str, prefix: &str, number: i64) -> Label {
        let style = (!style.is_empty()).then(|| style.as_bytes().to_vec());
        Label {
            style,
            prefix: prefix.as_bytes().to_vec(),
            number,
        }
    }

    /// i, ii, 1, 2, 3, A, A
    fn sample() -> PageLabels {
        PageLabels {
            ranges: vec![
                (0, label("r", "", 1)),
                (2, label("D", "", 1)),
                (5, label("", "A", 0)),
            ],
            pages: 7,
            damaged: false,
        }
    }

    #[test]
    fn pages_keep_their_labels_and_ranges_that_go_on_are_one() {
        let check = |pages: &[u32], expected: &str| {
            let mut labels = PageLabels::default();
            labels.extend(&sample(), pages.iter().copied());
            assert_eq!(
                labels.syntax(),
                format!("<</Nums[{expected}]>>"),
                "{pages:?}"
            );
        };
        check(&[0, 1, 2, 3, 4, 5, 6], "0<</S/r>>2<</S/D>>5<</P<41>>>");
        check(&[4, 3, 2], "0<</S/D/St 3>>1<</S/D/St 2>>2<</S/D>>");
        check(&[1, 3, 4, 6, 5], "0<</S/r/St 2>>1<</S/D/St 2>>3<</P<41>>>");
        check(&[], "");
    }

    #[test]
    fn documents_follow_one_another() {
        let mut labels = PageLabels::numbered(2);
        labels.extend(&sample(), [0, 2]);
        labels.extend(&PageLabels::numbered(3), 0..3);
        assert_eq!(
            labels.syntax(),
            "<</Nums[0<</S/D>>2<</S/r>>3<</S/D>>4<</S/D>>]>>"
        );
    }

    #[test]
    fn pages_of_which_nothing_could_be_read_have_their_numbers() {
        let mut labels = PageLabels::default();
        labels.extend(&PageLabels::default(), [2, 3, 0]);
        assert_eq!(labels.syntax(), "<</Nums[0<</S/D/St 3>>2<</S/D>>]>>");
    }

    #[test]
    fn pages_before_the_first_range_have_no_label() {
        let late = PageLabels {
            ranges: vec![(2, label("a#", "", i64::MAX))],
            ..PageLabels::default()
        };
        let mut labels = PageLabels::default();
        labels.extend(&late, [0, 1, 3]);
        let last = i64::MAX;
        assert_eq!(
            labels.syntax(),
            format!("<</Nums[0<<>>2<</S/a#23/St {last}>>]>>")
        );
        let mut blank = PageLabels::default();
        blank.extend(&late, [1, 0]);
        assert_eq!(blank.syntax(), "<</Nums[0<<>>]>>");
    }
}
