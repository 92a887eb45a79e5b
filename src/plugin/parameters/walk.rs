//! Which parts of a schema speak about which part of a value.

use crate::plugin::words::holds_template;
use serde_json::Value;
use std::collections::BTreeMap;

/// Subschemas looked at for one place of a value; a schema that refers to itself ends here.
const MAX_PARTS: usize = 256;

/// A schema to find parts of.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    root: &'a Value,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root }
    }

    /// The keys that the map at `pointer` may have, in the schema's order.
    pub(super) fn keys_at(&self, pointer: &str) -> Vec<&'a str> {
        let mut keys = Vec::new();
        for part in self.parts_at(pointer) {
            if let Some(Value::Object(properties)) = part.get("properties") {
                for (key, schema) in properties {
                    if *schema != Value::Bool(false) && !keys.contains(&key.as_str()) {
                        keys.push(key.as_str());
                    }
                }
            }
        }
        keys
    }

    /// The first sentence of the description of `key` in the map at `pointer`.
    pub(super) fn description(&self, pointer: &str) -> Option<&'a str> {
        self.parts_at(pointer)
            .into_iter()
            .find_map(|part| part.get("description")?.as_str())
    }

    /// The values that `key` of the whole may have, in the schema's order; none where others are allowed, too.
    pub(super) fn choices(&self, key: &str) -> Vec<&'a Value> {
        let leads_on = |part: &Value| {
            let words = ["$ref", "allOf", "anyOf", "oneOf", "if", "then", "else"];
            words.iter().any(|word| part.get(word).is_some())
        };
        let mut found = Vec::new();
        let key = key.replace('~', "~0").replace('/', "~1");
        for part in self.parts_at(&format!("/{key}")) {
            match (
                part.get("enum").and_then(Value::as_array),
                part.get("const"),
            ) {
                (Some(values), _) => found.extend(values),
                (None, Some(value)) => found.push(value),
                (None, None) if leads_on(part) || part["type"] == "null" => {}
                (None, None) => return Vec::new(),
            }
        }
        found.retain(|value| !value.is_null());
        found
    }

    /// The keys of the map that `key` of the whole is, with what is said of them.
    pub(super) fn members(&self, key: &str) -> Vec<(&'a String, &'a Value)> {
        let key = key.replace('~', "~0").replace('/', "~1");
        let parts = self.parts_at(&format!("/{key}")).into_iter();
        parts
            .filter_map(|part| part.get("properties")?.as_object())
            .flatten()
            .collect()
    }

    /// The parts of the schema that speak about the value at `pointer`.
    fn parts_at(&self, pointer: &str) -> Vec<&'a Value> {
        let mut parts = self.expand(vec![self.root]);
        for segment in pointer.split('/').skip(1) {
            let segment = segment.replace("~1", "/").replace("~0", "~");
            parts = self.expand(
                parts
                    .into_iter()
                    .flat_map(|part| below(part, &segment))
                    .collect(),
            );
        }
        parts
    }

    /// `parts` with everything that applies to the same value: references and combinations.
    fn expand(&self, parts: Vec<&'a Value>) -> Vec<&'a Value> {
        let mut found: Vec<&'a Value> = Vec::new();
        let mut queue = parts;
        queue.reverse();
        while let Some(part) = queue.pop() {
            if found.len() >= MAX_PARTS || found.iter().any(|known| std::ptr::eq(*known, part)) {
                continue;
            }
            found.push(part);
            if let Some(target) = part.get("$ref").and_then(Value::as_str) {
                let target = target
                    .strip_prefix('#')
                    .and_then(|path| self.root.pointer(path));
                queue.extend(target);
            }
            for word in ["allOf", "anyOf", "oneOf"] {
                queue.extend(
                    part.get(word)
                        .and_then(Value::as_array)
                        .into_iter()
                        .flatten()
                        .rev(),
                );
            }
            queue.extend(
                ["then", "else", "if"]
                    .iter()
                    .filter_map(|word| part.get(word)),
            );
        }
        found
    }

    pub(super) fn own_variables(&self, value: &Value) -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::new();
        let parts = self.expand(vec![self.root]);
        self.collect(value, &parts, &[], &mut String::new(), &mut found);
        found
    }

    pub(super) fn fit(&self, written: &Value, rendered: Value) -> Value {
        self.fit_part(written, rendered, &self.expand(vec![self.root]))
    }

    fn fit_part(&self, written: &Value, rendered: Value, parts: &[&'a Value]) -> Value {
        let child = |segment: &str, written: &Value, rendered: Value| {
            let below = parts.iter().flat_map(|part| below(part, segment)).collect();
            self.fit_part(written, rendered, &self.expand(below))
        };
        match (written, rendered) {
            (Value::Object(before), Value::Object(after)) => {
                let entries = after.into_iter().map(|(key, value)| {
                    let before = before.get(&key).unwrap_or(&Value::Null);
                    let value = child(&key, before, value);
                    (key, value)
                });
                Value::Object(entries.collect())
            }
            (Value::Array(before), Value::Array(after)) => {
                let items = before.iter().zip(after).enumerate();
                let items =
                    items.map(|(index, (before, after))| child(&index.to_string(), before, after));
                Value::Array(items.collect())
            }
            (Value::String(template), value) if holds_template(template) => fit_value(value, parts),
            (_, value) => value,
        }
    }

    fn collect(
        &self,
        value: &Value,
        parts: &[&'a Value],
        inherited: &[String],
        pointer: &mut String,
        found: &mut BTreeMap<String, Vec<String>>,
    ) {
        let mut names = inherited.to_vec();
        for list in parts
            .iter()
            .filter_map(|part| part.get("x-dropleaf-variables")?.as_array())
        {
            for name in list.iter().filter_map(Value::as_str) {
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
        let mut child = |segment: &str, value: &Value, found: &mut BTreeMap<_, _>| {
            let length = pointer.len();
            pointer.push('/');
            pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
            let below = parts.iter().flat_map(|part| below(part, segment)).collect();
            self.collect(value, &self.expand(below), &names, pointer, found);
            pointer.truncate(length);
        };
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| child(key, value, found)),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(index, value)| child(&index.to_string(), value, found)),
            Value::String(_) if !names.is_empty() => {
                found.insert(pointer.clone(), names);
            }
            _ => {}
        }
    }
}

