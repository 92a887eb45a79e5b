//! Opening a document: what it is refused for, which password fits, and the damage gate.
//!
//! The engine answers `Ok` for much that is not: objects it could not read are gone, a document that wants a password
//! has no objects. So what it gives is looked over, and what looks damaged goes through [`repair`] first; of the two
//! readings the better one is taken.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::xref::XrefEntry;
use lopdf::{DecompressError, EncryptionState, LoadOptions};

use crate::bill::Bill;
use crate::damage;
use crate::document::encryption;
use crate::document::objects::Objects;
use crate::document::repair::{self, Encryption, Refused};
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
    let Unlocked {
        first,
        password,
        sound,
    } = reader.unlocked()?;
    let signs = match &first {
        Ok(reading) => reading.signs.clone(),
        Err(reason) => vec![reason.clone()],
    };
    match first {
        Ok(reading) if signs.is_empty() => {
            let mut objects = reading.objects;
            objects.bytes = Some(bytes);
            objects.dirty = false;
            Ok((objects, Vec::new()))
        }
        Ok(reading) if sound => Ok(mended(reading, &signs)),
        first => reader.repaired(first, &password, &signs),
    }
}

/// A document whose bytes are not what is handed on.
fn mended(reading: Reading, signs: &[String]) -> (Objects, Vec<Warning>) {
    let mut objects = reading.objects;
    objects.dirty = true;
    objects.bytes = None;
    let warning = Warning {
        code: "repaired",
        message: format!(
            "the document was damaged and has been repaired: {}",
            signs.join(", ")
        ),
    };
    (objects, vec![warning])
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

/// The file, decrypted if it was encrypted.
struct Unlocked {
    /// The engine's reading, or why it has none.
    first: Result<Reading, String>,
    password: String,
    /// Whether the reading is one of a repaired file already.
    sound: bool,
}

impl Unlocked {
    fn broken(reason: String) -> Self {
        Self {
            first: Err(reason),
            password: String::new(),
            sound: false,
        }
    }
}

/// What came of the repaired file.
enum Second {
    /// With the password that opened it.
    Reading(Box<Reading>, String),
    Locked,
    Unsupported(String),
    Unreadable(String),
}

struct Reader<'a> {
    bytes: &'a Input,
    passwords: &'a [String],
    limits: &'a Limits,
    bill: &'a Bill,
}

/// What one run of the engine gave.
enum Loaded {
    Document(Box<lopdf::Document>, u32),
    /// A password was given and does not fit.
    Refused,
    Unreadable(String),
}

