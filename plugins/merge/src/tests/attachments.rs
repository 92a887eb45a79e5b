//! The attachments of all documents.

use super::*;
use dropleaf_test_support::sample::lopdf::{ObjectId, Stream};
use std::collections::HashSet;

/// A file specification and its content.
fn file(document: &mut Pdf, name: &str, content: &[u8]) -> ObjectId {
    let dict =
        dictionary! { "Type" => "EmbeddedFile", "Subtype" => Cos::Name(b"text/xml".to_vec()) };
    let content = document.add_object(Stream::new(dict, content.to_vec()));
    document.add_object(dictionary! {
        "Type" => "Filespec", "F" => Cos::string_literal(name), "UF" => Cos::string_literal(name), "AFRelationship" => "Data",
        "EF" => dictionary! { "F" => content, "UF" => content },
    })
}

fn names(document: &mut Pdf, tree: Dictionary) {
    let catalog = document.catalog_mut().expect("a catalog");
    catalog.set("Names", dictionary! { "EmbeddedFiles" => tree });
}

/// A document with such attachments, each in a leaf of its own; the first of them belongs to the document as a whole.
fn with(title: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let edit = |document: &mut Pdf, _: &[ObjectId]| {
        let made: Vec<ObjectId> = files
            .iter()
            .map(|(name, content)| file(document, name, content))
            .collect();
        let leaves = files.iter().zip(&made).map(|((name, _), file)| {
            let pair = vec![Cos::string_literal(*name), Cos::from(*file)];
            Cos::from(document.add_object(dictionary! { "Names" => pair }))
        });
        let leaves: Vec<Cos> = leaves.collect();
        names(document, dictionary! { "Kids" => leaves });
        let whole = vec![Cos::from(made[0])];
        document.catalog_mut().expect("a catalog").set("AF", whole);
    };
    Sample::new(title, 1).edit(edit).bytes()
}

/// The attachments of a document: the names in the tree and for people, and the content.
fn listed(bytes: &[u8]) -> Vec<(String, String, Vec<u8>)> {
    let document = sample::open(bytes);
    let tree = dict(&document, &["Names", "EmbeddedFiles"]);
    let list = tree.get(b"Names").and_then(Cos::as_array);
    let list = list.expect("one flat list").chunks(2).map(|pair| {
        let text =
            |value: &Cos| String::from_utf8_lossy(value.as_str().expect("text")).into_owned();
        let file = document.dereference(&pair[1]).expect("it is there").1;
        let file = file.as_dict().expect("a file specification");
        assert_eq!(
            file.get(b"F").map(text).ok(),
            file.get(b"UF").map(text).ok()
        );
        let content = file.get(b"EF").and_then(Cos::as_dict);
        let content = content.and_then(|content| content.get_deref(b"UF", &document));
        let content = content.and_then(Cos::as_stream).expect("its content");
        let content = content.get_plain_content().expect("it is readable");
        (
            text(&pair[0]),
            text(file.get(b"UF").expect("a name")),
            content,
        )
    });
    list.collect()
}

fn associated(bytes: &[u8]) -> usize {
    let document = sample::open(bytes);
    let list = document.catalog().expect("a catalog").get(b"AF");
    list.and_then(Cos::as_array).map_or(0, Vec::len)
}

#[test]
fn attachments_of_all_documents_are_kept() {
    let first = with("a", &[("invoice.xml", b"<a/>"), ("z.txt", b"z")]);
    let second = with("b", &[("invoice.xml", b"<b/>"), ("m.txt", b"m")]);
    let third = with("c", &[("invoice.xml", b"<c/>")]);
    let ran = run(&[first, second, third]);
    let own = |name: &str, content: &[u8]| (name.to_owned(), name.to_owned(), content.to_vec());
    assert_eq!(
        listed(ran.document()),
        [
            own("invoice (2).xml", b"<b/>"),
            own("invoice (3).xml", b"<c/>"),
            own("invoice.xml", b"<a/>"),
            own("m.txt", b"m"),
            own("z.txt", b"z"),
        ]
    );
    assert_eq!(associated(ran.document()), 3);
    assert_eq!(
        ran.warnings,
        [
            "the attachment `invoice.xml` of document `2` is now `invoice (2).xml`: an earlier document has one of that name",
            "the attachment `invoice.xml` of document `3` is now `invoice (3).xml`: an earlier document has one of that name",
        ]
    );
}

