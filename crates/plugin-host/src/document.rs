//! A document: bytes, objects, or both, converted when somebody asks.

pub(crate) mod aside;
pub(crate) mod astray;
pub(crate) mod bound;
pub(crate) mod carry;
pub(crate) mod characters;
pub(crate) mod copy;
pub(crate) mod decode;
pub(crate) mod deflate;
pub(crate) mod destinations;
pub(crate) mod encryption;
pub(crate) mod engine;
pub(crate) mod entries;
pub(crate) mod exact;
pub(crate) mod facts;
pub(crate) mod heap;
pub(crate) mod identity;
pub(crate) mod ids;
pub(crate) mod import;
pub(crate) mod latent;
pub(crate) mod objects;
pub(crate) mod open;
pub(crate) mod open_error;
pub(crate) mod page_index;
pub(crate) mod page_shape;
pub(crate) mod page_tree;
pub(crate) mod pages;
pub(crate) mod place;
pub(crate) mod reach;
pub(crate) mod reading;
pub(crate) mod repair;
pub(crate) mod salvage;
pub(crate) mod save;
pub(crate) mod save_error;
pub(crate) mod serialize;
pub(crate) mod soundness;
pub(crate) mod syntax;
pub(crate) mod tags;
pub(crate) mod unread;
pub(crate) mod write;

use std::io::Write;

use lopdf::Object;
use lopdf::xref::XrefType;

use crate::bill::Bill;
use crate::document::aside::Aside;
use crate::document::encryption::Omitted;
use crate::document::facts::Facts;
use crate::document::objects::Objects;
use crate::document::open_error::{OpenError, Warning};
use crate::document::save::{Cover, Saved};
use crate::document::save_error::SaveError;
use crate::fault::{Fault, Result as Answer};
use crate::input::Input;
use crate::limits::Limits;
use crate::memory;

/// A PDF in a worker's hands.
///
/// It is parsed once when it is opened and written once when it is saved, however many steps work on it; both are
/// counted on the job's [`Bill`]. A document that no step has changed is saved as the very bytes it came as.
pub struct Document {
    state: State,
    limits: Limits,
    bill: Bill,
    /// Whether a step is at work on it.
    in_step: bool,
    /// What stood here before a step replaced all bytes; taken back if the step fails.
    replaced: Vec<State>,
    warnings: Vec<Warning>,
}

enum State {
    /// Given whole by a step and not read yet.
    Bytes(Input),
    /// Written, because others need the memory.
    Aside(Aside),
    Objects(Box<Objects>),
}

impl State {
    fn objects(&self) -> Option<&Objects> {
        match self {
            Self::Objects(objects) => Some(objects),
            Self::Bytes(_) | Self::Aside(_) => None,
        }
    }

    /// What tells how the document is encrypted.
    fn cover(&self) -> Option<&Objects> {
        match self {
            Self::Objects(objects) => Some(objects),
            Self::Aside(aside) => aside.cover(),
            Self::Bytes(_) => None,
        }
    }
}

impl Document {
    /// Opens a document, through repair where it is damaged (which a warning with the code `repaired` tells).
    ///
    /// # Errors
    /// See [`OpenError`]. A missing password is told from a wrong one, and neither from an empty document.
    pub fn open(
        bytes: impl Into<Input>,
        passwords: &[String],
        limits: &Limits,
        bill: &Bill,
    ) -> Result<(Self, Vec<Warning>), OpenError> {
        let (objects, warnings) = open::open(bytes.into(), passwords, limits, bill)?;
        Ok((
            Self::of(State::Objects(Box::new(objects)), limits, bill),
            warnings,
        ))
    }

