//! What answers, by kind of thing. Handlers read the call, ask the backend, and show the answer; they decide nothing.

pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod jobs;
pub(crate) mod pipelines;
pub(crate) mod plugins;
pub(crate) mod session;
pub(crate) mod system;
pub(crate) mod thumbnails;
pub(crate) mod trials;
