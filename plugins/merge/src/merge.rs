//! Appending documents to the first one.

use dropleaf_plugin_sdk::assemble;
use dropleaf_plugin_sdk::prelude::*;

use crate::standing;

/// Appends all other documents of the run to the first.
pub(crate) fn merge(run: &Run<'_>) -> Result<()> {
    let inputs = run.inputs()?;
    let Some((target, others)) = inputs.split_first() else {
        return Ok(());
    };
    let counts = inputs
        .iter()
        .map(Document::page_count)
        .collect::<Result<Vec<u32>>>()?;
    let total: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    if u32::try_from(total).is_err() {
        return Err(Error::rejected(format!(
            "the joined document would have {total} pages, which is too many"
        )));
    }
    let labels = labels(run, &inputs, &counts)?;
    standing::settle(run, target, others)?;
    let mut done = u64::from(counts[0]);
    run.progress(done, total)?;
    for (number, (other, &count)) in others.iter().zip(&counts[1..]).enumerate() {
        let number = number + 2;
        let pages: Vec<u32> = (0..count).collect();
        let appended = assemble::append(target, other, &pages)
            .map_err(|error| error.context(format!("document `{number}` of the job")))?;
        for (old, new) in &appended.renamed {
            run.warn(format!(
                "form field `{old}` of document `{number}` is now `{new}`: an earlier document has a field of that name"
            ));
        }
        left_behind(run, other, number)?;
        done += u64::from(count);
        run.progress(done, total)?;
    }
    if let Some(labels) = labels {
        labels.write(target)?;
    }
    run.result("documents", inputs.len())?;
    run.result("pages", total)
}

/// The labels of all pages, each as in its own document; `None` where they are to stay as they are.
fn labels(run: &Run<'_>, inputs: &[Document<'_>], counts: &[u32]) -> Result<Option<PageLabels>> {
    if inputs.len() == 1 {
        return Ok(None);
    }
    let (mut joined, mut any) = (PageLabels::default(), false);
    for (number, (document, &count)) in (1..).zip(inputs.iter().zip(counts)) {
        let labels = PageLabels::read(document)?;
        any |= labels.as_ref().is_some_and(|labels| !labels.is_empty());
        if labels.as_ref().is_some_and(PageLabels::is_damaged) {
            run.warn(format!(
                "the page labels of document `{number}` are damaged: those that cannot be read are dropped"
            ));
        }
        let labels = labels.unwrap_or_else(|| PageLabels::numbered(count));
        joined.extend(&labels, 0..count);
    }
    Ok(any.then_some(joined))
}

/// Says what of a later document is not in the joined one.
fn left_behind(run: &Run<'_>, document: &Document<'_>, number: usize) -> Result<()> {
    let catalog = document.catalog()?;
    let mut left = Vec::new();
    for (key, name) in [("Outlines", "outlines"), ("Names", "named destinations")] {
        if catalog.has(key)? {
            left.push(name);
        }
    }
    if !left.is_empty() {
        run.log(
            Level::Info,
            format!("left out of document `{number}`: {}", left.join(", ")),
        );
    }
    Ok(())
}
