//! The files that are measured.

use anyhow::Result;
use dropleaf_test_support::sample;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};
use std::fmt::Write as _;
use std::io::Write as _;

/// Pages that hold one line of text each and share everything else.
pub fn tiny(pages: u32) -> Vec<u8> {
    sample::pdf(pages)
}

/// A report: every page some 60 lines of text with rules in a deflated content, resources and a link of its own; twelve
/// embedded fonts; a photograph of some 100 kB on every tenth page.
pub fn realistic(pages: u32) -> Result<Vec<u8>> {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let mut document = Document::with_version("1.7");
    let root = document.new_object_id();
    let fonts: Vec<ObjectId> = (0..12)
        .map(|number| font(&mut document, number, &mut random))
        .collect::<Result<_>>()?;
    let words: Vec<String> = (0..WORDS).map(|_| word(&mut random)).collect();
    let mut kids: Vec<Object> = Vec::new();
    for number in 0..pages {
        let photograph = (number % 10 == 0).then(|| photograph(&mut document, &mut random));
        let content = deflated(text(&words, &mut random, photograph.is_some()).as_bytes())?;
        let content = document.add_object(Stream::new(
            dictionary! { "Filter" => "FlateDecode" },
            content,
        ));
        let used = (0..3_u32).map(|at| {
            let font = fonts[((number + at * 5) % 12) as usize];
            (format!("F{at}").into_bytes(), Object::Reference(font))
        });
        let mut resources = dictionary! {
            "Font" => used.collect::<Dictionary>(),
            "ProcSet" => vec!["PDF".into(), "Text".into(), "ImageC".into()],
        };
        if let Some(photograph) = photograph {
            resources.set("XObject", dictionary! { "Im0" => photograph });
        }
        let link = document.add_object(dictionary! {
            "Type" => "Annot", "Subtype" => "Link", "Border" => vec![0.into(), 0.into(), 0.into()],
            "Rect" => vec![72.into(), 700.into(), 200.into(), 712.into()],
            "A" => dictionary! { "S" => "URI", "URI" => Object::string_literal(format!("https://example.org/{number}")) },
        });
        let page = dictionary! {
            "Type" => "Page", "Parent" => root, "Contents" => content, "Resources" => resources,
            "MediaBox" => vec![0.into(), 0.into(), Object::Real(595.276), Object::Real(841.89)],
            "Annots" => vec![link.into()],
        };
        kids.push(document.add_object(page).into());
    }
    document.set_object(
        root,
        dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => i64::from(pages) },
    );
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => root });
    let info = document
        .add_object(dictionary! { "Producer" => Object::string_literal("Dropleaf benches") });
    document.trailer.set("Root", catalog);
    document.trailer.set("Info", info);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes)?;
    Ok(bytes)
}

/// How many words the report's language has.
const WORDS: u32 = 4_000;

fn word(random: &mut Random) -> String {
    const LETTERS: &[u8; 26] = b"etaoinshrdlucmfwypvbgkjqxz";
    let letter = |_| char::from(LETTERS[random.below(26) as usize]);
    (0..7).map(letter).collect::<String>()[..2 + random.below(6) as usize].to_owned()
}

/// A subset font with a program of 40 kB that does not compress, as real ones hardly do.
fn font(document: &mut Document, number: u32, random: &mut Random) -> Result<ObjectId> {
    let program = random.bytes(40_000);
    let program = document.add_object(Stream::new(
        dictionary! { "Filter" => "FlateDecode", "Length1" => 40_000 },
        deflated(&program)?,
    ));
    let name = format!("ABCDE{}+Sample", char::from(b'A' + (number % 26) as u8));
    let descriptor = document.add_object(dictionary! {
        "Type" => "FontDescriptor", "FontName" => name.as_str(), "Flags" => 32, "FontFile2" => program,
        "FontBBox" => vec![0.into(), Object::Integer(-200), 1000.into(), 900.into()],
        "ItalicAngle" => 0, "Ascent" => 800, "Descent" => -200, "CapHeight" => 700, "StemV" => 80,
    });
    let widths: Vec<Object> = (0..224)
        .map(|_| Object::Integer(300 + random.below(500) as i64))
        .collect();
    Ok(document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "TrueType", "BaseFont" => name.as_str(), "FirstChar" => 32, "LastChar" => 255,
        "Widths" => widths, "FontDescriptor" => descriptor, "Encoding" => "WinAnsiEncoding",
    }))
}

/// A JPEG as far as anything here looks at it: bytes that nothing compresses.
fn photograph(document: &mut Document, random: &mut Random) -> ObjectId {
    let length = 60_000 + random.below(80_000) as usize;
    let content = random.bytes(length);
    document.add_object(Stream::new(
        dictionary! {
            "Type" => "XObject", "Subtype" => "Image", "Width" => 1024, "Height" => 768, "ColorSpace" => "DeviceRGB",
            "BitsPerComponent" => 8, "Filter" => "DCTDecode",
        },
        content,
    ))
}

/// A page's content as layout programs write it: kerned words, moves, a few rules.
fn text(words: &[String], random: &mut Random, photograph: bool) -> String {
    let mut text = String::from("q\n0 0 595.276 841.89 re W n\n");
    if photograph {
        text.push_str("q 400 0 0 300 90 60 cm /Im0 Do Q\n");
    }
    for line in 0..60 {
        let (font, size, y) = (random.below(3), 9 + random.below(2), 790 - line * 12);
        let _ = write!(text, "BT /F{font} {size} Tf 1 0 0 1 72 {y}.89 Tm [");
        for _ in 0..12 {
            // The rarer the word the higher its number, as in any language.
            let rarest = random.below(WORDS) + 1;
            let word = &words[random.below(rarest) as usize];
            let kern = [-250, -278, -333][random.below(3) as usize];
            let _ = write!(text, "({word}){kern}");
        }
        text.push_str("]TJ ET\n");
        if line % 10 == 9 {
            let _ = writeln!(text, "0.5 w 72 {y} m 523.276 {y} l S");
        }
    }
    text.push_str("Q\n");
    text
}

fn deflated(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// Numbers that look random and are the same in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: u32) -> u32 {
        (((self.next() >> 32) * u64::from(bound)) >> 32) as u32
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}
