//! The plugin `merge`: joins the documents of a job.

mod attachments;
mod merge;
mod scripts;
mod standing;

use dropleaf_plugin_sdk::prelude::*;

/// Joins all documents of the job, in their order.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {}

impl Operation for Merge {
    const NAME: &'static str = "merge";
    const SUMMARY: &'static str = "Join the documents of a job into one";
    const DESCRIPTION: &'static str = "The pages of the second and later documents are appended to the first, which lends \
        version, metadata, named destinations, output intents and tags; those of the others are left out. \
        Form fields, layers, page labels, attachments and outlines of all documents are kept, outlines one after the other, and links lead where they led; a field \
        or an attachment whose name is taken gets another one, with a warning, and locks and actions of its document name it by that; scripts are not changed. The result is not marked as tagged, and does not claim to be PDF/UA, nor PDF/A \
        unless all documents are of one level that asks for no tags and have the same output intents. Warnings tell of tags, \
        intents and claims that are lost, and of attachments larger than 64 MiB, which are left out.";
    const INPUTS: Inputs = Inputs::All;
    const NEEDS: &'static [&'static str] =
        &["leaf.run/1", "leaf.cos/1", "leaf.stream/1", "leaf.doc/1"];

    fn examples() -> Vec<Example> {
        vec![
            Example::new("Join three documents", json!({}))
                .on_documents(&[2, 1, 3])
                .expect_pages(6),
            Example::new("One document stays as it is", json!({})).expect_pages(4),
        ]
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        merge::merge(run)
    }
}

export_plugin! {
    name: "merge",
    description: "Join the documents of a job",
    operations: [Merge],
}

#[cfg(test)]
mod tests;
