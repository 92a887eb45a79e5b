//! A Dropleaf plugin of a third party: `add-blank-pages` puts blank pages into a document, for printing on both sides.

mod blank;

use dropleaf_plugin_sdk::prelude::*;

/// Puts a blank page after others.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddBlankPages {
    /// After which pages; each blank page has the size and the rotation of the one before it.
    after: PageRange,
    /// How many each time.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    count: u32,
}

fn one() -> u32 {
    1
}

impl Operation for AddBlankPages {
    const NAME: &'static str = "add-blank-pages";
    const SUMMARY: &'static str = "Put blank pages after others";

    fn examples() -> Vec<Example> {
        vec![
            Example::new("A blank back for every page", json!({ "after": "all" })).expect_pages(8),
            Example::new("Two blank pages at the end", json!({ "after": "last", "count": 2 })).expect_pages(6),
        ]
    }

    fn check(&self) -> Result<()> {
        if (1..=100).contains(&self.count) {
            return Ok(());
        }
        Err(Error::parameters(format!("`count` is {}, but must be 1 to 100", self.count)))
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let after = self.after.select(run.document().page_count()?)?;
        let added = blank::add(run, &after, self.count)?;
        run.result("added", added)
    }
}

export_plugin! {
    name: "blank-pages",
    description: "Puts blank pages into documents",
    operations: [AddBlankPages],
}

#[cfg(test)]
mod tests;
