//! Changing objects.

use dropleaf_plugin_abi as abi;
use lopdf::Object;

use crate::document::place::{Holder, Root};
use crate::document::syntax;
use crate::fault::{Fault, Result};
use crate::run::arena::Slot;
use crate::run::ext_cos::read::no_object;
use crate::run::shell::{bytes, enter, give};
use crate::run::state::State;
use crate::run::value::{measure, name, object_id};

pub(super) unsafe extern "C" fn from_syntax(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    source: abi::Str,
    out: *mut abi::Obj,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let value = syntax::read(bytes(source)?, state.limits.max_depth)?;
            let (objects, arena, _) = state.objects(index)?;
            let root = objects.add_loose(value);
            give(out, arena.root(index as u32, root))
        })
    }
}

/// Marks the document as changed, unless the change was of a value that is not part of it yet.
pub(crate) fn changed(state: &mut State, slot: Slot, index: usize) -> Result<()> {
    if !matches!(state.arena.start(slot), Some(Root::Loose(_))) {
        state.objects(index)?.0.dirty = true;
    }
    Ok(())
}

/// Refuses a value that would lie too deep where it is put.
pub(crate) fn check_depth(state: &mut State, slot: Slot, value: &Object) -> Result<()> {
    let Some(holder) = Holder::of(value) else {
        return Ok(());
    };
    let above = state.arena.depth(slot) + 1;
    measure(holder, state.limits.max_depth.saturating_sub(above)).map(|_| ())
}

pub(super) unsafe extern "C" fn dict_put(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    key: abi::Str,
    value: *const abi::Val,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            // It may be a view of what is changed now: read before anything is.
            let key = &name(bytes(key)?)?.to_vec();
            let (slot, index) = state.container(obj)?;
            let value = state.inbound(index, value)?;
            check_depth(state, slot, &value)?;
            let place = state.arena.place(slot)?;
            state.objects(index)?.0.put(place, key, value)?;
            state.arena.key_changed(slot, key);
            changed(state, slot, index)
        })
    }
}

pub(super) unsafe extern "C" fn dict_remove(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    key: abi::Str,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            // As in `dict_put`.
            let key = &bytes(key)?.to_vec();
            let (slot, index) = state.container(obj)?;
            let place = state.arena.place(slot)?;
            state.objects(index)?.0.remove_key(place, key)?;
            state.arena.key_changed(slot, key);
            changed(state, slot, index)
        })
    }
}

pub(super) unsafe extern "C" fn array_put(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    item: usize,
    value: *const abi::Val,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let (slot, index) = state.container(obj)?;
            let value = state.inbound(index, value)?;
            check_depth(state, slot, &value)?;
            let place = state.arena.place(slot)?;
            state.objects(index)?.0.put_item(place, item, value)?;
            state.arena.item_changed(slot, item);
            changed(state, slot, index)
        })
    }
}

pub(super) unsafe extern "C" fn array_insert(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    item: usize,
    value: *const abi::Val,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let (slot, index) = state.container(obj)?;
            let value = state.inbound(index, value)?;
            check_depth(state, slot, &value)?;
            let place = state.arena.place(slot)?;
            state.objects(index)?.0.insert_item(place, item, value)?;
            state.arena.item_inserted(slot, item);
            changed(state, slot, index)
        })
    }
}

pub(super) unsafe extern "C" fn array_remove(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    item: usize,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let (slot, index) = state.container(obj)?;
            let place = state.arena.place(slot)?;
            state.objects(index)?.0.remove_item(place, item)?;
            state.arena.item_removed(slot, item);
            changed(state, slot, index)
        })
    }
}

pub(super) unsafe extern "C" fn replace(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    value: *const abi::Val,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let (slot, index) = state.container(obj)?;
            let value = state.inbound(index, value)?;
            let value = state.itself(index, value)?;
            check_depth(state, slot, &value)?;
            let place = state.arena.place(slot)?;
            if matches!(value, Object::Stream(_))
                && !matches!(state.arena.whole(slot), Some(Root::Object(_)))
            {
                return Err(Fault::argument("a stream cannot be a direct object"));
            }
            state.objects(index)?.0.replace(place, value)?;
            state.arena.emptied(slot);
            changed(state, slot, index)
        })
    }
}

impl State {
    /// A value to stand where a container stands: what a reference leads to, not the reference.
    fn itself(&mut self, index: usize, value: Object) -> Result<Object> {
        let Object::Reference(id) = value else {
            return Ok(value);
        };
        let depth = self.limits.max_depth;
        let (objects, _, _) = self.objects(index)?;
        let Some((_, target)) = objects.resolve(&value) else {
            return Err(no_object(id));
        };
        if let Some(holder) = Holder::of(target) {
            measure(holder, depth)?;
        }
        Ok(target.clone())
    }
}

pub(super) unsafe extern "C" fn add(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    value: *const abi::Val,
    num: *mut u32,
    generation: *mut u32,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let value = state.inbound(index, value)?;
            let value = state.itself(index, value)?;
            if num.is_null() || generation.is_null() {
                return Err(Fault::argument("no room for the answer"));
            }
            let (objects, _, _) = state.objects(index)?;
            let id = objects.add(value)?;
            objects.dirty = true;
            give(num, id.0)?;
            give(generation, u32::from(id.1))
        })
    }
}

pub(super) unsafe extern "C" fn remove(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    num: u32,
    generation: u32,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let id = object_id(num, generation)?;
            let (objects, arena, _) = state.objects(index)?;
            if !objects.heap.contains(id) {
                return Err(no_object(id));
            }
            if objects.pages.as_ref().is_some_and(|pages| pages.hides(id)) {
                objects.sync_pages()?;
            }
            objects.change_object(id, None);
            objects.dirty = true;
            arena.object_ended(index as u32, Root::Object(id));
            Ok(())
        })
    }
}
