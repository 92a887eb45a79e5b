//! Pipelines: what YAML may say, and the checked form that everything else works with.

pub mod checked;
pub mod fault;
pub mod spec;
pub mod units;
mod yaml;
