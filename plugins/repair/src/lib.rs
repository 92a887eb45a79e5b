//! The plugin `repair`: reads a document leniently and writes it anew, sound.

mod repair;

use dropleaf_plugin_sdk::prelude::*;

/// Mends a document and has it written anew.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repair {}

impl Operation for Repair {
    const NAME: &'static str = "repair";
    const SUMMARY: &'static str = "Mend a damaged document and write it anew";
    const DESCRIPTION: &'static str = "Damaged files are read leniently before any step runs. This one puts the page tree in \
        order, gives pages the attributes they must have, drops references to objects that are not there, and has the \
        whole file written anew, without old revisions and unused objects. What was mended is said in a warning and in \
        the result `mended`.";

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
