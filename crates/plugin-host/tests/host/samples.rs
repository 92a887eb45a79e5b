//! Documents made for the tests.

use dropleaf_plugin_host::{Bill, Document, Limits};
use lopdf::{Dictionary, Object, ObjectId, Stream, dictionary};

/// A document of `pages` pages that share a font, each with its number as content.
pub(crate) fn engine_document(pages: u32) -> lopdf::Document {
    let mut pdf = lopdf::Document::with_version("1.7");
    let root = pdf.new_object_id();
    let font = pdf.add_object(
        dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" },
    );
    let resources = pdf.add_object(dictionary! { "Font" => dictionary! { "F1" => font } });
    let kids: Vec<Object> = (0..pages)
        .map(|number| {
            let content = format!("BT /F1 24 Tf 72 700 Td (page {number}) Tj ET");
            let content = pdf.add_object(Stream::new(Dictionary::new(), content.into_bytes()));
            let page = dictionary! { "Type" => "Page", "Parent" => root, "Contents" => content, "Number" => number };
            Object::Reference(pdf.add_object(page))
        })
        .collect();
    let tree = dictionary! {
        "Type" => "Pages",
        "Kids" => kids,
        "Count" => pages,
        "Resources" => resources,
        "MediaBox" => vec![0.into(), 0.into(), 612.into(), 792.into()],
    };
    pdf.objects.insert(root, Object::Dictionary(tree));
    let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => root });
    let info = pdf.add_object(dictionary! { "Title" => Object::string_literal("A sample") });
    pdf.trailer.set("Root", catalog);
    pdf.trailer.set("Info", info);
    pdf.trailer.set(
        "ID",
        vec![
            Object::string_literal("0123456789abcdef"),
            Object::string_literal("0123456789abcdef"),
        ],
    );
    pdf
}

pub(crate) fn bytes_of(pdf: &mut lopdf::Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).expect("writing to memory");
    bytes
}

/// The bytes of [`engine_document`].
pub(crate) fn sample(pages: u32) -> Vec<u8> {
    bytes_of(&mut engine_document(pages))
}

pub(crate) fn open(bytes: Vec<u8>) -> Document {
    let (document, warnings) =
        Document::open(bytes, &[], &Limits::default(), &Bill::new()).expect("the sample opens");
    assert!(warnings.is_empty(), "{warnings:?}");
    document
}

pub(crate) fn save(document: &mut Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.save(&mut bytes).expect("the document saves");
    bytes
}

/// What was saved, as the engine reads it.
pub(crate) fn reread(document: &mut Document) -> lopdf::Document {
    let bytes = save(document);
    lopdf::Document::load_mem(&bytes).expect("what was saved can be read")
}

/// The `/Number` of each page, in order.
pub(crate) fn numbers(pdf: &lopdf::Document) -> Vec<i64> {
    pdf.page_iter().map(|page| number(pdf, page)).collect()
}

fn number(pdf: &lopdf::Document, page: ObjectId) -> i64 {
    let dict = pdf.get_dictionary(page).expect("a page");
    dict.get(b"Number").and_then(Object::as_i64).unwrap_or(-1)
}

/// A file written by hand: its objects in order, with the cross-references that belong to them.
pub(crate) fn by_hand(objects: &[&str], trailer: &str) -> Vec<u8> {
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file.extend(format!("{} 0 obj\n{object}\nendobj\n", index + 1).bytes());
    }
    let start = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for offset in offsets {
        file.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    let size = objects.len() + 1;
    file.extend(
        format!("trailer\n<< /Size {size} {trailer} >>\nstartxref\n{start}\n%%EOF\n").bytes(),
    );
    file
}

/// Numbers with as many digits as the engine keeps: who reads the file itself keeps them all.
pub(crate) fn narrowed(text: &str) -> String {
    let (mut out, mut word) = (String::new(), String::new());
    for character in text.chars().chain(['\0']) {
        if matches!(character, '0'..='9' | '.' | '-') {
            word.push(character);
            continue;
        }
        match word.parse::<f32>() {
            Ok(number) if word.contains('.') => out += &number.to_string(),
            _ => out += &word,
        }
        word.clear();
        out.push(character);
    }
    out
}

/// Opening puts an odd page tree in order, whoever has read it: these objects are a part of it, or are only called so.
pub(crate) fn tree_of(engine: &lopdf::Document) -> std::collections::BTreeSet<lopdf::ObjectId> {
    let parts = engine.objects.iter().filter(|(_, object)| has_part(object));
    let mut tree: std::collections::BTreeSet<lopdf::ObjectId> = parts.map(|(id, _)| *id).collect();
    tree.extend(
        engine
            .trailer
            .get(b"Root")
            .and_then(lopdf::Object::as_reference),
    );
    for object in engine.objects.values() {
        let Ok(dict) = object.as_dict() else { continue };
        tree.extend(dict.get(b"Pages").and_then(lopdf::Object::as_reference));
        let kids = dict.get(b"Kids").and_then(|kids| engine.dereference(kids));
        if let Ok((_, lopdf::Object::Array(kids))) = kids {
            tree.extend(kids.iter().filter_map(|kid| kid.as_reference().ok()));
        }
    }
    tree
}

fn has_part(object: &lopdf::Object) -> bool {
    const KEYS: [&[u8]; 4] = [b"Kids", b"Parent", b"Pages", b"Contents"];
    object
        .as_dict()
        .is_ok_and(|dict| KEYS.iter().any(|key| dict.has(key)))
}
