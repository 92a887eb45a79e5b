//! The plugin `repair`: mends what is damaged in a document, and leaves a sound one as it is.

mod repair;

use dropleaf_plugin_sdk::prelude::*;

/// Mends a document.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repair {}

impl Operation for Repair {
    const NAME: &'static str = "repair";
    const SUMMARY: &'static str = "Mend a damaged document";
    const DESCRIPTION: &'static str = "Damaged files are read leniently before any step runs. This one puts the page tree in \
        order, gives pages the attributes they must have, and drops references to objects that are not there. What was \
        mended is said in a warning and in the result `mended`; the file is then written anew, without old revisions and \
        unused objects. One with nothing to mend stays as it came, to the byte, so that its signatures hold.";

    fn examples() -> Vec<Example> {
        vec![Example::new("A sound document stays as it is", json!({})).expect_pages(4)]
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        repair::repair(run)
    }
}

export_plugin! {
    name: "repair",
    description: "Mend damaged documents",
    operations: [Repair],
}

#[cfg(test)]
mod tests;
