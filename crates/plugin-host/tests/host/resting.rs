//! Files that are written by the book are not built into objects when they are opened. Nobody may see a difference: what
//! the engine reads of them is the measure, object by object.

use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host::{Bill, Document, Limits};
use lopdf::{Dictionary, Object, ObjectId, SaveOptions, Stream, StringFormat, Writer};
use proptest::prelude::*;

use crate::corpus;
use crate::samples::{by_hand, engine_document, open, save};
use crate::script::{Plugin, Value, run};

/// An object as a plugin sees it: its syntax or its scalar, and the bytes of a stream.
fn seen(p: &Plugin, id: ObjectId) -> (String, Vec<u8>) {
    match p.object(abi::DOCUMENT, id.0, u32::from(id.1)) {
        Ok(Value::Array(obj) | Value::Dict(obj)) => (p.syntax(obj).expect("syntax"), Vec::new()),
        Ok(Value::Stream(obj)) => {
            let bytes = p.stream(obj, abi::STREAM_RAW).expect("its bytes");
            (p.syntax(obj).expect("syntax"), bytes)
        }
        other => (format!("{:?}", other.expect("an object")), Vec::new()),
    }
}

/// The same of the engine's object.
fn read(object: &Object) -> Option<(String, Vec<u8>)> {
    let syntax = |object: &Object| {
        let mut written = Vec::new();
        Writer::write_object(&mut written, object).expect("writing to memory");
        String::from_utf8_lossy(&written).into_owned()
    };
    Some(match object {
        Object::Array(_) | Object::Dictionary(_) => (syntax(object), Vec::new()),
        Object::Stream(stream) => (
            syntax(&Object::Dictionary(stream.dict.clone())),
            stream.content.clone(),
        ),
        Object::Integer(value) => (format!("{:?}", Value::Int(*value)), Vec::new()),
        Object::Name(name) => (format!("{:?}", Value::Name(name.clone())), Vec::new()),
        Object::String(text, _) => (format!("{:?}", Value::Text(text.clone())), Vec::new()),
        // Reals are widened by their spelling; null, booleans and references say nothing more.
        _ => return None,
    })
}

/// Opening puts an odd page tree in order, whoever has read it.
fn is_tree(object: &Object) -> bool {
    const KEYS: [&[u8]; 4] = [b"Kids", b"Parent", b"Pages", b"Contents"];
    object
        .as_dict()
        .is_ok_and(|dict| KEYS.iter().any(|key| dict.has(key)))
}

/// Opens a file, lets a step look at every object, lets another one change every dictionary and fail, saves, and compares
/// with what the engine reads each time. Files that are repaired are nobody's business here.
fn compare(name: &str, bytes: &[u8]) {
    let Ok((document, warnings)) =
        Document::open(bytes.to_vec(), &[], &Limits::default(), &Bill::new())
    else {
        return;
    };
    let engine = lopdf::Document::load_mem(bytes);
    let Ok(engine) = engine.map(|engine| (engine.was_encrypted(), engine)) else {
        return;
    };
    let (false, engine) = engine else { return };
    if !warnings.is_empty() {
        return;
    }
    let mut documents = vec![document];
    let (expected, of) = (engine.objects.clone(), name.to_owned());
    let outcome = run(&mut documents, move |p| {
        let (mut at, mut ids) = ((0, 0), Vec::new());
        while let Ok(next) = p.next(abi::DOCUMENT, at) {
            ids.push((next.0, u16::try_from(next.1).expect("a generation")));
            at = next;
        }
        for (id, object) in &expected {
            assert!(ids.contains(id), "{of}: {id:?} is not there");
            if let Some(read) = read(object).filter(|_| !is_tree(object)) {
                assert_eq!(seen(p, *id), read, "{of}: {id:?}");
            }
        }
        abi::OK
    });
    assert!(
        outcome.is_ok(),
        "{name}: {outcome:?}",
        outcome = outcome.err()
    );
    let failed = run(&mut documents, |p| {
        let mut at = (0, 0);
        while let Ok(next) = p.next(abi::DOCUMENT, at) {
            if let Ok(Value::Dict(obj) | Value::Stream(obj)) =
                p.object(abi::DOCUMENT, next.0, next.1)
            {
                p.put(obj, "Touched", &Value::Int(1)).expect("put");
            }
            at = next;
        }
        abi::E_FAIL
    });
    assert!(failed.is_err());
    let mut document = documents.remove(0);
    written_alike(name, &mut document, &engine);
    let (mut fresh, _) =
        Document::open(bytes.to_vec(), &[], &Limits::default(), &Bill::new()).expect("it opened");
    written_alike(name, &mut fresh, &engine);
}

