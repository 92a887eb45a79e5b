//! `extract-text` on whole documents.

use dropleaf_plugin_sdk::testing::{self, Trial};
use dropleaf_test_support::sample::lopdf::{Object as Cos, Stream, dictionary};
use dropleaf_test_support::sample::{self, Sample};

use super::*;

testing::examples!(dropleaf_entry());

fn extract(parameters: serde_json::Value, document: Vec<u8>) -> testing::Ran {
    Trial::of::<ExtractText>(parameters)
        .value("input.stem", "scan 7")
        .run(&[document])
        .expect("it extracts")
}

#[test]
fn the_text_stands_in_a_file_beside_the_document() {
    let ran = extract(json!({}), sample::pdf(3));
    assert_eq!(ran.artifacts.len(), 1);
    assert_eq!(ran.artifacts[0].name, "scan 7.txt");
    assert_eq!(ran.artifacts[0].mime, "text/plain; charset=utf-8");
    assert_eq!(
        String::from_utf8_lossy(&ran.artifacts[0].bytes),
        "sample page 1 of 3\n\u{c}sample page 2 of 3\n\u{c}sample page 3 of 3\n"
    );
    assert_eq!(ran.results["pages"], 3);
    assert_eq!(ran.progress, [(1, 3), (2, 3), (3, 3)]);
    assert_eq!(ran.warnings, Vec::<String>::new());
}

#[test]
fn json_names_the_pages() {
    let ran = extract(json!({ "format": "json", "pages": "2-" }), sample::pdf(3));
    assert_eq!(ran.artifacts[0].name, "scan 7.json");
    let pages: serde_json::Value =
        serde_json::from_slice(&ran.artifacts[0].bytes).expect("it is JSON");
    assert_eq!(
        pages,
        json!([{ "page": 2, "text": "sample page 2 of 3\n" }, { "page": 3, "text": "sample page 3 of 3\n" }])
    );
}

#[test]
fn rotated_pages_are_read_as_the_reader_turns_them() {
    let upright = Sample::new("s", 1)
        .rotation(0, 90)
        .content(
            0,
            "BT /F1 12 Tf 0 1 -1 0 300 100 Tm (first) Tj 0 1 -1 0 320 100 Tm (second) Tj ET",
        )
        .bytes();
    let ran = extract(json!({}), upright);
    assert_eq!(
        String::from_utf8_lossy(&ran.artifacts[0].bytes),
        "first\nsecond\n"
    );
}

#[test]
fn an_encrypted_document_is_read_once_it_is_open() {
    let secret = Sample::new("secret", 2).encrypted("user", "owner").bytes();
    let ran = Trial::of::<ExtractText>(json!({}))
        .password("user")
        .run(&[secret])
        .expect("it extracts");
    assert_eq!(ran.artifacts[0].name, "document.txt");
    assert_eq!(
        String::from_utf8_lossy(&ran.artifacts[0].bytes),
        "secret page 1 of 2\n\u{c}secret page 2 of 2\n"
    );
}

#[test]
fn odd_and_long_names_of_files_make_names_of_texts() {
    for (stem, expected) in [
        ("esc\u{1b}[31mred".to_owned(), "esc_[31mred.txt".to_owned()),
        ("x".repeat(251), "x".repeat(243) + ".txt"),
    ] {
        let ran = Trial::of::<ExtractText>(json!({}))
            .value("input.stem", stem)
            .run(&[sample::pdf(1)])
            .expect("it extracts");
        assert_eq!(ran.artifacts[0].name, expected);
    }
}

#[test]
fn a_page_without_text_has_none() {
    let ran = extract(
        json!({}),
        Sample::new("s", 2).content(0, "0 0 9 9 re f").bytes(),
    );
    assert_eq!(
        String::from_utf8_lossy(&ran.artifacts[0].bytes),
        "\u{c}s page 2 of 2\n"
    );
}

#[test]
fn the_document_goes_on_unchanged() {
    let before = sample::pdf(2);
    let ran = extract(json!({}), before.clone());
    assert_eq!(sample::texts(ran.document()), sample::texts(&before));
}

