//! What glyphs mean by their font program, where the document does not say: the program's own table, read backwards.

use std::collections::HashMap;

use hayro_interpret::font::OutlineGlyph;
use ttf_parser::{Face, PlatformId};

/// The tables of the fonts met so far.
#[derive(Default)]
pub(crate) struct Fonts(HashMap<u128, HashMap<u32, char>>);

impl Fonts {
    /// The character that `glyph` is drawn for, if its font program has a Unicode table that names it.
    pub(crate) fn character(&mut self, glyph: &OutlineGlyph) -> Option<char> {
        let font = glyph.font_data()?;
        let table = self
            .0
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
