//! `config.yaml` and flags -> one checked [`Config`](spec::Config), the sum of what the parts need.

pub(crate) mod bounds;
pub mod home;
pub(crate) mod log_filter;
mod names;
pub mod parts;
mod place;
pub mod spec;
mod words;
