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

/// The reader would make room for one of them.
#[test]
fn rows_beyond_all_measure_are_not_read() {
    let document = Sample::new("rows", 2)
        .edit(|document, pages| {
            let parameters = dictionary! {
                "Predictor" => 12, "Columns" => 4_294_967_296_i64, "Colors" => 255,
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
