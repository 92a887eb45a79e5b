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

/// Rewrites a file that may be damaged, decrypted with `password`, to the bytes of a sound one.
///
/// The one place that knows which engine repairs.
pub(crate) fn repair(bytes: &Input, password: &[u8]) -> Result<Vec<u8>, Refused> {
    let rewritten = catch_unwind(AssertUnwindSafe(|| rewrite(bytes, password)));
    rewritten.unwrap_or_else(|_| Err(Refused::Unreadable("the repairer gave up on it".to_owned())))
}

fn rewrite(bytes: &Input, password: &[u8]) -> Result<Vec<u8>, Refused> {
    let options = PdfOpenOptions {
        password: password.to_vec(),
        suppress_warnings: true,
        ..PdfOpenOptions::default()
    };
    let mut pdf = Pdf::open_with_options(Cursor::new(bytes.clone()), options).map_err(refused)?;
    let mut writer = PdfWriter::new(&mut pdf);
    writer.set_output_memory().map_err(refused)?;
    writer.set_object_stream_mode(ObjectStreamMode::Disable);
    writer.set_preserve_encryption(false);
    writer.set_deterministic_id(true);
    writer.write().map_err(refused)?;
    writer.get_buffer().map_err(refused)
}

fn refused(error: flpdf::Error) -> Refused {
    let cause = error.open_failure().map_or(&error, |(cause, _)| cause);
    match cause {
        flpdf::Error::Encrypted(EncryptedError::BadPassword) => Refused::Password,
        flpdf::Error::Encrypted(other) => Refused::Unsupported(other.to_string()),
        other => Refused::Unreadable(other.to_string()),
    }
}
