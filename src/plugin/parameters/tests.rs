use super::*;
use crate::plugin::words::nearest;

fn schema() -> Schema {
    Schema::of_parameters(&json!({
        "type": "object",
        "properties": {
            "angle": {"type": "integer", "multipleOf": 90, "description": "Clockwise, in degrees. More text."},
            "pages": {"type": ["string", "null"], "pattern": "^[0-9,-]+$", "examples": ["1-3", "5-"]},
            "position": {"oneOf": [
                {"const": "top-left", "description": "x"}, {"const": "top-right"}, {"enum": ["bottom"]}
            ]},
            "size": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"const": "auto"}, {"type": "null"}]},
            "images": {"$ref": "#/$defs/Images"},
            "text": {"type": "string", "minLength": 1, "x-dropleaf-variables": ["page", "pages"]},
            "lines": {"type": "array", "items": {"type": "string"}, "x-dropleaf-variables": ["line"]},
            "deep": {"type": "boolean"}
        },
        "required": ["angle"],
        "$defs": {"Images": {
            "type": "object",
            "properties": {"max_dpi": {"type": "integer", "minimum": 1}, "quality": {"type": "integer", "maximum": 100}},
            "additionalProperties": false
        }}
    }))
    .expect("a schema")
}

fn says(value: &Value) -> Vec<String> {
    said_by(&schema(), value)
}

fn said_by(schema: &Schema, value: &Value) -> Vec<String> {
    schema
        .objections("`with`", value)
        .into_iter()
        .map(|o| match o.hint {
            Some(hint) => format!("{} {} ({hint})", o.pointer, o.message),
            None => format!("{} {}", o.pointer, o.message),
        })
        .collect()
}

#[test]
fn objections_are_in_plain_words() {
    for (value, expected) in [
        (json!({"angle": 90}), ""),
        (
            json!({}),
            " the key `angle` is missing in `with` (`angle`: Clockwise, in degrees)",
        ),
        (
            json!({"angle": "90"}),
            "/angle `angle` must be a whole number, not the text `90` (write it without quotes: 90)",
        ),
        (
            json!({"angle": 45}),
            "/angle `angle` must be a multiple of 90, not `45` (`angle`: Clockwise, in degrees)",
        ),
        (
            json!({"angle": 0, "agnle": 1}),
            "/agnle unknown key `agnle` in `with` (did you mean `angle`?)",
        ),
        (
            json!({"angle": 0, "images": {"maxdpi": 1}}),
            "/images/maxdpi unknown key `maxdpi` in `images` (did you mean `max_dpi`?)",
        ),
        (
            json!({"angle": 0, "images": {"zzz": 1}}),
            "/images/zzz unknown key `zzz` in `images` (known keys: max_dpi, quality)",
        ),
        (
            json!({"angle": 0, "images": {"quality": 101}}),
            "/images/quality `quality` must be at most 100, not `101`",
        ),
        (
            json!({"angle": 0, "position": "topright"}),
            "/position `position` must be `top-left`, `top-right` or `bottom`, not `topright` (did you mean `top-right`?)",
        ),
        (
            json!({"angle": 0, "size": 0}),
            "/size `size` must be more than 0, not `0`",
        ),
        (
            json!({"angle": 0, "size": "big"}),
            "/size `size` must be `auto` or a number, not the text `big`",
        ),
        (
            json!({"angle": 0, "pages": "a"}),
            "/pages `pages` does not have the form that is needed: `a` (for example `1-3` or `5-`)",
        ),
        (
            json!({"angle": 0, "deep": "yes"}),
            "/deep `deep` must be `true` or `false`, not the text `yes` (write `true`)",
        ),
        (
            json!({"angle": 0, "lines": ["a", 5]}),
            "/lines/1 item 2 of `lines` must be a text, not the number 5 (put it in quotes: \"5\")",
        ),
        (
            json!({"angle": 0, "text": ""}),
            "/text `text` must not be empty",
        ),
        (
            json!({"angle": 0, "text": null}),
            "/text `text` is empty; it must be a text",
        ),
        (
            json!([1]),
            " `with` must be a map of keys and values, not a list (its keys are: angle, pages, position, size, images, text, lines, deep)",
        ),
    ] {
        assert_eq!(says(&value).join("\n"), expected, "{value}");
    }
}