#[test]
fn a_cancelled_extraction_gives_no_file() {
    let failed = Trial::of::<ExtractText>(json!({}))
        .cancel_after(1)
        .run(&[sample::pdf(5)])
        .expect_err("cancelled");
    assert_eq!(failed.status, dropleaf_plugin_sdk::abi::E_CANCELLED);
    assert_eq!(failed.progress.len(), 1);
}

/// Of the numbers of its characters the reader would note one width each: four thousand million.
#[test]
fn widths_without_end_are_passed_over() {
    let document = |last: i64| {
        Sample::new("wide", 1)
            .content(0, "BT /F9 12 Tf 50 700 Td <0041> Tj ET")
            .edit(move |document, pages| {
                let font = document.add_object(dictionary! {
                    "Type" => "Font", "Subtype" => "CIDFontType2", "BaseFont" => "Nothing",
                    "CIDSystemInfo" => dictionary! {
                        "Registry" => Cos::string_literal("Adobe"), "Ordering" => Cos::string_literal("Identity"),
                        "Supplement" => 0,
                    },
                    "FontDescriptor" => dictionary! { "Type" => "FontDescriptor", "FontName" => "Nothing", "Flags" => 4 },
                    "W" => vec![25.into(), last.into(), 278.into()],
                });
                let map = b"1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfchar <0041> <0057> endbfchar";
                let map = document.add_object(Stream::new(dictionary! {}, map.to_vec()));
                let font = document.add_object(dictionary! {
                    "Type" => "Font", "Subtype" => "Type0", "BaseFont" => "Nothing", "Encoding" => "Identity-H",
                    "DescendantFonts" => vec![font.into()], "ToUnicode" => map,
                });
                let page = document.get_dictionary_mut(pages[0]).expect("a page");
                page.set("Resources", dictionary! { "Font" => dictionary! { "F9" => font } });
            })
            .bytes()
    };
    for (last, warnings) in [(100, 0), (4_294_967_295, 1)] {
        let ran = extract(json!({}), document(last));
        let text = String::from_utf8_lossy(&ran.artifacts[0].bytes).into_owned();
        assert_eq!(text, "W\n", "{last}");
        assert_eq!(ran.warnings.len(), warnings, "{:?}", ran.warnings);
    }
}

/// The reader would make room for one of the first, and count how often one of the second goes into the data.
#[test]
fn rows_beyond_all_measure_are_not_read() {
    for (predictor, columns) in [(12, 4_294_967_296_i64), (2, 0)] {
        let document = Sample::new("rows", 2)
            .edit(move |document, pages| {
                let parameters = dictionary! {
                    "Predictor" => predictor, "Columns" => columns, "Colors" => 255,
                };
                let packed = dictionary! { "Filter" => "FlateDecode", "DecodeParms" => parameters };
                // Two letters, compressed.
                let bytes = [0x78, 0x9c, 0x4b, 0x4c, 0x02, 0x00, 0x01, 0x26, 0x00, 0xc4].to_vec();
                let content = document.add_object(Stream::new(packed, bytes));
                let page = document.get_dictionary_mut(pages[0]).expect("a page");
                page.set("Contents", content);
            })
            .bytes();
        let ran = extract(json!({}), document);
        let text = String::from_utf8_lossy(&ran.artifacts[0].bytes).into_owned();
        assert_eq!(text, "\u{c}rows page 2 of 2\n");
        assert!(
            ran.warnings[0].contains("rows beyond all measure"),
            "{:?}",
            ran.warnings
        );
    }
}

/// What stands in a dictionary that is no stream's is nobody's parameters.
#[test]
fn parameters_of_no_stream_are_no_rows() {
    let document = Sample::new("stray", 1)
        .edit(|document, pages| {
            let parameters = dictionary! { "Predictor" => 12, "Columns" => 4_294_967_296_i64 };
            let annotation = dictionary! { "Subtype" => "Text", "DecodeParms" => parameters };
            let page = document.get_dictionary_mut(pages[0]).expect("a page");
            page.set("Annots", vec![annotation.into()]);
        })
        .bytes();
    let ran = extract(json!({}), document);
    assert_eq!(ran.artifacts[0].bytes, b"stray page 1 of 1\n");
    assert_eq!(ran.warnings, [""; 0]);
}

