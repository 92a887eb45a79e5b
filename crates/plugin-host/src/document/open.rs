//! Opening a document: what it is refused for, which password fits, and the damage gate.
//!
//! The engine answers `Ok` for much that is not: objects it could not read are gone, a document that wants a password
//! has no objects. So what it gives is looked over, and what looks damaged goes through [`repair`] first; of the two
//! readings the better one is taken.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::xref::XrefEntry;
use lopdf::{DecompressError, EncryptionState, LoadOptions, Object};

use crate::bill::Bill;
use crate::damage;
use crate::document::objects::Objects;
use crate::document::repair::{self, Refused};
use crate::input::Input;
use crate::limits::{Limits, MAX_FILE};

/// Why a document was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The file is something else; the text says what it looks like.
    #[error("not a PDF: {0}")]
    NotPdf(String),
    /// Encrypted, and no password was given.
    #[error("the document is encrypted and needs a password")]
    NeedsPassword,
    /// Encrypted, and none of the passwords fits.
    #[error("none of the passwords opens the document")]
    WrongPassword,
    /// Encrypted in a way that cannot be read.
    #[error("the document is encrypted in a way that is not supported: {0}")]
    Unsupported(String),
    /// Not readable, not even by repair.
    #[error("the document is damaged beyond repair: {0}")]
    Damaged(String),
    /// Larger than what is opened.
    #[error("the file is too large: {size} bytes, at most {limit} are opened")]
    TooLarge {
        /// How large it is.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A limit that protects the process was reached.
    #[error("the document exceeds a limit: {0}")]
    Limit(String),
}

/// Something about a document that its owner should know, though it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// A word for machines: `repaired`.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

/// Reads a document's objects.
pub(crate) fn open(
    bytes: Input,
    passwords: &[String],
    limits: &Limits,
    bill: &Bill,
) -> Result<(Objects, Vec<Warning>), OpenError> {
    check_shape(&bytes, limits)?;
    damage::install();
    let reader = Reader {
        bytes: &bytes,
        passwords,
        limits,
        bill,
    };
    let (first, password) = reader.unlocked()?;
    let signs = match &first {
        Ok(reading) => reading.signs.clone(),
        Err(reason) => vec![reason.clone()],
    };
    if signs.is_empty() {
        let reading = first.map_err(OpenError::Damaged)?;
        let mut objects = reading.objects;
        objects.bytes = Some(bytes);
        objects.dirty = false;
        return Ok((objects, Vec::new()));
    }
    reader.repaired(first, &password, signs)
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

/// One way of reading the file.
struct Reading {
    objects: Objects,
    /// What looks damaged.
    signs: Vec<String>,
    pages: usize,
    lost: usize,
}

impl Reading {
    /// More pages, then more of them with contents, then fewer signs. Of equals the first argument of `max` loses.
    fn rank(&self) -> (usize, usize) {
        (self.pages, self.pages - self.lost.min(self.pages))
    }
}

struct Reader<'a> {
    bytes: &'a Input,
    passwords: &'a [String],
    limits: &'a Limits,
    bill: &'a Bill,
}

/// What one run of the engine gave.
enum Loaded {
    Document(lopdf::Document, u32),
    /// A password was given and does not fit.
    Refused,
    Unreadable(String),
}

