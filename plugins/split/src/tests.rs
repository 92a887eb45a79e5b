mod whole;

use dropleaf_plugin_sdk::testing::{self, Trial};
use dropleaf_test_support::sample::lopdf::{self, Object as Cos, dictionary};
use dropleaf_test_support::sample::{self, Sample, rotations, texts};

use super::*;

testing::examples!(dropleaf_entry());

fn run(with: Json, pdf: &[u8]) -> Result<testing::Ran, testing::Failed> {
    testing::run::<Split>(with, &[pdf])
}

#[test]
fn every_page_is_in_one_part() {
    let ran = run(json!({ "every": 2 }), &sample::pdf(5)).expect("it runs");
    assert_eq!(ran.pages(), [2, 2, 1]);
    assert_eq!(ran.labels, ["1-2", "3-4", "5"]);
    let all: Vec<String> = ran.documents.iter().flat_map(|part| texts(part)).collect();
    assert_eq!(all, texts(&sample::pdf(5)));
    assert_eq!(ran.results["parts"], 3);
    assert_eq!(ran.progress.last(), Some(&(5, 5)));
}

#[test]
fn a_part_is_any_list_of_pages() {
    let ran = run(
        json!({ "ranges": ["3-1", "last", "even"] }),
        &sample::pdf(4),
    )
    .expect("it runs");
    assert_eq!(ran.pages(), [3, 1, 2]);
    assert_eq!(ran.labels, ["3,2,1", "last", "even"]);
    assert_eq!(texts(&ran.documents[0])[0], "sample page 3 of 4");
}

#[test]
fn parts_have_identifiers_of_their_own() {
    let id = |pdf: &[u8]| {
        let document = sample::open(pdf);
        let id = document
            .trailer
            .get(b"ID")
            .and_then(Cos::as_array)
            .expect("two");
        id.iter()
            .map(|half| half.as_str().expect("text").to_vec())
            .collect::<Vec<_>>()
    };
    let pdf = sample::pdf(2);
    let parts = || run(json!({ "every": 1 }), &pdf).expect("it runs").documents;
    let ids: Vec<_> = parts().iter().map(|part| id(part)).collect();
    let before = id(&pdf);
    assert!(ids[0][0] != before[0] && ids[1][0] != before[0] && ids[0][0] != ids[1][0]);
    assert_eq!(parts(), parts(), "the same each time");
    let encrypted = Sample::new("s", 2).encrypted("", "owner").bytes();
    let ran = run(json!({ "every": 1 }), &encrypted).expect("it runs");
    let ids: Vec<_> = ran.documents.iter().map(|part| id(part)).collect();
    assert_eq!(ids[0][0], id(&encrypted)[0], "the keys are made of it");
    assert!(ids[0][1] != ids[1][1]);
}

#[test]
fn a_part_that_is_all_is_the_document_itself() {
    let pdf = Sample::new("s", 3).outline().bytes();
    let ran = run(json!({ "every": 10 }), &pdf).expect("it runs");
    assert_eq!(ran.labels, ["1-3"]);
    let document = sample::open(ran.document());
    assert!(document.catalog().expect("a catalog").has(b"Outlines"));
}

#[test]
fn exactly_one_of_the_two_is_taken() {
    for with in [
        json!({}),
        json!({ "every": 1, "ranges": ["1"] }),
        json!({ "every": 0 }),
        json!({ "ranges": [] }),
        json!({ "every": -1 }),
    ] {
        let failed = run(with, &sample::pdf(1)).expect_err("it is refused");
        assert_eq!(
            failed.status,
            dropleaf_plugin_sdk::abi::E_PARAMETERS,
            "{failed}"
        );
    }
}

#[test]
fn an_empty_part_and_pages_beyond_are_refused() {
    let check = |range, pages, expected: &str| {
        let failed =
            run(json!({ "ranges": [1, range] }), &sample::pdf(pages)).expect_err("it is refused");
        assert_eq!(
            (failed.status, failed.message.as_str()),
            (dropleaf_plugin_sdk::abi::E_REJECTED, expected)
        );
    };
    check("4-", 3, "pages `4-` do not exist: the document has 3 pages");
    check(
        "even",
        1,
        "the part `even` would be empty: the document has 1 page",
    );
}

