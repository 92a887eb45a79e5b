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