impl Reader<'_> {
    /// The engine's reading with the password that fits.
    fn unlocked(&self) -> Result<Unlocked, OpenError> {
        let mut attempts: Vec<Option<&str>> = vec![self.passwords.first().map(String::as_str)];
        // A password that does not fit makes the engine give up at once; without one it says what is wanted.
        attempts.extend(self.passwords.first().map(|_| None));
        let mut locked = None;
        for password in attempts {
            match self.load(self.bytes, password)? {
                Loaded::Document(pdf, errors) if !pdf.trailer.has(b"Encrypt") => {
                    return self.read_unlocked(pdf, errors, password.unwrap_or_default());
                }
                Loaded::Document(pdf, _) => {
                    locked = Some(pdf);
                    break;
                }
                Loaded::Unreadable(reason) => return Ok(Unlocked::broken(reason)),
                Loaded::Refused => {}
            }
        }
        let Some(locked) = locked else {
            return Err(self.no_password());
        };
        let fits = |password: &&String| locked.authenticate_password(password).is_ok();
        if let Some(password) = self.passwords.iter().skip(1).find(fits)
            && let Loaded::Document(pdf, errors) = self.load(self.bytes, Some(password))?
        {
            return self.read_unlocked(pdf, errors, password);
        }
        self.decrypted(&locked)
    }

    fn read_unlocked(
        &self,
        pdf: Box<lopdf::Document>,
        errors: u32,
        password: &str,
    ) -> Result<Unlocked, OpenError> {
        if pdf
            .encryption_state
            .as_ref()
            .is_some_and(encryption::is_misread)
        {
            return self.decrypted(&pdf);
        }
        Ok(Unlocked {
            first: Ok(self.reading(pdf, errors, None)),
            password: password.to_owned(),
            sound: false,
        })
    }

    /// Files whose encryption the first engine does not see rightly: a direct dictionary, references in it, odd
    /// lengths, no `/ID`.
    fn decrypted(&self, misread: &lopdf::Document) -> Result<Unlocked, OpenError> {
        let (reading, password) = match self.second_reading(Some(misread), self.passwords)? {
            Second::Reading(reading, password) => (*reading, password),
            Second::Locked => return Err(self.no_password()),
            Second::Unsupported(how) => return Err(OpenError::Unsupported(how)),
            Second::Unreadable(reason) => return Err(OpenError::Damaged(reason)),
        };
        let mut reading = reading;
        reading
            .signs
            .push("its encryption is written in an odd way".to_owned());
        Ok(Unlocked {
            first: Ok(reading),
            password,
            sound: true,
        })
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
        signs: &[String],
    ) -> Result<(Objects, Vec<Warning>), OpenError> {
        let model = first.as_ref().ok().map(|first| &first.objects.pdf);
        let second = match self.second_reading(model, &[password.to_owned()])? {
            Second::Reading(reading, _) => Ok(*reading),
            // What the first engine has read, it has decrypted; where it has read nothing, this is the reason.
            Second::Locked if first.is_err() => return Err(self.no_password()),
            Second::Unsupported(how) if first.is_err() => return Err(OpenError::Unsupported(how)),
            Second::Locked => Err("no password fits".to_owned()),
            Second::Unsupported(reason) | Second::Unreadable(reason) => Err(reason),
        };
        let best = match (first, second) {
            (Ok(first), Ok(second)) if first.rank() > second.rank() => first,
            (_, Ok(second)) => second,
            (Ok(first), Err(_)) => first,
            (Err(first), Err(second)) if first == second => return Err(OpenError::Damaged(first)),
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
        Ok(mended(best, signs))
    }

    /// The engine's reading of what the repairer makes of the file. `model` is what the engine made of the file itself.
    fn second_reading(
        &self,
        model: Option<&lopdf::Document>,
        passwords: &[String],
    ) -> Result<Second, OpenError> {
        let empty = String::new();
        // Those of the caller too: a damaged file may have been read by neither engine so far.
        for password in std::iter::once(&empty)
            .chain(passwords)
            .chain(self.passwords)
        {
            let kept = match repair::repair(self.bytes, password.as_bytes(), Encryption::Kept) {
                Ok(kept) => kept,
                Err(Refused::Password) => continue,
                Err(Refused::Unsupported(how)) => return Ok(Second::Unsupported(how)),
                Err(Refused::Unreadable(reason)) => return Ok(Second::Unreadable(reason)),
            };
            let loaded = self.load(&kept.bytes, Some(password))?;
            if let Loaded::Document(mut pdf, errors) = loaded
                && !pdf.trailer.has(b"Encrypt")
                && !pdf
                    .encryption_state
                    .as_ref()
                    .is_some_and(encryption::is_misread)
            {
                keep_id(&mut pdf, model);
                return Ok(Second::Reading(
                    Box::new(self.reading(pdf, errors, None)),
                    password.clone(),
                ));
            }
            if !kept.was_encrypted {
                return Ok(Second::Unreadable(
                    "the repaired file cannot be read".to_owned(),
                ));
            }
            return self.decrypted_reading(model, password);
        }
        Ok(Second::Locked)
    }

    /// The same, decrypted by the repairer and to be encrypted again by us.
    fn decrypted_reading(
        &self,
        model: Option<&lopdf::Document>,
        password: &String,
    ) -> Result<Second, OpenError> {
        let Ok(plain) = repair::repair(self.bytes, password.as_bytes(), Encryption::Dropped) else {
            return Ok(Second::Unreadable("it cannot be decrypted".to_owned()));
        };
        let Loaded::Document(mut pdf, errors) = self.load(&plain.bytes, None)? else {
            return Ok(Second::Unreadable(
                "the repaired file cannot be read".to_owned(),
            ));
        };
        let state = model.and_then(|model| encryption::state(self.bytes, model, password));
        let Some(state) = state else {
            let text = "it can be read, but not be encrypted again as it was";
            return Ok(Second::Unsupported(text.to_owned()));
        };
        keep_id(&mut pdf, model);
        let reading = self.reading(pdf, errors, Some(state));
        Ok(Second::Reading(Box::new(reading), password.clone()))
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
            Ok(Ok(pdf)) => Ok(Loaded::Document(Box::new(pdf), errors)),
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
        pdf: Box<lopdf::Document>,
        errors: u32,
        encryption: Option<EncryptionState>,
    ) -> Reading {
        let mut pdf = *pdf;
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

/// A repaired document has the identifiers it had: a made-up one would differ from run to run, and older encryption
/// depends on it.
fn keep_id(pdf: &mut lopdf::Document, model: Option<&lopdf::Document>) {
    let Some(model) = model else {
        return;
    };
    match model.trailer.get(b"ID") {
        Ok(id) => pdf.trailer.set("ID", id.clone()),
        Err(_) => drop(pdf.trailer.remove(b"ID")),
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
