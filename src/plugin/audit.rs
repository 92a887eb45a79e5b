//! Whether a manifest is fit to be installed.

use crate::plugin::catalog::is_name;
use crate::plugin::manifest::{Manifest, Operation};
use crate::plugin::parameters::Schema;
use std::collections::HashSet;

impl Manifest {
    /// Everything that keeps the plugin from being installed, as sentences; empty for a sound manifest.
    #[must_use]
    pub fn check(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if !is_name(&self.name) {
            reasons.push(bad_name("the plugin's name", &self.name));
        }
        if self.version.trim().is_empty() || self.version.len() > 64 {
            reasons.push("the plugin has no version".to_owned());
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
            reasons(json!({"name": "a", "version": "1", "operations": []})),
            ["the plugin offers no operation"]
        );
    }
}
