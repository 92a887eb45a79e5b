mod leftovers;
mod sharing;

use dropleaf_plugin_sdk::testing::{self, Failed, Trial};
use dropleaf_test_support::sample::lopdf::Object as Cos;
use dropleaf_test_support::sample::{self, Sample, rotations, texts};

use super::*;

testing::examples!(dropleaf_entry());

fn numbers(pdf: &[u8]) -> Vec<u32> {
    let number = |text: &String| text.split(' ').nth(2).and_then(|word| word.parse().ok());
    texts(pdf).iter().filter_map(number).collect()
}

fn refused(result: Result<testing::Ran, Failed>) -> String {
    let failed = result.expect_err("it is refused");
    assert_eq!(
        failed.status,
        dropleaf_plugin_sdk::abi::E_REJECTED,
        "{failed}"
    );
    failed.message
}

#[test]
fn rotation_adds_to_the_inherited_one() {
    let pdf = Sample::new("s", 4)
        .inherited_rotation(90)
        .rotation(2, 270)
        .rotation(3, -90)
        .bytes();
    let ran = testing::run::<Rotate>(json!({ "angle": 90 }), &[pdf]).expect("it runs");
    assert_eq!(rotations(ran.document()), [180, 180, 0, 0]);
    assert_eq!(ran.results["pages"], 4);
    assert_eq!(ran.progress, [(1, 4), (2, 4), (3, 4), (4, 4)]);
    assert_eq!((ran.parses, ran.saves), (1, 1));
}

#[test]
fn rotation_turns_only_the_pages_named() {
    let check = |with, expected: &[i64]| {
        let ran = testing::run::<Rotate>(with, &[sample::pdf(4)]).expect("it runs");
        assert_eq!(rotations(ran.document()), expected);
    };
    check(json!({ "angle": -90, "pages": "2,-1" }), &[0, 270, 0, 270]);
    check(json!({ "angle": 450, "pages": "1,1,1-2" }), &[90, 90, 0, 0]);
    check(json!({ "angle": 0, "pages": "odd" }), &[0, 0, 0, 0]);
}

#[test]
fn pages_beyond_the_document_are_named() {
    let pdf = [sample::pdf(8)];
    let expected = "pages `12-` do not exist: the document has 8 pages";
    assert_eq!(
        refused(testing::run::<Rotate>(
            json!({ "angle": 90, "pages": "12-" }),
            &pdf
        )),
        expected
    );
    assert_eq!(
        refused(testing::run::<ExtractPages>(
            json!({ "pages": "12-" }),
            &pdf
        )),
        expected
    );
    assert_eq!(
        refused(testing::run::<DeletePages>(json!({ "pages": "12-" }), &pdf)),
        expected
    );
}

#[test]
fn bad_parameters_are_refused() {
    for with in [
        json!({}),
        json!({ "angle": 45 }),
        json!({ "angle": 90, "pages": "0" }),
        json!({ "angle": 90, "page": 1 }),
    ] {
        let failed = testing::run::<Rotate>(with, &[sample::pdf(1)]).expect_err("it is refused");
        assert_eq!(
            failed.status,
            dropleaf_plugin_sdk::abi::E_PARAMETERS,
            "{failed}"
        );
    }
}

#[test]
fn extracted_pages_come_in_the_order_given() {
    let check = |pages: &str, expected: &[u32]| {
        let ran = testing::run::<ExtractPages>(json!({ "pages": pages }), &[sample::pdf(6)])
            .expect("it runs");
        assert_eq!(numbers(ran.document()), expected, "{pages}");
    };
    check("2-4", &[2, 3, 4]);
    check("5,1,3", &[5, 1, 3]);
    check("last,1-", &[6, 1, 2, 3, 4, 5]);
    check("4-2,3", &[4, 3, 2]);
    check("all", &[1, 2, 3, 4, 5, 6]);
    let refusal = refused(testing::run::<ExtractPages>(
        json!({ "pages": "even" }),
        &[sample::pdf(1)],
    ));
    assert!(refusal.contains("`even`"), "{refusal}");
}

