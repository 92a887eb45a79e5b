//! Which pages make which part, and the making of the parts.

use std::collections::HashSet;

use dropleaf_plugin_sdk::assemble;
use dropleaf_plugin_sdk::prelude::*;

use crate::behind;
use crate::carry::Luggage;

/// One document to come out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// For file names: `1-10`.
    label: String,
    /// Its pages, from 0; at least one.
    pages: Vec<u32>,
}

/// Parts of `every` pages each.
pub(crate) fn every(every: u32, count: u32) -> Result<Vec<Part>> {
    if count == 0 {
        return Err(Error::rejected("the document has no pages to split"));
    }
    let pages: Vec<u32> = (0..count).collect();
    let part = |pages: &[u32]| Part {
        label: label(pages),
        pages: pages.to_vec(),
    };
    Ok(pages.chunks(every.max(1) as usize).map(part).collect())
}

/// A part for each of `ranges`.
pub(crate) fn ranges(ranges: &[PageRange], count: u32) -> Result<Vec<Part>> {
    let part = |range: &PageRange| {
        let pages = range.resolve(count)?;
        if pages.is_empty() {
            let pages = if count == 1 { "page" } else { "pages" };
            return Err(Error::rejected(format!(
                "the part `{range}` would be empty: the document has {count} {pages}"
            )));
        }
        let written = range.to_string();
        let is_word = written
            .chars()
            .all(|character| character.is_ascii_alphabetic());
        Ok(Part {
            label: if is_word { written } else { label(&pages) },
            pages,
        })
    };
    ranges.iter().map(part).collect()
}

/// `1-3,7`: the pages, counted from 1.
fn label(pages: &[u32]) -> String {
    let stretch = |(first, count): (u32, u32)| match count {
        1 => format!("{}", first + 1),
        _ => format!("{}-{}", first + 1, first + count),
    };
    let stretches: Vec<String> = assemble::runs(pages).into_iter().map(stretch).collect();
    stretches.join(",")
}

/// Emits the parts. A part that is the whole document is the document itself.
pub(crate) fn split(run: &Run<'_>, parts: &[Part]) -> Result<()> {
    let whole = run.document();
    let count = whole.page_count()?;
    if let [part] = parts
        && part.pages.iter().copied().eq(0..count)
    {
        run.emit(&whole, &part.label)?;
        return run.progress(part.pages.len(), part.pages.len());
    }
    let pages: HashSet<u32> = parts
        .iter()
        .flat_map(|part| part.pages.iter().copied())
        .collect();
    behind::tell(run, &whole, &pages)?;
    let luggage = Luggage::of(run, &whole)?;
    let total: usize = parts.iter().map(|part| part.pages.len()).sum();
    let mut done = 0;
    for part in parts {
        let document = run.create(Some(&whole))?;
        // Nobody asks which fields came, so their names are not read for each part.
        for (first, count) in assemble::runs(&part.pages) {
            document.import_pages(document.page_count()?, &whole, first, count)?;
        }
        luggage.give(&document, &part.pages)?;
        run.emit(&document, &part.label)?;
        run.release(document)?;
        done += part.pages.len();
        run.progress(done, total)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(parts: &[Part]) -> Vec<&str> {
        parts.iter().map(|part| part.label.as_str()).collect()
    }

    #[test]
    fn parts_of_equal_size_end_with_the_rest() {
        let parts = every(10, 23).expect("parts");
        assert_eq!(labels(&parts), ["1-10", "11-20", "21-23"]);
        assert_eq!(labels(&every(2, 3).expect("parts")), ["1-2", "3"]);
        assert_eq!(labels(&every(9, 3).expect("parts")), ["1-3"]);
        assert_eq!(labels(&every(u32::MAX, 1).expect("parts")), ["1"]);
        assert!(every(1, 0).is_err());
    }

    #[test]
    fn ranges_are_labelled_by_their_pages() {
        let read = |texts: &[&str]| -> Vec<PageRange> {
            texts
                .iter()
                .map(|text| text.parse().expect("a range"))
                .collect()
        };
        let parts = ranges(&read(&["1-3", "4-", "odd", "-1,1"]), 6).expect("parts");
        assert_eq!(labels(&parts), ["1-3", "4-6", "odd", "6,1"]);
        let refused = |texts: &[&str], count| {
            ranges(&read(texts), count)
                .expect_err("refused")
                .message()
                .to_owned()
        };
        assert_eq!(
            refused(&["1", "7-"], 6),
            "pages `7-` do not exist: the document has 6 pages"
        );
        assert_eq!(
            refused(&["even"], 1),
            "the part `even` would be empty: the document has 1 page"
        );
    }
}
