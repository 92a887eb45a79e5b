//! The plugin `stamp`: text on pages, for page numbers, received stamps and watermarks.
//!
//! The font is DejaVu Sans, whose licence stands beside it in `fonts/`; a document gets only the glyphs it needs.

mod balance;
mod claims;
mod color;
mod contents;
mod embed;
mod enclose;
mod font;
mod layout;
mod number;
mod page;
mod placement;
mod resources;
mod shape;
mod stamp;
mod text;

use dropleaf_plugin_sdk::prelude::*;

use crate::color::Color;
use crate::placement::Position;
use crate::text::Text;

/// Put a text on pages: page numbers, a received stamp, a watermark.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StampText {
    /// The text; a line break starts a new line. `{{ page }}` is the number of the page, `{{ pages }}` how many there are.
    text: Text,
    /// Where on the page, as the reader sees it.
    #[serde(default)]
    #[schemars(extend("default" = "bottom-center"))]
    position: Position,
    /// The font size in points.
    #[serde(default = "default_size")]
    #[schemars(range(min = 0.5, max = 2000.0))]
    size: f64,
    /// From 0, invisible, to 1, opaque.
    #[serde(default = "default_opacity")]
    #[schemars(range(min = 0.0, max = 1.0))]
    opacity: f64,
    /// `#rrggbb`, or `black`, `white`, `gray`, `red`, `green`, `blue`, `yellow`, `orange`, `magenta`, `cyan`.
    #[serde(default)]
    #[schemars(extend("default" = "black"))]
    color: Color,
    /// The distance to the edges of the page in points.
    #[serde(default = "default_margin")]
    #[schemars(range(min = 0.0, max = 10_000.0))]
    margin: f64,
    /// Turns the text against the clock, in degrees: 45 for a watermark.
    #[serde(default)]
    #[schemars(range(min = -360.0, max = 360.0))]
    angle: f64,
    /// Which pages.
    #[serde(default)]
    pages: PageRange,
}

fn default_size() -> f64 {
    10.0
}

fn default_opacity() -> f64 {
    1.0
}

fn default_margin() -> f64 {
    28.0
}

impl Operation for StampText {
    const NAME: &'static str = "stamp-text";
    const SUMMARY: &'static str = "Put a text on pages";
    const DESCRIPTION: &'static str = "Draws a text over the pages, upright as the reader sees them, in DejaVu Sans. Only the \
        glyphs that are needed are embedded, and the text can be searched and copied. What was on the pages stays as it is. \
        A document does not claim to be PDF/X-1a any more, and with an `opacity` below 1 neither PDF/A-1 nor PDF/X-3.";
    const NEEDS: &'static [&'static str] = &["leaf.run/1", "leaf.cos/1", "leaf.stream/1"];

    fn examples() -> Vec<Example> {
        vec![
            Example::new("Number the pages", json!({ "text": "Page {{ page }} of {{ pages }}" })).expect_pages(4),
            Example::new(
                "A red stamp in the corner of the first page",
                json!({ "text": "RECEIVED\n22 Nov 2026", "position": "top-right", "color": "#cc0000", "pages": 1 }),
            )
            .expect_pages(4),
            Example::new(
                "A watermark",
                json!({ "text": "DRAFT", "position": "center", "size": 96, "angle": 45, "opacity": 0.2, "color": "gray" }),
            )
            .expect_pages(4),
        ]
    }

    fn check(&self) -> Result<()> {
        self.text
            .check()
            .map_err(|error| Error::parameters(error.to_string()))
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        stamp::stamp(self, run)
    }
}

export_plugin! {
    name: "stamp",
    description: "Stamp text on pages",
    operations: [StampText],
}

#[cfg(test)]
mod tests;
