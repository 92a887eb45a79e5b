//! Running one operation of a plugin over documents, as a transaction.
//!
//! While the operation runs, every change of a document is noted in a journal. If it fails, in whatever way that leaves
//! the process alive, the documents are as they were, and what it emitted is dropped.

pub(crate) mod arena;
pub(crate) mod ext_cos;
pub(crate) mod ext_doc;
pub(crate) mod ext_edit;
pub(crate) mod ext_run;
pub(crate) mod ext_stream;
pub(crate) mod host;
pub(crate) mod shell;
pub(crate) mod state;
pub(crate) mod threads;
pub(crate) mod value;
pub(crate) mod view;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use dropleaf_plugin_abi as abi;

use crate::bill::Bill;
use crate::document::Document;
use crate::fault::Text;
use crate::library::{self, Callable, Library};
use crate::limits::Limits;
use crate::run::shell::Shell;
use crate::run::state::State;
use crate::run::threads::Threads;

/// Who is told about a run while it goes on. Called from any thread; must not call back into the host.
pub trait Observer: Send + Sync {
    /// `done` of `total` pages, or of what the operation counts; a `total` of 0 is unknown.
    fn progress(&self, done: u64, total: u64);
    /// A line of the plugin's log: `LOG_TRACE` to `LOG_ERROR`, and a JSON object or nothing.
    fn log(&self, level: i32, message: &str, fields: &str);
    /// Whether the job is to stop.
    fn cancelled(&self) -> bool;
    /// A side artifact. Not taken back by a rollback: the caller drops what a failed run has given.
    ///
    /// # Errors
    /// Why it was not taken, in words; the plugin is told.
    fn artifact(&self, name: &str, mime: &str, bytes: &[u8]) -> Result<(), String>;
}

/// What an operation is run with.
pub struct Invocation<'a> {
    /// The operation's name.
    pub operation: &'a str,
    /// Its parameters, JSON, checked against its schema already.
    pub parameters: &'a str,
    /// Values of the job: `job.id`, `input.name`, `part.index` and so on.
    pub values: &'a BTreeMap<String, serde_json::Value>,
    /// A folder that the operation may write to, if it was granted one.
    pub temp_dir: Option<&'a Path>,
    /// Limits for documents that the operation opens and streams that it decodes.
    pub limits: &'a Limits,
    /// Who is told.
    pub observer: &'a dyn Observer,
}

/// What a successful run has given beside its edits.
#[derive(Default)]
pub struct Outcome {
    /// Values for later steps.
    pub results: BTreeMap<String, serde_json::Value>,
    /// Documents with their labels. Where there are any, they go on instead of the run's own.
    pub emitted: Vec<(Document, String)>,
    /// Threads that the plugin has not joined.
    pub leftover_threads: u32,
}

/// Why a run failed. The documents are as they were.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RunError {
    /// The status: the plugin's own, or the host's.
    pub status: abi::Status,
    /// What happened, in words.
    pub message: String,
    /// How many changes were undone.
    pub undone: u64,
}

/// Runs an operation of a library over `documents`: one input, or all of a job.
///
/// After success the inputs that were not emitted are in `documents`, changed or not; after failure all of them, as
/// they were.
///
/// # Errors
/// Whatever the operation, the host or the limits refuse.
pub fn run(
    library: &'static Library,
    invocation: &Invocation<'_>,
    documents: &mut Vec<Document>,
) -> Result<Outcome, RunError> {
    run_entry(library.entry(), invocation, documents)
}

/// Like [`run`], for an entry that is linked into this program.
///
/// # Errors
/// As for [`run`], and where the entry is not one this host can take.
pub fn run_entry(
    entry: &'static abi::Entry,
    invocation: &Invocation<'_>,
    documents: &mut Vec<Document>,
) -> Result<Outcome, RunError> {
    let refused = |message: String| RunError {
        status: abi::E_UNSUPPORTED,
        message,
        undone: 0,
    };
    library::check(entry).map_err(|error| refused(error.to_string()))?;
    library::prepare(entry).map_err(|error| refused(error.to_string()))?;
    let operation = library::operation(entry, invocation.operation).ok_or_else(|| {
        refused(format!(
            "the plugin has no operation `{}`",
            invocation.operation
        ))
    })?;
    if documents.is_empty() {
        return Err(RunError {
            status: abi::E_ARG,
            message: format!("operation `{}` was given no document", invocation.operation),
            undone: 0,
        });
    }
    for document in documents.iter_mut() {
        document.begin();
    }
    let threads = Threads::now();
    let (status, mut state) = call(&operation, invocation, std::mem::take(documents));
    let leftover_threads = threads.left_over();
    let failure = match failure(status, &state, invocation.operation) {
        None => settle(&mut state),
        failure => failure,
    };
    match failure {
        None => Ok(finished(*state, documents, leftover_threads)),
        Some((status, message)) => Err(RunError {
            status,
            message,
            undone: rolled_back(*state, documents),
        }),
    }
}

