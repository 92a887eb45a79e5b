//! One run: its documents, handles and answers so far.

use std::collections::{BTreeMap, HashMap};

use dropleaf_plugin_abi as abi;
use serde_json::Value;

use crate::bill::Bill;
use crate::document::Document;
use crate::document::copy::Imported;
use crate::document::objects::Objects;
use crate::fault::{Fault, Result, Text};
use crate::input::Input;
use crate::limits::Limits;
use crate::run::Invocation;
use crate::run::arena::{Arena, Kind, Slot, handle, parts};

/// Bytes of JSON that the results of one run may have, their names included.
pub const MAX_RESULTS: usize = 256 << 10;

/// Levels that a result may be nested: it lies within other JSON that readers take to 128.
pub const MAX_DEPTH: usize = 64;

/// Whether a value has more levels of lists and maps than these.
#[must_use]
pub fn is_deeper(value: &Value, levels: usize) -> bool {
    let below = |value: &Value| levels == 0 || is_deeper(value, levels - 1);
    match value {
        Value::Array(all) => levels == 0 || all.iter().any(below),
        Value::Object(all) => levels == 0 || all.values().any(below),
        _ => false,
    }
}

/// What host functions work on.
pub(crate) struct State {
    pub(crate) invocation: &'static Invocation<'static>,
    pub(crate) documents: Vec<Held>,
    /// How many of `documents` are the run's inputs; they come first.
    pub(crate) inputs: usize,
    pub(crate) arena: Arena,
    pub(crate) buffers: Vec<Buffer>,
    pub(crate) imported: HashMap<(u32, u32), Imported>,
    pub(crate) emitted: Vec<(u32, String)>,
    pub(crate) results: BTreeMap<String, Value>,
    results_size: usize,
    pub(crate) last_error: Text,
    /// What the plugin said with `set_error`.
    pub(crate) told: Option<(abi::Status, String)>,
    /// A panic of the host: the run fails whatever the plugin says.
    pub(crate) poisoned: Option<String>,
    pub(crate) scratch: Scratch,
    pub(crate) running: bool,
    pub(crate) bill: Bill,
    pub(crate) limits: Limits,
    salt: u32,
}

/// A document of the run.
pub(crate) struct Held {
    pub(crate) document: Option<Document>,
    /// Handles of it are refused from now on.
    pub(crate) released: bool,
    /// It goes on after the run.
    pub(crate) emitted: bool,
}

impl Held {
    fn new(document: Document) -> Self {
        Self {
            document: Some(document),
            released: false,
            emitted: false,
        }
    }
}

/// Memory that the plugin fills.
pub(crate) struct Buffer {
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) generation: u32,
}

/// Answers that live until the next call of the same function.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) error: Vec<u8>,
    pub(crate) param: Vec<u8>,
    pub(crate) temp_dir: Vec<u8>,
    pub(crate) syntax: Vec<u8>,
    pub(crate) view: Vec<abi::Node>,
    pub(crate) decoded: Vec<u8>,
    /// By document: the bytes it was last asked for.
    pub(crate) bytes: HashMap<usize, Input>,
}

impl State {
    pub(crate) fn new(
        invocation: &'static Invocation<'static>,
        documents: Vec<Document>,
        bill: Bill,
        salt: u32,
    ) -> Self {
        let limits = invocation.limits.clone();
        Self {
            invocation,
            inputs: documents.len(),
            documents: documents.into_iter().map(Held::new).collect(),
            arena: Arena::new(salt),
            buffers: Vec::new(),
            imported: HashMap::new(),
            emitted: Vec::new(),
            results: BTreeMap::new(),
            results_size: 0,
            last_error: Text::NONE,
            told: None,
            poisoned: None,
            scratch: Scratch::default(),
            running: false,
            bill,
            limits,
            salt,
        }
    }

    /// Takes a result, in place of an earlier one of this name; one too much changes nothing.
    pub(crate) fn keep_result(&mut self, name: &str, value: Value) -> Result<()> {
        if is_deeper(&value, MAX_DEPTH) {
            return Err(Fault::limit(format!(
                "result `{}` is nested more than {MAX_DEPTH} levels deep",
                name.escape_debug()
            )));
        }
        let size = |value: &Value| name.len() + value.to_string().len();
        let before = self.results.get(name).map_or(0, size);
        let all = self.results_size - before + size(&value);
        if all > MAX_RESULTS {
            return Err(Fault::limit(format!(
                "with `{}` the results of this run are larger than {} KiB: put it out as an artifact",
                name.escape_debug(),
                MAX_RESULTS >> 10
            )));
        }
        self.results_size = all;
        self.results.insert(name.to_owned(), value);
        Ok(())
    }

