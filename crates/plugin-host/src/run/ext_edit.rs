//! `leaf.edit/1`: common changes in one call. The header says what each function promises.

use dropleaf_plugin_abi as abi;
use lopdf::{Dictionary, Object};

use crate::document::place::Root;
use crate::document::syntax;
use crate::document::unread::Unread;
use crate::fault::{Fault, Result};
use crate::run::arena::Slot;
use crate::run::ext_cos::write::{changed, check_depth};
use crate::run::ext_stream::{is_decoded, own_bytes};
use crate::run::shell::{bytes, enter, give};
use crate::run::state::State;

pub(crate) static TABLE: abi::EditV1 = abi::EditV1 {
    struct_size: size_of::<abi::EditV1>() as u32,
    reserved: 0,
    dict_merge,
    stream_add,
};

unsafe extern "C" fn dict_merge(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    source: abi::Str,
) -> abi::Status {
    // SAFETY: the plugin keeps to the header: its context, texts that stay during the call, room for the answers. So in
    // all functions of this file.
    unsafe {
        enter(ctx, |state| {
            // It may be a view of what is changed now: read before anything is.
            let source = &bytes(source)?.to_vec();
            let (slot, index) = state.container(obj)?;
            if !merge_text(state, slot, index, source)? {
                merge(state, slot, index, source)?;
            }
            changed(state, slot, index)
        })
    }
}

/// The short way, of text into text; whether it was to be had.
fn merge_text(state: &mut State, slot: Slot, index: usize, source: &[u8]) -> Result<bool> {
    let Some(Root::Object(id)) = state.arena.whole(slot) else {
        return Ok(false);
    };
    let Some(source) = Unread::checked(source) else {
        return Ok(false);
    };
    let (objects, arena, _) = state.objects(index)?;
    let is_done = objects.merge(id, source);
    if is_done {
        for entry in source.entries() {
            arena.key_changed(slot, entry.key);
        }
    }
    Ok(is_done)
}

fn merge(state: &mut State, slot: Slot, index: usize, source: &[u8]) -> Result<()> {
    let source = dictionary(state, source)?;
    let (objects, arena, _) = state.objects(index)?;
    let holder = arena.holder(slot, objects)?;
    if holder.dict().is_none() {
        return Err(Fault::not_a("a dictionary", holder.kind()));
    }
    for (_, value) in &source {
        check_depth(state, slot, value)?;
    }
    let place = state.arena.place(slot)?;
    for (key, value) in source {
        state.objects(index)?.0.put(place.clone(), &key, value)?;
        state.arena.key_changed(slot, &key);
    }
    Ok(())
}

fn dictionary(state: &State, source: &[u8]) -> Result<Dictionary> {
    match syntax::read(source, state.limits.max_depth)? {
        Object::Dictionary(dict) => Ok(dict),
        other => Err(Fault::not_a("a dictionary", other.enum_variant())),
    }
}

unsafe extern "C" fn stream_add(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    dict: abi::Str,
    mode: u32,
    content: abi::Str,
    num: *mut u32,
    generation: *mut u32,
) -> abi::Status {
    // SAFETY: see `dict_merge`.
    unsafe {
        enter(ctx, |state| {
            let decoded = is_decoded(mode)?;
            let index = state.document_index(doc)?;
            let content = bytes(content)?.to_vec();
            let dict = match bytes(dict)? {
                [] => Dictionary::new(),
                dict => dictionary(state, dict)?,
            };
            if num.is_null() || generation.is_null() {
                return Err(Fault::argument("no room for the answer"));
            }
            let (objects, _, _) = state.objects(index)?;
            let id = objects.add_stream(own_bytes(dict, decoded), content, decoded)?;
            objects.dirty = true;
            give(num, id.0)?;
            give(generation, u32::from(id.1))
        })
    }
}
