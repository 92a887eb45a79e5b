//! The forms that texts must have, for editors: what `check` says in words of its own, as far as a regular expression can say it.

use serde_json::{Value, json};

/// Units from large to small, with at least one of them.
const DURATION: &str = r"^\s*(?=[0-9])(N\s*d\s*)?(N\s*h\s*)?(N\s*m\s*)?(N\s*s\s*)?(N\s*ms\s*)?$";
const NUMBER: &str = r"[0-9]+(\.[0-9]+)?";
/// The same, and not nothing.
const NOT_ZERO: &str = "(?=.*[1-9])";

/// Puts them into the schema of the spec, by the names of the keys.
pub(super) fn tighten(schema: &mut Value) {
    let Value::Object(map) = schema else {
        return;
    };
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        for (key, property) in properties {
            form(key, property);
            tighten(property);
        }
    }
    for word in ["$defs", "items", "anyOf"] {
        match map.get_mut(word) {
            Some(Value::Object(parts)) if word == "$defs" => {
                parts.values_mut().for_each(tighten);
            }
            Some(Value::Array(parts)) => parts.iter_mut().for_each(tighten),
            Some(part) => tighten(part),
            None => {}
        }
    }
}

fn form(key: &str, property: &mut Value) {
    let duration = || DURATION.replace('N', NUMBER);
    let pattern = match key {
        "quiet" | "backoff" | "max_backoff" => duration(),
        "timeout" | "stalled_after" => format!("{NOT_ZERO}{}", duration()),
        "id" => "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$".to_owned(),
        "webhook" => "^[Hh][Tt][Tt][Pp][Ss]?://.".to_owned(),
        "done_file" => r"^[^{}/]*\{(name|stem)\}[^{}/]*$".to_owned(),
        "max_growth" => {
            property["exclusiveMinimum"] = json!(0);
            property["maximum"] = json!(1_000_000);
            format!(r"^\s*{NOT_ZERO}[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?\s*[xX]?\s*$")
        }
        _ => return,
    };
    property["pattern"] = json!(pattern);
}
