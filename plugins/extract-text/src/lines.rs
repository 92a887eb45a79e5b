//! Lines of text out of segments.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::bidi;
use crate::glyphs::Glyph;
use crate::segment::Segment;

/// A gap of this part of the font's height is a space, beyond what stands between all letters.
const WORD_GAP: f64 = 0.13;
/// Letters are not set further apart than this part of the font's height.
const MAX_SPACING: f64 = 0.6;
/// A letter has no more marks than this, itself counted.
const MOST_MARKS: usize = 8;

/// What stands on one base line, from left to right.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    segments: Vec<Segment>,
    pub(crate) base: f64,
    pub(crate) size: f64,
}

/// Groups segments into lines, from top to bottom.
pub(crate) fn lines(mut segments: Vec<Segment>) -> Vec<Line> {
    segments.sort_by(|a, b| b.base.total_cmp(&a.base));
    let mut lines: Vec<Line> = Vec::new();
    for segment in segments {
        match lines.last_mut().filter(|line| line.holds(&segment)) {
            Some(line) => line.push(segment),
            None => lines.push(Line {
                base: segment.base,
                size: segment.size,
                segments: vec![segment],
            }),
        }
    }
    for line in &mut lines {
        line.segments.sort_by(|a, b| a.from.total_cmp(&b.from));
    }
    lines
}

impl Line {
    /// Whether more than half of the smaller one's height is the other's too, as that of a superscript is.
    fn holds(&self, segment: &Segment) -> bool {
        let top = segment.top().min(self.base + 0.75 * self.size);
        let bottom = segment.bottom().max(self.base - 0.25 * self.size);
        top - bottom > 0.5 * segment.size.min(self.size)
    }

    fn push(&mut self, segment: Segment) {
        if segment.size > self.size {
            (self.size, self.base) = (segment.size, segment.base);
        }
        self.segments.push(segment);
    }

    /// Its text, with spaces where the gaps are.
    pub(crate) fn text(&self) -> String {
        let mut pieces: Vec<&str> = Vec::new();
        let mut last: Option<&Glyph> = None;
        let glyphs = self.glyphs();
        let spacing = spacing(&glyphs);
        for (at, glyph) in glyphs.iter().enumerate() {
            let letter = letter(&glyphs[at..]);
            let spaced = last.is_some_and(|last| gap(last, letter) > WORD_GAP + spacing);
            if spaced
                && !glyph.text.starts_with(' ')
                && pieces.last().is_some_and(|p| !p.ends_with(' '))
            {
                pieces.push(" ");
            }
            pieces.push(&glyph.text);
            last = last
                .filter(|last| is_mark(letter) && letter.to < last.to)
                .or(Some(letter));
        }
        compose(&bidi::logical(pieces))
    }

    /// Its text with every segment at its column, a column being `width` wide and the first one at `from`.
    pub(crate) fn text_in_columns(&self, from: f64, width: f64) -> String {
        let mut text = String::new();
        for alone in self.cells() {
            let start = alone.from();
            #[expect(
                clippy::cast_sign_loss,
                clippy::cast_possible_truncation,
                reason = "bounded to a line's width"
            )]
            let column = ((start - from) / width).round().clamp(0.0, 1000.0) as usize;
            let length = text.chars().count();
            let least = usize::from(length > 0);
            text.extend(std::iter::repeat_n(
                ' ',
                column.saturating_sub(length).max(least),
            ));
            text.push_str(&alone.text());
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// What stands in columns of its own: each segment, but words of right-to-left text that are near to each other stay
    /// together, in whatever order they were drawn.
    fn cells(&self) -> Vec<Self> {
        let mut cells: Vec<Self> = Vec::new();
        for segment in &self.segments {
            let near = cells.last_mut().filter(|cell| {
                let last = cell.segments.last();
                last.is_some_and(|last| last.is_beside(segment))
                    && (segment.is_right_to_left() || cell.is_right_to_left())
            });
            match near {
                Some(cell) => cell.push(segment.clone()),
                None => cells.push(Self {
                    segments: vec![segment.clone()],
                    base: segment.base,
                    size: segment.size,
                }),
            }
        }
        cells
    }

    fn is_right_to_left(&self) -> bool {
        self.segments.iter().any(Segment::is_right_to_left)
    }

    /// The leftmost place of it.
    pub(crate) fn from(&self) -> f64 {
        self.segments.first().map_or(0.0, |segment| segment.from)
    }

