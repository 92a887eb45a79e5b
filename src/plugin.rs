//! Plugin names, manifests and parameters; no I/O.

pub mod manifest;
