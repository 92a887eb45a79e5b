//! What stands in a document's catalog and its pages cannot do without: layers and form fields.
//!
//! A hidden layer whose document does not say so is shown; a field that is in no form is no field. So an import brings
//! along the entries of the layers and fields that came with its pages.

use std::collections::HashSet;

use lopdf::{Dictionary, Object, ObjectId};

use crate::document::copy::{Copy, annotations};
use crate::document::ids::IdSet;
use crate::document::objects::Objects;
use crate::document::place::Place;
use crate::fault::Result;

/// Keys of a form that its fields refer to.
const FORM_DEFAULTS: [&[u8]; 4] = [b"DR", b"DA", b"Q", b"NeedAppearances"];
/// The deepest tree of fields that is climbed.
const MAX_DEPTH: usize = 64;

/// Enters the layers that have come (ISO 32000-2, 8.11.4) as visible or hidden as they were.
pub(crate) fn layers(copy: &mut Copy<'_>) -> Result<()> {
    let Some(theirs) =
        catalog(copy.from).and_then(|catalog| copy.from.below(&catalog, b"OCProperties"))
    else {
        return Ok(());
    };
    let all = references(copy.from, &theirs, b"OCGs");
    let come: Vec<(ObjectId, ObjectId)> = all
        .into_iter()
        .filter_map(|id| Some((id, copy.here(id)?)))
        .collect();
    let Some(ours) = catalog(copy.to).filter(|_| !come.is_empty()) else {
        return Ok(());
    };
    let defaults = copy.from.below(&theirs, b"D");
    let hidden = |id: ObjectId| {
        defaults
            .as_ref()
            .is_some_and(|defaults| is_hidden(copy.from, defaults, id))
    };
    let come: Vec<(ObjectId, bool)> = come
        .into_iter()
        .map(|(there, here)| (here, hidden(there)))
        .collect();

    let properties = copy.to.below_or(
        &ours,
        b"OCProperties",
        Object::Dictionary(Dictionary::new()),
    )?;
    let known: IdSet = references(copy.to, &properties, b"OCGs")
        .into_iter()
        .collect();
    let defaults = copy
        .to
        .below_or(&properties, b"D", Object::Dictionary(Dictionary::new()))?;
    for (id, hidden) in come.into_iter().filter(|(id, _)| !known.contains(id)) {
        append(copy.to, &properties, b"OCGs", id)?;
        append(copy.to, &defaults, b"Order", id)?;
        append(copy.to, &defaults, if hidden { b"OFF" } else { b"ON" }, id)?;
    }
    Ok(())
}

fn is_hidden(objects: &Objects, defaults: &Place, id: ObjectId) -> bool {
    let listed = |key: &[u8]| references(objects, defaults, key).contains(&id);
    let base = objects
        .holder(defaults)
        .and_then(|holder| objects.lookup(holder.dict()?, b"BaseState")?.as_name().ok());
    listed(b"OFF") || (base == Some(b"OFF") && !listed(b"ON"))
}

/// Enters the fields (12.7.4) whose widgets have come, under names that are free.
pub(crate) fn fields(copy: &mut Copy<'_>, pages: &[ObjectId]) -> Result<()> {
    let Some(theirs) =
        catalog(copy.from).and_then(|catalog| copy.from.below(&catalog, b"AcroForm"))
    else {
        return Ok(());
    };
    let all: IdSet = references(copy.from, &theirs, b"Fields")
        .into_iter()
        .collect();
    let mut seen = IdSet::default();
    let mut come = Vec::new();
    for (id, _) in pages.iter().flat_map(|page| annotations(copy.from, *page)) {
        let top = id
            .and_then(|id| top_field(copy.from, id))
            .filter(|top| all.contains(top));
        if let Some(top) = top
            && seen.insert(top)
            && let Some(here) = copy.here(top)
        {
            come.push(here);
        }
    }
    let Some(ours) = catalog(copy.to).filter(|_| !come.is_empty()) else {
        return Ok(());
    };
    let form = copy
        .to
        .below_or(&ours, b"AcroForm", Object::Dictionary(Dictionary::new()))?;
    form_defaults(copy, &theirs, &form)?;
    let known: IdSet = references(copy.to, &form, b"Fields").into_iter().collect();
    let mut names: HashSet<Vec<u8>> = known
        .iter()
        .filter_map(|id| field_name(copy.to, *id))
        .collect();
    for id in come.into_iter().filter(|id| !known.contains(id)) {
        if let Some(name) = field_name(copy.to, id) {
            let free = free_name(&name, &names);
            if free != name {
                copy.to.put(
                    Place::object(id),
                    b"T",
                    Object::string_literal(free.clone()),
                )?;
            }
            names.insert(free);
        }
        append(copy.to, &form, b"Fields", id)?;
    }
    Ok(())
}

