//! Pictures of pages, as the routes ask for them.

use crate::http::api::Refused;
use crate::problem::Problem;
use std::fs::File;

/// A picture that is wanted.
#[derive(Debug)]
pub struct Picture {
    /// The PDF, opened read-only.
    pub file: File,
    /// Its name.
    pub name: String,
    /// Changes whenever the file, the page, the width or the plugin that draws does.
    pub tag: String,
    /// From 1.
    pub page: u64,
    /// Pixels.
    pub width: u32,
    /// The pipeline whose passwords may open it.
    pub pipeline: String,
}

/// Why there is no picture.
#[derive(Clone, Debug)]
pub enum Undrawn {
    /// No plugin draws pages here; why, where one is there.
    NotInstalled(Option<String>),
    /// The document ends before that page.
    Beyond {
        /// Its pages.
        pages: u64,
    },
    /// It cannot be drawn.
    Impossible(Problem),
    /// Anything else.
    Other(Refused),
}
