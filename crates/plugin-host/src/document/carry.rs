//! What stands in a document's catalog and its pages cannot do without: layers and form fields.
//!
//! A hidden layer whose document does not say so is shown; a field that is in no form is no field. So an import brings
//! along the entries of the layers and fields that came with its pages.

mod form;
mod layers;

use lopdf::{Object, ObjectId};

use crate::document::objects::Objects;
use crate::document::place::Place;
use crate::fault::Result;

pub(crate) use form::fields;
pub(crate) use form::names::Renamed;
pub(crate) use layers::layers;

fn catalog(objects: &Objects) -> Option<Place> {
    root(objects).map(Place::object)
}

fn root(objects: &Objects) -> Option<ObjectId> {
    objects.pdf.trailer.get(b"Root").ok()?.as_reference().ok()
}

pub(crate) fn is_catalog(objects: &Objects, id: ObjectId) -> bool {
    root(objects) == Some(id)
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

pub(crate) fn append(objects: &mut Objects, place: &Place, key: &[u8], id: ObjectId) -> Result<()> {
    let list = objects.below_or(place, key, Object::Array(Vec::new()))?;
    let end = objects
        .holder(&list)
        .and_then(|holder| holder.array())
        .map_or(0, <[Object]>::len);
    objects.put_item(list, end, Object::Reference(id))
}
