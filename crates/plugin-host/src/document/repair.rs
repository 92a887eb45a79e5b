//! The second engine, for what the first one cannot read rightly: it rebuilds a damaged file, or decrypts an odd one.
//!
//! Tried over 75 damaged files: the first engine alone drew 23 as they were, the second one before it 69.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flpdf::{EncryptedError, ObjectStreamMode, Pdf, PdfOpenOptions, PdfWriter};

use crate::input::Input;

/// The most samples in a row of a predictor that are believed: no scanner makes a hundredth of that.
const MAX_ROW: u64 = 16 << 20;

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
    let lined = lined_up(bytes).map(Input::from);
    let bytes = lined.as_ref().unwrap_or(bytes);
    let bounded = bounded_rows(bytes).map(Input::from);
    let bytes = bounded.as_ref().unwrap_or(bytes);
    let rewritten = catch_unwind(AssertUnwindSafe(|| rewrite(bytes, password, encryption)));
    rewritten.unwrap_or_else(|_| Err(Refused::Unreadable("the repairer gave up on it".to_owned())))
}

/// A repaired document has the identifiers it had (a made-up one would differ from run to run, and older encryption
/// depends on it) and the form of cross-references that it had.
pub(crate) fn keep_form(pdf: &mut lopdf::Document, model: Option<&lopdf::Document>) {
    let Some(model) = model else {
        return;
    };
    match model.trailer.get(b"ID") {
        Ok(id) => pdf.trailer.set("ID", id.clone()),
        Err(_) => drop(pdf.trailer.remove(b"ID")),
    }
    pdf.reference_table.cross_reference_type = model.reference_table.cross_reference_type;
}

/// The file with each object that follows another one on its line on a line of its own, or `None` where there is none: the
/// engines look for the objects of a file that has lost its cross-references at the heads of lines. Nothing moves.
pub(crate) fn lined_up(bytes: &[u8]) -> Option<Vec<u8>> {
    const END: &[u8] = b"endobj";
    let mut lined: Option<Vec<u8>> = None;
    for at in memchr::memmem::find_iter(bytes, END) {
        let after = &bytes[at + END.len()..];
        let Some((b' ' | b'\t', rest)) = after.split_first() else {
            continue;
        };
        if begins_object(rest) {
            let file = lined.get_or_insert_with(|| bytes.to_vec());
            file[at + END.len()] = b'\n';
        }
    }
    lined
}

/// Whether the bytes are `3 0 obj` and more.
fn begins_object(bytes: &[u8]) -> bool {
    let number = |bytes: &[u8]| {
        let digits = bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        (1..=10).contains(&digits).then_some(digits)
    };
    let behind = |bytes: &[u8]| {
        let digits = number(bytes)?;
        (bytes.get(digits) == Some(&b' ')).then_some(digits + 1)
    };
    let Some(first) = behind(bytes) else {
        return false;
    };
    let rest = &bytes[first..];
    behind(rest).is_some_and(|second| rest[second..].starts_with(b"obj"))
}

/// The file with impossible row lengths of predictors (ISO 32000-2, 7.4.4.3) taken out, or `None` where there are none: the
/// engine makes room for one row before it looks whether there is one. Nothing else moves.
fn bounded_rows(bytes: &[u8]) -> Option<Vec<u8>> {
    const KEY: &[u8] = b"/Columns";
    let mut bounded: Option<Vec<u8>> = None;
    for at in memchr::memmem::find_iter(bytes, KEY) {
        let after = at + KEY.len();
        let spaces = bytes[after..]
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        let start = after + spaces;
        let digits = bytes[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let number = bytes[start..start + digits]
            .iter()
            .fold(0_u64, |sum, digit| {
                sum.saturating_mul(10)
                    .saturating_add(u64::from(digit - b'0'))
            });
        if number > MAX_ROW {
            let file = bounded.get_or_insert_with(|| bytes.to_vec());
            file[start..start + digits].fill(b' ');
            file[start] = b'1';
        }
    }
    bounded
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
        flpdf::Error::QpdfExc(error) if is_of_encryption(error) => Refused::Unsupported(
            "not by passwords (for certificates, or by a rights service)".to_owned(),
        ),
        other => Refused::Unreadable(other.to_string()),
    }
}

/// Whether the repairer does not know the security handler (ISO 32000-2, 7.6.1).
fn is_of_encryption(error: &flpdf::QpdfExc) -> bool {
    error.get_error_code() == flpdf::QpdfErrorCode::Unsupported
        && error.get_object() == b"encryption dictionary"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_behind_others_begin_a_line() {
        let lined = |text: &str| {
            let found = lined_up(text.as_bytes());
            found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        assert_eq!(
            lined("1 0 obj 1 endobj 2 0 obj 2 endobj\t30 12 obj<<>>endobj").as_deref(),
            Some("1 0 obj 1 endobj\n2 0 obj 2 endobj\n30 12 obj<<>>endobj")
        );
        for text in [
            "endobj",
            "endobj ",
            "endobj 1",
            "endobj 1 0",
            "endobj\n2 0 obj",
            "endobj trailer",
            "endobj 2 0 R",
            "endobj  2 0 obj",
        ] {
            assert_eq!(lined(text), None, "{text}");
        }
    }

    #[test]
    fn only_rows_beyond_all_measure_are_taken_out() {
        let bounded = |text: &str| {
            let found = bounded_rows(text.as_bytes());
            found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        assert_eq!(bounded("/Columns 4 /Columns 16777216>>"), None);
        assert_eq!(bounded("/Columns"), None);
        assert_eq!(bounded("/Columns -5 /Columns 7 0 R"), None);
        assert_eq!(
            bounded("/Columns\n16777217/Columns 3/Columns 99999999999999999999999 >>").as_deref(),
            Some("/Columns\n1       /Columns 3/Columns 1                       >>")
        );
    }
}
