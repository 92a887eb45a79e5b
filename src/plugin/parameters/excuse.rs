//! What templates excuse: nobody knows yet what they become.

use crate::plugin::words::holds_template;
use jsonschema::JsonType;
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind as Kind};
use serde_json::Value;

/// Whether the value in question is a text whose template could become what the schema wants.
pub(super) fn excused(error: &ValidationError<'_>) -> bool {
    match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            context.iter().any(|branch| branch.iter().all(excused))
        }
        Kind::Type { kind } if templated(error.instance()) => {
            // A text never becomes nothing.
            let compound_only = types(kind)
                .iter()
                .all(|kind| matches!(kind, JsonType::Array | JsonType::Object | JsonType::Null));
            !compound_only || one_expression(error.instance())
        }
        _ => templated(error.instance()),
    }
}

pub(super) fn any_template(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().any(any_template),
        Value::Array(list) => list.iter().any(any_template),
        other => templated(other),
    }
}

fn templated(value: &Value) -> bool {
    value.as_str().is_some_and(holds_template)
}

/// Such a text becomes whatever its expression yields, a list for example.
fn one_expression(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        let text = text.trim();
        text.starts_with("{{") && text.ends_with("}}") && text.matches("{{").count() == 1
    })
}

pub(super) fn types(kind: &TypeKind) -> Vec<JsonType> {
    match kind {
        TypeKind::Single(kind) => vec![*kind],
        TypeKind::Multiple(set) => set.iter().collect(),
    }
}
