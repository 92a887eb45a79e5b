//! What the journal promises, on real files in a temp folder.

mod crash;
mod damage;
mod full;
mod layout;
mod queries;
mod retention;
mod rows;
pub(crate) mod sample;
mod shrink;
mod steps;
mod units;
