//! `leaf.stream/1`: the bytes of streams. The header says what each function promises.

use dropleaf_plugin_abi as abi;
use lopdf::{Dictionary, Object, ObjectId, Stream};

use crate::document::decode;
use crate::document::place::{Holder, Place, Root};
use crate::fault::{Fault, Result};
use crate::run::shell::{bytes, enter, give};
use crate::run::state::{State, grow};

pub(crate) static TABLE: abi::StreamV1 = abi::StreamV1 {
    struct_size: size_of::<abi::StreamV1>() as u32,
    reserved: 0,
    get,
    put,
    create,
    buf_new,
    buf_grow,
    put_buf,
};

unsafe extern "C" fn get(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    mode: u32,
    out: *mut abi::Str,
) -> abi::Status {
    // SAFETY: the plugin keeps to the header: its context, texts that stay during the call, room for the answers. So in
    // all functions of this file.
    unsafe {
        enter(ctx, |state| {
            let decoded = is_decoded(mode)?;
            let (slot, index) = state.container(obj)?;
            let limit = state.limits.max_decoded;
            let (objects, arena, scratch) = state.objects(index)?;
            if !decoded
                && let Some(Root::Object(id)) = arena.whole(slot)
                && let Some(content) = objects.heap.resting_content(id)
            {
                return give(out, abi::Str::new(content));
            }
            let Holder::Stream(stream) = arena.holder(slot, objects)? else {
                return Err(Fault::not_a(
                    "a stream",
                    arena.holder(slot, objects)?.kind(),
                ));
            };
            if !decoded {
                return give(out, abi::Str::new(objects.heap.content(stream)));
            }
            scratch.decoded = decode::decode(objects, stream, limit)?;
            give(out, abi::Str::new(&scratch.decoded))
        })
    }
}

unsafe extern "C" fn put(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    mode: u32,
    content: abi::Str,
) -> abi::Status {
    // SAFETY: see `get`.
    unsafe {
        enter(ctx, |state| {
            replace_content(state, obj, mode, bytes(content)?.to_vec())
        })
    }
}

unsafe extern "C" fn create(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    dict: abi::Obj,
    mode: u32,
    content: abi::Str,
    out: *mut abi::Obj,
) -> abi::Status {
    // SAFETY: see `get`.
    unsafe {
        enter(ctx, |state| {
            let decoded = is_decoded(mode)?;
            let index = state.document_index(doc)?;
            let content = bytes(content)?.to_vec();
            if out.is_null() {
                return Err(Fault::argument("no room for the answer"));
            }
            let dict = if dict == 0 {
                Dictionary::new()
            } else {
                dictionary(state, index, dict)?
            };
            let (objects, arena, _) = state.objects(index)?;
            let id = objects.add_stream(own_bytes(dict, decoded), content, decoded)?;
            objects.dirty = true;
            give(out, arena.root(index as u32, Root::Object(id)))
        })
    }
}

unsafe extern "C" fn buf_new(
    ctx: *mut abi::Ctx,
    capacity: usize,
    out: *mut abi::Buf,
    ptr: *mut *mut u8,
) -> abi::Status {
    // SAFETY: see `get`.
    unsafe {
        enter(ctx, |state| {
            if out.is_null() || ptr.is_null() {
                return Err(Fault::argument("no room for the answer"));
            }
            let (handle, address) = state.new_buffer(capacity)?;
            give(out, handle)?;
            give(ptr, address)
        })
    }
}

unsafe extern "C" fn buf_grow(
    ctx: *mut abi::Ctx,
    buf: abi::Buf,
    capacity: usize,
    ptr: *mut *mut u8,
) -> abi::Status {
    // SAFETY: see `get`.
    unsafe {
        enter(ctx, |state| {
            let buffer = state.buffer(buf)?.as_mut().ok_or_else(Fault::handle)?;
            grow(buffer, capacity)?;
            give(ptr, buffer.as_mut_ptr())
        })
    }
}

unsafe extern "C" fn put_buf(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    mode: u32,
    buf: abi::Buf,
    len: usize,
) -> abi::Status {
    // SAFETY: see `get`.
    unsafe {
        enter(ctx, |state| {
            let capacity = state.buffer(buf)?.as_ref().map_or(0, Vec::len);
            if len > capacity {
                return Err(Fault::argument(format!(
                    "{len} bytes of a buffer that has {capacity}"
                )));
            }
            // A call that fails changes nothing: the plugin goes on writing into the buffer.
            target(state, obj, mode)?;
            let mut content = state.buffer(buf)?.take().ok_or_else(Fault::handle)?;
            content.truncate(len);
            replace_content(state, obj, mode, content)
        })
    }
}

pub(crate) fn is_decoded(mode: u32) -> Result<bool> {
    match mode {
        abi::STREAM_RAW => Ok(false),
        abi::STREAM_DECODED => Ok(true),
        other => Err(Fault::argument(format!("a stream has no mode {other}"))),
    }
}

/// The dictionary of a stream that is given its bytes; plain ones have no filters.
pub(crate) fn own_bytes(mut dict: Dictionary, decoded: bool) -> Dictionary {
    if decoded {
        for key in [&b"Filter"[..], b"DecodeParms", b"DL", b"DP"] {
            dict.remove(key);
        }
    }
    // The bytes are here, wherever they were (7.3.8.2).
    for key in [&b"F"[..], b"FFilter", b"FDecodeParms"] {
        dict.remove(key);
    }
    dict
}

fn replace_content(state: &mut State, obj: abi::Obj, mode: u32, content: Vec<u8>) -> Result<()> {
    let (decoded, index, id, dict) = target(state, obj, mode)?;
    let new = Stream::new(own_bytes(dict, decoded), content);
    let (objects, ..) = state.objects(index)?;
    objects.replace(Place::object(id), Object::Stream(new))?;
    objects.set_plain(id, decoded);
    objects.dirty = true;
    Ok(())
}

/// Whether the bytes are plain, and the stream `obj`: its document, number and dictionary.
fn target(
    state: &mut State,
    obj: abi::Obj,
    mode: u32,
) -> Result<(bool, usize, ObjectId, Dictionary)> {
    let decoded = is_decoded(mode)?;
    let (slot, index) = state.container(obj)?;
    let (objects, arena, _) = state.objects(index)?;
    let Holder::Stream(old) = arena.holder(slot, objects)? else {
        return Err(Fault::not_a(
            "a stream",
            arena.holder(slot, objects)?.kind(),
        ));
    };
    let Some(Root::Object(id)) = arena.whole(slot) else {
        return Err(Fault::handle());
    };
    Ok((decoded, index, id, old.dict.clone()))
}

/// A copy of the dictionary that a new stream gets.
fn dictionary(state: &mut State, index: usize, handle: abi::Obj) -> Result<Dictionary> {
    let (slot, from) = state.container(handle)?;
    if from != index {
        return Err(Fault::argument(
            "the dictionary belongs to another document",
        ));
    }
    match state.copy(slot, from)? {
        Object::Dictionary(dict) => Ok(dict),
        Object::Stream(stream) => Ok(stream.dict),
        other => Err(Fault::not_a("a dictionary", other.enum_variant())),
    }
}