#[test]
fn a_template_counts_as_any_scalar() {
    for (value, count) in [
        (json!({"angle": "{{ job.attempt * 90 }}"}), 0),
        (
            json!({"angle": 0, "position": "{{ x }}-left", "size": "{{ y }}", "pages": "{{ z }}"}),
            0,
        ),
        (json!({"angle": 0, "images": "{{ everything }}"}), 0),
        (json!({"angle": 0, "images": "x {{ everything }}"}), 1),
        (json!({"angle": 0, "images": {"quality": "{{ q }}"}}), 0),
    ] {
        assert_eq!(says(&value).len(), count, "{value}");
    }
}

#[test]
fn own_variables_are_found_by_pointer() {
    let found =
        schema().own_variables(&json!({"text": "x", "lines": ["a"], "pages": "1", "angle": 0}));
    assert_eq!(
        found,
        BTreeMap::from([
            ("/lines/0".to_owned(), vec!["line".to_owned()]),
            (
                "/text".to_owned(),
                vec!["page".to_owned(), "pages".to_owned()]
            ),
        ])
    );
}

#[test]
fn a_schema_that_is_none_says_why() {
    for raw in [
        json!(true),
        json!({"type": "array"}),
        json!({"type": "objekt"}),
        json!({"$ref": "http://example.org/x"}),
    ] {
        assert!(Schema::of_parameters(&raw).is_err(), "{raw}");
    }
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let schema = Schema::of_parameters(&json!({
        "type": "object",
        "properties": {"next": {"$ref": "#"}, "text": {"type": "string", "x-dropleaf-variables": ["v"]}}
    }))
    .expect("a schema");
    let found = schema.own_variables(&json!({"next": {"next": {"text": "x"}}}));
    assert_eq!(found.keys().collect::<Vec<_>>(), ["/next/next/text"]);
}

#[test]
fn the_nearest_word_is_what_was_meant() {
    for (wrong, known, expected) in [
        ("rotat", &["rotate", "repair"][..], Some("rotate")),
        (
            "stampText",
            &["stamp-text", "set-metadata"],
            Some("stamp-text"),
        ),
        ("stamp", &["stamp-text", "split"], Some("stamp-text")),
        ("xyz", &["rotate"], None),
        ("ab", &["rotate"], None),
    ] {
        assert_eq!(nearest(wrong, known.iter().copied()), expected, "{wrong}");
    }
}

#[test]
fn what_templates_made_takes_the_type_of_its_place() {
    let written = json!({
        "angle": "{{ a }}0", "deep": "{{ b }}", "text": "{{ pages }}", "lines": ["{{ c }}", "5", "{{ d }}"],
        "size": "{{ e }}", "position": "{{ f }}", "images": {"quality": "{{ g }}"}, "pages": "{{ h }}"
    });
    let rendered = json!({
        "angle": "90", "deep": "true", "text": 12, "lines": [true, "5", null],
        "size": "auto", "position": 5, "images": {"quality": "high"}, "pages": null
    });
    assert_eq!(
        schema().fit(&written, rendered),
        json!({
            "angle": 90, "deep": true, "text": "12", "lines": ["true", "5", ""],
            "size": "auto", "position": "5", "images": {"quality": "high"}, "pages": null
        })
    );
    let plain = json!({"angle": "90", "text": 5});
    assert_eq!(schema().fit(&plain, plain.clone()), plain);
}

#[test]
fn an_empty_map_and_a_value_that_is_taken_out_are_named() {
    let schema = Schema::of_parameters(&json!({
        "properties": {
            "title": {"type": "string"},
            "pages": {"type": ["string", "integer"], "not": {"const": 0}, "description": "Pages, counted from 1. More."}
        },
        "minProperties": 1
    }))
    .expect("a schema");
    for (value, expected) in [
        (
            json!({}),
            " `with` must have at least one key (its keys are: title, pages)",
        ),
        (
            json!({"pages": 0}),
            "/pages `pages` must not be `0` (`pages`: Pages, counted from 1)",
        ),
    ] {
        assert_eq!(said_by(&schema, &value).join("; "), expected, "{value}");
    }
}

