//! What the codes of composite fonts stand for by the character collection of their CIDs (ISO 32000-2, 9.10.2), or by
//! themselves: some writers say `/ToUnicode /Identity-H` of codes that are UTF-16.
//!
//! The interpreter reads the former only where a font is not embedded and the latter never, and a drawn glyph does not tell its font dictionary. So the
//! font dictionaries of the document are looked through once, and those are taken that have the glyph's font name and program.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

use hayro_interpret::font::{OutlineFontData, OutlineGlyph};
use hayro_interpret::hayro_cmap::{
    BfString, CMap, CMapName, CidFamily, WritingMode, load_embedded,
};
use hayro_syntax::Pdf;
use hayro_syntax::object::{self, Array, Dict, MaybeRef, Name, Object, ObjectIdentifier, Stream};
use ttf_parser::{GlyphId, cff};

/// How deep a font may stand in an object: a page with all its resources in it is not half as deep.
const MAX_DEPTH: u32 = 16;
/// As many ways to read one font program are tried: there are seldom two, one for lines and one for columns.
const MAX_READINGS: usize = 8;
/// Where a font descriptor has the program, in the interpreter's order.
const PROGRAMS: [&str; 3] = ["FontFile2", "FontFile3", "FontFile"];

/// The composite fonts of a document.
pub(crate) struct Collections<'a> {
    pdf: &'a Pdf,
    /// By name, once they have been looked for.
    composites: Option<HashMap<String, Vec<Composite<'a>>>>,
    /// How the fonts met so far are read: by program, name and whether their lines run down.
    met: HashMap<(u128, String, bool), Vec<Reading>>,
    /// What tells programs apart, by their streams.
    marks: HashMap<ObjectIdentifier, Option<u64>>,
    /// From CID to Unicode.
    maps: HashMap<CidFamily, Option<CMap>>,
}

/// An embedded composite font, as its dictionary has it.
struct Composite<'a> {
    encoding: Object<'a>,
    /// Whether its codes are UTF-16.
    is_unicode: bool,
    descendant: Dict<'a>,
    program: Stream<'a>,
}

/// From codes to CIDs, and on to characters and glyphs.
struct Reading {
    encoding: CMap,
    characters: Characters,
    /// Two bytes for each CID.
    glyphs: Option<Vec<u8>>,
}

/// What stands for characters.
enum Characters {
    /// The CIDs, as those of this collection.
    Cids(CidFamily),
    /// The codes, as UTF-16.
    Codes,
}

impl<'a> Collections<'a> {
    pub(crate) fn new(pdf: &'a Pdf) -> Self {
        Self {
            pdf,
            composites: None,
            met: HashMap::new(),
            marks: HashMap::new(),
            maps: HashMap::new(),
        }
    }

    /// The text of `glyph`, whose lines run as `mode` says, if its font's CIDs belong to a collection that is known
    /// or its codes are characters.
    pub(crate) fn text(&mut self, glyph: &OutlineGlyph, mode: WritingMode) -> Option<String> {
        let font = glyph.font_data()?;
        let down = mode == WritingMode::Vertical;
        let name = font.postscript_name.clone().unwrap_or_default();
        let key = (font.cache_key, name, down);
        if !self.met.contains_key(&key) {
            let readings = self.readings(&font, &key.1, down);
            self.met.insert(key.clone(), readings);
        }
        let readings = self.met.get(&key)?;
        let cids = || {
            readings
                .iter()
                .filter_map(|reading| Some((reading, reading.cid(glyph.char_code())?)))
        };
        // Where the same program is read in several ways, the glyph tells which one it was.
        let (reading, cid) = cids()
            .find(|(reading, cid)| readings.len() > 1 && reading.leads(*cid, glyph, &font))
            .or_else(|| cids().next())?;
        let family = match &reading.characters {
            Characters::Cids(family) => family.clone(),
            Characters::Codes => return char::from_u32(glyph.char_code()).map(String::from),
        };
        let map = self.maps.entry(family).or_insert_with_key(|family| {
            CMap::parse(load_embedded(family.ucs2_cmap()?)?, load_embedded)
        });
        match map.as_ref()?.lookup_bf_string(cid)? {
            BfString::Char(character) => Some(character.to_string()),
            BfString::String(text) => Some(text),
        }
    }

    /// The ways to read the font of that name and program.
    fn readings(&mut self, font: &OutlineFontData, name: &str, down: bool) -> Vec<Reading> {
        let pdf = self.pdf;
        let composites = self.composites.get_or_insert_with(|| composites(pdf));
        let Some(composites) = composites.get(name) else {
            return Vec::new();
        };
        let wanted = mark((*font.data).as_ref());
        let mut seen = HashSet::new();
        composites
            .iter()
            .filter(|composite| {
                let of = || Some(mark(&composite.program.decoded_data().ok()?));
                let marked = self.marks.entry(composite.program.obj_id());
                *marked.or_insert_with(of) == Some(wanted)
            })
            .filter(|composite| seen.insert(composite.tells()))
            .take(MAX_READINGS)
            .filter_map(Composite::reading)
            .filter(|reading| {
                down == (reading.encoding.metadata().writing_mode == Some(WritingMode::Vertical))
            })
            .collect()
    }
}

