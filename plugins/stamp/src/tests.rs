//! `stamp-text` on whole documents.

use std::collections::BTreeSet;

use dropleaf_plugin_sdk::prelude::*;
use dropleaf_plugin_sdk::testing::{self, Trial};
use dropleaf_test_support::sample::lopdf::{Dictionary, Object, ObjectId, Stream, dictionary};
use dropleaf_test_support::sample::{self, Sample};

use crate::StampText;

testing::examples!(crate::dropleaf_entry());

fn stamp(parameters: serde_json::Value, document: Vec<u8>) -> Vec<u8> {
    let plain = Trial::on_plain_host::<StampText>(parameters.clone());
    let plain = plain.run(&[&document]).expect("it stamps");
    let ran = testing::run::<StampText>(parameters, &[document]).expect("it stamps");
    assert_eq!(ran.warnings, Vec::<String>::new());
    assert!(
        ran.documents == plain.documents,
        "no other document where the host lacks what it may lack"
    );
    ran.documents.into_iter().next().expect("one document")
}

/// The content of each page, its streams joined.
fn contents(pdf: &[u8]) -> Vec<String> {
    let document = sample::open(pdf);
    let content = |page| String::from_utf8_lossy(&document.get_page_content(page)).into_owned();
    document.get_pages().into_values().map(content).collect()
}

/// The matrix that the stamp of each page is drawn with.
fn matrices(pdf: &[u8]) -> Vec<Vec<f64>> {
    contents(pdf)
        .iter()
        .map(|content| {
            let stamp = &content[content.rfind("/Artifact BMC").expect("a stamp")..];
            let numbers = stamp.lines().nth(1).expect("a matrix");
            numbers
                .trim_start_matches("q ")
                .trim_end_matches(" cm")
                .split(' ')
                .map(|number| number.parse().expect("a number"))
                .collect()
        })
        .collect()
}

fn objects_of_type(pdf: &[u8], key: &str, value: &str) -> usize {
    let document = sample::open(pdf);
    let is = |dict: &Dictionary| {
        dict.get(key.as_bytes()).and_then(Object::as_name).ok() == Some(value.as_bytes())
    };
    document
        .objects
        .values()
        .filter(|object| match object {
            Object::Dictionary(dict) => is(dict),
            Object::Stream(stream) => is(&stream.dict),
            _ => false,
        })
        .count()
}

#[test]
fn one_text_is_one_form_and_one_font_whatever_the_pages() {
    let stamped = stamp(json!({ "text": "DRAFT" }), sample::pdf(50));
    assert_eq!(objects_of_type(&stamped, "Subtype", "Form"), 1);
    assert_eq!(objects_of_type(&stamped, "Subtype", "Type0"), 1);
    let document = sample::open(&stamped);
    let tails: BTreeSet<ObjectId> = document
        .get_pages()
        .into_values()
        .filter_map(|page| document.get_page_contents(page).last().copied())
        .collect();
    assert_eq!(
        tails.len(),
        1,
        "equal pages share the content that draws the stamp"
    );
    assert!(sample::texts(&stamped)[49].starts_with("sample page 50 of 50"));
}

#[test]
fn page_numbers_share_one_font_and_one_set_of_resources() {
    let stamped = stamp(
        json!({ "text": "Page {{ page }} of {{pages}}", "opacity": 0.5 }),
        sample::pdf(30),
    );
    assert_eq!(objects_of_type(&stamped, "Subtype", "Form"), 0);
    assert_eq!(objects_of_type(&stamped, "Subtype", "Type0"), 1);
    let document = sample::open(&stamped);
    let resources: BTreeSet<String> = document
        .get_pages()
        .into_values()
        .map(|page| {
            let page = document.get_dictionary(page).expect("a page");
            format!("{:?}", page.get(b"Resources").expect("its resources"))
        })
        .collect();
    assert_eq!(resources.len(), 1);
    assert!(stamped.len() < 60_000, "{}", stamped.len());
}

