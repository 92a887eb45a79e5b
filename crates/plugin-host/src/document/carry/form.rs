//! The fields of a form.

mod defaults;
pub(crate) mod names;
mod options;

use std::collections::{HashMap, HashSet};

use lopdf::{Dictionary, Object, ObjectId};

use self::names::Renamed;
use super::{append, catalog, references};
use crate::document::copy::{Copy, annotations};
use crate::document::ids::IdSet;
use crate::document::objects::Objects;
use crate::document::place::Place;
use crate::fault::Result;

/// The deepest tree of fields that is climbed.
const MAX_DEPTH: usize = 64;

/// Enters the fields (12.7.4) whose widgets have come, under names that are free; those without a widget, too, if all pages come.
pub(crate) fn fields(copy: &mut Copy<'_>, pages: &[ObjectId]) -> Result<()> {
    let Some(theirs) =
        catalog(copy.from).and_then(|catalog| copy.from.below(&catalog, b"AcroForm"))
    else {
        return Ok(());
    };
    let from = copy.from;
    let listed = || references(from, &theirs, b"Fields");
    // A document may be taken apart page by page.
    let all = from.fields(|| listed().into_iter().collect());
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
    if copy.is_whole() {
        for top in listed() {
            if seen.insert(top)
                && let Object::Reference(here) = copy.reference(top)?
            {
                come.push(here);
            }
        }
        copy.finish()?;
    }
    let Some(ours) = catalog(copy.to).filter(|_| !come.is_empty()) else {
        return Ok(());
    };
    let form = copy
        .to
        .below_or(&ours, b"AcroForm", Object::Dictionary(Dictionary::new()))?;
    defaults::carry(copy, &theirs, &form, &come)?;
    let known: IdSet = references(copy.to, &form, b"Fields").into_iter().collect();
    let mut names = Taken::default();
    for id in &known {
        names.names.extend(field_name(copy.to, *id));
    }
    let (mut renamed, mut kept) = (Renamed::new(), HashSet::new());
    for id in come.into_iter().filter(|id| !known.contains(id)) {
        if let Some(name) = field_name(copy.to, id) {
            let free = names.take(&name);
            let [old, new] = [&name, &free].map(|name| text(name));
            if free == name {
                kept.extend(old);
            } else {
                copy.to.put(
                    Place::object(id),
                    b"T",
                    Object::string_literal(free.clone()),
                )?;
                if let (Some(old), Some(new)) = (old, new) {
                    renamed.entry(old).or_insert(new);
                }
            }
        }
        append(copy.to, &form, b"Fields", id)?;
    }
    // Where two fields had one name, the one that has it still is meant.
    renamed.retain(|old, _| !kept.contains(old));
    options::settle(copy, pages)?;
    let renamed = copy.renamed(renamed);
    names::follow(copy, &renamed);
    Ok(())
}

fn text(name: &[u8]) -> Option<String> {
    lopdf::decode_text_string(&Object::string_literal(name)).ok()
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

/// The names that fields have.
#[derive(Default)]
struct Taken {
    names: HashSet<Vec<u8>>,
    /// The number that the next field of a name may get: any number of fields may have the same one.
    next: HashMap<Vec<u8>, usize>,
}

impl Taken {
    /// Takes `name`, or the first of `name+1`, `name+2` and so on that is not taken; in its own encoding.
    fn take(&mut self, name: &[u8]) -> Vec<u8> {
        if self.names.insert(name.to_vec()) {
            return name.to_vec();
        }
        let next = self.next.entry(name.to_vec()).or_insert(1);
        loop {
            let free = numbered(name, *next);
            *next += 1;
            if self.names.insert(free.clone()) {
                return free;
            }
        }
    }
}

fn numbered(name: &[u8], number: usize) -> Vec<u8> {
    let suffix = format!("+{number}");
    let widened = suffix.bytes().flat_map(|byte| [0, byte]);
    let suffix: Vec<u8> = if name.starts_with(b"\xFE\xFF") {
        widened.collect()
    } else {
        suffix.into_bytes()
    };
    [name, &suffix].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_one_name_are_numbered() {
        let mut taken = Taken::default();
        taken.names.insert(b"a+2".to_vec());
        let names = ["a", "a", "a", "a+1", "b", "a"].map(|name| taken.take(name.as_bytes()));
        let expected = ["a", "a+1", "a+3", "a+1+1", "b", "a+4"];
        assert_eq!(names, expected.map(|name| name.as_bytes().to_vec()));
        let wide = b"\xFE\xFF\0a";
        assert_eq!(taken.take(wide), wide);
        assert_eq!(taken.take(wide), b"\xFE\xFF\x00a\x00+\x001");
    }

    /// As many as a file of some megabytes may have: counting from the start for each would not end.
    #[test]
    fn any_number_of_fields_may_have_one_name() {
        let mut taken = Taken::default();
        for _ in 0..200_000 {
            taken.take(b"a");
        }
        assert_eq!(taken.take(b"a"), b"a+200000");
    }
}
