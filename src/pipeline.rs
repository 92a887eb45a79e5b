//! Pipelines: what YAML may say, and the checked form that everything else works with.

pub mod check;
pub mod checked;
pub mod examples;
pub mod fault;
pub mod folders;
pub mod load;
pub mod schema;
pub mod spec;
pub mod surroundings;
pub mod template;
#[cfg(test)]
pub(crate) mod testing;
pub mod units;
pub(crate) mod yaml;
