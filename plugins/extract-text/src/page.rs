//! The text of one page.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::direction::Direction;
use crate::glyphs::Glyph;
use crate::lines::{Line, lines};
use crate::order::blocks;
use crate::segment::{Segment, segments};

/// How the text of a page is put in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Layout {
    /// As a reader goes: column after column, line after line.
    #[default]
    Reading,
    /// Line by line over the whole page, with spaces that keep columns and tables in place.
    Physical,
    /// In the order in which the file draws it.
    Content,
}

/// Puts the glyphs of a page in order and makes lines of them; ends with a line end unless it is empty.
pub(crate) fn text(glyphs: Vec<Glyph>, layout: Layout) -> String {
    let mut by_direction: [Vec<Glyph>; 4] = Default::default();
    for glyph in glyphs {
        let index = Direction::ALL
            .iter()
            .position(|d| *d == glyph.direction)
            .unwrap_or(0);
        by_direction[index].push(glyph);
    }
    let mut text = String::new();
    for glyphs in by_direction {
        let segments = segments(glyphs.into_iter());
        if segments.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        match layout {
            Layout::Reading => paragraphs(blocks(segments), &mut text),
            Layout::Content => paragraphs(drawn(segments), &mut text),
            Layout::Physical => physical(segments, &mut text),
        }
    }
    text
}

/// Blocks one after the other; an empty line where one starts beside or well below what was before.
fn paragraphs(blocks: Vec<Vec<Segment>>, text: &mut String) {
    let mut last: Option<(f64, f64)> = None;
    for line in blocks.into_iter().flat_map(lines) {
        let apart = last.is_some_and(|(base, size)| {
            let size = line.size.max(size);
            line.base > base + 0.5 * size || base - line.base > 2.0 * size
        });
        if apart {
            text.push('\n');
        }
        text.push_str(&line.text());
        text.push('\n');
        last = Some((line.base, line.size));
    }
}

/// Blocks of segments that were drawn one after the other on one line.
fn drawn(segments: Vec<Segment>) -> Vec<Vec<Segment>> {
    let mut blocks: Vec<Vec<Segment>> = Vec::new();
    for segment in segments {
        match blocks.last_mut() {
            Some(block)
                if block.last().is_some_and(|last| {
                    (last.base - segment.base).abs() < 0.35 * segment.size
                        && segment.from >= last.from
                }) =>
            {
                block.push(segment);
            }
            _ => blocks.push(vec![segment]),
        }
    }
    blocks
}

/// Lines over the whole page, columns in place.
fn physical(segments: Vec<Segment>, text: &mut String) {
    let mut widths: Vec<f64> = segments
        .iter()
        .flat_map(|segment| &segment.glyphs)
        .map(|glyph| (glyph.to - glyph.from) / glyph.characters() as f64)
        .filter(|width| *width > 0.0)
        .collect();
    widths.sort_unstable_by(f64::total_cmp);
    let width = widths
        .get(widths.len() / 2)
        .copied()
        .unwrap_or(1.0)
        .max(0.1);
    let lines = lines(segments);
    let from = lines.iter().map(Line::from).fold(f64::INFINITY, f64::min);
    let mut last: Option<(f64, f64)> = None;
    for line in &lines {
        if last.is_some_and(|(base, size)| base - line.base > 2.0 * size.max(line.size)) {
            text.push('\n');
        }
        text.push_str(&line.text_in_columns(from, width));
        text.push('\n');
        last = Some((line.base, line.size));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::tests::glyphs;

    fn page() -> Vec<Glyph> {
        [
            glyphs("item", 0.0, 100.0, 10.0),
            glyphs("price", 100.0, 100.0, 10.0),
            glyphs("tea", 0.0, 88.0, 10.0),
            glyphs("2.50", 100.0, 88.0, 10.0),
            glyphs("Thank you", 0.0, 40.0, 10.0),
        ]
        .concat()
    }

    #[test]
    fn each_layout_puts_its_own_order() {
        assert_eq!(
            text(page(), Layout::Reading),
            "item price\ntea 2.50\n\nThank you\n"
        );
        assert_eq!(
            text(page(), Layout::Physical),
            "item                price\ntea                 2.50\n\nThank you\n"
        );
        let mut upside_down = page();
        upside_down.rotate_left(16);
        assert!(text(upside_down, Layout::Content).starts_with("Thank you\n"));
    }

    #[test]
    fn turned_text_comes_after_what_is_upright() {
        let mut all = glyphs("up", 0.0, 0.0, 10.0);
        for glyph in &mut all {
            glyph.direction = Direction::Up;
        }
        all.extend(glyphs("right", 0.0, 0.0, 10.0));
        assert_eq!(text(all, Layout::Reading), "right\n\nup\n");
    }

    #[test]
    fn an_empty_page_has_no_text() {
        assert_eq!(text(Vec::new(), Layout::Reading), "");
    }
}
