//! Text that stands for what a marked-content sequence draws: `ActualText` (ISO 32000-2, 14.9.4).

use dropleaf_plugin_sdk::text;
use hayro_syntax::object::{self, Dict};

use crate::glyphs::{Glyph, readable};

/// As many characters as replacements of one page may have together: as many as it may have glyphs.
const MAX_CHARACTERS: usize = 1_000_000;

/// The marked-content sequences that are open.
#[derive(Default)]
pub(crate) struct Sequences {
    depth: usize,
    /// The characters of replacements so far.
    characters: usize,
    replaced: Option<Replaced>,
}

/// The outermost open sequence that has a text of its own.
struct Replaced {
    depth: usize,
    text: String,
    /// How many glyphs there were before it.
    first: usize,
}

impl Sequences {
    /// A sequence begins after `drawn` glyphs.
    pub(crate) fn begin(&mut self, properties: Option<&Dict<'_>>, drawn: usize) {
        self.depth += 1;
        if self.replaced.is_some() {
            return;
        }
        let room = MAX_CHARACTERS.saturating_sub(self.characters);
        self.replaced = properties
            .and_then(actual_text)
            .filter(|text| text.chars().count() <= room)
            .map(|text| Replaced {
                depth: self.depth,
                text,
                first: drawn,
            });
    }

    /// Whether what is drawn now is to be replaced.
    pub(crate) fn is_replaced(&self) -> bool {
        self.replaced.is_some()
    }

    /// The innermost sequence ends; its text, if it has one, takes the place of the glyphs it has drawn.
    pub(crate) fn end(&mut self, glyphs: &mut Vec<Glyph>) {
        let ended = self
            .replaced
            .take_if(|replaced| replaced.depth == self.depth);
        self.depth = self.depth.saturating_sub(1);
        if let Some(Replaced { text, first, .. }) = ended
            && let Some(glyph) = one(&glyphs[first.min(glyphs.len())..], text)
        {
            self.characters += glyph.text.chars().count();
            glyphs.truncate(first);
            glyphs.extend((!glyph.text.is_empty()).then_some(glyph));
        }
    }
}

/// The text in a property list. One that cannot be read is none, so that what is drawn stays.
fn actual_text(properties: &Dict<'_>) -> Option<String> {
    let text = text::decode(
        properties
            .get::<object::String<'_>>("ActualText")?
            .as_bytes(),
    );
    if text.is_empty() {
        Some(text)
    } else {
        readable(&text)
    }
}

/// One glyph in the place of all: it stands where the first does, and reaches as far as they go on in its line.
fn one(glyphs: &[Glyph], text: String) -> Option<Glyph> {
    let first = glyphs.first()?;
    let on_line = glyphs.iter().filter(|glyph| {
        glyph.direction == first.direction && (glyph.base - first.base).abs() < 0.35 * first.size
    });
    let (from, to) = on_line.fold((first.from, first.to), |(from, to), glyph| {
        (from.min(glyph.from), to.max(glyph.to))
    });
    Some(Glyph {
        text,
        from,
        to,
        ..first.clone()
    })
}

#[cfg(test)]
mod tests {
    use hayro_syntax::object::FromBytes;

    use super::*;
    use crate::segment::tests::glyphs;

    #[test]
    fn one_glyph_reaches_over_those_of_its_line() {
        let mut all = glyphs("ab", 100.0, 50.0, 10.0);
        all.extend(glyphs("cd", 0.0, 38.0, 10.0));
        let glyph = one(&all, "x".to_owned()).expect("there are some");
        assert_eq!((glyph.from, glyph.to, glyph.base), (100.0, 110.0, 50.0));
        assert_eq!(one(&[], "x".to_owned()), None);
    }

    #[test]
    fn a_page_has_no_more_replacements_than_glyphs() {
        let properties = Dict::from_bytes(b"<</ActualText(ab)>>").expect("a dictionary");
        let mut drawn = Vec::new();
        let mut sequences = Sequences {
            characters: MAX_CHARACTERS - 3,
            ..Sequences::default()
        };
        let replaced: Vec<bool> = (0..2)
            .map(|_| {
                sequences.begin(Some(&properties), drawn.len());
                drawn.extend(glyphs("x", 0.0, 0.0, 10.0));
                sequences.end(&mut drawn);
                drawn.last().is_some_and(|glyph| glyph.text == "ab")
            })
            .collect();
        assert_eq!(replaced, [true, false]);
    }

    #[test]
    fn ends_without_a_beginning_are_passed_over() {
        let mut drawn = glyphs("ab", 0.0, 0.0, 10.0);
        let mut sequences = Sequences::default();
        sequences.end(&mut drawn);
        sequences.begin(None, drawn.len());
        sequences.end(&mut drawn);
        assert_eq!(drawn.len(), 2);
    }
}