    /// Its glyphs from left to right, but as they were drawn where segments neither overlap nor run backwards: accents and
    /// kerned letters keep their place.
    fn glyphs(&self) -> Vec<&Glyph> {
        let mut glyphs: Vec<&Glyph> = self
            .segments
            .iter()
            .flat_map(|segment| &segment.glyphs)
            .collect();
        let torn = self
            .segments
            .windows(2)
            .any(|pair| pair[1].from < pair[0].to - 0.3 * pair[0].size);
        let backwards = glyphs.windows(2).any(|pair| is_back(pair[0], pair[1]));
        if torn || backwards {
            glyphs.sort_by(|a, b| a.from.total_cmp(&b.from));
            marks_first(&mut glyphs);
        }
        glyphs
    }
}

/// Whether `next` stands before `last`, after which it was drawn. Marks do not tell: they are set back onto their letter.
fn is_back(last: &Glyph, next: &Glyph) -> bool {
    let level = (next.base - last.base).abs() < 0.1 * last.size;
    let is_letter = |glyph: &Glyph| glyph.to - glyph.from > 0.05 * glyph.size && !is_mark(glyph);
    let middle = f64::midpoint(next.from, next.to);
    next.from < last.from - 0.5 * last.size
        || level && is_letter(last) && is_letter(next) && middle < last.from
}

/// Seen from the left, marks of right-to-left letters come before them.
fn marks_first(glyphs: &mut [&Glyph]) {
    for at in 1..glyphs.len() {
        let (letter, mark) = (glyphs[at - 1], glyphs[at]);
        let is_on = mark.from < letter.to && is_mark(mark) && !is_mark(letter);
        if is_on && bidi::is_right_to_left(&letter.text) {
            glyphs.swap(at - 1, at);
        }
    }
}

/// The first of `glyphs`, or the right-to-left letter that it is a mark of: a mark does not tell where a gap is.
fn letter<'g>(glyphs: &[&'g Glyph]) -> &'g Glyph {
    let first = glyphs[0];
    let mut near = glyphs.iter().take(MOST_MARKS).copied();
    near.find(|glyph| !is_mark(glyph))
        .filter(|letter| is_mark(first) && first.from < letter.to && first.to >= letter.from)
        .filter(|letter| bidi::is_right_to_left(&letter.text))
        .unwrap_or(first)
}

fn is_mark(glyph: &Glyph) -> bool {
    !glyph.text.is_empty() && glyph.text.chars().all(is_combining_mark)
}

/// The gap between two glyphs, as a part of the font's height.
fn gap(a: &Glyph, b: &Glyph) -> f64 {
    (b.from - a.to) / a.size.max(b.size)
}

/// What stands between all letters of a line that is set wide: the gap that nearly all of them keep at least. Short lines
/// do not tell: those may be formulas.
fn spacing(glyphs: &[&Glyph]) -> f64 {
    let shown = |glyph: &Glyph| !glyph.text.trim().is_empty();
    let mut gaps: Vec<f64> = glyphs
        .windows(2)
        .filter(|pair| shown(pair[0]) && shown(pair[1]))
        .map(|pair| gap(pair[0], pair[1]))
        .filter(|gap| *gap < MAX_SPACING)
        .collect();
    if gaps.len() < 8 {
        return 0.0;
    }
    gaps.sort_unstable_by(f64::total_cmp);
    gaps[gaps.len() / 5].max(0.0)
}

