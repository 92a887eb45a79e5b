//! The forms that a map may have, told apart by the keys that each must have: `every` or `ranges`.

use crate::plugin::parameters::walk::Walk;
use crate::plugin::words::{either, first_sentence};
use jsonschema::error::{ValidationError, ValidationErrorKind as Kind};
use serde_json::Value;

/// What each form that a map could have still lacks, in words, where that is all that any of them has against it. There are two
/// forms at least.
pub(super) fn lacking<'e>(
    here: &str,
    forms: impl Iterator<Item = &'e Vec<ValidationError<'static>>>,
) -> Option<Vec<String>> {
    let lacks = |error: &ValidationError<'static>| match error.kind() {
        Kind::Required { property } if error.instance_path().as_str() == here => {
            property.as_str().map(str::to_owned)
        }
        _ => None,
    };
    let all: Option<Vec<String>> = forms
        .map(|form| {
            let keys: Option<Vec<String>> = form.iter().map(lacks).collect();
            keys.map(|keys| together(&keys))
        })
        .collect();
    several(all?)
}

/// The keys that the map `is` has of more than one form, in words by form, where `rule` tells its forms apart by the keys that
/// each must have.
pub(super) fn mixed(rule: &Value, is: &Value) -> Option<Vec<Vec<String>>> {
    let forms = rule.get("oneOf")?.as_array()?;
    let is = is.as_object()?;
    let needed: Vec<Vec<&str>> = forms
        .iter()
        .map(|form| {
            let keys = form.get("required").and_then(Value::as_array);
            let keys = keys.into_iter().flatten().filter_map(Value::as_str);
            keys.collect()
        })
        .collect();
    let in_all = |key: &str| needed.iter().all(|keys| keys.contains(&key));
    let mut had: Vec<Vec<String>> = needed
        .iter()
        .filter(|keys| keys.iter().all(|key| is.contains_key(*key)))
        .map(|keys| {
            let own = keys.iter().filter(|key| !in_all(key));
            own.map(|key| (*key).to_owned()).collect()
        })
        .collect();
    had.dedup();
    (had.len() > 1 && had.iter().all(|keys| !keys.is_empty())).then_some(had)
}

/// `` `a` and `b` ``.
pub(super) fn together(keys: &[String]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    match keys.split_last() {
        Some((last, before)) if !before.is_empty() => {
            format!("{} and {last}", before.join(", "))
        }
        _ => keys.concat(),
    }
}

/// What the first key of each form means, for who has to choose one of them.
pub(super) fn choice(walk: Walk<'_>, here: &str, forms: &[Vec<String>]) -> String {
    let about = |keys: &Vec<String>| {
        let meaning = keys
            .first()
            .and_then(|key| walk.description(&format!("{here}/{}", escape(key))));
        match meaning {
            Some(meaning) => format!("{} ({})", together(keys), first_sentence(meaning)),
            None => together(keys),
        }
    };
    format!("keep only {}", either(forms.iter().map(about).collect()))
}

fn several(mut words: Vec<String>) -> Option<Vec<String>> {
    words.dedup();
    (words.len() > 1).then_some(words)
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
