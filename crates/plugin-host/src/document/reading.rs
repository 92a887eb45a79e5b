//! How a file is read: which password fits, what looks damaged, and which of two readings is the better one.

use lopdf::EncryptionState;

use crate::bill::Bill;
use crate::document::astray::{self, Astray};
use crate::document::encryption;
use crate::document::engine::{self, Found, Loaded, bound_numbers, drop_unnumbered, forget_lock};
use crate::document::latent;
use crate::document::objects::Objects;
use crate::document::open_error::{OpenError, Warning};
use crate::document::reach::containers;
use crate::document::repair::{self, Encryption, Refused, keep_form};
use crate::document::salvage;
use crate::input::Input;
use crate::limits::Limits;

/// The most that one object or cross-reference stream may decode to: a hundred times what any of a corpus of thousands
/// does, and little enough that a file of many such bombs stops at its first.
const MAX_TABLES: usize = 64 << 20;

/// The sign of a file whose page tree gives none.
const NO_PAGES: &str = "no pages";

/// Reads a file that has the shape of a PDF.
pub(crate) fn read(
    bytes: Input,
    passwords: &[String],
    limits: &Limits,
    bill: &Bill,
) -> Result<(Objects, Vec<Warning>), OpenError> {
    if let Some(objects) = undamaged(&bytes, limits) {
        bill.count_parse();
        return Ok((objects, Vec::new()));
    }
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
        Ok(reading) => [&reading.signs[..], &reading.doubts].concat(),
        Err(reason) => vec![reason.clone()],
    };
    match first {
        Ok(reading) if signs.is_empty() => Ok((as_it_came(reading.objects, &bytes), Vec::new())),
        Ok(reading) if sound && reading.pages > 0 => Ok(mended(reading, &signs)),
        // To be decrypted it was repaired already.
        Ok(_) if sound => Err(OpenError::Damaged("it has no pages".to_owned())),
        first => reader.repaired(first, &password, &signs),
    }
}

/// The objects of a file that is written by the book and shows no sign of damage.
fn undamaged(bytes: &Input, limits: &Limits) -> Option<Objects> {
    let mut objects = latent::read(bytes, most(limits))?;
    let has_pages = objects.pages().is_ok_and(|pages| !pages.is_empty());
    let is_sound = has_pages && objects.absent_kids() == 0 && objects.lost_contents().is_empty();
    objects.dirty = false;
    is_sound.then_some(objects)
}

/// The most that a stream that describes objects may decode to.
fn most(limits: &Limits) -> usize {
    usize::try_from(limits.max_decoded).map_or(MAX_TABLES, |limit| limit.min(MAX_TABLES))
}

/// One way of reading the file.
struct Reading {
    objects: Objects,
    /// What looks damaged.
    signs: Vec<String>,
    /// What looks as if another reading might find more, and may be a writer's carelessness.
    doubts: Vec<String>,
    /// The pages of its page tree.
    listed: usize,
    /// The same, or the pages that were found where the tree is gone.
    pages: usize,
    lost: usize,
}

impl Reading {
    /// The more pages in the tree, then the more pages at all, then the more of them with contents, the better.
    fn rank(&self) -> (usize, usize, usize) {
        (
            self.listed,
            self.pages,
            self.pages - self.lost.min(self.pages),
        )
    }

