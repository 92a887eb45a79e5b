//! An in-process host: operations are tried on real documents without a daemon.
//!
//! ```toml
//! [dev-dependencies]
//! dropleaf-plugin-sdk = { version = "0.1", features = ["testing"] }
//! ```
//!
//! ```
//! # use dropleaf_plugin_sdk::prelude::*;
//! use dropleaf_plugin_sdk::testing;
//!
//! # #[derive(Deserialize, JsonSchema)]
//! # #[serde(deny_unknown_fields)]
//! # struct DropFirst {}
//! # impl Operation for DropFirst {
//! #     const NAME: &'static str = "drop-first";
//! #     const SUMMARY: &'static str = "Drop the first page";
//! #     fn run(&self, run: &mut Run<'_>) -> Result<()> { run.document().page_remove(0, 1) }
//! # }
//! let ran = testing::run::<DropFirst>(json!({}), &[testing::sample(3)]).unwrap();
//! assert_eq!(ran.pages(), [2]);
//! ```
//!
//! `testing::examples!(dropleaf_entry())` makes a test that runs every example of the manifest. What the host undoes,
//! limits and refuses here is what it does in a worker; only the sandbox and the process of its own are missing.

mod examples;
mod plain;
mod recorder;
mod sample;

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host as host;
use serde_json::Value;

use crate::bridge;
use crate::export::{About, Exported, Offered, Plugin};
use crate::operation::Operation;
use crate::testing::recorder::Recorder;

pub use self::examples::{check, check_library};
pub use self::sample::sample;
#[doc(inline)]
pub use crate::__dropleaf_examples as examples;

/// Makes a test that checks a plugin's manifest and runs each of its examples: `testing::examples!(dropleaf_entry());`
#[macro_export]
#[doc(hidden)]
macro_rules! __dropleaf_examples {
    ($entry:expr) => {
        #[test]
        fn the_manifest_is_sound_and_its_examples_do_what_they_say() {
            $crate::testing::check($entry);
        }
    };
}

/// Runs `O` over `documents`, once: on the first of them, or on all for an operation that takes all.
///
/// # Errors
/// See [`Failed`].
pub fn run<O: Operation>(parameters: Value, documents: &[impl AsRef<[u8]>]) -> Result<Ran, Failed> {
    Trial::of::<O>(parameters).run(documents)
}

/// Where the operation is.
#[derive(Clone, Copy)]
enum Tried {
    /// Linked into this program.
    Entry(&'static abi::Entry),
    /// In a library of its own.
    Library(&'static host::Library),
}

/// One try of an operation, with its surroundings.
pub struct Trial {
    plugin: Tried,
    operation: String,
    parameters: Value,
    values: BTreeMap<String, Value>,
    passwords: Vec<String>,
    temp_dir: Option<PathBuf>,
    limits: host::Limits,
    cancel_after: Option<u64>,
}

impl Trial {
    /// A try of `O`.
    #[must_use]
    pub fn of<O: Operation>(parameters: Value) -> Self {
        Self::of_entry(entry_of::<O, false>(), O::NAME, parameters)
    }

    /// A try of `O` on a host that lacks what a host may lack (`leaf.edit/1`). What comes of it must be the same.
    #[must_use]
    pub fn on_plain_host<O: Operation>(parameters: Value) -> Self {
        Self::of_entry(entry_of::<O, true>(), O::NAME, parameters)
    }

    /// A try of an operation of an exported plugin, such as `dropleaf_entry()` of one in Rust.
    #[must_use]
    pub fn of_entry(entry: &'static abi::Entry, operation: &str, parameters: Value) -> Self {
        Self::of_plugin(Tried::Entry(entry), operation, parameters)
    }

    /// A try of an operation of a plugin's library, whatever language it is written in.
    ///
    /// # Errors
    /// Why the library is no plugin.
    pub fn of_library(
        library: &Path,
        operation: &str,
        parameters: Value,
    ) -> Result<Self, host::LoadError> {
        let library = host::Library::load(library)?;
        Ok(Self::of_plugin(
            Tried::Library(library),
            operation,
            parameters,
        ))
    }

    fn of_plugin(plugin: Tried, operation: &str, parameters: Value) -> Self {
        Self {
            plugin,
            operation: operation.to_owned(),
            parameters,
            values: BTreeMap::new(),
            passwords: Vec::new(),
            temp_dir: None,
            limits: host::Limits::default(),
            cancel_after: None,
        }
    }

    /// A value of the job: `job.id`, `input.name`, ...
    #[must_use]
    pub fn value(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// A password to try on the documents.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.passwords.push(password.to_owned());
        self
    }

    /// Grants a scratch folder.
    #[must_use]
    pub fn temp_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.temp_dir = Some(path.into());
        self
    }

    /// Cancels the job once the operation has reported `done` or more.
    #[must_use]
    pub fn cancel_after(mut self, done: u64) -> Self {
        self.cancel_after = Some(done);
        self
    }

    /// Opens the documents, runs the operation and saves what comes out.
    ///
    /// # Errors
    /// See [`Failed`].
    pub fn run(self, documents: &[impl AsRef<[u8]>]) -> Result<Ran, Failed> {
        count_damage();
        let bill = host::Bill::new();
        let mut ran = Ran::default();
        let mut opened = Vec::new();
        for bytes in documents {
            let input = host::Input::from(bytes.as_ref());
            let (document, warnings) =
                host::Document::open(input, &self.passwords, &self.limits, &bill).map_err(
                    |error| Failed::outside(format!("a document cannot be opened: {error}")),
                )?;
            ran.warnings
                .extend(warnings.into_iter().map(|warning| warning.message));
            opened.push(document);
        }
        let recorder = Recorder::new(self.cancel_after);
        let invocation = host::Invocation {
            operation: &self.operation,
            parameters: &self.parameters.to_string(),
            values: &self.values,
            temp_dir: self.temp_dir.as_deref(),
            limits: &self.limits,
            observer: &recorder,
        };
        let outcome = match self.plugin {
            Tried::Entry(entry) => host::run_entry(entry, &invocation, &mut opened),
            Tried::Library(library) => host::run(library, &invocation, &mut opened),
        };
        let heard = recorder.into_heard();
        let outcome = outcome.map_err(|error| Failed {
            status: error.status,
            message: error.message,
            undone: error.undone,
            warnings: heard.warnings.clone(),
            progress: heard.progress.clone(),
        })?;
        let going_on = if outcome.emitted.is_empty() {
            opened
                .into_iter()
                .map(|document| (document, String::new()))
                .collect()
        } else {
            outcome.emitted
        };
        for (mut document, label) in going_on {
            let mut bytes = Vec::new();
            let saved = document.save(&mut bytes);
            let saved = saved
                .map_err(|error| Failed::outside(format!("the result cannot be saved: {error}")))?;
            ran.documents.push(bytes);
            ran.labels.push(label);
            ran.page_counts.push(saved.pages);
        }
        ran.results = outcome.results;
        ran.warnings.extend(heard.warnings);
        ran.log = heard.log;
        ran.progress = heard.progress;
        ran.artifacts = heard.artifacts;
        ran.parses = bill.parses();
        ran.saves = bill.saves();
        Ok(ran)
    }
}

/// What came of a run.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Ran {
    /// The documents that go on, saved.
    pub documents: Vec<Vec<u8>>,
    /// The labels that they were emitted under; empty for the run's own document.
    pub labels: Vec<String>,
    /// Side artifacts.
    pub artifacts: Vec<Artifact>,
    /// Values for later steps.
    pub results: BTreeMap<String, Value>,
    /// Warnings of the host and of the operation.
    pub warnings: Vec<String>,
    /// All lines of the log with their levels (`LEAF_LOG_...`).
    pub log: Vec<(i32, String)>,
    /// Every report of progress: done and total.
    pub progress: Vec<(u64, u64)>,
    /// How often documents were parsed.
    pub parses: u32,
    /// How often documents were written.
    pub saves: u32,
    page_counts: Vec<u32>,
}

