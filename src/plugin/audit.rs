//! Whether a manifest is fit to be installed.

use crate::plugin::catalog::is_name;
use crate::plugin::manifest::{Manifest, Operation};
use crate::plugin::parameters::Schema;
use serde::Deserialize as _;
use serde_json::Value;
use std::collections::HashSet;

impl Manifest {
    /// Reads one. What is missing or wrong in an operation is told with the operation's name: nobody counts the columns of a text that a
    /// compiler has put together.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    pub fn read(text: &str) -> Result<Self, String> {
        let whole = |error: serde_json::Error| {
            let found = serde_json::from_str::<Value>(text).ok();
            let operations = found
                .as_ref()
                .and_then(|found| found["operations"].as_array());
            let of_one = operations.into_iter().flatten().enumerate().find_map(wrong);
            of_one.unwrap_or_else(|| error.to_string())
        };
        serde_json::from_str(text).map_err(whole)
    }

    /// Everything that keeps the plugin from being installed, as sentences; empty for a sound manifest.
    #[must_use]
    pub fn check(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if !is_name(&self.name) {
            reasons.push(bad_name("the plugin's name", &self.name));
        }
        if self.version.trim().is_empty() || self.version.len() > 64 {
            reasons.push("the plugin has no version".to_owned());
        } else if !is_version(&self.version) {
            reasons.push(format!(
                "the plugin's version `{}` is no semantic version, like 1.2.0",
                self.version
            ));
        }
        if self.operations.is_empty() {
            reasons.push("the plugin offers no operation".to_owned());
        }
        let mut seen = HashSet::new();
        for operation in &self.operations {
            if !seen.insert(operation.name.as_str()) {
                reasons.push(format!("the operation `{}` is there twice", operation.name));
            }
            check_operation(operation, &mut reasons);
        }
        reasons
    }
}

/// What is wrong with the form of an operation, if anything is.
fn wrong((index, operation): (usize, &Value)) -> Option<String> {
    let error = Operation::deserialize(operation).err()?;
    Some(match operation["name"].as_str() {
        Some(name) => format!("operation `{name}`: {error}"),
        None => format!("operation number {}: {error}", index + 1),
    })
}

fn check_operation(operation: &Operation, reasons: &mut Vec<String>) {
    let name = &operation.name;
    if !is_name(name) {
        reasons.push(bad_name("an operation's name", name));
    }
    if operation.summary.trim().is_empty() {
        reasons.push(format!("the operation `{name}` has no summary"));
    }
    let schema = match Schema::of_parameters(&operation.parameters) {
        Ok(schema) => schema,
        Err(why) => {
            reasons.push(format!(
                "the parameters of `{name}` have no valid JSON Schema: {why}"
            ));
            return;
        }
    };
    for example in &operation.examples {
        for objection in schema.objections("the example", &example.with) {
            reasons.push(format!(
                "the example `{}` of `{name}` does not fit its own schema: {}",
                example.title, objection.message
            ));
        }
    }
}

/// `1.2.0`, and behind it `-rc.1` or `+build` (Semantic Versioning 2.0.0).
fn is_version(text: &str) -> bool {
    let (core, build) = text.split_once('+').unwrap_or((text, "0"));
    let (core, pre) = core.split_once('-').unwrap_or((core, "0"));
    let is_number = |part: &str| {
        let has_zero = part.len() > 1 && part.starts_with('0');
        !part.is_empty() && !has_zero && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_label = |part: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !part.is_empty() && part.bytes().all(is_plain)
    };
    core.split('.').count() == 3
        && core.split('.').all(is_number)
        && pre.split('.').all(is_label)
        && build.split('.').all(is_label)
}

fn bad_name(what: &str, name: &str) -> String {
    let shown: String = name.chars().take(80).collect();
    format!(
        "{what} `{shown}` may only have lower-case letters, digits and `-`, and starts with a letter"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn reasons(manifest: Value) -> Vec<String> {
        serde_json::from_value::<Manifest>(manifest)
            .expect("the shape of a manifest")
            .check()
    }

    #[test]
    fn a_sound_manifest_has_no_reasons() {
        let manifest = json!({
            "name": "pages", "version": "1.0.0", "operations": [{
                "name": "rotate", "summary": "Rotates pages",
                "parameters": {"type": "object", "properties": {"angle": {"type": "integer"}}},
                "examples": [{"title": "Upside down", "with": {"angle": 180}}, {"title": "t", "with": {"angle": "{{ x }}"}}]
            }]
        });
        assert_eq!(reasons(manifest), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_operation() {
        let read = |manifest: Value| Manifest::read(&manifest.to_string()).err();
        let with = |operation: Value| {
            read(json!({"name": "a", "version": "1.0.0", "operations": [
                {"name": "good", "summary": "x", "parameters": {}}, operation
            ]}))
        };
        assert_eq!(
            with(json!({"name": "turn", "summary": "x"})).as_deref(),
            Some("operation `turn`: missing field `parameters`")
        );
        assert_eq!(
            with(json!({"summary": "x", "parameters": {}})).as_deref(),
            Some("operation number 2: missing field `name`")
        );
        assert_eq!(
            with(json!({"name": "b", "summary": "x", "parameters": {}})),
            None
        );
        let whole = read(json!({"name": "a", "operations": []})).unwrap_or_default();
        assert!(whole.starts_with("missing field `version`"), "{whole}");
    }

    #[test]
    fn every_reason_is_given() {
        let manifest = json!({
            "name": "Pages!", "version": "", "operations": [
                {"name": "rotate", "summary": "", "parameters": {"type": "nonsense"}},
                {"name": "rotate", "summary": "x", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
                 "examples": [{"title": "Wrong", "with": {"a": "b", "c": 1}}]},
                {"name": "Bad name", "summary": "x", "parameters": {}}
            ]
        });
        insta::assert_snapshot!(reasons(manifest).join("\n"), @r"
        the plugin's name `Pages!` may only have lower-case letters, digits and `-`, and starts with a letter
        the plugin has no version
        the operation `rotate` has no summary
        the parameters of `rotate` have no valid JSON Schema: the schema of the parameters must have the type `object`
        the operation `rotate` is there twice
        the example `Wrong` of `rotate` does not fit its own schema: `a` must be a whole number, not the text `b`
        the example `Wrong` of `rotate` does not fit its own schema: unknown key `c` in the example
        an operation's name `Bad name` may only have lower-case letters, digits and `-`, and starts with a letter
        ");
        assert_eq!(
            reasons(json!({"name": "a", "version": "1.0.0", "operations": []})),
            ["the plugin offers no operation"]
        );
    }

    #[test]
    fn versions_are_semantic_ones() {
        for good in [
            "0.1.0",
            "1.20.3",
            "1.0.0-rc.1",
            "1.0.0+2026",
            "1.0.0-a-b.7+x.y",
        ] {
            assert!(is_version(good), "{good}");
        }
        for bad in [
            "1",
            "1.0",
            "01.0.0",
            "1.0.0.0",
            "v1.0.0",
            "1.0.x",
            "1.0.0-",
            "1.0.0-a..b",
            "1.0.0+",
            "not-semver",
        ] {
            assert!(!is_version(bad), "{bad}");
        }
    }
}