#[test]
fn parts_keep_what_pages_inherit_and_what_the_document_says() {
    let pdf = Sample::new("s", 2)
        .inherited_rotation(90)
        .xmp("<x/>")
        .edit(|document, _| {
            let catalog = document.catalog_mut().expect("a catalog");
            catalog.set("Lang", Cos::string_literal("de"));
        })
        .bytes();
    let ran = run(json!({ "every": 1 }), &pdf).expect("it runs");
    for part in &ran.documents {
        assert_eq!(rotations(part), [90]);
        let document = sample::open(part);
        let catalog = document.catalog().expect("a catalog");
        assert_eq!(
            catalog.get(b"Lang").and_then(Cos::as_str).ok(),
            Some(&b"de"[..])
        );
        let metadata = catalog
            .get_deref(b"Metadata", &document)
            .and_then(Cos::as_stream)
            .expect("a packet");
        assert_eq!(metadata.get_plain_content().expect("its bytes"), b"<x/>");
        let info = document
            .trailer
            .get_deref(b"Info", &document)
            .and_then(Cos::as_dict)
            .expect("an info dictionary");
        assert_eq!(
            info.get(b"Title").and_then(Cos::as_str).ok(),
            Some(&b"s"[..])
        );
    }
}

#[test]
fn form_fields_go_with_their_page() {
    let ran = run(
        json!({ "every": 1 }),
        &Sample::new("s", 2).field("name", "value").bytes(),
    )
    .expect("it runs");
    let fields = |pdf: &[u8]| {
        let document = sample::open(pdf);
        let form = document
            .catalog()
            .ok()?
            .get_deref(b"AcroForm", &document)
            .ok()?
            .as_dict()
            .ok()?
            .clone();
        Some(form.get(b"Fields").ok()?.as_array().ok()?.len())
    };
    assert_eq!(fields(&ran.documents[0]), Some(1));
    assert_eq!(fields(&ran.documents[1]), None);
}

#[test]
fn a_cancelled_job_stops() {
    let failed = Trial::of::<Split>(json!({ "every": 1 }))
        .cancel_after(3)
        .run(&[sample::pdf(9)])
        .expect_err("cancelled");
    assert_eq!(failed.status, dropleaf_plugin_sdk::abi::E_CANCELLED);
    assert_eq!(failed.progress.len(), 3);
}

/// What the catalog of a part has under these keys, one after the other.
fn catalog_value(document: &lopdf::Document, keys: &[&str]) -> Option<Cos> {
    let mut value = Cos::Dictionary(document.catalog().expect("a catalog").clone());
    for key in keys {
        let dict = match &value {
            Cos::Dictionary(dict) => dict,
            Cos::Array(items) => document
                .dereference(items.first()?)
                .ok()?
                .1
                .as_dict()
                .ok()?,
            _ => return None,
        };
        value = dict.get_deref(key.as_bytes(), document).ok()?.clone();
    }
    Some(value)
}

fn claims(document: &lopdf::Document) -> Vec<String> {
    let Some(Cos::Stream(packet)) = catalog_value(document, &["Metadata"]) else {
        return Vec::new();
    };
    assert!(!packet.dict.has(b"Filter"), "an archive's packet is plain");
    let packet = dropleaf_xmp::Packet::read(&packet.content).expect("a packet");
    packet.claims().iter().map(ToString::to_string).collect()
}

#[test]
fn parts_of_an_archive_are_archives() {
    let ran = run(
        json!({ "every": 1 }),
        &Sample::new("s", 2).archive("B", b"icc").bytes(),
    );
    let ran = ran.expect("it runs");
    assert_eq!(ran.warnings, [""; 0]);
    for part in &ran.documents {
        let document = sample::open(part);
        assert_eq!(claims(&document), ["PDF/A-2b"]);
        let profile = catalog_value(&document, &["OutputIntents", "DestOutputProfile"]);
        let profile = profile.expect("a profile");
        let profile = profile.as_stream().expect("a stream");
        assert_eq!(profile.get_plain_content().expect("its bytes"), b"icc");
        assert_eq!(profile.dict.get(b"N").and_then(Cos::as_i64).ok(), Some(3));
    }
}

