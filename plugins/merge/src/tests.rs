mod attachments;
mod forms;

use dropleaf_plugin_sdk::testing::{self, Trial};
use dropleaf_test_support::sample::lopdf::{
    Dictionary, Document as Pdf, Object as Cos, dictionary,
};
use dropleaf_test_support::sample::{self, Sample, rotations, texts};

use super::*;

testing::examples!(dropleaf_entry());

fn run(documents: &[Vec<u8>]) -> testing::Ran {
    testing::run::<Merge>(json!({}), documents).expect("it runs")
}

/// A dictionary that the catalog leads to.
fn dict(document: &Pdf, keys: &[&str]) -> Dictionary {
    let mut dict = document.catalog().expect("a catalog").clone();
    for key in keys {
        let next = dict
            .get_deref(key.as_bytes(), document)
            .and_then(Cos::as_dict)
            .cloned();
        dict = next.unwrap_or_else(|error| panic!("no {key}: {error}"));
    }
    dict
}

#[test]
fn pages_follow_in_the_order_of_the_documents() {
    let a = Sample::new("a", 2).rotation(1, 90).bytes();
    let b = Sample::new("b", 1)
        .inherited_rotation(180)
        .object_streams()
        .bytes();
    let ran = run(&[a, b, Sample::new("c", 2).bytes()]);
    let expected = [
        "a page 1 of 2",
        "a page 2 of 2",
        "b page 1 of 1",
        "c page 1 of 2",
        "c page 2 of 2",
    ];
    assert_eq!(texts(ran.document()), expected);
    assert_eq!(rotations(ran.document()), [0, 90, 180, 0, 0]);
    assert_eq!(
        (ran.documents.len(), ran.progress.last()),
        (1, Some(&(5, 5)))
    );
    assert_eq!(ran.results["pages"], 5);
}

/// Three pages, the first with links to the last: by a string and by a name, each as a destination and as an action's; and one that leads
/// nowhere.
fn with_named_links(name: &str) -> Vec<u8> {
    let sample = Sample::new(name, 3).edit(|document, pages| {
        let (first, last) = (pages[0], pages[2]);
        let place: Vec<Cos> = vec![last.into(), "XYZ".into(), 72.into(), 500.into(), Cos::Null];
        let place = document.add_object(place);
        let names = |key: &str, value: Cos| {
            dictionary! {
                "Limits" => vec![Cos::string_literal(key), Cos::string_literal(key)],
                "Names" => vec![Cos::string_literal(key), value],
            }
        };
        let before = document.add_object(names("chapter.1", dictionary! { "D" => vec![first.into(), Cos::from("Fit")] }.into()));
        let wanted = document.add_object(names("chapter.2", dictionary! { "D" => place }.into()));
        let string = Cos::string_literal("chapter.2");
        let link = |key: &str, value: Cos| {
            let mut link = dictionary! {
                "Type" => "Annot", "Subtype" => "Link", "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()],
            };
            link.set(key, value);
            Cos::from(link)
        };
        let action = |place: Cos| Cos::from(dictionary! { "S" => "GoTo", "D" => place });
        let links = vec![
            link("Dest", string.clone()),
            link("A", action(string)),
            link("Dest", "second".into()),
            link("A", action("second".into())),
            link("Dest", Cos::string_literal("chapter.3")),
        ];
        document
            .get_dictionary_mut(first)
            .expect("a page")
            .set("Annots", links);
        let catalog = document.catalog_mut().expect("a catalog");
        let tree = dictionary! { "Kids" => vec![Cos::from(before), wanted.into()] };
        catalog.set("Names", dictionary! { "Dests" => tree });
        catalog.set("Dests", dictionary! { "second" => place });
    });
    sample.bytes()
}

