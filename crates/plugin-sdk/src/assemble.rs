//! Pages from one document into another, with what stands outside of them but makes them draw and work.
//!
//! [`Document::import_pages`] copies pages and whatever they refer to. Form fields, layers and the numbers that tie a page
//! to its structure tree are the catalog's; [`append`] sees to these too.

use std::collections::HashSet;

use crate::document::Document;
use crate::error::Result;
use crate::object::Object;
use crate::value::{Ref, Value};

/// What [`append`] brought over besides the pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Form fields.
    pub fields: u32,
    /// Fields that had to take another name, because the document had one of theirs: old and new name.
    pub renamed: Vec<(String, String)>,
}

/// Appends pages of `from`, counted from 0 and in the order given, to `to`.
///
/// - Form fields stay fields. One whose name `to` has already is renamed, since two fields of one name are one field.
/// - Layers (optional content) keep their visibility.
/// - The structure tree stays behind, and with it the numbers on the pages that would point into that of `to`.
///
/// Outlines, named destinations, page labels, attachments and metadata stay behind.
pub fn append(to: &Document<'_>, from: &Document<'_>, pages: &[u32]) -> Result<Appended> {
    let Some(&first) = pages.first() else {
        return Ok(Appended::default());
    };
    let start = to.page_count()?;
    let luggage = pack(from, &from.page(first)?)?;
    let mut at = start;
    for (first, count) in runs(pages) {
        to.import_pages(at, from, first, count)?;
        at += count;
    }
    unpack(&from.page(first)?)?;
    let arrived = to.page(start)?;
    if let Some(layers) = arrived.object(LAYERS)? {
        carry_layers(to, &layers)?;
    }
    let mut appended = Appended::default();
    if luggage.form {
        let roots = field_roots(to, start..at)?;
        if !roots.is_empty() {
            appended = carry_fields(to, &arrived, &roots)?;
        }
    }
    unpack(&arrived)?;
    forget_structure(to, start..at)?;
    Ok(appended)
}

/// Splits a list of pages into stretches of neighbours: first and count of each.
#[must_use]
pub fn runs(pages: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &page in pages {
        match runs.last_mut() {
            Some((first, count)) if *first + *count == page => *count += 1,
            _ => runs.push((page, 1)),
        }
    }
    runs
}

// Only pages travel between documents, so the first one takes these along under names of its own.
const LAYERS: &str = "DropleafLayers";
const RESOURCES: &str = "DropleafResources";
const FORM: &str = "DropleafForm";

/// The members of a form that its fields need: default appearance, alignment, whether appearances must be made.
const FORM_MEMBERS: [&str; 3] = ["DA", "Q", "NeedAppearances"];

struct Luggage {
    form: bool,
}

fn pack<'r>(from: &Document<'r>, page: &Object<'r>) -> Result<Luggage> {
    let catalog = from.catalog()?;
    if let Some(layers) = catalog.get_raw("OCProperties")? {
        page.put(LAYERS, layers)?;
    }
    let Some(form) = catalog.object("AcroForm")? else {
        return Ok(Luggage { form: false });
    };
    if let Some(resources) = form.get_raw("DR")? {
        page.put(RESOURCES, resources)?;
    }
    let members = from.parse("<<>>")?;
    for key in FORM_MEMBERS {
        if let Some(value) = form.get(key)? {
            members.put(key, value)?;
        }
    }
    page.put(FORM, members)?;
    Ok(Luggage { form: true })
}

fn unpack(page: &Object<'_>) -> Result<()> {
    for key in [LAYERS, RESOURCES, FORM] {
        page.remove(key)?;
    }
    Ok(())
}

