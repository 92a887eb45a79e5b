//! Reading and editing an XMP packet (ISO 16684-1) without touching what is not to be changed.
//!
//! The packet is read once, for its properties and where they stand in the text. An edit cuts spans out and puts one new
//! `rdf:Description` in; every other byte stays, so that properties of other programs survive in their own form.

pub mod claims;
pub mod property;
mod scan;

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::escape::escape;

use self::scan::Scan;
use crate::property::{DC, Form, Name, PDF, PDFX, XMP, is_xml};

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// A packet and what is in it.
#[derive(Debug)]
pub struct Packet {
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Of which property.
    pub name: Name,
    /// How it is written.
    pub form: Form,
    /// The items of an array, one text of anything else.
    pub values: Option<Vec<String>>,
}

impl Edit {
    /// One text, or none.
    #[must_use]
    pub fn text(name: Name, form: Form, value: Option<String>) -> Self {
        Self {
            name,
            form,
            values: value.map(|value| vec![value]),
        }
    }
}

impl Packet {
    /// A packet without properties.
    #[must_use]
    pub fn empty() -> Self {
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

    /// Reads a packet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        Scan::new(&decode(bytes)).packet()
    }

    /// A property's text; of an array that has languages, the default one, else all its items.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<String> {
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

    /// The items of an array; the one text of anything else, and nothing of what is not there.
    #[must_use]
    pub fn items(&self, name: &Name) -> Vec<&str> {
        let property = self
            .properties
            .iter()
            .find(|property| property.name == *name);
        let items = property.map(|property| property.items.as_slice());
        let items = items.unwrap_or_default().iter();
        items.map(|item| item.text.as_str()).collect()
    }

    /// The packet with other values, in UTF-8.
    #[must_use]
    pub fn edited(&self, edits: &[Edit]) -> String {
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
    let new: Vec<(&Edit, &[String])> = edits
        .iter()
        .filter_map(|edit| Some((edit, edit.values.as_deref()?)))
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
    for (edit, values) in new {
        let prefix = PREFIXES.iter().find(|(_, uri)| edit.name.namespace == *uri);
        let prefix = prefix.map_or("pdfx", |(prefix, _)| prefix);
        let local = &edit.name.local;
        let body = body(edit.form, values);
        out.push_str(&format!(" <{prefix}:{local}>{body}</{prefix}:{local}>\n"));
    }
    out + "</rdf:Description>\n"
}

fn body(form: Form, values: &[String]) -> String {
    let texts = values.iter().map(|value| {
        let clean = value.chars().filter(|&character| is_xml(character));
        escape(clean.collect::<String>()).into_owned()
    });
    let items = |language: &str| -> String {
        let texts = texts.clone();
        texts
            .map(|text| format!("<rdf:li{language}>{text}</rdf:li>"))
            .collect()
    };
    match form {
        Form::Simple => texts.collect(),
        Form::Alternatives => {
            let items = items(" xml:lang=\"x-default\"");
            format!("<rdf:Alt>{items}</rdf:Alt>")
        }
        Form::Sequence => format!("<rdf:Seq>{}</rdf:Seq>", items("")),
        Form::Bag => format!("<rdf:Bag>{}</rdf:Bag>", items("")),
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

#[cfg(test)]
mod tests;