/// Calls `create`, `run` and `destroy`.
fn call(
    operation: &Callable,
    invocation: &Invocation<'_>,
    documents: Vec<Document>,
) -> (abi::Status, Box<State>) {
    // Handles of one run are stale in another.
    static RUNS: AtomicU32 = AtomicU32::new(0x0151_7EAF);
    let salt = RUNS.fetch_add(0x9E37, Ordering::Relaxed);
    let bill = documents.first().map_or_else(Bill::new, Document::bill);
    // SAFETY: only the lifetimes are lengthened. Both references go into the shell, whose `finish` below takes them
    // back before this function returns; a panic cannot skip it, since plugins do not unwind (E3 of the header).
    let (observer, borrowed) = unsafe {
        (
            std::mem::transmute::<&dyn Observer, &'static dyn Observer>(invocation.observer),
            std::mem::transmute::<&Invocation<'_>, &'static Invocation<'static>>(invocation),
        )
    };
    let state = State::new(borrowed, documents, bill, salt);
    // SAFETY: see above.
    let shell = unsafe { Shell::open(observer, state) };
    let context = shell.context();
    let mut instance = std::ptr::null_mut();
    let parameters = abi::Str::new(invocation.parameters.as_bytes());
    // SAFETY: the operation was checked, the arguments are as the header says, on the thread it says.
    let status = unsafe {
        match (operation.create)(host::host(), parameters, &raw mut instance, context) {
            abi::OK => {
                shell.set_running();
                let status = (operation.run)(instance, context);
                (operation.destroy)(instance);
                status
            }
            status => status,
        }
    };
    let state = shell.finish().unwrap_or_else(|| {
        // Only `finish` takes the state, and it is called once.
        unreachable!("the run's state is taken once")
    });
    (status, state)
}

/// Whether the run failed, by its status or otherwise.
fn failure(status: abi::Status, state: &State, operation: &str) -> Option<(abi::Status, String)> {
    if let Some(text) = &state.poisoned {
        return Some((abi::E_PANIC, text.clone()));
    }
    if status == abi::OK {
        return None;
    }
    let known = (abi::E_REJECTED..=abi::E_FAIL).contains(&status);
    let status = if known { status } else { abi::E_FAIL };
    let message = match &state.told {
        Some((_, text)) if !text.is_empty() => text.clone(),
        _ if state.last_error != Text::NONE => {
            let last = state.last_error.clone().into_owned();
            format!("operation `{operation}` failed: {last}")
        }
        _ => format!("operation `{operation}` failed: {}", meaning(status)),
    };
    Some((status, message))
}

/// What a status says by itself.
fn meaning(status: abi::Status) -> &'static str {
    match status {
        abi::E_ARG => "an argument is out of range",
        abi::E_TYPE => "an object has another type",
        abi::E_NOT_FOUND => "something was not found",
        abi::E_HANDLE => "a stale or forged handle",
        abi::E_THREAD => "called from another thread",
        abi::E_LIMIT => "a limit was reached",
        abi::E_UNSUPPORTED => "not supported",
        abi::E_CANCELLED => "cancelled",
        abi::E_PANIC => "it panicked",
        abi::E_SYNTAX => "bad syntax",
        abi::E_DENIED => "not granted by the operator",
        abi::E_PARAMETERS => "its parameters were refused",
        abi::E_REJECTED => "this document cannot be done",
        _ => "no reason given",
    }
}

/// Commits what goes on: reads bytes that were given, refuses a document without pages.
fn settle(state: &mut State) -> Option<(abi::Status, String)> {
    let any_emitted = !state.emitted.is_empty();
    for (index, held) in state.documents.iter_mut().enumerate() {
        let (is_input, is_emitted) = (index < state.inputs, held.emitted);
        let Some(document) = &mut held.document else {
            continue;
        };
        if !is_input && !is_emitted {
            continue;
        }
        if let Err(fault) = document.check_step() {
            return Some((fault.status, fault.text.into_owned()));
        }
        let wanted = if any_emitted { is_emitted } else { index == 0 };
        if wanted && document.is_blank() {
            return Some((
                abi::E_FAIL,
                "the operation has left a document without pages".to_owned(),
            ));
        }
    }
    // Nothing can fail any more.
    for held in &mut state.documents {
        if let Some(document) = &mut held.document {
            document.commit();
        }
    }
    None
}

fn finished(mut state: State, documents: &mut Vec<Document>, leftover_threads: u32) -> Outcome {
    let emitted = std::mem::take(&mut state.emitted)
        .into_iter()
        .filter_map(|(index, label)| {
            Some((
                state.documents.get_mut(index as usize)?.document.take()?,
                label,
            ))
        })
        .collect();
    documents.extend(
        state
            .documents
            .into_iter()
            .take(state.inputs)
            .filter_map(|held| held.document),
    );
    Outcome {
        results: state.results,
        emitted,
        leftover_threads,
    }
}

fn rolled_back(state: State, documents: &mut Vec<Document>) -> u64 {
    let mut undone = 0;
    for mut document in state
        .documents
        .into_iter()
        .take(state.inputs)
        .filter_map(|held| held.document)
    {
        undone += document.rollback();
        documents.push(document);
    }
    undone
}
