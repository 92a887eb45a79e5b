//! `render-pages` on whole documents.

use dropleaf_plugin_sdk::testing::{self, Trial};
use dropleaf_test_support::sample::lopdf::{Object as Cos, Stream, dictionary};
use dropleaf_test_support::sample::{self, Sample};

use super::*;

testing::examples!(dropleaf_entry());

fn render(parameters: serde_json::Value, document: Vec<u8>) -> testing::Ran {
    Trial::of::<RenderPages>(parameters)
        .value("input.stem", "scan 7")
        .run(&[document])
        .expect("it draws")
}

/// Width, height and the bytes of all pixels of a PNG.
fn read(png: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    (info.width, info.height, pixels)
}

/// The part of all bytes that are darker than half.
fn darkness(pixels: &[u8]) -> f64 {
    pixels.iter().filter(|value| **value < 128).count() as f64 / pixels.len() as f64
}

#[test]
fn odd_and_long_names_of_files_make_names_of_pictures() {
    for stem in ["esc\u{1b}[31mred".to_owned(), "x".repeat(251)] {
        let ran = Trial::of::<RenderPages>(json!({}))
            .value("input.stem", stem)
            .run(&[sample::pdf(1)])
            .expect("it draws");
        let name = &ran.artifacts[0].name;
        assert!(name.ends_with("-page-001.png"), "{name:?}");
    }
}

#[test]
fn each_page_becomes_a_picture_beside_the_document() {
    let ran = render(json!({}), sample::pdf(3));
    let names: Vec<&str> = ran.artifacts.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "scan 7-page-001.png",
            "scan 7-page-002.png",
            "scan 7-page-003.png"
        ]
    );
    for artifact in &ran.artifacts {
        assert_eq!(artifact.mime, "image/png");
        let (width, height, pixels) = read(&artifact.bytes);
        assert_eq!((width, height), (1240, 1754), "A4 at 150 dots an inch");
        let darkness = darkness(&pixels);
        assert!(
            darkness > 0.0001 && darkness < 0.1,
            "a line of text, not {darkness}"
        );
    }
    assert_eq!(ran.results["pictures"], 3);
    assert_eq!(ran.progress, [(1, 3), (2, 3), (3, 3)]);
    assert_eq!(ran.warnings, Vec::<String>::new());
    assert_eq!(
        sample::texts(ran.document()),
        sample::texts(&sample::pdf(3))
    );
}

#[test]
fn pages_and_sizes_are_those_asked_for() {
    let ran = render(json!({ "pages": "2,-1", "width": 100 }), sample::pdf(12));
    assert_eq!(ran.artifacts.len(), 2);
    assert_eq!(ran.artifacts[1].name, "scan 7-page-012.png");
    let (width, height, _) = read(&ran.artifacts[0].bytes);
    assert_eq!((width, height), (100, 142));
    let turned = Sample::new("s", 1).rotation(0, 90).bytes();
    let ran = render(json!({ "width": 1000, "height": 100 }), turned);
    let (width, height, _) = read(&ran.artifacts[0].bytes);
    assert_eq!((width, height), (142, 100));
}

#[test]
fn what_is_drawn_stands_where_the_reader_sees_it() {
    // The upper left quarter of the page as it is turned.
    let quarter = Sample::new("s", 1)
        .page_box(0, "MediaBox", [0.0, 0.0, 200.0, 100.0])
        .rotation(0, 90)
        .content(0, "0.8 0 0 rg 0 0 100 50 re f")
        .bytes();
    let ran = render(json!({ "dpi": 72 }), quarter);
    let (width, height, pixels) = read(&ran.artifacts[0].bytes);
    assert_eq!((width, height), (100, 200));
    let at = |x: usize, y: usize| &pixels[(y * 100 + x) * 3..][..3];
    assert_eq!(at(25, 50), [204, 0, 0]);
    for (x, y) in [(75, 50), (25, 150), (75, 150)] {
        assert_eq!(at(x, y), [255, 255, 255], "{x} {y}");
    }
}