#[test]
fn links_by_name_lead_where_they_led_in_their_own_document() {
    let ran = run(&[with_named_links("a"), with_named_links("b")]);
    let document = sample::open(ran.document());
    let pages = document.get_pages();
    let annotations = |page: u32| {
        let page = document.get_dictionary(pages[&page]).expect("a page");
        let list = page.get_deref(b"Annots", &document).expect("links");
        list.as_array().cloned().expect("links")
    };
    let target = |link: &Cos| {
        let link = document.dereference(link).expect("a link").1;
        let link = link.as_dict().expect("a dictionary");
        let action = link.get_deref(b"A", &document).and_then(Cos::as_dict);
        let place = match action {
            Ok(action) => action.get_deref(b"D", &document),
            Err(_) => link.get_deref(b"Dest", &document),
        };
        place.cloned().expect("a destination")
    };
    let own: Vec<Cos> = annotations(1).iter().map(target).collect();
    assert_eq!(own[0], Cos::string_literal("chapter.2"));
    let come: Vec<Cos> = annotations(4).iter().map(target).collect();
    let expected: Vec<Cos> = vec![
        pages[&6].into(),
        "XYZ".into(),
        72.into(),
        500.into(),
        Cos::Null,
    ];
    for place in &come[..4] {
        assert_eq!(place.as_array().expect("explicit"), &expected);
    }
    assert_eq!(come[4], Cos::string_literal("chapter.3"));
}

#[test]
fn hidden_layers_stay_hidden() {
    let layered = |name| {
        Sample::new(name, 1).edit(|document, pages| {
            let layer = document.add_object(
                dictionary! { "Type" => "OCG", "Name" => Cos::string_literal("layer") },
            );
            let resources = dictionary! { "Properties" => dictionary! { "L" => layer } };
            document
                .get_dictionary_mut(pages[0])
                .expect("a page")
                .set("Resources", resources);
            let config = dictionary! { "OFF" => vec![layer.into()], "Order" => vec![layer.into()] };
            let layers = dictionary! { "OCGs" => vec![layer.into()], "D" => config };
            document
                .catalog_mut()
                .expect("a catalog")
                .set("OCProperties", layers);
        })
    };
    for first in [sample::pdf(1), layered("a").bytes()] {
        let layers_before = sample::open(&first)
            .catalog()
            .expect("a catalog")
            .has(b"OCProperties");
        let ran = run(&[first, layered("b").bytes()]);
        let document = sample::open(ran.document());
        let page = document
            .get_dictionary(document.get_pages()[&2])
            .expect("a page");
        let resources = page
            .get_deref(b"Resources", &document)
            .and_then(Cos::as_dict)
            .expect("resources");
        let properties = resources
            .get_deref(b"Properties", &document)
            .and_then(Cos::as_dict)
            .expect("properties");
        let layer = properties
            .get(b"L")
            .and_then(Cos::as_reference)
            .expect("a layer");
        let off = dict(&document, &["OCProperties", "D"]);
        let off = off
            .get_deref(b"OFF", &document)
            .and_then(Cos::as_array)
            .expect("what is off");
        assert!(off.contains(&layer.into()));
        assert_eq!(off.len(), 1 + usize::from(layers_before));
    }
}

/// Titles of an outline's first level and the numbers of the pages that they lead to.
fn outline(pdf: &[u8]) -> Vec<(String, Option<u32>)> {
    let document = sample::open(pdf);
    let root = dict(&document, &["Outlines"]);
    let mut lines = Vec::new();
    let mut next = root.get(b"First").and_then(Cos::as_reference).ok();
    while let Some(item) = next {
        let item = document.get_dictionary(item).expect("an item");
        let title = item.get(b"Title").and_then(Cos::as_str).expect("a title");
        let to = item.get(b"Dest").and_then(Cos::as_array).ok();
        let to = to.and_then(|to| to[0].as_reference().ok());
        let pages = document.get_pages();
        let page = pages.iter().find(|(_, page)| Some(**page) == to);
        let title = String::from_utf8_lossy(title).into_owned();
        lines.push((title, page.map(|(number, _)| *number)));
        next = item.get(b"Next").and_then(Cos::as_reference).ok();
    }
    let count = root.get(b"Count").and_then(Cos::as_i64).ok();
    assert_eq!(count, i64::try_from(lines.len()).ok());
    lines
}