/// `value` in the type that `parts` speak of, where they speak of one and it can be had.
fn fit_value(value: Value, parts: &[&Value]) -> Value {
    let types: Vec<&str> = parts.iter().flat_map(|part| types_of(part)).collect();
    let wants = |name: &str| types.contains(&name);
    match &value {
        Value::Null if wants("string") && !wants("null") => Value::from(""),
        Value::Number(number) if wants("string") && !wants("number") && !wants("integer") => {
            Value::from(number.to_string())
        }
        Value::Bool(flag) if wants("string") && !wants("boolean") => Value::from(flag.to_string()),
        Value::String(text) if !types.is_empty() && !wants("string") => {
            let read: Value = serde_json::from_str(text.trim()).unwrap_or_default();
            let fits = match &read {
                Value::Number(number) => wants("number") || wants("integer") && !number.is_f64(),
                Value::Bool(_) => wants("boolean"),
                _ => false,
            };
            if fits { read } else { value }
        }
        _ => value,
    }
}

/// The types of the values that `part` itself allows.
fn types_of(part: &Value) -> Vec<&str> {
    let type_of = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let mut types: Vec<&str> = match part.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    types.extend(part.get("const").map(type_of));
    types.extend(
        part.get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(type_of),
    );
    types
}

/// What `part` says about the value under `segment`.
fn below<'a>(part: &'a Value, segment: &str) -> Vec<&'a Value> {
    if let Some(property) = part.get("properties").and_then(|all| all.get(segment)) {
        return vec![property];
    }
    let mut found: Vec<&'a Value> = Vec::new();
    found.extend(part.get("additionalProperties"));
    if let Ok(index) = segment.parse::<usize>() {
        match part.get("prefixItems").and_then(|all| all.get(index)) {
            Some(item) => found.push(item),
            None => found.extend(part.get("items")),
        }
    }
    found.retain(|schema| schema.is_object());
    found
}
