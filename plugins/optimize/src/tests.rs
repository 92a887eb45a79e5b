//! `optimize` on whole documents.

use std::collections::BTreeSet;

use dropleaf_plugin_sdk::testing::{self, Trial};
use dropleaf_test_support::sample::lopdf::{
    self, Dictionary, Object as Cos, ObjectId, Stream, dictionary,
};
use dropleaf_test_support::sample::{self, Sample};

mod places;

use super::*;
use crate::jpeg::tests::jpeg;

testing::examples!(dropleaf_entry());

fn optimize(parameters: serde_json::Value, document: &[u8]) -> testing::Ran {
    let ran = testing::run::<Optimize>(parameters, &[document]).expect("it optimizes");
    assert_eq!(ran.warnings, Vec::<String>::new());
    ran
}

fn image(
    document: &mut lopdf::Document,
    bytes: Vec<u8>,
    width: i64,
    height: i64,
    extra: Dictionary,
) -> ObjectId {
    let mut dict = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => width, "Height" => height,
        "ColorSpace" => "DeviceRGB", "BitsPerComponent" => 8, "Filter" => "DCTDecode",
    };
    for (key, value) in extra.iter() {
        dict.set(key.clone(), value.clone());
    }
    document.add_object(Stream::new(dict, bytes).with_compression(false))
}

/// One page that draws `images` with the content.
fn with_images(content: &str, images: &[(Vec<u8>, i64, i64, Dictionary)]) -> Vec<u8> {
    Sample::new("s", 1)
        .content(0, content)
        .edit(|document, pages| {
            let mut named = Dictionary::new();
            for (index, (bytes, width, height, extra)) in images.iter().enumerate() {
                let id = image(document, bytes.clone(), *width, *height, extra.clone());
                named.set(format!("I{index}"), id);
            }
            let resources = dictionary! { "XObject" => named };
            document
                .get_dictionary_mut(pages[0])
                .expect("a page")
                .set("Resources", resources);
        })
        .bytes()
}

fn images(pdf: &[u8]) -> Vec<(i64, i64, usize)> {
    let document = sample::open(pdf);
    let mut found: Vec<(i64, i64, usize)> = document
        .objects
        .values()
        .filter_map(|object| object.as_stream().ok())
        .filter(|stream| stream.dict.get(b"Subtype").and_then(Cos::as_name).ok() == Some(b"Image"))
        .map(|stream| {
            let number = |key: &[u8]| stream.dict.get(key).and_then(Cos::as_i64).unwrap_or(0);
            (number(b"Width"), number(b"Height"), stream.content.len())
        })
        .collect();
    found.sort_unstable();
    found
}

const DPI_150: &str = r#"{ "images": { "max_dpi": 150 } }"#;

fn dpi_150() -> serde_json::Value {
    serde_json::from_str(DPI_150).expect("it is JSON")
}

#[test]
fn images_are_made_as_small_as_they_are_drawn() {
    let fine = jpeg(600, 400, 3, 90, true);
    // 144 by 96 points are two inches: 300 dpi.
    let document = with_images(
        "q 144 0 0 96 9 9 cm /I0 Do Q",
        &[(fine.clone(), 600, 400, Dictionary::new())],
    );
    let ran = optimize(dpi_150(), &document);
    let [(width, height, length)] = images(ran.document())[..] else {
        panic!("one image")
    };
    assert_eq!((width, height), (300, 200));
    assert!(length < fine.len() / 2);
    assert_eq!(ran.results["images"], 1);
    assert!(ran.results["bytes_after"].as_u64() < ran.results["bytes_before"].as_u64());
    let again = optimize(dpi_150(), ran.document());
    assert_eq!(
        images(again.document()),
        [(300, 200, length)],
        "a second time changes nothing"
    );
}

#[test]
fn the_largest_use_counts_and_forms_are_followed() {
    let fine = jpeg(600, 400, 3, 75, true);
    let document = Sample::new("s", 2)
        .content(0, "q 72 0 0 48 0 0 cm /I Do Q")
        .content(1, "q 2 0 0 2 0 0 cm /F Do Q")
        .edit(|document, pages| {
            let id = image(document, fine, 600, 400, Dictionary::new());
            let form = dictionary! {
                "Type" => "XObject", "Subtype" => "Form", "BBox" => vec![0.into(), 0.into(), 999.into(), 999.into()],
                "Matrix" => vec![0.into(), 1.into(), (-1).into(), 0.into(), 0.into(), 0.into()],
                "Resources" => dictionary! { "XObject" => dictionary! { "X" => id } },
            };
            let form = document.add_object(Stream::new(form, b"q 60 0 0 40 5 5 cm /X Do Q".to_vec()));
            for (page, name, target) in [(0, "I", id), (1, "F", form)] {
                let resources = dictionary! { "XObject" => dictionary! { name => target } };
                document.get_dictionary_mut(pages[page]).expect("a page").set("Resources", resources);
            }
        })
        .bytes();
    // 120 points wide at most: 250 pixels at 150 dpi.
    let found = images(optimize(dpi_150(), &document).document());
    assert_eq!((found[0].0, found[0].1), (250, 167));
}

