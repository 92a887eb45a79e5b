//! Reading and editing an XMP packet (ISO 16684-1) without touching what is not to be changed.
//!
//! The packet is read once, for its properties and where they stand in the text. An edit cuts spans out and puts one new
//! `rdf:Description` in; every other byte stays, so that properties of other programs survive in their own form.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

use crate::property::{DC, Form, Name, PDF, PDFX, XMP, is_xml, keywords};

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// A packet and what is in it.
#[derive(Debug)]
pub(crate) struct Packet {
    text: String,
    properties: Vec<Property>,
    /// What the packet is about, as its descriptions have it; they must all have the same.
    about: String,
    /// Where a description can be put in.
    end: End,
}

#[derive(Debug)]
struct Property {
    name: Name,
    /// The items of an array, each with its language, or one text.
    items: Vec<Item>,
    span: Range<usize>,
}

#[derive(Debug, Default)]
struct Item {
    language: Option<String>,
    text: String,
}

/// The end of `rdf:RDF`.
#[derive(Debug)]
enum End {
    /// Before `</rdf:RDF>`.
    Before(usize),
    /// In place of the `/` of `<rdf:RDF/>`, whose name is given.
    Slash(usize, String),
}

/// One new value; `None` takes the property out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) name: Name,
    pub(crate) form: Form,
    pub(crate) value: Option<String>,
}

impl Packet {
    /// A packet without properties.
    pub(crate) fn empty() -> Self {
        let head = format!(
            "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n<rdf:RDF xmlns:rdf=\"{RDF}\">\n"
        );
        let end = End::Before(head.len());
        Self {
            text: head + "</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"w\"?>\n",
            properties: Vec::new(),
            about: String::new(),
            end,
        }
    }

    /// Reads a packet; the error says what is wrong with it.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        Scan::new(&decode(bytes)).packet()
    }

    /// A property's text; of an array that has languages, the default one, else all its items.
    pub(crate) fn get(&self, name: &Name) -> Option<String> {
        let property = self
            .properties
            .iter()
            .find(|property| property.name == *name)?;
        let items = &property.items;
        let is_default = |item: &&Item| item.language.as_deref() == Some("x-default");
        if let Some(item) = items.iter().find(is_default) {
            return Some(item.text.clone());
        }
        if items.iter().any(|item| item.language.is_some()) {
            return items.first().map(|item| item.text.clone());
        }
        let texts: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
        Some(texts.join("; "))
    }

    /// The packet with other values, in UTF-8.
    pub(crate) fn edited(&self, edits: &[Edit]) -> String {
        let touched = |property: &&Property| edits.iter().any(|edit| edit.name == property.name);
        let mut cuts: Vec<&Range<usize>> = self
            .properties
            .iter()
            .filter(touched)
            .map(|property| &property.span)
            .collect();
        cuts.sort_by_key(|span| span.start);
        let (at, close) = match &self.end {
            End::Before(at) => (*at, None),
            End::Slash(at, name) => (*at, Some(name)),
        };
        let mut out = String::with_capacity(self.text.len() + 512);
        let mut done = 0;
        for span in cuts.into_iter().filter(|span| span.end <= at) {
            out.push_str(&self.text[done..span.start]);
            done = span.end;
        }
        out.push_str(&self.text[done..at]);
        let description = describe(&self.about, edits);
        match close {
            Some(name) => {
                out.push_str(&format!(">\n{description}</{name}{}", &self.text[at + 1..]))
            }
            None => out.push_str(&format!("{description}{}", &self.text[at..])),
        }
        out
    }
}

/// The description that holds the new values; nothing if there are none.
fn describe(about: &str, edits: &[Edit]) -> String {
    const PREFIXES: [(&str, &str); 4] = [("dc", DC), ("pdf", PDF), ("xmp", XMP), ("pdfx", PDFX)];
    let new: Vec<(&Edit, &str)> = edits
        .iter()
        .filter_map(|edit| Some((edit, edit.value.as_deref()?)))
        .collect();
    if new.is_empty() {
        return String::new();
    }
    let used = PREFIXES
        .iter()
        .filter(|(_, uri)| new.iter().any(|(edit, _)| edit.name.namespace == *uri));
    let spaces: String = used
        .map(|(prefix, uri)| format!(" xmlns:{prefix}=\"{uri}\""))
        .collect();
    let mut out = format!(
        "<rdf:Description rdf:about=\"{}\" xmlns:rdf=\"{RDF}\"{spaces}>\n",
        escape(about)
    );
    for (edit, value) in new {
        let prefix = PREFIXES.iter().find(|(_, uri)| edit.name.namespace == *uri);
        let prefix = prefix.map_or("pdfx", |(prefix, _)| prefix);
        let local = &edit.name.local;
        let body = body(edit.form, value);
        out.push_str(&format!(" <{prefix}:{local}>{body}</{prefix}:{local}>\n"));
    }
    out + "</rdf:Description>\n"
}

fn body(form: Form, value: &str) -> String {
    let clean: String = value
        .chars()
        .filter(|&character| is_xml(character))
        .collect();
    let text = escape(clean.as_str());
    match form {
        Form::Simple => text.into_owned(),
        Form::Alternatives => {
            format!("<rdf:Alt><rdf:li xml:lang=\"x-default\">{text}</rdf:li></rdf:Alt>")
        }
        Form::Sequence => format!("<rdf:Seq><rdf:li>{text}</rdf:li></rdf:Seq>"),
        Form::Bag => {
            let items = keywords(&clean)
                .into_iter()
                .map(|word| format!("<rdf:li>{}</rdf:li>", escape(word)));
            format!("<rdf:Bag>{}</rdf:Bag>", items.collect::<String>())
        }
    }
}

/// The packet's text: UTF-8, or UTF-16 with its mark. What is neither becomes U+FFFD.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest
            .chunks_exact(2)
            .map(|pair| unit([pair[0], pair[1]]))
            .collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match bytes {
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0, b'<', ..] => utf16(bytes, u16::from_be_bytes),
        [b'<', 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(bytes),
    }
}

/// One pass over a packet, up to the end of its `rdf:RDF`.
struct Scan<'t> {
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
    fn new(text: &'t str) -> Self {
        Self {
            text,
            reader: NsReader::from_str(text),
            properties: Vec::new(),
            about: None,
        }
    }

    fn packet(mut self) -> Result<Packet, String> {
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

#[cfg(test)]
mod tests;