/// What fields fall back on, where this document has nothing of its own.
fn form_defaults(copy: &mut Copy<'_>, theirs: &Place, ours: &Place) -> Result<()> {
    for key in FORM_DEFAULTS {
        let there = copy
            .from
            .holder(theirs)
            .and_then(|holder| holder.dict()?.get(key).ok())
            .cloned();
        let here = copy
            .to
            .holder(ours)
            .and_then(|holder| holder.dict())
            .is_some_and(|dict| dict.has(key));
        if let Some(value) = there.filter(|_| !here) {
            let value = copy.translated(&value)?;
            copy.to.put(ours.clone(), key, value)?;
        }
    }
    Ok(())
}

/// The field at the top of the tree that a widget belongs to.
fn top_field(objects: &Objects, widget: ObjectId) -> Option<ObjectId> {
    let mut at = widget;
    let is_widget = objects
        .dict(at)?
        .get(b"Subtype")
        .is_ok_and(|name| matches!(name.as_name(), Ok(b"Widget")));
    for _ in 0..MAX_DEPTH {
        match objects
            .dict(at)?
            .get(b"Parent")
            .ok()
            .and_then(|parent| parent.as_reference().ok())
        {
            Some(parent) => at = parent,
            None => return is_widget.then_some(at),
        }
    }
    None
}

fn field_name(objects: &Objects, id: ObjectId) -> Option<Vec<u8>> {
    let name = objects.lookup(objects.dict(id)?, b"T")?;
    name.as_str().ok().map(<[u8]>::to_vec)
}

/// `name`, or the first of `name+1`, `name+2` and so on that is not taken; in its own encoding.
fn free_name(name: &[u8], taken: &HashSet<Vec<u8>>) -> Vec<u8> {
    let wide = name.starts_with(b"\xFE\xFF");
    let numbered = |number: usize| {
        let suffix = format!("+{number}");
        let widened = suffix.bytes().flat_map(|byte| [0, byte]);
        let suffix: Vec<u8> = if wide {
            widened.collect()
        } else {
            suffix.into_bytes()
        };
        [name, &suffix].concat()
    };
    let candidates = std::iter::once(name.to_vec()).chain((1..).map(numbered));
    candidates
        .into_iter()
        .find(|candidate| !taken.contains(candidate))
        .unwrap_or_default()
}

fn catalog(objects: &Objects) -> Option<Place> {
    let root = objects.pdf.trailer.get(b"Root").ok()?.as_reference().ok()?;
    Some(Place::object(root))
}

/// The references in the array at `key`.
fn references(objects: &Objects, place: &Place, key: &[u8]) -> Vec<ObjectId> {
    let items = objects
        .below(place, key)
        .and_then(|place| objects.holder(&place)?.array());
    items
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_reference().ok())
        .collect()
}

fn append(objects: &mut Objects, place: &Place, key: &[u8], id: ObjectId) -> Result<()> {
    let list = objects.below_or(place, key, Object::Array(Vec::new()))?;
    let end = objects
        .holder(&list)
        .and_then(|holder| holder.array())
        .map_or(0, <[Object]>::len);
    objects.put_item(list, end, Object::Reference(id))
}
