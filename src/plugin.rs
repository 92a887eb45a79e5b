//! Plugin names, manifests and parameters; no I/O.

pub mod audit;
pub mod catalog;
pub mod grants;
pub mod manifest;
pub mod parameters;
pub mod trust;
pub mod words;
