//! What a JSON Schema (2020-12) says about a value, in plain words, all of it at once.
//!
//! Parameters come from YAML, so that a text may hold a template whose value is not known yet: such a text counts as any
//! scalar, and the operation checks what it became.

mod excuse;
mod forms;
pub mod objection;
mod walk;

use crate::plugin::parameters::objection::{About, Objection, objections};
use crate::plugin::parameters::walk::Walk;
use crate::plugin::words;
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A schema that compiled.
pub struct Schema {
    raw: Value,
    validator: Validator,
}

/// The values that the parameter `key` may have, where the schema lists them all.
#[must_use]
pub fn choices<'a>(schema: &'a Value, key: &str) -> Vec<&'a Value> {
    Walk::new(schema).choices(key)
}

/// The keys of the map that the parameter `key` is, with their schemas.
#[must_use]
pub fn members<'a>(schema: &'a Value, key: &str) -> Vec<(&'a String, &'a Value)> {
    Walk::new(schema).members(key)
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
        // What such a key belongs to has been said, if there is more to say.
        if found.iter().any(|one| one.about != About::MisplacedKey) {
            found.retain(|one| one.about != About::MisplacedKey);
        }
        found
    }

    /// `rendered`, which the templates in `written` made, with each value in the type that its place wants: a number where
    /// only text may stand becomes text, nothing becomes an empty text, and a text that says a number or flag becomes that
    /// where no text may stand. What was no template stays as it is, and so does what fits nowhere.
    #[must_use]
    pub fn fit(&self, written: &Value, rendered: Value) -> Value {
        Walk::new(&self.raw).fit(written, rendered)
    }

    /// As the function of that name, for this schema.
    #[must_use]
    pub fn own_variables(&self, value: &Value) -> BTreeMap<String, Vec<String>> {
        own_variables(&self.raw, value)
    }
}

/// The template variables that an operation with this schema of parameters fills in itself, by JSON pointer of the text in
/// `value`.
#[must_use]
pub fn own_variables(schema: &Value, value: &Value) -> BTreeMap<String, Vec<String>> {
    Walk::new(schema).own_variables(value)
}

#[cfg(test)]
mod tests;
