//! The glyphs of a page as text with a place, read off the interpreter's drawing calls.

use hayro_interpret::font::{Glyph as Drawn, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::kurbo::{Affine, BezPath, Point};
use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
};
use hayro_syntax::object::Dict;

use crate::actual_text::Sequences;
use crate::direction::{Direction, Spot};
use crate::fonts::Fonts;

/// A page with more glyphs than this is cut off: a million is some three hundred full pages.
const MAX_GLYPHS: usize = 1_000_000;

/// What one glyph says, and where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Glyph {
    pub(crate) text: String,
    pub(crate) direction: Direction,
    /// Its start and end along the line, and its base line across it.
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) base: f64,
    /// The height of the font.
    pub(crate) size: f64,
}

impl Glyph {
    /// How many characters it stands for, one at the least.
    pub(crate) fn characters(&self) -> usize {
        self.text.chars().count().max(1)
    }
}

/// A device that only collects text.
pub(crate) struct Collector<'c, 'f> {
    /// What the reader sees, lower left and upper right; text outside is not on the page.
    visible: [f64; 4],
    cancelled: &'c dyn Fn() -> bool,
    fonts: &'c mut Fonts<'f>,
    sequences: Sequences,
    pub(crate) glyphs: Vec<Glyph>,
    /// Glyphs whose fonts do not say what they mean.
    pub(crate) unknown: usize,
    /// Whether not everything was taken.
    pub(crate) cut: bool,
    seen: usize,
}

impl<'c, 'f> Collector<'c, 'f> {
    pub(crate) fn new(
        visible: [f64; 4],
        fonts: &'c mut Fonts<'f>,
        cancelled: &'c dyn Fn() -> bool,
    ) -> Self {
        Self {
            visible,
            cancelled,
            fonts,
            sequences: Sequences::default(),
            glyphs: Vec::new(),
            unknown: 0,
            cut: false,
            seen: 0,
        }
    }

    /// The page has ended.
    pub(crate) fn finish(&mut self) {
        let taken = self.glyphs.len();
        // A sequence that was never closed has replaced nothing.
        self.glyphs.retain(|glyph| !glyph.text.is_empty());
        self.unknown += taken - self.glyphs.len();
    }

    fn take(&mut self, glyph: &Drawn<'_>, place: Affine, mode: WritingMode) {
        // Glyph space has a thousand units to the font's height. Text in columns goes down from the top of a glyph.
        let advance = match glyph {
            Drawn::Outline(outline) => outline.advance_width().map(f64::from),
            Drawn::Type3(procedure) => procedure.advance_width().map(f64::from),
        };
        let (from, to) = match mode {
            WritingMode::Horizontal => (Point::ZERO, Point::new(advance.unwrap_or(500.0), 0.0)),
            WritingMode::Vertical => (Point::new(500.0, 880.0), Point::new(500.0, -120.0)),
        };
        let across = match mode {
            WritingMode::Horizontal => place * Point::new(0.0, 1000.0) - place * Point::ZERO,
            WritingMode::Vertical => place * Point::new(1000.0, 0.0) - place * Point::ZERO,
        };
        let (from, to, size) = (place * from, place * to, across.hypot());
        if !(from.is_finite() && to.is_finite() && size.is_finite() && size > 1e-3) {
            return;
        }
        let [x0, y0, x1, y1] = self.visible;
        let outside =
            |p: Point| p.x < x0 - size || p.x > x1 + size || p.y < y0 - size || p.y > y1 + size;
        if outside(from) && outside(to) {
            return;
        }
        let text = match meaning(glyph, mode, self.fonts) {
            Some(text) => text,
            // What is to be replaced need only have a place.
            None if self.sequences.is_replaced() => String::new(),
            None => {
                self.unknown += 1;
                return;
            }
        };
        // A glyph without an advance tells no direction: it goes with its font.
        let along = if from == to {
            place * Point::new(1.0, 0.0) - place * Point::ZERO
        } else {
            to - from
        };
        let direction = Direction::of(along.x, along.y);
        let Spot {
            along: from,
            across: base,
        } = direction.spot(from.x, from.y);
        let to = direction.spot(to.x, to.y).along;
        self.glyphs.push(Glyph {
            text,
            direction,
            from: from.min(to),
            to: from.max(to),
            base,
            size,
        });
    }
}

/// The text of a glyph without what is no text; `None` if the font does not tell.
fn meaning(glyph: &Drawn<'_>, mode: WritingMode, fonts: &mut Fonts<'_>) -> Option<String> {
    match (glyph.as_unicode(), glyph) {
        (Some(BfString::Char(character)), _) => readable(&character.to_string()),
        (Some(BfString::String(text)), _) => readable(&text),
        // Bitmap fonts out of TeX name their glyphs by number; the codes are those of ASCII.
        (None, Drawn::Type3(procedure)) => char::from_u32(procedure.char_code())
            .filter(char::is_ascii_graphic)
            .map(String::from),
        // A collection says what a character is; a program's table only which character the same glyph serves for.
        (None, Drawn::Outline(outline)) => fonts
            .by_collection(outline, mode)
            .and_then(|text| readable(&text))
            .or_else(|| readable(&fonts.by_program(outline)?.to_string())),
    }
}

/// `text` without what is no text; `None` if nothing of it is known.
pub(crate) fn readable(text: &str) -> Option<String> {
    let text: String = text.chars().map(plain).collect();
    let known = text.chars().any(|c| c != '\u{fffd}' && !c.is_control());
    known.then(|| text.chars().filter(|c| !c.is_control()).collect())
}

/// Spaces of any kind are spaces, private and absent characters are none.
fn plain(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' => ' ',
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => '\u{fffd}',
        other => other,
    }
}

impl<'a> Device<'a> for Collector<'_, '_> {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        self.seen += 1;
        // The interpreter cannot be stopped, but what it draws from here on costs little.
        if self.cut || self.seen.is_multiple_of(256) && (self.cancelled)() {
            self.cut = true;
            return;
        }
        for glyph in run.glyphs() {
            if self.glyphs.len() >= MAX_GLYPHS {
                self.cut = true;
                return;
            }
            self.take(
                glyph,
                props.transform * glyph.transform(),
                run.writing_mode(),
            );
        }
    }

    fn begin_marked_content(&mut self, _: &[u8], properties: Option<&Dict<'_>>) {
        self.sequences.begin(properties, self.glyphs.len());
    }

    fn end_marked_content(&mut self) {
        self.sequences.end(&mut self.glyphs);
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
