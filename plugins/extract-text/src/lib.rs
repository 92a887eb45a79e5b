//! The plugin `extract-text`: the text of a document as a file beside it.

mod actual_text;
mod bidi;
mod collections;
#[cfg(test)]
mod corpus;
mod direction;
mod extract;
mod fonts;
mod glyphs;
mod lines;
mod order;
mod page;
mod segment;

use dropleaf_plugin_sdk::prelude::*;

use crate::page::Layout;

/// Write the text of the pages into a file beside the document.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtractText {
    /// How the text is written down.
    #[serde(default)]
    #[schemars(extend("default" = "text"))]
    format: Format,
    /// How the text of a page is put in order.
    #[serde(default)]
    #[schemars(extend("default" = "reading"))]
    layout: Layout,
    /// Which pages.
    #[serde(default)]
    pages: PageRange,
}

/// The form of the artifact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// `<stem>.txt`: plain text in UTF-8, a form feed between pages.
    #[default]
    Text,
    /// `<stem>.json`: `[{"page": 1, "text": "..."}]`.
    Json,
}

impl Operation for ExtractText {
    const NAME: &'static str = "extract-text";
    const SUMMARY: &'static str = "Write the text into a file beside the document";
    const DESCRIPTION: &'static str = "Reads the text that the pages show, invisible text of a recognition layer included, and \
        writes it as an artifact, `<stem>.txt` or `<stem>.json`. The document itself is not changed. Scanned pages without \
        such a layer have no text. Marked content with an `ActualText` of its own reads as that text, where something of it \
        is drawn; the `ActualText` of structure elements is not read.";
    const NEEDS: &'static [&'static str] = &["leaf.run/1", "leaf.cos/1", "leaf.doc/1"];

    fn examples() -> Vec<Example> {
        vec![
            Example::new("A text file beside the document", json!({})).expect_pages(4),
            Example::new(
                "The first two pages as JSON, tables kept in place",
                json!({ "format": "json", "layout": "physical", "pages": "1-2" }),
            )
            .expect_pages(4),
        ]
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        extract::extract(self, run)
    }
}

export_plugin! {
    name: "extract-text",
    description: "Write the text of a document beside it",
    operations: [ExtractText],
}

#[cfg(test)]
mod tests;
