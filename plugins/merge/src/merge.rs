//! Appending documents to the first one.

use dropleaf_plugin_sdk::assemble::{self, Outline, OutlineEnd};
use dropleaf_plugin_sdk::prelude::*;

use crate::attachments::Attachments;
use crate::{scripts, standing};

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
    let (mut done, mut at) = (u64::from(counts[0]), counts[0]);
    let (mut end, mut attached) = (None, None);
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
        if !appended.renamed.is_empty() && scripts::has_any(other)? {
            run.warn(format!(
                "scripts of document `{number}` may name form fields by the names that they had"
            ));
        }
        if let Some(outline) = outline(run, other, number)? {
            let end = match &mut end {
                Some(end) => end,
                none => none.insert(OutlineEnd::of(target)?),
            };
            outline.append(end, &pages, at)?;
        }
        let theirs = assemble::Attachments::read(other)?;
        if theirs.is_damaged() || !theirs.files().is_empty() {
            let attached = match &mut attached {
                Some(attached) => attached,
                none => none.insert(Attachments::of(target)?),
            };
            attached.add(run, other, number, &theirs)?;
        }
        left_behind(run, other, number)?;
        at += count;
        done += u64::from(count);
        run.progress(done, total)?;
    }
    if let Some(attached) = attached {
        attached.write()?;
    }
    if let Some(labels) = labels {
        labels.write(target)?;
    }
    if !others.is_empty() {
        // The others are in it.
        run.emit(target, "")?;
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

/// The outline of a later document.
fn outline(run: &Run<'_>, document: &Document<'_>, number: usize) -> Result<Option<Outline>> {
    let outline = Outline::read(document)?;
    if outline.as_ref().is_some_and(Outline::is_cut) {
        run.warn(format!(
            "the outline of document `{number}` is too large: part of its items are left out"
        ));
    }
    Ok(outline)
}

/// Says what of a later document is not in the joined one.
fn left_behind(run: &Run<'_>, document: &Document<'_>, number: usize) -> Result<()> {
    let catalog = document.catalog()?;
    let names = catalog.get("Names")?.and_then(|names| names.as_dict());
    let has = |key| {
        names
            .as_ref()
            .map_or(Ok(false), |names| is_filled(names, key))
    };
    let mut left = Vec::new();
    if has("JavaScript")? {
        left.push("scripts");
    }
    if has("Dests")? || is_filled(&catalog, "Dests")? {
        left.push("named destinations (links from other files to them no longer work)");
    }
    if !left.is_empty() {
        run.log(
            Level::Info,
            format!("left out of document `{number}`: {}", left.join(", ")),
        );
    }
    Ok(())
}

/// Whether there is something in the list under `key`, which may be a tree.
fn is_filled(dict: &Object<'_>, key: &str) -> Result<bool> {
    let Some(list) = dict.object(key)? else {
        return Ok(false);
    };
    if list.kind() == Kind::Array {
        return Ok(!list.is_empty()?);
    }
    for part in ["Names", "Kids"] {
        if let Some(Value::Array(part)) = list.get(part)? {
            return Ok(!part.is_empty()?);
        }
    }
    Ok(!list.is_empty()?)
}
