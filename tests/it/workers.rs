//! Promise: a plugin that crashes, hangs, leaks or lies costs its own attempt and nothing else, and is blamed for it.
//!
//! The pool is driven directly, with the real program as its worker and a plugin that misbehaves on demand.

mod bench;
mod breakouts;
mod crimes;
mod describing;
pub(crate) mod disguise;
mod honest;
mod inspections;
mod lies;
mod printing;
mod registry;
mod reuse;
mod sandbox;