#[test]
fn deleted_pages_leave_nothing_in_the_file() {
    let pdf = Sample::new("secret", 6)
        .outline()
        .field("name", "value")
        .bytes();
    let ran = testing::run::<DeletePages>(json!({ "pages": "1,5-" }), &[pdf]).expect("it runs");
    assert_eq!(numbers(ran.document()), [2, 3, 4]);
    let document = sample::open(ran.document());
    let contents = document
        .objects
        .values()
        .filter_map(|object| object.as_stream().ok());
    let contents = contents.filter_map(|stream| stream.get_plain_content().ok());
    let left = contents
        .filter(|bytes| bytes.windows(11).any(|word| word == b"secret page"))
        .count();
    assert_eq!(left, 3);
    let form = document
        .catalog()
        .and_then(|catalog| catalog.get_deref(b"AcroForm", &document))
        .and_then(Cos::as_dict);
    let fields = form
        .and_then(|form| form.get_deref(b"Fields", &document))
        .and_then(Cos::as_array)
        .expect("a form");
    assert!(fields.is_empty());
}

#[test]
fn deleting_all_pages_is_refused() {
    let refusal = refused(testing::run::<DeletePages>(
        json!({ "pages": "-4-" }),
        &[sample::pdf(4)],
    ));
    assert_eq!(
        refusal,
        "deleting `-4-` would leave no page: the document has 4 pages"
    );
    let ran = testing::run::<DeletePages>(json!({ "pages": "even" }), &[sample::pdf(1)])
        .expect("nothing to delete");
    assert_eq!(ran.pages(), [1]);
}

#[test]
fn reversed_pages_keep_what_they_inherited() {
    let pdf = Sample::new("s", 5).rotation(0, 90).object_streams().bytes();
    let ran = testing::run::<Reverse>(json!({}), &[pdf]).expect("it runs");
    assert_eq!(numbers(ran.document()), [5, 4, 3, 2, 1]);
    assert_eq!(rotations(ran.document()), [0, 0, 0, 0, 90]);
}

#[test]
fn a_cancelled_job_stops_and_leaves_the_document() {
    let trial = Trial::of::<Rotate>(json!({ "angle": 90 })).cancel_after(2);
    let failed = trial.run(&[sample::pdf(9)]).expect_err("cancelled");
    assert_eq!(failed.status, dropleaf_plugin_sdk::abi::E_CANCELLED);
    assert_eq!(failed.progress.len(), 2);
    assert!(failed.undone > 0);
}

#[test]
fn encrypted_documents_are_edited_with_their_password() {
    let pdf = Sample::new("s", 2).encrypted("user", "owner").bytes();
    let trial = Trial::of::<Rotate>(json!({ "angle": 90 })).password("user");
    let ran = trial.run(&[pdf]).expect("it runs");
    let document = sample::open_with(ran.document(), "user");
    assert!(document.was_encrypted());
    assert_eq!(document.get_pages().len(), 2);
}

/// A document of which `labels`, an object in PDF syntax, are the page labels; `objects` are there from 1000 on.
fn labelled(pages: u32, labels: &str, objects: &[&str]) -> Vec<u8> {
    let sample = Sample::new("s", pages).xref_table().edit(|document, _| {
        let catalog = document.catalog_mut().expect("a catalog");
        catalog.set("PageLabels", Cos::Reference((999, 0)));
    });
    let objects = std::iter::once(&labels).chain(objects).copied();
    let objects: Vec<(u32, &str)> = (999..).zip(objects).collect();
    sample::with_objects(&sample.bytes(), &objects)
}