    /// An empty document: a catalog and no pages. Version, information and encryption are those of `like`.
    pub(crate) fn create(like: Option<&mut Self>, limits: &Limits, bill: &Bill) -> Answer<Self> {
        let mut pdf = lopdf::Document::new();
        pdf.version = "1.7".to_owned();
        let mut omitted = Omitted::default();
        if let Some(like) = like {
            let objects = like.objects()?;
            let model = &objects.pdf;
            pdf.version.clone_from(&model.version);
            pdf.binary_mark.clone_from(&model.binary_mark);
            pdf.reference_table.cross_reference_type = if objects.packs() {
                XrefType::CrossReferenceStream
            } else {
                XrefType::CrossReferenceTable
            };
            pdf.encryption_state.clone_from(&model.encryption_state);
            omitted.clone_from(&objects.omitted);
            // The first half of the ID goes into the keys of older encryption.
            if let Ok(id) = model.trailer.get(b"ID") {
                pdf.trailer.set("ID", id.clone());
            }
            if let Some(Object::Dictionary(info)) = objects.lookup(&model.trailer, b"Info") {
                let copy: lopdf::Dictionary = info
                    .iter()
                    .filter_map(|(key, value)| Some((key.clone(), plain(objects, value)?)))
                    .collect();
                let id = pdf.add_object(Object::Dictionary(copy));
                pdf.trailer.set("Info", Object::Reference(id));
            }
        } else {
            pdf.reference_table.cross_reference_type = XrefType::CrossReferenceStream;
        }
        let mut objects = Objects::new(pdf);
        objects.omitted = omitted;
        objects.is_new = true;
        objects.pages()?;
        Ok(Self::of(State::Objects(Box::new(objects)), limits, bill))
    }

    fn of(state: State, limits: &Limits, bill: &Bill) -> Self {
        Self {
            state,
            limits: limits.clone(),
            bill: bill.clone(),
            in_step: false,
            replaced: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// What is known of the document.
    ///
    /// # Errors
    /// Where a step has given bytes that are no readable document.
    pub fn facts(&mut self) -> Result<Facts, OpenError> {
        let objects = self.parsed()?;
        objects
            .facts()
            .map_err(|fault| OpenError::Damaged(fault.text.into_owned()))
    }

    /// Writes the document to `out`: the bytes it came as if nothing has changed, its objects otherwise, encrypted as
    /// it came.
    ///
    /// # Errors
    /// [`SaveError::Broken`] before anything is written, if the document does not hold together.
    pub fn save(&mut self, out: &mut dyn Write) -> Result<Saved, SaveError> {
        let bill = self.bill.clone();
        let objects = self
            .parsed()
            .map_err(|error| SaveError::Broken(error.to_string()))?;
        if let Some(bytes) = objects.true_bytes() {
            let pages = objects
                .pages()
                .map_err(|fault| SaveError::Broken(fault.text.into_owned()))?
                .len();
            out.write_all(&bytes)
                .and_then(|()| out.flush())
                .map_err(SaveError::Io)?;
            return Ok(Saved {
                pages: u32::try_from(pages).unwrap_or(u32::MAX),
                size: bytes.len() as u64,
            });
        }
        bill.count_save();
        objects.write(Cover::AsItCame, out)
    }

    /// Whether a save would write other bytes than were opened.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        match &self.state {
            State::Bytes(_) | State::Aside(_) => true,
            State::Objects(objects) => objects.dirty,
        }
    }

    /// Makes the next save write the objects anew even if no step has changed any.
    pub fn rewrite(&mut self) {
        if let State::Objects(objects) = &mut self.state {
            objects.dirty = true;
            objects.bytes = None;
        }
    }

    /// Writes the objects and frees them, where this process has come to hold more memory than [`Limits::roomy`]. They are
    /// read again when somebody asks for them, which costs a parse and a save, so this is for a document that has to wait
    /// while others are worked on. Where it cannot be written it stays as it is, and its save will say why.
    pub fn make_room(&mut self) {
        if !self.in_step && memory::peak_kib() >> 10 >= self.limits.roomy >> 20 {
            self.set_aside();
        }
    }

