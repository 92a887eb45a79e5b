//! Keys, types and allowed values: the schema of the spec held against the text, and what has a fault cut out.

use crate::pipeline::check::checker::Checker;
use crate::pipeline::check::{hints, names};
use crate::pipeline::spec::{self, PipelineSpec};
use crate::pipeline::units::duration;
use crate::pipeline::yaml::flaw::unescape;
use crate::plugin::parameters::Schema;
use crate::plugin::parameters::objection::{About, Objection, QUOTE};
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// The schema without what the operations add to it.
static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::new(spec::schema()).expect("the schema of the spec is a schema"));

impl Checker<'_> {
    /// The spec that `value` holds, as far as it has no faults.
    pub(super) fn shape(&mut self, mut value: Value) -> Option<PipelineSpec> {
        if value.is_null() {
            self.fault(
                "",
                "the file is empty",
                "a pipeline needs at least `watch` with its `folder`, and `steps`",
            );
            return None;
        }
        if !value.is_object() {
            self.fault(
                "",
                "a pipeline is a map of keys and values",
                "it starts for example with `watch:`",
            );
            return None;
        }
        for objection in SCHEMA.objections("", &value) {
            // What is half right inside `original` says nothing.
            if objection.pointer.starts_with("/original/") {
                self.cut.insert("/original".to_owned());
            } else if !matches!(objection.about, About::MissingKey(_)) {
                self.cut.insert(objection.pointer.clone());
            }
            self.objection("", &objection, &value);
        }
        // Deepest and last first, so that the pointers of what is still to be cut stay right.
        let mut cuts: Vec<String> = self.cut.iter().cloned().collect();
        cuts.sort_by(|a, b| b.cmp(a));
        for pointer in &cuts {
            cut(&mut value, pointer);
        }
        whole_numbers(&mut value);
        match serde_json::from_value(value) {
            Ok(spec) => Some(spec),
            Err(error) => {
                self.fault("", format!("this cannot be understood: {error}"), "");
                None
            }
        }
    }

    /// The fault that `objection` to the part of `whole` at `base` is.
    pub(super) fn objection(&mut self, base: &str, objection: &Objection, whole: &Value) {
        let pointer = format!("{base}{}", objection.pointer);
        if self.lost.contains(&pointer) {
            return;
        }
        let empty = whole.pointer(&objection.pointer).is_none_or(Value::is_null);
        let place = match objection.about {
            About::Value if !empty => self.tree.value_at(&pointer),
            _ => self.tree.key_at(&pointer),
        };
        let mut message = objection.message.clone();
        let mut hint = objection.hint.clone();
        if let (About::UnknownKey(key), "") = (&objection.about, base) {
            let (better, advice) = hints::unknown_key(&objection.pointer, key);
            message = better.unwrap_or(message);
            hint = advice.or(hint);
        }
        if objection.about == About::Value && base.is_empty() {
            match objection.pointer.as_str() {
                "/original" => {
                    message = message.replace("a map of keys and values", "`{archive: folder}`");
                }
                condition if condition.strip_suffix("/if").is_some_and(is_step) => {
                    message = message.replace("`true` or `false` or a text", "an expression");
                    message = message.replace("a text or `true` or `false`", "an expression");
                    hint = Some("for example `pdf.pages > 1 and not pdf.signed`".to_owned());
                }
                step if is_step(step) => {
                    hint = Some("a step starts with its operation: `- uses: rotate`".to_owned());
                }
                _ => {}
            }
        }
        if hint.as_ref().is_some_and(|hint| hint.starts_with(QUOTE))
            && let Some(written) = self.tree.written(self.text, &pointer)
        {
            // `1e5` is another text than `100000.0`.
            hint = Some(format!("{QUOTE}\"{written}\""));
        }
        if objection.kind.as_deref() == Some("duration")
            && let Some(value) = whole.pointer(&objection.pointer)
        {
            (message, hint) = about_duration(names::last(&pointer), value, message);
        }
        self.fault_at(place, &pointer, message).hint = hint;
    }
}

/// Makes `4.0` a 4, which a schema calls a whole number and serde does not. What `with` says is left as it is written.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let others = map.iter_mut().filter(|(key, _)| *key != "with");
            others.for_each(|(_, value)| whole_numbers(value));
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        number => make_whole(number),
    }
}

/// `value` with every whole number written as one.
pub(super) fn with_whole_numbers(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => map
            .values_mut()
            .for_each(|part| *part = with_whole_numbers(part.take())),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|part| *part = with_whole_numbers(part.take())),
        number => make_whole(number),
    }
    value
}

fn make_whole(value: &mut Value) {
    if value.is_f64()
        && let Some(number) = value.as_f64()
        && number.fract() == 0.0
        && number.abs() < 9e15
    {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        let whole = number as i64;
        *value = Value::from(whole);
    }
}

fn is_step(pointer: &str) -> bool {
    let index = pointer.strip_prefix("/steps/");
    index.is_some_and(|index| index.chars().all(|c| c.is_ascii_digit()))
}

fn about_duration(key: &str, value: &Value, otherwise: String) -> (String, Option<String>) {
    let hint = Some(hints::DURATION.to_owned());
    match value {
        Value::String(text) => match duration(text) {
            Err(why) => (format!("`{key}`: {why}"), hint),
            Ok(_) => (otherwise, hint),
        },
        Value::Number(number) => {
            let message = format!("`{key}` is the number {number} without a unit");
            (
                message,
                Some(format!(
                    "write for example `{number}s`, `{number}m` or `{number}h`"
                )),
            )
        }
        _ => (otherwise, hint),
    }
}

/// Takes the value at `pointer` out of `value`. A step becomes an empty one, so that the others keep their places; of any
/// other list the whole is taken.
fn cut(value: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        return;
    };
    match value.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.shift_remove(&unescape(last));
        }
        Some(Value::Array(steps)) if parent == "/steps" => {
            if let Some(step) = last
                .parse::<usize>()
                .ok()
                .and_then(|index| steps.get_mut(index))
            {
                *step = Value::Object(Map::new());
            }
        }
        Some(Value::Array(_)) => cut(value, parent),
        _ => {}
    }
}