#[test]
fn outlines_follow_one_another() {
    let b = Sample::new("b", 1).outline().edit(|document, _| {
        let root = dict(document, &["Outlines"]);
        let item = root.get(b"First").and_then(Cos::as_reference);
        let item = document.get_dictionary_mut(item.expect("a reference"));
        item.expect("an item")
            .set("Dest", Cos::string_literal("start"));
    });
    let c = Sample::new("c", 2).outline().object_streams();
    let (b, c) = (b.bytes(), c.bytes());
    let lines = [("a 1", 1), ("a 2", 2), ("b 1", 4), ("c 1", 5), ("c 2", 6)];
    let a = Sample::new("a", 2);
    for (first, expected) in [
        (Sample::new("a", 2).outline(), &lines[..]),
        (a, &lines[2..]),
    ] {
        let ran = run(&[first.bytes(), sample::pdf(1), b.clone(), c.clone()]);
        let expected = expected
            .iter()
            .map(|&(title, page)| (title.to_owned(), Some(page)));
        assert_eq!(outline(ran.document()), expected.collect::<Vec<_>>());
        assert_eq!(ran.warnings, [""; 0]);
    }
}

#[test]
fn what_later_documents_lose_is_told() {
    let with = |key: &'static str, names: Cos| {
        Sample::new("b", 1)
            .edit(move |document, _| {
                let tree = dictionary! { "Names" => names };
                let catalog = document.catalog_mut().expect("a catalog");
                catalog.set("Names", dictionary! { key => tree });
            })
            .bytes()
    };
    let told = |second: Vec<u8>| {
        let ran = run(&[sample::pdf(1), second]);
        let lines = ran.log.into_iter().map(|(_, line)| line);
        (
            ran.warnings,
            lines
                .filter(|line| line.starts_with("left out"))
                .collect::<Vec<_>>(),
        )
    };
    let some = || Cos::from(vec![Cos::string_literal("x"), Cos::Null]);
    let none: [String; 0] = [];
    let attachments = "the list of attachments (embedded files) of document `2` is damaged or too long: some of them may be left out";
    let (warnings, lines) = told(with("EmbeddedFiles", some()));
    assert_eq!(
        (warnings, lines),
        (vec![attachments.to_owned()], none.to_vec())
    );
    let (warnings, lines) = told(with("EmbeddedFiles", Cos::from(Vec::<Cos>::new())));
    assert_eq!((warnings, lines), (none.to_vec(), none.to_vec()));
    let scripts = "left out of document `2`: scripts";
    assert_eq!(
        told(with("JavaScript", some())),
        (none.to_vec(), vec![scripts.to_owned()])
    );
    let (warnings, lines) = told(Sample::new("b", 1).outline().bytes());
    assert_eq!(warnings, none);
    assert!(
        lines[0].contains("document `2`: named destinations"),
        "{lines:?}"
    );
}

#[test]
fn structure_numbers_of_the_others_are_dropped() {
    let tagged = Sample::new("b", 1).edit(|document, pages| {
        document
            .get_dictionary_mut(pages[0])
            .expect("a page")
            .set("StructParents", 0);
    });
    let ran = run(&[sample::pdf(1), tagged.bytes()]);
    let document = sample::open(ran.document());
    assert!(
        !document
            .get_dictionary(document.get_pages()[&2])
            .expect("a page")
            .has(b"StructParents")
    );
}

#[test]
fn a_cancelled_job_stops() {
    let documents = [sample::pdf(2), sample::pdf(2), sample::pdf(2)];
    let failed = Trial::of::<Merge>(json!({}))
        .cancel_after(4)
        .run(&documents)
        .expect_err("cancelled");
    assert_eq!(failed.status, dropleaf_plugin_sdk::abi::E_CANCELLED);
    assert_eq!(failed.progress.last(), Some(&(4, 6)));
}

