//! Files that are written in ways which few are, and which mean something all the same.

use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host::{Bill, Document, Limits};
use lopdf::Object;

use crate::samples::{by_hand, engine_document, open, reread, sample, save};
use crate::script::{Value, edit};

const CATALOG: &str = "<< /Type /Catalog /Pages 2 0 R >>";

/// A reference to an object that is not there is null (ISO 32000-2, 7.3.10), and stays it.
#[test]
fn new_objects_get_no_number_that_a_reference_names() {
    let sound = by_hand(
        &[
            CATALOG,
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Annots [4 0 R 6 0 R 900 1 R] >>",
        ],
        "/Root 1 0 R",
    );
    let text = String::from_utf8(sound.clone()).expect("text");
    let damaged = text.replace("startxref", "startxxxx").into_bytes();
    for file in [sound, damaged] {
        let opened = Document::open(file, &[], &Limits::default(), &Bill::new());
        edit(opened.expect("it opens").0, |p| {
            let page = p.page(abi::DOCUMENT, 0).expect("a page");
            for number in 0..4 {
                let added = p.add(abi::DOCUMENT, &Value::Int(number)).expect("added");
                assert!(![4, 6, 900].contains(&added.0), "{added:?}");
            }
            let annotations = p.get(page, "Annots").expect("annotations").obj();
            for index in 0..3 {
                assert_eq!(p.at(annotations, index), Ok(Value::Null), "{index}");
            }
            abi::OK
        });
    }
}

/// A null is as good as no entry (7.3.7), so the page inherits.
#[test]
fn an_imported_page_inherits_what_it_has_as_null() {
    let source = by_hand(
        &[
            CATALOG,
            "<< /Type /Pages /Kids [3 0 R] /Count 1 /Rotate 90 /MediaBox [0 0 9 9] /CropBox [1 1 8 8] >>",
            "<< /Type /Page /Parent 2 0 R /Rotate null /MediaBox null /CropBox 4 0 R >>",
            "null",
        ],
        "/Root 1 0 R",
    );
    let mut document = edit(open(sample(1)), move |p| {
        let other = p.open(&source).expect("opened");
        p.import(abi::DOCUMENT, 1, other, 0, 1).expect("imported");
        p.import(abi::DOCUMENT, 2, abi::DOCUMENT, 1, 1)
            .expect("a copy");
        abi::OK
    });
    let pdf = reread(&mut document);
    for page in pdf.page_iter().skip(1) {
        let page = pdf.get_dictionary(page).expect("a page");
        assert_eq!(page.get(b"Rotate").and_then(Object::as_i64).ok(), Some(90));
        for (key, text) in [(&b"MediaBox"[..], "[0 0 9 9]"), (b"CropBox", "[1 1 8 8]")] {
            let found = page.get(key).expect("inherited");
            assert_eq!(format!("{found:?}"), text);
        }
    }
}

#[test]
fn an_integer_beyond_64_bits_costs_nothing() {
    let file = by_hand(
        &[
            CATALOG,
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /PieceInfo << /A 99999999999999999999 /B -9223372036854775809 >> >>",
        ],
        "/Root 1 0 R",
    );
    let (mut document, warnings) =
        Document::open(file, &[], &Limits::default(), &Bill::new()).expect("it opens");
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(document.facts().expect("facts").pages, 1);
    let mut document = edit(document, |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        p.put(page, "Rotate", &Value::Int(90)).expect("put");
        abi::OK
    });
    let saved = save(&mut document);
    let text = String::from_utf8_lossy(&saved);
    assert!(
        text.contains("/A 99999999999999999999 /B -9223372036854775809"),
        "{text}"
    );
    edit(open(saved), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        let info = p.get(page, "PieceInfo").expect("there").obj();
        assert_eq!(p.get(info, "A"), Ok(Value::Real(1e20)));
        abi::OK
    });
}

/// A stray `stream` behind a dictionary makes it one, and no reader finds the document in it.
#[test]
fn a_catalog_and_pages_that_are_streams_become_dictionaries() {
    let behind = |dictionary: &str| format!("{dictionary}\nstream\n\nendstream");
    let tree = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>";
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Length 0 >>";
    let cases = [
        ("catalog", behind(CATALOG), tree.to_owned(), page.to_owned()),
        ("tree", CATALOG.to_owned(), behind(tree), page.to_owned()),
        ("page", CATALOG.to_owned(), tree.to_owned(), behind(page)),
        ("all", behind(CATALOG), behind(tree), behind(page)),
    ];
    for (name, catalog, tree, page) in cases {
        let file = by_hand(&[&catalog, &tree, &page], "/Root 1 0 R");
        let opened = Document::open(file, &[], &Limits::default(), &Bill::new());
        let (mut document, _) = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
        document.rewrite();
        let pdf = reread(&mut document);
        assert_eq!(pdf.page_iter().count(), 1, "{name}");
        let kinds = pdf
            .objects
            .values()
            .filter(|object| object.as_stream().is_ok());
        assert_eq!(kinds.count(), 0, "{name}");
    }
}

#[test]
fn a_freed_part_of_a_pages_contents_is_no_loss() {
    let page = |contents: &str| {
        let page = format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents{contents}>>");
        let objects = [
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            &page,
            "<</Length 11>>\nstream\n0 0 9 9 re\n\nendstream",
        ];
        let bytes = by_hand(&objects, "/Root 1 0 R");
        let opened = Document::open(bytes, &[], &Limits::default(), &Bill::new());
        opened.expect("it opens").1.len()
    };
    assert_eq!(page("[4 0 R 9 0 R]"), 0);
    assert_eq!(page("[9 0 R 4 0 R]"), 0);
    assert_eq!(page("[9 0 R]"), 1, "nothing is left");
    assert_eq!(page(" 9 0 R"), 1);
}

/// Readers that fail at such a number lose the object, and everything in the stream where it is packed.
#[test]
fn an_integer_that_may_be_beyond_64_bits_is_packed_with_nothing_else() {
    let saved = |number: i64| {
        let mut pdf = engine_document(3);
        let odd = pdf.add_object(lopdf::dictionary! { "Odd" => number });
        pdf.catalog_mut().expect("a catalog").set("Odd", odd);
        let mut packed = Vec::new();
        pdf.save_modern(&mut packed).expect("saved");
        let is_open = |bytes: &[u8]| bytes.windows(7).any(|window| window == b"/Odd 92");
        assert!(!is_open(&packed));
        let mut document = edit(open(packed), |p| {
            let page = p.page(abi::DOCUMENT, 0).expect("a page");
            p.put(page, "Rotate", &Value::Int(90)).expect("put");
            abi::OK
        });
        let bytes = save(&mut document);
        assert!(bytes.windows(7).any(|window| window == b"/ObjStm"));
        is_open(&bytes)
    };
    assert!(saved(9_223_372_036_854_775_807));
    assert!(!saved(922_337_203_685_477_580));
}
