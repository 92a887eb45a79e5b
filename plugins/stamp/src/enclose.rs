//! A page's old content as a form, so that a stamp can be put behind it without anybody reading it.
//!
//! A form begins with the graphics state that it is drawn in, and whatever it leaves open ends with it (ISO 32000-2,
//! 8.10.1): no `q`, no text object, no half a string of it reaches the stamp. A content stream becomes one by its
//! dictionary alone, and stays a content stream for other pages that have it, since nobody looks at those keys there.

use dropleaf_plugin_sdk::prelude::*;
use rustc_hash::FxHashMap;

use crate::contents::Part;
use crate::placement::Frame;
use crate::resources::{Needed, STAMP, Source, source};

/// The name that the old content has in the new resources.
const NAME: &str = "Page";
/// A form clips to its box, a page does not: the box is as large as every reader can hold.
const REACH: i32 = 32_000;

/// A content that a form can stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Enclosure<'r> {
    stream: Ref,
    form: Object<'r>,
    resources: Source,
}

/// Makes forms of contents.
pub(crate) struct Enclosing<'r> {
    document: Document<'r>,
    /// Whether the document's structure refers to contents by page, which a form would break.
    is_tagged: Option<bool>,
    /// Resources that pages share, as the forms name them; `None` where there are no usable ones.
    shared: FxHashMap<Source, Option<Ref>>,
    /// The streams that have become forms or will, with the resources that they have as such.
    taken: FxHashMap<Ref, Source>,
    /// What a page's new resources hold before and behind the form's reference.
    around: (String, String),
}

impl<'r> Enclosing<'r> {
    /// `needed` goes into the new resources too, each under [`STAMP`].
    pub(crate) fn new(document: Document<'r>, needed: &Needed) -> Self {
        let of = |is_object: bool| {
            let wanted = move |category: &str| (category == "XObject") == is_object;
            needed.iter().filter(move |(category, _)| wanted(category))
        };
        let objects: String = of(true).map(|(_, it)| format!("/{STAMP} {it}")).collect();
        let others: String = of(false)
            .map(|(category, it)| format!("/{category}<</{STAMP} {it}>>"))
            .collect();
        Self {
            document,
            is_tagged: None,
            shared: FxHashMap::default(),
            taken: FxHashMap::default(),
            around: (
                format!("<</XObject<</{NAME} "),
                format!("{objects}>>{others}>>"),
            ),
        }
    }

    /// Whether a form can stand for the content of `page`, which consists of `parts`: one compressed stream with
    /// nothing else to it, on a page whose marked content nobody refers to. Anything else is to be read.
    pub(crate) fn claim(
        &mut self,
        page: &Object<'r>,
        tree: &Tree,
        parts: &[Part<'r>],
        frame: &Frame,
    ) -> Result<Option<Enclosure<'r>>> {
        let [part] = parts else {
            return Ok(None);
        };
        let is_plain = tree.get("StructParents").is_none() && frame.is_within(f64::from(REACH));
        if !is_plain || self.is_tagged()? {
            return Ok(None);
        }
        let stream = part.reference;
        let enclosure = Enclosure {
            stream,
            form: part.stream,
            resources: source(tree),
        };
        if let Some(taken) = self.taken.get(&stream) {
            // The same form for both pages, if what it names is the same on both.
            let same = *taken == enclosure.resources && *taken != Source::Own;
            return Ok(same.then_some(enclosure));
        }
        if !is_compressed(part)? || !self.has_resources(page, enclosure.resources)? {
            return Ok(None);
        }
        self.taken.insert(stream, enclosure.resources);
        Ok(Some(enclosure))
    }

    /// Makes a form of the content and appends to `entries` resources for `page` with nothing but it and what the stamp
    /// needs: the old ones are the form's.
    pub(crate) fn enclose(
        &mut self,
        page: &Object<'r>,
        enclosure: Enclosure<'r>,
        entries: &mut String,
    ) -> Result<()> {
        let Enclosure {
            stream,
            form,
            resources,
        } = enclosure;
        let bounds = format!("[-{REACH} -{REACH} {REACH} {REACH}]");
        let mut made = format!("<</Subtype/Form/BBox{bounds}/Resources ").into_bytes();
        match self.shared.get(&resources) {
            Some(Some(shared)) => made.extend_from_slice(shared.to_string().as_bytes()),
            _ => {
                let own = page.object("Resources")?;
                let own = own.ok_or_else(|| Error::failed("the page's resources are gone"))?;
                made.extend_from_slice(&own.to_syntax()?);
                own.release()?;
            }
        }
        made.extend_from_slice(b">>");
        self.document.merge(&form, made)?;
        let (before, behind) = &self.around;
        entries.push_str("/Resources");
        entries.push_str(before);
        entries.push_str(&stream.to_string());
        entries.push_str(behind);
        Ok(())
    }

    fn is_tagged(&mut self) -> Result<bool> {
        if let Some(known) = self.is_tagged {
            return Ok(known);
        }
        let found = self.document.catalog()?.has("StructTreeRoot")?;
        Ok(*self.is_tagged.insert(found))
    }

    /// Whether there are resources that a form can have as its own.
    fn has_resources(&mut self, page: &Object<'r>, source: Source) -> Result<bool> {
        match source {
            Source::Own => return Ok(true),
            Source::Missing => return Ok(false),
            Source::Indirect(_) | Source::Inherited(_) => {}
        }
        if let Some(known) = self.shared.get(&source) {
            return Ok(known.is_some());
        }
        let shared = match page.attr("Resources")? {
            Some(Value::Dict(dict)) => Some(match dict.id()? {
                Some(id) => id,
                // Inherited from a node that it stands in: one copy for all.
                None => self.document.add(dict)?,
            }),
            _ => None,
        };
        self.shared.insert(source, shared);
        Ok(shared.is_some())
    }
}

/// Whether the stream is compressed, so that reading it is dear, and is nothing but a content.
fn is_compressed(part: &Part<'_>) -> Result<bool> {
    if part.filter.is_none() {
        return Ok(false);
    }
    let Tree::Stream(entries) = part.stream.tree()? else {
        return Ok(false);
    };
    const KNOWN: [&[u8]; 3] = [b"Filter", b"Length", b"DecodeParms"];
    Ok(entries.iter().all(|(key, _)| KNOWN.contains(&&**key)))
}

/// Draws the old content.
pub(crate) fn draw(content: &mut String) {
    content.push_str("q\n/");
    content.push_str(NAME);
    content.push_str(" Do\nQ\n");
}

#[cfg(test)]
mod tests;
