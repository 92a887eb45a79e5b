//! What the fields of a form fall back on (ISO 32000-2, 12.7.3): fonts, type, alignment, and the order of calculation.
//!
//! Two forms become one, and each field has to look and calculate as it did. So what the joined form says stays true for the
//! fields that it has, and the ones that come bring along what theirs said otherwise.

use std::collections::{HashMap, HashSet};

use lopdf::{Dictionary, Object, ObjectId};

use super::MAX_DEPTH;
use crate::document::carry::{append, references};
use crate::document::copy::Copy;
use crate::document::ids::IdSet;
use crate::document::objects::Objects;
use crate::document::place::Place;
use crate::document::{serialize, syntax};
use crate::fault::Result;

/// Fields of one import whose type is looked at.
const MAX_FIELDS: usize = 100_000;

/// Fonts of the other form that are known by another name here.
type Renamed = HashMap<Vec<u8>, Vec<u8>>;

/// Brings along what `come`, the outermost fields that have come from the form `theirs`, fall back on.
pub(super) fn carry(
    copy: &mut Copy<'_>,
    theirs: &Place,
    ours: &Place,
    come: &[ObjectId],
) -> Result<()> {
    let renamed = resources(copy, theirs, ours)?;
    if !renamed.is_empty() {
        rename_fonts(copy.to, come, &renamed)?;
    }
    let is_first = references(copy.to, ours, b"Fields").is_empty();
    let needs_appearances = matches!(
        value(copy.from, theirs, b"NeedAppearances"),
        Some(Object::Boolean(true))
    );
    if needs_appearances {
        copy.to
            .put(ours.clone(), b"NeedAppearances", Object::Boolean(true))?;
    }
    let type_there = value(copy.from, theirs, b"DA")
        .and_then(|object| object.as_str().ok())
        .map(|text| with_renamed_fonts(text, &renamed).unwrap_or_else(|| text.to_vec()))
        .map(Object::string_literal);
    let side_there = value(copy.from, theirs, b"Q")
        .filter(|object| object.as_i64().is_ok())
        .cloned();
    let left = Object::Integer(0);
    let defaults = [
        (b"DA".as_slice(), type_there, None),
        (b"Q".as_slice(), side_there, Some(left)),
    ];
    for (key, there, otherwise) in defaults {
        if is_first && value(copy.to, ours, key).is_none() {
            if let Some(there) = there {
                copy.to.put(ours.clone(), key, there)?;
            }
        } else if let Some(there) = there.or_else(|| otherwise.clone()) {
            let here = value(copy.to, ours, key).cloned().or(otherwise);
            if here.as_ref() != Some(&there) {
                hand_down(copy.to, come, key, &there)?;
            }
        }
    }
    calculation_order(copy, theirs, ours)
}

/// Gives the fields that have none of their own what their form has said for them.
fn hand_down(objects: &mut Objects, come: &[ObjectId], key: &[u8], value: &Object) -> Result<()> {
    for &field in come {
        if objects.dict(field).is_some_and(|field| !field.has(key)) {
            objects.put(Place::object(field), key, value.clone())?;
        }
    }
    Ok(())
}

/// Enters their resources; where another font has a name already, theirs gets one that is free.
fn resources(copy: &mut Copy<'_>, theirs: &Place, ours: &Place) -> Result<Renamed> {
    let mut renamed = Renamed::new();
    let Some(from) = copy.from.below(theirs, b"DR") else {
        return Ok(renamed);
    };
    let Some(categories) = copy.from.holder(&from).and_then(|holder| holder.dict()) else {
        return Ok(renamed);
    };
    let empty = || Object::Dictionary(Dictionary::new());
    let into = copy.to.below_or(ours, b"DR", empty())?;
    for (category, _) in categories.iter() {
        let Some(place) = copy.from.below(&from, category) else {
            continue;
        };
        let Some(named) = copy.from.holder(&place).and_then(|holder| holder.dict()) else {
            continue;
        };
        let into = copy.to.below_or(&into, category, empty())?;
        for (name, object) in named.iter() {
            let coming = copy.translated(object)?;
            let free = enter(copy, &into, name, object, &coming)?;
            if category == b"Font" && free != *name {
                renamed.insert(name.clone(), free);
            }
        }
    }
    Ok(renamed)
}

/// Enters a resource under its name, or under the first of `name+1`, `name+2` and so on that is free or has it already.
fn enter(
    copy: &mut Copy<'_>,
    into: &Place,
    name: &[u8],
    there: &Object,
    coming: &Object,
) -> Result<Vec<u8>> {
    for number in 0_usize.. {
        let candidate = match number {
            0 => name.to_vec(),
            number => [name, format!("+{number}").as_bytes()].concat(),
        };
        let holder = copy.to.holder(into).and_then(|holder| holder.dict());
        match holder.and_then(|dict| dict.get(&candidate).ok()) {
            None => {
                copy.to.put(into.clone(), &candidate, coming.clone())?;
                return Ok(candidate);
            }
            Some(here) if here == coming || same_font(copy, here, there) => return Ok(candidate),
            Some(_) => {}
        }
    }
    Ok(name.to_vec())
}

