//! The plugin `split`: one document in, several out.

mod behind;
mod carry;
mod split;

use dropleaf_plugin_sdk::prelude::*;

use crate::split::Part;

/// Cuts a document into several.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["every"] }, { "required": ["ranges"] }]))]
pub struct Split {
    /// Pages in each part; the last may have fewer.
    #[serde(default)]
    #[schemars(range(min = 1), with = "u32")]
    every: Option<u32>,
    /// One part for each list of pages; a page may be in several parts or in none.
    #[serde(default)]
    #[schemars(length(min = 1), with = "Vec<PageRange>")]
    ranges: Option<Vec<PageRange>>,
}

impl Operation for Split {
    const NAME: &'static str = "split";
    const SUMMARY: &'static str = "Cut a document into several";
    const DESCRIPTION: &'static str = "Takes either `every` or `ranges`. The steps below run on each part. `{{ part.label }}` \
        is the part's pages, such as `1-10`; `{{ part.index }}` and `{{ part.count }}` number the parts. Metadata, form fields, \
        layers, page labels, output intents and reading preferences go with the pages, and so do the items of the outline that lead \
        to them, links between them, and the document's scripts where a part has form fields; named destinations, attachments (but for those \
        of single pages), tags (the structure tree), document parts, a form's XFA part and form fields that are on no page do not. A part does not claim to be what it no longer \
        is: PDF/UA, or PDF/A at a level that asks for tags. Warnings tell of tags, attachments, fields, parts and claims that are lost.";
    const NEEDS: &'static [&'static str] =
        &["leaf.run/1", "leaf.cos/1", "leaf.stream/1", "leaf.doc/1"];

    fn examples() -> Vec<Example> {
        vec![
            Example::new("Ten pages a part", json!({ "every": 10 }))
                .on_pages(23)
                .expect_documents(&[10, 10, 3]),
            Example::new(
                "The cover letter, then the rest",
                json!({ "ranges": [1, "2-"] }),
            )
            .expect_documents(&[1, 3]),
        ]
    }

    fn check(&self) -> Result<()> {
        match (self.every, &self.ranges) {
            (Some(0), None) => Err(Error::parameters(
                "`every` is 0, but a part needs at least one page",
            )),
            (Some(_), None) => Ok(()),
            (None, Some(ranges)) if ranges.is_empty() => Err(Error::parameters(
                "`ranges` is empty: name at least one part",
            )),
            (None, Some(_)) => Ok(()),
            (None, None) => Err(Error::parameters(
                "give `every` (pages in a part) or `ranges` (a list of parts)",
            )),
            (Some(_), Some(_)) => Err(Error::parameters("give `every` or `ranges`, not both")),
        }
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let count = run.document().page_count()?;
        let parts: Vec<Part> = match (self.every, &self.ranges) {
            (Some(every), _) => split::every(every, count)?,
            (None, ranges) => split::ranges(ranges.as_deref().unwrap_or_default(), count)?,
        };
        split::split(run, &parts)?;
        run.result("parts", parts.len())
    }
}

export_plugin! {
    name: "split",
    description: "Cut a document into several",
    operations: [Split],
}

#[cfg(test)]
mod tests;
