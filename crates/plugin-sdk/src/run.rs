//! One run of an operation: what the host gives it and hears from it.

use std::marker::PhantomData;
use std::path::PathBuf;

use dropleaf_plugin_abi as abi;
use serde::Serialize;

use crate::buffer::Buffer;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::session::{Session, call, copied};

/// The host, for the time of one run.
///
/// Everything reached through it (documents, objects, values) carries its lifetime and stays on its thread: a handle
/// kept past the run or sent elsewhere does not compile. [`Run::reporter`] is the one part that other threads may use.
pub struct Run<'r> {
    session: &'r Session,
}

impl<'r> Run<'r> {
    pub(crate) fn new(session: &'r Session) -> Self {
        Self { session }
    }

    // ---- documents ----

    /// The document that the run is about; the first one of an operation that takes all.
    #[must_use]
    pub fn document(&self) -> Document<'r> {
        Document::new(self.session, abi::DOCUMENT)
    }

    /// All documents of the run, at least one; more than one only where [`Operation::INPUTS`] is `All`.
    ///
    /// [`Operation::INPUTS`]: crate::Operation::INPUTS
    pub fn inputs(&self) -> Result<Vec<Document<'r>>> {
        let function = self.session.doc()?.input_count;
        // SAFETY: the context is this run's, on its thread.
        let count = unsafe { function(self.session.ctx()) };
        (0..count)
            .map(|index| {
                let mut handle = 0;
                call!(self.session, doc.input(index, &raw mut handle))?;
                Ok(Document::new(self.session, handle))
            })
            .collect()
    }

    /// Opens another document, from its bytes.
    pub fn open(&self, bytes: &[u8]) -> Result<Document<'r>> {
        let mut handle = 0;
        call!(
            self.session,
            doc.open(abi::Str::new(bytes), &raw mut handle)
        )?;
        Ok(Document::new(self.session, handle))
    }

    /// A new document without pages; `like` lends its version, its Info dictionary and its encryption.
    pub fn create(&self, like: Option<&Document<'_>>) -> Result<Document<'r>> {
        let mut handle = 0;
        let like = like.map_or(0, Document::handle);
        call!(self.session, doc.create(like, &raw mut handle))?;
        Ok(Document::new(self.session, handle))
    }

    /// Gives a document to the rest of the pipeline under a label for file names (`{{ part.label }}`).
    ///
    /// Once called, the run's own document goes no further unless it is emitted too.
    pub fn emit(&self, document: &Document<'_>, label: &str) -> Result<()> {
        call!(
            self.session,
            doc.emit(document.handle(), abi::Str::new(label.as_bytes()))
        )
    }

    /// Ends the handle of a document that was opened or created, before the run does: only for many documents, or large ones.
    /// One that was emitted goes on. Other copies of the handle, and what was got of the document, are refused from now on.
    pub fn release(&self, document: Document<'_>) -> Result<()> {
        call!(self.session, cos.release(document.handle()))
    }

    /// Host memory to be filled and moved into a stream.
    pub fn buffer(&self, capacity: usize) -> Result<Buffer<'r>> {
        Buffer::new(self.session, capacity)
    }

    // ---- reports ----

    /// Tells how far the work is, in pages or whatever the operation counts; an error once the host asked for the end.
    pub fn progress(&self, done: impl TryInto<u64>, total: impl TryInto<u64>) -> Result<()> {
        let count = |number: Option<u64>| number.unwrap_or(u64::MAX);
        self.reporter()
            .progress(count(done.try_into().ok()), count(total.try_into().ok()))
    }

    /// Whether the host asked for the end. Ask often, and answer [`Error::cancelled`]: a kill follows.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.reporter().cancelled()
    }

    /// A warning of the job: odd, but nothing is lost. Other levels go through the `log` crate.
    pub fn warn(&self, message: impl AsRef<str>) {
        self.reporter().log(log::Level::Warn, message.as_ref());
    }

    /// A log line of the job.
    pub fn log(&self, level: log::Level, message: impl AsRef<str>) {
        self.reporter().log(level, message.as_ref());
    }

    /// The part of the host that any thread may use, for threads that end before the run does.
    #[must_use]
    pub fn reporter(&self) -> Reporter<'r> {
        Reporter {
            run: self.session.run(),
            ctx: self.session.ctx(),
            _run: PhantomData,
        }
    }

    // ---- values ----

    /// A value of this job: `job.id`, `input.name`, `part.index`, ...; `None` if there is none of that name.
    pub fn value(&self, name: &str) -> Result<Option<serde_json::Value>> {
        let mut json = abi::Str::EMPTY;
        let name = abi::Str::new(name.as_bytes());
        let function = self.session.run().param;
        // SAFETY: the context is this run's, on its thread; `json` is a place for the answer.
        let status = unsafe { function(self.session.ctx(), name, &raw mut json) };
        if self.session.found(status)?.is_none() {
            return Ok(None);
        }
        // SAFETY: the host wrote the view in the call just made.
        Ok(Some(serde_json::from_slice(&unsafe { copied(json) })?))
    }

    /// A value that later steps see as `steps.<id>.<name>`; all values of a run have up to 256 KiB of JSON, and each up to 64 levels.
    pub fn result(&self, name: &str, value: impl Serialize) -> Result<()> {
        let json = serde_json::to_vec(&value)?;
        let function = self.session.run().result;
        let name = abi::Str::new(name.as_bytes());
        // SAFETY: the context is this run's, on its thread; both texts are copied during the call.
        let status = unsafe { function(self.session.ctx(), name, abi::Str::new(&json)) };
        self.session.check(status)
    }

    /// A side artifact of the job, delivered beside the documents: text, JSON, an image.
    pub fn artifact(&self, name: &str, mime: &str, bytes: &[u8]) -> Result<()> {
        let function = self.session.run().emit;
        let (name, mime) = (
            abi::Str::new(name.as_bytes()),
            abi::Str::new(mime.as_bytes()),
        );
        // SAFETY: the context is this run's, on its thread; all three are copied during the call.
        let status = unsafe { function(self.session.ctx(), name, mime, abi::Str::new(bytes)) };
        self.session.check(status)
    }

    /// A name for an artifact after the document's own: `scan.pdf` and `-page-001.png` make `scan-page-001.png`.
    ///
    /// Files may be called what artifacts may not: control characters become `_`, and what is too long is shortened before
    /// `ending`, which stays whole.
    pub fn artifact_name(&self, ending: &str) -> Result<String> {
        let stem = self.value("input.stem")?;
        let stem = stem.as_ref().and_then(serde_json::Value::as_str);
        Ok(artifact_name(stem.unwrap_or_default(), ending))
    }

    /// The granted scratch folder; an error unless the manifest asks for one and the operator grants it.
    pub fn temp_dir(&self) -> Result<PathBuf> {
        let mut path = abi::Str::EMPTY;
        let function = self.session.run().temp_dir;
        // SAFETY: the context is this run's, on its thread; `path` is a place for the answer.
        let status = unsafe { function(self.session.ctx(), &raw mut path) };
        self.session.check(status)?;
        // SAFETY: the host wrote the view in the call just made.
        path_from(unsafe { copied(path) })
    }
}