/// Joins the layers that arrived with a page to those of the document.
fn carry_layers(to: &Document<'_>, arrived: &Object<'_>) -> Result<()> {
    let catalog = to.catalog()?;
    let Some(layers) = catalog.object("OCProperties")? else {
        return catalog.put("OCProperties", arrived);
    };
    extend(to, &layers, arrived, "OCGs")?;
    let Some(theirs) = arrived.object("D")? else {
        return Ok(());
    };
    let ours = member(to, &layers, "D", "<<>>")?;
    for key in ["ON", "OFF", "Order", "RBGroups", "Locked", "AS"] {
        extend(to, &ours, &theirs, key)?;
    }
    // A base state is of the whole configuration: where theirs differs, each of their layers says its own.
    let base = |config: &Object<'_>| -> Result<bool> {
        Ok(config
            .get("BaseState")?
            .is_some_and(|state| state.is_name("OFF")))
    };
    if base(&ours)? != base(&theirs)? {
        let listed = if base(&theirs)? { "OFF" } else { "ON" };
        let opposite = if base(&theirs)? { "ON" } else { "OFF" };
        let spoken: HashSet<Ref> = references(&theirs, opposite)?.into_iter().collect();
        let list = member(to, &ours, listed, "[]")?;
        for layer in references(arrived, "OCGs")? {
            if !spoken.contains(&layer) {
                list.push(layer)?;
            }
        }
    }
    Ok(())
}

/// Appends the elements of `theirs[key]` to `ours[key]`.
fn extend(to: &Document<'_>, ours: &Object<'_>, theirs: &Object<'_>, key: &str) -> Result<()> {
    let Some(items) = theirs.object(key)? else {
        return Ok(());
    };
    let list = member(to, ours, key, "[]")?;
    for index in 0..items.len()? {
        if let Some(item) = items.at_raw(index)? {
            list.push(item)?;
        }
    }
    Ok(())
}

fn references(config: &Object<'_>, key: &str) -> Result<Vec<Ref>> {
    let Some(list) = config.object(key)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for index in 0..list.len()? {
        found.extend(list.at_raw(index)?.and_then(|item| item.as_ref()));
    }
    Ok(found)
}

/// The container under `key`, made from `syntax` if there is none.
fn member<'r>(
    document: &Document<'r>,
    parent: &Object<'r>,
    key: &str,
    syntax: &str,
) -> Result<Object<'r>> {
    if let Some(found) = parent.object(key)? {
        return Ok(found);
    }
    parent.put(key, document.parse(syntax)?)?;
    let made = parent.object(key)?;
    made.ok_or_else(|| crate::Error::failed(format!("the host lost `{key}`, which was just put")))
}

/// The topmost fields of the widgets on `pages`, each once.
fn field_roots(document: &Document<'_>, pages: std::ops::Range<u32>) -> Result<Vec<Ref>> {
    let (mut roots, mut seen) = (Vec::new(), HashSet::new());
    for index in pages {
        let Some(annotations) = document
            .page(index)?
            .get("Annots")?
            .and_then(|value| value.as_array())
        else {
            continue;
        };
        for index in 0..annotations.len()? {
            let Some(widget) = annotations.at(index)?.and_then(|value| value.as_dict()) else {
                continue;
            };
            if !widget
                .get("Subtype")?
                .is_some_and(|subtype| subtype.is_name("Widget"))
            {
                continue;
            }
            let root = match root_of(widget)?.id()? {
                Some(root) => root,
                // A field must be an indirect object to be listed; a direct widget is its own.
                None => {
                    let root = document.add(widget)?;
                    annotations.set(index, root)?;
                    root
                }
            };
            if seen.insert(root) {
                roots.push(root);
            }
        }
    }
    Ok(roots)
}

