//! What the tests share: sample PDFs, a daemon in a temporary home, a reader of its feeds.

pub mod crowd;
pub mod daemon;
pub mod feed;
pub mod folder;
pub mod hostile;
pub mod mutate;
pub mod ordeal;

pub mod plugins;
pub mod process;
pub mod sample;
pub mod torture;
pub mod trace;

pub use serde_json::Value;
