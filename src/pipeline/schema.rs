//! One JSON Schema for editors: the spec with every installed operation's parameters.

mod forms;

use crate::pipeline::spec;
use crate::pipeline::template::filters::{FILTERS, TESTS};
use crate::pipeline::template::scope::GROUPS;
use crate::plugin::catalog::{Catalog, Found};
use crate::plugin::parameters::Schema;
use serde_json::{Map, Value, json};

/// The JSON Schema (2020-12) of a pipeline file with the operations in `catalog`, so that editors complete `uses` and `with`.
#[must_use]
pub fn pipeline(catalog: &Catalog) -> Value {
    let mut schema = spec::schema();
    forms::tighten(&mut schema);
    let mut definitions = Map::new();
    let mut choices = Vec::new();
    let mut rules = Vec::new();
    for found in catalog.operations() {
        let short = catalog.shortest_name(&found);
        let full = found.full_name();
        let definition = full.replace('/', ".");
        choices.push(json!({"const": short, "description": found.operation.summary}));
        let mut names = vec![full];
        if short != names[0] {
            names.push(short);
        }
        rules.push(rule(&found, &names, &definition));
        definitions.insert(definition.clone(), parameters(&found, &definition));
    }
    let full_names: Vec<String> = catalog
        .operations()
        .map(|found| found.full_name())
        .collect();
    if let Some(Value::Object(step)) = schema.pointer_mut("/$defs/StepSpec") {
        if let Some(Value::Object(uses)) = step
            .get_mut("properties")
            .and_then(|all| all.get_mut("uses"))
            && !choices.is_empty()
        {
            choices.push(json!({"enum": full_names}));
            uses.insert("anyOf".to_owned(), Value::Array(choices));
        }
        if !rules.is_empty() {
            step.insert("allOf".to_owned(), Value::Array(rules));
        }
    }
    if let Some(Value::Object(all)) = schema.get_mut("$defs") {
        all.extend(definitions);
    }
    schema["x-dropleaf-templates"] = templates();
    schema
}

/// What templates and conditions may name, which JSON Schema has no word for: groups of variables, filters and tests. Beside the
/// groups there are `steps.<id>.<result>`, `env.<NAME>`, `now`, and what an operation's parameter names in `x-dropleaf-variables`.
fn templates() -> Value {
    let named = |all: &[(&str, &str)]| -> Vec<Value> {
        all.iter()
            .map(|(name, about)| json!({"name": name, "about": about}))
            .collect()
    };
    let groups: Vec<Value> = GROUPS
        .iter()
        .map(|group| {
            json!({"name": group.name, "about": group.about, "variables": named(group.variables)})
        })
        .collect();
    json!({"groups": groups, "filters": named(FILTERS), "tests": TESTS})
}

/// Where `uses` is this operation, `with` has its parameters.
fn rule(found: &Found<'_>, names: &[String], definition: &str) -> Value {
    let with = json!({"$ref": format!("#/$defs/{definition}")});
    let schema = Schema::of_parameters(&found.operation.parameters);
    let needs_none = schema.is_ok_and(|schema| schema.objections("", &json!({})).is_empty());
    let then = if needs_none {
        json!({"properties": {"with": {"anyOf": [with, {"type": "null"}]}}})
    } else {
        json!({"properties": {"with": with}, "required": ["with"]})
    };
    json!({
        "if": {"properties": {"uses": {"enum": names}}, "required": ["uses"]},
        "then": then
    })
}

/// The operation's parameters as a part of a larger schema.
fn parameters(found: &Found<'_>, definition: &str) -> Value {
    let mut schema = found.operation.parameters.clone();
    rebase(&mut schema, definition);
    allow_templates(&mut schema);
    let Value::Object(map) = &mut schema else {
        return json!({"type": "object"});
    };
    map.shift_remove("$schema");
    map.shift_remove("$id");
    map.insert("title".to_owned(), json!(found.full_name()));
    if !map.contains_key("additionalProperties") && !map.contains_key("unevaluatedProperties") {
        map.insert("unevaluatedProperties".to_owned(), json!(false));
    }
    let about = [
        found.operation.summary.as_str(),
        found.operation.description.as_str(),
    ];
    let about: Vec<&str> = about.into_iter().filter(|text| !text.is_empty()).collect();
    map.insert("description".to_owned(), json!(about.join("\n\n")));
    schema
}

/// References to the schema itself now lead to where it lies in the larger one.
fn rebase(schema: &mut Value, definition: &str) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get_mut("$ref")
                && let Some(path) = target.strip_prefix('#')
            {
                *target = format!("#/$defs/{definition}{path}");
            }
            map.values_mut().for_each(|part| rebase(part, definition));
        }
        Value::Array(items) => items.iter_mut().for_each(|part| rebase(part, definition)),
        _ => {}
    }
}

/// A number, flag or word may also be a text with a template, as `check` has it.
fn allow_templates(schema: &mut Value) {
    let Value::Object(map) = schema else {
        return;
    };
    for word in ["properties", "$defs", "patternProperties"] {
        if let Some(Value::Object(parts)) = map.get_mut(word) {
            parts.values_mut().for_each(allow_templates);
        }
    }
    for word in ["items", "additionalProperties"] {
        if let Some(part) = map.get_mut(word) {
            allow_templates(part);
        }
    }
    for word in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        if let Some(Value::Array(parts)) = map.get_mut(word) {
            parts.iter_mut().for_each(allow_compound);
        }
    }
    if !is_scalar(map) {
        return;
    }
    let kept: Map<String, Value> = ["description", "default", "title", "examples"]
        .into_iter()
        .filter_map(|word| Some((word.to_owned(), map.shift_remove(word)?)))
        .collect();
    let strict = std::mem::replace(map, kept);
    let template = json!({"type": "string", "pattern": r"\{[{%]"});
    map.insert("anyOf".to_owned(), json!([strict, template]));
}

/// Alternatives stay as they are; only what lies in them may hold templates.
fn allow_compound(schema: &mut Value) {
    if let Value::Object(map) = schema
        && !is_scalar(map)
    {
        allow_templates(schema);
    }
}

/// Whether a template could stand for the value: it is no map or list, nor any text at all.
fn is_scalar(map: &Map<String, Value>) -> bool {
    let words = |schema: &Value| schema.get("const").is_some() || schema.get("enum").is_some();
    if map.contains_key("const") || map.contains_key("enum") {
        return true;
    }
    if let Some(Value::Array(choices)) = map.get("oneOf").or_else(|| map.get("anyOf")) {
        return choices
            .iter()
            .all(|choice| words(choice) || choice.as_object().is_some_and(is_scalar_or_null));
    }
    is_typed_scalar(map)
}

fn is_scalar_or_null(map: &Map<String, Value>) -> bool {
    map.get("type").is_some_and(|kind| kind == "null") || is_scalar(map)
}

fn is_typed_scalar(map: &Map<String, Value>) -> bool {
    let limited = ["pattern", "maxLength", "minLength", "format"]
        .iter()
        .any(|word| map.contains_key(*word));
    let scalar = |kind: &Value| match kind.as_str() {
        Some("integer" | "number" | "boolean") => true,
        Some("string") => limited,
        Some("null") => true,
        _ => false,
    };
    match map.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().all(scalar),
        Some(kind) => kind != "null" && scalar(kind),
        None => false,
    }
}

#[cfg(test)]
mod tests;
