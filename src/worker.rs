//! The worker.

mod confine;
mod landlock;
pub mod options;
mod seccomp;