    /// What opening bytes that a step gave has brought up; drained.
    pub fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }

    // ---- for the run -------------------------------------------------------------------------------------------

    pub(crate) fn bill(&self) -> Bill {
        self.bill.clone()
    }

    pub(crate) fn is_parsed(&self) -> bool {
        matches!(self.state, State::Objects(_))
    }

    /// The objects, read from the bytes if need be.
    pub(crate) fn objects(&mut self) -> Answer<&mut Objects> {
        self.parsed()
            .map_err(|error| Fault::new(dropleaf_plugin_abi::E_SYNTAX, error.to_string()))
    }

    /// The objects, if they have been read.
    pub(crate) fn objects_if_parsed(&self) -> Option<&Objects> {
        self.state.objects()
    }

    fn parsed(&mut self) -> Result<&mut Objects, OpenError> {
        let read = match &self.state {
            State::Objects(_) => None,
            State::Aside(aside) => Some(aside.read(&self.limits, &self.bill)?),
            State::Bytes(bytes) => {
                let (mut objects, warnings) =
                    open::open(bytes.clone(), &[], &self.limits, &self.bill)?;
                if let Some(before) = self.replaced.iter().rev().find_map(State::cover) {
                    objects.cover_like(before);
                }
                self.warnings.extend(warnings);
                Some(objects)
            }
        };
        if let Some(mut objects) = read {
            if self.in_step {
                objects.begin();
            }
            self.state = State::Objects(Box::new(objects));
        }
        match &mut self.state {
            State::Objects(objects) => Ok(objects),
            State::Bytes(_) | State::Aside(_) => {
                Err(OpenError::Damaged("its objects are not there".to_owned()))
            }
        }
    }

    /// The document as bytes, written if it was edited. A step has no password, so it sees them decrypted.
    pub(crate) fn bytes(&mut self) -> Answer<Input> {
        let bill = self.bill.clone();
        let objects = match &mut self.state {
            State::Bytes(bytes) => return Ok(bytes.clone()),
            State::Aside(aside) => return Ok(aside.bytes()),
            State::Objects(objects) => objects,
        };
        let encrypted = objects.pdf.encryption_state.is_some();
        let known = if encrypted {
            objects.written.clone()
        } else {
            objects.true_bytes()
        };
        if let Some(bytes) = known {
            return Ok(bytes);
        }
        bill.count_save();
        let mut written = Vec::new();
        objects
            .write(Cover::Off, &mut written)
            .map_err(|error| Fault::new(dropleaf_plugin_abi::E_FAIL, error.to_string()))?;
        let written = Input::from(written);
        objects.written = Some(written.clone());
        Ok(written)
    }

    /// Replaces the whole document.
    pub(crate) fn set_bytes(&mut self, bytes: Vec<u8>) -> Answer<()> {
        open::check_shape(&bytes, &self.limits)
            .map_err(|error| Fault::new(error.status(), error.to_string()))?;
        let before = std::mem::replace(&mut self.state, State::Bytes(bytes.into()));
        self.replaced.push(before);
        Ok(())
    }

    /// Opens the journal.
    pub(crate) fn begin(&mut self) {
        self.in_step = true;
        if let State::Objects(objects) = &mut self.state {
            objects.begin();
        }
    }

    fn set_aside(&mut self) {
        let State::Objects(objects) = &mut self.state else {
            return;
        };
        if let Some(aside) = Aside::of(objects, &self.bill) {
            self.state = State::Aside(aside);
        }
    }

    /// Whether what the step has made of the document can be kept: bytes that it gave are read, the tree is written.
    pub(crate) fn check_step(&mut self) -> Answer<()> {
        if let State::Aside(_) = self.state {
            return Ok(());
        }
        self.objects()?.sync_pages()
    }

    pub(crate) fn is_blank(&mut self) -> bool {
        if let State::Aside(_) = self.state {
            return false;
        }
        self.objects()
            .and_then(|objects| objects.pages())
            .is_ok_and(<[_]>::is_empty)
    }

    /// Keeps what was done since [`Self::begin`].
    pub(crate) fn commit(&mut self) {
        self.in_step = false;
        if let State::Objects(objects) = &mut self.state {
            objects.commit();
        }
        self.replaced.clear();
    }

    /// Undoes what was done since [`Self::begin`]; answers how many changes that were.
    pub(crate) fn rollback(&mut self) -> u64 {
        self.in_step = false;
        let mut undone = self.replaced.len() as u64;
        if let Some(first) = self.replaced.drain(..).next() {
            self.state = first;
        }
        if let State::Objects(objects) = &mut self.state {
            undone += objects.rollback();
        }
        undone
    }
}

/// A value of the information dictionary with nothing of the document behind it: a scalar, or an array of scalars such as
/// macOS has for keywords.
fn plain(objects: &Objects, value: &Object) -> Option<Object> {
    let scalar = |value: &Object| {
        let (_, value) = objects.resolve(value)?;
        let is_scalar = !matches!(
            value,
            Object::Array(_) | Object::Dictionary(_) | Object::Stream(_)
        );
        is_scalar.then(|| value.clone())
    };
    match objects.resolve(value)?.1 {
        Object::Array(items) => {
            let items: Option<Vec<Object>> = items.iter().map(scalar).collect();
            items.map(Object::Array)
        }
        _ => scalar(value),
    }
}
