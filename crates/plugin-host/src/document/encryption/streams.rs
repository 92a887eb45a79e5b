//! Which filter a stream is encrypted with, where it is not the document's own (ISO 32000-2, 7.6.6).
//!
//! A stream may name its filter by the filter `/Crypt`, and embedded files may have one of their own (`/EFF`). The engine
//! looks for the name only where `/DecodeParms` is a dictionary, takes the document's filter for all others, and knows
//! nothing of embedded files. Decrypting what is in the clear destroys it, so such streams are read anew from the file
//! and are encrypted here.

use std::sync::Arc;

use lopdf::encryption::crypt_filters::{CryptFilter, IdentityCryptFilter};
use lopdf::encryption::{DecryptionError, encrypt_object};
use lopdf::xref::XrefEntry;
use lopdf::{Dictionary, EncryptionState, Object, ObjectId};

use crate::document::encryption::{IDENTITY, Omitted, from_header};
use crate::document::ids::IdSet;
use crate::document::place::{entry, is_of_type};
use crate::document::syntax;

/// The nesting of a stream's dictionary.
const MAX_DEPTH: u32 = 96;

type Filter = Arc<dyn CryptFilter>;

/// The streams of a document that is to be encrypted.
pub(crate) struct Streams<'a> {
    state: &'a EncryptionState,
    /// Those that are embedded files, where these have a filter of their own.
    files: IdSet,
    file_filter: Option<Filter>,
}

impl<'a> Streams<'a> {
    /// `objects` are those that will be written, `look` finds one of them.
    pub(crate) fn of<'o>(
        state: &'a EncryptionState,
        omitted: &Omitted,
        objects: impl Iterator<Item = (ObjectId, &'o Object)>,
        look: impl Fn(ObjectId) -> Option<&'o Object>,
    ) -> Self {
        let file_filter = omitted.embedded.as_deref().map(|name| named(state, name));
        let files = match file_filter {
            Some(_) => embedded(objects, &look),
            None => IdSet::default(),
        };
        Self {
            state,
            files,
            file_filter,
        }
    }

    /// Encrypts an object. `look` finds another one.
    pub(crate) fn hide<'o>(
        &self,
        id: ObjectId,
        object: &mut Object,
        look: impl Fn(ObjectId) -> Option<&'o Object>,
    ) -> Result<(), DecryptionError> {
        let Object::Stream(stream) = object else {
            return encrypt_object(self.state, id, object);
        };
        let of_file = || {
            self.file_filter
                .clone()
                .filter(|_| self.files.contains(&id))
        };
        let own = own(&stream.dict, &look).map(|name| named(self.state, &name));
        let Some(filter) = own.or_else(of_file) else {
            return encrypt_object(self.state, id, object);
        };
        let mut dict = Object::Dictionary(std::mem::take(&mut stream.dict));
        encrypt_object(self.state, id, &mut dict)?;
        if let Object::Dictionary(dict) = dict {
            stream.dict = dict;
        }
        let key = filter.compute_key(self.state.file_encryption_key(), id)?;
        let content = filter.encrypt(&key, &stream.content)?;
        stream.set_content(content);
        Ok(())
    }
}

/// Reads those streams of `pdf` anew that the engine may have taken the wrong filter for; answers how many are lost.
/// `file` is what it has read.
pub(crate) fn put_right(file: &[u8], pdf: &mut lopdf::Document, omitted: &mut Omitted) -> u32 {
    let Some(state) = pdf.encryption_state.clone() else {
        return 0;
    };
    let mut lost = 0;
    for (id, filter) in with_own_filter(pdf, &state) {
        let right = raw(file, pdf, id).map(|raw| {
            // What its filter does not decrypt stays as it is, as the engine has it.
            decrypted(&state, &*filter, id, raw).unwrap_or_else(|_| raw.to_vec())
        });
        lost += u32::from(!right.is_some_and(|right| put(pdf, id, right)));
    }
    lost + put_files_right(file, pdf, &state, omitted)
}

/// The same for embedded files with a filter of their own. One that it does not decrypt shows that the document's writer
/// knew nothing of `/EFF`, as many do not: then it is to be forgotten.
fn put_files_right(
    file: &[u8],
    pdf: &mut lopdf::Document,
    state: &EncryptionState,
    omitted: &mut Omitted,
) -> u32 {
    let Some(name) = &omitted.embedded else {
        return 0;
    };
    let filter = named(state, name);
    let look = |id| pdf.objects.get(&id);
    let objects = pdf.objects.iter().map(|(id, object)| (*id, object));
    let mut ids: Vec<ObjectId> = embedded(objects, &look).into_iter().collect();
    ids.retain(|id| {
        let stream = pdf
            .objects
            .get(id)
            .and_then(|object| object.as_stream().ok());
        stream.is_some_and(|stream| own(&stream.dict, &look).is_none())
    });
    let mut lost = 0;
    let mut files = Vec::new();
    for id in ids {
        match raw(file, pdf, id).map(|raw| decrypted(state, &*filter, id, raw)) {
            Some(Ok(right)) => files.push((id, right)),
            Some(Err(_)) => {
                omitted.embedded = None;
                return 0;
            }
            None => lost += 1,
        }
    }
    for (id, right) in files {
        lost += u32::from(!put(pdf, id, right));
    }
    lost
}