/// The ranges of a result, as `0:r1 2:D1`; `P` goes before the style.
fn labels(pdf: &[u8]) -> String {
    let document = sample::open(pdf);
    let catalog = document.catalog().expect("a catalog");
    let Ok(labels) = catalog.get_deref(b"PageLabels", &document) else {
        return String::new();
    };
    let labels = labels.as_dict().expect("a dictionary");
    let numbers = labels.get(b"Nums").and_then(Cos::as_array).expect("Nums");
    let range = |pair: &[Cos]| {
        let first = pair[0].as_i64().expect("a number");
        let label = pair[1].as_dict().expect("a label");
        let text = |key: &[u8]| match label.get(key) {
            Ok(Cos::Name(bytes) | Cos::String(bytes, _)) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            Ok(Cos::Integer(number)) => number.to_string(),
            _ => String::new(),
        };
        format!("{first}:{}{}{}", text(b"P"), text(b"S"), text(b"St"))
    };
    numbers.chunks(2).map(range).collect::<Vec<_>>().join(" ")
}

#[test]
fn labels_go_with_their_pages() {
    let flat = "<</Nums[0<</S/r>>2<</S/D>>4<</P(A-)/S/D/St 7>>]>>";
    let deep = "<</Kids[1000 0 R 1001 0 R]>>";
    let kids = [
        "<</Limits[0 2]/Nums[0 1002 0 R 2<</S 1003 0 R>>]>>",
        "<</Limits[4 4]/Kids[<</Nums[4<</P(A-)/S/D/St 7>>]>>]>>",
        "<</S/r/St null>>",
        "/D",
    ];
    for (tree, objects) in [(flat, &[][..]), (deep, &kids)] {
        let pdf = labelled(6, tree, objects);
        let check = |ran: Result<testing::Ran, Failed>, expected: &str| {
            let ran = ran.expect("it runs");
            assert_eq!(labels(ran.document()), expected);
            assert_eq!(ran.warnings, [""; 0]);
        };
        let of = |pages: &str| json!({ "pages": pages });
        let pdf = [pdf.as_slice()];
        check(
            testing::run::<Reverse>(json!({}), &pdf),
            "0:A-D8 1:A-D7 2:D2 3:D 4:r2 5:r",
        );
        check(testing::run::<ExtractPages>(of("last"), &pdf), "0:A-D8");
        check(
            testing::run::<ExtractPages>(of("2,1,3-4"), &pdf),
            "0:r2 1:r 2:D",
        );
        check(
            testing::run::<DeletePages>(of("1,4-5"), &pdf),
            "0:r2 1:D 2:A-D8",
        );
    }
}

#[test]
fn pages_that_stay_where_they_are_keep_their_labels_as_they_stand() {
    let pdf = labelled(2, "<</Nums[0<</S/r>>1<</S/r/St 2>>]>>", &[]);
    let ran = testing::run::<ExtractPages>(json!({ "pages": "all" }), &[pdf]).expect("it runs");
    assert_eq!(
        (labels(ran.document()).as_str(), ran.saves),
        ("0:r 1:r2", 0)
    );
    let ran = testing::run::<Reverse>(json!({}), &[sample::pdf(3)]).expect("it runs");
    assert_eq!(labels(ran.document()), "");
}

#[test]
fn damaged_labels_are_kept_as_far_as_they_can_be_read() {
    let many: String = (0..5000).map(|_| "1000 0 R ").collect();
    let many = format!("<</Kids[{many}]>>");
    let check = |tree: &str, objects: &[&str], expected: &str| {
        let pdf = labelled(3, tree, objects);
        let ran = testing::run::<Reverse>(json!({}), &[pdf]).expect("it runs");
        assert_eq!(labels(ran.document()), expected, "{tree}");
        assert_eq!(ran.warnings.len(), 1, "{tree}");
        assert!(
            ran.warnings[0].contains("page labels"),
            "{:?}",
            ran.warnings
        );
    };
    check("<</Kids[1000 0 R]>>", &["<</Kids[999 0 R 1000 0 R]>>"], "");
    check(&many, &["<</Nums[0<</S/r>>]>>"], "0:r3 1:r2 2:r");
    check("<</Nums[0<</S/r>>(x)<</S/D>>1 7]>>", &[], "0:r3 1:r2 2:r");
    check("<</Nums[-1<</S/r>>1<</S/D>>2]>>", &[], "0:D2 1:D 2:");
    check("<</Nums 7/Kids(x)>>", &[], "");
    check("<</Nums[0<</S(D)/P/x/St 1.5>>]>>", &[], "0:");
    check(
        "<</Kids[2000 0 R 1000 0 R]>>",
        &["<</Nums[0<</P(x)>>]>>"],
        "0:x",
    );
    let nested = format!(
        "<</Kids{}{}>>",
        "[<</Kids".repeat(40),
        "[]".to_owned() + &">>]".repeat(40)
    );
    let pdf = labelled(3, &nested, &[]);
    let ran = testing::run::<Reverse>(json!({}), &[pdf]).expect("it runs");
    assert_eq!(numbers(ran.document()), [3, 2, 1]);
}

