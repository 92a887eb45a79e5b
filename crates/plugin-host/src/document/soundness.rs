//! How sound a file is, for those who did not make it: read once as everybody reads it and once by the letter.

use lopdf::{LoadOptions, Object, ObjectId};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::bill::Bill;
use crate::damage;
use crate::document::Document;
use crate::document::heap::Form;
use crate::document::objects::Objects;
use crate::document::open_error::OpenError;
use crate::document::page_index::MAX_DEPTH;
use crate::document::reach::reachable;
use crate::input::Input;
use crate::limits::Limits;

/// What is wrong with a file that opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Soundness {
    /// How many pages its tree leads to.
    pub pages: u32,
    /// What was mended to read it, as sentences.
    pub mended: Vec<String>,
    /// References that lead to no object.
    pub dangling: u64,
    /// Why a reader that forgives nothing refuses it: a wrong stream length, for example.
    pub by_the_letter: Option<String>,
}

impl Soundness {
    /// Looks a file over.
    ///
    /// # Errors
    /// It does not open; see [`Document::open`].
    pub fn of(bytes: &Input, passwords: &[String], limits: &Limits) -> Result<Self, OpenError> {
        let (mut document, warnings) =
            Document::open(bytes.clone(), passwords, limits, &Bill::new())?;
        let pages = document.facts()?.pages;
        let dangling = document.objects_if_parsed().map_or(0, dangling);
        let mended = warnings.into_iter().map(|warning| warning.message);
        Ok(Self {
            pages,
            mended: mended.collect(),
            dangling,
            by_the_letter: by_the_letter(bytes, passwords, limits),
        })
    }
}

