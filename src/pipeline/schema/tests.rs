use super::*;
use crate::pipeline::testing::catalog;
use crate::plugin::catalog::Installed;
use std::sync::Arc;

fn accepts(schema: &jsonschema::Validator, yaml: &str) -> bool {
    let value: Value = serde_yaml::from_str(yaml).expect("YAML");
    schema.is_valid(&value)
}

#[test]
fn editors_get_every_operation_with_its_parameters() {
    let schema = pipeline(&catalog());
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for (steps, expected) in [
        ("[{uses: repair}]", true),
        ("[{uses: repair, with: {}}]", true),
        ("[{uses: repair, with: {x: 1}}]", false),
        ("[{uses: rotate, with: {angle: 90}}]", true),
        ("[{uses: pages/rotate, with: {angle: 90}}]", true),
        ("[{uses: rotate, with: {angle: '{{ steps.x.y }}'}}]", true),
        ("[{uses: rotate, with: {angle: 'ninety'}}]", false),
        ("[{uses: rotate, with: {angle: 45}}]", false),
        ("[{uses: rotate}]", false),
        ("[{uses: rotat, with: {angle: 90}}]", false),
        (
            "[{uses: stamp-text, with: {text: x, position: top-left, color: '{{ x }}'}}]",
            true,
        ),
        (
            "[{uses: stamp-text, with: {text: x, position: topleft}}]",
            false,
        ),
        (
            "[{uses: optimize, with: {images: {quality: '{{ q }}'}}}]",
            true,
        ),
        ("[{uses: optimize, with: {images: {qualty: 5}}}]", false),
        (
            "[{uses: repair, if: true}, {uses: repair, if: a > b, timeout: 1m30s}]",
            true,
        ),
        ("[{uses: repair, timeout: soon}]", false),
        ("[{uses: repair, with: }]", true),
        ("[{uses: rotate, with: }]", false),
        ("[{uses: split}]", false),
        ("[{uses: set-metadata}]", true),
    ] {
        let yaml = format!("watch: {{folder: x}}\nsteps: {steps}\n");
        assert_eq!(accepts(&validator, &yaml), expected, "{steps}");
    }
}

/// An editor's underline and the list of faults are to agree.
#[test]
fn the_schema_and_the_check_accept_the_same() {
    use crate::pipeline::check::check;
    use crate::pipeline::testing::surroundings;
    let catalog = catalog();
    let validator = jsonschema::validator_for(&pipeline(&catalog)).expect("a schema");
    for (more, expected) in [
        ("notify: [{webhook: 'https://example.org/x'}]", true),
        ("notify: [{webhook: 'HTTP://example.org'}]", true),
        ("notify: [{webhook: 'ftp://example.org'}]", false),
        ("notify: [{webhook: example.org}]", false),
        ("expect: {max_growth: 2x}", true),
        ("expect: {max_growth: 1.5 X}", true),
        ("expect: {max_growth: 0.5}", true),
        ("expect: {max_growth: 0}", false),
        ("expect: {max_growth: -1}", false),
        ("expect: {max_growth: 0.0x}", false),
        ("expect: {max_growth: much}", false),
        ("expect: {max_growth: }", true),
        ("timeout: 1h30m", true),
        ("timeout: 1 h 30 m", true),
        ("timeout: 250ms", true),
        ("timeout: 1.5s", true),
        ("timeout: 0s", false),
        ("timeout: 0m 0s", false),
        ("timeout: 1m1m", false),
        ("timeout: 30m1h", false),
        ("timeout: 5", false),
        ("timeout: ''", false),
        ("timeout: ٥s", false),
        ("stalled_after: 0ms", false),
        ("retry: {backoff: 0s}", true),
        ("retry: {backoff: 1m1m}", false),
    ] {
        let yaml = format!("watch: {{folder: x}}\nsteps: [{{uses: repair}}]\n{more}\n");
        assert_eq!(accepts(&validator, &yaml), expected, "schema: {more}");
        let checked = check("a", "a.yaml", yaml.as_bytes(), &catalog, &surroundings());
        assert_eq!(checked.is_ok(), expected, "check: {more}: {checked:?}");
    }
    for (watch, step, expected) in [
        ("done_file: '{name}.ok'", "id: a-b_1", true),
        ("quiet: 0s", "timeout: 1s", true),
        ("done_file: done", "id: a", false),
        ("done_file: '{name}{stem}'", "id: a", false),
        ("quiet: 1s", "id: a b", false),
        ("quiet: 1s", "id: -a", false),
        ("quiet: 1s", "timeout: 0s", false),
        ("quiet: 1s1s", "id: a", false),
    ] {
        let yaml = format!("watch: {{folder: x, {watch}}}\nsteps: [{{uses: repair, {step}}}]\n");
        assert_eq!(
            accepts(&validator, &yaml),
            expected,
            "schema: {watch}, {step}"
        );
        let checked = check("a", "a.yaml", yaml.as_bytes(), &catalog, &surroundings());
        assert_eq!(
            checked.is_ok(),
            expected,
            "check: {watch}, {step}: {checked:?}"
        );
    }
}

