//! The plugin `metadata`: title, author, subject, keywords and others, in the Info dictionary and the XMP packet alike.

mod date;
mod metadata;
mod property;

use std::collections::BTreeMap;
use std::fmt;

use dropleaf_plugin_sdk::prelude::*;
use serde::de::{Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer};

use crate::property::Change;

/// Sets and removes metadata.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "allOf" = set_or_removed()))]
pub struct SetMetadata {
    /// The title; an empty one removes it.
    #[serde(default)]
    #[schemars(with = "String")]
    title: Option<String>,
    /// Who wrote it; an empty text removes the entry.
    #[serde(default)]
    #[schemars(with = "String")]
    author: Option<String>,
    /// What it is about; an empty text removes the entry.
    #[serde(default)]
    #[schemars(with = "String")]
    subject: Option<String>,
    /// Keywords: a list, in which each item is one, or one text with commas; an empty one removes the entry.
    #[serde(default)]
    #[schemars(with = "Keywords")]
    keywords: Option<Keywords>,
    /// Other entries by name, such as `Department: Sales`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names_of_custom()))]
    custom: BTreeMap<String, String>,
    /// Entries to remove: `title`, `author`, `subject`, `keywords`, `creator`, `producer`, or the name of another one.
    #[serde(default)]
    remove: Vec<String>,
}

/// The parameters that `custom` has no entry for and that `remove` may name, in the spelling of the Info dictionary.
const OWN: [&str; 4] = ["Title", "Author", "Subject", "Keywords"];

/// What is set cannot be removed as well; what is empty is removed anyhow.
fn set_or_removed() -> Json {
    let rule = |own: &str| {
        let parameter = own.to_ascii_lowercase();
        let set = json!({ "minLength": 1, "minItems": 1 });
        let others = json!({ "items": { "not": { "pattern": format!("^{}$", any_case(own)) } } });
        json!({
            "if": { "properties": { parameter.as_str(): set }, "required": [parameter] },
            "then": { "properties": { "remove": others } }
        })
    };
    OWN.into_iter().map(rule).collect()
}

/// Names that an entry of one's own may have.
fn names_of_custom() -> Json {
    let taken: Vec<String> = OWN.into_iter().map(any_case).collect();
    let taken = format!("^({}|{})$", taken.join("|"), property::NOT_TEXT.join("|"));
    json!({ "minLength": 1, "maxLength": 127, "not": { "pattern": taken } })
}

/// `word` in any spelling, as a regular expression that editors understand, too.
fn any_case(word: &str) -> String {
    let both = |letter: char| {
        let (large, small) = (letter.to_ascii_uppercase(), letter.to_ascii_lowercase());
        format!("[{large}{small}]")
    };
    word.chars().map(both).collect()
}

/// Keywords as they are given: one text, or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keywords {
    /// With commas or semicolons between them.
    Text(String),
    /// Each for itself.
    List(Vec<String>),
}

impl<'de> Deserialize<'de> for Keywords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
            type Value = Keywords;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Keywords, E> {
                Ok(Keywords::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Keywords, A::Error> {
                let items = Vec::<String>::deserialize(SeqAccessDeserializer::new(items))?;
                Ok(Keywords::List(items))
            }
        }

        deserializer.deserialize_any(Written)
    }
}

impl JsonSchema for Keywords {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Keywords".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
}

impl SetMetadata {
    fn change(&self) -> Result<Change> {
        let mut change = Change::default();
        let standard = [
            ("Title", self.title.as_ref()),
            ("Author", self.author.as_ref()),
            ("Subject", self.subject.as_ref()),
        ];
        for (key, value) in standard {
            if let Some(value) = value {
                change.set(key, value)?;
            }
        }
        if let Some(keywords) = &self.keywords {
            change.keywords(keywords)?;
        }
        for (key, value) in &self.custom {
            change.custom(key, value)?;
        }
        for key in &self.remove {
            change.remove(key)?;
        }
        Ok(change)
    }
}

impl Operation for SetMetadata {
    const NAME: &'static str = "set-metadata";
    const SUMMARY: &'static str =
        "Set or remove title, author, subject, keywords and other entries";
    const DESCRIPTION: &'static str = "Writes the Info dictionary and the XMP packet so that they agree; a missing packet is \
        made, and what it says otherwise stays. Entries that are not named keep their values; where the two disagreed \
        about one, dates included, the Info dictionary's holds. A document that claims to be PDF/A-4 and has no Info \
        dictionary gets none, which that forbids; one that claims to be PDF/A-1 to 3 does so no longer when it gets an entry \
        of one's own that its packet has no schema for, with a warning.";
    const NEEDS: &'static [&'static str] = &["leaf.run/1", "leaf.cos/1", "leaf.stream/1"];

    fn examples() -> Vec<Example> {
        vec![
            Example::new("Title and author", json!({ "title": "Annual report", "author": "Finance" })).expect_pages(4),
            Example::new(
                "Keywords and an entry of one's own; no trace of the scanner",
                json!({ "keywords": ["invoice", "2026"], "custom": { "Department": "Sales" }, "remove": ["creator", "producer"] }),
            )
            .expect_pages(4),
        ]
    }

    fn check(&self) -> Result<()> {
        self.change().map(|_| ())
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        metadata::apply(run, &self.change()?)?;
        run.progress(1, 1)
    }
}

export_plugin! {
    name: "metadata",
    description: "Set and remove the metadata of documents",
    operations: [SetMetadata],
}

#[cfg(test)]
mod tests;
