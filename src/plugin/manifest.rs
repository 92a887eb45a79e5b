//! The manifest that a plugin carries in its binary: the one source of truth about what it offers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A plugin's manifest, as `dropleaf_plugin_v1.manifest` holds it. Unknown members are ignored: newer plugins may say more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// `stamp`; lower-case letters, digits and `-`.
    pub name: String,
    /// Semantic version of the plugin.
    pub version: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// SPDX expression.
    #[serde(default)]
    pub license: String,
    /// Who made it.
    #[serde(default)]
    pub vendor: String,
    /// What it offers; at least one.
    pub operations: Vec<Operation>,
}

/// One operation of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// `stamp-text`; lower-case letters, digits and `-`.
    pub name: String,
    /// One line.
    pub summary: String,
    /// Markdown.
    #[serde(default)]
    pub description: String,
    /// JSON Schema (2020-12) of the parameters. A property may carry `"x-dropleaf-variables": ["page", "pages"]`: template
    /// variables that the operation itself fills in.
    pub parameters: Value,
    /// Extensions of the ABI that it cannot do without: `leaf.cos/1`.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Whether it runs once per document or once for all documents of the job.
    #[serde(default)]
    pub inputs: Inputs,
    /// What it needs beyond the sandbox; granted only by the operator's configuration.
    #[serde(default)]
    pub permissions: Permissions,
    /// What it would ask for. Not acted on: the configuration says what a worker may use.
    #[serde(default)]
    pub limits: Limits,
    /// Examples, which are tests too.
    #[serde(default)]
    pub examples: Vec<Example>,
}

/// How many documents one run takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Inputs {
    /// Once for each document.
    #[default]
    Each,
    /// Once, for all documents of the job.
    All,
}

/// Requests beyond the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// A scratch folder.
    #[serde(default)]
    pub temp: bool,
    /// External programs, by name.
    #[serde(default)]
    pub programs: Vec<String>,
    /// Network access.
    #[serde(default)]
    pub network: bool,
}

/// Limits that an operation would ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory in MiB.
    #[serde(default)]
    pub memory_mb: Option<u64>,
    /// Wall-clock seconds.
    #[serde(default)]
    pub seconds: Option<u64>,
}

/// One example of an operation's parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// What it does.
    pub title: String,
    /// The parameters.
    pub with: Value,
}
