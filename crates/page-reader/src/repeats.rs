//! Pages that name one content again and again: a kilobyte that is drawn twenty thousand times.

use dropleaf_plugin_sdk::prelude::*;
use hayro_syntax::Pdf;
use hayro_syntax::object::Array;
use std::collections::HashMap;

/// How often a page may name one content. Programs that share a `q` or a `Q` among contents name it a few times.
const MOST: usize = 64;

/// Whether there may be such a page.
pub(crate) fn any(pdf: &Pdf) -> bool {
    pdf.pages().iter().any(|page| {
        let contents = page.raw().get::<Array<'_>>("Contents");
        contents.is_some_and(|contents| contents.raw_iter().nth(MOST).is_some())
    })
}

/// Leaves out what is beyond measure; gives the number of pages that it was.
pub(crate) fn cut(document: &Document<'_>) -> Result<usize> {
    let mut pages = 0;
    for page in document.pages() {
        let page = page?;
        if let Some(Value::Array(contents)) = page.get("Contents")?
            && contents.len()? > MOST
        {
            let named = contents.tree()?.references();
            let mut times: HashMap<Ref, usize> = HashMap::new();
            let mut is_within = |stream: &Ref| {
                let times = times.entry(*stream).or_default();
                *times += 1;
                *times <= MOST
            };
            let kept: Vec<Ref> = named.iter().copied().filter(&mut is_within).collect();
            if kept.len() < named.len() {
                let kept = document.array(kept.into_iter().map(Value::Ref))?;
                page.put("Contents", kept)?;
                pages += 1;
            }
        }
        page.release()?;
    }
    Ok(pages)
}
