//! A step that fails leaves no trace.

use std::collections::BTreeMap;

use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host::{Invocation, Limits, run_entry};

use crate::samples::{by_hand, open, sample, save};
use crate::script::{ENTRY, Plugin, Told, Value, edit, run, run_told};

/// Something of everything that changes a document.
fn wreck(p: &Plugin) {
    let page = p.page(abi::DOCUMENT, 0).expect("a page");
    p.put(page, "Rotate", &Value::Int(90)).expect("put");
    p.drop_key(page, "Contents").expect("dropped");
    p.put(
        page,
        "MediaBox",
        &Value::Array(p.parse(abi::DOCUMENT, "[1 2 3 4]").expect("parsed")),
    )
    .expect("put");
    let media = p.get(page, "MediaBox").expect("there").obj();
    p.put_at(media, 0, &Value::Null).expect("put");
    p.insert_at(media, 1, &Value::Bool(true)).expect("inserted");
    p.drop_at(media, 3).expect("dropped");
    p.replace(media, &Value::Int(4)).expect("replaced");
    let stream = p
        .new_stream(abi::DOCUMENT, 0, abi::STREAM_DECODED, b"q Q")
        .expect("created");
    p.put_stream(stream, abi::STREAM_RAW, b"Q q").expect("put");
    p.put(page, "Contents", &Value::Stream(stream))
        .expect("put");
    p.remove_pages(abi::DOCUMENT, 1, 1).expect("removed");
    p.move_page(abi::DOCUMENT, 0, 1).expect("moved");
    p.import(abi::DOCUMENT, 0, abi::DOCUMENT, 0, 1)
        .expect("imported");
    let trailer = p.trailer(abi::DOCUMENT).expect("a trailer");
    p.put(trailer, "Odd", &Value::Int(1)).expect("put");
    p.drop_key(trailer, "Info").expect("dropped");
    let catalog = p.catalog(abi::DOCUMENT).expect("a catalog");
    p.put(catalog, "Lang", &Value::Text(b"en".to_vec()))
        .expect("put");
    let id = p.add(abi::DOCUMENT, &Value::Int(5)).expect("added");
    p.remove(abi::DOCUMENT, id).expect("removed");
}

#[test]
fn a_failed_step_leaves_the_document_byte_for_byte() {
    // Twice rewritten, so that both are what the writer makes of the objects.
    let baseline = |document: &mut dropleaf_plugin_host::Document| {
        document.rewrite();
        save(document)
    };
    let before = baseline(&mut open(sample(4)));
    let mut documents = vec![open(sample(4))];
    let refused = run(&mut documents, |p| {
        wreck(p);
        p.emit(abi::DOCUMENT, "x").expect("emitted");
        // SAFETY: the context of this run.
        unsafe { (p.run.set_error)(p.ctx, abi::E_REJECTED, abi::Str::new(b"not this one")) }
    });
    let refused = refused.err().expect("it fails");
    assert_eq!(
        (refused.status, refused.message.as_str()),
        (abi::E_REJECTED, "not this one")
    );
    assert!(refused.undone > 15, "{} changes undone", refused.undone);
    assert!(!documents[0].is_changed());
    assert_eq!(baseline(&mut documents[0]), before);
}

#[test]
fn bytes_that_were_set_are_taken_back_too() {
    let mut documents = vec![open(sample(4))];
    let refused = run(&mut documents, |p| {
        wreck(p);
        p.set_bytes(abi::DOCUMENT, &sample(9)).expect("set");
        let page = p.page(abi::DOCUMENT, 8).expect("a page");
        p.put(page, "Rotate", &Value::Int(90)).expect("put");
        p.set_bytes(abi::DOCUMENT, &sample(2)).expect("set");
        abi::E_FAIL
    });
    assert!(refused.is_err());
    assert_eq!(save(&mut documents[0]), sample(4));
}

#[test]
fn bytes_that_are_no_document_fail_the_step_that_gave_them() {
    let mut documents = vec![open(sample(4))];
    let refused = run(&mut documents, |p| {
        assert_eq!(p.set_bytes(abi::DOCUMENT, b"hello"), Err(abi::E_SYNTAX));
        p.set_bytes(abi::DOCUMENT, b"%PDF-1.7 and nothing")
            .expect("looks right");
        abi::OK
    });
    let refused = refused.err().expect("it fails");
    assert_eq!(refused.status, abi::E_SYNTAX);
    assert_eq!(save(&mut documents[0]), sample(4));
}

#[test]
fn a_step_goes_on_from_what_the_last_one_kept_whatever_failed_between() {
    let document = edit(open(sample(5)), |p| {
        p.remove_pages(abi::DOCUMENT, 2, 1).expect("removed");
        abi::OK
    });
    let mut documents = vec![document];
    let before = save(&mut documents[0]);
    run(&mut documents, |p| {
        wreck(p);
        abi::E_CANCELLED
    })
    .err()
    .expect("it fails");
    assert_eq!(save(&mut documents[0]), before);
}