/// A page that shows `code` in an embedded font for each of `fonts`: ordering of its collection, encoding. One that ends in
/// `+ToUnicode` is the name of its map to Unicode as well.
fn composite(fonts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let fonts: Vec<(String, String, String)> = fonts
        .iter()
        .map(|(ordering, encoding, code)| {
            let code = code.iter().map(|byte| format!("{byte:02x}")).collect();
            (ordering.to_string(), encoding.to_string(), code)
        })
        .collect();
    let lines: Vec<String> = (0..)
        .zip(&fonts)
        .map(|(index, (.., code))| {
            let down = 700 - 40 * index;
            format!("BT /F{index} 12 Tf 1 0 0 1 50 {down} Tm <{code}> Tj ET")
        })
        .collect();
    Sample::new("composite", 1)
        .content(0, &lines.join("\n"))
        .edit(move |document, pages| {
            let program = Stream::new(dictionary! {}, FONT.to_vec());
            let program = document.add_object(program);
            let mut named = dictionary! {};
            for (index, (ordering, encoding, _)) in fonts.iter().enumerate() {
                let font = document.add_object(dictionary! {
                    "Type" => "Font", "Subtype" => "CIDFontType2", "BaseFont" => "ABCDEF+Any", "CIDToGIDMap" => "Identity",
                    "CIDSystemInfo" => dictionary! {
                        "Registry" => Cos::string_literal("Adobe"), "Ordering" => Cos::string_literal(ordering.as_str()),
                        "Supplement" => 0,
                    },
                    "FontDescriptor" => dictionary! {
                        "Type" => "FontDescriptor", "FontName" => "ABCDEF+Any", "Flags" => 4, "FontFile2" => program,
                    },
                });
                let (encoding, unicode) = match encoding.strip_suffix("+ToUnicode") {
                    Some(name) => (name, name),
                    None => (encoding.as_str(), ""),
                };
                let encoding = match encoding.strip_prefix("begincmap") {
                    Some(_) => {
                        let map = Stream::new(dictionary! {}, encoding.as_bytes().to_vec());
                        document.add_object(map).into()
                    }
                    None => Cos::Name(encoding.as_bytes().to_vec()),
                };
                named.set(format!("F{index}"), dictionary! {
                    "Type" => "Font", "Subtype" => "Type0", "BaseFont" => "ABCDEF+Any", "Encoding" => encoding,
                    "DescendantFonts" => vec![font.into()],
                    "ToUnicode" => if unicode.is_empty() { Cos::Null } else { unicode.into() },
                });
            }
            let page = document.get_dictionary_mut(pages[0]).expect("a page");
            page.set("Resources", dictionary! { "Font" => named });
        })
        .bytes()
}

/// A font that is not of any collection: what its glyphs are drawn for is not what the CIDs stand for.
const FONT: &[u8] = include_bytes!("../../stamp/fonts/DejaVuSans.ttf");

fn texts(document: Vec<u8>) -> (String, Vec<String>) {
    let ran = extract(json!({}), document);
    let text = String::from_utf8_lossy(&ran.artifacts[0].bytes).into_owned();
    (text, ran.warnings)
}

#[test]
fn embedded_fonts_are_read_by_the_collection_of_their_cids() {
    let map = "begincmap /WMode 0 def 1 begincodespacerange <00> <ff> endcodespacerange \
        1 begincidchar <41> 843 endcidchar endcmap";
    let glyph = ttf_parser::Face::parse(FONT, 0)
        .expect("a font")
        .glyph_index('A')
        .expect("a letter")
        .0;
    for (ordering, encoding, code, expected) in [
        ("Japan1", "Identity-H", [0x03, 0x4b].as_slice(), "あ\n"),
        ("Japan1", "Identity-V", &[0x03, 0x4b], "あ\n"),
        ("Japan1", "90ms-RKSJ-H", &[0x82, 0xa0], "あ\n"),
        // The CIDs are the encoding's.
        ("Identity", "90ms-RKSJ-H", &[0x82, 0xa0], "あ\n"),
        ("Japan1", map, &[0x41], "あ\n"),
        ("GB1", "Identity-H", &[0x04, 0xb0], "查\n"),
        ("CNS1", "Identity-H", &[0x04, 0xb0], "扯\n"),
        ("Korea1", "Identity-H", &[0x04, 0xb0], "굘\n"),
        // Of no collection: the program's own table tells.
        ("Identity", "Identity-H", &glyph.to_be_bytes(), "A\n"),
        // The codes are characters, whatever the glyphs are drawn for.
        ("Identity", "Identity-H+ToUnicode", &[0x01, 0x61], "š\n"),
        ("Japan1", "Identity-V+ToUnicode", &[0x30, 0x42], "あ\n"),
    ] {
        let (text, warnings) = texts(composite(&[(ordering, encoding, code)]));
        assert_eq!(text, expected, "{ordering} {encoding}");
        assert_eq!(warnings, Vec::<String>::new(), "{ordering} {encoding}");
    }
}

