//! The manifest: what a plugin offers, as JSON made from its operations, once, when its library is loaded.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::operation::Operation;

/// What `export_plugin!` knows of the plugin itself.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The plugin's name.
    pub name: &'static str,
    /// Its semantic version.
    pub version: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// SPDX expression.
    pub license: &'static str,
    /// Who made it.
    pub vendor: &'static str,
}

/// The manifest of a plugin with these operations.
pub(crate) fn manifest(about: &About, operations: &[Value]) -> Value {
    json!({
        "name": about.name,
        "version": about.version,
        "description": about.description,
        "license": about.license,
        "vendor": about.vendor,
        "operations": operations,
    })
}

/// One operation's part of the manifest.
pub(crate) fn operation<O: Operation>() -> Value {
    json!({
        "name": O::NAME,
        "summary": O::SUMMARY,
        "description": O::DESCRIPTION,
        "parameters": parameters::<O>(),
        "needs": O::NEEDS,
        "inputs": O::INPUTS,
        "permissions": O::PERMISSIONS,
        "limits": O::LIMITS,
        "examples": O::examples(),
    })
}

/// The JSON Schema (2020-12) of the parameters, without references, so that it can be put anywhere in a larger one.
fn parameters<O: Operation>() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<O>()
        .to_value();
    let Some(members) = schema.as_object_mut() else {
        return schema;
    };
    // The Rust type's name and a comment for Rust readers mean nothing to the author of a pipeline.
    members.remove("title");
    members.insert("description".to_owned(), O::SUMMARY.into());
    members.entry("type").or_insert_with(|| "object".into());
    members
        .entry("properties")
        .or_insert_with(|| Map::new().into());
    schema
}
