//! Write Dropleaf plugins in safe Rust.
//!
//! A plugin is a shared library with one or more *operations*. This is a whole one; its `Cargo.toml` has
//! `crate-type = ["cdylib"]` and the dependencies `dropleaf-plugin-sdk`, `schemars` and `serde`:
//!
//! ```
//! use dropleaf_plugin_sdk::prelude::*;
//!
//! /// The parameters; their JSON Schema goes into the manifest, so that editors complete them and mistakes are found
//! /// when a pipeline is loaded.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Rotate {
//!     /// Degrees clockwise.
//!     #[schemars(extend("multipleOf" = 90))]
//!     angle: i64,
//!     /// Which pages.
//!     #[serde(default)]
//!     pages: PageRange,
//! }
//!
//! impl Operation for Rotate {
//!     const NAME: &'static str = "rotate";
//!     const SUMMARY: &'static str = "Turn pages";
//!
//!     fn examples() -> Vec<Example> {
//!         vec![Example::new("Turn the first page", json!({ "angle": 90, "pages": 1 })).expect_pages(4)]
//!     }
//!
//!     fn run(&self, run: &mut Run<'_>) -> Result<()> {
//!         let document = run.document();
//!         let pages = self.pages.select(document.page_count()?)?;
//!         for (done, &index) in pages.iter().enumerate() {
//!             let page = document.page(index)?;
//!             let turned = page.attr("Rotate")?.and_then(|value| value.as_i64()).unwrap_or(0);
//!             page.put("Rotate", (turned + self.angle).rem_euclid(360))?;
//!             run.progress(done + 1, pages.len())?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! export_plugin! {
//!     name: "turner",
//!     description: "Turns pages",
//!     operations: [Rotate],
//! }
//!
//! fn main() {
//!     let manifest = unsafe { std::ffi::CStr::from_ptr(dropleaf_entry().manifest) };
//!     assert!(manifest.to_str().unwrap().contains(r#""multipleOf":90"#));
//! }
//! ```
//!
//! What the host sees to: the document is parsed once for all steps of a pipeline; whatever `run` changed is undone if
//! it answers an error or panics; a crash costs this job and nothing else. What is left to the operation: to report
//! progress, which also hears of a cancelled job, and to say in plain words what is wrong and with what.
//!
//! Handles cannot outlive the run nor leave its thread:
//!
//! ```compile_fail
//! # use dropleaf_plugin_sdk::prelude::*;
//! fn keep(run: &mut Run<'_>) -> Document<'static> {
//!     run.document()
//! }
//! ```
//!
//! ```compile_fail
//! # use dropleaf_plugin_sdk::prelude::*;
//! fn send(run: &mut Run<'_>) {
//!     let document = run.document();
//!     std::thread::scope(|scope| { scope.spawn(|| document.page_count()); });
//! }
//! ```
//!
//! Other threads are fine for work on plain bytes; they report through [`Run::reporter`].
//!
//! The `testing` feature has an in-process host: see `testing`.

pub mod assemble;
mod bridge;
mod buffer;
mod document;
mod error;
#[doc(hidden)]
pub mod export;
mod handle;
mod manifest;
mod object;
mod operation;
mod page_box;
mod page_labels;
mod page_range;
mod reference;
mod run;
mod session;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
mod tree;
mod value;

pub use buffer::Buffer;
pub use document::{Document, Held, Pages};
pub use dropleaf_plugin_abi as abi;
pub use error::{Error, Result};
pub use handle::{Kind, Mode, Object};
pub use operation::{Example, Inputs, Limits, Operation, Permissions};
pub use page_box::visible_box;
pub use page_labels::PageLabels;
pub use page_range::PageRange;
pub use reference::Ref;
pub use run::{Reporter, Run};
pub use tree::Tree;
pub use value::{Opaque, Value};

/// What a plugin needs, for `use dropleaf_plugin_sdk::prelude::*`.
pub mod prelude {
    pub use crate::{
        Document, Error, Example, Inputs, Kind, Limits, Mode, Object, Operation, PageLabels,
        PageRange, Permissions, Ref, Result, Run, Tree, Value, export_plugin,
    };
    pub use log::Level;
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value as Json, json};
}
