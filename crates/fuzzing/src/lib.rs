//! What the fuzz targets do with their bytes, and what must hold afterwards.
//!
//! `fuzz/` only hands its bytes to these functions, so that they are built, linted and run over the committed seeds with
//! everything else, on stable. A function that returns has found nothing; one that panics, hangs or swells has.

pub mod document;
pub mod http;
pub mod manifest;
pub mod open;
pub mod pipeline;
pub mod wire;

#[cfg(test)]
mod tests;
