//! How sound a file is, for those who did not make it: read once as everybody reads it and once by the letter.

use lopdf::{LoadOptions, Object};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::bill::Bill;
use crate::damage;
use crate::document::Document;
use crate::document::heap::Form;
use crate::document::objects::Objects;
use crate::document::open_error::OpenError;
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
        Ok(Ok(_)) if errors == 0 => None,
        Ok(Ok(_)) => Some(format!("{errors} objects cannot be read")),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("the reader gave up".to_owned()),
    }
}
