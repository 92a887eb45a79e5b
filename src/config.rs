//! `config.yaml` and flags -> one checked [`Config`](spec::Config), the sum of what the parts need.

pub mod home;
pub mod parts;
pub mod spec;
mod words;
