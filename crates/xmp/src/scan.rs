//! One pass over an XMP packet: which properties it has, and where in the text they stand.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

use super::{End, Item, Packet, Property, RDF};
use crate::property::Name;

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// One pass over a packet, up to the end of its `rdf:RDF`.
pub(super) struct Scan<'t> {
    text: &'t str,
    reader: NsReader<&'t [u8]>,
    properties: Vec<Property>,
    about: Option<String>,
}

/// An event with its namespace and where it stands.
struct Step<'t> {
    namespace: Option<String>,
    event: Event<'t>,
    span: Range<usize>,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            reader: NsReader::from_str(text),
            properties: Vec::new(),
            about: None,
        }
    }

    pub(super) fn packet(mut self) -> Result<Packet, String> {
        let end = loop {
            let step = self.step()?;
            let is_rdf = step.namespace.as_deref() == Some(RDF);
            match &step.event {
                Event::Start(start) if is_rdf && start.local_name().as_ref() == "RDF" => {
                    break self.rdf()?;
                }
                Event::Empty(start) if is_rdf && start.local_name().as_ref() == "RDF" => {
                    break End::Slash(step.span.end - 2, start.name().as_ref().to_owned());
                }
                Event::Eof => return Err("it has no `rdf:RDF`".to_owned()),
                _ => {}
            }
        };
        Ok(Packet {
            text: self.text.to_owned(),
            properties: self.properties,
            about: self.about.unwrap_or_default(),
            end,
        })
    }

    /// The descriptions, up to and with `</rdf:RDF>`.
    fn rdf(&mut self) -> Result<End, String> {
        loop {
            let step = self.step()?;
            let described = step.namespace.as_deref() == Some(RDF);
            match &step.event {
                Event::Start(start) => {
                    let described = described && start.local_name().as_ref() == "Description";
                    if described {
                        self.attributes(start, step.span.start)?;
                    }
                    self.children(described)?;
                }
                Event::Empty(start)
                    if described && start.local_name().as_ref() == "Description" =>
                {
                    self.attributes(start, step.span.start)?;
                }
                Event::End(_) => return Ok(End::Before(step.span.start)),
                Event::Eof => return Err("it ends before `rdf:RDF` does".to_owned()),
                _ => {}
            }
        }
    }

    /// What stands in one element below `rdf:RDF`; properties if it is a description.
    fn children(&mut self, described: bool) -> Result<(), String> {
        loop {
            let step = self.step()?;
            let name = |start: &BytesStart<'_>| {
                Name::new(
                    step.namespace.as_deref().unwrap_or(""),
                    start.local_name().as_ref(),
                )
            };
            match &step.event {
                Event::Start(start) => {
                    let name = name(start);
                    let (items, end) = self.items()?;
                    if described {
                        let span = step.span.start..end;
                        self.properties.push(Property { name, items, span });
                    }
                }
                Event::Empty(start) if described => {
                    let (name, span) = (name(start), step.span.clone());
                    let items = vec![Item::default()];
                    self.properties.push(Property { name, items, span });
                }
                Event::End(_) => return Ok(()),
                Event::Eof => return Err("it ends in the middle of a description".to_owned()),
                _ => {}
            }
        }
    }

    /// The texts in one property, up to its end; and where that is.
    fn items(&mut self) -> Result<(Vec<Item>, usize), String> {
        let (mut items, mut plain) = (Vec::<Item>::new(), String::new());
        let (mut depth, mut item_depth) = (0_usize, None);
        loop {
            let step = self.step()?;
            let is_item = |start: &BytesStart<'_>| {
                step.namespace.as_deref() == Some(RDF) && start.local_name().as_ref() == "li"
            };
            let mut text = Cow::Borrowed("");
            match &step.event {
                Event::Start(start) => {
                    depth += 1;
                    if is_item(start) && item_depth.is_none() {
                        item_depth = Some(depth);
                        items.push(self.item(start));
                    }
                }
                Event::Empty(start) if is_item(start) => items.push(self.item(start)),
                Event::End(_) if depth == 0 => {
                    if items.is_empty() {
                        items.push(Item {
                            language: None,
                            text: plain,
                        });
                    }
                    return Ok((items, step.span.end));
                }
                Event::End(_) => {
                    if item_depth == Some(depth) {
                        item_depth = None;
                    }
                    depth -= 1;
                }
                Event::Text(piece) => text = piece.xml10_content(),
                Event::CData(piece) => text = piece.xml10_content(),
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().ok().flatten();
                    let entity = resolve_predefined_entity(reference).map(str::to_owned);
                    text = Cow::Owned(
                        character
                            .map(String::from)
                            .or(entity)
                            .unwrap_or_else(|| "\u{FFFD}".to_owned()),
                    );
                }
                Event::Eof => return Err("it ends in the middle of a property".to_owned()),
                _ => {}
            }
            match items.last_mut().filter(|_| item_depth.is_some()) {
                Some(item) => item.text.push_str(&text),
                None => plain.push_str(&text),
            }
        }
    }

    fn item(&self, start: &BytesStart<'_>) -> Item {
        let mut attributes = start.attributes().flatten();
        let language = attributes.find(|attribute| {
            let (space, local) = self.reader.resolver().resolve_attribute(attribute.key);
            local.as_ref() == "lang" && uri(space).as_deref() == Some(XML)
        });
        Item {
            language: language.map(|attribute| attribute.value.to_ascii_lowercase()),
            text: String::new(),
        }
    }

    /// Properties in their short form: attributes of a description.
    fn attributes(&mut self, start: &BytesStart<'_>, at: usize) -> Result<(), String> {
        // The tag's content begins behind its `<`.
        let (content, at) = (start.as_ref(), at + 1);
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let (space, local) = self.reader.resolver().resolve_attribute(attribute.key);
            let Some(space) = uri(space) else { continue };
            let text = attribute.normalized_value(XmlVersion::Explicit1_0);
            let text = text.map_err(|error| error.to_string())?.into_owned();
            match (space.as_str(), local.as_ref()) {
                (RDF, "about") => _ = self.about.get_or_insert(text),
                (RDF | XML, _) => {}
                _ if attribute.key.as_namespace_binding().is_some() => {}
                (space, local) => {
                    let name = Name::new(space, local);
                    let key = offset(content, attribute.key.as_ref());
                    let value = offset(content, &attribute.value);
                    // The blank before it goes with it, and so does the closing quote.
                    let first = content[..key].trim_ascii_end().len();
                    let span = at + first..at + value + attribute.value.len() + 1;
                    let items = vec![Item {
                        language: None,
                        text,
                    }];
                    self.properties.push(Property { name, items, span });
                }
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<Step<'t>, String> {
        let from = self.position();
        let (space, event) = self
            .reader
            .read_resolved_event()
            .map_err(|error| error.to_string())?;
        let namespace = uri(space);
        Ok(Step {
            namespace,
            event,
            span: from..self.position(),
        })
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(self.text.len())
    }
}

fn uri(space: ResolveResult<'_>) -> Option<String> {
    match space {
        ResolveResult::Bound(namespace) => Some(namespace.as_ref().to_owned()),
        _ => None,
    }
}

/// Where `part`, which is a piece of `whole`, begins in it.
fn offset(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize)
        .saturating_sub(whole.as_ptr() as usize)
        .min(whole.len())
}
