//! Encrypted documents: opened with the right password only, and encrypted again on the way out.

use std::collections::BTreeMap;
use std::sync::Arc;

use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host::{Bill, Document, Limits, OpenError};
use lopdf::encryption::crypt_filters::{Aes128CryptFilter, Aes256CryptFilter, CryptFilter};
use lopdf::{EncryptionState, EncryptionVersion, Object, Permissions, dictionary};

use crate::samples::{bytes_of, engine_document, numbers, save};
use crate::script::{Value, edit};

fn filters(filter: Arc<dyn CryptFilter>) -> BTreeMap<Vec<u8>, Arc<dyn CryptFilter>> {
    BTreeMap::from([(b"StdCF".to_vec(), filter)])
}

/// The sample, encrypted in each way that is written today.
pub(crate) fn encrypted(user: &str) -> Vec<(&'static str, Vec<u8>)> {
    let plain = engine_document(3);
    let key = [7u8; 32];
    let permissions = Permissions::all() - Permissions::COPYABLE;
    let versions = [
        (
            "RC4 128",
            EncryptionVersion::V2 {
                document: &plain,
                owner_password: "owner",
                user_password: user,
                key_length: 128,
                permissions,
            },
        ),
        (
            "AES 128",
            EncryptionVersion::V4 {
                document: &plain,
                encrypt_metadata: true,
                crypt_filters: filters(Arc::new(Aes128CryptFilter)),
                stream_filter: b"StdCF".to_vec(),
                string_filter: b"StdCF".to_vec(),
                owner_password: "owner",
                user_password: user,
                permissions,
            },
        ),
        (
            "AES 256",
            EncryptionVersion::V5 {
                encrypt_metadata: true,
                crypt_filters: filters(Arc::new(Aes256CryptFilter)),
                file_encryption_key: &key,
                stream_filter: b"StdCF".to_vec(),
                string_filter: b"StdCF".to_vec(),
                owner_password: "owner",
                user_password: user,
                permissions,
            },
        ),
    ];
    versions
        .into_iter()
        .map(|(name, version)| {
            let state = EncryptionState::try_from(version).expect("a state");
            let mut pdf = plain.clone();
            pdf.encrypt(&state).expect("encrypted");
            (name, bytes_of(&mut pdf))
        })
        .collect()
}

pub(crate) fn try_open(bytes: &[u8], passwords: &[&str]) -> Result<Document, OpenError> {
    let passwords: Vec<String> = passwords
        .iter()
        .map(|password| (*password).to_owned())
        .collect();
    Document::open(bytes, &passwords, &Limits::default(), &Bill::new())
        .map(|(document, _)| document)
}

#[test]
fn a_missing_password_is_told_from_a_wrong_one() {
    for (name, bytes) in encrypted("user") {
        assert_eq!(
            try_open(&bytes, &[]).err(),
            Some(OpenError::NeedsPassword),
            "{name}"
        );
        assert_eq!(
            try_open(&bytes, &["wrong", "also wrong"]).err(),
            Some(OpenError::WrongPassword),
            "{name}"
        );
        for right in [
            &["user"][..],
            &["owner"],
            &["wrong", "user"],
            &["wrong", "also wrong", "owner"],
        ] {
            let mut document =
                try_open(&bytes, right).unwrap_or_else(|error| panic!("{name} {right:?}: {error}"));
            let facts = document.facts().expect("facts");
            assert_eq!(
                (facts.pages, facts.encrypted, facts.title.as_str()),
                (3, true, "A sample"),
                "{name}"
            );
        }
    }
}

#[test]
fn another_security_handler_is_called_unsupported() {
    for (name, bytes) in encrypted("user") {
        let handler = b"/Filter/Standard";
        let at = bytes.windows(handler.len()).position(|at| at == handler);
        let mut bytes = bytes;
        bytes[at.expect("the handler") + b"/Filter/".len()] = b'X';
        let refused = try_open(&bytes, &["user"]).err();
        let is_told =
            matches!(&refused, Some(OpenError::Unsupported(how)) if how.contains("certificates"));
        assert!(is_told, "{name}: {refused:?}");
    }
}

