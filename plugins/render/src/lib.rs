//! The plugin `render`: pages as pictures beside the document.

mod picture;
mod render;
mod size;

use dropleaf_plugin_sdk::prelude::*;

use crate::picture::Format;
use crate::size::Aim;

/// Draw pages as pictures beside the document.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("dependentSchemas" = { "dpi": { "properties": { "width": false, "height": false } } }))]
pub struct RenderPages {
    /// Which pages.
    #[serde(default)]
    pages: PageRange,
    /// Dots an inch; 150 where neither `width` nor `height` says how large the pictures are.
    #[schemars(range(min = 8, max = 1200))]
    dpi: Option<u32>,
    /// The width of the pictures in pixels, instead of `dpi`.
    #[schemars(range(min = 1, max = 16384))]
    width: Option<u32>,
    /// The height of the pictures in pixels, instead of `dpi`; with `width` too, they are as large as fits into both.
    #[schemars(range(min = 1, max = 16384))]
    height: Option<u32>,
    /// The kind of picture.
    #[serde(default)]
    #[schemars(extend("default" = "png"))]
    format: Format,
    /// The quality of JPEG pictures, 1 to 100.
    #[serde(default = "default_quality")]
    #[schemars(range(min = 1, max = 100))]
    quality: u8,
}

fn default_quality() -> u8 {
    85
}

impl RenderPages {
    fn aim(&self) -> Aim {
        match (self.width, self.height) {
            (None, None) => Aim::Dpi(self.dpi.unwrap_or(150)),
            (width, height) => Aim::Within { width, height },
        }
    }
}

impl Operation for RenderPages {
    const NAME: &'static str = "render-pages";
    const SUMMARY: &'static str = "Draw pages as pictures beside the document";
    const DESCRIPTION: &'static str = "Draws each page, with its annotations and as the reader sees it, on white and writes it as \
        an artifact, `<stem>-page-001.png` or `.jpg`. The document itself is not changed. A picture that would have more than 50 \
        million pixels is drawn smaller, with a warning; a page that cannot be drawn is left out, with a warning. Annotations that \
        bring no appearance of their own are not drawn, nor is Chinese, Japanese or Korean text whose font is not in the file.";
    const NEEDS: &'static [&'static str] = &["leaf.run/1", "leaf.cos/1", "leaf.doc/1"];

    fn examples() -> Vec<Example> {
        vec![
            Example::new("A picture of each page", json!({})).expect_pages(4),
            Example::new(
                "A small preview of the first page",
                json!({ "pages": 1, "width": 320 }),
            )
            .expect_pages(4),
            Example::new(
                "For the screen, as JPEG",
                json!({ "dpi": 96, "format": "jpeg", "quality": 75 }),
            )
            .expect_pages(4),
        ]
    }

    fn check(&self) -> Result<()> {
        if self.dpi.is_some() && (self.width.is_some() || self.height.is_some()) {
            return Err(Error::parameters(
                "`dpi` and a size in pixels cannot both hold: leave out `dpi`, or `width` and `height`",
            ));
        }
        Ok(())
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        render::render(self, run)
    }
}

export_plugin! {
    name: "render",
    description: "Draw pages as pictures beside the document",
    operations: [RenderPages],
}

#[cfg(test)]
mod tests;