#[test]
fn every_key_has_a_description() {
    fn look(pointer: &str, schema: &Value, missing: &mut Vec<String>) {
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (key, property) in properties {
                let here = format!("{pointer}/{key}");
                if property.get("description").is_none() {
                    missing.push(here.clone());
                }
                look(&here, property, missing);
            }
        }
    }
    let schema = spec::schema();
    let mut missing = Vec::new();
    look("", &schema, &mut missing);
    for (name, part) in schema["$defs"].as_object().expect("definitions") {
        look(name, part, &mut missing);
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn references_inside_an_operation_still_lead_somewhere() {
    let manifest = json!({"name": "p", "version": "1", "operations": [{
        "name": "op", "summary": "s",
        "parameters": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"mode": {"$ref": "#/$defs/Mode"}, "again": {"$ref": "#"}},
            "$defs": {"Mode": {"oneOf": [{"const": "a", "description": "x"}, {"const": "b"}]}}
        }
    }]});
    let installed = Installed {
        manifest: serde_json::from_value(manifest).expect("a manifest"),
        blake3: String::new(),
        library: "x".into(),
        toolchain: String::new(),
    };
    let validator = jsonschema::validator_for(&pipeline(&Catalog::new([Arc::new(installed)])))
        .expect("a schema");
    for (with, expected) in [
        ("{mode: a}", true),
        ("{mode: c}", false),
        ("{mode: '{{ x }}'}", true),
        ("{again: {again: {mode: b}}}", true),
        ("{again: {mode: c}}", false),
        ("{mdoe: a}", false),
    ] {
        let yaml = format!("watch: {{folder: x}}\nsteps: [{{uses: op, with: {with}}}]\n");
        assert_eq!(accepts(&validator, &yaml), expected, "{with}");
    }
}

#[test]
fn an_empty_catalog_makes_a_schema_too() {
    assert!(jsonschema::meta::is_valid(&pipeline(&Catalog::default())));
}

#[test]
fn the_words_of_the_schema_are_those_of_the_types() {
    use crate::pipeline::checked::{Duplicates, Existing, IfExists, OnSigned};
    fn parses<T: serde::de::DeserializeOwned>(property: &Value) {
        let words = property["enum"]
            .as_array()
            .or_else(|| property["anyOf"][0]["enum"].as_array());
        let words = words.unwrap_or_else(|| panic!("{property}"));
        for word in words.iter().filter(|word| !word.is_null()) {
            assert!(serde_json::from_value::<T>(word.clone()).is_ok(), "{word}");
        }
    }
    let schema = spec::schema();
    parses::<OnSigned>(&schema["properties"]["on_signed"]);
    parses::<Duplicates>(&schema["properties"]["duplicates"]);
    parses::<Existing>(&schema["properties"]["watch"]["properties"]["existing"]);
    parses::<IfExists>(&schema["$defs"]["OutputSpec"]["properties"]["if_exists"]);
}

#[test]
fn the_reference_names_every_key_variable_filter_and_test() {
    use crate::pipeline::template::filters::{FILTERS, TESTS};
    use crate::pipeline::template::scope::GROUPS;
    let page = include_str!("../../../docs/pipelines.md");
    let mut missing = Vec::new();
    let mut need = |name: String| {
        if !page.contains(&format!("`{name}`")) {
            missing.push(name);
        }
    };
    fn keys(schema: &Value, need: &mut dyn FnMut(String)) {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            need(key.clone());
            keys(property, need);
        }
    }
    let schema = spec::schema();
    keys(&schema, &mut need);
    for part in schema["$defs"].as_object().into_iter().flatten() {
        keys(part.1, &mut need);
    }
    for group in GROUPS {
        for (name, _) in group.variables {
            need(format!("{}.{name}", group.name));
        }
    }
    FILTERS
        .iter()
        .for_each(|(name, _)| need((*name).to_owned()));
    TESTS.iter().for_each(|name| need((*name).to_owned()));
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn editors_get_what_templates_may_name() {
    let schema = pipeline(&catalog());
    let stem = schema
        .pointer("/x-dropleaf-templates/groups/0/variables/1")
        .expect("the groups");
    assert_eq!(stem["name"], "stem");
    assert!(
        stem["about"]
            .as_str()
            .is_some_and(|about| !about.is_empty())
    );
    let filters = schema["x-dropleaf-templates"]["filters"]
        .as_array()
        .expect("filters");
    assert!(filters.iter().any(|filter| filter["name"] == "slug"));
    let tests = schema["x-dropleaf-templates"]["tests"]
        .as_array()
        .expect("tests");
    assert!(tests.iter().any(|test| test == "odd"));
}
