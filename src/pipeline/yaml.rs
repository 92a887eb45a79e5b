//! Reading a pipeline file: bounded, with the place of every key and value, and every structural fault in plain words.
//!
//! Theory of operation. Two parsers see the text, each for what it is good at. `saphyr-parser` comes first and tells where
//! everything lies: its events make a [`Tree`], and they are the guard: depth, number of values, aliases, tags, keys given
//! twice and second documents are found there before any value is built. Only a text that passed the guard reaches
//! `serde_yaml`, which says what the values are. `docs/decisions/0003-serde-yaml-contained.md` has the reasons.

pub(crate) mod build;
pub(crate) mod flaw;
mod plain_words;
mod scalar;
pub(crate) mod text;
pub(crate) mod tree;

use crate::pipeline::fault::Fault;
use crate::pipeline::yaml::flaw::{Flaw, Place};
use crate::pipeline::yaml::tree::Tree;
use serde_json::Value;
use std::collections::HashSet;

/// A pipeline file that could be read, with the faults of its structure.
pub(crate) struct Read<'a> {
    /// The text without its byte order mark.
    pub(crate) text: &'a str,
    /// Where everything lies.
    pub(crate) tree: Tree,
    /// What it says; `None` where the structure is too broken to tell.
    pub(crate) value: Option<Value>,
    /// What is wrong with the structure.
    pub(crate) faults: Vec<Fault>,
    /// Pointers of values that are lost, of which the faults tell already.
    pub(crate) lost: HashSet<String>,
}

/// Reads `bytes`.
///
/// # Errors
/// The one fault that makes the text unreadable: too large, not UTF-8, not YAML.
pub(crate) fn read<'a>(file: &str, bytes: &'a [u8]) -> Result<Read<'a>, Box<Fault>> {
    let at = |flaw: Flaw| Box::new(flaw.fault(file));
    let text = text::check(bytes).map_err(at)?;
    let parsed = build::parse(text).map_err(at)?;
    let mut faults: Vec<Fault> = parsed
        .flaws
        .into_iter()
        .map(|flaw| flaw.fault(file))
        .collect();
    let mut value = None;
    if !parsed.hides_values {
        match serde_yaml::from_str::<Value>(text) {
            // A key that is given twice is known already, and counts once in one of the two.
            Ok(read) if faults.is_empty() => match parsed.tree.parts_from(&read) {
                None => value = Some(read),
                Some(place) => faults.push(ambiguous(place).fault(file)),
            },
            Ok(read) => value = Some(read),
            Err(error) => faults.push(unreadable(&error).fault(file)),
        }
    }
    Ok(Read {
        text,
        tree: parsed.tree,
        value,
        faults,
        lost: parsed.lost,
    })
}

/// What the two parsers do not read alike: what the guard has counted is not what `serde_yaml` would say.
fn ambiguous(place: Place) -> Flaw {
    Flaw::new(place, "this can be read in two ways").hint(
        "write it more plainly: one key a line, texts in double quotes, nothing odd in the indentation",
    )
}

/// What the guard let pass and `serde_yaml` still refuses, such as a number beyond 64 bits.
fn unreadable(error: &serde_yaml::Error) -> Flaw {
    let place = error.location().map_or(Place::START, |location| Place {
        line: u32::try_from(location.line()).unwrap_or(u32::MAX),
        column: u32::try_from(location.column()).unwrap_or(u32::MAX),
    });
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    if let Some(path) = reason.strip_suffix("JSON number out of range") {
        let key = path.trim_end_matches(": ");
        let what = match key {
            "" => "a number here".to_owned(),
            key => format!("the number at `{key}`"),
        };
        return Flaw::new(place, format!("{what} is too large to be read"))
            .hint("write a smaller one, or put it in quotes if it is a text");
    }
    Flaw::new(place, format!("this cannot be read as YAML: {reason}"))
}