#[test]
fn one_program_may_be_read_in_several_ways() {
    let document = composite(&[
        ("Japan1", "Identity-H", &[0x03, 0x4b]),
        ("Japan1", "90ms-RKSJ-H", &[0x82, 0xa0]),
    ]);
    assert_eq!(texts(document).0, "あ\n\nあ\n");
}

/// A page with the text operators of `content`: fonts F1, and F9 that does not say what its glyph 0x01 is; property list P.
fn marked(content: &str) -> Vec<u8> {
    Sample::new("marked", 1)
        .content(0, &format!("BT /F1 12 Tf 50 700 Td {content} ET"))
        .edit(|document, pages| {
            let letters = document.add_object(dictionary! {
                "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica",
            });
            let glyph = document.add_object(Stream::new(dictionary! {}, b"500 0 d0".to_vec()));
            let numbers = |all: [i64; 4]| all.map(Cos::from).to_vec();
            let shapes = document.add_object(dictionary! {
                "Type" => "Font", "Subtype" => "Type3", "FontBBox" => numbers([0, 0, 500, 500]),
                "FontMatrix" => [0.001, 0.0, 0.0, 0.001, 0.0, 0.0].map(Cos::Real).to_vec(),
                "CharProcs" => dictionary! { "shape" => glyph },
                "Encoding" => dictionary! { "Differences" => vec![1.into(), Cos::Name(b"shape".to_vec())] },
                "FirstChar" => 1, "LastChar" => 1, "Widths" => vec![500.into()],
            });
            let list = document.add_object(dictionary! { "ActualText" => Cos::string_literal("named") });
            let page = document.get_dictionary_mut(pages[0]).expect("a page");
            page.set("Resources", dictionary! {
                "Font" => dictionary! { "F1" => letters, "F9" => shapes },
                "Properties" => dictionary! { "P" => list },
            });
        })
        .bytes()
}

#[test]
fn actual_text_stands_in_the_place_of_what_is_drawn() {
    for (content, expected) in [
        (
            "/Span <</ActualText (new)>> BDC (xx) Tj EMC ( end) Tj",
            "new end\n",
        ),
        (
            "(a ) Tj /Span <</MCID 0 /ActualText (new)>> BDC (xx) Tj EMC",
            "a new\n",
        ),
        // The outermost sequence wins, and others are only counted.
        (
            "/Span <</ActualText (out)>> BDC /P BMC (a) Tj EMC /Span <</ActualText (in)>> BDC (b) Tj EMC (c) Tj EMC ( end) Tj",
            "out end\n",
        ),
        (
            "/P BMC /Span <</ActualText (one)>> BDC (1) Tj EMC ( and ) Tj /Span <</ActualText (two)>> BDC (2) Tj EMC EMC",
            "one and two\n",
        ),
        (
            "/Span /P BDC (xx) Tj EMC /Span /Q BDC ( end) Tj EMC",
            "named end\n",
        ),
        ("/Span <</ActualText ()>> BDC (xx) Tj EMC (end) Tj", "end\n"),
        (
            "/Span <</ActualText <feff3042d83ddc1d>>> BDC (xx) Tj EMC",
            "あ🐝\n",
        ),
        (
            "/Span <</ActualText <efbbbfe38182>>> BDC (xx) Tj EMC",
            "あ\n",
        ),
        ("/Span <</ActualText <66f69e>>> BDC (xx) Tj EMC", "föž\n"),
        (
            "(hy) Tj /Span <</ActualText <feff00ad>>> BDC (-) Tj EMC (phen) Tj",
            "hy\u{ad}phen\n",
        ),
        // Over several lines it stands where it begins.
        (
            "/Span <</ActualText (hyphen)>> BDC (hy-) Tj 0 -14 Td (phen) Tj EMC (end) Tj",
            "hyphen\nend\n",
        ),
        // Nothing is drawn: there is no place for it.
        ("/Span <</ActualText (new)>> BDC EMC (end) Tj", "end\n"),
        // What cannot be read, or never ends, replaces nothing.
        ("/Span <</ActualText <feffe000>>> BDC (xx) Tj EMC", "xx\n"),
        ("/Span <</ActualText (new)>> BDC (xx) Tj", "xx\n"),
    ] {
        assert_eq!(texts(marked(content)).0, expected, "{content}");
    }
}