/// Bytes that the name of an artifact may have.
const LONGEST_NAME: usize = 255;
/// What stays free of them, for the number by which the host tells equal names apart.
const NUMBER: usize = 8;

fn artifact_name(stem: &str, ending: &str) -> String {
    let stem = if stem.is_empty() { "document" } else { stem };
    let is_odd = |letter: char| letter == '/' || letter.is_control();
    let mut name = stem.replace(is_odd, "_");
    let room = LONGEST_NAME.saturating_sub(NUMBER + ending.len());
    name.truncate(name.floor_char_boundary(room));
    name + ending
}

#[cfg(unix)]
fn path_from(bytes: Vec<u8>) -> Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path_from(bytes: Vec<u8>) -> Result<PathBuf> {
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::failed("the scratch folder's path is not UTF-8"))?;
    Ok(text.into())
}

/// Progress, cancelling and the log, for every thread of a run.
#[derive(Clone, Copy)]
pub struct Reporter<'r> {
    run: &'static abi::RunV1,
    ctx: *mut abi::Ctx,
    _run: PhantomData<&'r ()>,
}

// SAFETY: the functions it calls are marked [any-thread] in the header, and `'r` ends before the context does.
unsafe impl Send for Reporter<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for Reporter<'_> {}

impl Reporter<'_> {
    /// As [`Run::progress`].
    pub fn progress(&self, done: u64, total: u64) -> Result<()> {
        // SAFETY: any thread may call it while the run lasts.
        unsafe { (self.run.progress)(self.ctx, done, total) };
        if self.cancelled() {
            Err(Error::cancelled())
        } else {
            Ok(())
        }
    }

    /// As [`Run::cancelled`].
    #[must_use]
    pub fn cancelled(&self) -> bool {
        // SAFETY: any thread may call it while the run lasts.
        unsafe { (self.run.cancelled)(self.ctx) != 0 }
    }

    /// As [`Run::log`].
    pub fn log(&self, level: log::Level, message: &str) {
        // SAFETY: the pair is this run's, and `'r` has not ended.
        unsafe { crate::bridge::send(self.run, self.ctx, level, message, "") };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_artifacts_are_plain_and_fit() {
        let check = |stem: &str, ending: &str, expected: &str| {
            assert_eq!(artifact_name(stem, ending), expected);
        };
        check("scan 7", "-page-001.png", "scan 7-page-001.png");
        check("", ".txt", "document.txt");
        check("esc\u{1b}[31mred\n", ".txt", "esc_[31mred_.txt");
        check(".", ".txt", "..txt");
        check(&"x".repeat(251), ".txt", &("x".repeat(243) + ".txt"));
        check(&"ä".repeat(200), ".json", &("ä".repeat(121) + ".json"));
        // The same whole name for as long as there is room.
        check(&"x".repeat(243), ".txt", &("x".repeat(243) + ".txt"));
    }
}
