//! What holds for the whole document and for its parts, and what is told to stay behind.

use super::*;

/// Two pages, of which the first has a form field, with these entries in the catalog.
fn document(
    entries: impl FnOnce(&mut lopdf::Document, &[lopdf::ObjectId]) -> lopdf::Dictionary,
) -> Vec<u8> {
    let sample = Sample::new("s", 2)
        .field("name", "x")
        .edit(|document, pages| {
            let entries = entries(document, pages);
            let catalog = document.catalog_mut().expect("a catalog");
            for (key, value) in entries {
                catalog.set(key, value);
            }
        });
    sample.bytes()
}

#[test]
fn parts_are_of_the_version_and_read_as_the_whole() {
    let pdf = document(|_, _| {
        let iso = dictionary! { "BaseVersion" => "2.0", "ExtensionLevel" => 32001 };
        dictionary! {
            "Version" => "2.0", "Extensions" => dictionary! { "ISO_" => iso },
            "URI" => dictionary! { "Base" => Cos::string_literal("http://example.org/") },
            "PageLayout" => "TwoPageRight", "PageMode" => "UseThumbs",
        }
    });
    let ran = run(json!({ "every": 1 }), &pdf).expect("it runs");
    for part in &ran.documents {
        let document = sample::open(part);
        let name = |key| match catalog_value(&document, &[key]) {
            Some(Cos::Name(name)) => String::from_utf8_lossy(&name).into_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(name("Version"), "2.0");
        assert_eq!(name("PageLayout"), "TwoPageRight");
        assert_eq!(name("PageMode"), "UseThumbs");
        let level = catalog_value(&document, &["Extensions", "ISO_", "ExtensionLevel"]);
        assert_eq!(level, Some(32001.into()));
        let base = catalog_value(&document, &["URI", "Base"]);
        assert_eq!(base, Some(Cos::string_literal("http://example.org/")));
    }
    assert_eq!(ran.warnings, [""; 0]);
    // There is nothing to show beside the pages.
    let pdf = document(|_, _| dictionary! { "PageMode" => "UseOutlines" });
    let ran = run(json!({ "every": 1 }), &pdf).expect("it runs");
    let document = sample::open(&ran.documents[0]);
    assert_eq!(catalog_value(&document, &["PageMode"]), None);
}

/// As many as small files may have: to read the lists again for each would not end.
#[test]
fn any_number_of_annotations_and_fields_may_share_a_list() {
    let pdf = document(|document, pages| {
        let file = document
            .add_object(dictionary! { "Type" => "Filespec", "F" => Cos::string_literal("a") });
        let list = document.add_object(vec![Cos::Reference(file); 100_000]);
        let note = dictionary! { "Type" => "Annot", "Subtype" => "Text", "AF" => list };
        let notes: Vec<Cos> = (0..5_000)
            .map(|_| document.add_object(note.clone()).into())
            .collect();
        let notes = document.add_object(notes);
        document
            .get_dictionary_mut(pages[1])
            .expect("a page")
            .set("Annots", notes);
        let kid = document.add_object(dictionary! { "T" => Cos::string_literal("q") });
        let kids = document.add_object(vec![Cos::Reference(kid); 60_000]);
        let field = dictionary! { "T" => Cos::string_literal("f"), "Kids" => kids };
        let fields: Vec<Cos> = (0..10_000)
            .map(|_| document.add_object(field.clone()).into())
            .collect();
        let names = vec![Cos::string_literal("a"), file.into()];
        dictionary! {
            "AcroForm" => dictionary! { "Fields" => fields },
            "Names" => dictionary! { "EmbeddedFiles" => dictionary! { "Names" => names } },
        }
    });
    let ran = run(json!({ "every": 2 }), &pdf).expect("it runs");
    assert_eq!(ran.documents.len(), 1);
    let ran = run(json!({ "ranges": ["1"] }), &pdf).expect("it runs");
    assert!(
        ran.warnings
            .iter()
            .any(|warning| warning.contains("`q` stays behind")),
        "{:?}",
        ran.warnings
    );
}

/// To read all fields again for each part would not end.
#[test]
fn a_document_of_many_pages_may_have_any_number_of_fields() {
    let many = Sample::new("s", 500).edit(|document, pages| {
        let name = |at: u32| Cos::string_literal(format!("a{at}"));
        let field = |at| dictionary! { "FT" => "Tx", "T" => name(at) };
        let mut fields: Vec<Cos> = (0..50_000).map(|at| document.add_object(field(at)).into()).collect();
        let widget = dictionary! { "Type" => "Annot", "Subtype" => "Widget", "FT" => "Tx", "T" => name(50_000) };
        let widget = document.add_object(widget);
        fields.push(widget.into());
        for page in pages {
            let page = document.get_dictionary_mut(*page).expect("a page");
            page.set("Annots", vec![Cos::Reference(widget)]);
        }
        let form = dictionary! { "Fields" => fields };
        document.catalog_mut().expect("a catalog").set("AcroForm", form);
    });
    let ran = run(json!({ "every": 1 }), &many.bytes()).expect("it runs");
    assert_eq!(ran.documents.len(), 500);
    let part = sample::open(&ran.documents[499]);
    let fields = catalog_value(&part, &["AcroForm", "Fields"]);
    assert!(matches!(fields, Some(Cos::Array(fields)) if fields.len() == 1));
}

#[test]
fn scripts_of_the_document_go_with_form_fields() {
    let pdf = document(|document, _| {
        let script =
            dictionary! { "S" => "JavaScript", "JS" => Cos::string_literal("function sum() {}") };
        let script = document.add_object(script);
        let tree = dictionary! { "Names" => vec![Cos::string_literal("sum"), script.into()] };
        dictionary! { "Names" => dictionary! { "JavaScript" => tree } }
    });
    let ran = run(json!({ "every": 1 }), &pdf).expect("it runs");
    let scripts = |part: &[u8]| catalog_value(&sample::open(part), &["Names", "JavaScript"]);
    assert!(scripts(&ran.documents[0]).is_some());
    assert!(scripts(&ran.documents[1]).is_none());
    assert_eq!(ran.warnings, [""; 0]);
}

#[test]
fn what_describes_all_pages_or_is_on_none_is_told_to_stay_behind() {
    let pdf = document(|document, _| {
        let xfa = document.add_object(lopdf::Stream::new(
            lopdf::Dictionary::new(),
            b"<x/>".to_vec(),
        ));
        let hidden = dictionary! { "FT" => "Tx", "T" => Cos::string_literal("hidden") };
        let below = document.add_object(hidden.clone());
        let above =
            dictionary! { "T" => Cos::string_literal("above"), "Kids" => vec![below.into()] };
        let fields = [hidden, above].map(|field| Cos::Reference(document.add_object(field)));
        let catalog = document.catalog_mut().expect("a catalog");
        let form = catalog
            .get_mut(b"AcroForm")
            .and_then(Cos::as_dict_mut)
            .expect("a form");
        form.set("XFA", xfa);
        let listed = form
            .get_mut(b"Fields")
            .and_then(Cos::as_array_mut)
            .expect("fields");
        listed.extend(fields);
        dictionary! { "DPartRoot" => dictionary! { "Type" => "DPartRoot" } }
    });
    let ran = run(json!({ "every": 1 }), &pdf).expect("it runs");
    let [parts, xfa, fields] = ran.warnings.as_slice() else {
        panic!("{:?}", ran.warnings)
    };
    assert!(parts.contains("DPartRoot"), "{parts}");
    assert!(xfa.contains("XFA"), "{xfa}");
    assert!(
        fields.contains("`hidden` and 1 more stay behind"),
        "{fields}"
    );
}

#[test]
fn attachments_of_pages_that_come_along_do_not_stay_behind() {
    let pdf = document(|document, pages| {
        let mut pairs = Vec::new();
        let files = ["a.xml", "b.xml", "c.xml"].map(|name| {
            let name = Cos::string_literal(name);
            let file =
                document.add_object(dictionary! { "Type" => "Filespec", "UF" => name.clone() });
            pairs.extend([name, file.into()]);
            file
        });
        let note = dictionary! { "Subtype" => "FileAttachment", "FS" => files[1] };
        let note = document.add_object(note);
        for (page, file) in pages.iter().zip([files[0], files[2]]) {
            let page = document.get_dictionary_mut(*page).expect("a page");
            page.set("AF", vec![Cos::Reference(file)]);
        }
        let first = document.get_dictionary_mut(pages[0]).expect("a page");
        first.set("Annots", vec![Cos::Reference(note)]);
        dictionary! { "Names" => dictionary! { "EmbeddedFiles" => dictionary! { "Names" => pairs } } }
    });
    let ran = run(json!({ "every": 1 }), &pdf).expect("it runs");
    assert!(
        !ran.warnings.iter().any(|text| text.contains("attachments")),
        "{:?}",
        ran.warnings
    );
    let ran = run(json!({ "ranges": [1] }), &pdf).expect("it runs");
    let told = "the parts have no attachments (embedded files): `c.xml` stays behind";
    assert!(
        ran.warnings.iter().any(|text| text == told),
        "{:?}",
        ran.warnings
    );
}