    /// Whether there are doubts about this reading only, and `other` does not dispel them.
    fn stands_against(&self, other: Result<&Self, &String>) -> bool {
        let held = |reading: &Self| containers(&reading.objects.pdf.trailer, &reading.objects.heap);
        let has_more = |other: &Self| {
            let (rank, others) = (self.rank(), other.rank());
            others > rank || others == rank && held(other) > held(self)
        };
        self.signs.is_empty() && !other.is_ok_and(has_more)
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

impl Reader<'_> {
    /// The engine's reading with the password that fits.
    fn unlocked(&self) -> Result<Unlocked, OpenError> {
        let mut attempts: Vec<Option<&str>> = vec![self.passwords.first().map(String::as_str)];
        // A password that does not fit makes the engine give up at once; without one it says what is wanted.
        attempts.extend(self.passwords.first().map(|_| None));
        let mut locked = None;
        for password in attempts {
            match self.load(self.bytes, password)? {
                Loaded::Document(pdf, found) if !pdf.trailer.has(b"Encrypt") => {
                    return self.read_unlocked(pdf, found, password.unwrap_or_default());
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
            && let Loaded::Document(pdf, found) = self.load(self.bytes, Some(password))?
        {
            return self.read_unlocked(pdf, found, password);
        }
        self.decrypted(&locked)
    }

    fn read_unlocked(
        &self,
        pdf: Box<lopdf::Document>,
        found: Found,
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
            first: Ok(reading(self.bytes, pdf, found, None)),
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
        // Where an entry of the cross-references is free the object may be there all the same.
        let second = match &first {
            Ok(first) if first.objects.absent_kids() > 0 => {
                let has_more = |it: &Reading| it.rank() > first.rank();
                match second {
                    Ok(second) if has_more(&second) => Ok(second),
                    second => self.rebuilt().filter(has_more).map_or(second, Ok),
                }
            }
            _ => second,
        };
        let best = match (first, second) {
            (Ok(first), second) if first.stands_against(second.as_ref()) => {
                let is_whole = first.objects.absent_kids() == 0;
                return Ok(if is_whole {
                    (as_it_came(first.objects, self.bytes), Vec::new())
                } else {
                    mended(first, signs)
                });
            }
            (Ok(first), Ok(second)) if first.rank() > second.rank() => Ok(first),
            (_, Ok(second)) => Ok(second),
            (Ok(first), Err(_)) => Ok(first),
            (Err(first), Err(second)) if first == second => Err(first),
            (Err(first), Err(second)) => Err(format!("{first}; {second}")),
        };
        let reason = match best {
            Ok(best) if best.pages > 0 => return Ok(mended(best, signs)),
            Ok(_) if signs == [NO_PAGES] => "it has no pages".to_owned(),
            Ok(_) => format!("no page was found ({})", signs.join(", ")),
            Err(reason) => reason,
        };
        self.salvaged()
            .map(|saved| mended(saved, signs))
            .ok_or(OpenError::Damaged(reason))
    }

    /// What there is in the file if its cross-references are not looked at.
    fn rebuilt(&self) -> Option<Reading> {
        let bytes = salvage::without_start(self.bytes);
        let Ok(Loaded::Document(pdf, found)) = self.load(&bytes, None) else {
            return None;
        };
        let is_plain = !pdf.trailer.has(b"Encrypt") && pdf.encryption_state.is_none();
        is_plain.then(|| reading(&bytes, pdf, found, None))
    }

    /// What pages there are in a file that neither engine finds its way in.
    fn salvaged(&self) -> Option<Reading> {
        let bytes = salvage::with_end(self.bytes)?;
        let Ok(Loaded::Document(mut pdf, found)) = self.load(&bytes, None) else {
            return None;
        };
        salvage::forget_end(&mut pdf);
        Some(reading(&bytes, pdf, found, None)).filter(|reading| reading.pages > 0)
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
            let bytes = Input::from(kept.bytes);
            let loaded = self.load(&bytes, Some(password))?;
            let state = || encryption::state(self.bytes, model?, password);
            let sets_apart = || state().is_some_and(|(_, omitted)| omitted.sets_files_apart());
            if let Loaded::Document(mut pdf, found) = loaded
                && !(kept.was_encrypted && sets_apart())
                && !pdf.trailer.has(b"Encrypt")
                && !pdf
                    .encryption_state
                    .as_ref()
                    .is_some_and(encryption::is_misread)
            {
                // The repairer writes by the book all that it has read, also names that the engine cannot read.
                let resting = (found.errors > 0 && !kept.was_encrypted)
                    .then(|| undamaged(&bytes, self.limits))
                    .flatten();
                let reading = match resting {
                    Some(mut objects) => {
                        keep_form(&mut objects.pdf, model);
                        look_over(objects, Vec::new())
                    }
                    None => {
                        keep_form(&mut pdf, model);
                        reading(&bytes, pdf, found, None)
                    }
                };
                return Ok(Second::Reading(Box::new(reading), password.clone()));
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
        let Loaded::Document(mut pdf, mut found) = self.load(&plain.bytes, None)? else {
            return Ok(Second::Unreadable(
                "the repaired file cannot be read".to_owned(),
            ));
        };
        let state = model.and_then(|model| encryption::state(self.bytes, model, password));
        // The repairer takes embedded files for streams like others.
        let state = state.filter(|(_, omitted)| !omitted.sets_files_apart());
        let Some((state, omitted)) = state else {
            let text = "it can be read, but not be encrypted again as it was";
            return Ok(Second::Unsupported(text.to_owned()));
        };
        keep_form(&mut pdf, model);
        found.omitted = omitted;
        let reading = reading(&plain.bytes, pdf, found, Some(state));
        Ok(Second::Reading(Box::new(reading), password.clone()))
    }

    fn load(&self, bytes: &[u8], password: Option<&str>) -> Result<Loaded, OpenError> {
        engine::load(bytes, password, most(self.limits), self.bill)
    }
}

/// Looks over a document that was loaded from `bytes`. `encryption` is how it is to be encrypted again, if the engine has
/// not decrypted it.
fn reading(
    bytes: &[u8],
    pdf: Box<lopdf::Document>,
    found: Found,
    encryption: Option<EncryptionState>,
) -> Reading {
    let mut pdf = *pdf;
    let errors = found.errors;
    let mut omitted = found.omitted;
    let mut signs = Vec::new();
    if drop_unnumbered(&mut pdf) {
        signs.push("an object without a number".to_owned());
    }
    if errors > 0 {
        signs.push(several(errors as usize, "unreadable object", ""));
    }
    if pdf.xref_recovery.is_some() {
        signs.push("wrong cross-references".to_owned());
    }
    let mut missing = 0;
    if pdf.encryption_state.is_some() {
        let absent = astray::absent(&pdf);
        if absent > 0 {
            signs.push(format!("{absent} encrypted objects that are not there"));
        }
    } else if errors == 0 && encryption.is_none() {
        let astray = Astray::of(bytes, &pdf);
        missing = astray.missing;
        if astray.displaced > 0 {
            let hidden = several(astray.displaced, "object", " hidden by another one");
            signs.push(hidden);
        }
    }
    if encryption.is_some() {
        pdf.encryption_state = encryption;
    }
    forget_lock(&mut pdf);
    omitted.had_code = encryption::integrity::forget(&mut pdf);
    bound_numbers(&mut pdf);
    let mut objects = Objects::new(pdf);
    objects.omitted = omitted;
    let mut reading = look_over(objects, signs);
    if missing > 0 {
        let elsewhere = several(
            missing,
            "object",
            " that the cross-references do not lead to",
        );
        reading.doubts.push(elsewhere);
    }
    reading
}

/// Counts what there is of pages. `signs` is what looks damaged already.
fn look_over(mut objects: Objects, mut signs: Vec<String>) -> Reading {
    let listed = objects.pages().map_or(0, <[_]>::len);
    let mut pages = listed;
    if listed == 0 {
        signs.push(NO_PAGES.to_owned());
        pages = salvage::gather_pages(&mut objects).unwrap_or(0);
    }
    let lost = objects.lost_contents().len();
    if lost > 0 {
        signs.push(several(lost, "page", " without contents"));
    }
    objects.lost_before = lost;
    let absent = objects.absent_kids();
    let doubts = if absent > 0 {
        vec![several(
            absent,
            "page",
            " that the page tree does not lead to",
        )]
    } else {
        Vec::new()
    };
    Reading {
        objects,
        signs,
        doubts,
        listed,
        pages,
        lost,
    }
}

/// `2 pages without contents`.
fn several(count: usize, what: &str, how: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}{how}")
}

/// A document whose bytes are handed on as long as nobody changes it.
fn as_it_came(mut objects: Objects, bytes: &Input) -> Objects {
    objects.bytes = Some(bytes.clone());
    objects.dirty = false;
    objects
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
