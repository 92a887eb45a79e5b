//! Places in a text, and what is wrong with its structure.

use crate::pipeline::fault::Fault;
use saphyr_parser::Marker;

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// From 1; 0 for no place.
    pub(crate) line: u32,
    /// From 1, in characters; 0 for no place.
    pub(crate) column: u32,
}

impl Place {
    /// No place in the text.
    pub(crate) const NONE: Self = Self { line: 0, column: 0 };
    /// The start of the text.
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    pub(super) fn of(marker: &Marker) -> Self {
        Self {
            line: u32::try_from(marker.line()).unwrap_or(u32::MAX),
            column: u32::try_from(marker.col() + 1).unwrap_or(u32::MAX),
        }
    }

    /// The place behind `before`.
    pub(super) fn after(before: &str) -> Self {
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        Self {
            line: u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX),
            column: u32::try_from(last_line.chars().count() + 1).unwrap_or(u32::MAX),
        }
    }
}

/// Something wrong with the structure, before it belongs to a file.
#[derive(Debug)]
pub(crate) struct Flaw {
    place: Place,
    pub(super) pointer: String,
    message: String,
    hint: Option<String>,
}

impl Flaw {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            pointer: String::new(),
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn fault(self, file: &str) -> Fault {
        Fault {
            file: file.to_owned(),
            line: self.place.line,
            column: self.place.column,
            pointer: self.pointer,
            message: self.message,
            hint: self.hint,
        }
    }
}

/// `~1` and `~0` of a JSON pointer's segment undone.
pub(crate) fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// A key or index as a segment of a JSON pointer.
pub(crate) fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}
