//! What is bound to pages: annotations (ISO 32000-2, 12.5) and the form fields (12.7.4) above them.
//!
//! A field's kids may stand on other pages, and what an action names may, too. So an import takes what is bound to its
//! pages, and no more: values of other pages do not come along.

use lopdf::{Dictionary, Object, ObjectId};

use crate::document::copy::annotations;
use crate::document::ids::IdSet;
use crate::document::objects::Objects;
use crate::document::place::{entry, is_of_type};

/// The deepest tree of fields that is climbed.
const MAX_DEPTH: usize = 64;

/// The annotations and fields of the pages that have come.
#[derive(Default)]
pub(crate) struct Bound {
    come: IdSet,
    /// Those that something that has come refers to, while they have not come themselves.
    awaited: IdSet,
    /// All pages come, so that nothing is elsewhere: what is bound to none belongs to them, too.
    pub(crate) is_whole: bool,
}

/// What a further page binds.
#[derive(Default)]
pub(crate) struct Coming {
    /// Those that have been referred to before.
    pub(crate) awaited: Vec<ObjectId>,
    /// Fields that had come before, each with a kid that comes now.
    pub(crate) kids: Vec<(ObjectId, ObjectId)>,
}

impl Bound {
    /// Enters what is bound to `page`.
    pub(crate) fn enter(&mut self, objects: &Objects, page: ObjectId) -> Coming {
        let mut coming = Coming::default();
        for (id, dict) in annotations(objects, page) {
            let mut new = id.filter(|id| self.come.insert(*id));
            if id.is_some() && new.is_none() {
                continue;
            }
            let mut at = dict;
            for _ in 0..MAX_DEPTH {
                coming
                    .awaited
                    .extend(new.filter(|id| self.awaited.remove(id)));
                let Some((parent, dict)) = at.and_then(|dict| field_above(objects, dict)) else {
                    break;
                };
                if !self.come.insert(parent) {
                    coming.kids.extend(new.map(|kid| (parent, kid)));
                    break;
                }
                (new, at) = (Some(parent), Some(dict));
            }
        }
        coming
    }

    /// Whether the object is bound to pages of which none has come; it is awaited then.
    pub(crate) fn is_elsewhere(&mut self, objects: &Objects, id: ObjectId) -> bool {
        if self.is_whole || self.come.contains(&id) || objects.heap.is_stream(id) {
            return false;
        }
        let is_elsewhere = objects.dict(id).is_some_and(|dict| {
            is_field(dict) || is_annotation(objects, dict) && !self.is_popup_here(dict)
        });
        if is_elsewhere {
            self.awaited.insert(id);
        }
        is_elsewhere
    }

    /// A field with those of its kids that have come; nothing if it is none, or has none.
    pub(crate) fn with_kids(&self, objects: &Objects, id: ObjectId) -> Option<Dictionary> {
        if self.is_whole || !self.come.contains(&id) {
            return None;
        }
        let field = objects.heap.get(id)?.as_dict().ok()?;
        let kids = objects.lookup(field, b"Kids")?.as_array().ok()?;
        let has_come = |kid: &&Object| match objects.resolve(kid) {
            Some((Some(id), _)) => self.come.contains(&id),
            _ => false,
        };
        let kids: Vec<Object> = kids.iter().filter(has_come).cloned().collect();
        let mut field = field.clone();
        field.set("Kids", Object::Array(kids));
        Some(field)
    }

    /// A page need not list the window of a note.
    fn is_popup_here(&self, dict: &Dictionary) -> bool {
        let parent = entry(dict, b"Parent").and_then(|parent| parent.as_reference().ok());
        is_subtype(dict, b"Popup") && parent.is_some_and(|parent| self.come.contains(&parent))
    }
}

/// The field that a widget or a field is a kid of.
fn field_above<'a>(
    objects: &'a Objects,
    dict: &'a Dictionary,
) -> Option<(ObjectId, &'a Dictionary)> {
    if !is_subtype(dict, b"Widget") && !is_field(dict) {
        return None;
    }
    let (id, parent) = objects.resolve(entry(dict, b"Parent")?)?;
    Some((id?, parent.as_dict().ok()?))
}

/// Fields need no type, and a kid's kind may be said above it.
fn is_field(dict: &Dictionary) -> bool {
    let has = |key: &[u8]| entry(dict, key).is_some();
    has(b"FT") || has(b"T") && (has(b"Kids") || has(b"Parent"))
}

fn is_annotation(objects: &Objects, dict: &Dictionary) -> bool {
    is_of_type(dict, b"Annot")
        || entry(dict, b"Type").is_none()
            && entry(dict, b"Subtype").is_some()
            && objects.lookup(dict, b"Rect").is_some()
        || is_subtype(dict, b"Widget")
}

fn is_subtype(dict: &Dictionary, name: &[u8]) -> bool {
    matches!(entry(dict, b"Subtype"), Some(Object::Name(found)) if found == name)
}