/// What is written holds what the engine has read, object by object.
fn written_alike(name: &str, document: &mut Document, engine: &lopdf::Document) {
    document.rewrite();
    let saved = save(document);
    let again = lopdf::Document::load_mem(&saved).expect("what was saved can be read");
    let is_layout = |object: &Object| {
        let dict = object.as_stream().map(|stream| &stream.dict);
        dict.is_ok_and(|dict| dict.has_type(b"XRef") || dict.has_type(b"ObjStm"))
    };
    for (id, object) in again
        .objects
        .iter()
        .filter(|(_, object)| !is_layout(object))
    {
        let Some(before) = engine.objects.get(id).filter(|object| !is_tree(object)) else {
            continue;
        };
        match (object, before) {
            (Object::Stream(now), Object::Stream(before)) => {
                assert_eq!(now.content, before.content, "{name}: {id:?}");
                assert!(same(&now.dict, &before.dict), "{name}: {id:?}");
            }
            (now, before) => assert_eq!(now, before, "{name}: {id:?}"),
        }
    }
}

/// Dictionaries whatever the order of their entries.
fn same(one: &Dictionary, other: &Dictionary) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .all(|(key, value)| other.get(key).is_ok_and(|found| found == value))
}

#[test]
fn real_files_read_as_the_engine_reads_them() {
    for path in corpus::found() {
        let bytes = std::fs::read(&path).expect("the corpus is readable");
        compare(&path.display().to_string(), &bytes);
    }
}

#[test]
fn updates_lengths_elsewhere_and_hybrids_read_as_the_engine_reads_them() {
    let mut pdf = engine_document(3);
    let mut plain = Vec::new();
    pdf.save_to(&mut plain).expect("saved");
    let mut packed = Vec::new();
    pdf.save_modern(&mut packed).expect("saved");
    compare("plain", &plain);
    compare("packed", &packed);
    for before in [&plain, &packed] {
        let mut update = lopdf::IncrementalDocument::create_from(
            before.clone(),
            lopdf::Document::load_mem(before).expect("read"),
        );
        let page = update
            .get_prev_documents()
            .page_iter()
            .nth(1)
            .expect("a page");
        update
            .opt_clone_object_to_new_document(page)
            .expect("cloned");
        let dict = update.new_document.get_object_mut(page).expect("the page");
        dict.as_dict_mut().expect("a dictionary").set("Number", 77);
        let mut updated = Vec::new();
        update.save_to(&mut updated).expect("saved");
        compare("updated", &updated);
    }
    let elsewhere = by_hand(
        &[
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 9.50 9]>>",
            "<</Type/Page/Parent 2 0 R/Contents 4 0 R>>",
            "<</Length 5 0 R>>\nstream\nq Q\nendstream",
            "3",
        ],
        "/Root 1 0 R",
    );
    compare("a length elsewhere", &elsewhere);
    let mut document = open(elsewhere);
    document.rewrite();
    let saved = String::from_utf8_lossy(&save(&mut document)).into_owned();
    assert!(saved.contains("[0 0 9.50 9]"), "as it came: {saved}");
    assert!(
        saved.contains("/Length 3") && !saved.contains("5 0 obj"),
        "{saved}"
    );
}

fn value() -> impl Strategy<Value = Object> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..12);
    let name = prop::collection::vec(1..=255_u8, 0..8);
    let leaf = prop_oneof![
        Just(Object::Null),
        any::<bool>().prop_map(Object::Boolean),
        any::<i32>().prop_map(|value| Object::Integer(i64::from(value))),
        (-1e6..1e6_f32).prop_map(Object::Real),
        (1..40_u32).prop_map(|number| Object::Reference((number, 0))),
        name.clone().prop_map(Object::Name),
        bytes().prop_map(|text| Object::String(text, StringFormat::Literal)),
        bytes().prop_map(|text| Object::String(text, StringFormat::Hexadecimal)),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Object::Array),
            prop::collection::vec((name.clone(), inner), 0..5)
                .prop_map(|entries| Object::Dictionary(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_objects_read_as_the_engine_reads_them(
        values in prop::collection::vec(value(), 1..12),
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4),
        is_packed in any::<bool>(),
    ) {
        let mut pdf = engine_document(2);
        let mut kept: Vec<Object> = values.into_iter().map(|value| pdf.add_object(value).into()).collect();
        kept.extend(contents.into_iter().map(|content| {
            Object::Reference(pdf.add_object(Stream::new(Dictionary::new(), content)))
        }));
        let kept = pdf.add_object(Object::Array(kept));
        let root = pdf.trailer.get(b"Root").and_then(Object::as_reference).expect("a root");
        pdf.get_dictionary_mut(root).expect("a catalog").set("Kept", kept);
        let mut bytes = Vec::new();
        if is_packed {
            pdf.save_with_options(&mut bytes, SaveOptions::default()).expect("saved");
        } else {
            pdf.save_to(&mut bytes).expect("saved");
        }
        compare("made", &bytes);
    }

    #[test]
    fn a_bent_byte_changes_nothing_for_anybody(at in 0..2_000_usize, byte in any::<u8>(), is_packed in any::<bool>()) {
        let mut pdf = engine_document(2);
        let mut bytes = Vec::new();
        if is_packed {
            pdf.save_modern(&mut bytes).expect("saved");
        } else {
            pdf.save_to(&mut bytes).expect("saved");
        }
        let at = at % bytes.len();
        bytes[at] = byte;
        compare("bent", &bytes);
    }
}
