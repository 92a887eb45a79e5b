//! The export values of buttons (ISO 32000-2, 12.7.5.2.3 and 12.7.5.2.4): `/Opt` has one for each widget in `/Kids`, in their order.
//!
//! Widgets come with their pages, in the order of those. The states of such a field are often the places of its widgets,
//! written as names; then they, the value and the default value have to be those of the places here.

use std::collections::HashMap;

use lopdf::{Dictionary, Object, ObjectId};

use super::{MAX_DEPTH, references};
use crate::document::copy::{Copy, annotations};
use crate::document::ids::IdSet;
use crate::document::objects::Objects;
use crate::document::place::Place;
use crate::fault::Result;

/// Makes the buttons with widgets on `pages`, which have come, agree with the widgets that they have by now.
pub(super) fn settle(copy: &mut Copy<'_>, pages: &[ObjectId]) -> Result<()> {
    if copy.is_whole() {
        return Ok(());
    }
    let mut fields = IdSet::default();
    for (_, widget) in pages.iter().flat_map(|page| annotations(copy.from, *page)) {
        let parent = widget.and_then(|widget| widget.get(b"Parent").ok());
        fields.extend(parent.and_then(|parent| parent.as_reference().ok()));
    }
    for field in fields {
        if let Some(here) = copy
            .here(field)
            .filter(|here| copy.to.dict(*here).is_some())
        {
            button(copy, field, here)?;
        }
    }
    Ok(())
}

fn button(copy: &mut Copy<'_>, there: ObjectId, here: ObjectId) -> Result<()> {
    let from = copy.from;
    let Some(field) = from.dict(there).filter(|field| is_button(from, field)) else {
        return Ok(());
    };
    let Some(Object::Array(values)) = from.lookup(field, b"Opt") else {
        return Ok(());
    };
    let widgets = references(from, &Place::object(there), b"Kids");
    let before: HashMap<ObjectId, usize> = (0..)
        .zip(&widgets)
        .filter_map(|(place, widget)| Some((copy.here(*widget)?, place)))
        .collect();
    let kids = references(copy.to, &Place::object(here), b"Kids");
    let places: Vec<Option<usize>> = kids.iter().map(|kid| before.get(kid).copied()).collect();
    let kept = places
        .iter()
        .flatten()
        .filter_map(|place| values.get(*place));
    let kept: Result<Vec<Object>> = kept.map(|value| copy.translated(value)).collect();
    copy.to
        .put(Place::object(here), b"Opt", Object::Array(kept?))?;
    let is_place =
        |(place, widget): (usize, &ObjectId)| state(from, *widget) == Some(&number(place));
    if !widgets.iter().enumerate().all(is_place) {
        return Ok(());
    }
    for (place, kid) in kids.iter().enumerate() {
        rename(copy.to, *kid, &number(place))?;
    }
    for key in [b"V".as_slice(), b"DV"] {
        let Some(Object::Name(named)) = from.lookup(field, key) else {
            continue;
        };
        if let Some(place) = (0..widgets.len()).find(|place| number(*place) == *named) {
            let now = places.iter().position(|before| *before == Some(place));
            // No button is on: the one that is has not come.
            let name = now.map_or_else(|| b"Off".to_vec(), number);
            copy.to.put(Place::object(here), key, Object::Name(name))?;
        }
    }
    Ok(())
}

fn number(place: usize) -> Vec<u8> {
    place.to_string().into_bytes()
}

/// Choices have an `/Opt`, too, which lists what can be chosen.
fn is_button(objects: &Objects, field: &Dictionary) -> bool {
    let mut at = field;
    for _ in 0..MAX_DEPTH {
        if let Some(kind) = objects.lookup(at, b"FT") {
            return matches!(kind, Object::Name(kind) if kind == b"Btn");
        }
        match objects.lookup(at, b"Parent") {
            Some(Object::Dictionary(above)) => at = above,
            _ => return false,
        }
    }
    false
}

/// The state of a widget that is on: the name beside `/Off` of its appearances.
fn state(objects: &Objects, widget: ObjectId) -> Option<&Vec<u8>> {
    let appearances = objects
        .lookup(objects.dict(widget)?, b"AP")?
        .as_dict()
        .ok()?;
    let Object::Dictionary(normal) = objects.lookup(appearances, b"N")? else {
        return None;
    };
    normal
        .iter()
        .map(|(name, _)| name)
        .find(|name| *name != b"Off")
}

/// Gives the state of a widget another name. Its appearances may be shared, so it gets a list of its own.
fn rename(objects: &mut Objects, widget: ObjectId, new: &[u8]) -> Result<()> {
    let Some(old) = state(objects, widget).filter(|old| *old != new).cloned() else {
        return Ok(());
    };
    let Some(dict) = objects.dict(widget) else {
        return Ok(());
    };
    let is_on = matches!(objects.lookup(dict, b"AS"), Some(Object::Name(state)) if *state == old);
    let Some(Object::Dictionary(kinds)) = objects.lookup(dict, b"AP") else {
        return Ok(());
    };
    let mut own = Dictionary::new();
    for (kind, states) in kinds {
        let states = match objects.resolve(states) {
            Some((_, Object::Dictionary(states))) => {
                let name = |name: &Vec<u8>| {
                    if *name == old {
                        new.to_vec()
                    } else {
                        name.clone()
                    }
                };
                let states = states.iter().map(|(key, value)| (name(key), value.clone()));
                Object::Dictionary(states.collect())
            }
            _ => states.clone(),
        };
        own.set(kind.clone(), states);
    }
    objects.put(Place::object(widget), b"AP", Object::Dictionary(own))?;
    if is_on {
        objects.put(Place::object(widget), b"AS", Object::Name(new.to_vec()))?;
    }
    Ok(())
}
