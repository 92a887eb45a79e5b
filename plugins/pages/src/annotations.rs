//! What goes with the annotations of dropped pages: themselves, and the form fields that stood there only.
//!
//! They are taken out of the form, and their objects out of the document: whatever else leads to one (an action that hides it,
//! a reply, a tag) leads nowhere then, and its value is not in the file.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use dropleaf_plugin_sdk::prelude::*;

use crate::options::Button;

/// The deepest tree of fields that is descended.
const MAX_DEPTH: u32 = 64;

/// Drops the annotations of the pages `dropped` but for those that stand on the pages `kept`, too; answers which.
pub(crate) fn drop(run: &Run<'_>, dropped: &[u32], kept: &[u32]) -> Result<HashSet<Ref>> {
    let document = run.document();
    let stay = annotations(&document, kept)?;
    let mut gone = HashSet::new();
    for annotation in annotations(&document, dropped)? {
        if !stay.contains(&annotation) && is_annotation(&document, annotation)? {
            gone.insert(annotation);
        }
    }
    let catalog = document.catalog()?;
    if let Some(form) = catalog.object("AcroForm")? {
        let pages = page_ids(&document, dropped)?;
        let mut fields = Fields {
            document,
            pages,
            stay,
            gone,
            seen: HashSet::new(),
            lists: HashSet::new(),
            remembered: HashSet::new(),
            buttons: HashMap::new(),
        };
        fields.drop(&form)?;
        for button in fields.buttons.values().flatten() {
            button.settle(&document)?;
        }
        gone = fields.gone;
        // It describes all pages a second time, and holds the values of all fields (ISO 32000-2, Annex K).
        if form.remove("XFA")? {
            catalog.remove("NeedsRendering")?;
            run.warn(
                "the form's XFA part is left out: it holds what was on the dropped pages, too",
            );
        }
    }
    for &annotation in &gone {
        if is_annotation(&document, annotation)? {
            document.remove(annotation)?;
        }
    }
    Ok(gone)
}

/// The objects of these pages.
pub(crate) fn page_ids(document: &Document<'_>, pages: &[u32]) -> Result<HashSet<Ref>> {
    let ids = pages.iter().map(|&page| document.page(page)?.id());
    ids.filter_map(Result::transpose).collect()
}

/// The annotations of these pages.
fn annotations(document: &Document<'_>, pages: &[u32]) -> Result<HashSet<Ref>> {
    let (mut found, mut lists) = (HashSet::new(), HashSet::new());
    for &index in pages {
        // Pages may share a list in a damaged document; it is read once.
        if let Some(Value::Array(annotations)) = document.page(index)?.get("Annots")?
            && annotations.id()?.is_none_or(|id| lists.insert(id))
            && let Tree::Array(items) = annotations.tree()?
        {
            found.extend(items.iter().filter_map(|item| match item {
                Tree::Ref(annotation) => Some(*annotation),
                _ => None,
            }));
        }
    }
    Ok(found)
}

/// Whether the object is an annotation or a field: a damaged page may list anything as its annotations.
fn is_annotation(document: &Document<'_>, id: Ref) -> Result<bool> {
    let Some(object) = document.object(id)?.as_dict() else {
        return Ok(false);
    };
    let is_of_type = match object.get("Type")? {
        Some(name) => name.is_name("Annot"),
        None => true,
    };
    let is_one = is_of_type && (object.has("Subtype")? || object.has("T")? || object.has("FT")?);
    object.release()?;
    Ok(is_one)
}

/// The form while fields are taken out of it.
struct Fields<'r> {
    document: Document<'r>,
    /// The dropped pages.
    pages: HashSet<Ref>,
    /// Annotations of the pages that are kept.
    stay: HashSet<Ref>,
    /// Annotations and fields that go.
    gone: HashSet<Ref>,
    /// Fields that were descended into.
    seen: HashSet<Ref>,
    /// Lists that were descended into, each for one field: in a damaged document all fields may share one.
    lists: HashSet<Ref>,
    /// Lists of kids of the fields that were looked at for `buttons`, each for one field, too.
    remembered: HashSet<Ref>,
    /// Fields of which kids may go, as they were: those that are buttons with export values.
    buttons: HashMap<Ref, Option<Button>>,
}