#[test]
fn a_field_that_is_on_another_page_too_stays_one() {
    let shared = || {
        Sample::new("s", 3)
            .field("name", "value")
            .edit(|document, pages| {
                let first = document.get_dictionary(pages[0]).expect("a page");
                let annotations = first.get(b"Annots").expect("annotations").clone();
                let second = document.get_dictionary_mut(pages[1]).expect("a page");
                second.set("Annots", annotations);
            })
    };
    let fields = |pages: &str| {
        let with = json!({ "pages": pages });
        let ran = testing::run::<DeletePages>(with, &[shared().bytes()]).expect("it runs");
        let document = sample::open(ran.document());
        let form = document
            .catalog()
            .expect("a catalog")
            .get_deref(b"AcroForm", &document);
        let form = form.and_then(Cos::as_dict).expect("a form");
        form.get(b"Fields")
            .and_then(Cos::as_array)
            .expect("fields")
            .len()
    };
    assert_eq!(fields("1"), 1);
    assert_eq!(fields("2"), 1);
    assert_eq!(fields("1-2"), 0);
}

/// A sample of two pages with objects in PDF syntax; `P1` and `P2` stand for the pages. `catalog` is added to the catalog,
/// `annotations` are those of the two pages.
pub(crate) fn made(
    catalog: &[(&str, &str)],
    annotations: [&str; 2],
    objects: &[(u32, &str)],
) -> Vec<u8> {
    let mut numbers = Vec::new();
    let sample = Sample::new("s", 2).xref_table().edit(|document, pages| {
        for (place, page) in (990..).zip(pages) {
            let page = document.get_dictionary_mut(*page).expect("a page");
            page.set("Annots", Cos::Reference((place, 0)));
            page.set("StructParents", place - 990);
        }
        let root = document.catalog_mut().expect("a catalog");
        for (place, (key, _)) in (980..).zip(catalog) {
            root.set(*key, Cos::Reference((place, 0)));
        }
        numbers = pages.to_vec();
    });
    let bytes = sample.bytes();
    let named = |text: &str| {
        let [first, second] = [0, 1].map(|at| format!("{} 0 R", numbers[at].0));
        text.replace("P1", &first).replace("P2", &second)
    };
    let entries = (980..).zip(catalog.iter().map(|(_, value)| *value));
    let lists = (990..).zip(annotations);
    let all = entries.chain(lists).chain(objects.iter().copied());
    let all: Vec<(u32, String)> = all.map(|(number, text)| (number, named(text))).collect();
    let all: Vec<(u32, &str)> = all
        .iter()
        .map(|(number, text)| (*number, text.as_str()))
        .collect();
    sample::with_objects(&bytes, &all)
}

/// What a result says that was not to be in it.
pub(crate) fn secrets(pdf: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for object in sample::open(pdf).objects.values() {
        let text = format!("{object:?}");
        let bytes = object.as_stream().map(|stream| stream.get_plain_content());
        let content = bytes.ok().and_then(Result::ok).unwrap_or_default();
        let content = String::from_utf8_lossy(&content).into_owned();
        found.extend(
            [text, content]
                .into_iter()
                .filter(|text| text.contains("SECRET")),
        );
    }
    found
}

