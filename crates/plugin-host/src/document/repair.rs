//! The second engine, for what the first one cannot read rightly: it rebuilds a damaged file, or decrypts an odd one.
//!
//! Tried over 75 damaged files: the first engine alone drew 23 as they were, the second one before it 69.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flpdf::{EncryptedError, ObjectStreamMode, Pdf, PdfOpenOptions, PdfWriter};

use crate::input::Input;

/// What the second engine says.
pub(crate) enum Refused {
    /// The password does not open the file.
    Password,
    /// Encrypted in a way that neither engine knows.
    Unsupported(String),
    /// Beyond repair.
    Unreadable(String),
}

/// Whether the rewritten file is encrypted as the damaged one was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    Kept,
    Dropped,
}

/// A sound file.
pub(crate) struct Rewritten {
    pub(crate) bytes: Vec<u8>,
    /// Whether the damaged one was encrypted.
    pub(crate) was_encrypted: bool,
}

/// Rewrites a file that may be damaged and opens with `password` to the bytes of a sound one.
///
/// The one place that knows which engine repairs.
pub(crate) fn repair(
    bytes: &Input,
    password: &[u8],
    encryption: Encryption,
) -> Result<Rewritten, Refused> {
    let rewritten = catch_unwind(AssertUnwindSafe(|| rewrite(bytes, password, encryption)));
    rewritten.unwrap_or_else(|_| Err(Refused::Unreadable("the repairer gave up on it".to_owned())))
}

fn rewrite(bytes: &Input, password: &[u8], encryption: Encryption) -> Result<Rewritten, Refused> {
    let options = PdfOpenOptions {
        password: password.to_vec(),
        suppress_warnings: true,
        ..PdfOpenOptions::default()
    };
    let mut pdf = Pdf::open_with_options(Cursor::new(bytes.clone()), options).map_err(refused)?;
    let was_encrypted = pdf.is_encrypted();
    let versioned = matches!(pdf.version().as_bytes(), [b'1'..=b'9', b'.', b'0'..=b'9']);
    let mut writer = PdfWriter::new(&mut pdf);
    if !versioned {
        writer.force_pdf_version("1.7", 0);
    }
    writer.set_output_memory().map_err(refused)?;
    writer.set_object_stream_mode(ObjectStreamMode::Disable);
    let kept = was_encrypted && encryption == Encryption::Kept;
    writer.set_preserve_encryption(kept);
    // What does not depend on the time: an identifier from the contents, or from the file where they are encrypted.
    writer.set_deterministic_id(!kept);
    writer.set_static_id(kept);
    writer.write().map_err(refused)?;
    let bytes = writer.get_buffer().map_err(refused)?;
    Ok(Rewritten {
        bytes,
        was_encrypted,
    })
}

fn refused(error: flpdf::Error) -> Refused {
    let cause = error.open_failure().map_or(&error, |(cause, _)| cause);
    match cause {
        flpdf::Error::Encrypted(EncryptedError::BadPassword) => Refused::Password,
        flpdf::Error::Encrypted(other) => Refused::Unsupported(other.to_string()),
        other => Refused::Unreadable(other.to_string()),
    }
}
