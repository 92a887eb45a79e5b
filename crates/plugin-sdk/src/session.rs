//! The tables of one host and the run they are used for: every call into the host goes through here.

use std::ffi::CStr;
use std::mem::size_of;

use dropleaf_plugin_abi as abi;

use crate::error::{Error, Result, describe};

/// The function tables of a host. `run` is always there; the others are asked for when they are first needed.
#[derive(Clone, Copy)]
pub(crate) struct Tables {
    run: &'static abi::RunV1,
    cos: Option<&'static abi::CosV1>,
    stream: Option<&'static abi::StreamV1>,
    doc: Option<&'static abi::DocV1>,
    edit: Option<&'static abi::EditV1>,
}

impl Tables {
    /// Asks `host` for its tables; `None` where it has no `leaf.run/1` and so nothing can be said to it.
    ///
    /// # Safety
    /// `host` is null or points at a host table as the header has it, constant for the life of the process.
    pub(crate) unsafe fn of(host: *const abi::Host) -> Option<Self> {
        // SAFETY: the caller's promise.
        let table = unsafe { host.as_ref() }?;
        if (table.struct_size as usize) < size_of::<abi::Host>() {
            return None;
        }
        // SAFETY: `host` is the caller's; each type is the one that the header gives to the id.
        unsafe {
            Some(Self {
                run: extension(host, table, abi::EXT_RUN)?,
                cos: extension(host, table, abi::EXT_COS),
                stream: extension(host, table, abi::EXT_STREAM),
                doc: extension(host, table, abi::EXT_DOC),
                edit: extension(host, table, abi::EXT_EDIT),
            })
        }
    }
}

/// Asks for one table; `None` if the host lacks it or knows less of it than this crate needs.
///
/// # Safety
/// `T` is the table that the header names `id`; `host` and `table` are the same, and valid.
unsafe fn extension<T>(host: *const abi::Host, table: &abi::Host, id: &CStr) -> Option<&'static T> {
    // SAFETY: `host` is valid, `id` ends with a NUL.
    let found = unsafe { (table.get_extension)(host, id.as_ptr()) };
    if found.is_null() {
        return None;
    }
    // SAFETY: every table begins with its `struct_size`, as its writer compiled it.
    let size = unsafe { *found.cast::<u32>() } as usize;
    if size < size_of::<T>() {
        return None;
    }
    // SAFETY: the table is at least as large as `T`, of its type, and constant (V2 and O5 of the header).
    Some(unsafe { &*found.cast::<T>() })
}

/// One run of one operation. Neither `Send` nor `Sync`: nearly all of the host may be called from this thread only.
pub(crate) struct Session {
    tables: Tables,
    ctx: *mut abi::Ctx,
}

impl Session {
    /// # Safety
    /// `ctx` is the context that the host gave for the calls made while this value lives.
    pub(crate) unsafe fn new(tables: Tables, ctx: *mut abi::Ctx) -> Self {
        Self { tables, ctx }
    }

    pub(crate) fn ctx(&self) -> *mut abi::Ctx {
        self.ctx
    }

    pub(crate) fn run(&self) -> &'static abi::RunV1 {
        self.tables.run
    }

    pub(crate) fn cos(&self) -> Result<&'static abi::CosV1> {
        self.tables.cos.ok_or_else(|| missing("leaf.cos/1"))
    }

    pub(crate) fn stream(&self) -> Result<&'static abi::StreamV1> {
        self.tables.stream.ok_or_else(|| missing("leaf.stream/1"))
    }

    pub(crate) fn doc(&self) -> Result<&'static abi::DocV1> {
        self.tables.doc.ok_or_else(|| missing("leaf.doc/1"))
    }

    /// Whether the host has `leaf.edit/1`, which nothing needs.
    pub(crate) fn has_edit(&self) -> bool {
        self.tables.edit.is_some()
    }

    pub(crate) fn edit(&self) -> Result<&'static abi::EditV1> {
        self.tables.edit.ok_or_else(|| missing("leaf.edit/1"))
    }

    /// Turns a status into a result with the host's own words.
    pub(crate) fn check(&self, status: abi::Status) -> Result<()> {
        if status >= abi::OK {
            return Ok(());
        }
        let mut text = abi::Str::EMPTY;
        // SAFETY: `ctx` is this run's, `text` is a place for the answer.
        let told = unsafe { (self.run().last_error)(self.ctx, &raw mut text) };
        // SAFETY: the host wrote the view in the call just made, if it answered so.
        let text = unsafe { text.as_bytes() };
        let message = match (told, text) {
            (abi::OK, [_, ..]) => String::from_utf8_lossy(text).into_owned(),
            _ => describe(status).to_owned(),
        };
        Err(Error::new(status, message))
    }

    /// Like [`Self::check`], with `None` in place of "no such key, index or object", whose text nobody reads.
    pub(crate) fn found(&self, status: abi::Status) -> Result<Option<()>> {
        if status == abi::E_NOT_FOUND {
            return Ok(None);
        }
        self.check(status).map(Some)
    }

    /// Hands the host the status and the text of a failure; answers the status.
    pub(crate) fn set_error(&self, error: &Error) -> abi::Status {
        let message = abi::Str::new(error.message().as_bytes());
        // SAFETY: `ctx` is this run's; the text is copied during the call.
        unsafe { (self.run().set_error)(self.ctx, error.status(), message) };
        error.status()
    }
}

fn missing(extension: &str) -> Error {
    Error::unsupported(format!("this host has no `{extension}`"))
}

/// Calls one function of a table; answers its status.
macro_rules! status_of {
    ($session:expr, $table:ident.$function:ident($($argument:expr),* $(,)?)) => {{
        let function = $session.$table()?.$function;
        // SAFETY: the context is this run's and this thread runs it (`Session` is not `Send`); views point at live bytes
        // and out-parameters at live places for the time of the call, as O2 of the header asks.
        unsafe { function($session.ctx(), $($argument),*) }
    }};
}
pub(crate) use status_of;

/// Calls one function of a table with this run's context: `call!(session, cos.page_count(doc, &raw mut count))?`.
macro_rules! call {
    ($session:expr, $($called:tt)*) => {{
        let session: &$crate::session::Session = $session;
        session.check($crate::session::status_of!(session, $($called)*))
    }};
}
pub(crate) use call;

/// Like [`call!`], with `None` for what is not there.
macro_rules! find {
    ($session:expr, $($called:tt)*) => {{
        let session: &$crate::session::Session = $session;
        session.found($crate::session::status_of!(session, $($called)*))
    }};
}
pub(crate) use find;

/// A view that the host wrote, copied at once.
///
/// # Safety
/// `text` was written by the host in the call just made.
pub(crate) unsafe fn copied(text: abi::Str) -> Vec<u8> {
    // SAFETY: the caller's promise; nothing was called in between.
    unsafe { text.as_bytes() }.to_vec()
}