#[test]
fn values_of_dropped_fields_are_in_no_place() {
    let annotations = ["[1001 0 R 1003 0 R]", "[1002 0 R]"];
    let salary = "<</Type/Annot/Subtype/Widget/P P2/Parent 1000 0 R/T(salary)/V(SECRET)>>";
    let objects = |order| {
        [
            (1000, "<</T(pay)/FT/Tx/Kids[1001 0 R 1002 0 R 1006 0 R]>>"),
            (
                1001,
                "<</Type/Annot/Subtype/Widget/P P1/Parent 1000 0 R/T(total)/V(12)>>",
            ),
            (1002, salary),
            (
                1003,
                "<</Type/Annot/Subtype/Link/A<</S/Hide/T[1002 0 R 1006 0 R]>>/Popup 1002 0 R>>",
            ),
            (1004, order),
            (1005, "<</Length 6>>\nstream\nSECRET\nendstream"),
            // A widget that its page does not list.
            (1006, "<</Subtype/Widget/P P2/T(lost)/V(SECRET)>>"),
        ]
    };
    let form = "<</Fields[1000 0 R]/CO 1004 0 R/XFA 1005 0 R>>";
    for (order, left) in [
        ("[1001 0 R 1002 0 R 1006 0 R]", Some(1)),
        ("[1002 0 R]", None),
    ] {
        let pdf = made(&[("AcroForm", form)], annotations, &objects(order));
        assert_eq!(secrets(&pdf).len(), 3);
        let ran = testing::run::<DeletePages>(json!({ "pages": "last" }), &[pdf]).expect("it runs");
        assert_eq!(secrets(ran.document()), [""; 0]);
        assert!(ran.warnings[0].contains("XFA"), "{:?}", ran.warnings);
        let document = sample::open(ran.document());
        let form = document
            .catalog()
            .expect("a catalog")
            .get_deref(b"AcroForm", &document);
        let form = form.and_then(Cos::as_dict).expect("a form");
        let order = form.get_deref(b"CO", &document).and_then(Cos::as_array);
        assert_eq!(order.ok().map(Vec::len), left);
        let field = document.get_dictionary((1000, 0)).expect("the field");
        let kids = field.get(b"Kids").and_then(Cos::as_array).expect("kids");
        assert_eq!(kids, &[Cos::Reference((1001, 0))]);
    }
}

#[test]
fn parts_that_describe_dropped_pages_go() {
    let parts = "<</Type/DPartRoot/DPartRootNode 1000 0 R>>";
    let annotations = ["[1001 0 R]", "[]"];
    let objects = [
        (1000, "<</Type/DPart/Start P1/End P2/DPM<</Name(SECRET)>>>>"),
        (1001, "<</Type/Annot/Subtype/Link/Part 1000 0 R>>"),
    ];
    let pdf = made(&[("DPartRoot", parts)], annotations, &objects);
    let ran = testing::run::<DeletePages>(json!({ "pages": "first" }), &[pdf]).expect("it runs");
    assert_eq!(secrets(ran.document()), [""; 0]);
    assert!(ran.warnings[0].contains("DPartRoot"), "{:?}", ran.warnings);
}

#[test]
fn a_page_whose_annotations_are_anything_costs_no_more_than_itself() {
    let form = "<</Fields[1000 0 R]/CO(x)>>";
    let annotations = ["[]", "[980 0 R P1 P2 1000 0 R 7 (x) 1001 0 R]"];
    let objects = [
        (
            1000,
            "<</Parent 1000 0 R/Kids[1000 0 R 1001 0 R P1 981 0 R]>>",
        ),
        (1001, "<</Parent 1000 0 R/Kids 1002 0 R/T(x)>>"),
        (1002, "[1001 0 R 1000 0 R]"),
    ];
    let pdf = made(&[("AcroForm", form), ("X", "7")], annotations, &objects);
    let ran = testing::run::<DeletePages>(json!({ "pages": "last" }), &[pdf]).expect("it runs");
    assert_eq!(numbers(ran.document()), [1]);
}
