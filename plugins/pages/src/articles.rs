//! The articles (ISO 32000-2, 12.4.3) without what was on dropped pages: each bead must be on a page.

use std::collections::{HashMap, HashSet};

use dropleaf_plugin_sdk::prelude::*;

use crate::annotations;

/// Takes the beads of the pages `dropped`, which none of the pages `kept` is, out of their articles.
pub(crate) fn prune(document: &Document<'_>, dropped: &[u32], kept: &HashSet<Ref>) -> Result<()> {
    let (mut gone, mut lists) = (HashSet::new(), HashSet::new());
    for &page in dropped {
        let page = document.page(page)?;
        if page.id()?.is_some_and(|page| kept.contains(&page)) {
            continue;
        }
        if let Some(beads) = page.object("B")?
            && beads.id()?.is_none_or(|id| lists.insert(id))
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
    let (next, last) = (
        Beside::of(document, &gone, "N")?,
        Beside::of(document, &gone, "V")?,
    );
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
            if first.is_some_and(|first| gone.contains(&first)) && !begin(document, thread, &next)?
            {
                ended.insert(thread);
            }
        }
        if let (Some(next), Some(last)) = (next.bead(bead), last.bead(bead)) {
            link(document, last, "N", next)?;
            link(document, next, "V", last)?;
        }
    }
    if let Some(threads) = threads {
        annotations::take_out(&threads, |thread| ended.contains(&thread))?;
    }
    for bead in gone.into_iter().chain(ended) {
        document.remove(bead)?;
    }
    Ok(())
}

/// Has an article begin with the first of its beads that stay; says whether there is one.
fn begin(document: &Document<'_>, thread: Ref, next: &Beside) -> Result<bool> {
    let Some(article) = document.object(thread)?.as_dict() else {
        return Ok(false);
    };
    let Some(first) = reference(&article, "F")? else {
        return Ok(false);
    };
    let Some(bead) = next.bead(first) else {
        return Ok(false);
    };
    article.put("F", Value::Ref(bead))?;
    link(document, bead, "T", thread)?;
    Ok(true)
}

/// The nearest bead in a direction that stays, for each that goes.
struct Beside(HashMap<Ref, Option<Ref>>);

impl Beside {
    /// Goes along each stretch of beads that go once: articles may have any number of them on one page.
    fn of(document: &Document<'_>, gone: &HashSet<Ref>, key: &str) -> Result<Self> {
        let mut known: HashMap<Ref, Option<Ref>> = HashMap::with_capacity(gone.len());
        for &bead in gone {
            let (mut stretch, mut at) = (Vec::new(), Some(bead));
            while let Some(bead) =
                at.filter(|bead| gone.contains(bead) && !known.contains_key(bead))
            {
                // A ring need not be closed in a damaged document, and one that goes as a whole leads back here.
                known.insert(bead, None);
                stretch.push(bead);
                at = match document.object(bead)?.as_dict() {
                    Some(dict) => {
                        let next = reference(&dict, key)?;
                        dict.release()?;
                        next
                    }
                    None => None,
                };
            }
            let nearest = at.and_then(|end| known.get(&end).copied().unwrap_or(Some(end)));
            known.extend(stretch.into_iter().map(|bead| (bead, nearest)));
        }
        Ok(Self(known))
    }

    fn bead(&self, bead: Ref) -> Option<Ref> {
        self.0.get(&bead).copied().flatten()
    }
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