#[test]
fn stamps_stand_upright_on_rotated_pages_and_in_odd_boxes() {
    let document = Sample::new("odd", 5)
        .inherited_rotation(90)
        .rotation(1, 180)
        .rotation(2, 0)
        .page_box(2, "MediaBox", [-100.0, -200.0, 200.0, 300.0])
        .rotation(3, 270)
        .rotation(4, 0)
        .page_box(4, "CropBox", [100.0, 100.0, 300.0, 900.0])
        .bytes();
    let stamped = stamp(
        json!({ "text": "x", "position": "bottom-left", "margin": 10, "size": 20 }),
        document,
    );
    let found: Vec<[f64; 6]> = matrices(&stamped)
        .into_iter()
        .map(|m| m.try_into().expect("six numbers"))
        .collect();
    assert_eq!(found[0], [0.0, 1.0, -1.0, 0.0, 585.0, 10.0]);
    assert_eq!(found[1], [-1.0, 0.0, 0.0, -1.0, 585.0, 832.0]);
    assert_eq!(found[2], [1.0, 0.0, 0.0, 1.0, -90.0, -190.0]);
    assert_eq!(found[3], [0.0, -1.0, 1.0, 0.0, 10.0, 832.0]);
    assert_eq!(found[4], [1.0, 0.0, 0.0, 1.0, 110.0, 110.0]);
}

#[test]
fn what_a_page_leaves_open_does_not_move_the_stamp() {
    let document = Sample::new("open", 4)
        .content(0, "q 5 0 0 5 9 9 cm q BT /F1 9 Tf (a) Tj")
        .content(1, "2 0 0 2 7 7 cm Q Q 1 0 0 rg q")
        .content(2, "/Span BMC (never closed")
        .content(3, "")
        .bytes();
    let stamped = contents(&stamp(json!({ "text": "x" }), document));
    assert!(
        stamped[0].contains("(a) Tj\n\nET\nQ\nQ\nQ\n/Artifact BMC\nq "),
        "{}",
        stamped[0]
    );
    assert!(
        stamped[1].starts_with("q\n\n2 0 0 2 7 7 cm     1 0 0 rg q\n"),
        "{}",
        stamped[1]
    );
    assert!(
        stamped[1].contains("\nQ\nQ\n/Artifact BMC"),
        "{}",
        stamped[1]
    );
    assert!(
        stamped[2].contains("(never closed\n\n)\nEMC\nQ\n/Artifact BMC"),
        "{}",
        stamped[2]
    );
    assert!(
        stamped[3].trim_end().ends_with("/Stamp Do\nQ\nEMC"),
        "{}",
        stamped[3]
    );
}

#[test]
fn contents_may_be_a_list_missing_or_shared() {
    let document = Sample::new("shared", 4)
        .edit(|document, pages| {
            let shared = document.add_object(Stream::new(Dictionary::new(), b"q".to_vec()));
            let second = document.add_object(Stream::new(Dictionary::new(), b"0 g".to_vec()));
            let list = document.add_object(Object::Array(vec![shared.into(), second.into()]));
            let mut set = |page: usize, contents: Object| {
                document
                    .get_dictionary_mut(pages[page])
                    .expect("a page")
                    .set("Contents", contents);
            };
            set(0, shared.into());
            set(1, list.into());
            set(
                2,
                Object::Array(vec![shared.into(), Object::Null, second.into()]),
            );
            document
                .get_dictionary_mut(pages[3])
                .expect("a page")
                .remove(b"Contents");
        })
        .bytes();
    let stamped = contents(&stamp(json!({ "text": "x", "pages": "2-" }), document));
    assert_eq!(
        stamped[0].trim(),
        "q",
        "a page that was not asked for stays as it is"
    );
    for content in &stamped[1..3] {
        let words: Vec<&str> = content.split_whitespace().collect();
        assert_eq!(
            words[..7],
            ["q", "q", "0", "g", "Q", "Q", "/Artifact"],
            "{content}"
        );
    }
    assert!(stamped[3].contains("/Stamp Do"));
}

