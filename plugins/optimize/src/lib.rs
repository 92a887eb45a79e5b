//! The plugin `optimize`: documents made smaller.
//!
//! Without `images` nothing that is shown changes, to the pixel. With it, JPEG images may lose what is not seen.

mod content;
mod flate;
mod graph;
mod images;
mod jpeg;
mod optimize;
mod places;
mod streams;
mod twins;

use dropleaf_plugin_sdk::prelude::*;

use crate::images::Images;

/// Make the document smaller.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Optimize {
    /// Allows loss in JPEG images: at a lower quality, and at a lower resolution where they are drawn small. Without it
    /// they are only packed better.
    images: Option<Images>,
    /// How hard to compress, 1 to 9; 9 is the smallest and slowest.
    #[serde(default = "default_level")]
    #[schemars(range(min = 1, max = 9))]
    level: u8,
    /// Whether equal images, fonts and other streams are stored once.
    #[serde(default = "default_deduplicate")]
    deduplicate: bool,
}

fn default_level() -> u8 {
    9
}

fn default_deduplicate() -> bool {
    true
}

impl Operation for Optimize {
    const NAME: &'static str = "optimize";
    const SUMMARY: &'static str = "Make the document smaller";
    const DESCRIPTION: &'static str = "Compresses streams again, stores equal ones once, drops what nothing refers to, and \
        packs JPEG images better; pages look exactly as before. With `images`, JPEG images are also coded again at a lower \
        quality, and made smaller where they have more pixels than `max_dpi` needs.";
    const NEEDS: &'static [&'static str] =
        &["leaf.run/1", "leaf.cos/1", "leaf.stream/1", "leaf.doc/1"];

    fn examples() -> Vec<Example> {
        vec![
            Example::new("Smaller without any loss", json!({})).expect_pages(4),
            Example::new(
                "For the screen",
                json!({ "images": { "max_dpi": 150, "quality": 75 } }),
            )
            .expect_pages(4),
            Example::new(
                "Fast, duplicates kept",
                json!({ "level": 1, "deduplicate": false }),
            )
            .expect_pages(4),
        ]
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        optimize::optimize(self, run)
    }
}

export_plugin! {
    name: "optimize",
    description: "Make documents smaller without changing what they show",
    operations: [Optimize],
}

#[cfg(test)]
mod tests;