#[test]
fn jpeg_is_there_too() {
    let ran = render(json!({ "format": "jpeg", "dpi": 72 }), sample::pdf(1));
    assert_eq!(ran.artifacts[0].name, "scan 7-page-001.jpg");
    assert_eq!(ran.artifacts[0].mime, "image/jpeg");
    assert!(ran.artifacts[0].bytes.starts_with(&[0xff, 0xd8, 0xff]));
    assert!(ran.artifacts[0].bytes.ends_with(&[0xff, 0xd9]));
}

#[test]
fn a_page_as_long_as_a_street_gets_a_picture_of_bearable_size() {
    let street = Sample::new("s", 1)
        .page_box(0, "MediaBox", [0.0, 0.0, 1_000_000.0, 500.0])
        .bytes();
    let ran = render(json!({ "dpi": 300 }), street);
    let (width, height, _) = read(&ran.artifacts[0].bytes);
    assert_eq!((width, height), (32_000, 16));
    assert_eq!(
        ran.warnings,
        ["page 1 is drawn with 32000 by 16 pixels: more would be too many"]
    );
}

#[test]
fn an_encrypted_document_is_drawn_once_it_is_open() {
    let secret = Sample::new("secret", 2).encrypted("user", "owner").bytes();
    let ran = Trial::of::<RenderPages>(json!({ "width": 400 }))
        .password("user")
        .run(&[secret])
        .expect("it draws");
    assert_eq!(ran.artifacts[1].name, "document-page-002.png");
    assert!(darkness(&read(&ran.artifacts[1].bytes).2) > 0.0001);
}

#[test]
fn what_was_changed_before_is_drawn() {
    let drawn = |content: &str| {
        let sample = Sample::new("s", 1).content(0, content).bytes();
        let ran = render(json!({ "dpi": 36 }), sample);
        read(&ran.artifacts[0].bytes).2
    };
    assert_eq!(darkness(&drawn("")), 0.0);
    assert!(darkness(&drawn("0 0 2000 2000 re f")) > 0.99);
}

#[test]
fn sizes_that_contradict_each_other_are_refused() {
    let failed = Trial::of::<RenderPages>(json!({ "dpi": 72, "width": 100 }))
        .run(&[sample::pdf(1)])
        .expect_err("refused");
    assert!(failed.to_string().contains("leave out `dpi`"), "{failed}");
}

#[test]
fn a_cancelled_run_stops_between_pages() {
    let failed = Trial::of::<RenderPages>(json!({ "dpi": 36 }))
        .cancel_after(2)
        .run(&[sample::pdf(5)])
        .expect_err("cancelled");
    assert_eq!(failed.status, dropleaf_plugin_sdk::abi::E_CANCELLED);
    assert_eq!(failed.progress.len(), 2);
}

/// Its cells are four thousand million points wide, one every ten points: each of them would be drawn.
#[test]
fn a_pattern_without_end_is_cut() {
    let pattern = |bbox: [f32; 4]| {
        Sample::new("tiles", 1)
            .content(0, "/Pattern cs /P0 scn 100 100 300 300 re f")
            .edit(move |document, pages| {
                let tile = dictionary! {
                    "Type" => "Pattern", "PatternType" => 1, "PaintType" => 1, "TilingType" => 1,
                    "BBox" => bbox.map(Cos::Real).to_vec(), "XStep" => 10, "YStep" => -10,
                    "Resources" => dictionary! {},
                };
                let tile = document.add_object(Stream::new(tile, b"0 0 5 5 re f".to_vec()));
                let patterns = dictionary! { "Pattern" => dictionary! { "P0" => tile } };
                let page = document.get_dictionary_mut(pages[0]).expect("a page");
                page.set("Resources", patterns);
            })
            .bytes()
    };
    let drawn = |bbox| {
        let ran = render(json!({ "dpi": 36 }), pattern(bbox));
        let (_, _, pixels) = read(&ran.artifacts[0].bytes);
        (darkness(&pixels), ran.warnings)
    };
    let (plain, warnings) = drawn([0.0, 0.0, 10.0, 10.0]);
    assert_eq!(warnings, Vec::<String>::new());
    let (wide, warnings) = drawn([4_294_967_295.0, 0.0, 0.0, -4_294_967_295.0]);
    assert!(warnings[0].contains("is drawn in part"), "{warnings:?}");
    assert!(plain > 0.02, "{plain}");
    assert!(wide < 1.0, "{wide}");
}

