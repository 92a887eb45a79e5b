//! One stream made smaller without a change of what it says.

use dropleaf_plugin_sdk::prelude::*;

use crate::flate::{deflate, inflate};

/// Below this many bytes the work costs more than it can gain.
const MIN_LENGTH: usize = 48;
/// `/Filter/FlateDecode` and its separator.
const FILTER_COST: usize = 20;
/// Filters that only the content's form depends on.
const PLAIN: [&[u8]; 8] = [
    b"ASCII85Decode",
    b"A85",
    b"ASCIIHexDecode",
    b"AHx",
    b"LZWDecode",
    b"LZW",
    b"RunLengthDecode",
    b"RL",
];

/// Compresses `stream` again where that is exact and smaller; answers how many bytes are saved.
pub(crate) fn recompress(stream: &Object<'_>, level: u8) -> Result<u64> {
    let length = stream.len()?;
    if length < MIN_LENGTH || is_kept(stream)? {
        return Ok(0);
    }
    let Some(filters) = filters(stream)? else {
        return Ok(0);
    };
    match filters.first().map(Vec::as_slice) {
        None => compress(stream, length, level),
        Some(b"FlateDecode" | b"Fl") => redeflate(stream, length, level),
        Some(first) if PLAIN.contains(&first) => rewrite(stream, length, level, &filters),
        Some(_) => Ok(0),
    }
}

/// The names in `Filter`; `None` where it is not what it should be.
pub(crate) fn filters(stream: &Object<'_>) -> Result<Option<Vec<Vec<u8>>>> {
    Ok(match stream.get("Filter")? {
        None => Some(Vec::new()),
        Some(Value::Name(name)) => Some(vec![name]),
        Some(Value::Array(names)) => names
            .items()?
            .into_iter()
            .map(|name| name.as_name().map(<[u8]>::to_vec))
            .collect(),
        Some(_) => None,
    })
}

/// Metadata is to be readable by tools that know nothing of PDF, and an external file's content is not here.
fn is_kept(stream: &Object<'_>) -> Result<bool> {
    let kind = stream.get("Type")?;
    let typed = kind.is_some_and(|kind| {
        kind.is_name("Metadata") || kind.is_name("XRef") || kind.is_name("ObjStm")
    });
    Ok(typed || stream.has("F")?)
}

/// No filter: deflate.
fn compress(stream: &Object<'_>, length: usize, level: u8) -> Result<u64> {
    let smaller = deflate(&stream.raw()?, level);
    if smaller.len() + FILTER_COST >= length {
        return Ok(0);
    }
    stream.set_raw(&smaller)?;
    stream.put("Filter", Value::name("FlateDecode"))?;
    stream.remove("DecodeParms")?;
    Ok((length - smaller.len()) as u64)
}

/// Deflated already: once more, harder. What is inside (a predictor, an image) stays as it is, to the bit.
fn redeflate(stream: &Object<'_>, length: usize, level: u8) -> Result<u64> {
    let Some(content) = inflate(&stream.raw()?) else {
        return Ok(0);
    };
    let smaller = deflate(&content, level);
    if smaller.len() >= length {
        return Ok(0);
    }
    stream.set_raw(&smaller)?;
    Ok((length - smaller.len()) as u64)
}

/// Older filters: undone by the host, deflated instead; an image filter at the end of the chain stays.
fn rewrite(stream: &Object<'_>, length: usize, level: u8, filters: &[Vec<u8>]) -> Result<u64> {
    let known = |name: &Vec<u8>| {
        PLAIN.contains(&name.as_slice()) || name == b"FlateDecode" || name == b"Fl"
    };
    let image = filters.iter().position(|name| !known(name));
    let decoded = match stream.decoded() {
        Ok(decoded) if !decoded.is_empty() => decoded,
        Err(error) if error.is_cancelled() => return Err(error),
        // Not to be decoded: a viewer makes of it what it can, and that must not change.
        _ => return Ok(0),
    };
    match image {
        None => {
            let smaller = deflate(&decoded, level);
            if smaller.len() >= length {
                return Ok(0);
            }
            stream.set_raw(&smaller)?;
            stream.put("Filter", Value::name("FlateDecode"))?;
            stream.remove("DecodeParms")?;
            Ok((length - smaller.len()) as u64)
        }
        Some(at) if at + 1 == filters.len() && decoded.len() < length => {
            let parameters = match stream.get("DecodeParms")? {
                Some(Value::Array(all)) => all.at(at)?.filter(|value| !value.is_null()),
                _ => None,
            };
            stream.set_raw(&decoded)?;
            stream.put("Filter", Value::name(&filters[at]))?;
            match parameters {
                Some(parameters) => stream.put("DecodeParms", parameters)?,
                None => {
                    stream.remove("DecodeParms")?;
                }
            }
            Ok((length - decoded.len()) as u64)
        }
        Some(_) => Ok(0),
    }
}