/// Gives a stream its right bytes. What an object stream held is lost if they are others.
fn put(pdf: &mut lopdf::Document, id: ObjectId, right: Vec<u8>) -> bool {
    let Some(Object::Stream(stream)) = pdf.objects.get_mut(&id) else {
        return false;
    };
    if stream.content == right {
        return true;
    }
    stream.set_content(right);
    !is_of_type(&stream.dict, b"ObjStm")
}

fn with_own_filter(pdf: &lopdf::Document, state: &EncryptionState) -> Vec<(ObjectId, Filter)> {
    let look = |id| pdf.objects.get(&id);
    let found = pdf.objects.iter().filter_map(|(id, object)| {
        let stream = object.as_stream().ok()?;
        Some((*id, named(state, &own(&stream.dict, &look)?)))
    });
    found.collect()
}

/// The name of the filter that the stream has for itself (7.4.10).
fn own<'d, 'o: 'd>(
    dict: &'d Dictionary,
    look: &impl Fn(ObjectId) -> Option<&'o Object>,
) -> Option<Vec<u8>> {
    let value = |object: &'d Object| resolved(object, look);
    let is_crypt = |name: &'d Object| {
        value(name).is_some_and(|name| matches!(name, Object::Name(name) if name == b"Crypt"))
    };
    let filter = entry(dict, b"Filter")?;
    let index = match value(filter)? {
        Object::Array(names) => names.iter().position(is_crypt)?,
        _ if is_crypt(filter) => 0,
        _ => return None,
    };
    let parameters = entry(dict, b"DecodeParms").or_else(|| entry(dict, b"DP"));
    let parameters = match parameters.and_then(value) {
        Some(Object::Array(all)) => all.get(index).and_then(value),
        one => one,
    };
    let name = match parameters {
        Some(Object::Dictionary(parameters)) => entry(parameters, b"Name").and_then(value),
        _ => None,
    };
    Some(match name {
        Some(Object::Name(name)) => name.clone(),
        _ => IDENTITY.to_vec(),
    })
}

/// The filter of that name. One that the document does not have leaves things as they are.
fn named(state: &EncryptionState, name: &[u8]) -> Filter {
    let found = state.crypt_filters().get(name);
    let found = found.filter(|_| name != IDENTITY);
    found.map_or_else(|| Arc::new(IdentityCryptFilter) as Filter, Arc::clone)
}

/// The streams that are embedded files (7.11.4): by their type, or because a file specification leads to them.
fn embedded<'o>(
    objects: impl Iterator<Item = (ObjectId, &'o Object)>,
    look: &impl Fn(ObjectId) -> Option<&'o Object>,
) -> IdSet {
    let mut found = IdSet::default();
    let mut waiting = Vec::new();
    for (id, object) in objects {
        if object
            .as_stream()
            .is_ok_and(|stream| is_of_type(&stream.dict, b"EmbeddedFile"))
        {
            found.insert(id);
        }
        waiting.push(object);
    }
    while let Some(object) = waiting.pop() {
        let dict = match object {
            Object::Array(items) => {
                waiting.extend(items);
                continue;
            }
            Object::Dictionary(dict) => dict,
            Object::Stream(stream) => &stream.dict,
            _ => continue,
        };
        waiting.extend(dict.iter().map(|(_, value)| value));
        let files = entry(dict, b"EF").and_then(|files| resolved(files, look));
        if let Some(Object::Dictionary(files)) = files {
            found.extend(
                files
                    .iter()
                    .filter_map(|(_, file)| file.as_reference().ok()),
            );
        }
    }
    found
}

fn resolved<'d, 'o: 'd>(
    object: &'d Object,
    look: &impl Fn(ObjectId) -> Option<&'o Object>,
) -> Option<&'d Object> {
    match object {
        Object::Reference(id) => look(*id),
        direct => Some(direct),
    }
}

fn decrypted(
    state: &EncryptionState,
    filter: &dyn CryptFilter,
    id: ObjectId,
    raw: &[u8],
) -> Result<Vec<u8>, DecryptionError> {
    let key = filter.compute_key(state.file_encryption_key(), id)?;
    filter.decrypt(&key, raw)
}

/// The bytes of a stream as the file has them.
fn raw<'f>(file: &'f [u8], pdf: &lopdf::Document, id: ObjectId) -> Option<&'f [u8]> {
    let Some(XrefEntry::Normal { offset, .. }) = pdf.reference_table.get(id.0) else {
        return None;
    };
    let source = from_header(file)?.get(*offset as usize..)?;
    let (found, dict, start) = syntax::read_stream_head(source, MAX_DEPTH)?;
    let length = entry(&dict, b"Length")?;
    let length = resolved(length, &|id| pdf.objects.get(&id))?
        .as_i64()
        .ok()?;
    let rest = source.get(start..)?;
    let (content, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let ends = [
        &b"endstream"[..],
        b"\nendstream",
        b"\r\nendstream",
        b"\rendstream",
    ];
    (found == id && ends.iter().any(|end| rest.starts_with(end))).then_some(content)
}