/// Whether both are one of the fonts that everybody has, or at least not embedded: then the names say which font it is.
fn same_font(copy: &Copy<'_>, here: &Object, there: &Object) -> bool {
    let look = |objects: &'_ Objects, object: &Object| {
        let (_, object) = objects.resolve(object)?;
        let font = object.as_dict().ok()?;
        let get = |key: &[u8]| objects.lookup(font, key).cloned();
        let names = (get(b"Subtype"), get(b"BaseFont"), get(b"Encoding"));
        let is_plain = [&names.0, &names.1, &names.2]
            .into_iter()
            .flatten()
            .all(|object| !refers(object));
        (is_plain && !font.has(b"FontDescriptor") && !font.has(b"DescendantFonts")).then_some(names)
    };
    look(copy.to, here).is_some_and(|here| look(copy.from, there) == Some(here))
}

/// Whether there is a reference in it, at its top or one level below.
fn refers(object: &Object) -> bool {
    let is_deep = |object: &Object| {
        matches!(
            object,
            Object::Reference(_) | Object::Array(_) | Object::Dictionary(_) | Object::Stream(_)
        )
    };
    match object {
        Object::Reference(_) | Object::Stream(_) => true,
        Object::Array(items) => items.iter().any(is_deep),
        Object::Dictionary(dict) => dict.iter().any(|(_, value)| match value {
            Object::Array(items) => items.iter().any(is_deep),
            value => is_deep(value),
        }),
        _ => false,
    }
}

/// Gives fonts their new names in the type of the fields that came, and of all below them.
fn rename_fonts(objects: &mut Objects, come: &[ObjectId], renamed: &Renamed) -> Result<()> {
    let mut seen = IdSet::default();
    let mut level = come.to_vec();
    for _ in 0..MAX_DEPTH {
        let mut below = Vec::new();
        for id in level {
            if seen.len() >= MAX_FIELDS || !seen.insert(id) {
                continue;
            }
            let Some(field) = objects.dict(id) else {
                continue;
            };
            let text = objects.lookup(field, b"DA").map(Object::as_str);
            if let Some(Ok(text)) = text
                && let Some(text) = with_renamed_fonts(text, renamed)
            {
                objects.put(Place::object(id), b"DA", Object::string_literal(text))?;
            }
            below.extend(references(objects, &Place::object(id), b"Kids"));
        }
        level = below;
    }
    Ok(())
}

/// Content operators with other names of fonts; `None` where there is nothing to change.
fn with_renamed_fonts(text: &[u8], renamed: &Renamed) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte == b'/') {
        let (before, from_name) = rest.split_at(at);
        out.extend_from_slice(before);
        let read = syntax::read_name(from_name);
        let length = read.as_ref().map_or(1, |(_, length)| *length);
        let (written, behind) = from_name.split_at(length);
        match read.and_then(|(name, _)| renamed.get(&name)) {
            Some(new) => serialize::name(new, &mut out),
            None => out.extend_from_slice(written),
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
    (out != text).then_some(out)
}

/// Enters the calculated fields that came, behind those that are there.
fn calculation_order(copy: &mut Copy<'_>, theirs: &Place, ours: &Place) -> Result<()> {
    let known: HashSet<ObjectId> = references(copy.to, ours, b"CO").into_iter().collect();
    let come: Vec<ObjectId> = references(copy.from, theirs, b"CO")
        .into_iter()
        .filter_map(|id| copy.here(id))
        .filter(|id| !known.contains(id) && copy.to.dict(*id).is_some())
        .collect();
    for id in come {
        append(copy.to, ours, b"CO", id)?;
    }
    Ok(())
}

/// The value of `key`, resolved.
fn value<'a>(objects: &'a Objects, place: &Place, key: &[u8]) -> Option<&'a Object> {
    objects.lookup(objects.holder(place)?.dict()?, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fonts_are_renamed_however_they_are_spelled_and_nothing_else_is() {
        let renamed = Renamed::from([(b"Helv".to_vec(), b"Helv+1".to_vec())]);
        let check = |text: &str, expected: Option<&str>| {
            let changed = with_renamed_fonts(text.as_bytes(), &renamed);
            assert_eq!(changed.as_deref(), expected.map(str::as_bytes), "{text}");
        };
        check("/Helv 12 Tf 0 g", Some("/Helv+1 12 Tf 0 g"));
        check("0 g/He#6Cv 9 Tf", Some("0 g/Helv+1 9 Tf"));
        check("/Helv", Some("/Helv+1"));
        check("/a#00b 1 Tf /Helv 2 Tf", Some("/a#00b 1 Tf /Helv+1 2 Tf"));
        check("/Helvetica 12 Tf", None);
        check("0 g / 3 Tf /", None);
        check("", None);
    }
}
