//! What the tests share: sample PDFs, a daemon in a temporary home, a reader of its feeds.

pub mod clock;
pub mod crowd;
pub mod daemon;
pub mod feed;
pub mod folder;
pub mod hostile;
pub mod many;
pub mod mutate;
pub mod old_home;
pub mod ordeal;
pub mod plugins;
pub mod process;
pub mod sample;
pub mod torture;
pub mod trace;

pub use serde_json::Value;

/// The journal of a home, opened as a database: to look into it, or to spoil it.
///
/// # Panics
/// It cannot be opened.
#[must_use]
pub fn journal(path: &std::path::Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).expect("the journal opens")
}
