//! What is to be changed, and the table of properties that both the Info dictionary and XMP have.

use std::collections::BTreeMap;

use dropleaf_plugin_sdk::prelude::*;

pub(crate) const DC: &str = "http://purl.org/dc/elements/1.1/";
pub(crate) const PDF: &str = "http://ns.adobe.com/pdf/1.3/";
pub(crate) const XMP: &str = "http://ns.adobe.com/xap/1.0/";
/// Entries of the Info dictionary that no other namespace knows.
pub(crate) const PDFX: &str = "http://ns.adobe.com/pdfx/1.3/";

/// How XMP writes a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Plain text.
    Simple,
    /// An `rdf:Alt` with an `x-default`.
    Alternatives,
    /// An `rdf:Seq`.
    Sequence,
    /// An `rdf:Bag` with one item a keyword.
    Bag,
}

/// A property of XMP.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) namespace: String,
    pub(crate) local: String,
}

impl Name {
    pub(crate) fn new(namespace: &str, local: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            local: local.to_owned(),
        }
    }

    /// The one under which Adobe's programs keep `key` of the Info dictionary: what XML does not allow is written as
    /// U+2182 and four hexadecimal digits.
    pub(crate) fn custom(key: &str) -> Self {
        let mut local = String::new();
        for (index, character) in key.chars().enumerate() {
            let start = character.is_ascii_alphabetic() || character == '_';
            let plain = start
                || index > 0 && (character.is_ascii_digit() || matches!(character, '-' | '.'));
            if plain {
                local.push(character);
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    local.push_str(&format!("\u{2182}{unit:04X}"));
                }
            }
        }
        Self::new(PDFX, &local)
    }
}

/// The properties that stand in both places (ISO 19005-2, 6.6.3; XMP specification part 3, 2.1): Info key, name, form.
pub(crate) const STANDARD: [(&str, &str, &str, Form); 6] = [
    ("Title", DC, "title", Form::Alternatives),
    ("Author", DC, "creator", Form::Sequence),
    ("Subject", DC, "description", Form::Alternatives),
    ("Keywords", PDF, "Keywords", Form::Simple),
    ("Creator", XMP, "CreatorTool", Form::Simple),
    ("Producer", PDF, "Producer", Form::Simple),
];

/// Entries of the Info dictionary that are not text.
pub(crate) const NOT_TEXT: [&str; 3] = ["CreationDate", "ModDate", "Trapped"];

/// What the parameters ask for: new values by Info key, `None` to remove.
#[derive(Debug, Default)]
pub(crate) struct Change(pub(crate) BTreeMap<String, Option<String>>);

impl Change {
    /// Sets an entry; an empty value removes it.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<()> {
        if let Some(control) = value.chars().find(|&character| !is_xml(character)) {
            let code = u32::from(control);
            return Err(Error::parameters(format!(
                "the value of `{key}` holds the control character U+{code:04X}"
            )));
        }
        let value = (!value.is_empty()).then(|| value.to_owned());
        self.insert(key, value)
    }

    /// Sets an entry that has no parameter of its own.
    pub(crate) fn custom(&mut self, key: &str, value: &str) -> Result<()> {
        let own = ["Title", "Author", "Subject", "Keywords"];
        if let Some(own) = own.iter().find(|own| own.eq_ignore_ascii_case(key)) {
            let parameter = own.to_ascii_lowercase();
            return Err(Error::parameters(format!(
                "`custom` names `{key}`: use the parameter `{parameter}`"
            )));
        }
        if NOT_TEXT.contains(&key) {
            return Err(Error::parameters(format!(
                "`custom` names `{key}`, which is not a text"
            )));
        }
        if key.is_empty() || key.len() > 127 || key.chars().any(char::is_control) {
            return Err(Error::parameters(format!(
                "`{key}` cannot be the name of an entry: 1 to 127 bytes, no control characters"
            )));
        }
        self.set(&canonical(key), value)
    }

    /// Removes an entry, by parameter name or by its own.
    pub(crate) fn remove(&mut self, key: &str) -> Result<()> {
        if key.is_empty() {
            return Err(Error::parameters("`remove` holds an empty name"));
        }
        self.insert(&canonical(key), None)
    }

    fn insert(&mut self, key: &str, value: Option<String>) -> Result<()> {
        let removed = value.is_none();
        match self.0.insert(key.to_owned(), value) {
            Some(before) if before.is_none() != removed => Err(Error::parameters(format!(
                "`{key}` is to be set and to be removed"
            ))),
            _ => Ok(()),
        }
    }
}

/// The key as the Info dictionary has it: `author` is `Author`.
fn canonical(key: &str) -> String {
    let standard = STANDARD
        .iter()
        .map(|(standard, ..)| *standard)
        .chain(NOT_TEXT);
    let mut standard = standard.filter(|standard| standard.eq_ignore_ascii_case(key));
    standard.next().unwrap_or(key).to_owned()
}

/// Whether XML 1.0 can hold the character.
pub(crate) fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// The single keywords of a text with commas or semicolons.
pub(crate) fn keywords(text: &str) -> Vec<&str> {
    let words = text.split([',', ';']).map(str::trim);
    words.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_xml_does_not_allow_are_escaped() {
        let check = |key, local: &str| assert_eq!(Name::custom(key).local, local, "{key}");
        check("Department", "Department");
        check("Cost centre", "Cost\u{2182}0020centre");
        check("2nd", "\u{2182}0032nd");
        check("a:b", "a\u{2182}003Ab");
        check("ä", "\u{2182}00E4");
    }

    #[test]
    fn contradictions_are_refused() {
        let both = |first: fn(&mut Change) -> Result<()>, second: fn(&mut Change) -> Result<()>| {
            let mut change = Change::default();
            first(&mut change).and_then(|()| second(&mut change))
        };
        assert!(both(|c| c.set("Title", "a"), |c| c.remove("title")).is_err());
        assert!(both(|c| c.custom("X", "a"), |c| c.remove("X")).is_err());
        assert!(both(|c| c.set("Title", ""), |c| c.remove("title")).is_ok());
        assert!(both(|c| c.custom("Creator", "a"), |c| c.remove("producer")).is_ok());
        for key in ["title", "Keywords", "ModDate", "", "a\nb"] {
            assert!(Change::default().custom(key, "x").is_err(), "{key:?}");
        }
        assert!(Change::default().set("Title", "bell\u{7}").is_err());
    }
}
