//! Handles of arrays, dictionaries and streams.

use dropleaf_plugin_abi as abi;

use crate::session::Session;

/// What an [`Object`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `[ ... ]`
    Array,
    /// `<< ... >>`
    Dict,
    /// A dictionary with bytes.
    Stream,
}

/// Which bytes of a stream are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As they stand in the file, under the stream's `Filter`.
    Raw,
    /// With all filters but image ones (DCT, JPX, JBIG2, CCITT) undone. The host compresses such bytes at save.
    Decoded,
}

impl Mode {
    pub(crate) fn to_abi(self) -> u32 {
        match self {
            Self::Raw => abi::STREAM_RAW,
            Self::Decoded => abi::STREAM_DECODED,
        }
    }
}

/// An array, a dictionary or a stream: a handle, cheap to copy, that cannot outlive the run.
///
/// The functions on keys work on dictionaries and on the dictionaries of streams, those on indices on arrays; anything
/// else is an error. Changes go straight into the document and are undone by the host if the run fails.
#[derive(Clone, Copy)]
pub struct Object<'r> {
    pub(crate) session: &'r Session,
    pub(crate) handle: abi::Obj,
    kind: Kind,
}

impl<'r> Object<'r> {
    pub(crate) fn new(session: &'r Session, handle: abi::Obj, kind: Kind) -> Self {
        Self {
            session,
            handle,
            kind,
        }
    }

    pub(crate) fn handle(&self) -> abi::Obj {
        self.handle
    }

    /// What it was when this handle was taken.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl std::fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Object({:?}, handle {:#x})", self.kind, self.handle)
    }
}
