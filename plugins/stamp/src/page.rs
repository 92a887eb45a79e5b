//! One page with a stamp on it: its old content fenced in, the stamp behind it.

use std::rc::Rc;

use dropleaf_plugin_sdk::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::contents::{Contents, Fence};
use crate::embed::add_content;
use crate::enclose::{self, Enclosing, Enclosure};
use crate::number;
use crate::placement::{Frame, Matrix};
use crate::resources::{Extended, Extender, Needed, STAMP};

/// The entries of a page that matter to a stamp.
const LOOKED_AT: [&str; 9] = [
    "Annots",
    "Contents",
    "CropBox",
    "MediaBox",
    "Parent",
    "Resources",
    "Rotate",
    "StructParents",
    "UserUnit",
];

/// Puts stamps on pages and shares between them whatever can be shared.
pub(crate) struct Stamper<'r> {
    document: Document<'r>,
    resources: Extender,
    /// Content of one `q`.
    head: Option<Ref>,
    contents: Contents<'r>,
    enclosing: Enclosing<'r>,
    /// The names of the stamp's resources on pages that get new ones.
    fresh: Extended,
    /// What pages inherit from a node of the page tree.
    inherited: FxHashMap<Ref, Inherited>,
    /// Small contents that were written.
    tails: FxHashMap<String, Ref>,
    /// Pages that have their stamp.
    stamped: FxHashSet<Ref>,
    /// Room for a content, and for the entries of a page.
    text: String,
    entries: String,
}

/// A page that was read.
pub(crate) struct Sheet<'r> {
    page: Object<'r>,
    /// What of it is [`LOOKED_AT`].
    tree: Tree,
    pub(crate) frame: Frame,
    old: Old<'r>,
}

/// How a page's old content is kept from the stamp.
enum Old<'r> {
    /// It was read.
    Fenced(Rc<Fence>),
    /// It need not be.
    Enclosed(Enclosure<'r>),
}

/// What decides where a page's stamp goes, as far as it can be inherited.
#[derive(Clone, Copy, Default)]
struct Inherited {
    media: Option<[f64; 4]>,
    crop: Option<[f64; 4]>,
    rotate: Option<f64>,
}

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamped {
    Done,
    /// Its old content could not be read, so that what it leaves open is unknown.
    Unread,
    /// The same page stands in the document twice and has its stamp already.
    Again,
}

/// How often what is drawn comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drawing {
    /// On many pages.
    Shared,
    /// On this page alone.
    Single,
}

impl<'r> Stamper<'r> {
    pub(crate) fn new(document: Document<'r>, needed: Needed) -> Self {
        Self {
            document,
            enclosing: Enclosing::new(document, &needed),
            fresh: Extended {
                names: vec![STAMP.to_owned(); needed.len()],
            },
            resources: Extender::new(needed),
            head: None,
            contents: Contents::new(document),
            inherited: FxHashMap::default(),
            tails: FxHashMap::default(),
            stamped: FxHashSet::default(),
            text: String::new(),
            entries: String::new(),
        }
    }

