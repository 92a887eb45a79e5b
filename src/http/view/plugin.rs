//! Plugins and operations as JSON.

use crate::http::api::{BrokenPlugin, OperationEntry, PluginEntry};
use crate::plugin::manifest::{Example, Inputs};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// What is installed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginListView {
    /// Plugins that can be used.
    pub plugins: Vec<PluginView>,
    /// Files that cannot.
    pub broken: Vec<BrokenPluginView>,
}

/// An installed plugin.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginView {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// SPDX expression.
    pub license: String,
    /// Who made it.
    pub vendor: String,
    /// BLAKE3 of the library, hex.
    pub blake3: String,
    /// The file it came from.
    pub file: String,
    /// What it was built with.
    pub toolchain: String,
    /// Names of its operations.
    pub operations: Vec<String>,
}

/// A file that cannot be used as a plugin.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrokenPluginView {
    /// The file.
    pub file: String,
    /// Why, and what to do.
    pub reason: String,
}

/// An operation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationView {
    /// Name.
    pub name: String,
    /// The plugin that offers it.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// One line.
    pub summary: String,
    /// Markdown.
    pub description: String,
    /// JSON Schema (2020-12) of its parameters.
    pub schema: Value,
    /// Examples of its parameters.
    pub examples: Vec<ExampleView>,
    /// `each` (once for each document) or `all` (once for all documents of the job).
    pub inputs: &'static str,
    /// Whether pipelines can use it here and now.
    pub available: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An example of an operation's parameters.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExampleView {
    /// What it does.
    pub title: String,
    /// The parameters.
    pub with: Value,
}

impl PluginView {
    /// A plugin as JSON.
    #[must_use]
    pub fn new(entry: &PluginEntry) -> Self {
        let manifest = &entry.manifest;
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            description: manifest.description.clone(),
            license: manifest.license.clone(),
            vendor: manifest.vendor.clone(),
            blake3: entry.blake3.clone(),
            file: entry.file.encode(),
            toolchain: entry.toolchain.clone(),
            operations: manifest
                .operations
                .iter()
                .map(|operation| operation.name.clone())
                .collect(),
        }
    }
}

impl BrokenPluginView {
    /// A broken plugin as JSON.
    #[must_use]
    pub fn new(broken: &BrokenPlugin) -> Self {
        Self {
            file: broken.file.encode(),
            reason: broken.reason.clone(),
        }
    }
}

impl OperationView {
    /// An operation as JSON.
    #[must_use]
    pub fn new(entry: &OperationEntry) -> Self {
        let operation = &entry.operation;
        Self {
            name: operation.name.clone(),
            plugin: entry.plugin.clone(),
            version: entry.version.clone(),
            summary: operation.summary.clone(),
            description: operation.description.clone(),
            schema: operation.parameters.clone(),
            examples: operation.examples.iter().map(ExampleView::new).collect(),
            inputs: match operation.inputs {
                Inputs::Each => "each",
                Inputs::All => "all",
            },
            available: entry.unavailable.is_none(),
            reason: entry.unavailable.clone(),
        }
    }
}

impl ExampleView {
    fn new(example: &Example) -> Self {
        Self {
            title: example.title.clone(),
            with: example.with.clone(),
        }
    }
}
