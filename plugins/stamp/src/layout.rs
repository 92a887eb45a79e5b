//! A block of lines as drawing operators, origin at the block's lower left corner.

use std::fmt::Write as _;
use std::rc::Rc;

use rustybuzz::Face;

use crate::font::{Coded, Codes, utf16};
use crate::number::{self, number};
use crate::shape::Line;

/// Where the lines stand inside the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Center,
    Right,
}

/// How a block looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// The font size in points.
    pub(crate) size: f64,
    pub(crate) color: [f64; 3],
    pub(crate) align: Align,
}

/// A block of lines, set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    /// What stands between `BT` and `ET`, but for the font.
    body: String,
    /// The lines' box in points.
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Block {
    /// The block as one text object, so that overlapping glyphs of a half-transparent stamp do not add up, with the
    /// resources' names of its font and, if it has one, its graphics state.
    pub(crate) fn content(&self, style: &Style, font: &str, state: Option<&str>) -> String {
        let mut content = style.opening(font, state);
        self.draw(&mut content);
        content
    }

    /// Appends what follows a [`Style::opening`].
    pub(crate) fn draw(&self, content: &mut String) {
        content.push_str(&self.body);
        content.push_str("ET");
    }
}

impl Style {
    /// How a block's text object begins, with the resources' names of its font and graphics state.
    pub(crate) fn opening(&self, font: &str, state: Option<&str>) -> String {
        let state = state.map_or_else(String::new, |name| format!("/{name} gs "));
        let [red, green, blue] = self.color.map(number);
        let size = number(self.size);
        format!("{state}{red} {green} {blue} rg BT /{font} {size} Tf\n")
    }
}

/// Where the lines of a block stand.
struct Frame {
    /// Points in a font unit.
    unit: f64,
    ascent: f64,
    leading: f64,
    width: f64,
    height: f64,
}

impl Frame {
    fn new(face: &Face<'_>, lines: &[Line], style: &Style) -> Self {
        let unit = style.size / f64::from(face.units_per_em());
        let ascent = f64::from(face.ascender()) * unit;
        let descent = -f64::from(face.descender()) * unit;
        let leading = ascent + descent + f64::from(face.line_gap()) * unit;
        Self {
            unit,
            ascent,
            leading,
            width: lines
                .iter()
                .map(|line| f64::from(line.width) * unit)
                .fold(0.0, f64::max),
            height: ascent + descent + leading * (lines.len().max(1) - 1) as f64,
        }
    }

    /// Where a line begins, on its base line.
    fn start(&self, line: &Line, index: usize, align: Align) -> (f64, f64) {
        let room = self.width - f64::from(line.width) * self.unit;
        let x = match align {
            Align::Left => 0.0,
            Align::Center => room / 2.0,
            Align::Right => room,
        };
        (x, self.height - self.ascent - self.leading * index as f64)
    }
}

/// Sets `lines` under each other.
pub(crate) fn lay_out(face: &Face<'_>, codes: &mut Codes, lines: &[Line], style: &Style) -> Block {
    let frame = Frame::new(face, lines, style);
    let mut body = String::with_capacity(128);
    for (index, line) in lines.iter().enumerate() {
        let (x, y) = frame.start(line, index, style.align);
        body.push_str("1 0 0 1 ");
        number::push(x, &mut body);
        body.push(' ');
        number::push(y, &mut body);
        body.push_str(" Tm\n");
        show(face, &codes.encode(face, line), style.size, &mut body);
    }
    Block {
        body,
        width: frame.width,
        height: frame.height,
    }
}

/// The box of a block's ink in points, which may reach beyond the lines' box.
pub(crate) fn ink(face: &Face<'_>, lines: &[Line], style: &Style) -> [f64; 4] {
    let frame = Frame::new(face, lines, style);
    let mut ink = [0.0, 0.0, frame.width, frame.height];
    for (index, line) in lines.iter().enumerate() {
        grow(
            face,
            line,
            frame.unit,
            frame.start(line, index, style.align),
            &mut ink,
        );
    }
    ink
}

/// Writes one line: strings of codes with the corrections that shaping asks for.
fn show(face: &Face<'_>, line: &[Rc<[Coded]>], size: f64, content: &mut String) {
    let mut array = Shown {
        face,
        size,
        content,
        open: false,
        pending: 0,
        rise: 0,
    };
    for coded in line.iter().flat_map(|piece| piece.iter()) {
        if let Some(text) = &coded.actual {
            array.close();
            let _ = write!(
                array.content,
                "/Span <</ActualText <FEFF{}>>> BDC ",
                utf16(text)
            );
        }
        for code in &coded.codes {
            array.raise(code.offset.1);
            array.pending += code.offset.0;
            array.put(code.cid);
            array.pending += code.advance - code.offset.0 - code.width;
        }
        if coded.actual.is_some() {
            array.close();
            array.content.push_str("EMC\n");
        }
    }
    array.close();
    array.raise(0);
}

