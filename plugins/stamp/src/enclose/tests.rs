//! Which contents become forms, and which are read.

use dropleaf_plugin_sdk::prelude::*;
use dropleaf_plugin_sdk::testing;
use dropleaf_test_support::sample::lopdf::{
    Dictionary, Document, Object, ObjectId, Stream, dictionary,
};
use dropleaf_test_support::sample::{self, Sample};

use crate::StampText;

/// Stamps all pages; there may be no warnings.
fn stamp(document: Vec<u8>) -> Document {
    stamp_with(json!({ "text": "x {{ page }}" }), document)
}

fn stamp_with(parameters: serde_json::Value, document: Vec<u8>) -> Document {
    let ran = testing::run::<StampText>(parameters, &[document]).expect("it stamps");
    assert_eq!(ran.warnings, Vec::<String>::new());
    sample::open(&ran.documents[0])
}

/// A stream of this content with a filter.
fn filtered(content: &str) -> Stream {
    let hex: String = content.bytes().map(|byte| format!("{byte:02x}")).collect();
    let dict = dictionary! { "Filter" => "ASCIIHexDecode" };
    Stream::new(dict, format!("{hex}>").into_bytes())
}

/// Gives page `page` (from 0) a filtered content; answers its number.
fn put(document: &mut Document, pages: &[ObjectId], page: usize, content: &str) -> ObjectId {
    let stream = document.add_object(filtered(content));
    let page = document.get_dictionary_mut(pages[page]).expect("a page");
    page.set("Contents", stream);
    stream
}

fn put_all(document: &mut Document, pages: &[ObjectId], content: &str) {
    for page in 0..pages.len() {
        put(document, pages, page, content);
    }
}

fn page(document: &Document, number: u32) -> &Dictionary {
    let id = document.get_pages()[&number];
    document.get_dictionary(id).expect("a page")
}

/// The old content of a page as a form, if it is one.
fn form(document: &Document, number: u32) -> Option<(ObjectId, &Stream)> {
    let resources = page(document, number)
        .get(b"Resources")
        .ok()?
        .as_dict()
        .ok()?;
    let objects = resources.get(b"XObject").ok()?.as_dict().ok()?;
    let id = objects.get(b"Page").ok()?.as_reference().ok()?;
    Some((id, document.get_object(id).ok()?.as_stream().ok()?))
}

fn content(document: &Document, number: u32) -> String {
    let content = document.get_page_content(document.get_pages()[&number]);
    String::from_utf8_lossy(&content).into_owned()
}

#[test]
fn a_compressed_content_becomes_a_form_as_it_stands() {
    let before = "q 2 0 0 2 9 9 cm BT (never closed";
    let own = dictionary! { "Font" => dictionary! {}, "ProcSet" => vec!["PDF".into()] };
    let document = Sample::new("whole", 1)
        .edit(|document, pages| {
            put(document, pages, 0, before);
            let page = document.get_dictionary_mut(pages[0]).expect("a page");
            page.set("Resources", own.clone());
        })
        .bytes();
    let stamped = stamp_with(json!({ "text": "x {{ page }}", "opacity": 0.5 }), document);
    let (id, stream) = form(&stamped, 1).expect("a form");
    assert_eq!(
        stream.content,
        filtered(before).content,
        "no byte was touched"
    );
    assert_eq!(
        stream.dict.get(b"Subtype").and_then(Object::as_name).ok(),
        Some(&b"Form"[..])
    );
    assert_eq!(
        stream.dict.get(b"Resources").and_then(Object::as_dict).ok(),
        Some(&own)
    );
    let bounds = stream
        .dict
        .get(b"BBox")
        .and_then(Object::as_array)
        .expect("a box");
    assert_eq!(bounds[0], Object::Integer(-32_000));
    let content = content(&stamped, 1);
    assert!(
        content.starts_with("q\n/Page Do\nQ\n/Artifact BMC\nq 1 0 0 1 "),
        "{content}"
    );
    assert!(
        content.contains("/Stamp gs") && content.contains("BT /Stamp 10 Tf"),
        "{content}"
    );
    let resources = page(&stamped, 1)
        .get(b"Resources")
        .and_then(Object::as_dict)
        .expect("its own");
    let names: Vec<_> = resources
        .iter()
        .map(|(key, _)| String::from_utf8_lossy(key).into_owned())
        .collect();
    assert_eq!(names, ["XObject", "Font", "ExtGState"]);
    assert_ne!(
        page(&stamped, 1)
            .get(b"Contents")
            .and_then(Object::as_reference)
            .ok(),
        Some(id)
    );
}