impl Ran {
    /// How many pages each of the documents has.
    #[must_use]
    pub fn pages(&self) -> &[u32] {
        &self.page_counts
    }

    /// The first document.
    #[must_use]
    pub fn document(&self) -> &[u8] {
        &self.documents[0]
    }
}

/// A file beside the documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub mime: String,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// Why there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failed {
    /// `LEAF_E_...`.
    pub status: abi::Status,
    /// In words.
    pub message: String,
    /// How many changes were undone.
    pub undone: u64,
    /// Warnings up to then.
    pub warnings: Vec<String>,
    /// Reports of progress up to then.
    pub progress: Vec<(u64, u64)>,
}

impl Failed {
    fn outside(message: String) -> Self {
        Self {
            status: abi::E_SYNTAX,
            message,
            undone: 0,
            warnings: Vec::new(),
            progress: Vec::new(),
        }
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (status {})", self.message, self.status)
    }
}

impl std::error::Error for Failed {}

/// The host finds damage by the records of its PDF engine, so its logger must be the first; the operation's own lines
/// reach the run through it.
fn count_damage() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let logger = host::damage::Logger::wrap(Box::new(bridge::Bridge), log::LevelFilter::Debug);
        // A program with a logger of its own sees the lines there.
        let _ = logger.install();
    });
}

/// An entry with the one operation `O`, as `export_plugin!` would make it; where it is `PLAIN`, it sees the plain host.
fn entry_of<O: Operation, const PLAIN: bool>() -> &'static abi::Entry {
    static MADE: Mutex<Option<HashMap<(TypeId, bool), &'static Exported>>> = Mutex::new(None);

    extern "C" fn operation<O: Operation, const PLAIN: bool>(index: u32) -> *const abi::Operation {
        exported::<O, PLAIN>().operation(index)
    }

    fn exported<O: Operation, const PLAIN: bool>() -> &'static Exported {
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        made.get_or_insert_default()
            .entry((TypeId::of::<O>(), PLAIN))
            .or_insert_with(|| {
                let exported = Exported::new(plugin::<O, PLAIN>, operation::<O, PLAIN>);
                Box::leak(Box::new(exported))
            })
    }

    fn plugin<O: Operation, const PLAIN: bool>() -> Plugin {
        let about = About {
            name: "trial",
            version: "0.0.0",
            description: "",
            license: "",
            vendor: "",
        };
        let offered = Offered::of::<O>();
        let offered = match PLAIN {
            true => offered.created_by(plain::create::<O>),
            false => offered,
        };
        Plugin::new(&about, vec![offered])
    }

    exported::<O, PLAIN>().entry()
}

#[cfg(test)]
mod tests;
