//! Stamp text on pages.

mod balance;
mod color;
mod font;
mod layout;
mod number;
mod placement;
mod shape;
mod text;