#[test]
fn one_text_is_one_form_beside_the_contents() {
    let document = Sample::new("same", 3)
        .edit(|document, pages| put_all(document, pages, "0 g"))
        .bytes();
    let stamped = stamp_with(json!({ "text": "DRAFT" }), document);
    let contents: Vec<_> = (1..=3)
        .map(|number| page(&stamped, number).get(b"Contents").expect("contents"))
        .collect();
    assert!(
        contents.iter().all(|one| *one == contents[0]),
        "what draws them is the same"
    );
    let stamps: Vec<_> = (1..=3)
        .map(|number| {
            let resources = page(&stamped, number)
                .get(b"Resources")
                .and_then(Object::as_dict);
            let objects = resources
                .and_then(|it| it.get(b"XObject"))
                .and_then(Object::as_dict);
            objects
                .and_then(|it| it.get(b"Stamp"))
                .expect("the stamp")
                .clone()
        })
        .collect();
    assert!(stamps.iter().all(|one| *one == stamps[0]));
}

#[test]
fn inherited_resources_are_shared_by_the_forms() {
    let document = Sample::new("inherited", 2)
        .edit(|document, pages| put_all(document, pages, "0 g"))
        .bytes();
    let stamped = stamp(document);
    let resources = |number| {
        let (_, form) = form(&stamped, number).expect("a form");
        form.dict
            .get(b"Resources")
            .and_then(Object::as_reference)
            .expect("shared")
    };
    assert_eq!(resources(1), resources(2));
    let shared = stamped.get_dictionary(resources(1)).expect("resources");
    assert!(
        shared
            .get(b"Font")
            .and_then(Object::as_dict)
            .expect("fonts")
            .has(b"F1")
    );
}

#[test]
fn a_content_of_several_pages_is_read() {
    // Viewers that heed the resources of a content stream would draw the first page's pictures on the others.
    let document = Sample::new("shared", 5)
        .edit(|document, pages| {
            let stream = put(document, pages, 0, "/F1 9 Tf q");
            put(document, pages, 4, "0 g");
            let list = document.add_object(Object::Array(vec![stream.into()]));
            for (page, contents) in [
                (1, vec![stream.into()].into()),
                (2, list.into()),
                (3, stream.into()),
            ] {
                let page = document.get_dictionary_mut(pages[page]).expect("a page");
                page.set::<_, Object>("Contents", contents);
                page.set("Resources", Dictionary::new());
            }
        })
        .bytes();
    for pages in ["1", "2", "3", "4", "all"] {
        let stamped = stamp_with(
            json!({ "text": "x {{ page }}", "pages": pages }),
            document.clone(),
        );
        for number in 1..=4 {
            assert!(form(&stamped, number).is_none(), "{pages}: {number}");
        }
        assert_eq!(form(&stamped, 5).is_some(), pages == "all");
        let streams = stamped
            .objects
            .values()
            .filter_map(|object| object.as_stream().ok());
        let mut contents =
            streams.filter(|stream| stream.content == filtered("/F1 9 Tf q").content);
        let content = contents.next().expect("the content");
        assert!(!content.dict.has(b"Resources"), "{pages}");
    }
}

#[test]
fn what_takes_the_pages_resources_keeps_them() {
    let check = |what: &str, is_form: bool, edit: &dyn Fn(&mut Document, &mut Dictionary)| {
        let document = Sample::new("leaning", 1)
            .edit(|document, pages| {
                put(document, pages, 0, "q 0 g");
                let mut page = document.get_dictionary(pages[0]).expect("a page").clone();
                edit(document, &mut page);
                document.set_object(pages[0], page);
            })
            .bytes();
        let stamped = stamp(document);
        assert_eq!(form(&stamped, 1).is_some(), is_form, "{what}");
    };
    let annotate = |document: &mut Document, page: &mut Dictionary, drawn: bool| {
        let mut annotation = dictionary! { "Subtype" => "Stamp" };
        if drawn {
            let form = dictionary! { "Subtype" => "Form" };
            let form = document.add_object(Stream::new(form, b"BT /F1 9 Tf ET".to_vec()));
            annotation.set("AP", dictionary! { "N" => form });
        }
        let annotation = document.add_object(annotation);
        page.set("Annots", vec![annotation.into()]);
    };
    check("an appearance", false, &|document, page| {
        annotate(document, page, true)
    });
    check("a link", true, &|document, page| {
        annotate(document, page, false)
    });
    let fonts = |document: &mut Document, has_own: bool| {
        let mut font = dictionary! { "Type" => "Font", "Subtype" => "Type3" };
        if has_own {
            font.set("Resources", Dictionary::new());
        }
        let font = document.add_object(font);
        dictionary! { "T" => font }
    };
    for has_own in [false, true] {
        check("glyphs", has_own, &|document, page| {
            let fonts = fonts(document, has_own);
            page.set("Resources", dictionary! { "Font" => fonts });
        });
        check(
            "glyphs that stand in the page",
            has_own,
            &|document, page| {
                let mut fonts = fonts(document, has_own);
                let font = fonts.get(b"T").and_then(Object::as_reference);
                let font = font.and_then(|font| document.get_dictionary(font));
                let font = font.expect("a font").clone();
                fonts.set("T", font);
                page.set("Resources", dictionary! { "Font" => fonts });
            },
        );
        check("glyphs in a list of its own", has_own, &|document, page| {
            let fonts = fonts(document, has_own);
            let fonts = document.add_object(fonts);
            page.set("Resources", dictionary! { "Font" => fonts });
        });
        check("glyphs of several pages", has_own, &|document, page| {
            let fonts = fonts(document, has_own);
            let shared = document.add_object(dictionary! { "Font" => fonts });
            page.set("Resources", shared);
        });
    }
}