    // ---- documents ---------------------------------------------------------------------------------------------

    /// The handle of a document.
    pub(crate) fn document_handle(&self, index: usize) -> abi::Doc {
        if index == 0 {
            abi::DOCUMENT
        } else {
            handle(Kind::Document, self.salt, index)
        }
    }

    /// Which document `handle` is.
    pub(crate) fn document_index(&self, handle: abi::Doc) -> Result<usize> {
        if !self.running {
            return Err(Fault::argument(
                "documents are there in run(), not in create()",
            ));
        }
        let index = if handle == abi::DOCUMENT {
            0
        } else {
            let (generation, index) = parts(Kind::Document, handle).ok_or_else(Fault::handle)?;
            if generation != self.salt & 0x3FFF_FFFF || index == 0 {
                return Err(Fault::handle());
            }
            index
        };
        match self.documents.get(index) {
            Some(held) if !held.released => Ok(index),
            _ => Err(Fault::handle()),
        }
    }

    pub(crate) fn document(&mut self, index: usize) -> Result<&mut Document> {
        let held = self.documents.get_mut(index).ok_or_else(Fault::handle)?;
        held.document.as_mut().ok_or_else(Fault::handle)
    }

    /// The objects of a document, with what else is needed beside them.
    pub(crate) fn objects(
        &mut self,
        index: usize,
    ) -> Result<(&mut Objects, &mut Arena, &mut Scratch)> {
        let held = self.documents.get_mut(index).ok_or_else(Fault::handle)?;
        let document = held.document.as_mut().ok_or_else(Fault::handle)?;
        Ok((document.objects()?, &mut self.arena, &mut self.scratch))
    }

    pub(crate) fn keep(&mut self, document: Document) -> abi::Doc {
        self.documents.push(Held::new(document));
        self.document_handle(self.documents.len() - 1)
    }

    // ---- containers --------------------------------------------------------------------------------------------

    /// The slot of a handle and its document, with the page tree as the page list has it if it is that tree's root.
    pub(crate) fn container(&mut self, handle: abi::Obj) -> Result<(Slot, usize)> {
        let slot = self.arena.slot(handle)?;
        let index = self.arena.document(slot) as usize;
        let start = self.arena.start(slot);
        let held = self.documents.get_mut(index).ok_or_else(Fault::handle)?;
        let document = held.document.as_mut().ok_or_else(Fault::handle)?;
        let objects = document.objects()?;
        if let (Some(crate::document::place::Root::Object(id)), Some(pages)) =
            (start, &objects.pages)
            && pages.hides(id)
        {
            objects.sync_pages()?;
        }
        Ok((slot, index))
    }

    // ---- buffers -----------------------------------------------------------------------------------------------

    pub(crate) fn new_buffer(&mut self, capacity: usize) -> Result<(abi::Buf, *mut u8)> {
        let mut bytes = Vec::new();
        grow(&mut bytes, capacity)?;
        let pointer = bytes.as_mut_ptr();
        let generation = self.salt;
        self.buffers.push(Buffer {
            bytes: Some(bytes),
            generation,
        });
        Ok((
            handle(Kind::Buffer, generation, self.buffers.len() - 1),
            pointer,
        ))
    }

    pub(crate) fn buffer(&mut self, handle: abi::Buf) -> Result<&mut Option<Vec<u8>>> {
        let (generation, index) = parts(Kind::Buffer, handle).ok_or_else(Fault::handle)?;
        let buffer = self.buffers.get_mut(index).ok_or_else(Fault::handle)?;
        if buffer.generation & 0x3FFF_FFFF != generation || buffer.bytes.is_none() {
            return Err(Fault::handle());
        }
        Ok(&mut buffer.bytes)
    }
}

/// Makes `bytes` at least `capacity` long, without an abort where memory is short.
pub(crate) fn grow(bytes: &mut Vec<u8>, capacity: usize) -> Result<()> {
    let more = capacity.saturating_sub(bytes.len());
    bytes
        .try_reserve_exact(more)
        .map_err(|_| Fault::limit(format!("no memory for a buffer of {capacity} bytes")))?;
    bytes.resize(bytes.len() + more, 0);
    Ok(())
}
