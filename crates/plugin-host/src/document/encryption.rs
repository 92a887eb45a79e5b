//! How a document is encrypted, worked out from the file where the engine does not see it rightly.
//!
//! The engine wants `/Encrypt` to be a reference and everything in it direct. Files that write it otherwise are legal
//! (ISO 32000-2, 7.6.2); the engine leaves them locked, or decrypts them with the wrong filter. It also forgets part of
//! the dictionary ([`Omitted`]), and takes the wrong filter for some streams ([`streams`]).

pub(crate) mod integrity;
pub(crate) mod streams;

use lopdf::xref::XrefEntry;
use lopdf::{Dictionary, EncryptionState, Object, ObjectId};

use crate::document::syntax;

/// The nesting of an encryption dictionary: itself, `/CF`, a filter.
const MAX_DEPTH: u32 = 8;
/// The filter that leaves things as they are.
const IDENTITY: &[u8] = b"Identity";

/// What an encryption dictionary says and the engine does not keep.
#[derive(Clone, Debug, Default)]
pub(crate) struct Omitted {
    /// The filter of embedded files, if it is another one than that of streams (`/EFF`).
    embedded: Option<Vec<u8>>,
    /// When the password is asked for, by filter (`/AuthEvent`).
    events: Vec<(Vec<u8>, Object)>,
    /// There was a code of integrity for the bytes as they came ([`integrity`]).
    pub(crate) had_code: bool,
}

impl Omitted {
    /// What the engine has left out of the dictionary that it has decrypted `pdf` by. `file` is what it has read.
    pub(crate) fn of(file: &[u8], pdf: &lopdf::Document) -> Self {
        let Some(state) = &pdf.encryption_state else {
            return Self::default();
        };
        dictionary(file, pdf).map_or_else(Self::default, |dict| Self::from_dictionary(&dict, state))
    }

    fn from_dictionary(dict: &Dictionary, state: &EncryptionState) -> Self {
        let known = |name: &&[u8]| *name == IDENTITY || state.crypt_filters().contains_key(*name);
        let usual = match state.default_stream_filter() {
            b"" => IDENTITY,
            name => name,
        };
        let embedded = dict.get(b"EFF").and_then(Object::as_name).ok();
        let filters = dict.get(b"CF").and_then(Object::as_dict);
        let event = |(name, filter): (&Vec<u8>, &Object)| {
            let event = filter.as_dict().ok()?.get(b"AuthEvent").ok()?;
            event
                .as_name()
                .is_ok()
                .then(|| (name.clone(), event.clone()))
        };
        Self {
            embedded: embedded
                .filter(|_| state.version() >= 4)
                .filter(known)
                .filter(|name| *name != usual)
                .map(<[u8]>::to_vec),
            events: filters
                .map_or_else(|_| Vec::new(), |all| all.iter().filter_map(event).collect()),
            had_code: false,
        }
    }

    /// Whether embedded files are encrypted in another way than streams.
    pub(crate) fn sets_files_apart(&self) -> bool {
        self.embedded.is_some()
    }

    /// Completes what the engine makes of its state.
    pub(crate) fn complete(&self, dict: &mut Dictionary, state: &EncryptionState) {
        if self.had_code {
            integrity::permit(dict, state);
        }
        for key in [b"StmF", b"StrF"] {
            // It writes the name that is not there as an empty one.
            if dict.get(key).and_then(Object::as_name).ok() == Some(b"") {
                dict.remove(key);
            }
        }
        if let Some(name) = &self.embedded {
            dict.set("EFF", Object::Name(name.clone()));
        }
        let Ok(filters) = dict.get_mut(b"CF").and_then(Object::as_dict_mut) else {
            return;
        };
        for (name, event) in &self.events {
            if let Ok(filter) = filters.get_mut(name).and_then(Object::as_dict_mut) {
                filter.set("AuthEvent", event.clone());
            }
        }
    }
}

/// Whether the engine has decrypted with another filter than the document names.
pub(crate) fn is_misread(state: &EncryptionState) -> bool {
    let unknown = |name: &[u8]| {
        !name.is_empty() && name != IDENTITY && !state.crypt_filters().contains_key(name)
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
    match direct(from_header(file)?, pdf, entry, MAX_DEPTH)? {
        Object::Dictionary(dict) => Some(dict),
        _ => None,
    }
}

/// What the offsets of a file count in.
pub(crate) fn from_header(file: &[u8]) -> Option<&[u8]> {
    let header = file.windows(5).position(|window| window == b"%PDF-")?;
    file.get(header..)
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

/// The state to encrypt the output with, as the file was, and what that leaves out.
pub(crate) fn state(
    file: &[u8],
    pdf: &lopdf::Document,
    password: &str,
) -> Option<(EncryptionState, Omitted)> {
    let dict = dictionary(file, pdf)?;
    let mut shell = lopdf::Document::new();
    let id = shell.add_object(Object::Dictionary(dict.clone()));
    shell.trailer.set("Encrypt", Object::Reference(id));
    let no_id = || Object::Array(vec![Object::string_literal(""), Object::string_literal("")]);
    shell.trailer.set(
        "ID",
        pdf.trailer
            .get(b"ID")
            .map_or_else(|_| no_id(), Object::clone),
    );
    let state = EncryptionState::decode(&shell, password).ok()?;
    let omitted = Omitted::from_dictionary(&dict, &state);
    (!is_misread(&state)).then_some((state, omitted))
}
