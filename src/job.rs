//! A job: one arrival on its way through one pipeline.

pub mod attempt;
pub mod event;
pub mod id;
pub mod redo;
pub mod state;