#[test]
fn a_content_that_a_page_names_again_and_again_is_drawn_so_often_and_no_more() {
    let named = |times: usize| {
        let document = Sample::new("again", 1)
            .content(0, "0 0 300 300 re f")
            .edit(move |document, pages| {
                let page = document.get_dictionary_mut(pages[0]).expect("a page");
                let content = page.get(b"Contents").expect("a content").clone();
                page.set("Contents", vec![content; times]);
            })
            .bytes();
        let ran = render(json!({ "dpi": 36 }), document);
        let (_, _, pixels) = read(&ran.artifacts[0].bytes);
        (darkness(&pixels), ran.warnings)
    };
    let (often, warnings) = named(64);
    assert_eq!(warnings, Vec::<String>::new());
    let (too_often, warnings) = named(20_000);
    assert_eq!(too_often, often);
    assert!(warnings[0].contains("again and again"), "{warnings:?}");
}

#[test]
fn glyphs_that_show_text_in_their_own_font_are_drawn_without_that() {
    let drawn_with = |glyph: &str, own: Option<Cos>| {
        let glyph = Stream::new(dictionary! {}, glyph.as_bytes().to_vec());
        let document = Sample::new("glyphs", 1)
            .content(0, "BT /T 100 Tf 100 100 Td (aa) Tj ET")
            .edit(move |document, pages| {
                let mut font = dictionary! {
                    "Type" => "Font", "Subtype" => "Type3",
                    "FontBBox" => vec![Cos::from(0), 0.into(), 1.into(), 1.into()],
                    "FontMatrix" => vec![Cos::from(1), 0.into(), 0.into(), 1.into(), 0.into(), 0.into()],
                    "FirstChar" => 97, "LastChar" => 97, "Widths" => vec![Cos::from(1)],
                    "Encoding" => dictionary! { "Differences" => vec![Cos::from(97), "a".into()] },
                    "CharProcs" => dictionary! { "a" => document.add_object(glyph) },
                };
                if let Some(own) = own {
                    font.set("Resources", own);
                }
                let font = document.add_object(font);
                let plain = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" };
                let resources = dictionary! {
                    "Font" => dictionary! { "T" => font, "H" => plain },
                    "ExtGState" => dictionary! {
                        "T" => dictionary! { "Font" => vec![Cos::from(font), 1.into()] },
                        "W" => dictionary! { "LW" => 0.5 },
                    },
                };
                let page = document.get_dictionary_mut(pages[0]).expect("a page");
                page.set("Resources", resources);
            })
            .bytes();
        let ran = render(json!({ "dpi": 36 }), document);
        let (_, _, pixels) = read(&ran.artifacts[0].bytes);
        (darkness(&pixels), ran.warnings)
    };
    let drawn = |glyph: &str| drawn_with(glyph, None);
    let square = "1 0 d0 0 0 .5 .5 re f ";
    let (plain, warnings) = drawn(square);
    assert_eq!(warnings, Vec::<String>::new());
    for again in ["BT /T 1 Tf (a) Tj ET", "/T gs BT (a) Tj ET"] {
        let (again, warnings) = drawn(&format!("{square}{again}"));
        assert!(again < plain * 1.5, "{again}, {plain}");
        assert!(
            warnings[0].contains("whose glyphs show text"),
            "{warnings:?}"
        );
    }
    // What is in the place of its resources and is none.
    for own in [Cos::Null, 7.into()] {
        let again = format!("{square}BT /T 1 Tf (a) Tj ET");
        let (again, warnings) = drawn_with(&again, Some(own));
        assert!(again < plain * 1.5, "{again}, {plain}");
        assert!(
            warnings[0].contains("whose glyphs show text"),
            "{warnings:?}"
        );
    }
    // Text in other fonts and all else that it takes from the page stay.
    let line = "0 .8 m 1 .8 l S";
    let (wide, _) = drawn(&format!("{square}/W gs {line}"));
    let (thin, _) = drawn(&format!("{square}.01 w {line}"));
    assert!(wide > thin * 1.1, "{wide}, {thin}");
    let (text, _) = drawn(&format!("{square}BT .5 .5 Td /H .5 Tf (M) Tj ET"));
    assert!(text > plain * 1.05, "{text}, {plain}");
}

