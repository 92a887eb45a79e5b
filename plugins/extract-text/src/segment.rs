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

/// The smallest type that has cells of its own, as a power of two of a point: beyond it nothing can be told apart.
const SMALLEST: i32 = -40;
/// Places that are kept of one cell: no cell has more in which equal glyphs are told apart by how near they are.
const MAX_PLACES: usize = 5_000;

/// What was drawn where: bold type and shadows are often made by drawing the same glyph again a little beside.
///
/// For each text places by cells. Cells are as much smaller as the type is smaller than a point, so that few places are in
/// one: those that are near each other are not kept.
#[derive(Default)]
struct Drawn(HashMap<String, HashMap<Cell, Vec<(f64, f64)>>>);

/// A step of size, and a cell of its grid.
type Cell = (i32, i64, i64);

impl Drawn {
    fn again(&mut self, glyph: &Glyph) -> bool {
        if glyph.text.trim().is_empty() || !(glyph.from + glyph.base).is_finite() {
            return false;
        }
        // However large the type: a size beyond all paper would have every place there is looked at.
        let near = (0.12 * glyph.size).clamp(0.0, 32.0);
        let close = |(from, base): &(f64, f64)| {
            (from - glyph.from).abs() <= near && (base - glyph.base).abs() <= near
        };
        if !self.0.contains_key(&glyph.text) {
            self.0.insert(glyph.text.clone(), HashMap::new());
        }
        let Some(cells) = self.0.get_mut(&glyph.text) else {
            return false;
        };
        // The other one may be a little larger or smaller.
        for step in step(glyph.size / 2.0)..=step(glyph.size * 2.0) {
            for x in cell(glyph.from - near, step)..=cell(glyph.from + near, step) {
                for y in cell(glyph.base - near, step)..=cell(glyph.base + near, step) {
                    let places = cells.get(&(step, x, y));
                    if places.is_some_and(|places| places.iter().any(close)) {
                        return true;
                    }
                }
            }
        }
        let step = step(glyph.size);
        let here = (step, cell(glyph.from, step), cell(glyph.base, step));
        let places = cells.entry(here).or_default();
        if places.len() < MAX_PLACES {
            places.push((glyph.from, glyph.base));
        }
        false
    }
}

/// The step of a size: 0 from a point on, -1 from half a point, and so on.
fn step(size: f64) -> i32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the conversion saturates, which will do"
    )]
    let step = size.log2().floor() as i32;
    step.clamp(SMALLEST, 0)
}

fn cell(value: f64, step: i32) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the conversion saturates, which will do"
    )]
    let cell = (value / (8.0 * f64::from(step).exp2())).floor() as i64;
    cell
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

    /// As many as a hostile page may have, all where one letter of usual size has its place: to compare each with all others
    /// would not end.
    #[test]
    fn tiny_type_is_read_at_once() {
        let tiny: Vec<Glyph> = (0..300)
            .flat_map(|line| {
                glyphs(
                    &"i".repeat(1_000),
                    9.0,
                    9.0 + f64::from(line) * 0.002,
                    0.002,
                )
            })
            .collect();
        let count = |glyphs| texts(glyphs).concat().len();
        assert_eq!(count(tiny.clone()), 300_000);
        let beside = |mut glyph: Glyph| {
            glyph.from += 0.000_1;
            glyph
        };
        let twice = tiny.iter().cloned().chain(tiny.iter().cloned().map(beside));
        assert_eq!(count(twice.collect()), 300_000);
        // Where nothing is near anything.
        let flat = (0..20_000_u32).flat_map(|at| glyphs("i", f64::from(at) * 1e-20, 5.0, 1e-30));
        assert_eq!(count(flat.collect()), 20_000);
    }

    #[test]
    fn what_is_drawn_twice_is_read_once_in_whatever_size() {
        for size in [0.01, 0.3, 0.95, 1.0, 1.9, 40.0] {
            let shadow = glyphs("dark", 0.04 * size, 0.01 * size, size * 1.1);
            let all = [glyphs("dark", 0.0, 0.0, size), shadow[..1].to_vec()];
            assert_eq!(texts(all.concat()), ["dark"], "{size}");
        }
    }

    #[test]
    fn blank_segments_are_dropped() {
        assert_eq!(
            texts([glyphs("   ", 0.0, 0.0, 10.0), glyphs("a", 90.0, 0.0, 10.0)].concat()),
            ["a"]
        );
    }
}
