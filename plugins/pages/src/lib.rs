//! The plugin `pages`: rotate, extract, delete and reverse pages.

mod annotations;
mod articles;
mod options;
mod pages;
mod structure;

use dropleaf_plugin_sdk::prelude::*;

/// Turns pages clockwise, beyond the rotation that they have.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Degrees clockwise: a multiple of 90, negative for counter-clockwise.
    #[schemars(extend("multipleOf" = 90))]
    angle: i64,
    /// Which pages.
    #[serde(default)]
    pages: PageRange,
}

impl Operation for Rotate {
    const NAME: &'static str = "rotate";
    const SUMMARY: &'static str = "Turn pages";
    const DESCRIPTION: &'static str =
        "Adds to the rotation that a page has, its own or an inherited one.";

    fn examples() -> Vec<Example> {
        vec![
            Example::new(
                "Turn every page a quarter clockwise",
                json!({ "angle": 90 }),
            )
            .expect_pages(4),
            Example::new(
                "Turn the back sides of a scan upright",
                json!({ "angle": 180, "pages": "even" }),
            )
            .expect_pages(4),
        ]
    }

    fn check(&self) -> Result<()> {
        if self.angle % 90 == 0 {
            return Ok(());
        }
        Err(Error::parameters(format!(
            "`angle` is {}, but must be a multiple of 90",
            self.angle
        )))
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let pages = self.pages.select(run.document().page_count()?)?;
        let turned = pages::rotate(run, &pages, self.angle)?;
        run.result("pages", turned)
    }
}

/// Keeps some pages and drops the others.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtractPages {
    /// The pages to keep, in the order that they are to have; one named twice is kept once.
    pages: PageRange,
}

impl Operation for ExtractPages {
    const NAME: &'static str = "extract-pages";
    const SUMMARY: &'static str = "Keep some pages, in the order given";
    const DESCRIPTION: &'static str = "What only the dropped pages used is removed from the file, their form fields and \
        what tags say of them included. Outlines, forms, tags and metadata stay otherwise, and each page keeps its label; links to \
        dropped pages lead nowhere. The XFA part of a form, which holds all values, is left out, with a warning.";

    fn examples() -> Vec<Example> {
        vec![
            Example::new("Keep the first page", json!({ "pages": 1 })).expect_pages(1),
            Example::new("Put the last page first", json!({ "pages": "last,1--2" }))
                .expect_pages(4),
        ]
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let mut keep = self.pages.resolve(run.document().page_count()?)?;
        let mut seen = std::collections::HashSet::new();
        keep.retain(|page| seen.insert(*page));
        if keep.is_empty() {
            return Err(Error::rejected(format!(
                "`{}` keeps no page: a document needs at least one",
                self.pages
            )));
        }
        pages::keep(run, &keep)?;
        run.result("pages", keep.len())
    }
}

/// Drops some pages.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeletePages {
    /// The pages to drop.
    pages: PageRange,
}

impl Operation for DeletePages {
    const NAME: &'static str = "delete-pages";
    const SUMMARY: &'static str = "Drop some pages";
    const DESCRIPTION: &'static str = "What only the dropped pages used is removed from the file, their form fields and \
        what tags say of them included; the others keep their labels. The XFA part of a form, which holds all values, is left out, \
        with a warning. A document keeps at least one page: deleting all is refused.";

    fn examples() -> Vec<Example> {
        vec![
            Example::new("Drop the cover", json!({ "pages": "first" })).expect_pages(3),
            Example::new("Drop the last two pages", json!({ "pages": "-2-" })).expect_pages(2),
        ]
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let count = run.document().page_count()?;
        let delete = self.pages.select(count)?;
        if delete.len() as u64 >= u64::from(count) {
            let pages = if count == 1 { "page" } else { "pages" };
            return Err(Error::rejected(format!(
                "deleting `{}` would leave no page: the document has {count} {pages}",
                self.pages
            )));
        }
        let keep: Vec<u32> = (0..count)
            .filter(|page| delete.binary_search(page).is_err())
            .collect();
        pages::keep(run, &keep)?;
        run.result("pages", keep.len())
    }
}

/// Turns the order of the pages round.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reverse {}

impl Operation for Reverse {
    const NAME: &'static str = "reverse";
    const SUMMARY: &'static str = "Put the pages in reverse order";
    const DESCRIPTION: &'static str = "Each page keeps its label. Document parts (DPartRoot), which are \
        stretches of pages in their order, are left out, with a warning.";

    fn examples() -> Vec<Example> {
        vec![Example::new("Last page first", json!({})).expect_pages(4)]
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        pages::reverse(run)
    }
}

export_plugin! {
    name: "pages",
    description: "Rotate, extract, delete and reverse pages",
    operations: [Rotate, ExtractPages, DeletePages, Reverse],
}

#[cfg(test)]
mod tests;
