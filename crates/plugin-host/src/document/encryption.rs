//! How a document is encrypted, worked out from the file where the engine does not see it rightly.
//!
//! The engine wants `/Encrypt` to be a reference and everything in it direct. Files that write it otherwise are legal
//! (ISO 32000-2, 7.6.2); the engine leaves them locked, or decrypts them with the wrong filter.

use lopdf::xref::XrefEntry;
use lopdf::{Dictionary, EncryptionState, Object, ObjectId};

use crate::document::syntax;

/// The nesting of an encryption dictionary: itself, `/CF`, a filter.
const MAX_DEPTH: u32 = 8;

/// Whether the engine has decrypted with another filter than the document names.
pub(crate) fn is_misread(state: &EncryptionState) -> bool {
    let unknown = |name: &[u8]| {
        !name.is_empty() && name != b"Identity" && !state.crypt_filters().contains_key(name)
    };
    state.version() >= 4
        && (unknown(state.default_stream_filter()) || unknown(state.default_string_filter()))
}

/// The encryption dictionary as the file has it, references in it followed. `pdf` may be locked or unlocked.
pub(crate) fn dictionary(file: &[u8], pdf: &lopdf::Document) -> Option<Dictionary> {
    let entry = match pdf.trailer.get(b"Encrypt") {
        Ok(entry) => entry.clone(),
        Err(_) => Object::Reference(pdf.encryption_state.as_ref()?.encrypt_object_id()?),
    };
    let header = file.windows(5).position(|window| window == b"%PDF-")?;
    match direct(&file[header..], pdf, entry, MAX_DEPTH)? {
        Object::Dictionary(dict) => Some(dict),
        _ => None,
    }
}

/// A value with its references followed to the bytes of the file: what the engine has read may be decrypted already.
fn direct(file: &[u8], pdf: &lopdf::Document, value: Object, depth: u32) -> Option<Object> {
    let below = depth.checked_sub(1)?;
    Some(match value {
        Object::Reference(id) => direct(file, pdf, at(file, pdf, id)?, below)?,
        Object::Dictionary(dict) => {
            let entries = dict
                .into_iter()
                .map(|(key, value)| Some((key, direct(file, pdf, value, below)?)));
            Object::Dictionary(entries.collect::<Option<Dictionary>>()?)
        }
        scalar => scalar,
    })
}

fn at(file: &[u8], pdf: &lopdf::Document, id: ObjectId) -> Option<Object> {
    match pdf.reference_table.get(id.0)? {
        XrefEntry::Normal { offset, .. } => {
            syntax::read_indirect(file.get(*offset as usize..)?, MAX_DEPTH)
        }
        // No part of an encryption dictionary may be in an object stream, for that is encrypted.
        _ => None,
    }
}

/// The state to encrypt the output with, as the file was.
pub(crate) fn state(file: &[u8], pdf: &lopdf::Document, password: &str) -> Option<EncryptionState> {
    let dict = dictionary(file, pdf)?;
    let mut shell = lopdf::Document::new();
    let id = shell.add_object(Object::Dictionary(dict));
    shell.trailer.set("Encrypt", Object::Reference(id));
    let no_id = || Object::Array(vec![Object::string_literal(""), Object::string_literal("")]);
    shell.trailer.set(
        "ID",
        pdf.trailer
            .get(b"ID")
            .map_or_else(|_| no_id(), Object::clone),
    );
    let state = EncryptionState::decode(&shell, password).ok()?;
    (!is_misread(&state)).then_some(state)
}
