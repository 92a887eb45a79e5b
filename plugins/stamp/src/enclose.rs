//! A page's old content as a form, so that a stamp can be put behind it without anybody reading it.
//!
//! A form begins with the graphics state that it is drawn in, and whatever it leaves open ends with it (ISO 32000-2,
//! 8.10.1): no `q`, no text object, no half a string of it reaches the stamp. A content stream becomes one by its
//! dictionary alone. It must be the content of no other page: some viewers heed the resources of a content stream. And
//! nothing else on the page may take its resources from the page, which has no more than the form and the stamp then.

use dropleaf_plugin_sdk::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::contents::Part;
use crate::placement::Frame;
use crate::resources::{Needed, STAMP, Source, source};

/// The name that the old content has in the new resources.
const NAME: &str = "Page";
/// A form clips to its box, a page does not: the box is as large as every reader can hold.
const REACH: i32 = 32_000;
/// More annotations than this are not looked at: reading the content takes no longer.
const MAX_ANNOTATIONS: usize = 64;

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
    /// The streams that are contents of several pages; counted when first asked for.
    common: Option<FxHashSet<Ref>>,
    /// Whether fonts, or dictionaries of them, take their resources from the page.
    leaning: FxHashMap<Ref, bool>,
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
            common: None,
            leaning: FxHashMap::default(),
            around: (
                format!("<</XObject<</{NAME} "),
                format!("{objects}>>{others}>>"),
            ),
        }
    }

    /// Whether a form can stand for the content of `page`, which consists of `parts`: one compressed stream with
    /// nothing else to it and of this page alone, whose marked content nobody refers to, on a page whose resources
    /// nothing else needs. Anything else is to be read.
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
        if !is_plain || self.is_tagged()? || !is_compressed(part)? {
            return Ok(None);
        }
        let resources = source(tree);
        let stands_alone = self.has_resources(page, tree, resources)?
            && !self.has_appearances(tree)?
            && !self.common()?.contains(&part.reference);
        Ok(stands_alone.then_some(Enclosure {
            stream: part.reference,
            form: part.stream,
            resources,
        }))
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

    /// Whether there are resources that a form can have as its own, and can have alone.
    fn has_resources(&mut self, page: &Object<'r>, tree: &Tree, source: Source) -> Result<bool> {
        match source {
            Source::Own => return Ok(!self.has_leaning_fonts_of_its_own(page, tree)?),
            Source::Missing => return Ok(false),
            Source::Indirect(_) | Source::Inherited(_) => {}
        }
        if let Some(known) = self.shared.get(&source) {
            return Ok(known.is_some());
        }
        let shared = match page.attr("Resources")? {
            Some(Value::Dict(dict)) if self.is_leaning_list(dict.get_raw("Font")?)? => None,
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

    fn has_leaning_fonts_of_its_own(&mut self, page: &Object<'r>, tree: &Tree) -> Result<bool> {
        match tree.get("Resources").and_then(|own| own.get("Font")) {
            None | Some(Tree::Null) => Ok(false),
            Some(Tree::Ref(fonts)) => self.is_leaning_list(Some(Value::Ref(*fonts))),
            // As nearly everywhere; the page need not be built for it.
            Some(Tree::Dict(fonts)) if fonts.iter().all(|(_, it)| matches!(it, Tree::Ref(_))) => {
                self.has_leaning(fonts)
            }
            // A sketch of the page does not show what stands in it.
            Some(_) => match page.object("Resources")? {
                Some(own) => self.is_leaning_list(own.get_raw("Font")?),
                None => Ok(false),
            },
        }
    }

    /// Whether a dictionary of fonts has one whose glyphs take their resources from the page: Type 3 without any of
    /// its own (ISO 32000-2, table 110).
    fn is_leaning_list(&mut self, fonts: Option<Value<'r>>) -> Result<bool> {
        let (id, fonts) = match fonts {
            Some(Value::Ref(id)) => match self.leaning.get(&id) {
                Some(known) => return Ok(*known),
                None => (Some(id), self.document.object(id)?.as_dict()),
            },
            fonts => (None, fonts.and_then(|fonts| fonts.as_dict())),
        };
        let mut is_leaning = false;
        if let Some(fonts) = fonts
            && let Tree::Dict(fonts) = fonts.tree()?
        {
            is_leaning = self.has_leaning(&fonts)?;
        }
        if let Some(id) = id {
            self.leaning.insert(id, is_leaning);
        }
        Ok(is_leaning)
    }

    fn has_leaning(&mut self, fonts: &[(Vec<u8>, Tree)]) -> Result<bool> {
        for (_, font) in fonts {
            let is_leaning = match font {
                Tree::Ref(font) => self.is_leaning_font(*font)?,
                font => is_leaning_type(font),
            };
            if is_leaning {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_leaning_font(&mut self, id: Ref) -> Result<bool> {
        if let Some(known) = self.leaning.get(&id) {
            return Ok(*known);
        }
        let is_leaning = match self.document.object(id)?.as_dict() {
            Some(font) => is_leaning_type(&font.sketch(&["Resources", "Subtype"])?),
            None => false,
        };
        self.leaning.insert(id, is_leaning);
        Ok(is_leaning)
    }

    /// Whether the page has annotations that draw something: without resources of their own they take the page's.
    fn has_appearances(&self, tree: &Tree) -> Result<bool> {
        let list = match tree.get("Annots") {
            Some(Tree::Ref(list)) => match self.document.object(*list)?.as_array() {
                Some(list) => list.tree()?,
                None => return Ok(false),
            },
            Some(list) => list.clone(),
            None => return Ok(false),
        };
        let Tree::Array(annotations) = list else {
            return Ok(false);
        };
        if annotations.len() > MAX_ANNOTATIONS {
            return Ok(true);
        }
        for annotation in &annotations {
            let Tree::Ref(id) = annotation else {
                return Ok(true);
            };
            if let Some(annotation) = self.document.object(*id)?.as_dict() {
                let draws = annotation.has("AP")?;
                annotation.release()?;
                if draws {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The streams that are contents of several pages.
    fn common(&mut self) -> Result<&FxHashSet<Ref>> {
        if self.common.is_none() {
            self.common = Some(common(&self.document)?);
        }
        Ok(self.common.get_or_insert_default())
    }
}

/// Counts the contents of all pages.
fn common(document: &Document<'_>) -> Result<FxHashSet<Ref>> {
    let mut owners: FxHashMap<Ref, u32> = FxHashMap::default();
    let mut common = FxHashSet::default();
    for (index, page) in (0..).zip(document.pages()) {
        let page = page?;
        let contents = page.sketch(&["Contents"])?;
        page.release()?;
        let streams = match contents.get("Contents") {
            Some(Tree::Ref(content)) => match document.object(*content)? {
                Value::Array(list) => list.tree()?.references(),
                other => {
                    if let Some(stream) = other.as_stream() {
                        stream.release()?;
                    }
                    vec![*content]
                }
            },
            Some(list) => list.references(),
            None => Vec::new(),
        };
        for stream in streams {
            if *owners.entry(stream).or_insert(index) != index {
                common.insert(stream);
            }
        }
    }
    Ok(common)
}

/// Whether this is a Type 3 font without resources.
fn is_leaning_type(font: &Tree) -> bool {
    let is_of_type_3 = matches!(font.get("Subtype"), Some(Tree::Name(name)) if name == b"Type3");
    is_of_type_3 && matches!(font.get("Resources"), None | Some(Tree::Null))
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
