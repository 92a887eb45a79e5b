//! Cross-references that lead to another object than they are for (ISO 32000-2, 7.5.4).
//!
//! The engine keeps such an object under the number that it bears, without an error record: the one that was to be there is
//! missing, and one that stands elsewhere may have been replaced by what it was before an update.

use lopdf::xref::XrefEntry;
use lopdf::{Dictionary, Document, Object, ObjectId};

use crate::document::encryption::from_header;
use crate::document::ids::IdSet;
use crate::document::syntax;

/// A head that is longer is none of a file that was written by a program.
const HEAD: usize = 64;

/// What is not where the cross-references say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Astray {
    /// Objects that something refers to and that are not there.
    pub(crate) missing: usize,
    /// Objects that are not those which their own cross-references lead to, or may not be.
    pub(crate) displaced: usize,
}

impl Astray {
    /// Of a document as the engine has read it from `file`, where it has read an object at every place it was led to.
    pub(crate) fn of(file: &[u8], pdf: &Document) -> Self {
        let entries = || pdf.reference_table.entries.iter();
        let absent: IdSet = entries()
            .filter_map(|(number, entry)| in_use(*number, entry))
            .map(|(id, _)| id)
            .filter(|id| !pdf.objects.contains_key(id))
            .collect();
        if absent.is_empty() {
            return Self::default();
        }
        let file = from_header(file).unwrap_or_default();
        let head = |offset: u32| {
            let rest = file.get(offset as usize..)?;
            syntax::read_head(&rest[..rest.len().min(HEAD)])
        };
        let is_displaced = |(number, entry): (&u32, &XrefEntry)| {
            let (id, offset) = in_use(*number, entry)?;
            let found = head(offset).filter(|found| *found != id)?;
            let (own, place) = in_use(found.0, pdf.reference_table.get(found.0)?)?;
            Some(own == found && place != offset && head(place) == Some(found))
        };
        Self {
            missing: referred(pdf, &absent),
            displaced: entries()
                .filter(|entry| is_displaced(*entry) == Some(true))
                .count(),
        }
    }
}

/// Objects that the cross-references promise and the engine has not. It skips unreadable objects of encrypted files
/// without an error record.
pub(crate) fn absent(pdf: &Document) -> usize {
    let entries = pdf.reference_table.entries.iter();
    entries
        .filter_map(|(number, entry)| in_use(*number, entry))
        .filter(|(id, _)| !pdf.objects.contains_key(id))
        .count()
        // The encryption dictionary is taken out once it has served.
        .saturating_sub(1)
}

/// Which object an entry is for and where it stands. Some writers give the place 0 to what is not there.
fn in_use(number: u32, entry: &XrefEntry) -> Option<(ObjectId, u32)> {
    match entry {
        XrefEntry::Normal { offset, generation } if *offset > 0 => {
            Some(((number, *generation), *offset))
        }
        _ => None,
    }
}

/// How many of `absent` something refers to.
fn referred(pdf: &Document, absent: &IdSet) -> usize {
    let mut named = IdSet::default();
    let mut waiting: Vec<&Object> = pdf.objects.values().collect();
    waiting.extend(values(&pdf.trailer));
    while let Some(object) = waiting.pop() {
        match object {
            Object::Reference(id) if absent.contains(id) => {
                named.insert(*id);
            }
            Object::Array(items) => waiting.extend(items),
            Object::Dictionary(dict) => waiting.extend(values(dict)),
            Object::Stream(stream) => waiting.extend(values(&stream.dict)),
            _ => {}
        }
    }
    named.len()
}

fn values(dict: &Dictionary) -> impl Iterator<Item = &Object> {
    dict.iter().map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lopdf::LoadOptions;

    /// Three objects and an older third one, with the cross-references to these offsets.
    fn astray(entries: impl Fn([usize; 4]) -> [usize; 5]) -> Astray {
        let objects = [
            "1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n",
            "2 0 obj\n<< /Type /Pages /Count 0 /Kids [] /Other 4 0 R >>\nendobj\n",
            "3 0 obj\n(old)\nendobj\n",
            "3 0 obj\n(new)\nendobj\n",
        ];
        let mut file = "%PDF-1.7\n".to_owned();
        let places = objects.map(|object| {
            file.push_str(object);
            file.len() - object.len()
        });
        let start = file.len();
        file.push_str("xref\n0 6\n0000000000 65535 f \n");
        for place in entries(places) {
            file.push_str(&format!("{place:010} 00000 n \n"));
        }
        file.push_str(&format!(
            "trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
        ));
        let pdf = Document::load_mem_with_options(file.as_bytes(), LoadOptions::default());
        Astray::of(file.as_bytes(), &pdf.expect("the engine reads it"))
    }

    #[test]
    fn only_what_something_refers_to_is_missing() {
        let found = |missing, displaced| Astray { missing, displaced };
        // The fifth object is asked for by nobody, the fourth by the second.
        let fifth = astray(|[one, two, _, new]| [one, two, new, 0, new]);
        assert_eq!(fifth, found(0, 0));
        let fourth = astray(|[one, two, _, new]| [one, two, new, new, 0]);
        assert_eq!(fourth, found(1, 0));
    }

    #[test]
    fn an_entry_at_an_older_object_displaces_the_newer_one() {
        let old = astray(|[one, two, old, new]| [one, two, new, 0, old]);
        assert_eq!((old.missing, old.displaced), (0, 1));
    }
}
