//! Encrypted documents whose streams name a filter of their own, or whose embedded files have one (ISO 32000-2, 7.6.6).

use std::collections::BTreeMap;
use std::sync::Arc;

use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host::{Bill, Document, Limits};
use lopdf::encryption::crypt_filters::{Aes128CryptFilter, Aes256CryptFilter, CryptFilter};
use lopdf::{
    Dictionary, EncryptionState, EncryptionVersion, Object, ObjectId, Permissions, Stream,
    dictionary,
};

use crate::samples::{bytes_of, engine_document, numbers, save};
use crate::script::{Value, edit};

/// What stands in the clear. A decrypter makes nothing of the first one, and refuses the second.
const CLEAR: [&[u8]; 2] = [b"q 0 0 9 9 re f Q", b"q 1 0 0 rg 100 100 50 50 re f Q"];
const SECRET: &[u8] = b"a secret attachment";
const KEY: [u8; 32] = [7; 32];

type Filter = Arc<dyn CryptFilter>;

/// The filters that are used today.
fn filters() -> [(&'static str, Filter); 2] {
    [
        ("AES 128", Arc::new(Aes128CryptFilter)),
        ("AES 256", Arc::new(Aes256CryptFilter)),
    ]
}

fn state(pdf: &lopdf::Document, filter: &Filter, usual: &str) -> EncryptionState {
    let crypt_filters = BTreeMap::from([(b"StdCF".to_vec(), Arc::clone(filter))]);
    let (stream_filter, string_filter) = (usual.as_bytes().to_vec(), usual.as_bytes().to_vec());
    let permissions = Permissions::all();
    let version = match filter.method() {
        b"AESV2" => EncryptionVersion::V4 {
            document: pdf,
            encrypt_metadata: true,
            crypt_filters,
            stream_filter,
            string_filter,
            owner_password: "owner",
            user_password: "user",
            permissions,
        },
        _ => EncryptionVersion::V5 {
            encrypt_metadata: true,
            crypt_filters,
            file_encryption_key: &KEY,
            stream_filter,
            string_filter,
            owner_password: "owner",
            user_password: "user",
            permissions,
        },
    };
    EncryptionState::try_from(version).expect("a state")
}

fn hidden(state: &EncryptionState, filter: &Filter, id: ObjectId, plain: &[u8]) -> Vec<u8> {
    let key = filter.compute_key(state.file_encryption_key(), id);
    let hidden = filter.encrypt(&key.expect("a key"), plain);
    hidden.expect("it is encrypted")
}

fn shown(state: &EncryptionState, filter: &Filter, id: ObjectId, hidden: &[u8]) -> Vec<u8> {
    let key = filter.compute_key(state.file_encryption_key(), id);
    let shown = filter.decrypt(&key.expect("a key"), hidden);
    shown.expect("it is decrypted")
}

fn set_content(pdf: &mut lopdf::Document, id: ObjectId, content: Vec<u8>) {
    let stream = pdf.get_object_mut(id).and_then(Object::as_stream_mut);
    stream.expect("a stream").set_content(content);
}

/// The ways to say that a stream is as it is. `pdf` is where references lead.
fn identities(pdf: &mut lopdf::Document) -> Vec<(&'static str, Dictionary)> {
    let name = || dictionary! { "Type" => "CryptFilterDecodeParms", "Name" => "Identity" };
    let untyped = dictionary! { "Name" => "Identity" };
    let array = || Object::Array(vec![name().into()]);
    let crypt = || Object::Array(vec!["Crypt".into()]);
    let referred = pdf.add_object(name());
    let referred_array = pdf.add_object(array());
    let referred_filter = pdf.add_object(crypt());
    vec![
        (
            "arrays",
            dictionary! { "Filter" => crypt(), "DecodeParms" => array() },
        ),
        (
            "an array and a dictionary",
            dictionary! { "Filter" => crypt(), "DecodeParms" => name() },
        ),
        (
            "a name and a dictionary",
            dictionary! { "Filter" => "Crypt", "DecodeParms" => untyped },
        ),
        ("a name alone", dictionary! { "Filter" => "Crypt" }),
        ("an array alone", dictionary! { "Filter" => crypt() }),
        (
            "no name",
            dictionary! { "Filter" => crypt(), "DecodeParms" => vec![Object::Null] },
        ),
        (
            "a reference to a dictionary",
            dictionary! { "Filter" => "Crypt", "DecodeParms" => referred },
        ),
        (
            "a reference to an array",
            dictionary! { "Filter" => crypt(), "DecodeParms" => referred_array },
        ),
        (
            "a reference in an array",
            dictionary! { "Filter" => crypt(), "DecodeParms" => vec![referred.into()] },
        ),
        (
            "references",
            dictionary! { "Filter" => referred_filter, "DecodeParms" => referred_array },
        ),
        (
            "an abbreviation",
            dictionary! { "Filter" => crypt(), "DP" => array() },
        ),
    ]
}

/// A document of three pages, encrypted; the second one has more contents, which are in the clear.
fn with_clear_contents(filter: &Filter, way: usize, clear: &[u8]) -> (&'static str, Vec<u8>) {
    let mut pdf = engine_document(3);
    let (name, dict) = identities(&mut pdf).swap_remove(way);
    let id = pdf.add_object(Stream::new(dict, clear.to_vec()));
    let page = pdf.page_iter().nth(1).expect("a page");
    let page = pdf.get_dictionary_mut(page).expect("a page");
    let first = page.get(b"Contents").expect("contents").clone();
    page.set("Contents", vec![first, id.into()]);
    let state = state(&pdf, filter, "StdCF");
    pdf.encrypt(&state).expect("encrypted");
    // The engine makes the mistakes that this is about.
    set_content(&mut pdf, id, clear.to_vec());
    (name, bytes_of(&mut pdf))
}

fn open(bytes: &[u8]) -> Document {
    let passwords = ["user".to_owned()];
    let (document, warnings) =
        Document::open(bytes, &passwords, &Limits::default(), &Bill::new()).expect("it opens");
    assert!(warnings.is_empty(), "{warnings:?}");
    document
}

/// The document with a change, and as a step sees it.
fn changed(document: Document) -> (Document, lopdf::Document) {
    let (sender, seen) = std::sync::mpsc::channel();
    let document = edit(document, move |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        p.put(page, "Note", &Value::Text(b"added".to_vec()))
            .expect("put");
        let plain = p.bytes(abi::DOCUMENT).expect("bytes");
        sender.send(plain).expect("it is waited for");
        abi::OK
    });
    let plain = lopdf::Document::load_mem(&seen.recv().expect("it was sent")).expect("readable");
    assert!(!plain.was_encrypted());
    (document, plain)
}

