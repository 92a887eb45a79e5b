//! The articles (ISO 32000-2, 12.4.3) without what was on dropped pages: each bead must be on a page.

use std::collections::HashSet;

use dropleaf_plugin_sdk::prelude::*;

/// Takes the beads of the pages `dropped`, which none of the pages `kept` is, out of their articles.
pub(crate) fn prune(document: &Document<'_>, dropped: &[u32], kept: &HashSet<Ref>) -> Result<()> {
    let mut gone = HashSet::new();
    for &page in dropped {
        let page = document.page(page)?;
        if page.id()?.is_some_and(|page| kept.contains(&page)) {
            continue;
        }
        if let Some(beads) = page.object("B")?
            && let Tree::Array(beads) = beads.tree()?
        {
            gone.extend(beads.iter().filter_map(|bead| match bead {
                Tree::Ref(bead) => Some(*bead),
                _ => None,
            }));
        }
    }
    if gone.is_empty() {
        return Ok(());
    }
    let threads = document.catalog()?.object("Threads")?;
    let mut ended = HashSet::new();
    for &bead in &gone {
        let Some(dict) = document.object(bead)?.as_dict() else {
            continue;
        };
        if let Some(thread) = reference(&dict, "T")? {
            let first = match document.object(thread)?.as_dict() {
                Some(thread) => reference(&thread, "F")?,
                None => None,
            };
            if first.is_some_and(|first| gone.contains(&first)) && !begin(document, thread, &gone)?
            {
                ended.insert(thread);
            }
        }
        let (next, last) = (
            beside(document, bead, "N", &gone)?,
            beside(document, bead, "V", &gone)?,
        );
        if let (Some(next), Some(last)) = (next, last) {
            link(document, last, "N", next)?;
            link(document, next, "V", last)?;
        }
    }
    if let Some(threads) = threads {
        for index in (0..threads.len()?).rev() {
            let thread = threads.at_raw(index)?.and_then(|thread| thread.as_ref());
            if thread.is_some_and(|thread| ended.contains(&thread)) {
                threads.remove_at(index)?;
            }
        }
    }
    for bead in gone.into_iter().chain(ended) {
        document.remove(bead)?;
    }
    Ok(())
}

/// Has an article begin with the first of its beads that stay; says whether there is one.
fn begin(document: &Document<'_>, thread: Ref, gone: &HashSet<Ref>) -> Result<bool> {
    let Some(article) = document.object(thread)?.as_dict() else {
        return Ok(false);
    };
    let Some(first) = reference(&article, "F")? else {
        return Ok(false);
    };
    let Some(bead) = beside(document, first, "N", gone)? else {
        return Ok(false);
    };
    article.put("F", Value::Ref(bead))?;
    link(document, bead, "T", thread)?;
    Ok(true)
}

/// The nearest bead in a direction that stays. A ring need not be closed in a damaged document.
fn beside(
    document: &Document<'_>,
    bead: Ref,
    key: &str,
    gone: &HashSet<Ref>,
) -> Result<Option<Ref>> {
    let mut at = bead;
    for _ in 0..=gone.len() {
        let Some(dict) = document.object(at)?.as_dict() else {
            return Ok(None);
        };
        let next = reference(&dict, key)?;
        dict.release()?;
        match next {
            Some(next) if gone.contains(&next) => at = next,
            next => return Ok(next),
        }
    }
    Ok(None)
}

fn link(document: &Document<'_>, bead: Ref, key: &str, to: Ref) -> Result<()> {
    match document.object(bead)?.as_dict() {
        Some(bead) => bead.put(key, Value::Ref(to)),
        None => Ok(()),
    }
}

fn reference(dict: &Object<'_>, key: &str) -> Result<Option<Ref>> {
    Ok(dict.get_raw(key)?.and_then(|value| value.as_ref()))
}
