//! Documents that wait are written where memory is short, and read again, and nobody can tell from what comes out.

use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host::{Bill, Document, Limits, Outcome};

use crate::encryption::{encrypted, try_open};
use crate::samples::{numbers, open, sample, save};
use crate::script::{Plugin, Told, Value, run, run_within};

/// Any process holds more than that.
fn crowded() -> Limits {
    Limits {
        roomy: 0,
        ..Limits::default()
    }
}

/// No process holds as much as that.
fn spacious() -> Limits {
    Limits {
        roomy: u64::MAX,
        ..Limits::default()
    }
}

/// Emits a document for each page, and needs them no more.
fn cut(p: &Plugin) -> abi::Status {
    for page in 0..p.page_count(abi::DOCUMENT).expect("a count") {
        let part = p.create(abi::DOCUMENT).expect("created");
        p.import(part, 0, abi::DOCUMENT, page, 1).expect("imported");
        let catalog = p.catalog(part).expect("a catalog");
        p.put(catalog, "Lang", &Value::Text(b"de".to_vec()))
            .expect("put");
        p.emit(part, &page.to_string()).expect("emitted");
        p.release(part).expect("released");
        assert_eq!(p.page_count(part), Err(abi::E_HANDLE));
        assert_eq!(p.len(catalog), Err(abi::E_HANDLE));
        assert_eq!(p.emit(part, "again"), Err(abi::E_HANDLE));
    }
    abi::OK
}

fn parts(outcome: Outcome) -> Vec<Document> {
    let emitted = outcome.emitted.into_iter();
    emitted.map(|(document, _)| document).collect()
}

fn cut_within(document: Document, limits: &Limits) -> Vec<Document> {
    let told = Told::default();
    let outcome = run_within(&mut vec![document], limits, &told, cut);
    parts(outcome.expect("it is cut"))
}

fn counted(pages: u32) -> (Document, Bill) {
    let bill = Bill::new();
    let opened = Document::open(sample(pages), &[], &Limits::default(), &bill);
    (opened.expect("it opens").0, bill)
}

#[test]
fn what_comes_out_is_the_same() {
    let ((roomy, roomy_bill), (short, short_bill)) = (counted(3), counted(3));
    let mut usual = cut_within(roomy, &spacious());
    let mut aside = cut_within(short, &crowded());
    assert_eq!((roomy_bill.saves(), short_bill.saves()), (0, 3));
    assert_eq!((usual.len(), aside.len()), (3, 3));
    for (usual, aside) in usual.iter_mut().zip(&mut aside) {
        assert_eq!(aside.facts().expect("facts").pages, 1);
        assert_eq!(save(aside), save(usual));
    }
    // Each is written once, whichever way.
    assert_eq!((roomy_bill.saves(), short_bill.saves()), (3, 3));
    assert_eq!((roomy_bill.parses(), short_bill.parses()), (1, 4));
}

#[test]
fn where_there_is_room_they_stay_objects() {
    let (document, bill) = counted(2);
    let mut parts = cut_within(document, &spacious());
    parts.iter_mut().for_each(Document::make_room);
    parts.iter_mut().for_each(|part| drop(save(part)));
    assert_eq!((bill.parses(), bill.saves()), (1, 2));
}

#[test]
fn they_go_out_encrypted_like_the_whole() {
    for (name, bytes) in encrypted("user") {
        let whole = try_open(&bytes, &["user"]).expect("it opens");
        for (page, mut part) in (0..).zip(cut_within(whole, &crowded())) {
            assert!(part.facts().expect("facts").encrypted, "{name}");
            let saved = save(&mut part);
            assert!(try_open(&saved, &[]).is_err(), "{name}");
            let pdf = lopdf::Document::load_mem_with_options(
                &saved,
                lopdf::LoadOptions::with_password("user"),
            );
            let pdf = pdf.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(numbers(&pdf), [page], "{name}");
            let language = pdf.catalog().and_then(|catalog| catalog.get(b"Lang"));
            let language = language.and_then(lopdf::Object::as_str).expect("a text");
            assert_eq!(language, b"de", "{name}");
        }
    }
}