#[test]
fn attachments_come_into_a_document_that_has_none_and_into_one_that_others_have_none_of() {
    let some = || with("a", &[("é.txt", b"1")]);
    for documents in [[sample::pdf(1), some()], [some(), sample::pdf(1)]] {
        let ran = run(&documents);
        assert_eq!(ran.warnings, [""; 0]);
        assert_eq!(associated(ran.document()), 1);
        let document = sample::open(ran.document());
        let tree = dict(&document, &["Names", "EmbeddedFiles"]);
        assert!(tree.has(b"Names") || tree.has(b"Kids"));
    }
}

#[test]
fn what_cannot_be_attached_is_told_by_its_name() {
    let second = Sample::new("b", 1).edit(|document, _| {
        let large = file(document, "large.bin", &vec![0; (64 << 20) + 1]);
        let whole = file(document, "whole.txt", b"here");
        let outside = dictionary! { "F" => Cos::string_literal("outside.txt") };
        let pairs = [
            ("1", Cos::from(large)),
            ("2", outside.into()),
            ("3", whole.into()),
        ];
        let pairs = pairs.map(|(key, file)| [Cos::string_literal(key), file]);
        names(document, dictionary! { "Names" => pairs.concat() });
    });
    let ran = run(&[sample::pdf(1), second.bytes()]);
    assert_eq!(
        ran.warnings,
        [
            "the attachment `large.bin` of document `2` is left out: it is larger than 64 MiB",
            "the attachment `outside.txt` of document `2` is left out: its content is not in the document",
        ]
    );
    assert_eq!(
        listed(ran.document()),
        [("3".to_owned(), "whole.txt".to_owned(), b"here".to_vec())]
    );
}

#[test]
fn a_tree_of_attachments_that_leads_to_itself_ends() {
    let second = Sample::new("b", 1).edit(|document, _| {
        let whole = file(document, "whole.txt", b"here");
        let node = document.new_object_id();
        let pair = vec![Cos::string_literal("1"), Cos::from(whole)];
        let kids = vec![Cos::from(node), Cos::Null];
        let node_dict = dictionary! { "Names" => pair, "Kids" => kids };
        document.objects.insert(node, node_dict.clone().into());
        names(document, node_dict);
    });
    let ran = run(&[sample::pdf(1), second.bytes()]);
    assert_eq!(ran.warnings.len(), 2, "{:?}", ran.warnings);
    assert!(ran.warnings[0].contains("damaged or too long"));
    let files = listed(ran.document());
    let names: Vec<&str> = files.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names, ["whole.txt", "whole (2).txt"]);
}

#[test]
fn thousands_of_one_name_and_of_one_key_are_told_apart() {
    const FILES: usize = 3_000;
    let second = |name: fn(usize) -> String| {
        let sample = Sample::new("b", 1).edit(|document, _| {
            let pairs = (0..FILES).flat_map(|number| {
                let file = file(document, &name(number), b"x");
                [Cos::string_literal("key"), Cos::from(file)]
            });
            let pairs: Vec<Cos> = pairs.collect();
            names(document, dictionary! { "Names" => pairs });
        });
        sample.bytes()
    };
    for name in [|_| "same".to_owned(), |number| format!("{number}")] {
        let files = listed(run(&[sample::pdf(1), second(name)]).document());
        let keys: HashSet<&String> = files.iter().map(|(key, ..)| key).collect();
        let names: HashSet<&String> = files.iter().map(|(_, name, _)| name).collect();
        assert_eq!((keys.len(), names.len()), (FILES, FILES));
    }
}
