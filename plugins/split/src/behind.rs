//! What of the whole document no part gets, and what is said of it.

use std::collections::HashSet;

use dropleaf_plugin_sdk::assemble::{Attachment, Attachments};
use dropleaf_plugin_sdk::prelude::*;

/// Fields that are looked at.
const MAX_FIELDS: usize = 100_000;

/// Warns of what stays behind; `pages` are those that are in a part.
pub(crate) fn tell(run: &Run<'_>, whole: &Document<'_>, pages: &HashSet<u32>) -> Result<()> {
    let catalog = whole.catalog()?;
    if catalog.has("StructTreeRoot")? {
        run.warn(
            "the parts have no tags: headings, tables, alternative texts and reading order stay behind",
        );
    }
    if catalog.has("DPartRoot")? {
        run.warn("the parts have no document parts (DPartRoot): they describe all pages");
    }
    if let Some(form) = catalog.object("AcroForm")? {
        // It describes all pages a second time, and holds the values of all fields (ISO 32000-2, Annex K).
        if form.has("XFA")? {
            run.warn(
                "the form's XFA part is left out: it holds what is on the pages of other parts, too",
            );
        }
        unseen_fields(run, whole, &form)?;
    }
    attachments(run, whole, pages)
}

/// A field without a widget is on no page, so it is no part's.
fn unseen_fields(run: &Run<'_>, whole: &Document<'_>, form: &Object<'_>) -> Result<()> {
    let fields = form.tree()?.get("Fields").cloned();
    let mut waiting: Vec<Tree> = fields.into_iter().collect();
    let (mut seen, mut lists, mut names) = (HashSet::new(), HashSet::new(), Vec::new());
    while let Some(value) = waiting.pop() {
        let is_new = match value {
            Tree::Ref(id) => seen.insert(id),
            _ => true,
        };
        if !is_new || seen.len() > MAX_FIELDS {
            continue;
        }
        let field = match opened(whole, value)? {
            Tree::Array(items) => {
                waiting.extend(items.into_iter().rev());
                continue;
            }
            field => field,
        };
        let kids = match field.get("Kids") {
            // In a damaged document fields may share a list.
            Some(Tree::Ref(id)) if !lists.insert(*id) => continue,
            Some(kids) => opened(whole, kids.clone())?,
            None => Tree::Null,
        };
        match kids {
            Tree::Array(kids) if !kids.is_empty() => waiting.extend(kids.into_iter().rev()),
            _ if field.get("Subtype").is_some() => {}
            _ => {
                if let Some(Tree::String(name)) = field.get("T") {
                    names.extend(Value::string(name).as_text());
                }
            }
        }
    }
    if let Some(first) = names.first() {
        let named = match names.len() - 1 {
            0 => format!("`{first}` stays"),
            more => format!("`{first}` and {more} more stay"),
        };
        run.warn(format!(
            "form fields that are on no page are in none of the parts: {named} behind"
        ));
    }
    Ok(())
}

fn opened(whole: &Document<'_>, value: Tree) -> Result<Tree> {
    let Tree::Ref(id) = value else {
        return Ok(value);
    };
    let Some(object) = whole.object(id)?.as_object() else {
        return Ok(Tree::Null);
    };
    let tree = object.tree()?;
    object.release()?;
    Ok(tree)
}

fn attachments(run: &Run<'_>, whole: &Document<'_>, pages: &HashSet<u32>) -> Result<()> {
    let attachments = Attachments::read(whole)?;
    if attachments.files().is_empty() {
        return Ok(());
    }
    let come = files_of_pages(whole, pages)?;
    let stays = |file: &&Attachment<'_>| file.file.as_ref().is_none_or(|id| !come.contains(&id));
    let mut names = attachments
        .files()
        .iter()
        .filter(stays)
        .map(|file| &file.name);
    if let Some(first) = names.next() {
        let named = match names.count() {
            0 => format!("`{first}` stays"),
            more => format!("`{first}` and {more} more stay"),
        };
        run.warn(format!(
            "the parts have no attachments (embedded files): {named} behind"
        ));
    }
    Ok(())
}

/// The files that pages bring along: those that are associated with them (ISO 32000-2, 14.13) or attached to a place (12.5.6.15).
fn files_of_pages(whole: &Document<'_>, pages: &HashSet<u32>) -> Result<HashSet<Ref>> {
    let (mut files, mut lists) = (HashSet::new(), HashSet::new());
    for &page in pages {
        let page = whole.page(page)?;
        associated(&page, &mut files, &mut lists)?;
        let annotations = match page.object("Annots")? {
            Some(list) if is_new(&list, &mut lists)? => Some(list.items()),
            _ => None,
        };
        for annotation in annotations.transpose()?.into_iter().flatten() {
            let Some(annotation) = annotation.as_dict() else {
                continue;
            };
            associated(&annotation, &mut files, &mut lists)?;
            files.extend(annotation.get_raw("FS")?.and_then(|file| file.as_ref()));
            annotation.release()?;
        }
    }
    Ok(files)
}

/// Whether a list has not been read: in a damaged document many pages or annotations may share one.
fn is_new(list: &Object<'_>, lists: &mut HashSet<Ref>) -> Result<bool> {
    Ok(list.id()?.is_none_or(|id| lists.insert(id)))
}

fn associated(
    object: &Object<'_>,
    files: &mut HashSet<Ref>,
    lists: &mut HashSet<Ref>,
) -> Result<()> {
    if let Some(list) = object.object("AF")?
        && list.kind() == Kind::Array
        && is_new(&list, lists)?
        && let Tree::Array(list) = list.tree()?
    {
        files.extend(list.iter().filter_map(|file| match file {
            Tree::Ref(file) => Some(*file),
            _ => None,
        }));
    }
    Ok(())
}
