//! Saving a document: what is checked before the first byte is written, and which form the file gets.

use std::io::Write;

use lopdf::Object;
use lopdf::xref::XrefType;

use crate::document::identity::Identity;
use crate::document::objects::Objects;
use crate::document::place::{entry, is_of_type};
use crate::document::save_error::SaveError;
use crate::document::unread;
use crate::document::write::{self, Source};
use crate::limits::MAX_FILE;

/// What was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// How many pages.
    pub pages: u32,
    /// How many bytes.
    pub size: u64,
}

/// Whether an encrypted document is written encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cover {
    AsItCame,
    /// For the eyes of a step, which has no password.
    Off,
}

impl Objects {
    /// Writes the objects as a file, having checked that every page of the tree is there.
    pub(crate) fn write(&mut self, cover: Cover, out: &mut dyn Write) -> Result<Saved, SaveError> {
        let pages = self.check()?;
        let size = write::write(
            &Source {
                pdf: &self.pdf,
                heap: &self.heap,
                plain: &self.plain,
                encryption: self
                    .pdf
                    .encryption_state
                    .as_ref()
                    .filter(|_| cover == Cover::AsItCame),
                omitted: &self.omitted,
                packed: self.packs(),
                identity: match (self.dirty, self.is_new) {
                    (_, true) => Identity::Other,
                    (true, false) => Identity::Changed,
                    (false, false) => Identity::Same,
                },
            },
            out,
        )?;
        Ok(Saved { pages, size })
    }

    /// Counts the pages by a fresh walk over what will be written, compares with the list, and looks for page contents
    /// that a step has lost.
    fn check(&mut self) -> Result<u32, SaveError> {
        let broken = |text: String| SaveError::Broken(text);
        let size = self.heap.stream_bytes();
        if size > MAX_FILE {
            return Err(SaveError::TooLarge { limit: MAX_FILE });
        }
        self.put_pages_right()
            .map_err(|fault| broken(fault.text.into_owned()))?;
        let listed = self.pages.as_ref().map(|index| index.list.len());
        let counted = self
            .recount_pages()
            .map_err(|fault| broken(fault.text.into_owned()))?;
        if let Some(listed) = listed
            && listed != counted
        {
            return Err(broken(format!(
                "the page tree holds {counted} of {listed} pages"
            )));
        }
        let lost = self.lost_contents();
        if lost.len() > self.lost_before {
            let page = lost.last().map_or(0, |page| page + 1);
            return Err(broken(format!("page {page} has lost its contents")));
        }
        u32::try_from(counted).map_err(|_| broken(format!("{counted} pages are too many")))
    }

    /// Pages (counted from 0) with contents that lead nowhere: of several streams, all. One that an update has freed is
    /// null and no loss (ISO 32000-2, 7.3.10). The page list must be built.
    pub(crate) fn lost_contents(&self) -> Vec<usize> {
        // Streams are not read for that: most contents are read by nobody.
        let is_stream = |item: &Object| {
            let id = item.as_reference();
            id.is_ok_and(|id| self.heap.is_stream(id))
        };
        let lost = |item: &Object| match self.resolve(item) {
            Some((_, Object::Stream(_) | Object::Null | Object::Array(_))) => false,
            Some(_) | None => item.as_reference().is_ok(),
        };
        let lost = |item: &Object| !is_stream(item) && lost(item);
        let Some(index) = &self.pages else {
            return Vec::new();
        };
        // Nor are pages that nobody has built.
        let is_sound = |page: &lopdf::ObjectId| {
            let dict = self.heap.unread(*page)?;
            let Some(contents) = dict.get(b"Contents") else {
                return Some(true);
            };
            let is_stream = |text| unread::reference(text).map(|id| self.heap.is_stream(id));
            match unread::items(contents) {
                Some(mut items) => Some(items.any(|item| is_stream(item) == Some(true))),
                None => is_stream(contents),
            }
        };
        let broken = |page: &lopdf::ObjectId| {
            if is_sound(page) == Some(true) {
                return false;
            }
            let Some(dict) = self.dict(*page) else {
                return true;
            };
            let Some(contents) = entry(dict, b"Contents").filter(|it| !is_stream(it)) else {
                return false;
            };
            match self.resolve(contents) {
                Some((_, Object::Array(items))) => {
                    items.iter().any(lost) && !items.iter().any(is_stream)
                }
                _ => lost(contents),
            }
        };
        index
            .list
            .iter()
            .enumerate()
            .filter(|(_, page)| broken(page))
            .map(|(number, _)| number)
            .collect()
    }

    /// Whether to write object and cross-reference streams: where the file had them, or an operation asked for them with
    /// the type that the trailer of such a file has. Any other file keeps the plain form that it came in, which is
    /// written in a fraction of the time and stays readable for what it was made for (PDF/A-1 forbids the streams).
    pub(crate) fn packs(&self) -> bool {
        let streamed = matches!(
            self.pdf.reference_table.cross_reference_type,
            XrefType::CrossReferenceStream
        );
        streamed || is_of_type(&self.pdf.trailer, b"XRef") && self.pdf.version.as_str() >= "1.5"
    }
}
