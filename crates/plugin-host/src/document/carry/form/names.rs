//! What calls fields by their names: locks of signatures (ISO 32000-2, 12.7.5.5, table 236), and actions that hide, reset
//! and submit them (12.6.4.11, 12.7.6). Where a field got another name on its way, they have to call it by that.

use std::collections::{HashMap, HashSet};

use lopdf::{Dictionary, Object, ObjectId};

use crate::document::copy::Copy;
use crate::document::objects::Objects;

/// Names of outermost fields: old and new.
pub(crate) type Renamed = HashMap<String, String>;

/// Has what has come call fields by their new names.
pub(super) fn follow(copy: &mut Copy<'_>, renamed: &Renamed) {
    if renamed.is_empty() {
        return;
    }
    let renamed = &Tops::of(renamed);
    let mut lists = Vec::new();
    for id in copy.take_made() {
        if copy.to.heap.is_stream(id) {
            continue;
        }
        let walk = Walk {
            objects: copy.to,
            renamed,
        };
        let changed = copy
            .to
            .heap
            .get(id)
            .and_then(|object| walk.object(object, &mut lists));
        if let Some(changed) = changed {
            copy.to.change_object(id, Some(changed));
        }
    }
    lists.sort_unstable();
    lists.dedup();
    for id in lists {
        let list = copy.to.heap.get(id);
        if let Some(changed) = list.and_then(|list| names(list, renamed)) {
            copy.to.change_object(id, Some(changed));
        }
    }
}

/// The renamed fields, with the lengths of their old names: of a text with periods only parts that may be one are looked up.
struct Tops<'a> {
    renamed: &'a Renamed,
    lengths: HashSet<usize>,
}

impl<'a> Tops<'a> {
    fn of(renamed: &'a Renamed) -> Self {
        Self {
            renamed,
            lengths: renamed.keys().map(String::len).collect(),
        }
    }
}

struct Walk<'a> {
    objects: &'a Objects,
    renamed: &'a Tops<'a>,
}

impl Walk<'_> {
    /// What becomes of an object; nothing if it stays. `lists` are objects that are lists of names, or one name.
    fn object(&self, object: &Object, lists: &mut Vec<ObjectId>) -> Option<Object> {
        match object {
            Object::Array(items) => {
                let mut changed = None;
                for (place, item) in items.iter().enumerate() {
                    if let Some(item) = self.object(item, lists) {
                        changed.get_or_insert_with(|| items.clone())[place] = item;
                    }
                }
                changed.map(Object::Array)
            }
            Object::Dictionary(dict) => self.dictionary(dict, lists).map(Object::Dictionary),
            _ => None,
        }
    }

    fn dictionary(&self, dict: &Dictionary, lists: &mut Vec<ObjectId>) -> Option<Dictionary> {
        let calling = self.calling(dict);
        let mut changed = None;
        for (key, value) in dict {
            let value = match value {
                Object::Reference(list) if calling == Some(key.as_slice()) => {
                    lists.push(*list);
                    None
                }
                value if calling == Some(key.as_slice()) => names(value, self.renamed),
                value => self.object(value, lists),
            };
            if let Some(value) = value {
                changed
                    .get_or_insert_with(|| dict.clone())
                    .set(key.clone(), value);
            }
        }
        changed
    }

    /// The key of the names that a dictionary calls fields by.
    fn calling(&self, dict: &Dictionary) -> Option<&'static [u8]> {
        let name = |key: &[u8]| self.objects.lookup(dict, key)?.as_name().ok();
        match (name(b"S"), name(b"Action")) {
            (Some(b"Hide"), _) => Some(b"T"),
            (Some(b"ResetForm" | b"SubmitForm"), _) => Some(b"Fields"),
            (_, Some(b"All" | b"Include" | b"Exclude")) => Some(b"Fields"),
            _ => None,
        }
    }
}

/// A name, or a list of names and references to fields, with the new names.
fn names(value: &Object, renamed: &Tops<'_>) -> Option<Object> {
    match value {
        Object::String(..) => name(value, renamed),
        Object::Array(items) => {
            let new: Vec<Option<Object>> = items.iter().map(|item| name(item, renamed)).collect();
            let is_changed = new.iter().any(Option::is_some);
            let items = new.into_iter().zip(items);
            is_changed.then(|| {
                Object::Array(
                    items
                        .map(|(new, old)| new.unwrap_or_else(|| old.clone()))
                        .collect(),
                )
            })
        }
        _ => None,
    }
}

/// A field is called by its own name behind those of the fields above it, with periods between them (12.7.4.2).
fn name(value: &Object, renamed: &Tops<'_>) -> Option<Object> {
    if !matches!(value, Object::String(..)) {
        return None;
    }
    let text = lopdf::decode_text_string(value).ok()?;
    let ends = text
        .match_indices('.')
        .map(|(at, _)| at)
        .chain([text.len()]);
    let (new, rest) = ends
        .filter(|end| renamed.lengths.contains(end))
        .map(|end| text.split_at(end))
        .find_map(|(top, rest)| Some((renamed.renamed.get(top)?, rest)))?;
    Some(lopdf::text_string(&format!("{new}{rest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_changed_at_its_top_only() {
        let renamed = Renamed::from([("a".to_owned(), "a+1".to_owned())]);
        let check = |old: &str, expected: Option<&str>| {
            let new = name(&lopdf::text_string(old), &Tops::of(&renamed));
            assert_eq!(new, expected.map(lopdf::text_string), "{old}");
        };
        check("a", Some("a+1"));
        check("a.b.a", Some("a+1.b.a"));
        check("ab.a", None);
        check("b", None);
    }

    /// As many periods as a string of some megabytes has: a look at each part would not end.
    #[test]
    fn a_name_may_have_any_number_of_periods() {
        let renamed = Renamed::from([("a".to_owned(), "a+1".to_owned())]);
        let periods = lopdf::text_string(&".".repeat(1 << 20));
        assert_eq!(name(&periods, &Tops::of(&renamed)), None);
    }
}
