//! The font as it stands in the document: codes, a subset program, widths and the way back to text.
//!
//! A code (CID) is handed out for each pair of glyph and text, not for each glyph: so text extraction gives the right text
//! back even where two characters share a glyph (ISO 32000-2, 9.7.4 and 9.10.3).

use std::fmt::Write as _;
use std::rc::Rc;

use rustc_hash::FxHashMap;
use rustybuzz::Face;
use subsetter::GlyphRemapper;

use crate::shape::{Cluster, FONT, Line, Piece};

/// One code in a line, with what to do around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    /// What stands in the string.
    pub(crate) cid: u16,
    /// The advance that the viewer assumes, in font units.
    pub(crate) width: i32,
    /// The advance and offset that shaping asks for, in font units.
    pub(crate) advance: i32,
    pub(crate) offset: (i32, i32),
}

/// The codes of a cluster; `actual` where they do not say its text one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Coded {
    pub(crate) codes: Vec<Code>,
    pub(crate) actual: Option<String>,
}

/// Hands out codes and remembers what for.
#[derive(Default)]
pub(crate) struct Codes {
    /// Code - 1 is the index.
    list: Vec<(u16, String)>,
    by_use: FxHashMap<(u16, String), u16>,
    glyphs: GlyphRemapper,
    /// By the address of a piece, which is kept so that no other gets it.
    pieces: FxHashMap<*const Piece, (Rc<Piece>, Rc<[Coded]>)>,
}

/// Everything the font dictionaries of a document need.
pub(crate) struct Program {
    /// The subset, a TrueType font file.
    pub(crate) file: Vec<u8>,
    /// `ABCDEF+DejaVuSans`.
    pub(crate) name: String,
    /// The body of `W`: from code 1 on, in thousandths of the size.
    pub(crate) widths: Vec<f64>,
    /// The body of `CIDToGIDMap`; `None` where code and glyph are equal.
    pub(crate) glyph_map: Option<Vec<u8>>,
    /// The body of `ToUnicode`.
    pub(crate) to_unicode: String,
    /// In thousandths: box, ascent, descent, capital height.
    pub(crate) bounds: [f64; 4],
    pub(crate) ascent: f64,
    pub(crate) descent: f64,
    pub(crate) cap_height: f64,
}

impl Codes {
    /// The codes for a line, by pieces.
    pub(crate) fn encode(&mut self, face: &Face<'_>, line: &Line) -> Vec<Rc<[Coded]>> {
        line.pieces
            .iter()
            .map(|piece| self.encode_piece(face, piece))
            .collect()
    }

    fn encode_piece(&mut self, face: &Face<'_>, piece: &Rc<Piece>) -> Rc<[Coded]> {
        if let Some((_, known)) = self.pieces.get(&Rc::as_ptr(piece)) {
            return Rc::clone(known);
        }
        let clusters = piece.clusters.iter();
        let coded: Rc<[Coded]> = clusters
            .map(|cluster| self.encode_cluster(face, cluster))
            .collect();
        let kept = (Rc::clone(piece), Rc::clone(&coded));
        self.pieces.insert(Rc::as_ptr(piece), kept);
        coded
    }

    fn encode_cluster(&mut self, face: &Face<'_>, cluster: &Cluster) -> Coded {
        let count = cluster.glyphs.len();
        let characters: Vec<String> = cluster.text.chars().map(String::from).collect();
        // As many glyphs as characters: each says its own. The base comes first, in either direction, or last; marks of a
        // right-to-left cluster stand before their base, so the characters are handed out from the end there.
        let (texts, actual) = if count == 1 {
            (vec![cluster.text.clone()], None)
        } else if count == characters.len() && !is_rtl(&cluster.text) {
            (characters, None)
        } else if count == characters.len() {
            (characters.into_iter().rev().collect(), None)
        } else {
            let mut texts = vec![String::new(); count];
            texts[0].clone_from(&cluster.text);
            (texts, Some(cluster.text.clone()))
        };
        let codes = cluster
            .glyphs
            .iter()
            .zip(texts)
            .map(|(glyph, text)| Code {
                cid: self.code(glyph.id, text),
                width: advance(face, glyph.id),
                advance: glyph.advance,
                offset: glyph.offset,
            })
            .collect();
        Coded { codes, actual }
    }

    fn code(&mut self, glyph: u16, text: String) -> u16 {
        if let Some(code) = self.by_use.get(&(glyph, text.clone())) {
            return *code;
        }
        self.glyphs.remap(glyph);
        self.list.push((glyph, text.clone()));
        let code = u16::try_from(self.list.len())
            .expect("a stamp's text is shorter than 65,536 characters");
        self.by_use.insert((glyph, text), code);
        code
    }