#[test]
fn soft_masks_lose_nothing() {
    let fine = || jpeg(600, 400, 1, 95, true);
    let gray = || dictionary! { "ColorSpace" => "DeviceGray" };
    let as_mask = Sample::new("s", 1)
        .content(0, "q 72 0 0 48 0 0 cm /I Do Q")
        .edit(|document, pages| {
            let mask = image(document, fine(), 600, 400, gray());
            let id = image(
                document,
                jpeg(60, 40, 3, 75, true),
                60,
                40,
                dictionary! { "SMask" => mask },
            );
            let resources = dictionary! { "XObject" => dictionary! { "I" => id } };
            document
                .get_dictionary_mut(pages[0])
                .expect("a page")
                .set("Resources", resources);
        })
        .bytes();
    let in_group = Sample::new("s", 1)
        .content(0, "/G gs 0 0 99 99 re f")
        .edit(|document, pages| {
            let mask = image(document, fine(), 600, 400, gray());
            let group = dictionary! {
                "Subtype" => "Form", "Resources" => dictionary! { "XObject" => dictionary! { "I" => mask } },
            };
            let group = document.add_object(Stream::new(group, b"/I Do".to_vec()));
            let state = dictionary! { "SMask" => dictionary! { "S" => "Luminosity", "G" => group } };
            let resources = dictionary! { "ExtGState" => dictionary! { "G" => state } };
            document.get_dictionary_mut(pages[0]).expect("a page").set("Resources", resources);
        })
        .bytes();
    let lossless = with_images("", &[(fine(), 600, 400, gray())]);
    let lossless = images(optimize(json!({}), &lossless).document())[0];
    for document in [as_mask, in_group] {
        let ran = optimize(json!({ "images": { "quality": 50 } }), &document);
        assert_eq!(images(ran.document()).last(), Some(&lossless));
    }
}

#[test]
fn archives_of_the_first_part_get_no_object_streams() {
    for (part, is_packed) in [(1, false), (2, true)] {
        let packet = format!(
            "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
             <r:Description r:about='' xmlns:a='http://www.aiim.org/pdfa/ns/id/' a:part='{part}' a:conformance='B'/></r:RDF>"
        );
        let document = Sample::new("s", 20).xmp(&packet).bytes();
        let ran = optimize(json!({}), &document);
        let text = String::from_utf8_lossy(ran.document()).into_owned();
        assert_eq!(text.contains("/ObjStm"), is_packed, "{part}");
    }
}

#[test]
fn without_images_no_pixel_changes() {
    let fine = jpeg(600, 400, 3, 95, false);
    let document = with_images(
        "q 72 0 0 48 0 0 cm /I0 Do Q",
        &[(fine.clone(), 600, 400, Dictionary::new())],
    );
    let found = images(optimize(json!({}), &document).document());
    assert_eq!((found[0].0, found[0].1), (600, 400));
    assert!(found[0].2 < fine.len(), "better tables are no loss");
}

#[test]
fn masks_mattes_and_odd_colors_are_left_alone() {
    let fine = || jpeg(600, 400, 3, 95, true);
    let odd = [
        dictionary! { "Mask" => vec![0.into(), 9.into(), 0.into(), 9.into(), 0.into(), 9.into()] },
        dictionary! { "Decode" => vec![1.into(), 0.into(), 1.into(), 0.into(), 1.into(), 0.into()] },
        dictionary! { "ColorSpace" => "DeviceGray" },
        dictionary! { "ColorSpace" => vec![Cos::from("Indexed"), "DeviceRGB".into(), 1.into(), Cos::string_literal("abcdef")] },
        dictionary! { "DecodeParms" => dictionary! { "ColorTransform" => 0 } },
        dictionary! { "Width" => 599 },
    ];
    for extra in odd {
        let document = with_images(
            "q 72 0 0 48 0 0 cm /I0 Do Q",
            &[(fine(), 600, 400, extra.clone())],
        );
        let found = images(optimize(dpi_150(), &document).document());
        assert_eq!(found[0].2, fine().len(), "{extra:?}");
    }
}