#[test]
fn resources_of_other_pages_are_not_touched() {
    let document = Sample::new("shared", 3)
        .edit(|document, pages| {
            let form = dictionary! { "Type" => "XObject", "Subtype" => "Form", "BBox" => vec![0.into(); 4] };
            let form = document.add_object(Stream::new(form, Vec::new()));
            let objects = document.add_object(dictionary! { "Stamp" => form, "Stamp2" => form });
            let resources = document.add_object(dictionary! { "XObject" => objects });
            for page in &pages[..2] {
                document.get_dictionary_mut(*page).expect("a page").set("Resources", resources);
            }
        })
        .bytes();
    let before = sample::open(&document);
    let stamped = stamp(json!({ "text": "x", "pages": 2 }), document.clone());
    let after = sample::open(&stamped);
    let page = |document: &dropleaf_test_support::sample::lopdf::Document, index: u32| {
        let id = document.get_pages()[&index];
        let page = document.get_dictionary(id).expect("a page").clone();
        let resources = document
            .dereference(page.get(b"Resources").ok()?)
            .ok()?
            .1
            .as_dict()
            .ok()?
            .clone();
        let objects = document
            .dereference(resources.get(b"XObject").ok()?)
            .ok()?
            .1
            .as_dict()
            .ok()?
            .clone();
        Some(objects)
    };
    assert_eq!(page(&before, 1), page(&after, 1));
    let second = page(&after, 2).expect("its objects");
    assert_eq!(second.len(), 3);
    assert!(second.has(b"Stamp3"), "a free name is taken");
    assert!(page(&after, 3).is_none());
}

#[test]
fn stamps_add_up() {
    let once = stamp(
        json!({ "text": "one", "position": "top-left" }),
        sample::pdf(2),
    );
    let twice = stamp(
        json!({ "text": "two {{ page }}", "position": "top-right" }),
        once,
    );
    assert_eq!(objects_of_type(&twice, "Subtype", "Type0"), 2);
    assert_eq!(contents(&twice)[1].matches("/Artifact BMC").count(), 2);
}

#[test]
fn bad_parameters_are_named() {
    let refused = |parameters: serde_json::Value| {
        let failed = testing::run::<StampText>(parameters, &[sample::pdf(1)]).expect_err("refused");
        assert_eq!(
            failed.status,
            dropleaf_plugin_sdk::abi::E_PARAMETERS,
            "{failed}"
        );
        failed.message
    };
    assert!(refused(json!({ "text": "漢" })).contains("`漢` (U+6F22)"));
    assert!(refused(json!({ "text": "" })).contains("`text` is empty"));
    assert!(
        refused(json!({ "text": "x", "color": "crimson" })).contains("`crimson` is not a colour")
    );
    assert!(refused(json!({ "text": "x", "colour": "red" })).contains("colour"));
}

#[test]
fn pages_that_are_not_there_are_the_documents_fault() {
    let failed = testing::run::<StampText>(json!({ "text": "x", "pages": "5" }), &[sample::pdf(2)])
        .expect_err("refused");
    assert_eq!(failed.status, dropleaf_plugin_sdk::abi::E_REJECTED);
}

#[test]
fn a_cancelled_stamp_leaves_nothing() {
    let failed = Trial::of::<StampText>(json!({ "text": "{{ page }}" }))
        .cancel_after(3)
        .run(&[sample::pdf(10)])
        .expect_err("cancelled");
    assert_eq!(failed.status, dropleaf_plugin_sdk::abi::E_CANCELLED);
    assert!(failed.undone > 0 && failed.progress.len() <= 4);
}

#[test]
fn progress_goes_page_by_page() {
    let ran = testing::run::<StampText>(json!({ "text": "x", "pages": "odd" }), &[sample::pdf(6)])
        .expect("it stamps");
    assert_eq!(ran.progress, [(1, 3), (2, 3), (3, 3)]);
    assert_eq!((ran.parses, ran.saves), (1, 1));
}

