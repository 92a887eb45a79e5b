//! The export values of buttons (ISO 32000-2, 12.7.5.2.3 and 12.7.5.2.4): `/Opt` has one for each widget in `/Kids`, in their order.
//!
//! So when widgets go, their values go. The states of such a field are often the places of its widgets, written as names; the
//! places change then, and with them the states, the value and the default value.

use std::collections::HashMap;

use dropleaf_plugin_sdk::prelude::*;

/// The deepest tree of fields that is climbed.
const MAX_DEPTH: u32 = 64;

/// A button with export values as it was before any of its widgets went.
pub(crate) struct Button {
    field: Ref,
    widgets: Vec<Option<Ref>>,
    /// Whether the state of each widget is its place.
    is_numbered: bool,
}

impl Button {
    /// The field `field`, if it has export values and widgets.
    pub(crate) fn of(
        document: &Document<'_>,
        field: Ref,
        object: &Object<'_>,
    ) -> Result<Option<Self>> {
        if object.object("Opt")?.is_none() || !is_button(object)? {
            return Ok(None);
        }
        let widgets = widgets(object)?;
        let mut is_numbered = true;
        for (place, widget) in widgets.iter().enumerate() {
            let state = widget.map_or(Ok(None), |widget| state(document, widget))?;
            is_numbered &= state.is_some_and(|state| state == number(place));
        }
        Ok(Some(Self {
            field,
            widgets,
            is_numbered,
        }))
    }

    /// Makes the field agree with the widgets that it has now.
    pub(crate) fn settle(&self, document: &Document<'_>) -> Result<()> {
        let Some(field) = document.object(self.field)?.as_dict() else {
            return Ok(());
        };
        let left = widgets(&field)?;
        if left.len() == self.widgets.len() {
            return Ok(());
        }
        let mut before = HashMap::new();
        for (place, widget) in self.widgets.iter().enumerate() {
            before.entry(*widget).or_insert(place);
        }
        let places: Vec<Option<usize>> = left.iter().map(|kid| before.get(kid).copied()).collect();
        if let Some(values) = field.object("Opt")?
            && let Tree::Array(values) = values.tree()?
        {
            let kept = places
                .iter()
                .flatten()
                .filter_map(|&place| values.get(place));
            let kept = Tree::Array(kept.cloned().collect());
            field.put("Opt", document.parse(kept.to_syntax())?)?;
        }
        if !self.is_numbered {
            return Ok(());
        }
        for (now, widget) in left.iter().enumerate() {
            if let (Some(widget), Some(before)) = (*widget, places[now])
                && let Some(widget) = document.object(widget)?.as_dict()
            {
                rename(document, &widget, &number(before), &number(now))?;
            }
        }
        for key in ["V", "DV"] {
            let named = field.get(key)?;
            let Some(named) = named.as_ref().and_then(Value::as_name) else {
                continue;
            };
            let is_place = |place: &usize| number(*place) == named;
            if (0..self.widgets.len()).any(|place| is_place(&place)) {
                let now = places
                    .iter()
                    .position(|place| place.as_ref().is_some_and(is_place));
                // No button is on: that of a dropped page was.
                let name = now.map_or_else(|| b"Off".to_vec(), number);
                field.put(key, Value::name(name))?;
            }
        }
        Ok(())
    }
}

fn number(place: usize) -> Vec<u8> {
    place.to_string().into_bytes()
}

fn widgets(field: &Object<'_>) -> Result<Vec<Option<Ref>>> {
    match field.object("Kids")?.map(|kids| kids.tree()).transpose()? {
        Some(Tree::Array(kids)) => Ok(kids
            .iter()
            .map(|kid| match kid {
                Tree::Ref(widget) => Some(*widget),
                _ => None,
            })
            .collect()),
        _ => Ok(Vec::new()),
    }
}

/// Choices have an `/Opt`, too, which lists what can be chosen.
fn is_button(field: &Object<'_>) -> Result<bool> {
    let mut kind = field.get("FT")?;
    let mut parent = field.object("Parent")?;
    for _ in 0..MAX_DEPTH {
        let (None, Some(above)) = (&kind, &parent) else {
            break;
        };
        kind = above.get("FT")?;
        parent = above.object("Parent")?;
    }
    Ok(kind.is_some_and(|kind| kind.is_name("Btn")))
}

/// The state of a widget that is on: the name beside `/Off` of its appearances.
fn state(document: &Document<'_>, widget: Ref) -> Result<Option<Vec<u8>>> {
    let Some(widget) = document.object(widget)?.as_dict() else {
        return Ok(None);
    };
    let normal = match widget.object("AP")? {
        Some(appearances) => appearances.object("N")?,
        None => None,
    };
    let Some(Tree::Dict(states)) = normal.map(|normal| normal.tree()).transpose()? else {
        return Ok(None);
    };
    let mut on = states.into_iter().filter(|(name, _)| name != b"Off");
    Ok(on.next().map(|(name, _)| name))
}

/// Gives a state of a widget another name. Its appearances may be shared, so it gets a list of its own.
fn rename(document: &Document<'_>, widget: &Object<'_>, old: &[u8], new: &[u8]) -> Result<()> {
    if old == new {
        return Ok(());
    }
    let Some(Tree::Dict(mut kinds)) = widget.object("AP")?.map(|all| all.tree()).transpose()?
    else {
        return Ok(());
    };
    for (kind, states) in &mut kinds {
        let found = match widget.object("AP")? {
            Some(all) => all
                .get(kind.as_slice())?
                .and_then(|states| states.as_dict()),
            None => None,
        };
        let Some(Tree::Dict(mut named)) = found.map(|states| states.tree()).transpose()? else {
            continue;
        };
        for (name, _) in &mut named {
            if name == old {
                *name = new.to_vec();
            }
        }
        *states = Tree::Dict(named);
    }
    widget.put("AP", document.parse(Tree::Dict(kinds).to_syntax())?)?;
    if widget
        .get("AS")?
        .is_some_and(|state| state.as_name() == Some(old))
    {
        widget.put("AS", Value::name(new))?;
    }
    Ok(())
}