fn count(bytes: &[u8], text: &[u8]) -> usize {
    let found = bytes.windows(text.len()).filter(|window| *window == text);
    found.count()
}

fn check_clear_contents(filter: &Filter, way: usize, clear: &[u8]) {
    let (name, bytes) = with_clear_contents(filter, way, clear);
    let whole = [b"stream\n", clear, b"\nendstream"].concat();
    assert_eq!(count(&bytes, &whole), 1, "{name}");
    let mut round = bytes;
    for _ in 0..2 {
        let (mut document, plain) = changed(open(&round));
        assert_eq!(numbers(&plain), [0, 1, 2], "{name}");
        let pages: Vec<ObjectId> = plain.page_iter().collect();
        let text = plain.get_page_content(pages[0]);
        assert!(text.starts_with(b"BT /F1 24 Tf"), "{name}");
        let contents = plain.get_page_contents(pages[1]);
        let stream = plain.get_object(contents[1]).and_then(Object::as_stream);
        assert_eq!(stream.expect("a stream").content, clear, "{name}");
        round = save(&mut document);
        assert_eq!(count(&round, &whole), 1, "{name}");
        assert_eq!(count(&round, b"BT /F1"), 0, "{name}: the others are hidden");
    }
}

#[test]
fn a_stream_that_is_in_the_clear_stays_so_byte_for_byte() {
    let ways = identities(&mut engine_document(1)).len();
    for (_, filter) in filters() {
        for way in 0..ways {
            check_clear_contents(&filter, way, CLEAR[way % 2]);
        }
        check_clear_contents(&filter, 0, CLEAR[1]);
    }
}

#[test]
fn a_stream_that_names_a_filter_is_encrypted_by_it() {
    for (name, filter) in filters() {
        let mut pdf = engine_document(2);
        let parameters = dictionary! { "Name" => "StdCF" };
        let dict = dictionary! {
            "Filter" => vec!["ASCIIHexDecode".into(), "Crypt".into()],
            "DecodeParms" => vec![Object::Null, parameters.into()],
        };
        let id = pdf.add_object(Stream::new(dict, Vec::new()));
        let catalog = pdf.catalog_mut().expect("a catalog");
        catalog.set("Private", id);
        let state = state(&pdf, &filter, "Identity");
        pdf.encrypt(&state).expect("encrypted");
        set_content(&mut pdf, id, hidden(&state, &filter, id, b"616263>"));
        let mut round = bytes_of(&mut pdf);
        for _ in 0..2 {
            let (mut document, plain) = changed(open(&round));
            let stream = plain.get_object(id).and_then(Object::as_stream);
            assert_eq!(stream.expect("a stream").content, b"616263>", "{name}");
            round = save(&mut document);
            assert_eq!(count(&round, b"616263>"), 0, "{name}");
            assert_eq!(count(&round, b"BT /F1"), 2, "{name}: the pages are not");
        }
    }
}