#[test]
fn parts_do_not_claim_the_tags_that_they_lack() {
    let pdf = Sample::new("s", 3).archive("A", b"icc").bytes();
    let ran = run(json!({ "every": 2 }), &pdf).expect("it runs");
    for part in &ran.documents {
        let document = sample::open(part);
        assert_eq!(claims(&document), [""; 0]);
        assert_eq!(catalog_value(&document, &["MarkInfo"]), None);
        assert_eq!(catalog_value(&document, &["StructTreeRoot"]), None);
    }
    let [tags, claims] = ran.warnings.as_slice() else {
        panic!("{:?}", ran.warnings)
    };
    assert!(tags.contains("no tags"), "{tags}");
    assert!(claims.contains("PDF/A-2a, PDF/UA-1"), "{claims}");
    let whole = run(json!({ "every": 3 }), &pdf).expect("it runs");
    assert_eq!((whole.saves, whole.warnings.len()), (0, 0));
}

#[test]
fn attachments_that_no_part_gets_are_told() {
    let told = |names: &[&str]| {
        let pdf = Sample::new("s", 2).edit(|document, _| {
            let pairs = names.iter().flat_map(|name| {
                let key = Cos::string_literal(*name);
                [key.clone(), dictionary! { "UF" => key }.into()]
            });
            let tree = dictionary! { "Names" => pairs.collect::<Vec<Cos>>() };
            let catalog = document.catalog_mut().expect("a catalog");
            catalog.set("Names", dictionary! { "EmbeddedFiles" => tree });
        });
        run(json!({ "every": 1 }), &pdf.bytes())
            .expect("it runs")
            .warnings
    };
    assert_eq!(told(&[]), [""; 0]);
    let one = "the parts have no attachments (embedded files): `a.xml` stays behind";
    assert_eq!(told(&["a.xml"]), [one]);
    let three = "the parts have no attachments (embedded files): `a.xml` and 2 more stay behind";
    assert_eq!(told(&["a.xml", "b.xml", "c.xml"]), [three]);
}

#[test]
fn an_output_intent_that_leads_to_everything_stays_behind() {
    let pdf = Sample::new("s", 300)
        .archive("B", b"icc")
        .edit(|document, pages| {
            let page = pages[0];
            let catalog = document.catalog_mut().expect("a catalog");
            catalog.set("OutputIntents", vec![Cos::Reference(page)]);
        });
    let ran = run(json!({ "ranges": ["1-2"] }), &pdf.bytes()).expect("it runs");
    let document = sample::open(ran.document());
    assert_eq!(catalog_value(&document, &["OutputIntents"]), None);
    assert_eq!(claims(&document), [""; 0]);
    assert_eq!(ran.warnings.len(), 2, "{:?}", ran.warnings);
}

