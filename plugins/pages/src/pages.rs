//! Turning, dropping and ordering pages in place.

use std::collections::HashSet;

use dropleaf_plugin_sdk::assemble;
use dropleaf_plugin_sdk::prelude::*;

use crate::{annotations, articles, structure};

/// Turns `pages` (from 0) by `angle` degrees; answers how many page objects were turned.
pub(crate) fn rotate(run: &Run<'_>, pages: &[u32], angle: i64) -> Result<u64> {
    let document = run.document();
    let mut turned = HashSet::new();
    let mut count = 0;
    for (done, &index) in pages.iter().enumerate() {
        let page = document.page(index)?;
        // Some writers put one page object into the tree twice; it is turned once.
        let first = page.id()?.is_none_or(|id| turned.insert(id));
        if first {
            let now = page
                .attr("Rotate")?
                .and_then(|value| value.as_f64())
                .unwrap_or(0.0);
            page.put("Rotate", turn(now, angle))?;
            count += 1;
        }
        run.progress(done + 1, pages.len())?;
    }
    Ok(count)
}

/// The rotation after a turn, 0 to 270. One that is no multiple of 90 counts as the nearest, as viewers take it.
fn turn(now: f64, angle: i64) -> i64 {
    let quarters = if now.is_finite() {
        (now / 90.0).round()
    } else {
        0.0
    };
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and 4 by then")]
    let now = (quarters.rem_euclid(4.0) as i64) * 90;
    (now + angle.rem_euclid(360)) % 360
}

/// Leaves the pages `keep` (from 0, each once, at least one) in that order.
///
/// The host drops the objects of the others, so that outlines and links do not hold them, and does not save what nothing
/// leads to any more: their contents are not in the file for everybody to find.
pub(crate) fn keep(run: &Run<'_>, keep: &[u32]) -> Result<()> {
    let document = run.document();
    let count = document.page_count()?;
    let kept: HashSet<u32> = keep.iter().copied().collect();
    let dropped: Vec<u32> = (0..count).filter(|page| !kept.contains(page)).collect();
    if !dropped.is_empty() {
        let annotations = annotations::drop(run, &dropped, keep)?;
        structure::prune(run, &dropped, keep, &annotations)?;
        let stay = annotations::page_ids(&document, keep)?;
        articles::prune(&document, &dropped, &stay)?;
        let text =
            "the document parts (DPartRoot) are left out: they describe the dropped pages, too";
        forget_parts(run, keep, text)?;
    } else if !keep.is_sorted() {
        forget_order(run, keep)?;
    }
    if !dropped.is_empty() || !keep.is_sorted() {
        forget_numbers(&document)?;
    }
    label(run, keep)?;
    let mut done = 0;
    for (first, length) in assemble::runs(&dropped).into_iter().rev() {
        document.page_remove(first, length)?;
        done += length;
        run.progress(done, dropped.len())?;
    }
    let mut order = keep.to_vec();
    order.sort_unstable();
    let places: Vec<u32> = keep
        .iter()
        .filter_map(|page| order.binary_search(page).ok())
        .filter_map(|place| u32::try_from(place).ok())
        .collect();
    arrange(run, &places)
}

/// Leaves out the document parts (ISO 32000-2, 14.12): their metadata are of the dropped pages, too.
fn forget_parts(run: &Run<'_>, keep: &[u32], why: &str) -> Result<()> {
    let document = run.document();
    let mut had_parts = document.catalog()?.remove("DPartRoot")?;
    for &page in keep {
        had_parts |= document.page(page)?.remove("DPart")?;
    }
    if had_parts {
        run.warn(why);
    }
    Ok(())
}

/// Leaves out the document parts where the order of the pages changes: each is a stretch of pages from its first to its last.
fn forget_order(run: &Run<'_>, keep: &[u32]) -> Result<()> {
    if !run.document().catalog()?.has("DPartRoot")? {
        return Ok(());
    }
    let text = "the document parts (DPartRoot) are left out: they are stretches of pages in the order that was";
    forget_parts(run, keep, text)
}

/// Takes back which pages are to be printed (table 147): it says so by numbers, which are those of other pages now.
fn forget_numbers(document: &Document<'_>) -> Result<()> {
    if let Some(preferences) = document.catalog()?.object("ViewerPreferences")? {
        preferences.remove("PrintPageRange")?;
    }
    Ok(())
}

/// Turns the order of all pages round.
pub(crate) fn reverse(run: &Run<'_>) -> Result<()> {
    let document = run.document();
    let order: Vec<u32> = (0..document.page_count()?).rev().collect();
    if !order.is_sorted() {
        forget_order(run, &order)?;
        forget_numbers(&document)?;
    }
    label(run, &order)?;
    arrange(run, &order)
}

/// Writes the page labels so that the page at `order[i]`, when it has come to stand at `i`, has the one that it has now.
fn label(run: &Run<'_>, order: &[u32]) -> Result<()> {
    let document = run.document();
    if order.iter().copied().eq(0..document.page_count()?) {
        return Ok(());
    }
    let Some(before) = PageLabels::read(&document)? else {
        return Ok(());
    };
    if before.is_damaged() {
        run.warn("the page labels are damaged: those that cannot be read are dropped");
    }
    let mut labels = PageLabels::default();
    if before.is_empty() {
        return labels.write(&document);
    }
    labels.extend(&before, order.iter().copied());
    labels.write(&document)
}

/// Orders the pages so that the one at `order[i]` comes to stand at `i`; `order` has each page once.
fn arrange(run: &Run<'_>, order: &[u32]) -> Result<()> {
    if order.is_sorted() {
        return Ok(());
    }
    let document = run.document();
    let mut standing: Vec<u32> = (0..u32::try_from(order.len()).unwrap_or(u32::MAX)).collect();
    for (place, &page) in order.iter().enumerate() {
        let from = standing[place..].iter().position(|&other| other == page);
        let from = place + from.unwrap_or(0);
        if from != place {
            standing[place..=from].rotate_right(1);
            document.page_move(index(from), index(place))?;
        }
        run.progress(place + 1, order.len())?;
    }
    Ok(())
}

fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_adds_to_what_is_there() {
        let check = |now, angle, expected| assert_eq!(turn(now, angle), expected, "{now} {angle}");
        check(0.0, 90, 90);
        check(270.0, 90, 0);
        check(0.0, -90, 270);
        check(-90.0, 0, 270);
        check(90.0, 360_000, 90);
        check(0.0, -9_223_372_036_854_775_800, 0);
        check(89.0, 0, 90);
        check(f64::NAN, 180, 180);
        check(1.0e300, 90, 90);
    }
}
