//! A document that has to wait, as bytes: objects take about ten times as much memory.

use crate::bill::Bill;
use crate::document::heap::Heap;
use crate::document::ids::IdSet;
use crate::document::objects::Objects;
use crate::document::open;
use crate::document::open_error::OpenError;
use crate::document::save::Cover;
use crate::input::Input;
use crate::limits::{Limits, MAX_FILE};

/// The bytes of a document that was written before its time.
pub(crate) struct Aside {
    bytes: Input,
    /// Of a document that is encrypted: what says how. The bytes are not.
    cover: Option<Box<Objects>>,
}

impl Aside {
    /// Writes `objects`, which are empty then. `None` where they cannot be written, or are best left alone: a document
    /// that has no pages, or is encrypted and was not changed (it is to be saved as the bytes it came as).
    pub(crate) fn of(objects: &mut Objects, bill: &Bill) -> Option<Self> {
        let is_covered = objects.pdf.encryption_state.is_some();
        if is_covered && !objects.dirty || objects.pages().ok()?.is_empty() {
            return None;
        }
        let known = objects.true_bytes().filter(|_| !is_covered);
        let bytes = match known {
            Some(bytes) => bytes,
            None => {
                let mut written = Vec::new();
                objects.write(Cover::Off, &mut written).ok()?;
                bill.count_save();
                written.shrink_to_fit();
                Input::from(written)
            }
        };
        let cover = is_covered.then(|| {
            objects.heap = Heap::default();
            objects.plain = IdSet::default();
            objects.pages = None;
            let hollow = Objects::new(lopdf::Document::new());
            Box::new(std::mem::replace(objects, hollow))
        });
        Some(Self { bytes, cover })
    }

    /// The objects again.
    pub(crate) fn read(&self, limits: &Limits, bill: &Bill) -> Result<Objects, OpenError> {
        let limits = Limits {
            // How large the document may have been when it came says nothing of what was made of it.
            max_input: MAX_FILE,
            ..limits.clone()
        };
        let (mut objects, _) = open::open(self.bytes.clone(), &[], &limits, bill)?;
        if let Some(cover) = &self.cover {
            objects.cover_like(cover);
        }
        Ok(objects)
    }

    /// Decrypted, as all bytes that a step sees.
    pub(crate) fn bytes(&self) -> Input {
        self.bytes.clone()
    }

    pub(crate) fn cover(&self) -> Option<&Objects> {
        self.cover.as_deref()
    }
}