/// References in objects that can be reached, to objects that are not there. A reader takes them for null (ISO 32000-2, 7.3.10).
fn dangling(objects: &Objects) -> u64 {
    let heap = &objects.heap;
    let reached = reachable(&objects.pdf.trailer, heap);
    let forms = heap.ids().into_iter().filter(|id| reached.contains(*id));
    let mut waiting: Vec<&Object> = Vec::new();
    let mut found = 0;
    for form in forms.filter_map(|id| heap.form(id)) {
        match form {
            Form::Value(object) => waiting.push(object),
            Form::Bytes(bytes) => {
                let lost = bytes.references.iter().filter(|id| !heap.contains(**id));
                found += lost.count() as u64;
            }
        }
    }
    while let Some(object) = waiting.pop() {
        match object {
            Object::Reference(id) if !heap.contains(*id) => found += 1,
            Object::Array(items) => waiting.extend(items),
            Object::Dictionary(dict) => waiting.extend(dict.iter().map(|(_, value)| value)),
            Object::Stream(stream) => waiting.extend(stream.dict.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    found
}

fn by_the_letter(bytes: &[u8], passwords: &[String], limits: &Limits) -> Option<String> {
    let options = LoadOptions {
        password: passwords.first().cloned(),
        max_decompressed_size: usize::try_from(limits.max_decoded).ok(),
        strict: true,
        ..LoadOptions::default()
    };
    let (loaded, errors) = damage::count(|| {
        catch_unwind(AssertUnwindSafe(|| {
            lopdf::Document::load_mem_with_options(bytes, options)
        }))
    });
    match loaded {
        Ok(Ok(pdf)) if errors == 0 => Tree::new(&pdf).lie(),
        Ok(Ok(_)) => Some(format!("{errors} objects cannot be read")),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("the reader gave up".to_owned()),
    }
}

/// A walk over a page tree that holds it to what it says of itself (ISO 32000-2, 7.7.3.2).
struct Tree<'a> {
    pdf: &'a lopdf::Document,
    met: HashSet<ObjectId>,
}

impl<'a> Tree<'a> {
    fn new(pdf: &'a lopdf::Document) -> Self {
        Self {
            pdf,
            met: HashSet::new(),
        }
    }

    /// Where the tree lies.
    fn lie(mut self) -> Option<String> {
        let root = self
            .pdf
            .catalog()
            .and_then(|catalog| catalog.get(b"Pages"))
            .and_then(Object::as_reference);
        let Ok(root) = root else {
            return Some("the catalog has no page tree of its own".to_owned());
        };
        self.pages(root, MAX_DEPTH).err()
    }

    /// Pages below a node, or its first lie.
    fn pages(&mut self, id: ObjectId, depth: usize) -> Result<i64, String> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err("the page tree is too deep".to_owned());
        };
        if !self.met.insert(id) {
            return Err(format!("object {} stands in the page tree twice", id.0));
        }
        let entry = |key: &[u8]| {
            let dict = self.pdf.get_dictionary(id).ok()?;
            let value = dict.get(key).ok()?;
            Some(self.pdf.dereference(value).ok()?.1)
        };
        let Some(kids) = entry(b"Kids") else {
            return match entry(b"Type").map(Object::as_name) {
                Some(Ok(b"Page")) => Ok(1),
                _ => Err(format!("object {} of the page tree is no page", id.0)),
            };
        };
        let says = entry(b"Count").and_then(|count| count.as_i64().ok());
        let kids = kids
            .as_array()
            .map_err(|_| format!("the kids of node {} of the page tree are no array", id.0))?;
        let mut has = 0;
        for kid in kids {
            let Ok(kid) = kid.as_reference() else {
                return Err(format!(
                    "a kid of node {} of the page tree is no object",
                    id.0
                ));
            };
            let parent = self
                .pdf
                .get_dictionary(kid)
                .and_then(|kid| kid.get(b"Parent"));
            if parent.and_then(Object::as_reference).ok() != Some(id) {
                return Err(format!(
                    "object {} of the page tree names another parent",
                    kid.0
                ));
            }
            has += self.pages(kid, depth)?;
        }
        if says != Some(has) {
            let says = says.map_or("nothing".to_owned(), |says| says.to_string());
            return Err(format!(
                "node {} of the page tree has {has} pages and says {says}",
                id.0
            ));
        }
        Ok(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One page, its contents in a stream that says this length, and a reference to an object of this number.
    fn file(length: usize, other: u32) -> Input {
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
            "<< /Type /Pages /Count 1 /Kids [3 0 R] >>".to_owned(),
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Other {other} 0 R >>"
            ),
            format!("<< /Length {length} >>\nstream\n0 0 m\nendstream"),
        ];
        let mut file = "%PDF-1.7\n".to_owned();
        let mut places = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            places.push(file.len());
            file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
        }
        let start = file.len();
        file.push_str("xref\n0 5\n0000000000 65535 f \n");
        for place in places {
            file.push_str(&format!("{place:010} 00000 n \n"));
        }
        file.push_str(&format!(
            "trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
        ));
        Input::from(file.into_bytes())
    }

    fn look(file: &Input) -> Soundness {
        let limits = Limits::default();
        Soundness::of(file, &[], &limits).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_sound_file_has_nothing_wrong() {
        let sound = Soundness {
            pages: 1,
            ..Soundness::default()
        };
        assert_eq!(look(&file(5, 4)), sound);
    }

    #[test]
    fn references_to_nothing_are_counted() {
        assert_eq!(look(&file(5, 9)).dangling, 1);
    }

    #[test]
    fn a_page_tree_that_lies_is_told() {
        let told = |from: &str, to: &str| {
            let file = file(5, 4);
            let text = String::from_utf8_lossy(&file);
            assert!(text.contains(from));
            look(&Input::from(text.replacen(from, to, 1).into_bytes())).by_the_letter
        };
        for (from, to, lie) in [
            (
                "/Count 1",
                "/Count 9",
                "node 2 of the page tree has 1 pages and says 9",
            ),
            (
                "/Count 1",
                "/Cound 1",
                "node 2 of the page tree has 1 pages and says nothing",
            ),
            (
                "/Type /Page ",
                "/Type /Pagg ",
                "object 3 of the page tree is no page",
            ),
            (
                "/Parent 2",
                "/Parent 1",
                "object 3 of the page tree names another parent",
            ),
        ] {
            assert_eq!(told(from, to).as_deref(), Some(lie));
        }
    }

    #[test]
    fn a_wrong_stream_length_is_told() {
        let found = look(&file(3, 4));
        assert!(
            found.by_the_letter.is_some() || !found.mended.is_empty(),
            "{found:?}"
        );
    }
}