#[test]
fn whatever_a_form_could_not_stand_for_is_read() {
    let check = |what: &str, edit: &dyn Fn(&mut Document, &[ObjectId], ObjectId)| {
        let document = Sample::new("odd", 1)
            .edit(|document, pages| {
                let stream = put(document, pages, 0, "q 0 g");
                edit(document, pages, stream);
            })
            .bytes();
        let stamped = stamp(document);
        assert!(form(&stamped, 1).is_none(), "{what}");
        let content = content(&stamped, 1);
        let content = content.replace("\n\n", "\n");
        assert!(
            content.contains("q 0 g\nQ\nQ\n/Artifact BMC"),
            "{what}: {content}"
        );
    };
    fn dict<'a>(document: &'a mut Document, pages: &[ObjectId]) -> &'a mut Dictionary {
        document.get_dictionary_mut(pages[0]).expect("a page")
    }
    check(
        "marked content that the structure names",
        &|document, pages, _| {
            dict(document, pages).set("StructParents", 0);
        },
    );
    check("a tagged document", &|document, _, _| {
        let tree = document.add_object(dictionary! { "Type" => "StructTreeRoot" });
        let root = document
            .trailer
            .get(b"Root")
            .and_then(Object::as_reference)
            .expect("a root");
        document
            .get_dictionary_mut(root)
            .expect("a catalog")
            .set("StructTreeRoot", tree);
    });
    check(
        "a stream that is something else too",
        &|document, _, stream| {
            let stream = document
                .get_object_mut(stream)
                .and_then(Object::as_stream_mut)
                .expect("a stream");
            stream.dict.set("Subtype", "Form");
        },
    );
    check("resources that are none", &|document, pages, _| {
        let none = document.add_object(Object::Integer(1));
        dict(document, pages).set("Resources", none);
    });
    check("a page beyond all bounds", &|document, pages, _| {
        let far = vec![0.into(), 0.into(), 40_000.into(), 40_000.into()];
        dict(document, pages).set("MediaBox", far);
    });
}

#[test]
fn several_streams_are_read() {
    let document = Sample::new("list", 1)
        .edit(|document, pages| {
            let first = document.add_object(filtered("q"));
            let second = document.add_object(filtered("q"));
            let page = document.get_dictionary_mut(pages[0]).expect("a page");
            page.set("Contents", Object::Array(vec![first.into(), second.into()]));
        })
        .bytes();
    let stamped = stamp(document);
    assert!(form(&stamped, 1).is_none());
    assert_eq!(content(&stamped, 1).matches("\nQ").count(), 4);
}

#[test]
fn a_second_stamp_goes_behind_the_first() {
    let document = Sample::new("twice", 2)
        .edit(|document, pages| put_all(document, pages, "q 0 g"))
        .bytes();
    let once = testing::run::<StampText>(json!({ "text": "one", "pages": 2 }), &[document]);
    let once = once.expect("it stamps").documents.remove(0);
    let twice = stamp(once);
    assert!(form(&twice, 1).is_some(), "the page that had no stamp yet");
    let content = content(&twice, 2);
    assert_eq!(content.matches("/Page Do").count(), 1, "{content}");
    assert_eq!(content.matches("/Artifact BMC").count(), 2, "{content}");
}

#[test]
fn a_page_that_stands_in_the_tree_twice_has_a_stamp_for_each_place() {
    let document = Sample::new("again", 2)
        .edit(|document, pages| {
            put(document, pages, 0, "0 g");
            let root = document
                .get_dictionary(pages[0])
                .and_then(|page| page.get(b"Parent"))
                .and_then(Object::as_reference)
                .expect("a parent");
            let root = document.get_dictionary_mut(root).expect("the root");
            root.set("Kids", vec![pages[0].into(), pages[0].into()]);
        })
        .bytes();
    let stamped = stamp(document);
    for number in 1..=2 {
        assert_eq!(
            content(&stamped, number).matches("/Artifact BMC").count(),
            1
        );
        assert!(form(&stamped, number).is_none(), "both have the content");
    }
}