/// The state of a line being written.
struct Shown<'a, 'f> {
    face: &'a Face<'f>,
    size: f64,
    content: &'a mut String,
    open: bool,
    /// A move to the right that is still to be made, in font units.
    pending: i32,
    rise: i32,
}

impl Shown<'_, '_> {
    fn put(&mut self, cid: u16) {
        if !self.open {
            self.content.push_str("[<");
            self.open = true;
        }
        if self.pending != 0 {
            let back = -crate::font::thousandths(self.face, self.pending);
            self.content.push('>');
            number::push(back, self.content);
            self.content.push('<');
            self.pending = 0;
        }
        number::push_hex(cid, self.content);
    }

    fn raise(&mut self, rise: i32) {
        if rise != self.rise {
            self.close();
            let points = f64::from(rise) * self.size / f64::from(self.face.units_per_em());
            let _ = writeln!(self.content, "{} Ts", number(points));
            self.rise = rise;
        }
    }

    fn close(&mut self) {
        if self.open {
            self.content.push_str(">] TJ\n");
            self.open = false;
        }
    }
}

fn grow(face: &Face<'_>, line: &Line, unit: f64, (x, y): (f64, f64), ink: &mut [f64; 4]) {
    let mut pen = 0;
    for glyph in line.clusters().flat_map(|c| &c.glyphs) {
        if let Some(bounds) = face.glyph_bounding_box(rustybuzz::ttf_parser::GlyphId(glyph.id)) {
            let at = |units: i32| f64::from(units) * unit;
            let left = x + at(pen + glyph.offset.0);
            let base = y + at(glyph.offset.1);
            ink[0] = ink[0].min(left + at(bounds.x_min.into()));
            ink[1] = ink[1].min(base + at(bounds.y_min.into()));
            ink[2] = ink[2].max(left + at(bounds.x_max.into()));
            ink[3] = ink[3].max(base + at(bounds.y_max.into()));
        }
        pen += glyph.advance;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shaper;

    fn block(text: &str, align: Align) -> (Block, String) {
        let mut shaper = Shaper::new();
        let lines = shaper.shape(text).expect("the font has it");
        let style = Style {
            size: 10.0,
            color: [1.0, 0.0, 0.0],
            align,
        };
        let block = lay_out(&shaper.face, &mut Codes::default(), &lines, &style);
        let content = block.content(&style, "F", Some("G"));
        (block, content)
    }

    #[test]
    fn a_line_is_one_text_object() {
        let (block, content) = block("ab", Align::Left);
        assert_eq!(
            content,
            "/G gs 1 0 0 rg BT /F 10 Tf\n1 0 0 1 0 2.3584 Tm\n[<00010002>] TJ\nET"
        );
        assert!((block.height - 11.64).abs() < 0.01, "{}", block.height);
        assert!((block.width - 12.47).abs() < 0.01, "{}", block.width);
    }

    #[test]
    fn kerning_moves_the_pen_without_losing_the_width() {
        let (block, content) = block("AV", Align::Left);
        assert!(
            content.contains("<0001>") && content.contains("<0002>"),
            "{content}"
        );
        assert!(block.width < 13.6);
    }

    #[test]
    fn lines_stand_under_each_other_and_are_aligned() {
        let (block, content) = block("wide line\nx", Align::Right);
        assert_eq!(content.matches(" Tm").count(), 2);
        assert!(block.height > 23.0);
        assert!(
            !content.contains("1 0 0 1 0 2.3584 Tm"),
            "the short line is moved to the right"
        );
    }

    #[test]
    fn the_ink_of_tall_glyphs_is_inside_the_box() {
        let mut shaper = Shaper::new();
        let lines = shaper.shape("Ǻ\u{301}").expect("the font has it");
        let style = Style {
            size: 10.0,
            color: [0.0; 3],
            align: Align::Left,
        };
        let height = lay_out(&shaper.face, &mut Codes::default(), &lines, &style).height;
        let ink = ink(&shaper.face, &lines, &style);
        assert!(ink[3] >= height - 3.0 && ink[0] <= 0.0);
    }
}