impl<'a> Composite<'a> {
    fn of(font: &Dict<'a>) -> Option<Self> {
        let descendant = font
            .get::<Array<'_>>("DescendantFonts")?
            .iter::<Dict<'_>>()
            .next()?;
        let descriptor = descendant.get::<Dict<'_>>("FontDescriptor")?;
        Some(Self {
            encoding: font.get::<Object<'_>>("Encoding")?,
            is_unicode: font
                .get::<Name<'_>>("ToUnicode")
                .is_some_and(|name| matches!(&*name, b"Identity-H" | b"Identity-V")),
            program: PROGRAMS
                .iter()
                .find_map(|key| descriptor.get::<Stream<'_>>(key.as_bytes()))?,
            descendant,
        })
    }

    /// What it is read by: fonts that agree in it are read alike.
    fn tells(&self) -> (Option<Vec<u8>>, Option<ObjectIdentifier>, CidFamily, bool) {
        let (name, stream) = match &self.encoding {
            Object::Name(name) => (Some(name.to_vec()), None),
            Object::Stream(stream) => (None, Some(stream.obj_id())),
            _ => (None, None),
        };
        (name, stream, self.family(), self.is_unicode)
    }

    /// The collection that the CID font says it is of.
    fn family(&self) -> CidFamily {
        let info = self.descendant.get::<Dict<'_>>("CIDSystemInfo");
        let text = |key: &str| {
            let text = info.as_ref()?.get::<object::String<'_>>(key)?;
            Some(text.as_bytes().to_vec())
        };
        CidFamily::from_registry_ordering(
            &text("Registry").unwrap_or_default(),
            &text("Ordering").unwrap_or_default(),
        )
    }

    /// How it is read, if its codes are characters or its CIDs those of a collection with a map to Unicode.
    fn reading(&self) -> Option<Reading> {
        let encoding = match &self.encoding {
            Object::Name(name) => {
                CMap::parse(load_embedded(CMapName::from_bytes(name))?, load_embedded)
            }
            Object::Stream(stream) => CMap::parse(&stream.decoded_data().ok()?, load_embedded),
            _ => None,
        }?;
        let characters = if self.is_unicode {
            Characters::Codes
        } else {
            // The CIDs are those that the encoding gives.
            let of_encoding = encoding.metadata().character_collection.clone();
            let family = of_encoding
                .map(|collection| collection.family)
                .into_iter()
                .chain([self.family()])
                .find(|family| family.ucs2_cmap().is_some())?;
            Characters::Cids(family)
        };
        let glyphs = self.descendant.get::<Stream<'_>>("CIDToGIDMap");
        let glyphs = glyphs.and_then(|map| Some(map.decoded_data().ok()?.into_owned()));
        Some(Reading {
            encoding,
            characters,
            glyphs,
        })
    }
}

impl Reading {
    fn cid(&self, code: u32) -> Option<u32> {
        (1..=4).find_map(|length| self.encoding.lookup_cid_code(code, length))
    }

    /// Whether `cid` leads to `glyph` in the program of `font`.
    fn leads(&self, cid: u32, glyph: &OutlineGlyph, font: &OutlineFontData) -> bool {
        let glyph = glyph.glyph_id().to_u32();
        if let Some(map) = &self.glyphs {
            let pair = map.as_chunks::<2>().0.get(cid as usize);
            return pair.is_some_and(|pair| u32::from(u16::from_be_bytes(*pair)) == glyph);
        }
        let program = cff::Table::parse((*font.data).as_ref());
        let charset = program.zip(u16::try_from(glyph).ok());
        match charset.and_then(|(program, glyph)| program.glyph_cid(GlyphId(glyph))) {
            Some(drawn) => u32::from(drawn) == cid,
            None => cid == glyph,
        }
    }
}

/// The embedded composite fonts of `pdf` by name.
fn composites(pdf: &Pdf) -> HashMap<String, Vec<Composite<'_>>> {
    let mut found = HashMap::new();
    for object in pdf.objects() {
        gather(&object, MAX_DEPTH, &mut found);
    }
    found
}

fn gather<'a>(object: &Object<'a>, depth: u32, found: &mut HashMap<String, Vec<Composite<'a>>>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    let dict = match object {
        Object::Dict(dict) => dict,
        Object::Stream(stream) => stream.dict(),
        Object::Array(array) => {
            for item in array.raw_iter() {
                if let MaybeRef::NotRef(item) = item {
                    gather(&item, depth, found);
                }
            }
            return;
        }
        _ => return,
    };
    if let Some(composite) = Composite::of(dict) {
        let name = dict.get::<Name<'_>>("BaseFont");
        let name = name.map_or_else(String::new, |name| without_tag(name.as_str()).to_owned());
        found.entry(name).or_default().push(composite);
        return;
    }
    for (_, value) in dict.entries() {
        if let MaybeRef::NotRef(value) = value {
            gather(&value, depth, found);
        }
    }
}

/// The name of a font without the tag of a subset (ISO 32000-2, 9.9.2).
fn without_tag(name: &str) -> &str {
    match name.split_once('+') {
        Some((tag, name)) if tag.len() == 6 => name,
        _ => name,
    }
}

/// What tells a program from others.
fn mark(program: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    program.hash(&mut hasher);
    hasher.finish()
}
