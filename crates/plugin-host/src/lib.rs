//! Loads Dropleaf plugins and owns the documents they edit.
//!
//! A worker opens each input as a [`Document`], loads plugins as [`Library`]s and runs their operations over it with
//! [`run`]; then it saves what has come of it. However many steps there were, that is one parse and one save
//! ([`Bill`]), and each step is a transaction. Plugins see documents through integer handles that are checked on every
//! call; the header `dropleaf_plugin.h` says what each function promises.
//!
//! This is the only place that knows the PDF engine, and one of three where `unsafe` is allowed.

pub mod damage;
pub mod memory;

mod bill;
mod document;
mod fault;
pub mod filter;
mod footing;
mod input;
mod library;
mod limits;
mod prints;
mod run;
mod sibling;

pub use bill::Bill;
pub use document::Document;
pub use document::facts::Facts;
pub use document::open_error::{OpenError, Warning};
pub use document::save::Saved;
pub use document::save_error::SaveError;
pub use document::soundness::Soundness;
pub use footing::Footing;
pub use input::Input;
pub use library::{EntryError, Library, LoadError};
pub use limits::Limits;
pub use prints::{flush_prints, print_by_lines};
pub use run::state::{MAX_DEPTH, MAX_RESULTS, is_deeper};
pub use run::{Invocation, Observer, Outcome, RunError, run, run_entry};
pub use sibling::{Forked, close_inherited, fork_sibling};
