//! What a JSON Schema (2020-12) says about a value, in plain words, all of it at once.
//!
//! Parameters come from YAML, so that a text may hold a template whose value is not known yet: such a text counts as any
//! scalar, and the operation checks what it became.

mod objection;
mod walk;
mod words;

use crate::plugin::parameters::objection::objections;
use crate::plugin::parameters::walk::Walk;
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A schema that compiled.
pub struct Schema {
    raw: Value,
    validator: Validator,
}

/// One thing that a schema has against a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Objection {
    /// JSON pointer of the value in question; for an unknown key that key's value, for a missing one the map that lacks it.
    pub pointer: String,
    /// What is wrong, in plain words.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The schema's `x-dropleaf-kind`, where a caller may have better words for it.
    pub kind: Option<String>,
    /// What sort of objection it is.
    pub about: About,
}

/// What an objection is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A key that the schema does not know.
    UnknownKey(String),
    /// A key that must be there.
    MissingKey(String),
    /// A value.
    Value,
}

impl Schema {
    /// Compiles `raw` as it stands.
    ///
    /// # Errors
    /// Why it is no schema, as one sentence.
    pub fn new(raw: Value) -> Result<Self, String> {
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .build(&raw)
            .map_err(|error| words::shorten(&error.to_string(), 300))?;
        Ok(Self { raw, validator })
    }

    /// Compiles the schema of an operation's parameters: unknown keys are objected to even where it does not say so.
    ///
    /// # Errors
    /// Why it is no schema of parameters, as one sentence.
    pub fn of_parameters(raw: &Value) -> Result<Self, String> {
        let Value::Object(map) = raw else {
            return Err("the schema of the parameters is not a JSON object".to_owned());
        };
        if map.get("type").is_some_and(|kind| kind != "object") {
            return Err("the schema of the parameters must have the type `object`".to_owned());
        }
        let mut closed: Map<String, Value> = map.clone();
        closed.entry("type").or_insert_with(|| json!("object"));
        if !closed.contains_key("additionalProperties")
            && !closed.contains_key("unevaluatedProperties")
        {
            closed.insert("unevaluatedProperties".to_owned(), json!(false));
        }
        Self::new(Value::Object(closed))
    }

    /// Everything that the schema has against `value`, which is called `subject` where it has no key of its own.
    #[must_use]
    pub fn objections(&self, subject: &str, value: &Value) -> Vec<Objection> {
        let mut found = Vec::new();
        for error in self.validator.iter_errors(value).take(200) {
            found.extend(objections(&self.raw, subject, &error));
        }
        found
    }

    /// The template variables that the operation fills in itself, by JSON pointer of the text in `value`.
    #[must_use]
    pub fn own_variables(&self, value: &Value) -> BTreeMap<String, Vec<String>> {
        Walk::new(&self.raw).own_variables(value)
    }
}

/// Whether `text` holds something that a template engine would look at.
#[must_use]
pub fn holds_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// The one of `known` that was probably meant by `wrong`.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    known
        .into_iter()
        .map(|word| (closeness(&wrong, &word.to_lowercase()), word))
        .filter(|(score, _)| *score >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// From 0 to 1; a word that only lacks or has something at an end is close too.
fn closeness(wrong: &str, word: &str) -> f64 {
    let plain = |text: &str| text.replace(['-', '_', ' '], "");
    let (wrong, word) = (plain(wrong), plain(word));
    if wrong == word {
        return 1.0;
    }
    if wrong.len() >= 3 && (word.starts_with(&wrong) || wrong.starts_with(&word) && word.len() >= 3)
    {
        return 0.85;
    }
    strsim::normalized_damerau_levenshtein(&wrong, &word)
}

#[cfg(test)]
mod tests;