    /// Reads the pages (from 0) and what is on them, so that each can be stamped.
    pub(crate) fn read(&mut self, pages: &[u32]) -> Result<Vec<Sheet<'r>>> {
        let mut read = Vec::with_capacity(pages.len());
        let mut contents = Vec::new();
        for index in pages {
            let page = self.document.page(*index)?;
            let tree = page.sketch(&LOOKED_AT)?;
            let frame = self.frame(&page, &tree)?;
            let streams = self.contents.streams(&tree)?;
            let enclosure = self.enclosing.claim(&page, &tree, &streams, &frame)?;
            if enclosure.is_none() {
                contents.push(streams);
            }
            read.push((page, tree, frame, enclosure));
        }
        let mut fences = self.contents.fences(contents)?.into_iter();
        let sheet = |(page, tree, frame, enclosure)| {
            let old = match enclosure {
                Some(enclosure) => Old::Enclosed(enclosure),
                None => Old::Fenced(fences.next()?),
            };
            Some(Sheet {
                page,
                tree,
                frame,
                old,
            })
        };
        let sheets: Option<Vec<_>> = read.into_iter().map(sheet).collect();
        sheets.ok_or_else(|| Error::failed("a content that was read is gone"))
    }

    /// Stamps a page with what `draw` appends, given the names of its resources, at `matrix`.
    pub(crate) fn stamp(
        &mut self,
        sheet: Sheet<'r>,
        matrix: &Matrix,
        drawing: Drawing,
        draw: impl FnOnce(&Extended, &mut String),
    ) -> Result<Stamped> {
        let Sheet {
            page, tree, old, ..
        } = sheet;
        if let Some(id) = page.id()?
            && !self.stamped.insert(id)
        {
            return Ok(Stamped::Again);
        }
        let stamped = match old {
            Old::Fenced(fence) => {
                let (names, resources) = self.resources.extend(&self.document, &page, &tree)?;
                self.append(&page, &fence, resources, drawing, |content| {
                    push_stamp(matrix, content, |content| draw(&names, content));
                })?;
                if fence.readable {
                    Stamped::Done
                } else {
                    Stamped::Unread
                }
            }
            Old::Enclosed(enclosure) => {
                let mut content = std::mem::take(&mut self.text);
                content.clear();
                enclose::draw(&mut content);
                push_stamp(matrix, &mut content, |content| draw(&self.fresh, content));
                let stream = self.content(&content, drawing);
                self.text = content;
                self.entries.clear();
                self.entries.push_str("<</Contents ");
                push_reference(stream?, &mut self.entries);
                self.enclosing
                    .enclose(&page, enclosure, &mut self.entries)?;
                self.entries.push_str(">>");
                self.document.merge(&page, &self.entries)?;
                Stamped::Done
            }
        };
        page.release()?;
        Ok(stamped)
    }

    /// Puts the old content of `page` in its fence and what `draw` appends behind it.
    fn append(
        &mut self,
        page: &Object<'r>,
        fence: &Fence,
        resources: Option<Ref>,
        drawing: Drawing,
        draw: impl FnOnce(&mut String),
    ) -> Result<()> {
        let mut tail = std::mem::take(&mut self.text);
        tail.clear();
        tail.push('\n');
        tail.push_str(&fence.closing);
        tail.push_str("Q\n");
        draw(&mut tail);
        let stream = self.content(&tail, drawing);
        self.text = tail;
        let tail = stream?;
        let head = match self.head {
            Some(head) => head,
            None => *self.head.insert(add_content(&self.document, b"q\n")?),
        };
        let entries = &mut self.entries;
        entries.clear();
        entries.push_str("<<");
        if let Some(resources) = resources {
            entries.push_str("/Resources ");
            push_reference(resources, entries);
        }
        entries.push_str("/Contents[");
        let streams = std::iter::once(&head).chain(&fence.streams).chain([&tail]);
        for (index, stream) in streams.enumerate() {
            if index > 0 {
                entries.push(' ');
            }
            push_reference(*stream, entries);
        }
        entries.push_str("]>>");
        self.document.merge(page, &self.entries)
    }

    /// A content stream, the same one for the same bytes if they are shared.
    fn content(&mut self, content: &str, drawing: Drawing) -> Result<Ref> {
        if drawing == Drawing::Single {
            return add_content(&self.document, content.as_bytes());
        }
        if let Some(known) = self.tails.get(content) {
            return Ok(*known);
        }
        let made = add_content(&self.document, content.as_bytes())?;
        self.tails.insert(content.to_owned(), made);
        Ok(made)
    }

    /// The part of a page that is shown.
    fn frame(&mut self, page: &Object<'r>, tree: &Tree) -> Result<Frame> {
        let inherited = self.inherited(tree)?;
        let bounds = |key, inherited| match tree.get(key) {
            None | Some(Tree::Null) => Ok(inherited),
            Some(Tree::Array(items)) if items.iter().all(|item| number_of(item).is_some()) => {
                let numbers: Vec<f64> = items.iter().filter_map(number_of).collect();
                Ok(numbers.try_into().ok())
            }
            Some(_) => bounds(page, key),
        };
        let rotate = match tree.get("Rotate") {
            None | Some(Tree::Null) => inherited.rotate,
            Some(Tree::Ref(_)) => page.attr("Rotate")?.and_then(|value| value.as_f64()),
            Some(value) => number_of(value),
        };
        let unit = match tree.get("UserUnit") {
            Some(Tree::Ref(_)) => page.get("UserUnit")?.and_then(|value| value.as_f64()),
            value => value.and_then(number_of),
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a rotation beyond 64 bits is none"
        )]
        Ok(Frame::new(
            bounds("MediaBox", inherited.media)?,
            bounds("CropBox", inherited.crop)?,
            rotate.unwrap_or(0.0) as i64,
            unit,
        ))
    }

    fn inherited(&mut self, page: &Tree) -> Result<Inherited> {
        let Some(Tree::Ref(parent)) = page.get("Parent") else {
            return Ok(Inherited::default());
        };
        if let Some(known) = self.inherited.get(parent) {
            return Ok(*known);
        }
        let inherited = match self.document.object(*parent)? {
            Value::Dict(node) => Inherited {
                media: bounds(&node, "MediaBox")?,
                crop: bounds(&node, "CropBox")?,
                rotate: node.attr("Rotate")?.and_then(|value| value.as_f64()),
            },
            _ => Inherited::default(),
        };
        self.inherited.insert(*parent, inherited);
        Ok(inherited)
    }
}

fn push_reference(reference: Ref, out: &mut String) {
    number::push_integer(reference.number, out);
    out.push(' ');
    number::push_integer(reference.generation, out);
    out.push_str(" R");
}

/// Appends a stamp that `draw` appends, at `matrix`.
fn push_stamp(matrix: &Matrix, content: &mut String, draw: impl FnOnce(&mut String)) {
    // An artifact is no part of the logical content (ISO 32000-2, 14.8.2.2): tagged documents stay accessible.
    content.push_str("/Artifact BMC\nq ");
    for value in matrix {
        number::push(*value, content);
        content.push(' ');
    }
    content.push_str("cm\n");
    draw(content);
    content.push_str("\nQ\nEMC\n");
}

/// A box, inherited where it may be, whichever way its numbers are written.
fn bounds(page: &Object<'_>, key: &str) -> Result<Option<[f64; 4]>> {
    let Some(Value::Array(array)) = page.attr(key)? else {
        return Ok(None);
    };
    Ok(array
        .numbers()
        .ok()
        .and_then(|numbers| numbers.try_into().ok()))
}

fn number_of(tree: &Tree) -> Option<f64> {
    match tree {
        #[expect(clippy::cast_precision_loss, reason = "PDF numbers are small")]
        Tree::Int(value) => Some(*value as f64),
        Tree::Real(value) => Some(*value),
        _ => None,
    }
}