/// A document of which only the attachment is encrypted, and the attachment's id.
fn with_hidden_file(filter: &Filter, content: Option<&[u8]>) -> (Vec<u8>, ObjectId) {
    let mut pdf = engine_document(2);
    // Its type is optional: the file specification tells what it is.
    let id = pdf.add_object(Stream::new(Dictionary::new(), Vec::new()));
    let file = dictionary! {
        "Type" => "Filespec",
        "F" => Object::string_literal("a.txt"),
        "EF" => dictionary! { "F" => id },
    };
    let names = vec![Object::string_literal("a.txt"), file.into()];
    let catalog = pdf.catalog_mut().expect("a catalog");
    let files = dictionary! { "EmbeddedFiles" => dictionary! { "Names" => names } };
    catalog.set("Names", files);
    let state = state(&pdf, filter, "Identity");
    pdf.encrypt(&state).expect("encrypted");
    let content = content.map_or_else(|| hidden(&state, filter, id, SECRET), <[u8]>::to_vec);
    set_content(&mut pdf, id, content);
    let lock = pdf.trailer.get(b"Encrypt").and_then(Object::as_reference);
    let lock = pdf.get_dictionary_mut(lock.expect("a reference"));
    let lock = lock.expect("a dictionary");
    lock.set("EFF", "StdCF");
    let std = lock.get_mut(b"CF").and_then(Object::as_dict_mut);
    let std = std.and_then(|all| all.get_mut(b"StdCF")?.as_dict_mut());
    std.expect("a filter").set("AuthEvent", "EFOpen");
    (bytes_of(&mut pdf), id)
}

#[test]
fn a_document_may_hide_its_attachments_only() {
    for (name, filter) in filters() {
        let (mut round, id) = with_hidden_file(&filter, None);
        for _ in 0..2 {
            let (mut document, plain) = changed(open(&round));
            let stream = plain.get_object(id).and_then(Object::as_stream);
            assert_eq!(stream.expect("a stream").content, SECRET, "{name}");
            round = save(&mut document);
            assert_eq!(count(&round, SECRET), 0, "{name}");
            assert_eq!(count(&round, b"BT /F1"), 2, "{name}: the pages are not");
            assert_eq!(count(&round, b"/EFF/StdCF"), 1, "{name}");
            assert_eq!(count(&round, b"/AuthEvent/EFOpen"), 1, "{name}");
            // The engine knows nothing of that: it gives what the file has.
            let options = lopdf::LoadOptions::with_password("user");
            let raw = lopdf::Document::load_mem_with_options(&round, options).expect("readable");
            let stream = raw.get_object(id).and_then(Object::as_stream);
            let state = raw.encryption_state.as_ref().expect("encrypted");
            let content = &stream.expect("a stream").content;
            assert_eq!(shown(state, &filter, id, content), SECRET, "{name}");
        }
    }
}

#[test]
fn a_part_of_such_a_document_hides_them_too() {
    let (_, filter) = filters().into_iter().next().expect("a filter");
    let (bytes, _) = with_hidden_file(&filter, None);
    let mut documents = vec![open(&bytes)];
    let outcome = crate::script::run(&mut documents, |p| {
        let copy = p.create(abi::DOCUMENT).expect("created");
        p.import(copy, 0, abi::DOCUMENT, 1, 1).expect("imported");
        p.emit(copy, "part").expect("emitted");
        abi::OK
    });
    let mut part = outcome.expect("it succeeds").emitted.remove(0).0;
    assert_eq!(count(&save(&mut part), b"/EFF/StdCF"), 1);
}

#[test]
fn attachments_whose_writer_knew_nothing_of_their_filter_stay_readable() {
    let (_, filter) = filters().into_iter().next().expect("a filter");
    let (bytes, _) = with_hidden_file(&filter, Some(SECRET));
    let (mut document, _) = changed(open(&bytes));
    let saved = save(&mut document);
    assert_eq!(count(&saved, SECRET), 1);
    assert_eq!(count(&saved, b"/EFF"), 0);
}