#[test]
fn an_encrypted_document_that_nobody_changed_keeps_its_bytes() {
    for (name, bytes) in encrypted("user") {
        let limits = crowded();
        let passwords = ["user".to_owned()];
        let opened = Document::open(bytes.clone(), &passwords, &limits, &Bill::new());
        let (mut document, _) = opened.expect("it opens");
        document.make_room();
        assert_eq!(save(&mut document), bytes, "{name}");
    }
}

#[test]
fn the_steps_below_work_on_them() {
    for limits in [spacious(), crowded()] {
        let mut parts = cut_within(open(sample(2)), &limits);
        let part = parts.remove(1);
        let mut documents = vec![part];
        run(&mut documents, |p| {
            let bytes = p.bytes(abi::DOCUMENT).expect("bytes");
            assert!(bytes.starts_with(b"%PDF-"));
            let page = p.page(abi::DOCUMENT, 0).expect("a page");
            p.put(page, "Rotate", &Value::Int(90)).expect("put");
            abi::OK
        })
        .expect("it runs");
        let mut part = documents.remove(0);
        part.make_room();
        let pdf = lopdf::Document::load_mem(&save(&mut part)).expect("readable");
        assert_eq!(numbers(&pdf), [1]);
        let page = pdf.page_iter().next().expect("a page");
        let page = pdf.get_dictionary(page).expect("a page");
        let rotate = page.get(b"Rotate").and_then(lopdf::Object::as_i64);
        assert_eq!(rotate.expect("a number"), 90);
    }
}

#[test]
fn a_step_that_fails_leaves_them_as_they_were() {
    let mut usual = cut_within(open(sample(1)), &spacious());
    let mut documents = cut_within(open(sample(1)), &crowded());
    let outcome = run(&mut documents, |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        p.drop_key(page, "Contents").expect("dropped");
        p.add(abi::DOCUMENT, &Value::Int(7)).expect("added");
        abi::E_REJECTED
    });
    assert!(outcome.is_err());
    assert_eq!(save(&mut documents[0]), save(&mut usual[0]));
    // Whole new bytes are taken back, too.
    let outcome = run(&mut documents, |p| {
        p.set_bytes(abi::DOCUMENT, &sample(5)).expect("set");
        assert_eq!(p.page_count(abi::DOCUMENT), Ok(5));
        abi::E_REJECTED
    });
    assert!(outcome.is_err());
    assert_eq!(save(&mut documents[0]), save(&mut usual[0]));
}

#[test]
fn new_bytes_for_an_encrypted_one_are_encrypted_like_it() {
    for (name, bytes) in encrypted("user") {
        let whole = try_open(&bytes, &["user"]).expect("it opens");
        let mut documents = cut_within(whole, &crowded());
        documents.truncate(1);
        run(&mut documents, |p| {
            p.set_bytes(abi::DOCUMENT, &sample(4)).expect("set");
            abi::OK
        })
        .expect("it runs");
        let saved = save(&mut documents[0]);
        assert!(try_open(&saved, &[]).is_err(), "{name}");
        let mut opened = try_open(&saved, &["user"]).expect("it opens");
        assert_eq!(opened.facts().expect("facts").pages, 4, "{name}");
    }
}

#[test]
fn one_without_pages_is_refused_all_the_same() {
    for limits in [spacious(), crowded()] {
        let mut documents = vec![open(sample(1))];
        let failed = run_within(&mut documents, &limits, &Told::default(), |p| {
            let part = p.create(0).expect("created");
            p.emit(part, "nothing").expect("emitted");
            p.release(part).expect("released");
            abi::OK
        });
        let error = failed.err().expect("refused");
        assert_eq!(
            error.message,
            "the operation has left a document without pages"
        );
        assert_eq!(save(&mut documents[0]), sample(1));
    }
}
