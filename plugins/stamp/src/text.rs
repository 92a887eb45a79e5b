//! The text of a stamp: a string with the two placeholders that only the operation can fill.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::number;
use crate::shape::Shaper;

/// The most characters a stamp may have: it is a line on a page, not a document.
const MAX_CHARS: usize = 10_000;

/// A piece of a stamp's text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Page,
    Pages,
}

/// Text that the font can show, with `{{ page }}` and `{{ pages }}` in it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Text {
    parts: Vec<Part>,
}

/// Why a text cannot be stamped.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TextError {
    /// Nothing to show.
    #[error("`text` is empty")]
    Empty,
    /// More than a stamp holds.
    #[error("`text` has {0} characters, a stamp holds {MAX_CHARS}")]
    Long(usize),
    /// The font lacks these.
    #[error("`text` has characters that the stamp's font (DejaVu Sans) lacks: {0}")]
    Missing(String),
}

impl Text {
    /// Whether it can be stamped: it shows something, is no novel, and the font has it.
    pub(crate) fn check(&self) -> Result<(), TextError> {
        let text = self.render(1_234_567_890, 1);
        if text.trim().is_empty() {
            return Err(TextError::Empty);
        }
        let length = text.chars().count();
        if length > MAX_CHARS {
            return Err(TextError::Long(length));
        }
        match Shaper::new().shape(&text) {
            Ok(_) => Ok(()),
            Err(missing) => Err(TextError::Missing(name(&missing))),
        }
    }

    /// Whether every page shows the same.
    #[must_use]
    pub(crate) fn is_constant(&self) -> bool {
        self.parts
            .iter()
            .all(|part| matches!(part, Part::Literal(_)))
    }

    /// The text of page `page` (from 1) of `pages`.
    #[must_use]
    pub(crate) fn render(&self, page: u32, pages: u32) -> String {
        let mut text = String::with_capacity(64);
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Page => number::push_integer(page, &mut text),
                Part::Pages => number::push_integer(pages, &mut text),
            }
        }
        text
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self {
            parts: parts(&text),
        }
    }
}

impl JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"\S",
            "maxLength": MAX_CHARS,
            "x-dropleaf-variables": ["page", "pages"],
        })
    }
}

/// Cuts at `{{ page }}` and `{{ pages }}`; any other braces are text.
fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let inner = &rest[at + 2..];
        let placeholder = inner.find("}}").and_then(|end| match inner[..end].trim() {
            "page" => Some((Part::Page, end + 2)),
            "pages" => Some((Part::Pages, end + 2)),
            _ => None,
        });
        if let Some((part, length)) = placeholder {
            literal.push_str(&rest[..at]);
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(part);
            rest = &inner[length..];
        } else {
            literal.push_str(&rest[..at + 1]);
            rest = &rest[at + 1..];
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    parts
}

/// Names characters for an error: as they are and by number, the first few of them.
fn name(missing: &[char]) -> String {
    let mut names: Vec<String> = missing
        .iter()
        .take(10)
        .map(|c| {
            if c.is_control() {
                format!("U+{:04X}", u32::from(*c))
            } else {
                format!("`{c}` (U+{:04X})", u32::from(*c))
            }
        })
        .collect();
    if missing.len() > 10 {
        names.push(format!("and {} more", missing.len() - 10));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(
            Text::from(text.to_owned()).render(3, 12),
            expected,
            "{text}"
        );
    }

    #[test]
    fn placeholders_are_filled_whatever_their_spaces() {
        check("{{ page }}/{{pages}}", "3/12");
        check("{{  page  }} of {{\tpages }}", "3 of 12");
        check("{{ page }}{{ page }}", "33");
    }

    #[test]
    fn other_braces_are_text() {
        check("{{ name }} {page} }}{{", "{{ name }} {page} }}{{");
        check("{{{page}}}", "{3}");
        check("{{ {{ page }}", "{{ 3");
    }

    #[test]
    fn a_text_says_whether_it_is_the_same_on_every_page() {
        assert!(Text::from("DRAFT".to_owned()).is_constant());
        assert!(!Text::from("{{ page }}".to_owned()).is_constant());
    }

    #[test]
    fn bad_texts_are_refused_by_name() {
        let error = |text: &str| {
            Text::from(text.to_owned())
                .check()
                .expect_err("bad")
                .to_string()
        };
        assert_eq!(error(" \n"), "`text` is empty");
        assert_eq!(
            error("a漢\u{1}"),
            "`text` has characters that the stamp's font (DejaVu Sans) lacks: `漢` (U+6F22), U+0001"
        );
        assert!(error(&"x".repeat(10_001)).contains("10001 characters"));
        assert_eq!(Text::from("Page {{ page }}".to_owned()).check(), Ok(()));
    }
}
