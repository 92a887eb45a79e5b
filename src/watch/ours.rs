//! The folder of our own in each inbox and outbox.

/// Its name: claimed originals, staged outputs, uploads and marks lie in it.
pub const OUR_FOLDER: &str = ".dropleaf";