fn root_of(widget: Object<'_>) -> Result<Object<'_>> {
    // Damaged forms have circles of parents; sound ones are never this deep.
    const DEEPEST: usize = 64;
    let mut field = widget;
    for _ in 0..DEEPEST {
        match field.object("Parent")? {
            Some(parent) if parent.has("Kids")? && !is_page_node(&parent)? => field = parent,
            _ => break,
        }
    }
    Ok(field)
}

fn is_page_node(object: &Object<'_>) -> Result<bool> {
    let name = object.get("Type")?;
    Ok(name.is_some_and(|name| name.is_name("Pages") || name.is_name("Page")))
}

fn carry_fields(to: &Document<'_>, arrived: &Object<'_>, roots: &[Ref]) -> Result<Appended> {
    let catalog = to.catalog()?;
    let form = member(to, &catalog, "AcroForm", "<<>>")?;
    // A form of the other kind would hide the new fields.
    form.remove("XFA")?;
    if let Some(members) = arrived.object(FORM)? {
        for key in FORM_MEMBERS {
            if let Some(value) = members.get(key)?
                && (!form.has(key)? || value.as_bool() == Some(true))
            {
                form.put(key, value)?;
            }
        }
    }
    if let Some(resources) = arrived.object(RESOURCES)? {
        carry_resources(to, &form, &resources)?;
    }
    let fields = member(to, &form, "Fields", "[]")?;
    let listed: HashSet<Ref> = references(&form, "Fields")?.into_iter().collect();
    let mut names = HashSet::new();
    for &field in &listed {
        names.extend(name_of(to, field)?);
    }
    let mut appended = Appended::default();
    for &root in roots.iter().filter(|root| !listed.contains(root)) {
        if let Some(name) = name_of(to, root)? {
            let free = free_name(&name, &names);
            if free != name
                && let Some(field) = to.object(root)?.as_dict()
            {
                field.put("T", Value::text(&free))?;
                appended.renamed.push((name, free.clone()));
            }
            names.insert(free);
        }
        fields.push(root)?;
        appended.fields += 1;
    }
    Ok(appended)
}

/// Adds those default resources that the form has nothing of the same name for.
fn carry_resources(to: &Document<'_>, form: &Object<'_>, theirs: &Object<'_>) -> Result<()> {
    let ours = member(to, form, "DR", "<<>>")?;
    for (category, value) in theirs.entries()? {
        let Some(theirs) = to.resolve(value)?.as_dict() else {
            continue;
        };
        let Some(ours) = ours.object(&category)? else {
            ours.put(&category, theirs)?;
            continue;
        };
        for (name, resource) in theirs.entries()? {
            if !ours.has(&name)? {
                ours.put(&name, resource)?;
            }
        }
    }
    Ok(())
}

fn name_of(document: &Document<'_>, field: Ref) -> Result<Option<String>> {
    let Some(field) = document.object(field)?.as_dict() else {
        return Ok(None);
    };
    Ok(field.get("T")?.and_then(|name| name.as_text()))
}

fn free_name(name: &str, taken: &HashSet<String>) -> String {
    if !taken.contains(name) {
        return name.to_owned();
    }
    (2_u64..)
        .map(|number| format!("{name}_{number}"))
        .find(|name| !taken.contains(name))
        .expect("there are more numbers than fields")
}

/// Drops the numbers that would look up these pages in the structure tree of another document.
fn forget_structure(document: &Document<'_>, pages: std::ops::Range<u32>) -> Result<()> {
    for index in pages {
        let page = document.page(index)?;
        page.remove("StructParents")?;
        let Some(annotations) = page.get("Annots")?.and_then(|value| value.as_array()) else {
            continue;
        };
        for annotation in annotations.items()? {
            if let Some(annotation) = annotation.as_dict() {
                annotation.remove("StructParent")?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_travel_together() {
        assert_eq!(
            runs(&[0, 1, 2, 5, 6, 4, 4]),
            [(0, 3), (5, 2), (4, 1), (4, 1)]
        );
        assert_eq!(runs(&[]), []);
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        let taken = ["name", "name_2"].map(str::to_owned).into_iter().collect();
        assert_eq!(free_name("name", &taken), "name_3");
        assert_eq!(free_name("other", &taken), "other");
    }
}