#[test]
fn an_empty_password_is_always_tried() {
    for (name, bytes) in encrypted("") {
        for passwords in [&[][..], &["something else"], &["owner"]] {
            let opened = try_open(&bytes, passwords);
            assert!(opened.is_ok(), "{name} {passwords:?}: {:?}", opened.err());
        }
    }
}

#[test]
fn a_changed_document_goes_out_encrypted_as_it_came() {
    for (name, bytes) in encrypted("user") {
        let document = try_open(&bytes, &["user"]).expect("it opens");
        let mut document = edit(document, |p| {
            let page = p.page(abi::DOCUMENT, 0).expect("a page");
            p.put(page, "Note", &Value::Text(b"added secret".to_vec()))
                .expect("put");
            abi::OK
        });
        let saved = save(&mut document);
        let shows = |text: &[u8]| saved.windows(text.len()).any(|window| window == text);
        assert!(
            !shows(b"added secret") && !shows(b"A sample"),
            "{name}: text in the open"
        );
        assert_eq!(
            try_open(&saved, &[]).err(),
            Some(OpenError::NeedsPassword),
            "{name}"
        );
        for password in ["user", "owner"] {
            let pdf = lopdf::Document::load_mem_with_options(
                &saved,
                lopdf::LoadOptions::with_password(password),
            )
            .unwrap_or_else(|error| panic!("{name} {password}: {error}"));
            assert_eq!(numbers(&pdf), [0, 1, 2], "{name}");
            let permissions = pdf
                .encryption_state
                .as_ref()
                .expect("encrypted")
                .permissions();
            assert!(
                !permissions.contains(Permissions::COPYABLE),
                "{name}: permissions are kept"
            );
            assert!(
                permissions.contains(Permissions::PRINTABLE),
                "{name}: permissions are kept"
            );
        }
    }
}

#[test]
fn a_document_made_like_an_encrypted_one_is_encrypted_too() {
    let (_, bytes) = encrypted("user").remove(2);
    let mut documents = vec![try_open(&bytes, &["user"]).expect("it opens")];
    let outcome = crate::script::run(&mut documents, |p| {
        let copy = p.create(abi::DOCUMENT).expect("created");
        p.import(copy, 0, abi::DOCUMENT, 1, 1).expect("imported");
        p.emit(copy, "part").expect("emitted");
        abi::OK
    });
    let mut part = outcome.expect("it succeeds").emitted.remove(0).0;
    let saved = save(&mut part);
    assert_eq!(try_open(&saved, &[]).err(), Some(OpenError::NeedsPassword));
    let facts = try_open(&saved, &["user"])
        .expect("it opens")
        .facts()
        .expect("facts");
    assert_eq!((facts.pages, facts.title.as_str()), (1, "A sample"));
}

#[test]
fn an_encryption_dictionary_with_references_in_it_is_read_rightly() {
    // The engine takes a filter it cannot find for another one and gives garbage.
    let (_, bytes) = encrypted("").remove(2);
    let mut pdf = lopdf::Document::load_mem(&bytes).expect("readable");
    let state = pdf.encryption_state.clone().expect("encrypted");
    pdf.encrypt(&state).expect("encrypted");
    let id = pdf
        .trailer
        .get(b"Encrypt")
        .and_then(lopdf::Object::as_reference)
        .expect("a reference");
    let filters = pdf
        .get_dictionary_mut(id)
        .expect("there")
        .remove(b"CF")
        .expect("filters");
    let filters = pdf.add_object(filters);
    pdf.get_dictionary_mut(id)
        .expect("there")
        .set("CF", filters);
    let (mut document, warnings) =
        Document::open(bytes_of(&mut pdf), &[], &Limits::default(), &Bill::new())
            .expect("it opens");
    assert_eq!(warnings[0].code, "repaired");
    let facts = document.facts().expect("facts");
    assert_eq!(
        (facts.pages, facts.encrypted, facts.title.as_str()),
        (3, true, "A sample")
    );
    let again = lopdf::Document::load_mem(&save(&mut document)).expect("readable");
    assert!(again.was_encrypted());
    let page = again.page_iter().next().expect("a page");
    assert!(again.get_page_content(page).starts_with(b"BT /F1 24 Tf"));
}

