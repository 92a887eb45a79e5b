//! Reading order: a page is cut along its white gaps, columns before rows, until nothing can be cut.
//!
//! The recursive X-Y cut of Nagy and Seth (1984), with one rule of our own: a gap separates columns only where both sides
//! look like running text; elsewhere it is the gap between the cells of a table, which is read row by row.

use crate::glyphs::Glyph;
use crate::segment::Segment;

/// Deeper than this, or in pages with more segments, what is left is read line by line.
const MAX_DEPTH: usize = 64;
const MAX_SEGMENTS: usize = 20_000;

/// The segments in blocks, in the order in which to read them.
pub(crate) fn blocks(segments: Vec<Segment>) -> Vec<Vec<Segment>> {
    let mut blocks = Vec::new();
    if segments.len() > MAX_SEGMENTS {
        blocks.push(segments);
    } else {
        cut(segments, 0, &mut blocks);
    }
    blocks
}

fn cut(segments: Vec<Segment>, depth: usize, blocks: &mut Vec<Vec<Segment>>) {
    if segments.is_empty() {
        return;
    }
    let split = (depth < MAX_DEPTH)
        .then(|| column_gap(&segments).or_else(|| row_gap(&segments)))
        .flatten();
    let Some(split) = split else {
        blocks.push(segments);
        return;
    };
    let (first, second): (Vec<_>, Vec<_>) = segments.into_iter().partition(|segment| match split {
        Split::Column(at) => segment.from < at,
        Split::Row(at) => segment.base > at,
    });
    cut(first, depth + 1, blocks);
    cut(second, depth + 1, blocks);
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Split {
    /// What starts before this place comes first.
    Column(f64),
    /// What stands above this place comes first.
    Row(f64),
}

/// The widest gap between columns of running text.
fn column_gap(segments: &[Segment]) -> Option<Split> {
    let size = median(segments.iter().map(|segment| segment.size))?;
    gaps(segments.iter().map(|segment| (segment.from, segment.to)))
        .into_iter()
        .filter(|(start, end)| end - start > 0.8 * size)
        .filter(|(_, end)| {
            let (left, right): (Vec<&Segment>, Vec<&Segment>) =
                segments.iter().partition(|segment| segment.from < *end);
            is_running_text(&left) && is_running_text(&right)
        })
        .max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
        .map(|(_, end)| Split::Column(end))
}

/// The highest gap between rows, if it is more than the space between the lines of a paragraph.
fn row_gap(segments: &[Segment]) -> Option<Split> {
    let gaps = gaps(
        segments
            .iter()
            .map(|segment| (segment.bottom(), segment.top())),
    );
    let size = median(segments.iter().map(|segment| segment.size))?;
    let (start, end) = gaps
        .into_iter()
        .max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))?;
    (end - start > 0.3 * size).then_some(Split::Row((start + end) / 2.0))
}

/// Three lines at least, with some fifteen characters a line.
fn is_running_text(segments: &[&Segment]) -> bool {
    let mut bases: Vec<f64> = segments.iter().map(|segment| segment.base).collect();
    bases.sort_unstable_by(f64::total_cmp);
    let size = segments
        .iter()
        .map(|segment| segment.size)
        .fold(0.0, f64::max);
    bases.dedup_by(|a, b| (*a - *b).abs() < 0.4 * size);
    let characters: usize = segments
        .iter()
        .flat_map(|segment| &segment.glyphs)
        .map(Glyph::characters)
        .sum();
    bases.len() >= 3 && characters >= 15 * bases.len()
}

/// What no interval covers, between the first and the last.
fn gaps(intervals: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut intervals: Vec<(f64, f64)> = intervals.collect();
    intervals.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut gaps = Vec::new();
    let mut covered = f64::INFINITY;
    for (start, end) in intervals {
        if start > covered {
            gaps.push((covered, start));
        }
        covered = if covered.is_infinite() {
            end
        } else {
            covered.max(end)
        };
    }
    gaps
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::segments;
    use crate::segment::tests::glyphs;

    fn order(lines: &[(&str, f64, f64)]) -> Vec<Vec<String>> {
        let glyphs = lines
            .iter()
            .flat_map(|(text, x, y)| glyphs(text, *x, *y, 10.0));
        blocks(segments(glyphs))
            .iter()
            .map(|block| {
                block
                    .iter()
                    .map(|segment| segment.glyphs.iter().map(|g| g.text.as_str()).collect())
                    .collect()
            })
            .collect()
    }

    #[test]
    fn columns_are_read_one_after_the_other() {
        let found = order(&[
            (
                "a title over both of the columns of this page here",
                20.0,
                200.0,
            ),
            ("left text that is long", 0.0, 160.0),
            ("right text that is long", 200.0, 160.0),
            ("left text goes on here", 0.0, 148.0),
            ("right text goes on here", 200.0, 148.0),
            ("left text is at its end", 0.0, 136.0),
            ("right text is at its end", 200.0, 136.0),
        ]);
        assert_eq!(found.len(), 3);
        assert!(
            found[1].iter().all(|text| text.starts_with("left")),
            "{found:?}"
        );
        assert!(
            found[2].iter().all(|text| text.starts_with("right")),
            "{found:?}"
        );
    }

    #[test]
    fn tables_are_read_row_by_row() {
        let found = order(&[
            ("apples", 0.0, 100.0),
            ("3", 100.0, 100.0),
            ("pears", 0.0, 88.0),
            ("14", 100.0, 88.0),
            ("plums", 0.0, 76.0),
            ("159", 100.0, 76.0),
        ]);
        assert_eq!(
            found.concat(),
            ["apples", "3", "pears", "14", "plums", "159"]
        );
    }

    #[test]
    fn nothing_and_one_thing_are_fine() {
        assert!(order(&[]).is_empty());
        assert_eq!(order(&[("x", 0.0, 0.0)]), [["x"]]);
    }
}
