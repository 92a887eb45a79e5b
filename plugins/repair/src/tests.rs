use dropleaf_plugin_sdk::testing;
use dropleaf_test_support::sample::lopdf::{Object as Cos, dictionary};
use dropleaf_test_support::sample::{self, Sample, rotations, texts};

use super::*;

testing::examples!(dropleaf_entry());

fn run(pdf: &[u8]) -> testing::Ran {
    testing::run::<Repair>(json!({}), &[pdf]).expect("it runs")
}

#[test]
fn a_sound_document_stays_as_it_came() {
    let pdf = sample::pdf(3);
    let ran = run(&pdf);
    assert!(ran.document() == pdf, "to the byte");
    assert_eq!(ran.warnings, [""; 0]);
    assert_eq!((ran.parses, ran.saves), (1, 0));
    assert!(ran.progress.is_sorted());
}

#[test]
fn a_truncated_file_is_read_and_written_anew() {
    let pdf = sample::pdf(3);
    let ran = run(&pdf[..pdf.len() - 120]);
    assert_eq!(texts(ran.document()), texts(&pdf));
    assert!(
        !ran.warnings.is_empty(),
        "the host says that it was damaged"
    );
    assert_eq!(
        run(ran.document()).warnings,
        [""; 0],
        "and then it is not any more"
    );
}

#[test]
fn pages_get_what_they_must_have() {
    let damaged = Sample::new("s", 3).edit(|document, pages| {
        let root = document
            .get_dictionary(pages[0])
            .and_then(|page| page.get(b"Parent"))
            .and_then(Cos::as_reference);
        let root = document
            .get_dictionary_mut(root.expect("a root"))
            .expect("a root");
        root.remove(b"MediaBox");
        root.set("Rotate", 80);
        let page = document.get_dictionary_mut(pages[0]).expect("a page");
        page.remove(b"Type");
        page.set(
            "Annots",
            vec![
                Cos::Reference((900, 0)),
                Cos::Integer(1),
                dictionary! { "Subtype" => "Link" }.into(),
            ],
        );
        let page = document.get_dictionary_mut(pages[1]).expect("a page");
        page.set(
            "CropBox",
            vec![
                Cos::Integer(0),
                Cos::Integer(0),
                Cos::Integer(100),
                Cos::Integer(200),
            ],
        );
        page.set("TrimBox", vec![Cos::Integer(0)]);
    });
    let ran = run(&damaged.bytes());
    assert_eq!(rotations(ran.document()), [90, 90, 90]);
    let document = sample::open(ran.document());
    let page = |number| {
        document
            .get_dictionary(document.get_pages()[&number])
            .expect("a page")
    };
    let list = |number, key: &[u8]| {
        page(number)
            .get_deref(key, &document)
            .and_then(Cos::as_array)
            .expect("a list")
            .clone()
    };
    assert_eq!(list(1, b"Annots").len(), 1);
    let corners = |number| {
        list(number, b"MediaBox")
            .iter()
            .map(|corner| corner.as_float().expect("a number"))
            .collect::<Vec<_>>()
    };
    assert_eq!(corners(1), [0.0, 0.0, 612.0, 792.0]);
    assert_eq!(corners(2), [0.0, 0.0, 100.0, 200.0]);
    assert!(!page(2).has(b"TrimBox"));
    assert!(
        ran.warnings
            .iter()
            .any(|warning| warning.starts_with("mended: ")),
        "{:?}",
        ran.warnings
    );
    assert_eq!(ran.results["mended"]["page without a media box"], 3);
}

#[test]
fn dangling_references_are_dropped() {
    let damaged = Sample::new("s", 1).outline().edit(|document, pages| {
        let gone = Cos::Reference((900, 0));
        let catalog = document.catalog_mut().expect("a catalog");
        catalog.set("Lost", gone.clone());
        catalog.set("Names", Cos::Integer(3));
        let page = document.get_dictionary_mut(pages[0]).expect("a page");
        page.set(
            "Nested",
            dictionary! { "List" => vec![Cos::Integer(1), gone.clone(), Cos::Array(vec![gone])] },
        );
    });
    let ran = run(&damaged.bytes());
    let document = sample::open(ran.document());
    let catalog = document.catalog().expect("a catalog");
    assert!(!catalog.has(b"Lost") && !catalog.has(b"Names") && catalog.has(b"Outlines"));
    let page = document
        .get_dictionary(document.get_pages()[&1])
        .expect("a page");
    let nested = page
        .get(b"Nested")
        .and_then(Cos::as_dict)
        .expect("still there");
    let expected = vec![Cos::Integer(1), Cos::Null, Cos::Array(vec![Cos::Null])];
    assert_eq!(
        nested.get(b"List").and_then(Cos::as_array).ok(),
        Some(&expected)
    );
    assert_eq!(
        ran.results["mended"]["reference to an object that is not there"],
        3
    );
}

#[test]
fn a_sound_encrypted_document_has_nothing_to_mend() {
    // Its cross-reference stream speaks of the encryption dictionary, which is taken out.
    let ran = run(&Sample::new("s", 3).encrypted("", "owner").bytes());
    assert_eq!(ran.warnings, [""; 0]);
    assert_eq!(ran.results["mended"], json!({}));
}