#[test]
fn a_step_sees_the_bytes_decrypted_and_what_it_gives_back_is_encrypted_again() {
    for (name, bytes) in encrypted("user") {
        let document = try_open(&bytes, &["user"]).expect("it opens");
        let mut document = edit(document, |p| {
            let plain = p.bytes(abi::DOCUMENT).expect("bytes");
            let pdf = lopdf::Document::load_mem(&plain).expect("readable");
            assert!(!pdf.was_encrypted());
            p.set_bytes(abi::DOCUMENT, &plain).expect("set");
            abi::OK
        });
        let saved = save(&mut document);
        assert_eq!(
            try_open(&saved, &[]).err(),
            Some(OpenError::NeedsPassword),
            "{name}"
        );
        let facts = try_open(&saved, &["user"])
            .expect("it opens")
            .facts()
            .expect("facts");
        assert_eq!(
            (facts.pages, facts.title.as_str()),
            (3, "A sample"),
            "{name}"
        );
    }
}

#[test]
fn an_untouched_encrypted_document_is_saved_as_it_came_though_its_bytes_were_looked_at() {
    let (_, bytes) = encrypted("user").remove(0);
    let mut document = edit(try_open(&bytes, &["user"]).expect("it opens"), |p| {
        p.bytes(abi::DOCUMENT).expect("bytes");
        abi::OK
    });
    assert_eq!(save(&mut document), bytes);
}

/// A code of integrity holds for the bytes as they came; a document that is written anew claims none.
#[test]
fn a_code_of_integrity_goes_with_the_first_change() {
    let (_, bytes) = encrypted("").remove(2);
    let mut pdf = lopdf::Document::load_mem(&bytes).expect("it opens");
    let mark = dictionary! { "BaseVersion" => "2.0", "ExtensionLevel" => 32004 };
    let other = dictionary! { "BaseVersion" => "2.0", "ExtensionLevel" => 32001 };
    let marks = vec![Object::from(mark), Object::from(other.clone())];
    let catalog = pdf.catalog_mut().expect("a catalog");
    catalog.set("Extensions", dictionary! { "ISO_" => marks });
    let state = pdf.encryption_state.take().expect("encrypted");
    pdf.trailer
        .set("AuthCode", dictionary! { "MACLocation" => "Standalone" });
    pdf.encrypt(&state).expect("encrypted");
    let bytes = bytes_of(&mut pdf);
    let mut untouched = try_open(&bytes, &[]).expect("it opens");
    assert!(untouched.facts().expect("facts").authenticated);
    assert!(save(&mut untouched) == bytes);
    let mut changed = edit(try_open(&bytes, &[]).expect("it opens"), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        p.put(page, "Note", &Value::Text(b"added".to_vec()))
            .expect("put");
        abi::OK
    });
    let saved = save(&mut changed);
    let pdf = lopdf::Document::load_mem(&saved).expect("it opens");
    assert!(!pdf.trailer.has(b"AuthCode"));
    let extensions = pdf.catalog().expect("a catalog").get(b"Extensions");
    let marks = extensions.and_then(|all| all.as_dict()?.get(b"ISO_"));
    assert_eq!(
        marks.and_then(Object::as_array).ok(),
        Some(&vec![other.into()])
    );
    assert!(
        !try_open(&saved, &[])
            .expect("it opens")
            .facts()
            .expect("facts")
            .authenticated
    );
}
