//! What an author writes: an operation, its parameters and its examples.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::run::Run;

/// One operation: the type is its parameters, `run` its work.
///
/// Derive `Deserialize` and `JsonSchema`, and put `#[serde(deny_unknown_fields)]` on the type, so that a misspelt
/// parameter is refused when the pipeline is loaded. Doc comments of the fields are the help that authors of pipelines
/// see. `#[schemars(extend("x-dropleaf-variables" = ["page", "pages"]))]` on a field says that `{{ page }}` in its text
/// is the operation's to fill in, not the pipeline's.
pub trait Operation: DeserializeOwned + JsonSchema + Sized + 'static {
    /// Its name in `uses:`: lower-case letters, digits and `-`.
    const NAME: &'static str;
    /// One line.
    const SUMMARY: &'static str;
    /// More, in Markdown.
    const DESCRIPTION: &'static str = "";
    /// Once for each document, or once for all of them.
    const INPUTS: Inputs = Inputs::Each;
    /// Extensions of the ABI that it cannot do without; a host that lacks one does not offer the operation.
    const NEEDS: &'static [&'static str] = &["leaf.run/1", "leaf.cos/1"];
    /// What it needs beyond the sandbox.
    const PERMISSIONS: Permissions = Permissions::NONE;
    /// What it would ask for. This Dropleaf does not act on it: the operator's configuration says what a worker may use.
    const LIMITS: Limits = Limits::NONE;

    /// Parameters to show, which are run as tests too.
    #[must_use]
    fn examples() -> Vec<Example> {
        Vec::new()
    }

    /// Refuses parameters that the schema lets pass; called once, before any run.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Does the work on [`Run::document`]. If it fails or panics, the host undoes whatever it changed.
    fn run(&self, run: &mut Run<'_>) -> Result<()>;
}

/// How many documents one run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Inputs {
    /// Once for each document.
    Each,
    /// Once, for all documents of the job: see [`Run::inputs`].
    All,
}

/// Requests beyond the sandbox; nothing is granted unless the operator grants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Permissions {
    /// A scratch folder: see [`Run::temp_dir`].
    pub temp: bool,
    /// External programs, by name.
    pub programs: &'static [&'static str],
    /// Network access.
    pub network: bool,
}

impl Permissions {
    /// Nothing, which is right for nearly all.
    pub const NONE: Self = Self {
        temp: false,
        programs: &[],
        network: false,
    };
}

/// Limits that an operation would ask for; this Dropleaf does not act on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Memory in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// Wall-clock seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

impl Limits {
    /// The host's own.
    pub const NONE: Self = Self {
        memory_mb: None,
        seconds: None,
    };
}

/// One set of parameters with what it does; shown to authors of pipelines and run by `testing::examples!`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    title: String,
    with: serde_json::Value,
    /// Page counts of the sample documents that it is tried on.
    on: Vec<u32>,
    /// Page counts of the documents that must come out.
    #[serde(skip_serializing_if = "Option::is_none")]
    expect: Option<Vec<u32>>,
}

impl Example {
    /// `Example::new("Turn every page upside down", json!({ "angle": 180 }))`; tried on one document of four pages.
    #[must_use]
    pub fn new(title: &str, with: serde_json::Value) -> Self {
        Self {
            title: title.to_owned(),
            with,
            on: vec![4],
            expect: None,
        }
    }

    /// Tries it on one document of `pages` pages.
    #[must_use]
    pub fn on_pages(self, pages: u32) -> Self {
        self.on_documents(&[pages])
    }

    /// Tries it on documents of these page counts.
    #[must_use]
    pub fn on_documents(mut self, pages: &[u32]) -> Self {
        self.on = pages.to_vec();
        self
    }

    /// One document with `pages` pages must come out.
    #[must_use]
    pub fn expect_pages(self, pages: u32) -> Self {
        self.expect_documents(&[pages])
    }

    /// Documents of these page counts must come out.
    #[must_use]
    pub fn expect_documents(mut self, pages: &[u32]) -> Self {
        self.expect = Some(pages.to_vec());
        self
    }
}
