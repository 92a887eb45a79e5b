//! The bytes of a stream with its filters undone, but for image filters (ISO 32000-2, 7.4).

use lopdf::{DecompressError, Dictionary, Object, Stream};

use crate::document::objects::Objects;
use crate::fault::{Fault, Result};

/// Undoes the filters of `stream` up to the first image filter.
pub(crate) fn decode(objects: &Objects, stream: &Stream, limit: u64) -> Result<Vec<u8>> {
    let names = list(objects, &stream.dict, b"Filter", b"F");
    let parameters = list(objects, &stream.dict, b"DecodeParms", b"DP");
    let mut filters = Vec::new();
    let mut kept = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let Object::Name(name) = name else {
            return Err(Fault::new(
                dropleaf_plugin_abi::E_SYNTAX,
                "a filter is not a name",
            ));
        };
        let full = full_name(name);
        if is_image(full) {
            break;
        }
        // Decrypted when the document was read.
        if full == b"Crypt" {
            continue;
        }
        filters.push(Object::Name(full.to_vec()));
        kept.push(parameters.get(index).cloned().unwrap_or(Object::Null));
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let content = objects.heap.content(stream);
    if filters.is_empty() {
        if content.len() > limit {
            return Err(too_large(limit));
        }
        return Ok(content.to_vec());
    }
    let mut dict = Dictionary::new();
    dict.set("Filter", Object::Array(filters));
    dict.set("DecodeParms", Object::Array(kept));
    let filtered = Stream::new(dict, content.to_vec());
    filtered
        .decompressed_content_with_limit(limit)
        .map_err(|error| match error {
            lopdf::Error::Decompress(DecompressError::MemoryLimitExceeded { .. }) => {
                too_large(limit)
            }
            lopdf::Error::Unimplemented(_) => Fault::new(
                dropleaf_plugin_abi::E_UNSUPPORTED,
                format!("a filter of the stream is not known: {names:?}"),
            ),
            other => Fault::new(dropleaf_plugin_abi::E_SYNTAX, other.to_string()),
        })
}

fn too_large(limit: usize) -> Fault {
    Fault::limit(format!("the stream decodes to more than {limit} bytes"))
}

/// One value or an array of them, resolved.
fn list(objects: &Objects, dict: &Dictionary, key: &[u8], short: &[u8]) -> Vec<Object> {
    let value = objects.lookup(dict, key).or_else(|| match key {
        // `/F` of a stream outside a content stream is a file; only a name abbreviates.
        b"Filter" => objects
            .lookup(dict, short)
            .filter(|value| value.as_name().is_ok()),
        _ => objects.lookup(dict, short),
    });
    let resolved = |item: &Object| {
        objects
            .resolve(item)
            .map_or(Object::Null, |(_, item)| item.clone())
    };
    match value {
        None | Some(Object::Null) => Vec::new(),
        Some(Object::Array(items)) => items.iter().map(resolved).collect(),
        Some(one) => vec![one.clone()],
    }
}

/// Abbreviations stand in inline images, and in some files elsewhere (table 92).
fn full_name(name: &[u8]) -> &[u8] {
    match name {
        b"Fl" => b"FlateDecode",
        b"LZW" => b"LZWDecode",
        b"A85" => b"ASCII85Decode",
        b"AHx" => b"ASCIIHexDecode",
        b"RL" => b"RunLengthDecode",
        b"DCT" => b"DCTDecode",
        b"CCF" => b"CCITTFaxDecode",
        other => other,
    }
}

fn is_image(name: &[u8]) -> bool {
    matches!(
        name,
        b"DCTDecode" | b"JPXDecode" | b"JBIG2Decode" | b"CCITTFaxDecode"
    )
}
