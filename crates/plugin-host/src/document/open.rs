//! Opening a document: what it is refused for, which password fits, and the damage gate.
//!
//! The engine answers `Ok` for much that is not: objects it could not read are gone, a document that wants a password
//! has no objects. So what it gives is looked over, and what looks damaged goes through repair first; of the two
//! readings the better one is taken ([`reading`]).

use crate::bill::Bill;
use crate::damage;
use crate::document::objects::Objects;
use crate::document::open_error::{OpenError, Warning};
use crate::document::reading;
use crate::input::Input;
use crate::limits::{Limits, MAX_FILE};

/// Reads a document's objects.
pub(crate) fn open(
    bytes: Input,
    passwords: &[String],
    limits: &Limits,
    bill: &Bill,
) -> Result<(Objects, Vec<Warning>), OpenError> {
    check_shape(&bytes, limits)?;
    damage::install();
    reading::read(bytes, passwords, limits, bill)
}

/// Refuses what is no PDF at all before anything parses it.
pub(crate) fn check_shape(bytes: &[u8], limits: &Limits) -> Result<(), OpenError> {
    let size = bytes.len() as u64;
    let limit = limits.max_input.min(MAX_FILE);
    if size == 0 {
        return Err(OpenError::Empty);
    }
    if size > limit {
        return Err(OpenError::TooLarge { size, limit });
    }
    let head = &bytes[..bytes.len().min(1024)];
    if head.windows(5).any(|window| window == b"%PDF-") {
        return Ok(());
    }
    Err(OpenError::NotPdf(looks_like(head)))
}

fn looks_like(head: &[u8]) -> String {
    const KNOWN: [(&[u8], &str); 12] = [
        (b"PK\x03\x04", "a ZIP archive or an office document"),
        (b"\xFF\xD8\xFF", "a JPEG image"),
        (b"\x89PNG", "a PNG image"),
        (b"GIF8", "a GIF image"),
        (b"II*\0", "a TIFF image"),
        (b"MM\0*", "a TIFF image"),
        (b"%!PS", "a PostScript file"),
        (b"\xD0\xCF\x11\xE0", "an old office document"),
        (b"<!DOCTYPE", "an HTML page"),
        (b"<html", "an HTML page"),
        (b"{\\rtf", "an RTF document"),
        (b"\x1F\x8B", "a gzip archive"),
    ];
    match KNOWN.iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, name)) => format!("it looks like {name}"),
        None if head.iter().all(|byte| *byte == 0) => "it starts with zeros only".to_owned(),
        None => "no `%PDF-` in its first 1024 bytes".to_owned(),
    }
}