#[test]
fn what_is_replaced_need_not_be_known() {
    let shape = "/F9 12 Tf <01> Tj";
    let (text, warnings) = texts(marked(shape));
    assert_eq!((text.as_str(), warnings.len()), ("", 1), "{warnings:?}");
    let replaced = format!("/Span <</ActualText (new)>> BDC {shape} EMC");
    assert_eq!(texts(marked(&replaced)), ("new\n".to_owned(), Vec::new()));
    // It is unknown again where nothing replaces it.
    let open = format!("/Span <</ActualText (new)>> BDC {shape}");
    assert_eq!(texts(marked(&open)), (text, warnings));
}

#[test]
fn what_layers_hide_is_not_read() {
    let text = |layer: &str, hidden: &str| {
        let plain = Sample::new("s", 1)
            .content(0, "/OC /A BDC BT /F1 12 Tf 50 700 Td (text) Tj ET EMC")
            .edit(|document, pages| {
                let page = document.get_dictionary_mut(pages[0]).expect("a page");
                let font = dictionary! {
                    "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica",
                };
                page.set(
                    "Resources",
                    dictionary! {
                        "Font" => dictionary! { "F1" => font.clone() },
                        "Properties" => dictionary! { "A" => Cos::Reference((93, 0)) },
                    },
                );
                page.set("Annots", vec![Cos::Reference((90, 0))]);
                let look = dictionary! {
                    "Subtype" => "Form", "BBox" => [0, 0, 99, 20].map(Cos::from).to_vec(),
                    "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
                };
                let drawn = b"BT /F1 12 Tf 0 5 Td (note) Tj ET".to_vec();
                document
                    .objects
                    .insert((94, 0), Stream::new(look, drawn).into());
                document.max_id = 95;
                let root = document.trailer.get(b"Root").and_then(Cos::as_reference);
                let root = document.get_dictionary_mut(root.expect("a catalog"));
                let groups = vec![Cos::Reference((91, 0)), Cos::Reference((92, 0))];
                let off = dictionary! { "OFF" => vec![Cos::Reference((91, 0))] };
                root.expect("it is there").set(
                    "OCProperties",
                    dictionary! {
                        "OCGs" => groups, "D" => off,
                    },
                );
            })
            .bytes();
        let note = format!("<</Subtype/Stamp/Rect[50 50 149 70]/AP<</N 94 0 R>>/OC {hidden}>>");
        let objects = [
            (90, &note[..]),
            (91, "<</Type/OCG/Name(off)>>"),
            (92, "<</Type/OCG/Name(on)>>"),
            (93, layer),
        ];
        texts(sample::with_objects(&plain, &objects)).0
    };
    let not_off = "<</Type/OCMD/OCGs 91 0 R/VE[/Not 91 0 R]>>";
    let not_on = "<</Type/OCMD/OCGs 92 0 R/VE[/Not 92 0 R]>>";
    assert_eq!(text(not_off, "92 0 R"), "text\n\nnote\n");
    assert_eq!(text(not_off, "91 0 R"), "text\n");
    assert_eq!(text(not_on, "92 0 R"), "note\n");
    assert_eq!(text(not_on, "93 0 R"), "");
}
