use dropleaf_plugin_sdk::testing;
use dropleaf_plugin_sdk::text;
use dropleaf_test_support::sample::lopdf::{Document as Pdf, Object as Cos};
use dropleaf_test_support::sample::{self, Sample};

use super::*;

testing::examples!(dropleaf_entry());

fn run(with: Json, sample: Sample) -> (testing::Ran, Pdf) {
    let ran = testing::run::<SetMetadata>(with, &[sample.bytes()]).expect("it runs");
    let document = sample::open(ran.document());
    (ran, document)
}

fn info(document: &Pdf, key: &str) -> Option<String> {
    let info = document
        .trailer
        .get_deref(b"Info", document)
        .and_then(Cos::as_dict)
        .ok()?;
    info.get(key.as_bytes())
        .and_then(Cos::as_str)
        .ok()
        .map(text::decode)
}

fn packet(document: &Pdf) -> String {
    let catalog = document.catalog().expect("a catalog");
    let stream = catalog
        .get_deref(b"Metadata", document)
        .and_then(Cos::as_stream)
        .expect("a packet");
    assert!(
        !stream.dict.has(b"Filter"),
        "an archive's packet is not compressed"
    );
    String::from_utf8(stream.content.clone()).expect("the packet is UTF-8")
}

#[test]
fn both_places_agree_on_every_kind_of_text() {
    let with = json!({
        "title": "Grüße & <Küsse>", "author": "山田", "subject": "a “quote”", "keywords": ["one", "two"],
        "custom": { "Cost centre": "17 €" }
    });
    let (ran, document) = run(with, Sample::new("old", 1));
    assert_eq!(info(&document, "Title").as_deref(), Some("Grüße & <Küsse>"));
    assert_eq!(info(&document, "Author").as_deref(), Some("山田"));
    assert_eq!(info(&document, "Subject").as_deref(), Some("a “quote”"));
    assert_eq!(info(&document, "Keywords").as_deref(), Some("one, two"));
    assert_eq!(info(&document, "Cost centre").as_deref(), Some("17 €"));
    assert_eq!(
        info(&document, "Producer").as_deref(),
        Some("Dropleaf samples")
    );
    let packet = packet(&document);
    for part in [
        "<dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">Grüße &amp; &lt;Küsse&gt;</rdf:li></rdf:Alt></dc:title>",
        "<dc:creator><rdf:Seq><rdf:li>山田</rdf:li></rdf:Seq></dc:creator>",
        "<rdf:li xml:lang=\"x-default\">a “quote”</rdf:li>",
        "<dc:subject><rdf:Bag><rdf:li>one</rdf:li><rdf:li>two</rdf:li></rdf:Bag></dc:subject>",
        "<pdf:Keywords>one, two</pdf:Keywords>",
        "<pdf:Producer>Dropleaf samples</pdf:Producer>",
        "<pdfx:Cost\u{2182}0020centre>17 €</pdfx:Cost\u{2182}0020centre>",
    ] {
        assert!(packet.contains(part), "{part} in {packet}");
    }
    assert_eq!((ran.parses, ran.saves), (1, 1));
    assert_eq!(ran.warnings, [""; 0]);
}

#[test]
fn an_existing_packet_keeps_what_it_says_otherwise() {
    let old = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
          pdfaid:part="2" pdfaid:conformance="B"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">old</rdf:li></rdf:Alt></dc:title>
          <dc:rights>mine</dc:rights></rdf:Description></rdf:RDF></x:xmpmeta>"#;
    let (_, document) = run(json!({ "title": "new" }), Sample::new("old", 1).xmp(old));
    let packet = packet(&document);
    assert!(
        packet.contains("pdfaid:part=\"2\"") && packet.contains("<dc:rights>mine</dc:rights>"),
        "{packet}"
    );
    assert!(
        packet.contains(">new<") && !packet.contains(">old<"),
        "{packet}"
    );
}

#[test]
fn removed_entries_are_gone_from_both() {
    let (_, first) = run(
        json!({ "custom": { "Secret": "x" }, "author": "A" }),
        Sample::new("old", 1),
    );
    assert!(packet(&first).contains("<pdfx:Secret>"));
    let mut bytes = Vec::new();
    first.clone().save_to(&mut bytes).expect("saved");
    let with = json!({ "remove": ["Secret", "author", "producer", "title", "never-there"] });
    let ran = testing::run::<SetMetadata>(with, &[bytes]).expect("it runs");
    let document = sample::open(ran.document());
    for key in ["Secret", "Author", "Producer", "Title"] {
        assert_eq!(info(&document, key), None, "{key}");
    }
    let packet = packet(&document);
    for part in ["Secret", "dc:creator", "Producer", "dc:title"] {
        assert!(!packet.contains(&format!("<{part}")), "{part} in {packet}");
    }
    assert_eq!(
        ran.results["changed"],
        json!(["Author", "Producer", "Secret", "Title"])
    );
}

