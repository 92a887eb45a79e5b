//! `leaf.doc/1`: whole documents. The header says what each function promises.

use dropleaf_plugin_abi as abi;

use crate::document::Document;
use crate::fault::{Fault, Result};
use crate::run::shell::{bytes, enter, give};
use crate::run::state::State;

/// The longest label; it becomes part of a file name.
const MAX_LABEL: usize = 200;
/// The most documents that one run may hold.
const MAX_DOCUMENTS: usize = 1_000_000;

pub(crate) static TABLE: abi::DocV1 = abi::DocV1 {
    struct_size: size_of::<abi::DocV1>() as u32,
    reserved: 0,
    input_count,
    input,
    bytes: bytes_of,
    set_bytes,
    open,
    create,
    emit,
    is_parsed,
};

unsafe extern "C" fn input_count(ctx: *mut abi::Ctx) -> u32 {
    let mut count = 0;
    // SAFETY: the plugin keeps to the header: its context, texts that stay during the call, room for the answers. So in
    // all functions of this file.
    unsafe {
        enter(ctx, |state| {
            count = state.inputs as u32;
            Ok(())
        });
    }
    count
}

unsafe extern "C" fn input(ctx: *mut abi::Ctx, number: u32, out: *mut abi::Doc) -> abi::Status {
    // SAFETY: see `input_count`.
    unsafe {
        enter(ctx, |state| {
            if number as usize >= state.inputs {
                let text = format!("no input {number}: the run has {}", state.inputs);
                return Err(Fault::new(abi::E_NOT_FOUND, text));
            }
            give(out, state.document_handle(number as usize))
        })
    }
}

unsafe extern "C" fn bytes_of(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    out: *mut abi::Str,
) -> abi::Status {
    // SAFETY: see `input_count`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let view = state.document(index)?.bytes()?;
            give(out, abi::Str::new(&view))?;
            // The document may drop its own at the next change.
            state.scratch.bytes.insert(index, view);
            Ok(())
        })
    }
}

unsafe extern "C" fn set_bytes(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    content: abi::Str,
) -> abi::Status {
    // SAFETY: see `input_count`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let content = bytes(content)?.to_vec();
            state.document(index)?.set_bytes(content)?;
            state.arena.document_ended(index as u32);
            state
                .imported
                .retain(|(to, from), _| *to as usize != index && *from as usize != index);
            Ok(())
        })
    }
}

unsafe extern "C" fn open(
    ctx: *mut abi::Ctx,
    content: abi::Str,
    out: *mut abi::Doc,
) -> abi::Status {
    // SAFETY: see `input_count`.
    unsafe {
        enter(ctx, |state| {
            room(state)?;
            let content = bytes(content)?.to_vec();
            let (document, _) = Document::open(content, &[], &state.limits, &state.bill)
                .map_err(|error| Fault::new(error.status(), error.to_string()))?;
            give(out, state.keep(document))
        })
    }
}

unsafe extern "C" fn create(ctx: *mut abi::Ctx, like: abi::Doc, out: *mut abi::Doc) -> abi::Status {
    // SAFETY: see `input_count`.
    unsafe {
        enter(ctx, |state| {
            room(state)?;
            let (limits, bill) = (state.limits.clone(), state.bill.clone());
            let like = match like {
                0 => None,
                handle => {
                    let index = state.document_index(handle)?;
                    Some(state.document(index)?)
                }
            };
            let document = Document::create(like, &limits, &bill)?;
            give(out, state.keep(document))
        })
    }
}

unsafe extern "C" fn emit(ctx: *mut abi::Ctx, doc: abi::Doc, label: abi::Str) -> abi::Status {
    // SAFETY: see `input_count`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let label = std::str::from_utf8(bytes(label)?)
                .map_err(|_| Fault::argument("the label is not UTF-8"))?;
            if label.len() > MAX_LABEL {
                return Err(Fault::argument(format!(
                    "the label is longer than {MAX_LABEL} bytes"
                )));
            }
            let held = &mut state.documents[index];
            if held.emitted {
                return Err(Fault::argument("the document has been emitted already"));
            }
            held.emitted = true;
            state.emitted.push((index as u32, label.to_owned()));
            Ok(())
        })
    }
}

unsafe extern "C" fn is_parsed(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    parsed: *mut i32,
    dirty: *mut i32,
) -> abi::Status {
    // SAFETY: see `input_count`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let document = state.document(index)?;
            let is_dirty = document
                .objects_if_parsed()
                .is_some_and(|objects| objects.dirty);
            let is_parsed = document.is_parsed();
            if parsed.is_null() || dirty.is_null() {
                return Err(Fault::argument("no room for the answer"));
            }
            give(parsed, i32::from(is_parsed))?;
            give(dirty, i32::from(is_dirty))
        })
    }
}

fn room(state: &State) -> Result<()> {
    if !state.running {
        return Err(Fault::argument(
            "documents are there in run(), not in create()",
        ));
    }
    if state.documents.len() >= MAX_DOCUMENTS {
        return Err(Fault::limit(format!(
            "a run may hold {MAX_DOCUMENTS} documents"
        )));
    }
    Ok(())
}

impl State {
    /// The handle is not needed any more. A document that was emitted goes on; any other that is no input is dropped.
    pub(crate) fn release_document(&mut self, handle: abi::Doc) -> Result<()> {
        let index = self.document_index(handle)?;
        if index < self.inputs {
            return Ok(());
        }
        self.arena.document_ended(index as u32);
        self.imported
            .retain(|(to, from), _| *to as usize != index && *from as usize != index);
        self.scratch.bytes.remove(&index);
        let held = &mut self.documents[index];
        held.released = true;
        match &mut held.document {
            Some(document) if held.emitted => document.make_room(),
            document => *document = None,
        }
        Ok(())
    }
}
