//! What the journal promises, on real files in a temp folder.

mod crash;
mod damage;
mod full;
mod layout;
mod queries;
mod retention;
pub(crate) mod sample;
mod units;
