//! What the feed promises, with a real journal behind it.

mod catch_up;
mod live;
mod reader;
mod resume;
