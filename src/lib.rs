//! Dropleaf: drop PDFs into a folder; pipelines written in YAML take them through plugin steps; watch every file live.
//!
//! The modules stand on floors and import only downwards; `docs/architecture.md` has the plan and a test holds them to it.

pub mod raw_path;
pub mod time;

pub mod problem;

pub mod plugin;

pub mod job;

pub mod pipeline;
pub mod wire;

pub mod event;

pub mod client;
pub mod store;

pub mod feed;

pub mod http;