#[test]
fn a_stamp_that_shines_through_is_none_for_the_oldest_archives() {
    let claims = |part: u8, opacity: f64| {
        let packet = format!(
            "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
             <r:Description r:about='' xmlns:a='http://www.aiim.org/pdfa/ns/id/' a:part='{part}' a:conformance='B'/></r:RDF>"
        );
        let pdf = Sample::new("s", 1).xmp(&packet).bytes();
        let parameters = json!({ "text": "x", "opacity": opacity });
        let ran = testing::run::<StampText>(parameters, &[pdf]).expect("it stamps");
        let document = sample::open(ran.document());
        let packet = document
            .catalog()
            .expect("a catalog")
            .get_deref(b"Metadata", &document);
        let packet = packet.and_then(Object::as_stream).expect("a packet");
        let packet = String::from_utf8_lossy(&packet.content).into_owned();
        (packet.contains("a:part"), ran.warnings.len())
    };
    assert_eq!(claims(1, 0.5), (false, 1));
    assert_eq!(claims(1, 1.0), (true, 0));
    assert_eq!(claims(2, 0.5), (true, 0));
}

#[test]
fn a_claim_to_be_for_print_goes_where_the_stamp_breaks_it() {
    let claims = |version: &str, opacity: f64| {
        let packet = format!(
            "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
             <r:Description r:about='' xmlns:x='http://ns.adobe.com/pdfx/1.3/' x:GTS_PDFXVersion='{version}'/></r:RDF>"
        );
        let pdf = Sample::new("s", 1)
            .info("GTS_PDFXVersion", Object::string_literal(version))
            .info("GTS_PDFXConformance", Object::string_literal(version));
        let plain = Sample::new("s", 1).info("GTS_PDFXVersion", Object::string_literal(version));
        let kept = [pdf.xmp(&packet), plain].map(|pdf| {
            let parameters = json!({ "text": "x", "opacity": opacity });
            let ran = testing::run::<StampText>(parameters, &[pdf.bytes()]).expect("it stamps");
            let document = sample::open(ran.document());
            let info = document.trailer.get_deref(b"Info", &document);
            let info = info.and_then(Object::as_dict).expect("the information");
            let told = info.iter().any(|(key, _)| key.starts_with(b"GTS_"));
            let packet = document
                .catalog()
                .expect("a catalog")
                .get_deref(b"Metadata", &document);
            if let Ok(packet) = packet.and_then(Object::as_stream) {
                let packet = String::from_utf8_lossy(&packet.content).into_owned();
                assert_eq!(packet.contains("GTS_"), told, "{packet}");
            }
            assert_eq!(ran.warnings.len(), usize::from(!told), "{:?}", ran.warnings);
            told
        });
        assert_eq!(kept[0], kept[1], "{version}");
        kept[0]
    };
    assert!(!claims("PDF/X-1a:2001", 1.0));
    assert!(!claims("PDF/X-1a:2001", 0.5));
    assert!(claims("PDF/X-3:2002", 1.0));
    assert!(!claims("PDF/X-3:2002", 0.5));
    assert!(claims("PDF/X-4", 0.5));
}

#[test]
fn a_stamp_off_the_page_is_warned_of_once() {
    for (off, pages, told) in [
        (
            json!({ "text": "x", "margin": 10_000 }),
            3,
            "page 1, wholly or for the most part, and off 2 more:",
        ),
        (
            json!({ "text": "DRAFT {{ page }}", "size": 2000 }),
            1,
            "page 1, wholly or for the most part:",
        ),
    ] {
        let ran = testing::run::<StampText>(off, &[sample::pdf(pages)]).expect("it stamps");
        assert!(
            ran.warnings.len() == 1 && ran.warnings[0].contains(told),
            "{:?}",
            ran.warnings
        );
    }
}
