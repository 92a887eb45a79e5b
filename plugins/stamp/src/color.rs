//! A colour as a parameter: `#rrggbb` or one of a few names.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// The names, with what they mean.
const NAMES: [(&str, [u8; 3]); 11] = [
    ("black", [0, 0, 0]),
    ("white", [255, 255, 255]),
    ("gray", [128, 128, 128]),
    ("grey", [128, 128, 128]),
    ("red", [255, 0, 0]),
    ("green", [0, 128, 0]),
    ("blue", [0, 0, 255]),
    ("yellow", [255, 255, 0]),
    ("orange", [255, 165, 0]),
    ("magenta", [255, 0, 255]),
    ("cyan", [0, 255, 255]),
];

/// An sRGB colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Color([u8; 3]);

/// A colour that is neither `#rrggbb` nor a known name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a colour: write `#rrggbb` or one of {names}", names = names())]
pub(crate) struct ColorError(String);

impl Color {
    /// The three parts, from 0 to 1.
    #[must_use]
    pub(crate) fn parts(self) -> [f64; 3] {
        self.0.map(|part| f64::from(part) / 255.0)
    }
}

impl TryFrom<String> for Color {
    type Error = ColorError;

    fn try_from(text: String) -> Result<Self, ColorError> {
        let lower = text.trim().to_ascii_lowercase();
        if let Some((_, parts)) = NAMES.iter().find(|(name, _)| *name == lower) {
            return Ok(Self(*parts));
        }
        let digits = lower
            .strip_prefix('#')
            .filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(number) => {
                let [_, red, green, blue] = number.to_be_bytes();
                Ok(Self([red, green, blue]))
            }
            None => Err(ColorError(text)),
        }
    }
}

impl JsonSchema for Color {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Color".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        json_schema!({
            "type": "string",
            "pattern": format!("^(#[0-9A-Fa-f]{{6}}|{})$", names.join("|")),
            "examples": ["#cc0000", "black", "red"],
        })
    }
}

fn names() -> String {
    NAMES.map(|(name, _)| name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_by_number_and_by_name() {
        let parse = |text: &str| Color::try_from(text.to_owned()).map(|c| c.0);
        assert_eq!(parse("#ff8000"), Ok([255, 128, 0]));
        assert_eq!(parse("#FF8000"), Ok([255, 128, 0]));
        assert_eq!(parse("red"), Ok([255, 0, 0]));
        for bad in ["", "#fff", "#gggggg", "crimson", "#ff80000", "#é0000"] {
            assert_eq!(parse(bad), Err(ColorError(bad.to_owned())), "{bad}");
        }
    }
}
