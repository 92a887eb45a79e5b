//! One run of the engine over a file.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::{DecompressError, LoadOptions, Object};

use crate::bill::Bill;
use crate::damage;
use crate::document::encryption::Omitted;
use crate::document::encryption::streams;
use crate::document::open_error::OpenError;
use crate::document::place::is_of_type;

/// What one run of the engine gave.
pub(crate) enum Loaded {
    Document(Box<lopdf::Document>, Found),
    /// A password was given and does not fit.
    Refused,
    Unreadable(String),
}

/// What was found beside the document.
pub(crate) struct Found {
    /// Objects that cannot be read.
    pub(crate) errors: u32,
    /// What its encryption says and the engine does not keep.
    pub(crate) omitted: Omitted,
}

/// Reads a file. `limit` is the most that a stream that describes objects may decode to.
pub(crate) fn load(
    bytes: &[u8],
    password: Option<&str>,
    limit: usize,
    bill: &Bill,
) -> Result<Loaded, OpenError> {
    let options = LoadOptions {
        password: password.map(str::to_owned),
        max_decompressed_size: Some(limit),
        ..LoadOptions::default()
    };
    bill.count_parse();
    let (loaded, errors) = damage::count(|| {
        catch_unwind(AssertUnwindSafe(|| {
            lopdf::Document::load_mem_with_options(bytes, options)
        }))
    });
    match loaded {
        Ok(Ok(pdf)) => {
            let mut pdf = Box::new(pdf);
            let mut omitted = Omitted::of(bytes, &pdf);
            let errors = errors + streams::put_right(bytes, &mut pdf, &mut omitted);
            Ok(Loaded::Document(pdf, Found { errors, omitted }))
        }
        Ok(Err(lopdf::Error::InvalidPassword)) => Ok(Loaded::Refused),
        Ok(Err(lopdf::Error::Decompress(DecompressError::MemoryLimitExceeded { limit }))) => {
            Err(OpenError::Limit(format!(
                "a stream that describes objects decodes to more than {limit} bytes"
            )))
        }
        Ok(Err(error)) => Ok(Loaded::Unreadable(error.to_string())),
        Err(_) => Ok(Loaded::Unreadable("the reader gave up on it".to_owned())),
    }
}

/// A cross-reference stream is a trailer too, and speaks of the encryption dictionary that is taken out.
pub(crate) fn forget_lock(pdf: &mut lopdf::Document) {
    for object in pdf.objects.values_mut() {
        if let Object::Stream(stream) = object
            && is_of_type(&stream.dict, b"XRef")
        {
            stream.dict.remove(b"Encrypt");
        }
    }
}

/// Numbers begin at 1 (ISO 32000-2, 7.3.10): no reader finds an object whose number is 0, and a reference to it is null.
pub(crate) fn drop_unnumbered(pdf: &mut lopdf::Document) -> bool {
    let before = pdf.objects.len();
    pdf.objects.retain(|id, _| id.0 > 0);
    pdf.objects.len() < before
}

/// New objects get numbers above all that the file speaks of, unless it boasts (Size is what a file says).
pub(crate) fn bound_numbers(pdf: &mut lopdf::Document) {
    const MOST: u32 = 8_388_607;
    let last = pdf.objects.keys().next_back().map_or(0, |id| id.0);
    if pdf.max_id > MOST {
        pdf.max_id = last;
    }
    pdf.max_id = pdf.max_id.max(last);
}