/// A page of 200 by 200 points with `content` and one annotation with the keys `annotation`, black from (50, 50) to (100, 70).
/// The layer `P /A` is a membership with the keys `membership`; of the groups 1 and 2 the first is hidden.
fn layered(content: &str, annotation: &str, membership: &str, page_keys: &str) -> Vec<u8> {
    let plain = Sample::new("s", 1).content(0, content).bytes();
    let before = sample::open(&plain);
    let root = before.trailer.get(b"Root").and_then(Cos::as_reference);
    let root = root.expect("a catalog").0;
    let (page, _) = before.get_pages()[&1];
    let old = before.get_dictionary((page, 0)).expect("a page");
    let reference = |key: &[u8]| old.get(key).and_then(Cos::as_reference).expect("one").0;
    let (parent, contents) = (reference(b"Parent"), reference(b"Contents"));
    let objects = [
        (
            root,
            format!(
                "<</Type/Catalog/Pages {parent} 0 R/OCProperties<</OCGs[91 0 R 92 0 R]/D<</OFF[91 0 R]>>>>>>"
            ),
        ),
        (
            page,
            format!(
                "<</Type/Page/Parent {parent} 0 R/MediaBox[0 0 200 200]/Contents {contents} 0 R/Annots[90 0 R]\
                 /Resources<</Properties<</A 93 0 R>>>>{page_keys}>>"
            ),
        ),
        (
            90,
            format!(
                "<</Type/Annot/Subtype/Stamp/Rect[50 50 100 70]/AP<</N 94 0 R>>{annotation}>>"
            ),
        ),
        (91, "<</Type/OCG/Name(off)>>".to_owned()),
        (92, "<</Type/OCG/Name(on)>>".to_owned()),
        (93, format!("<</Type/OCMD{membership}>>")),
        (
            94,
            "<</Type/XObject/Subtype/Form/BBox[0 0 10 10]/Length 17>>stream\n0 0 99 99 re f   \nendstream"
                .to_owned(),
        ),
    ];
    let objects: Vec<(u32, &str)> = objects.iter().map(|(id, text)| (*id, &text[..])).collect();
    sample::with_objects(&plain, &objects)
}

/// The black pixels of a picture at 72 dots an inch: left, top, right and bottom edge; `None` if there are none.
fn black(document: Vec<u8>) -> Option<[u32; 4]> {
    let ran = render(json!({ "dpi": 72 }), document);
    assert_eq!(ran.warnings, Vec::<String>::new());
    let (width, _, pixels) = read(&ran.artifacts[0].bytes);
    let black = (0..).zip(&pixels).filter(|(_, value)| **value < 128);
    let places = black.map(|(at, _): (u32, _)| (at % width, at / width));
    places.fold(None, |edges, (x, y)| {
        let [left, top, right, bottom] = edges.unwrap_or([x, y, x + 1, y + 1]);
        Some([left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)])
    })
}

#[test]
fn annotations_of_hidden_layers_are_not_drawn() {
    let drawn = |keys: &str, membership: &str| black(layered("", keys, membership, ""));
    let place = Some([50, 130, 100, 150]);
    assert_eq!(drawn("", ""), place);
    assert_eq!(drawn("/OC 92 0 R", ""), place);
    assert_eq!(drawn("/OC 91 0 R", ""), None);
    assert_eq!(drawn("/F 4/OC 91 0 R", ""), None);
    for (membership, expected) in [
        ("/OCGs[91 0 R 92 0 R]", place),
        ("/OCGs[91 0 R 92 0 R]/P/AllOn", None),
        ("/OCGs[91 0 R 92 0 R]/P/AnyOff", place),
        ("/OCGs 92 0 R/P/AllOff", None),
        ("/OCGs[]", place),
        ("/OCGs 92 0 R/VE[/Not 92 0 R]", None),
        ("/OCGs 91 0 R/VE[/Not 91 0 R]", place),
    ] {
        assert_eq!(drawn("/OC 93 0 R", membership), expected, "{membership}");
    }
}

