//! Dropleaf: drop PDFs into a folder; pipelines written in YAML take them through plugin steps; watch every file live.
//!
//! The modules stand on floors and import only downwards; `docs/architecture.md` has the plan and a test holds them to it.

pub mod cli;
pub mod durable;
pub mod inotify;
pub mod problem;
pub mod raw_path;
pub mod telemetry;
pub mod time;

pub mod plugin;

pub mod job;
pub mod mounts;
pub mod owner;
pub mod pipeline;

pub mod event;
pub mod watch;
pub mod wire;

pub mod client;
pub mod feed;
pub mod pool;
pub mod spool;
pub mod statistics;
pub mod store;
pub mod worker;

pub mod registry;
pub mod scheduler;
pub mod webhook;

pub mod http;

pub mod config;

pub mod daemon;

pub mod command;
