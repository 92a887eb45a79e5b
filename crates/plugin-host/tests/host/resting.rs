//! Files that are written by the book are not built into objects when they are opened. Nobody may see a difference: what
//! the engine reads of them is the measure, object by object.

use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host::{Bill, Document, Limits};
use lopdf::{Dictionary, Object, ObjectId, SaveOptions, Stream, StringFormat, Writer};
use proptest::prelude::*;

use crate::corpus;
use crate::samples::{by_hand, engine_document, narrowed, open, sample, save, tree_of};
use crate::script::{Plugin, Value, run};

/// An object as a plugin sees it: its syntax or its scalar, and the bytes of a stream.
fn seen(p: &Plugin, id: ObjectId) -> (String, Vec<u8>) {
    let (syntax, bytes) = looked_at(p, id);
    (narrowed(&syntax), bytes)
}

fn looked_at(p: &Plugin, id: ObjectId) -> (String, Vec<u8>) {
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
    let (syntax, bytes) = written(object)?;
    Some((narrowed(&syntax), bytes))
}

fn written(object: &Object) -> Option<(String, Vec<u8>)> {
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

/// Lets a step change every dictionary before anybody has looked at it, and compares with the engine's, changed alike.
fn changed_unread(name: &str, bytes: &[u8], engine: &lopdf::Document) {
    let open = || Document::open(bytes.to_vec(), &[], &Limits::default(), &Bill::new());
    let (mut expected, of) = (engine.objects.clone(), name.to_owned());
    let tree = tree_of(engine);
    for object in expected.values_mut() {
        let dict = match object {
            Object::Dictionary(dict) => dict,
            Object::Stream(stream) => &mut stream.dict,
            _ => continue,
        };
        dict.set("Touched", 2);
        dict.set("Also", vec![Object::Reference((1, 0)), 5.into()]);
        dict.set("Odd", Object::Name(b"N#".to_vec()));
    }
    let change = |p: &Plugin| {
        let mut at = (0, 0);
        while let Ok(next) = p.next(abi::DOCUMENT, at) {
            at = next;
            let object = p.object(abi::DOCUMENT, next.0, next.1);
            let Ok(Value::Dict(obj) | Value::Stream(obj)) = object else {
                continue;
            };
            p.put(obj, "Touched", &Value::Int(1)).expect("put");
            p.merge(obj, "<</Touched 2/Also[1 0 R 5]>>").expect("merge");
            assert_eq!(p.get(obj, "Touched"), Ok(Value::Int(2)));
            p.merge(obj, "<</Odd/N#23>>").expect("merge");
        }
    };
    let mut documents = vec![open().expect("it opened").0];
    let outcome = run(&mut documents, move |p| {
        change(p);
        for (id, object) in &expected {
            if let Some(read) = read(object).filter(|_| !tree.contains(id)) {
                assert_eq!(seen(p, *id), read, "{of}: {id:?}");
            }
        }
        abi::E_FAIL
    });
    assert!(outcome.is_err());
    let failed = run(&mut documents, move |p| {
        change(p);
        abi::E_FAIL
    });
    assert!(failed.is_err());
    written_alike(name, &mut documents.remove(0), engine);
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
    let tree = tree_of(&engine);
    let outcome = run(&mut documents, move |p| {
        let (mut at, mut ids) = ((0, 0), Vec::new());
        while let Ok(next) = p.next(abi::DOCUMENT, at) {
            ids.push((next.0, u16::try_from(next.1).expect("a generation")));
            at = next;
        }
        for (id, object) in &expected {
            assert!(ids.contains(id), "{of}: {id:?} is not there");
            if let Some(read) = read(object).filter(|_| !tree.contains(id)) {
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
    changed_unread(name, bytes, &engine);
    let (mut fresh, _) =
        Document::open(bytes.to_vec(), &[], &Limits::default(), &Bill::new()).expect("it opened");
    written_alike(name, &mut fresh, &engine);
}

/// What is written holds what the engine has read, object by object.
fn written_alike(name: &str, document: &mut Document, engine: &lopdf::Document) {
    let tree = tree_of(engine);
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
        let Some(before) = engine.objects.get(id).filter(|_| !tree.contains(id)) else {
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

/// Two pages, one with a box of its own.
fn two_pages() -> Document {
    let file = by_hand(
        &[
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Count 2/Kids[3 0 R 4 0 R]/MediaBox[0 0 9 9]/Rotate 90>>",
            "<</Type/Page/Parent 2 0 R/Contents 5 0 R/Rotate 180>>",
            "<< /Type /Page /Parent 2 0 R /Contents[5 0 R] /Rotate null /Title(a\\)b) >>",
            "<</Length 5>>\nstream\n0 0 m\nendstream",
        ],
        "/Root 1 0 R",
    );
    open(file)
}

#[test]
fn entries_are_told_from_the_text() {
    let document = crate::script::edit(two_pages(), |p| {
        let page = |index| p.page(abi::DOCUMENT, index).expect("a page");
        assert_eq!(p.attribute(page(0), "Rotate"), Ok(Value::Int(180)));
        assert_eq!(p.attribute(page(1), "Rotate"), Ok(Value::Int(90)));
        assert_eq!(p.attribute(page(1), "UserUnit"), Err(abi::E_NOT_FOUND));
        assert_eq!(p.get(page(1), "Rotate"), Ok(Value::Null));
        assert_eq!(p.get(page(1), "Type"), Ok(Value::name("Page")));
        assert_eq!(p.get_raw(page(0), "Contents"), Ok(Value::Ref(5, 0)));
        assert!(matches!(p.get(page(0), "Contents"), Ok(Value::Stream(_))));
        assert!(matches!(p.get(page(1), "Contents"), Ok(Value::Array(_))));
        assert_eq!(p.get(page(1), "Title"), Ok(Value::Text(b"a)b".to_vec())));
        abi::OK
    });
    assert!(!document.is_changed());
}

#[test]
fn a_merge_is_all_or_nothing_and_ends_handles_of_what_it_replaces() {
    crate::script::edit(two_pages(), |p| {
        let page = p.page(abi::DOCUMENT, 1).expect("a page");
        let contents = p.get(page, "Contents").expect("an array").obj();
        for wrong in ["<</A 1", "<</A 1>>x", "[1]", "", "<</A 1/B>>"] {
            assert!(p.merge(page, wrong).is_err(), "{wrong}");
            assert_eq!(p.get(page, "A"), Err(abi::E_NOT_FOUND), "{wrong}");
        }
        assert!(p.len(contents).is_ok());
        p.merge(page, "<< /Rotate 0 /Contents 5 0 R/A(x) >>")
            .expect("merge");
        assert_eq!(p.len(contents), Err(abi::E_HANDLE));
        assert_eq!(p.get(page, "Rotate"), Ok(Value::Int(0)));
        assert_eq!(p.get(page, "A"), Ok(Value::Text(b"x".to_vec())));
        assert_eq!(p.merge(contents, "<</A 1>>"), Err(abi::E_HANDLE));
        abi::OK
    });
}

#[test]
fn a_change_too_many_is_made_like_the_first() {
    let mut document = crate::script::edit(two_pages(), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        for turn in 0..40 {
            p.put(page, "Rotate", &Value::Int(turn)).expect("put");
            assert_eq!(p.get(page, "Rotate"), Ok(Value::Int(turn)));
        }
        p.put(page, "Long", &Value::Text(vec![b'x'; 3_000]))
            .expect("put");
        abi::OK
    });
    let saved = crate::samples::reread(&mut document);
    let page = saved.get_dictionary((3, 0)).expect("a page");
    assert_eq!(page.get(b"Rotate").and_then(Object::as_i64).ok(), Some(39));
    assert_eq!(
        page.get(b"Long")
            .and_then(Object::as_str)
            .map(<[u8]>::len)
            .ok(),
        Some(3_000)
    );
}

#[test]
fn small_new_streams_are_like_others() {
    let mut documents = vec![two_pages()];
    let failed = run(&mut documents, |p| {
        assert_eq!(p.add_stream("", abi::STREAM_DECODED, b"gone"), Ok((6, 0)));
        abi::E_FAIL
    });
    assert_eq!(failed.err().map(|error| error.undone), Some(1));
    let mut document = crate::script::edit(documents.remove(0), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        assert_eq!(p.add_stream("", abi::STREAM_DECODED, b"1 w"), Ok((6, 0)));
        assert_eq!(p.add_stream("<</K 1>>", abi::STREAM_RAW, b""), Ok((7, 0)));
        let large = vec![b' '; 2_000];
        assert_eq!(p.add_stream("", abi::STREAM_DECODED, &large), Ok((8, 0)));
        assert_eq!(p.add_stream("[]", abi::STREAM_RAW, b""), Err(abi::E_TYPE));
        let small = p.object(abi::DOCUMENT, 6, 0).expect("a stream").obj();
        assert_eq!(p.stream(small, abi::STREAM_RAW), Ok(b"1 w".to_vec()));
        assert_eq!(p.stream(small, abi::STREAM_DECODED), Ok(b"1 w".to_vec()));
        p.merge(page, "<</Contents[5 0 R 6 0 R 7 0 R 8 0 R]>>")
            .expect("merge");
        abi::OK
    });
    let saved = crate::samples::reread(&mut document);
    let stream = |number| match saved.get_object((number, 0)) {
        Ok(Object::Stream(stream)) => stream.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(stream(6).content, b"1 w");
    assert_eq!(
        stream(7).dict.get(b"K").and_then(Object::as_i64).ok(),
        Some(1)
    );
    assert!(stream(8).dict.has(b"Filter"));
}

/// A view that the host gave is good for the call that changes what it is a view of: a plugin copies a stream without a copy of its own.
#[test]
fn what_is_changed_may_be_told_by_a_view_of_it() {
    const TEXT: &[u8] = b"q 1 0 0 1 7 7 cm Q ";
    let mut documents = vec![open(sample(1))];
    let outcome = run(&mut documents, |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        p.merge(page, "<</Rotate 0>>").expect("merged");
        let mut last = p.add_stream("", abi::STREAM_DECODED, TEXT).expect("made");
        for round in 0..400 {
            let Ok(Value::Stream(stream)) = p.object(abi::DOCUMENT, last.0, last.1) else {
                panic!("a stream");
            };
            let mut view = abi::Str::EMPTY;
            let (mut num, mut generation) = (0, 0);
            // SAFETY: the pointers are of locals, and the view is used before anything else is called.
            unsafe {
                let got = (p.streams.get)(p.ctx, stream, abi::STREAM_RAW, &raw mut view);
                assert_eq!(got, abi::OK);
                let (num, generation) = (&raw mut num, &raw mut generation);
                let made = (p.edit.stream_add)(
                    p.ctx,
                    abi::DOCUMENT,
                    abi::Str::EMPTY,
                    abi::STREAM_RAW,
                    view,
                    num,
                    generation,
                );
                assert_eq!(made, abi::OK, "{round}");
            }
            last = (num, generation);
            // The keys of a view are views as well.
            let nodes = p.view(page).expect("a view");
            // SAFETY: as above.
            let is_rotate = |node: &&abi::Node| unsafe { node.key.as_bytes() } == b"Rotate";
            let key = nodes.iter().find(is_rotate).expect("it was put there").key;
            let value = abi::Val {
                type_: abi::INT,
                flags: 0,
                u: abi::ValUnion {
                    i: 90 * (round % 4),
                },
            };
            // SAFETY: as above.
            let put = unsafe { (p.cos.dict_put)(p.ctx, page, key, &raw const value) };
            assert_eq!(put, abi::OK);
        }
        let (_, bytes) = seen(p, (last.0, 0));
        assert_eq!(bytes, TEXT);
        abi::OK
    });
    outcome.expect("it succeeds");
}
