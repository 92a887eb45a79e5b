//! What glyphs mean where the interpreter does not know: by the collection of their CIDs, or by the font program's own table,
//! read backwards.

use std::collections::HashMap;

use hayro_interpret::font::OutlineGlyph;
use hayro_interpret::hayro_cmap::WritingMode;
use hayro_syntax::Pdf;
use ttf_parser::{Face, PlatformId};

use crate::collections::Collections;

/// The fonts of a document, as far as they have been met.
pub(crate) struct Fonts<'a> {
    collections: Collections<'a>,
    /// The programs' tables.
    programs: HashMap<u128, HashMap<u32, char>>,
}

impl<'a> Fonts<'a> {
    pub(crate) fn new(pdf: &'a Pdf) -> Self {
        Self {
            collections: Collections::new(pdf),
            programs: HashMap::new(),
        }
    }

    /// The text of `glyph` by the collection of its CID, or by its code where that is a character, in a line that runs as `mode` says.
    pub(crate) fn by_collection(
        &mut self,
        glyph: &OutlineGlyph,
        mode: WritingMode,
    ) -> Option<String> {
        self.collections.text(glyph, mode)
    }

    /// The character that `glyph` is drawn for, if its font program has a Unicode table that names it.
    pub(crate) fn by_program(&mut self, glyph: &OutlineGlyph) -> Option<char> {
        let font = glyph.font_data()?;
        let table = self
            .programs
            .entry(font.cache_key)
            .or_insert_with(|| backwards((*font.data).as_ref()).unwrap_or_default());
        table.get(&glyph.glyph_id().to_u32()).copied()
    }
}

/// The last character that is looked up: the planes of living scripts, of old ones and of symbols. Looking each up costs the
/// same for every font, where going through a table costs what a hostile file wants.
const LAST: char = '\u{2ffff}';

/// From glyph to character; where several characters share a glyph the first, which is the plainest, stands.
fn backwards(program: &[u8]) -> Option<HashMap<u32, char>> {
    let face = Face::parse(program, 0).ok()?;
    let mut table = HashMap::new();
    for subtable in face.tables().cmap?.subtables {
        // A symbolic table's characters are codes of its own.
        if !subtable.is_unicode()
            || (subtable.platform_id == PlatformId::Windows && subtable.encoding_id == 0)
        {
            continue;
        }
        for character in ' '..=LAST {
            if let Some(glyph) = subtable.glyph_index(character.into())
                && glyph.0 != 0
            {
                table.entry(u32::from(glyph.0)).or_insert(character);
            }
        }
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_font_has_no_table() {
        assert_eq!(backwards(b""), None);
        assert_eq!(backwards(&[0; 64]), None);
    }
}