#[test]
fn the_message_of_a_failure_is_the_plugins_or_the_hosts() {
    let message = |script: fn(&Plugin) -> abi::Status| {
        let refused = run(&mut vec![open(sample(1))], script)
            .err()
            .expect("it fails");
        (refused.status, refused.message)
    };
    let quiet = message(|_| abi::E_CANCELLED);
    assert_eq!(
        quiet,
        (
            abi::E_CANCELLED,
            "operation `script` failed: cancelled".to_owned()
        )
    );
    let host = message(|p| p.page(abi::DOCUMENT, 5).err().unwrap_or(abi::OK));
    assert_eq!(
        host,
        (
            abi::E_NOT_FOUND,
            "operation `script` failed: no page 5: the document has 1 (counted from 0)".to_owned()
        )
    );
    assert_eq!(
        message(|_| 77).0,
        abi::E_FAIL,
        "an unknown status is a failure"
    );
    assert_eq!(message(|_| -99).0, abi::E_FAIL);
}

#[test]
fn results_and_artifacts_reach_the_caller() {
    let told = Told::default();
    let outcome = run_told(&mut vec![open(sample(1))], &told, |p| {
        let s = |text: &'static str| abi::Str::new(text.as_bytes());
        let mut json = abi::Str::EMPTY;
        // SAFETY: the context of this run, texts that live for ever, room for the answer.
        unsafe {
            assert_eq!(
                (p.run.result)(p.ctx, s("words"), s("{\"n\": [1, 2]}")),
                abi::OK
            );
            assert_eq!((p.run.result)(p.ctx, s("words"), s("{oops")), abi::E_ARG);
            let much = serde_json::json!("x".repeat(200 << 10)).to_string();
            let much = abi::Str::new(much.as_bytes());
            for _ in 0..2 {
                assert_eq!((p.run.result)(p.ctx, s("much"), much), abi::OK);
            }
            assert_eq!((p.run.result)(p.ctx, s("more"), much), abi::E_LIMIT);
            for (levels, expected) in [(64, abi::OK), (65, abi::E_LIMIT), (120, abi::E_LIMIT)] {
                let nested = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
                let nested = abi::Str::new(nested.as_bytes());
                assert_eq!((p.run.result)(p.ctx, s("words"), nested), expected);
            }
            assert_eq!(
                (p.run.result)(p.ctx, s("words"), s("{\"n\": [1, 2]}")),
                abi::OK
            );
            assert_eq!((p.run.result)(p.ctx, s("much"), s("1")), abi::OK);
            assert_eq!(
                (p.run.emit)(p.ctx, s("a.txt"), s("text/plain"), s("hello")),
                abi::OK
            );
            assert_eq!(
                (p.run.emit)(p.ctx, s("../a.txt"), s("text/plain"), s("hello")),
                abi::E_ARG
            );
            assert_eq!(
                (p.run.emit)(p.ctx, s(" "), s("text/plain"), s("hello")),
                abi::E_ARG
            );
            assert_eq!(
                (p.run.emit)(p.ctx, s("refused"), s("text/plain"), s("hello")),
                abi::E_FAIL
            );
            assert_eq!(
                (p.run.param)(p.ctx, s("input.name"), &raw mut json),
                abi::OK
            );
            assert_eq!(json.as_bytes(), b"\"a.pdf\"");
            assert_eq!(
                (p.run.param)(p.ctx, s("nothing"), &raw mut json),
                abi::E_NOT_FOUND
            );
            assert_eq!((p.run.temp_dir)(p.ctx, &raw mut json), abi::E_DENIED);
        }
        abi::OK
    });
    let outcome = outcome.expect("it succeeds");
    assert_eq!(
        serde_json::json!(outcome.results),
        serde_json::json!({"words": {"n": [1, 2]}, "much": 1})
    );
    let artifacts = told.artifacts.lock().expect("no panic");
    assert_eq!(
        *artifacts,
        [(
            "a.txt".to_owned(),
            "text/plain".to_owned(),
            b"hello".to_vec()
        )]
    );
}

#[test]
fn an_operation_that_is_not_there_is_named() {
    let invocation = Invocation {
        operation: "rotate",
        parameters: "{}",
        values: &BTreeMap::new(),
        temp_dir: None,
        limits: &Limits::default(),
        observer: &Told::default(),
    };
    let refused = run_entry(&ENTRY, &invocation, &mut vec![open(sample(1))])
        .err()
        .expect("it fails");
    assert_eq!(refused.message, "the plugin has no operation `rotate`");
}

#[test]
fn a_stream_that_a_failed_step_filled_is_not_compressed_by_the_next_one() {
    let packet = format!(
        "<</Type/Metadata/Length 2000>>stream\n{}\nendstream",
        "x".repeat(2_000)
    );
    let objects = [
        "<</Type/Catalog/Pages 2 0 R/Metadata 4 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        packet.as_str(),
    ];
    let mut documents = vec![open(by_hand(&objects, "/Root 1 0 R"))];
    let failed = run(&mut documents, |p| {
        let catalog = p.catalog(abi::DOCUMENT).expect("a catalog");
        let packet = p.get(catalog, "Metadata").expect("there").obj();
        p.put_stream(packet, abi::STREAM_DECODED, b"other")
            .expect("put");
        abi::E_FAIL
    });
    assert!(failed.is_err());
    let mut document = edit(documents.remove(0), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        p.put(page, "Rotate", &Value::Int(90)).expect("put");
        abi::OK
    });
    let saved = crate::samples::reread(&mut document);
    let packet = saved.get_object((4, 0)).and_then(lopdf::Object::as_stream);
    let packet = packet.expect("a stream");
    assert!(!packet.dict.has(b"Filter"), "{:?}", packet.dict);
    assert_eq!(packet.content.len(), 2_000);
}