#[test]
fn labels_and_reading_preferences_go_with_the_pages() {
    let pdf = Sample::new("s", 4).edit(|document, _| {
        let roman = dictionary! { "S" => "r" };
        let decimal = dictionary! { "S" => "D" };
        let ranges: Vec<Cos> = vec![0.into(), roman.into(), 1.into(), decimal.into()];
        let preferences = dictionary! {
            "DisplayDocTitle" => true, "PrintPageRange" => vec![0.into(), 3.into()],
        };
        let catalog = document.catalog_mut().expect("a catalog");
        catalog.set("PageLabels", dictionary! { "Nums" => ranges });
        catalog.set("ViewerPreferences", preferences);
    });
    let ran = run(json!({ "ranges": ["3-", "2,1"] }), &pdf.bytes()).expect("it runs");
    let labels = |part: &[u8]| {
        let document = sample::open(part);
        let Some(Cos::Array(list)) = catalog_value(&document, &["PageLabels", "Nums"]) else {
            return String::new();
        };
        let label = |pair: &[Cos]| {
            let dict = pair[1].as_dict().expect("a label");
            let style = dict.get(b"S").and_then(Cos::as_name).expect("a style");
            let start = dict.get(b"St").and_then(Cos::as_i64).unwrap_or(1);
            let first = pair[0].as_i64().expect("a page");
            format!("{first}:{}{start}", String::from_utf8_lossy(style))
        };
        list.chunks(2).map(label).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(labels(&ran.documents[0]), "0:D2");
    assert_eq!(labels(&ran.documents[1]), "0:D1 1:r1");
    let document = sample::open(&ran.documents[0]);
    let preferences = catalog_value(&document, &["ViewerPreferences"]).expect("preferences");
    let preferences = preferences.as_dict().expect("a dictionary");
    assert_eq!(preferences.len(), 1);
    assert!(preferences.has(b"DisplayDocTitle"));
}

#[test]
fn items_of_the_outline_go_with_their_pages() {
    let pdf = Sample::new("s", 5).outline().edit(|document, pages| {
        let root = document.catalog().expect("a catalog").get(b"Outlines");
        let root = root.and_then(Cos::as_reference).expect("an outline");
        let root = document.get_dictionary(root).expect("an outline").clone();
        let first = root.get(b"First").and_then(Cos::as_reference);
        let first = first.expect("an item");
        // Below the item of page 1 is one of page 5; that of page 3 leads nowhere.
        let to: Vec<Cos> = vec![pages[4].into(), "FitH".into(), 7.into()];
        let below = dictionary! { "Title" => Cos::string_literal("below"), "Parent" => first, "Dest" => to };
        let below = document.add_object(below);
        let item = document.get_dictionary_mut(first).expect("an item");
        for key in ["First", "Last"] {
            item.set(key, below);
        }
        item.set("Count", -1);
        let third = document
            .objects
            .values_mut()
            .filter_map(|object| object.as_dict_mut().ok())
            .find(|dict| dict.get(b"Title").and_then(Cos::as_str).is_ok_and(|title| title == b"s 3"));
        third.expect("the third").remove(b"Dest");
    });
    let with = json!({ "ranges": ["1-2", "3", "5,4", "1,2,3,4,5"] });
    let ran = run(with, &pdf.bytes()).expect("it runs");
    let parts: Vec<String> = ran.documents.iter().map(|part| outline(part)).collect();
    let expected = [
        "2: s 1>1 s 2>2",
        "none",
        "3: s 1>1[-1 below>1] s 4>2 s 5>1",
        "5: s 1>1[-1 below>5] s 2>2 s 3>0 s 4>4 s 5>5",
    ];
    assert_eq!(parts, expected);
    assert_eq!(ran.warnings, [""; 0]);
}

/// The number of items in sight, and each with the number of its page and what is below it.
fn outline(pdf: &[u8]) -> String {
    let document = sample::open(pdf);
    let Some(Cos::Dictionary(root)) = catalog_value(&document, &["Outlines"]) else {
        return "none".to_owned();
    };
    let count = root.get(b"Count").and_then(Cos::as_i64).expect("a count");
    format!("{count}: {}", items(&document, &root))
}

fn items(document: &lopdf::Document, above: &lopdf::Dictionary) -> String {
    let pages: Vec<lopdf::ObjectId> = document.get_pages().into_values().collect();
    let mut lines = Vec::new();
    let mut next = above.get_deref(b"First", document).ok();
    while let Some(item) = next {
        let item = item.as_dict().expect("an item");
        let title = item.get(b"Title").and_then(Cos::as_str).expect("a title");
        let to = item.get(b"Dest").and_then(Cos::as_array).ok();
        let to = to.and_then(|to| to[0].as_reference().ok());
        let page = pages.iter().position(|page| Some(*page) == to);
        let page = page.map_or(0, |page| page + 1);
        let mut line = format!("{}>{page}", String::from_utf8_lossy(title));
        if let Ok(count) = item.get(b"Count").and_then(Cos::as_i64) {
            line += &format!("[{count} {}]", items(document, item));
        }
        lines.push(line);
        next = item.get_deref(b"Next", document).ok();
    }
    lines.join(" ")
}
