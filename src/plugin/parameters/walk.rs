//! Which parts of a schema speak about which part of a value.

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