impl Reader<'_> {
    /// The engine's reading with the password that fits, or its reason for having none; and that password.
    fn unlocked(&self) -> Result<(Result<Reading, String>, String), OpenError> {
        let hopeful = self.passwords.first().cloned().unwrap_or_default();
        let locked = match self.load(self.bytes, Some(&hopeful))? {
            Loaded::Document(pdf, errors) if !pdf.trailer.has(b"Encrypt") => {
                return Ok((Ok(self.reading(pdf, errors, None)), hopeful));
            }
            Loaded::Unreadable(reason) => return Ok((Err(reason), String::new())),
            Loaded::Document(pdf, _) => pdf,
            Loaded::Refused => match self.load(self.bytes, None)? {
                Loaded::Document(pdf, errors) if !pdf.trailer.has(b"Encrypt") => {
                    return Ok((Ok(self.reading(pdf, errors, None)), String::new()));
                }
                Loaded::Document(pdf, _) => pdf,
                Loaded::Refused => return Err(self.no_password()),
                Loaded::Unreadable(reason) => return Ok((Err(reason), String::new())),
            },
        };
        if let Some(password) = self
            .passwords
            .iter()
            .skip(1)
            .find(|password| locked.authenticate_password(password).is_ok())
            && let Loaded::Document(pdf, errors) = self.load(self.bytes, Some(password))?
        {
            return Ok((Ok(self.reading(pdf, errors, None)), password.clone()));
        }
        self.decrypted(&locked)
    }

    /// Files whose encryption the first engine does not see rightly: a direct dictionary, odd lengths, no `/ID`.
    fn decrypted(
        &self,
        locked: &lopdf::Document,
    ) -> Result<(Result<Reading, String>, String), OpenError> {
        let empty = String::new();
        for password in std::iter::once(&empty).chain(self.passwords) {
            match repair::repair(self.bytes, password.as_bytes()) {
                Ok(plain) => {
                    let Loaded::Document(pdf, errors) = self.load(&plain, None)? else {
                        continue;
                    };
                    let state = encryption_state(locked, password);
                    let mut reading = self.reading(pdf, errors, state);
                    reading
                        .signs
                        .push("its encryption is written in an odd way".to_owned());
                    return Ok((Ok(reading), password.clone()));
                }
                Err(Refused::Password) => {}
                Err(Refused::Unsupported(how)) => return Err(OpenError::Unsupported(how)),
                Err(Refused::Unreadable(reason)) => return Err(OpenError::Damaged(reason)),
            }
        }
        Err(self.no_password())
    }

    fn no_password(&self) -> OpenError {
        if self.passwords.is_empty() {
            OpenError::NeedsPassword
        } else {
            OpenError::WrongPassword
        }
    }

    /// Takes the better of the first reading and that of the repaired file.
    fn repaired(
        &self,
        first: Result<Reading, String>,
        password: &str,
        signs: Vec<String>,
    ) -> Result<(Objects, Vec<Warning>), OpenError> {
        let encryption = first
            .as_ref()
            .ok()
            .and_then(|reading| reading.objects.pdf.encryption_state.clone());
        let trailer_id = first
            .as_ref()
            .ok()
            .and_then(|reading| reading.objects.pdf.trailer.get(b"ID").ok().cloned());
        let second = match repair::repair(self.bytes, password.as_bytes()) {
            Ok(rewritten) => match self.load(&rewritten, None)? {
                Loaded::Document(mut pdf, errors) => {
                    if let Some(id) = trailer_id {
                        pdf.trailer.set("ID", id);
                    }
                    Ok(self.reading(pdf, errors, encryption))
                }
                Loaded::Refused => Err("it wants a password".to_owned()),
                Loaded::Unreadable(reason) => Err(reason),
            },
            Err(Refused::Password) => return Err(self.no_password()),
            Err(Refused::Unsupported(reason) | Refused::Unreadable(reason)) => Err(reason),
        };
        let mut best = match (first, second) {
            (Ok(first), Ok(second)) if first.rank() > second.rank() => first,
            (_, Ok(second)) => second,
            (Ok(first), Err(_)) => first,
            (Err(first), Err(second)) => {
                return Err(OpenError::Damaged(format!("{first}; {second}")));
            }
        };
        if best.pages == 0 {
            return Err(OpenError::Damaged(format!(
                "no page was found ({})",
                signs.join(", ")
            )));
        }
        best.objects.dirty = true;
        best.objects.bytes = None;
        let message = format!(
            "the document was damaged and has been repaired: {}",
            signs.join(", ")
        );
        let warning = Warning {
            code: "repaired",
            message,
        };
        Ok((best.objects, vec![warning]))
    }

    fn load(&self, bytes: &[u8], password: Option<&str>) -> Result<Loaded, OpenError> {
        let options = LoadOptions {
            password: password.map(str::to_owned),
            max_decompressed_size: Some(
                usize::try_from(self.limits.max_decoded).unwrap_or(usize::MAX),
            ),
            ..LoadOptions::default()
        };
        self.bill.count_parse();
        let (loaded, errors) = damage::count(|| {
            catch_unwind(AssertUnwindSafe(|| {
                lopdf::Document::load_mem_with_options(bytes, options)
            }))
        });
        match loaded {
            Ok(Ok(pdf)) => Ok(Loaded::Document(pdf, errors)),
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

    /// Looks a loaded document over.
    fn reading(
        &self,
        mut pdf: lopdf::Document,
        errors: u32,
        encryption: Option<EncryptionState>,
    ) -> Reading {
        let mut signs = Vec::new();
        if errors > 0 {
            signs.push(format!(
                "{errors} unreadable object{}",
                if errors == 1 { "" } else { "s" }
            ));
        }
        if pdf.xref_recovery.is_some() {
            signs.push("wrong cross-references".to_owned());
        }
        let absent = absent_objects(&pdf);
        if absent > 0 && (pdf.encryption_state.is_some()) {
            signs.push(format!("{absent} encrypted objects that are not there"));
        }
        if encryption.is_some() {
            pdf.encryption_state = encryption;
        }
        bound_numbers(&mut pdf);
        let mut objects = Objects::new(pdf, None);
        let pages = objects.pages().map_or(0, <[_]>::len);
        let lost = objects.lost_contents().len();
        if pages == 0 {
            signs.push("no pages".to_owned());
        }
        if lost > 0 {
            signs.push(format!(
                "{lost} page{} without contents",
                if lost == 1 { "" } else { "s" }
            ));
        }
        objects.lost_before = lost;
        Reading {
            objects,
            signs,
            pages,
            lost,
        }
    }
}

/// Objects that the cross-references promise and the engine has not. It skips unreadable objects of encrypted files
/// without an error record.
fn absent_objects(pdf: &lopdf::Document) -> usize {
    pdf.reference_table
        .entries
        .iter()
        .filter(|(number, entry)| match entry {
            XrefEntry::Normal { offset, generation } => {
                *offset > 0 && !pdf.objects.contains_key(&(**number, *generation))
            }
            _ => false,
        })
        .count()
        // The encryption dictionary is taken out once it has served.
        .saturating_sub(1)
}

/// New objects get numbers above all that the file speaks of, unless it boasts (Size is what a file says).
fn bound_numbers(pdf: &mut lopdf::Document) {
    const MOST: u32 = 8_388_607;
    let last = pdf.objects.keys().next_back().map_or(0, |id| id.0);
    if pdf.max_id > MOST {
        pdf.max_id = last;
    }
    pdf.max_id = pdf.max_id.max(last);
}

/// The state to encrypt the output with, worked out from the dictionary of a file that the first engine could not
/// decrypt: it wants the dictionary to be an indirect object.
fn encryption_state(locked: &lopdf::Document, password: &str) -> Option<EncryptionState> {
    let dict = match locked.trailer.get(b"Encrypt").ok()? {
        Object::Dictionary(dict) => dict.clone(),
        Object::Reference(id) => locked.objects.get(id)?.as_dict().ok()?.clone(),
        _ => return None,
    };
    let mut shell = lopdf::Document::new();
    let id = shell.add_object(Object::Dictionary(dict));
    shell.trailer.set("Encrypt", Object::Reference(id));
    if let Ok(file_id) = locked.trailer.get(b"ID") {
        shell.trailer.set("ID", file_id.clone());
    }
    EncryptionState::decode(&shell, password).ok()
}
