//! Glyphs that follow each other closely on one base line: the smallest thing that is never torn apart.

use std::collections::HashMap;

use crate::bidi;
use crate::glyphs::Glyph;

/// Glyphs in the order in which they were drawn, near to each other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Segment {
    pub(crate) glyphs: Vec<Glyph>,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) base: f64,
    pub(crate) size: f64,
}

impl Segment {
    fn new(glyph: Glyph) -> Self {
        Self {
            from: glyph.from,
            to: glyph.to,
            base: glyph.base,
            size: glyph.size,
            glyphs: vec![glyph],
        }
    }

    /// The upper and lower end across the line.
    pub(crate) fn top(&self) -> f64 {
        self.base + 0.75 * self.size
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.base - 0.25 * self.size
    }

    /// Whether it shows nothing.
    fn is_blank(&self) -> bool {
        self.glyphs.iter().all(|glyph| glyph.text.trim().is_empty())
    }

    /// Whether some of it runs from right to left.
    pub(crate) fn is_right_to_left(&self) -> bool {
        let mut texts = self.glyphs.iter().map(|glyph| &glyph.text);
        texts.any(|text| bidi::is_right_to_left(text))
    }

    /// Whether `next`, to the right of it, would have gone on with it if it had been drawn just after.
    pub(crate) fn is_beside(&self, next: &Self) -> bool {
        let size = self.size.max(next.size);
        let gap = next.from - self.to;
        (next.base - self.base).abs() < 0.35 * size && gap > -0.5 * size && gap < size
    }

    /// Whether `next`, drawn just after, goes on with it: forwards, or backwards as some write right-to-left text.
    fn goes_on_with(&self, next: &Glyph) -> bool {
        let Some(last) = self.glyphs.last() else {
            return false;
        };
        let size = last.size.max(next.size);
        let level = (next.base - last.base).abs() < 0.35 * size;
        let alike = next.size > 0.4 * last.size && next.size < 2.5 * last.size;
        let gap = next.from - last.to;
        let forwards = gap > -0.5 * size && gap < size;
        let backwards = (last.from - next.to).abs() < 0.3 * size && self.glyphs.len() < 10_000;
        level && alike && (forwards || backwards)
    }

    fn push(&mut self, glyph: Glyph) {
        self.from = self.from.min(glyph.from);
        self.to = self.to.max(glyph.to);
        if glyph.size > self.size {
            (self.size, self.base) = (glyph.size, glyph.base);
        }
        self.glyphs.push(glyph);
    }
}

/// The segments of glyphs that run in one direction.
pub(crate) fn segments(glyphs: impl Iterator<Item = Glyph>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut drawn = Drawn::default();
    for glyph in glyphs {
        if drawn.again(&glyph) {
            continue;
        }
        match segments.last_mut() {
            Some(segment) if segment.goes_on_with(&glyph) => segment.push(glyph),
            _ => segments.push(Segment::new(glyph)),
        }
    }
    segments.retain(|segment| !segment.is_blank());
    segments
}

/// What was drawn where: bold type and shadows are often made by drawing the same glyph again a little beside.
#[derive(Default)]
struct Drawn(HashMap<(String, i64, i64), Vec<(f64, f64)>>);

impl Drawn {
    fn again(&mut self, glyph: &Glyph) -> bool {
        if glyph.text.trim().is_empty() || !(glyph.from + glyph.base).is_finite() {
            return false;
        }
        // However large the type: a size beyond all paper would have every place there is looked at.
        let near = (0.12 * glyph.size).clamp(0.0, 32.0);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the conversion saturates, which will do"
        )]
        let cell = |value: f64| (value / 8.0).floor() as i64;
        for x in cell(glyph.from - near)..=cell(glyph.from + near) {
            for y in cell(glyph.base - near)..=cell(glyph.base + near) {
                let places = self.0.get(&(glyph.text.clone(), x, y));
                let close = |(from, base): &(f64, f64)| {
                    (from - glyph.from).abs() <= near && (base - glyph.base).abs() <= near
                };
                if places.is_some_and(|places| places.iter().any(close)) {
                    return true;
                }
            }
        }
        self.0
            .entry((glyph.text.clone(), cell(glyph.from), cell(glyph.base)))
            .or_default()
            .push((glyph.from, glyph.base));
        false
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::direction::Direction;

    /// The glyphs of `text`, each half as wide as high, from (`x`, `y`) on.
    pub(crate) fn glyphs(text: &str, x: f64, y: f64, size: f64) -> Vec<Glyph> {
        (0..)
            .zip(text.chars())
            .map(|(index, character)| Glyph {
                text: character.to_string(),
                direction: Direction::Right,
                from: x + f64::from(index) * size / 2.0,
                to: x + f64::from(index + 1) * size / 2.0,
                base: y,
                size,
            })
            .collect()
    }

    fn texts(glyphs: Vec<Glyph>) -> Vec<String> {
        segments(glyphs.into_iter())
            .iter()
            .map(|segment| {
                segment
                    .glyphs
                    .iter()
                    .map(|glyph| glyph.text.as_str())
                    .collect()
            })
            .collect()
    }

    #[test]
    fn what_is_near_stays_together() {
        let all = [
            glyphs("one two", 0.0, 100.0, 10.0),
            glyphs("far", 200.0, 100.0, 10.0),
            glyphs("below", 0.0, 80.0, 10.0),
        ];
        assert_eq!(texts(all.concat()), ["one two", "far", "below"]);
    }

    #[test]
    fn what_is_drawn_twice_for_boldness_is_read_once() {
        let all = [
            glyphs("bold", 0.0, 0.0, 10.0),
            glyphs("bold", 0.4, 0.1, 10.0),
            glyphs("ll", 100.0, 0.0, 10.0),
        ];
        assert_eq!(texts(all.concat()), ["bold", "ll"]);
    }

    #[test]
    fn type_beyond_all_paper_is_read_at_once() {
        assert_eq!(texts(glyphs("huge", 0.0, 0.0, 1e30)), ["huge"]);
        let nowhere = glyphs("no", f64::INFINITY, f64::NAN, 0.0);
        assert_eq!(texts(nowhere).concat(), "no");
        // As many as a hostile page may have, all in one place and without any size.
        let flat: Vec<Glyph> = (0..200_000)
            .flat_map(|_| glyphs("i", 5.0, 5.0, 0.0))
            .collect();
        assert_eq!(texts(flat), ["i"]);
    }

    #[test]
    fn blank_segments_are_dropped() {
        assert_eq!(
            texts([glyphs("   ", 0.0, 0.0, 10.0), glyphs("a", 90.0, 0.0, 10.0)].concat()),
            ["a"]
        );
    }
}