/// What a result claims, and the number of its output intents.
fn claims(document: &Pdf) -> (Vec<String>, usize) {
    let catalog = document.catalog().expect("a catalog");
    let packet = catalog.get_deref(b"Metadata", document);
    let packet = packet.and_then(Cos::as_stream).expect("a packet");
    let packet = dropleaf_xmp::Packet::read(&packet.content).expect("a packet");
    let intents = catalog.get_deref(b"OutputIntents", document);
    let intents = intents.and_then(Cos::as_array).map_or(0, Vec::len);
    let claims = packet.claims().iter().map(ToString::to_string).collect();
    (claims, intents)
}

#[test]
fn only_archives_of_one_kind_make_an_archive() {
    let archive = |profile: &[u8]| Sample::new("a", 1).archive("B", profile).bytes();
    let check = |documents: &[Vec<u8>], expected: &[&str], warnings: usize| {
        let ran = run(documents);
        let document = sample::open(ran.document());
        let expected = expected.iter().map(|&claim| claim.to_owned()).collect();
        assert_eq!(claims(&document), (expected, 1));
        assert_eq!(ran.warnings.len(), warnings, "{:?}", ran.warnings);
    };
    check(&[archive(b"x")], &["PDF/A-2b"], 0);
    check(
        &[archive(b"x"), archive(b"x"), archive(b"x")],
        &["PDF/A-2b"],
        0,
    );
    check(&[archive(b"x"), archive(b"y")], &[], 2);
    check(&[archive(b"x"), sample::pdf(1)], &[], 1);
    let tagged = Sample::new("a", 1).archive("A", b"x").bytes();
    check(std::slice::from_ref(&tagged), &["PDF/A-2a", "PDF/UA-1"], 0);
    check(&[tagged.clone(), tagged.clone()], &[], 3);
    check(&[archive(b"x"), tagged], &[], 2);
}

#[test]
fn a_result_of_which_only_some_pages_have_tags_is_not_marked() {
    let tagged = Sample::new("a", 1).archive("A", b"x").bytes();
    let ran = run(&[tagged, sample::pdf(1)]);
    let document = sample::open(ran.document());
    assert!(
        document
            .catalog()
            .expect("a catalog")
            .has(b"StructTreeRoot")
    );
    assert!(!dict(&document, &["MarkInfo"]).has(b"Marked"));
    assert!(ran.warnings[0].contains("tags"), "{:?}", ran.warnings);
}

#[test]
fn labels_follow_one_another() {
    let roman = || {
        Sample::new("b", 2).edit(|document, _| {
            let label = dictionary! { "S" => "r" };
            let ranges: Vec<Cos> = vec![0.into(), label.into()];
            let catalog = document.catalog_mut().expect("a catalog");
            catalog.set("PageLabels", dictionary! { "Nums" => ranges });
        })
    };
    let ran = run(&[sample::pdf(2), roman().bytes(), sample::pdf(1)]);
    let document = sample::open(ran.document());
    let labels = dict(&document, &["PageLabels"]);
    let numbers = labels.get(b"Nums").and_then(Cos::as_array).expect("Nums");
    let firsts = numbers.iter().step_by(2).map(|first| first.as_i64().ok());
    assert_eq!(firsts.collect::<Vec<_>>(), [Some(0), Some(2), Some(4)]);
    let ran = run(&[sample::pdf(2), sample::pdf(1)]);
    let document = sample::open(ran.document());
    assert!(!document.catalog().expect("a catalog").has(b"PageLabels"));
}

#[test]
fn a_claim_in_the_information_dictionary_is_kept_if_all_make_it() {
    let print = Sample::new("s", 1)
        .info("GTS_PDFXVersion", Cos::string_literal("PDF/X-3:2002"))
        .bytes();
    for (other, kept) in [(print.clone(), true), (sample::pdf(1), false)] {
        let ran = run(&[print.clone(), other]);
        let document = sample::open(ran.document());
        let info = document.trailer.get_deref(b"Info", &document);
        let info = info.and_then(Cos::as_dict).expect("the information");
        assert_eq!(info.has(b"GTS_PDFXVersion"), kept);
        assert_eq!(ran.warnings.len(), usize::from(!kept), "{:?}", ran.warnings);
    }
}