#[test]
fn entries_that_are_no_text_are_removed_too() {
    let packet_before = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"><pdf:Trapped>True</pdf:Trapped></rdf:Description>
        </rdf:RDF></x:xmpmeta>"#;
    let sample = || {
        Sample::new("old", 1)
            .info("Trapped", Cos::Name(b"True".to_vec()))
            .info("Pages", Cos::Integer(7))
            .info("Empty", Cos::string_literal(""))
            .xmp(packet_before)
    };
    let with = json!({ "remove": ["trapped", "Pages", "Empty"] });
    let (ran, document) = run(with, sample());
    let info = document.trailer.get_deref(b"Info", &document);
    let info = info.and_then(Cos::as_dict).expect("Info");
    for key in [&b"Trapped"[..], b"Pages", b"Empty"] {
        assert!(!info.has(key), "{}", key.escape_ascii());
    }
    assert!(!packet(&document).contains("Trapped"));
    assert_eq!(ran.results["changed"], json!(["Empty", "Pages", "Trapped"]));
    let (_, document) = run(json!({ "title": "new" }), sample());
    let info = document.trailer.get_deref(b"Info", &document);
    let info = info.and_then(Cos::as_dict).expect("Info");
    assert!(info.has(b"Trapped") && info.has(b"Pages") && info.has(b"Empty"));
    assert!(packet(&document).contains("Trapped"));
}

#[test]
fn a_packet_that_cannot_be_read_is_made_anew() {
    let (ran, document) = run(
        json!({ "title": "new" }),
        Sample::new("old", 1).xmp("<broken"),
    );
    assert!(
        ran.warnings[0].contains("the XMP packet cannot be read"),
        "{:?}",
        ran.warnings
    );
    assert!(packet(&document).contains(">new<"));
}

#[test]
fn a_document_without_info_gets_one() {
    let bare = Sample::new("old", 1).edit(|document, _| _ = document.trailer.remove(b"Info"));
    let (_, document) = run(json!({ "subject": "s" }), bare);
    assert_eq!(info(&document, "Subject").as_deref(), Some("s"));
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    let bare = Sample::new("old", 1)
        .edit(|document, _| _ = document.trailer.remove(b"Info"))
        .bytes();
    let ran = testing::run::<SetMetadata>(json!({ "remove": ["title"] }), &[bare.as_slice()])
        .expect("it runs");
    assert_eq!(ran.document(), bare);
    assert_eq!(ran.saves, 0);
}

#[test]
fn bad_parameters_are_refused() {
    for with in [
        json!({ "titel": "x" }),
        json!({ "title": "bell\u{7}" }),
        json!({ "title": "x", "remove": ["title"] }),
        json!({ "custom": { "Title": "x" } }),
        json!({ "custom": { "ModDate": "x" } }),
        json!({ "keywords": 3 }),
    ] {
        let failed =
            testing::run::<SetMetadata>(with, &[sample::pdf(1)]).expect_err("it is refused");
        assert_eq!(
            failed.status,
            dropleaf_plugin_sdk::abi::E_PARAMETERS,
            "{failed}"
        );
    }
}

/// A packet that claims the document to be of this part of PDF/A, with more in it.
fn archive(part: u8, more: &str) -> String {
    format!(
        "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
         <r:Description r:about='' xmlns:a='http://www.aiim.org/pdfa/ns/id/' a:part='{part}' a:conformance='B'/>{more}</r:RDF>"
    )
}

#[test]
fn an_archive_that_gets_an_entry_of_no_schema_claims_to_be_none() {
    let check = |part: u8, more: &str, with: Json, expected: usize| {
        let (ran, document) = run(with, Sample::new("s", 1).xmp(&archive(part, more)));
        assert_eq!(
            ran.warnings.len(),
            expected,
            "{part} {more} {:?}",
            ran.warnings
        );
        assert_eq!(packet(&document).contains("a:part"), expected == 0);
    };
    let own = json!({ "custom": { "Department": "Sales" } });
    check(2, "", own.clone(), 1);
    check(1, "", own.clone(), 1);
    check(4, "", own.clone(), 0);
    check(2, "", json!({ "title": "T", "remove": ["Department"] }), 0);
    let described = "<r:Description r:about='' xmlns:e='http://www.aiim.org/pdfa/ns/extension/' \
         xmlns:p='http://www.aiim.org/pdfa/ns/property#'><e:schemas><r:Bag><r:li r:parseType='Resource'>\
         <p:name>Department</p:name></r:li></r:Bag></e:schemas></r:Description>";
    check(2, described, own.clone(), 0);
    let there =
        "<r:Description r:about='' xmlns:x='http://ns.adobe.com/pdfx/1.3/' x:Department='HR'/>";
    check(2, there, own, 0);
}

#[test]
fn an_archive_of_the_fourth_part_gets_no_info_dictionary() {
    let without = |part| {
        let sample = Sample::new("s", 1).xmp(&archive(part, ""));
        sample.edit(|document, _| _ = document.trailer.remove(b"Info"))
    };
    let with = json!({ "title": "T" });
    let (_, document) = run(with.clone(), without(4));
    assert!(!document.trailer.has(b"Info"));
    assert!(packet(&document).contains(">T<"));
    let (_, document) = run(with, without(2));
    assert_eq!(info(&document, "Title").as_deref(), Some("T"));
}
