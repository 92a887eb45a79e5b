//! Turning, dropping and ordering pages in place.

use std::collections::HashSet;

use dropleaf_plugin_sdk::assemble;
use dropleaf_plugin_sdk::prelude::*;

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

/// Leaves the pages `keep` (from 0, each once, at least one) in that order, and nothing that only the others used.
pub(crate) fn keep(run: &Run<'_>, keep: &[u32]) -> Result<()> {
    let document = run.document();
    let count = document.page_count()?;
    let kept: HashSet<u32> = keep.iter().copied().collect();
    let dropped: Vec<u32> = (0..count).filter(|page| !kept.contains(page)).collect();
    let mut gone = Vec::new();
    for &index in &dropped {
        gone.extend(document.page(index)?.id()?);
    }
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
    arrange(run, &places)?;
    if !gone.is_empty() {
        sweep(run, &gone)?;
    }
    Ok(())
}

/// Orders the pages so that the one at `order[i]` comes to stand at `i`; `order` has each page once.
pub(crate) fn arrange(run: &Run<'_>, order: &[u32]) -> Result<()> {
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

/// Removes the page objects `gone`, unless a page that is left is one of them, and all that nothing refers to any more.
///
/// Without this a dropped page would still be in the file, for everybody to find.
fn sweep(run: &Run<'_>, gone: &[Ref]) -> Result<()> {
    let document = run.document();
    let mut left = HashSet::new();
    for page in document.pages() {
        left.extend(page?.id()?);
    }
    let before: Vec<Ref> = reachable_from(run, gone.iter().copied(), &left)?;
    for page in gone.iter().filter(|page| !left.contains(page)) {
        document.remove(*page)?;
    }
    let roots = document.trailer()?.tree()?.references();
    let needed: HashSet<Ref> = reachable_from(run, roots, &HashSet::new())?
        .into_iter()
        .collect();
    for object in before {
        if !needed.contains(&object) && !gone.contains(&object) {
            document.remove(object)?;
        }
    }
    Ok(())
}

/// All objects that can be reached from `roots` without going through `stop`.
fn reachable_from(
    run: &Run<'_>,
    roots: impl IntoIterator<Item = Ref>,
    stop: &HashSet<Ref>,
) -> Result<Vec<Ref>> {
    let document = run.document();
    let mut found = Vec::new();
    let mut seen: HashSet<Ref> = HashSet::new();
    let mut open: Vec<Ref> = roots.into_iter().collect();
    while let Some(reference) = open.pop() {
        if stop.contains(&reference) || !seen.insert(reference) {
            continue;
        }
        if found.len() % 1024 == 0 && run.cancelled() {
            return Err(Error::cancelled());
        }
        match document.object(reference)? {
            Value::Null => continue,
            Value::Ref(next) => open.push(next),
            value => {
                if let Some(object) = value.as_object() {
                    open.extend(object.tree()?.references());
                    object.release()?;
                }
            }
        }
        found.push(reference);
    }
    Ok(found)
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