    /// The font with just what was coded.
    pub(crate) fn program(&self, face: &Face<'_>) -> Result<Program, subsetter::Error> {
        let file = subsetter::subset(FONT, 0, &self.glyphs)?;
        let glyphs: Vec<u16> = self
            .list
            .iter()
            .map(|(glyph, _)| {
                self.glyphs
                    .get(*glyph)
                    .expect("every coded glyph was remapped")
            })
            .collect();
        let identity = glyphs.iter().zip(1..).all(|(glyph, code)| *glyph == code);
        let glyph_map = (!identity).then(|| {
            std::iter::once(0)
                .chain(glyphs)
                .flat_map(u16::to_be_bytes)
                .collect()
        });
        let scale = |value: i32| thousandths(face, value);
        let global = face.global_bounding_box();
        Ok(Program {
            name: format!("{}+DejaVuSans", self.tag()),
            file,
            widths: self
                .list
                .iter()
                .map(|(glyph, _)| scale(advance(face, *glyph)))
                .collect(),
            glyph_map,
            to_unicode: self.to_unicode(),
            bounds: [global.x_min, global.y_min, global.x_max, global.y_max]
                .map(|v| scale(v.into())),
            ascent: scale(face.ascender().into()),
            descent: scale(face.descender().into()),
            cap_height: scale(
                face.capital_height()
                    .unwrap_or_else(|| face.ascender())
                    .into(),
            ),
        })
    }

    /// Six letters that differ where the subset differs (ISO 32000-2, 9.9.2); FNV-1a over what is in it.
    fn tag(&self) -> String {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for glyph in self.glyphs.remapped_gids() {
            for byte in glyph.to_be_bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        (0..6)
            .map(|_| {
                let letter = char::from(b'A' + u8::try_from(hash % 26).unwrap_or(0));
                hash /= 26;
                letter
            })
            .collect()
    }

    fn to_unicode(&self) -> String {
        let mut map = String::from(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
             /CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n\
             /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
             1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n",
        );
        let named: Vec<(usize, &String)> = (1..)
            .zip(&self.list)
            .filter(|(_, (_, text))| !text.is_empty())
            .map(|(code, (_, text))| (code, text))
            .collect();
        // A block holds at most 100 entries.
        for block in named.chunks(100) {
            let _ = writeln!(map, "{} beginbfchar", block.len());
            for (code, text) in block {
                let _ = writeln!(map, "<{code:04X}> <{}>", utf16(text));
            }
            map.push_str("endbfchar\n");
        }
        map.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
        map
    }
}

/// UTF-16BE in hexadecimal, without a byte order mark.
pub(crate) fn utf16(text: &str) -> String {
    text.encode_utf16().fold(String::new(), |mut hex, unit| {
        let _ = write!(hex, "{unit:04X}");
        hex
    })
}

/// A length in font units as thousandths of the font size, to a hundredth.
pub(crate) fn thousandths(face: &Face<'_>, value: i32) -> f64 {
    (f64::from(value) * 100_000.0 / f64::from(face.units_per_em())).round() / 100.0
}

fn advance(face: &Face<'_>, glyph: u16) -> i32 {
    face.glyph_hor_advance(rustybuzz::ttf_parser::GlyphId(glyph))
        .unwrap_or(0)
        .into()
}

fn is_rtl(text: &str) -> bool {
    matches!(
        unicode_bidi::get_base_direction(text),
        unicode_bidi::Direction::Rtl
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shaper;

    fn code(text: &str) -> (Codes, Vec<Coded>) {
        let mut shaper = Shaper::new();
        let mut codes = Codes::default();
        let coded = shaper
            .shape(text)
            .expect("the font has it")
            .iter()
            .flat_map(|line| codes.encode(&shaper.face, line))
            .flat_map(|piece| piece.to_vec())
            .collect();
        (codes, coded)
    }

    #[test]
    fn equal_characters_share_a_code() {
        let (codes, coded) = code("abca");
        assert_eq!(codes.list.len(), 3);
        assert_eq!(coded[0], coded[3]);
    }

    #[test]
    fn a_ligature_reads_back_as_its_letters() {
        let (codes, coded) = code("ffi");
        assert_eq!(coded.len(), 1);
        assert_eq!(coded[0].actual, None);
        assert!(codes.to_unicode().contains("<0001> <006600660069>"));
    }

    #[test]
    fn characters_that_share_a_glyph_read_back_as_themselves() {
        // U+00A0 and U+0020 are drawn by one glyph.
        let (codes, _) = code("a\u{a0}b c");
        let program = codes.program(&Shaper::new().face).expect("it subsets");
        assert!(codes.to_unicode().contains("<00A0>") && codes.to_unicode().contains("<0020>"));
        assert!(codes.list.len() < 6 && program.widths.len() == codes.list.len());
        if let Some(map) = program.glyph_map {
            assert_eq!(map.len(), 2 * (codes.list.len() + 1));
        }
    }

    #[test]
    fn a_subset_is_small_opens_and_has_a_stable_name() {
        let (codes, _) = code("Page 1");
        let first = codes.program(&Shaper::new().face).expect("it subsets");
        assert!(first.file.len() < 20_000, "{}", first.file.len());
        assert!(Face::from_slice(&first.file, 0).is_some());
        assert_eq!(
            first.name,
            codes.program(&Shaper::new().face).expect("again").name
        );
        assert!(first.name.ends_with("+DejaVuSans") && first.name.len() == 17);
        assert_ne!(
            first.name,
            code("Page 2")
                .0
                .program(&Shaper::new().face)
                .expect("it subsets")
                .name
        );
    }
}
