//! A catalog for tests: the standard operations with parameters as their plugins describe them.

use crate::pipeline::surroundings::Surroundings;
use crate::plugin::catalog::{Catalog, Installed};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

fn operation(name: &str, required: &[&str], properties: Value) -> Value {
    json!({
        "name": name,
        "summary": format!("What {name} does"),
        "parameters": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false
        }
    })
}

fn plugin(name: &str, operations: Value) -> Arc<Installed> {
    let manifest = json!({"name": name, "version": "1.0.0", "operations": operations});
    Arc::new(Installed {
        manifest: serde_json::from_value(manifest).expect("a manifest"),
        blake3: "00".to_owned(),
        library: PathBuf::from("plugin.so"),
        toolchain: String::new(),
    })
}

/// The standard operations.
pub(crate) fn catalog() -> Catalog {
    let pages =
        json!({"type": ["string", "null"], "description": "Which pages: `1-3,5`, `odd`, `last`."});
    let mut merge = operation("merge", &[], json!({}));
    merge["inputs"] = json!("all");
    let mut split = operation(
        "split",
        &[],
        json!({
            "every": {"type": "integer", "minimum": 1, "description": "Pages in each part."},
            "ranges": {"type": "array", "items": {"type": "string"}}
        }),
    );
    split["parameters"]["oneOf"] = json!([{"required": ["every"]}, {"required": ["ranges"]}]);
    Catalog::new([
        plugin(
            "pages",
            json!([
                operation(
                    "rotate",
                    &["angle"],
                    json!({
                        "angle": {"type": "integer", "multipleOf": 90, "description": "Clockwise, a multiple of 90. May be negative."},
                        "pages": pages
                    })
                ),
                operation(
                    "extract-pages",
                    &["pages"],
                    json!({"pages": {"type": "string"}})
                ),
                operation(
                    "delete-pages",
                    &["pages"],
                    json!({"pages": {"type": "string"}})
                ),
                operation("reverse", &[], json!({})),
            ]),
        ),
        plugin("split", json!([split])),
        plugin("merge", json!([merge])),
        plugin(
            "stamp",
            json!([operation(
                "stamp-text",
                &["text"],
                json!({
                    "text": {"type": "string", "minLength": 1, "x-dropleaf-variables": ["page", "pages"]},
                    "position": {"enum": ["top-left", "top-right", "bottom-left", "bottom-right", "center"]},
                    "size": {"type": "number", "exclusiveMinimum": 0},
                    "opacity": {"type": "number", "minimum": 0, "maximum": 1},
                    "color": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$", "examples": ["#ff0000"]},
                    "margin": {"type": "number", "minimum": 0},
                    "angle": {"type": "number"},
                    "pages": pages
                })
            )]),
        ),
        plugin(
            "metadata",
            json!([operation(
                "set-metadata",
                &[],
                json!({
                    "title": {"type": ["string", "null"]},
                    "author": {"type": ["string", "null"]},
                    "subject": {"type": ["string", "null"]},
                    "keywords": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
                    "custom": {"type": "object", "additionalProperties": {"type": "string"}},
                    "remove": {"type": "array", "items": {"type": "string"}}
                })
            )]),
        ),
        plugin(
            "optimize",
            json!([operation(
                "optimize",
                &[],
                json!({
                    "images": {
                        "type": "object",
                        "properties": {
                            "max_dpi": {"type": "integer", "minimum": 1},
                            "quality": {"type": "integer", "minimum": 1, "maximum": 100}
                        },
                        "additionalProperties": false
                    }
                })
            )]),
        ),
        plugin(
            "extract-text",
            json!([operation(
                "extract-text",
                &[],
                json!({
                    "format": {"enum": ["text", "json"]},
                    "pages": pages
                })
            )]),
        ),
        plugin("repair", json!([operation("repair", &[], json!({}))])),
    ])
}

/// A home that does not exist, `HOME` and one environment variable.
pub(crate) fn surroundings() -> Surroundings {
    Surroundings {
        home: PathBuf::from("/nowhere/dropleaf"),
        user_home: Some(PathBuf::from("/nowhere/someone")),
        env: Some(["SCAN_PASSWORD".to_owned()].into()),
    }
}