#[test]
fn equal_streams_are_stored_once() {
    let picture = jpeg(64, 64, 3, 75, true);
    let same = (picture, 64, 64, Dictionary::new());
    let document = with_images("/I0 Do /I1 Do /I2 Do", &[same.clone(), same.clone(), same]);
    let ran = optimize(json!({}), &document);
    assert_eq!(images(ran.document()).len(), 1);
    assert_eq!(ran.results["duplicates"], 2);
    let opened = sample::open(ran.document());
    let page = opened
        .get_dictionary(opened.get_pages()[&1])
        .expect("a page");
    let named = page
        .get(b"Resources")
        .and_then(Cos::as_dict)
        .and_then(|r| r.get(b"XObject"))
        .and_then(Cos::as_dict);
    let targets: BTreeSet<ObjectId> = named
        .expect("its objects")
        .iter()
        .filter_map(|(_, value)| value.as_reference().ok())
        .collect();
    assert_eq!(targets.len(), 1);
    let kept = optimize(json!({ "deduplicate": false }), &document);
    assert_eq!(images(kept.document()).len(), 3);
}

#[test]
fn appearances_stay_apart() {
    let document = Sample::new("s", 1)
        .edit(|document, pages| {
            let mut annotations = Vec::new();
            for _ in 0..2 {
                let form = dictionary! { "Subtype" => "Form", "BBox" => vec![0.into(), 0.into(), 9.into(), 9.into()] };
                let form = document.add_object(Stream::new(form, b"0 0 9 9 re f 1 1 8 8 re f".to_vec()));
                let states = document.add_object(dictionary! { "On" => form });
                annotations.push(Cos::from(document.add_object(dictionary! {
                    "Type" => "Annot", "Subtype" => "Widget", "AP" => dictionary! { "N" => states }, "AS" => "On",
                    "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()],
                })));
            }
            document.get_dictionary_mut(pages[0]).expect("a page").set("Annots", annotations);
        })
        .bytes();
    assert_eq!(optimize(json!({}), &document).results["duplicates"], 0);
}

#[test]
fn what_nothing_refers_to_is_dropped() {
    let document = Sample::new("s", 2)
        .edit(|document, _| {
            for number in 0..5 {
                document.add_object(dictionary! { "Lost" => number });
            }
        })
        .bytes();
    let ran = optimize(json!({}), &document);
    assert_eq!(ran.results["unreferenced"], 5);
    assert_eq!(sample::texts(ran.document()), sample::texts(&document));
}

#[test]
fn streams_are_compressed_and_say_the_same() {
    let long: String = (0..500)
        .map(|n| format!("BT /F1 9 Tf 9 {n} Td (line {n}) Tj ET\n"))
        .collect();
    let hex: String = long
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        + ">";
    let document = Sample::new("s", 2)
        .content(0, &long)
        .edit(|document, pages| {
            let dict = dictionary! { "Filter" => vec!["ASCIIHexDecode".into()] };
            let stream =
                document.add_object(Stream::new(dict, hex.into_bytes()).with_compression(false));
            document
                .get_dictionary_mut(pages[1])
                .expect("a page")
                .set("Contents", stream);
        })
        .bytes();
    let ran = optimize(json!({}), &document);
    assert!(
        ran.document().len() < document.len() / 8,
        "{} of {}",
        ran.document().len(),
        document.len()
    );
    let content = |pdf: &[u8], page: u32| {
        let opened = sample::open(pdf);
        opened.get_page_content(opened.get_pages()[&page])
    };
    assert_eq!(
        content(ran.document(), 1).trim_ascii_end(),
        long.trim_end().as_bytes()
    );
    assert_eq!(
        content(ran.document(), 2).trim_ascii_end(),
        long.trim_end().as_bytes()
    );
}

#[test]
fn a_second_time_gains_nothing() {
    let once = optimize(json!({}), &sample::pdf(20));
    let twice = optimize(json!({}), once.document());
    assert_eq!(twice.results["streams"], 0);
    assert_eq!(twice.results["bytes_before"], twice.results["bytes_after"]);
}

#[test]
fn a_document_with_nothing_to_gain_never_grows() {
    let once = optimize(json!({}), &sample::pdf(20));
    let twice = optimize(json!({}), once.document());
    assert!(twice.document().len() <= once.document().len());
    assert_eq!(
        sample::texts(twice.document()),
        sample::texts(once.document())
    );
    assert_eq!(once.saves, 1);
}

#[test]
fn a_cancelled_run_leaves_nothing() {
    let failed = Trial::of::<Optimize>(json!({}))
        .cancel_after(2)
        .run(&[sample::pdf(30)])
        .expect_err("cancelled");
    assert_eq!(failed.status, dropleaf_plugin_sdk::abi::E_CANCELLED);
}