impl<'r> Fields<'r> {
    fn drop(&mut self, form: &Object<'r>) -> Result<()> {
        self.climb(form)?;
        if let Some(fields) = form.object("Fields")? {
            self.descend(&fields, MAX_DEPTH)?;
        }
        // The order in which values are calculated (12.7.3).
        if let Some(order) = form.object("CO")?
            && take_out(&order, |field| self.gone.contains(&field))?
            && order.is_empty()?
        {
            form.remove("CO")?;
        }
        Ok(())
    }

    /// Takes what goes out of the lists of its parents, also of those that are in no form.
    fn climb(&mut self, form: &Object<'r>) -> Result<()> {
        let mut level = self.gone.clone();
        // One level of the tree of fields a round: a field whose last widget goes, goes too.
        for _ in 0..MAX_DEPTH {
            let mut owners: HashSet<Option<Ref>> = HashSet::new();
            for field in level.drain() {
                let parent = match self.document.object(field)?.as_dict() {
                    Some(field) => field.get_raw("Parent")?.and_then(|parent| parent.as_ref()),
                    None => None,
                };
                owners.insert(parent);
            }
            let mut lists: HashMap<Ref, bool> = HashMap::new();
            for owner in owners {
                let list = match owner {
                    None => form.object("Fields")?,
                    Some(parent) => match self.document.object(parent)?.as_dict() {
                        Some(field) => {
                            self.remember(parent, &field)?;
                            field.object("Kids")?
                        }
                        None => None,
                    },
                };
                let Some(list) = list else { continue };
                let known = list.id()?.and_then(|id| lists.get(&id).copied());
                let is_cut = match known {
                    Some(known) => known,
                    None => take_out(&list, |field| self.gone.contains(&field))?,
                };
                lists.extend(list.id()?.map(|id| (id, is_cut)));
                if is_cut
                    && list.is_empty()?
                    && let Some(owner) = owner
                    && self.gone.insert(owner)
                {
                    level.insert(owner);
                }
            }
        }
        Ok(())
    }

    /// Takes what goes out of the tree of fields from above, where a field does not name its parent or a page its widget.
    fn descend(&mut self, list: &Object<'r>, depth: u32) -> Result<()> {
        let Some(depth) = depth.checked_sub(1) else {
            return Ok(());
        };
        if list.id()?.is_some_and(|id| !self.lists.insert(id)) {
            return Ok(());
        }
        let mut any = false;
        for index in (0..list.len()?).rev() {
            let Some(id) = list.at_raw(index)?.and_then(|item| item.as_ref()) else {
                continue;
            };
            if self.gone.contains(&id) || self.goes(id, depth)? {
                self.gone.insert(id);
                any = true;
            }
        }
        if any {
            take_out(list, |field| self.gone.contains(&field))?;
        }
        Ok(())
    }

    fn remember(&mut self, id: Ref, field: &Object<'r>) -> Result<()> {
        if let Entry::Vacant(unknown) = self.buttons.entry(id) {
            let list = field.object("Kids")?.map_or(Ok(None), |kids| kids.id())?;
            let is_new = list.is_none_or(|list| self.remembered.insert(list));
            unknown.insert(match is_new {
                true => Button::of(&self.document, id, field)?,
                false => None,
            });
        }
        Ok(())
    }

    /// Whether a field goes that is no annotation of a dropped page.
    fn goes(&mut self, id: Ref, depth: u32) -> Result<bool> {
        if !self.seen.insert(id) {
            return Ok(false);
        }
        let Some(field) = self.document.object(id)?.as_dict() else {
            return Ok(false);
        };
        let goes = if let Some(kids) = field.object("Kids")? {
            let had_kids = !kids.is_empty()?;
            self.remember(id, &field)?;
            self.descend(&kids, depth)?;
            had_kids && kids.is_empty()?
        } else {
            let page = field.get_raw("P")?.and_then(|page| page.as_ref());
            page.is_some_and(|page| self.pages.contains(&page)) && !self.stay.contains(&id)
        };
        field.release()?;
        Ok(goes)
    }
}

/// Takes the references for which `goes` says so out of an array; says whether there were any. What stays moves up once,
/// however many go.
pub(crate) fn take_out(list: &Object<'_>, goes: impl Fn(Ref) -> bool) -> Result<bool> {
    let (before, mut stay) = (list.len()?, 0);
    for index in 0..before {
        let Some(item) = list.at_raw(index)? else {
            break;
        };
        if item.as_ref().is_some_and(&goes) {
            continue;
        }
        if stay < index {
            list.set(stay, item)?;
        }
        stay += 1;
    }
    for index in (stay..before).rev() {
        list.remove_at(index)?;
    }
    Ok(stay < before)
}