#[test]
fn forms_that_exclude_each_other_are_named() {
    let schema = Schema::of_parameters(&json!({
        "properties": {
            "every": {"type": "integer", "description": "Pages in each part; the last may have fewer."},
            "ranges": {"type": "array"},
            "from": {"type": "integer"},
            "to": {"type": "integer"},
            "inner": {"type": "object", "anyOf": [{"required": ["a/b"]}, {"required": ["c"]}]}
        },
        "oneOf": [{"required": ["every"]}, {"required": ["ranges"]}, {"required": ["from", "to"]}]
    }))
    .expect("a schema");
    for (value, expected) in [
        (json!({"every": 2}), ""),
        (json!({"from": 2, "to": 3}), ""),
        (
            json!({}),
            " `with` must have `every`, `ranges` or `from` and `to`",
        ),
        (
            json!({"to": 3}),
            " `with` must have `every`, `ranges` or `from`",
        ),
        (
            json!({"every": 2, "ranges": []}),
            " `with` has `every` and `ranges`, which exclude each other (keep only `every` (Pages in each part; the last may have fewer) or `ranges`)",
        ),
        (
            json!({"every": 2, "from": 1, "to": 3}),
            " `with` has `every`, `from` and `to`, which exclude each other (keep only `every` (Pages in each part; the last may have fewer) or `from` and `to`)",
        ),
        (
            json!({"every": 2, "inner": {}}),
            "/inner `inner` must have `a/b` or `c`",
        ),
    ] {
        assert_eq!(said_by(&schema, &value).join("; "), expected, "{value}");
    }
}

#[test]
fn a_parameter_lists_its_choices_where_there_are_no_others() {
    let raw = json!({
        "properties": {
            "position": {"description": "Where", "oneOf": [
                {"const": "top-left", "description": "x"}, {"const": "top-right"}, {"enum": ["bottom"]}
            ]},
            "edge": {"anyOf": [{"$ref": "#/$defs/Edge"}, {"type": "null"}]},
            "size": {"anyOf": [{"type": "number"}, {"const": "auto"}]},
            "text": {"type": "string"}
        },
        "$defs": {"Edge": {"type": "string", "enum": ["long", "short"]}}
    });
    assert_eq!(
        choices(&raw, "position"),
        ["top-left", "top-right", "bottom"]
    );
    assert_eq!(choices(&raw, "edge"), ["long", "short"]);
    for free in ["size", "text", "absent"] {
        assert!(choices(&raw, free).is_empty(), "{free}");
    }
}

#[test]
fn keys_of_several_forms_take_templates_and_are_never_unknown() {
    let form =
        |key: &str, kind: &str| json!({"required": [key], "properties": {key: {"type": kind}}});
    for word in ["oneOf", "anyOf"] {
        let schema = json!({"type": "object", word: [form("a", "integer"), form("b", "string")]});
        let schema = Schema::of_parameters(&schema).expect("a schema");
        for with in [
            json!({"a": 1}),
            json!({"a": "{{ 3 }}"}),
            json!({"a": "{{ input.size }}"}),
        ] {
            assert_eq!(
                said_by(&schema, &with),
                Vec::<String>::new(),
                "{word}: {with}"
            );
        }
        let wrong = said_by(&schema, &json!({"a": "x"})).join("\n");
        assert!(
            !wrong.is_empty() && !wrong.contains("unknown key"),
            "{word}: {wrong}"
        );
        let unknown = said_by(&schema, &json!({"a": 1, "c": 1})).join("\n");
        assert!(unknown.contains("unknown key `c`"), "{word}: {unknown}");
    }
    let misplaced = json!({"type": "object", "anyOf": [form("a", "integer"), form("b", "string")]});
    let misplaced = Schema::of_parameters(&misplaced).expect("a schema");
    let told = said_by(&misplaced, &json!({"a": 1, "b": 2}));
    assert_eq!(
        told,
        ["/b `b` does not go with the other keys of `with`, or has a value that does not"]
    );
}