#[test]
fn visibility_expressions_come_before_the_groups() {
    let all = Some([0, 0, 200, 200]);
    for (membership, expected) in [
        ("/OCGs 91 0 R/VE[/Not 91 0 R]", all),
        ("/VE[/Not 92 0 R]", None),
        ("/OCGs 91 0 R/VE[/Or 91 0 R 92 0 R]", all),
        ("/OCGs 92 0 R/VE[/And 91 0 R 92 0 R]", None),
        ("/OCGs 92 0 R/P/AllOff/VE[/And 92 0 R]", all),
        ("/VE[/And[/Not 91 0 R][/Or 91 0 R[/Not 91 0 R]]]", all),
        // What is no expression has no say.
        ("/OCGs 91 0 R/VE[/Xor 91 0 R 92 0 R]", None),
        ("/OCGs 91 0 R/VE[/And]", None),
        ("/OCGs 92 0 R/VE[/Not 92 0 R 91 0 R]", all),
    ] {
        let content = "/OC /A BDC 0 0 200 200 re f EMC";
        let document = layered(content, "/F 2", membership, "");
        assert_eq!(black(document), expected, "{membership}");
    }
    // Marked content with another tag is no layer.
    let content = "/Foo /A BDC 0 0 200 200 re f EMC";
    let document = layered(content, "/F 2", "/OCGs 91 0 R", "");
    assert_eq!(black(document), all);
    // However deep, and if it leads back to itself.
    let deep = format!("/OCGs 91 0 R/VE{}{}", "[/Not".repeat(99), "]".repeat(99));
    let round = "/OCGs 91 0 R/VE[/Or 92 0 R 95 0 R]".to_owned();
    for membership in [deep, round] {
        let document = layered("/OC /A BDC 0 0 200 200 re f EMC", "/F 2", &membership, "");
        let document = sample::with_objects(&document, &[(95, "[/And 95 0 R 95 0 R 92 0 R]")]);
        assert_eq!(black(document), None, "{membership}");
    }
}

#[test]
fn boxes_that_leave_nothing_are_taken_as_viewers_take_them() {
    let size = |edit: &dyn Fn(&mut dropleaf_test_support::sample::lopdf::Dictionary)| {
        let document = Sample::new("s", 1)
            .content(0, "0 0 50 50 re f")
            .edit(|document, pages| {
                let page = document.get_dictionary(pages[0]).expect("a page");
                let parent = page.get(b"Parent").and_then(Cos::as_reference);
                let parent = document.get_dictionary_mut(parent.expect("it has one"));
                parent.expect("a node").remove(b"MediaBox");
                edit(document.get_dictionary_mut(pages[0]).expect("a page"));
            })
            .bytes();
        let ran = render(json!({ "dpi": 72 }), document);
        let (width, height, pixels) = read(&ran.artifacts[0].bytes);
        let is_drawn = pixels[(height as usize - 1) * width as usize] < 128;
        (width, height, is_drawn)
    };
    let corners = |all: [i64; 4]| all.map(Cos::from).to_vec();
    for crop in [
        [0, 0, 0, 0],
        [10, 10, 10, 10],
        [0, 0, 0, 400],
        [500, 500, 600, 600],
    ] {
        let found = size(&|page| {
            page.set("MediaBox", corners([0, 0, 300, 400]));
            page.set("CropBox", corners(crop));
        });
        assert_eq!(found, (300, 400, true), "{crop:?}");
    }
    let without = size(&|page| {
        page.remove(b"MediaBox");
    });
    assert_eq!(without, (612, 792, true), "US letter");
    let cropped = size(&|page| {
        page.set("MediaBox", corners([0, 0, 0, 0]));
        page.set("CropBox", corners([0, 0, 700, 100]));
    });
    assert_eq!(cropped, (612, 100, true));
}

#[test]
fn annotations_that_do_not_turn_with_their_page_stand_upright() {
    let drawn = |flags: u32, rotate: u32| {
        let keys = format!("/F {flags}");
        black(layered("", &keys, "", &format!("/Rotate {rotate}")))
    };
    assert_eq!(drawn(0, 90), Some([50, 50, 70, 100]));
    // The upper left corner, (50, 70), stays where it is.
    assert_eq!(drawn(16, 0), Some([50, 130, 100, 150]));
    assert_eq!(drawn(16, 90), Some([70, 50, 120, 70]));
    assert_eq!(drawn(16, 180), Some([150, 70, 200, 90]));
    assert_eq!(drawn(16, 270), Some([130, 150, 180, 170]));
}
