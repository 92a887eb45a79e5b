//! The code of integrity of an encrypted document (ISO/TS 32004): over the bytes as they came, so it holds for no others.
//!
//! A document that is written anew has none. So what claims it goes with it, for a reader takes a document whose code is
//! wrong, or missing where one has to be, for one that somebody has tampered with.

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use lopdf::{Dictionary, EncryptionState, Object};

/// Permission bit 13: the document may be read without a code. It is 1 where no code has to be, as all reserved bits are.
const WITHOUT_CODE: i64 = 1 << 12;
/// What the extension that adds the code is called among those of ISO.
const LEVEL: i64 = 32004;

/// Takes the code out of the trailer, and the mark of the extension out of the catalog (ISO 32000-2, 7.12); says whether there
/// was a code.
pub(crate) fn forget(pdf: &mut lopdf::Document) -> bool {
    if pdf.trailer.remove(b"AuthCode").is_none() {
        return false;
    }
    let root = pdf.trailer.get(b"Root").and_then(Object::as_reference).ok();
    let catalog = root.and_then(|root| pdf.objects.get(&root)?.as_dict().ok());
    let extensions = catalog.and_then(|catalog| catalog.get(b"Extensions").ok());
    let holder = match extensions {
        Some(Object::Reference(id)) => Some(*id),
        Some(_) => root,
        None => None,
    };
    let object = holder.and_then(|id| pdf.objects.get_mut(&id));
    let Some(dict) = object.and_then(|object| object.as_dict_mut().ok()) else {
        return true;
    };
    if holder != root {
        unmark(dict);
    } else if let Ok(extensions) = dict.get_mut(b"Extensions").and_then(Object::as_dict_mut) {
        unmark(extensions);
        if extensions.is_empty() {
            dict.remove(b"Extensions");
        }
    }
    true
}

fn unmark(extensions: &mut Dictionary) {
    let is_mark = |object: &Object| {
        let level = object
            .as_dict()
            .and_then(|dict| dict.get(b"ExtensionLevel"));
        level
            .and_then(Object::as_i64)
            .is_ok_and(|level| level == LEVEL)
    };
    let is_empty = match extensions.get_mut(b"ISO_") {
        Ok(Object::Array(marks)) => {
            marks.retain(|mark| !is_mark(mark));
            marks.is_empty()
        }
        Ok(mark) => is_mark(mark),
        Err(_) => false,
    };
    if is_empty {
        extensions.remove(b"ISO_");
    }
}

/// Says in an encryption dictionary that the document may be read without a code.
pub(crate) fn permit(dict: &mut Dictionary, state: &EncryptionState) {
    let Ok(permissions) = dict.get(b"P").and_then(Object::as_i64) else {
        return;
    };
    let permissions = permissions | WITHOUT_CODE;
    // Algorithm 10 of ISO 32000-2: the permissions once more, encrypted. Earlier revisions make the key of them.
    let Ok(cipher) = Aes256::new_from_slice(state.file_encryption_key()) else {
        return;
    };
    if state.revision() < 5 {
        return;
    }
    let mut bytes = [0; 16];
    let low = u32::try_from(permissions & 0xFFFF_FFFF).unwrap_or(u32::MAX);
    bytes[..4].copy_from_slice(&low.to_le_bytes());
    bytes[4..8].copy_from_slice(&[0xFF; 4]);
    bytes[8] = if state.encrypt_metadata() { b'T' } else { b'F' };
    bytes[9..12].copy_from_slice(b"adb");
    let mut block = aes::Block::from(bytes);
    cipher.encrypt_block(&mut block);
    dict.set("P", Object::Integer(permissions));
    dict.set("Perms", Object::string_literal(block.to_vec()));
}

#[cfg(test)]
mod tests {
    use aes::cipher::BlockCipherDecrypt as _;
    use lopdf::{EncryptionVersion, Permissions, dictionary};

    use super::*;

    #[test]
    fn only_the_mark_of_the_code_is_taken_out() {
        let mark = |level: i64| Object::Dictionary(dictionary! { "ExtensionLevel" => level });
        let check = |iso: Object, expected: Option<Object>| {
            let mut extensions = dictionary! { "ADBE" => mark(LEVEL), "ISO_" => iso };
            unmark(&mut extensions);
            assert_eq!(extensions.get(b"ISO_").ok().cloned(), expected);
            assert!(extensions.has(b"ADBE"));
        };
        check(mark(LEVEL), None);
        check(mark(32001), Some(mark(32001)));
        check(vec![mark(LEVEL)].into(), None);
        let both = vec![mark(32001), mark(LEVEL)];
        check(both.into(), Some(vec![mark(32001)].into()));
    }

    #[test]
    fn permissions_that_ask_for_a_code_no_longer_do() {
        let key = [7; 32];
        let state = EncryptionState::try_from(EncryptionVersion::V5 {
            encrypt_metadata: false,
            crypt_filters: std::collections::BTreeMap::new(),
            file_encryption_key: &key,
            stream_filter: Vec::new(),
            string_filter: Vec::new(),
            owner_password: "owner",
            user_password: "user",
            permissions: Permissions::all(),
        });
        let mut dict = dictionary! { "P" => -4100 };
        permit(&mut dict, &state.expect("a state"));
        assert_eq!(dict.get(b"P").and_then(Object::as_i64).ok(), Some(-4));
        let told = dict
            .get(b"Perms")
            .and_then(Object::as_str)
            .expect("a string");
        let mut block = aes::Block::try_from(told).expect("a block");
        Aes256::new_from_slice(&key)
            .expect("a key")
            .decrypt_block(&mut block);
        assert_eq!(block[..12], *b"\xFC\xFF\xFF\xFF\xFF\xFF\xFF\xFFFadb");
    }
}