/// Letters with their marks as one character, and ligatures and contextual forms as the letters they stand for.
fn compose(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            let form = matches!(character, '\u{fb00}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
            let mut plain = String::new();
            if form {
                plain.extend(std::iter::once(character).nfkc());
            } else {
                plain.push(character);
            }
            plain.chars().collect::<Vec<_>>()
        })
        .nfc()
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::segments;
    use crate::segment::tests::glyphs;

    fn texts(all: &[(&str, f64, f64, f64)]) -> Vec<String> {
        let glyphs = all
            .iter()
            .flat_map(|(text, x, y, size)| glyphs(text, *x, *y, *size));
        lines(segments(glyphs)).iter().map(Line::text).collect()
    }

    #[test]
    fn gaps_become_spaces_and_superscripts_stay_on_their_line() {
        assert_eq!(
            texts(&[
                ("E=mc", 0.0, 100.0, 10.0),
                ("2", 20.5, 104.0, 6.0),
                ("holds", 30.0, 100.0, 10.0)
            ]),
            ["E=mc2 holds"]
        );
    }

    #[test]
    fn letters_set_wide_are_still_words() {
        let mut wide = glyphs("WIDE", 0.0, 0.0, 10.0);
        wide.extend(glyphs("LETTERS", 24.0, 0.0, 10.0));
        for (index, glyph) in (0..).zip(&mut wide) {
            glyph.from += 3.0 * f64::from(index);
            glyph.to += 3.0 * f64::from(index);
        }
        assert_eq!(lines(segments(wide.into_iter()))[0].text(), "WIDE LETTERS");
    }

    #[test]
    fn what_was_drawn_out_of_order_is_read_in_order() {
        assert_eq!(
            texts(&[
                ("world", 40.0, 50.0, 10.0),
                ("below", 0.0, 20.0, 10.0),
                ("hello", 0.0, 50.0, 10.0)
            ]),
            ["hello world", "below"]
        );
    }

    /// Glyphs of `text` in the order in which they are drawn, the last one at `x`.
    fn backwards(text: &str, x: f64, size: f64) -> Vec<Glyph> {
        let visual: String = text.chars().rev().collect();
        let mut drawn = glyphs(&visual, x, 0.0, size);
        drawn.reverse();
        drawn
    }

    #[test]
    fn the_order_of_letters_is_that_of_their_places() {
        let text = |glyphs: Vec<Glyph>| lines(segments(glyphs.into_iter()))[0].text();
        // As many write it: the first letter first, to the left from there.
        assert_eq!(text(backwards("שלו", 0.0, 20.0)), "שלו");
        assert_eq!(text(backwards("שלו אב", 0.0, 20.0)), "שלו אב");
        assert_eq!(text(backwards("cba", 0.0, 20.0)), "abc");
        // As others do: as it is seen, from left to right.
        assert_eq!(text(glyphs("ולש", 0.0, 0.0, 20.0)), "שלו");
        // Numbers in it are written from left to right.
        let mut all = backwards("אב ", 40.0, 20.0);
        all.extend(glyphs("12", 20.0, 0.0, 20.0));
        all.extend(backwards(" גד", -10.0, 20.0));
        assert_eq!(text(all), "אב 12 גד");
    }

    #[test]
    fn marks_stay_with_their_letters() {
        let text = |glyphs: Vec<Glyph>| lines(segments(glyphs.into_iter()))[0].text();
        let mark = |mark: &str, at: f64| {
            let mut mark = glyphs(mark, at, 0.0, 20.0);
            mark[0].to = at;
            mark
        };
        let mut pointed = backwards("של", 0.0, 20.0);
        pointed.splice(1..1, mark("\u{5c1}", 14.0));
        pointed.extend(mark("\u{5b8}", 3.0));
        pointed.extend(backwards("אב", -25.0, 20.0));
        pointed.extend(mark("\u{5b8}", -22.0));
        assert_eq!(text(pointed), "ש\u{5c1}ל\u{5b8} אב\u{5b8}");
        // Set back onto a letter that is drawn before.
        let mut accented = glyphs("ae", 0.0, 0.0, 20.0);
        accented.extend(mark("\u{301}", 9.0));
        accented.extend(glyphs("i", 20.0, 0.0, 20.0));
        assert_eq!(text(accented), "aéi");
    }

    #[test]
    fn words_to_the_left_of_each_other_keep_one_order_in_columns() {
        let (first, second) = ("גבא", "דגבא");
        let word = |text: &str, x: f64| glyphs(text, x, 0.0, 20.0);
        let columns = |glyphs: Vec<Glyph>| {
            lines(segments(glyphs.into_iter()))[0].text_in_columns(100.0, 10.0)
        };
        let to_the_left = [word(first, 150.0), word(second, 100.0)].concat();
        let to_the_right = [word(second, 100.0), word(first, 150.0)].concat();
        assert_eq!(columns(to_the_left), "אבג אבגד");
        assert_eq!(columns(to_the_right), "אבג אבגד");
    }

    #[test]
    fn ligatures_and_marks_become_plain_letters() {
        assert_eq!(compose("e\u{301} \u{fb01}n \u{fe8d} "), "é fin ا");
    }

    #[test]
    fn columns_keep_their_place() {
        let found = segments(
            [glyphs("a", 0.0, 0.0, 10.0), glyphs("b", 50.0, 0.0, 10.0)]
                .concat()
                .into_iter(),
        );
        assert_eq!(lines(found)[0].text_in_columns(0.0, 5.0), "a         b");
    }
}
