//! What is to be changed, and the table of properties that both the Info dictionary and XMP have.

use std::collections::BTreeMap;

use dropleaf_plugin_sdk::prelude::*;
use dropleaf_xmp::property::{DC, Form, PDF, XMP, is_xml};

use crate::{Keywords, OWN};

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

/// What the parameters ask for.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// New values by Info key, `None` to remove.
    pub(crate) entries: BTreeMap<String, Option<String>>,
    /// The single keywords, where they were given one by one: one may hold a comma.
    pub(crate) keywords: Option<Vec<String>>,
}

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

    /// Sets the keywords; of a list, each item is one.
    pub(crate) fn keywords(&mut self, keywords: &Keywords) -> Result<()> {
        match keywords {
            Keywords::Text(text) => self.set("Keywords", text),
            Keywords::List(items) => {
                let items = items.iter().map(|item| item.trim());
                let items: Vec<&str> = items.filter(|item| !item.is_empty()).collect();
                self.keywords = Some(items.iter().map(|&item| item.to_owned()).collect());
                self.set("Keywords", &items.join(", "))
            }
        }
    }

    /// Sets an entry that has no parameter of its own.
    pub(crate) fn custom(&mut self, key: &str, value: &str) -> Result<()> {
        if let Some(own) = OWN.iter().find(|own| own.eq_ignore_ascii_case(key)) {
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
        match self.entries.insert(key.to_owned(), value) {
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

/// The single keywords of a text with commas or semicolons.
pub(crate) fn keywords(text: &str) -> Vec<String> {
    let words = text.split([',', ';']).map(str::trim);
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
