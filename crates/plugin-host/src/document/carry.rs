//! What stands in a document's catalog and its pages cannot do without: layers and form fields.
//!
//! A hidden layer whose document does not say so is shown; a field that is in no form is no field. So an import brings
//! along the entries of the layers and fields that came with its pages.

mod form;

use lopdf::{Dictionary, Object, ObjectId};

use crate::document::copy::Copy;
use crate::document::ids::IdSet;
use crate::document::objects::Objects;
use crate::document::place::Place;
use crate::fault::Result;

pub(crate) use form::fields;

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
