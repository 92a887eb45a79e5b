//! Make documents smaller without changing what they show.

mod content;
mod flate;
mod jpeg;
