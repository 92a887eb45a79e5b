//! The two identifiers of a file (ISO 32000-2, 14.4): one of the document, one of what it has become. What is new of them is
//! made from what is written, so that the same objects give the same bytes.

use blake3::Hasher;
use lopdf::{Dictionary, Object, StringFormat};

/// What becomes of the identifiers of a file that has any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The document says what it said when it came.
    Same,
    /// It was changed: the second is new. The first goes into the keys of older encryption.
    Changed,
    /// It is another document than the one that it has them from: both are new, unless it is encrypted.
    Other,
}

impl Identity {
    /// What is to take in all that is written before the trailer, if something is to be made of it.
    pub(crate) fn hasher(self, trailer: &Dictionary) -> Option<Hasher> {
        let is_needed = self != Self::Same && identifiers(trailer).is_some();
        is_needed.then(Hasher::new)
    }

    /// Puts what is new into the trailer.
    pub(crate) fn renew(self, trailer: &mut Dictionary, written: &Hasher, is_encrypted: bool) {
        let Some([first, _]) = identifiers(trailer) else {
            return;
        };
        let made = written.finalize().as_bytes()[..16].to_vec();
        let made = Object::String(made, StringFormat::Hexadecimal);
        let first = match self {
            Self::Other if !is_encrypted => made.clone(),
            _ => first.clone(),
        };
        trailer.set("ID", Object::Array(vec![first, made]));
    }
}

fn identifiers(trailer: &Dictionary) -> Option<&[Object; 2]> {
    let list = trailer.get(b"ID").and_then(Object::as_array).ok()?;
    let pair: &[Object; 2] = list.as_slice().try_into().ok()?;
    let are_strings = pair.iter().all(|one| matches!(one, Object::String(..)));
    are_strings.then_some(pair)
}
