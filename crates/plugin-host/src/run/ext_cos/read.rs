//! Finding and reading objects, and letting go of them.

use dropleaf_plugin_abi as abi;
use lopdf::Object;

use crate::document::latent::check::MAX_DEPTH;
use crate::document::place::{Holder, Root, entry};
use crate::document::syntax;
use crate::fault::{Fault, Result};
use crate::run::arena::{Kind, StepRef, kind};
use crate::run::shell::{bytes, enter, give};
use crate::run::state::State;
use crate::run::value::{
    Follow, Parent, indirect, measure, object_id, outbound, resting, unread_value,
};
use crate::run::view;

pub(super) unsafe extern "C" fn trailer(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    out: *mut abi::Obj,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let (_, arena, _) = state.objects(index)?;
            give(out, arena.root(index as u32, Root::Trailer))
        })
    }
}

pub(super) unsafe extern "C" fn catalog(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    out: *mut abi::Obj,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let (objects, arena, _) = state.objects(index)?;
            // The list finds a catalog that the trailer has lost.
            objects.pages()?;
            let root = objects
                .pdf
                .trailer
                .get(b"Root")
                .ok()
                .and_then(|root| root.as_reference().ok());
            let id =
                root.ok_or_else(|| Fault::new(abi::E_NOT_FOUND, "the document has no catalog"))?;
            give(out, arena.root(index as u32, Root::Object(id)))
        })
    }
}

pub(super) unsafe extern "C" fn object(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    num: u32,
    generation: u32,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let id = object_id(num, generation)?;
            let (objects, arena, _) = state.objects(index)?;
            if let Some(shape) = objects.heap.shape(id) {
                return give(out, resting(arena, index as u32, id, shape));
            }
            if !objects.heap.contains(id) {
                return Err(no_object(id));
            }
            let value = match objects.resolve(&Object::Reference(id)) {
                Some((found, target)) => indirect(arena, index as u32, found.unwrap_or(id), target),
                None => indirect(arena, index as u32, id, &Object::Null),
            };
            give(out, value)
        })
    }
}

pub(super) fn no_object(id: lopdf::ObjectId) -> Fault {
    Fault::new(
        abi::E_NOT_FOUND,
        format!("the document has no object {} {}", id.0, id.1),
    )
}

pub(super) unsafe extern "C" fn object_next(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    num: *mut u32,
    generation: *mut u32,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let (Some(at), Some(at_generation)) = (num.as_ref(), generation.as_ref()) else {
                return Err(Fault::argument("no room for the answer"));
            };
            let after = object_id(*at, *at_generation)?;
            let (objects, _, _) = state.objects(index)?;
            let next = objects
                .heap
                .next(after)
                .ok_or_else(|| Fault::new(abi::E_NOT_FOUND, "that was the last object"))?;
            give(num, next.0)?;
            give(generation, u32::from(next.1))
        })
    }
}

pub(super) unsafe extern "C" fn object_id_of(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    num: *mut u32,
    generation: *mut u32,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let (slot, _) = state.container(obj)?;
            let Some(Root::Object(id)) = state.arena.whole(slot) else {
                return Err(Fault::new(
                    abi::E_NOT_FOUND,
                    "a direct object has no number",
                ));
            };
            if num.is_null() || generation.is_null() {
                return Err(Fault::argument("no room for the answer"));
            }
            give(num, id.0)?;
            give(generation, u32::from(id.1))
        })
    }
}

pub(super) unsafe extern "C" fn len(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    out: *mut usize,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let (slot, index) = state.container(obj)?;
            let (objects, arena, _) = state.objects(index)?;
            let length = match arena.holder(slot, objects)? {
                Holder::Array(items) => items.len(),
                Holder::Dict(dict) => dict.len(),
                Holder::Stream(stream) => objects.heap.content(stream).len(),
            };
            give(out, length)
        })
    }
}

fn value_of_key(state: &mut State, obj: abi::Obj, key: &[u8], follow: Follow) -> Result<abi::Val> {
    let (slot, index) = state.container(obj)?;
    let (objects, arena, _) = state.objects(index)?;
    if let Some(Root::Object(id)) = arena.whole(slot)
        && let Some(dict) = objects.heap.unread(id)
    {
        let text = dict.get(key).ok_or_else(|| Fault::no_key(key))?;
        if let Some(value) = unread_value(arena, objects, slot, key, text, follow) {
            return Ok(value);
        }
    }
    let holder = arena.holder(slot, objects)?;
    let dict = holder
        .dict()
        .ok_or_else(|| Fault::not_a("a dictionary", holder.kind()))?;
    let value = entry(dict, key).ok_or_else(|| Fault::no_key(key))?;
    Ok(outbound(
        arena,
        objects,
        Parent::Slot(slot),
        StepRef::Key(key),
        value,
        follow,
    ))
}

fn value_of_item(
    state: &mut State,
    obj: abi::Obj,
    item: usize,
    follow: Follow,
) -> Result<abi::Val> {
    let (slot, index) = state.container(obj)?;
    let (objects, arena, _) = state.objects(index)?;
    let holder = arena.holder(slot, objects)?;
    let items = holder
        .array()
        .ok_or_else(|| Fault::not_a("an array", holder.kind()))?;
    let value = items
        .get(item)
        .ok_or_else(|| Fault::no_item(item, items.len()))?;
    Ok(outbound(
        arena,
        objects,
        Parent::Slot(slot),
        StepRef::Item(item),
        value,
        follow,
    ))
}

pub(super) unsafe extern "C" fn dict_get(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    key: abi::Str,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            give(
                out,
                value_of_key(state, obj, bytes(key)?, Follow::References)?,
            )
        })
    }
}

pub(super) unsafe extern "C" fn dict_get_raw(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    key: abi::Str,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            give(out, value_of_key(state, obj, bytes(key)?, Follow::Nothing)?)
        })
    }
}

pub(super) unsafe extern "C" fn dict_at(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    at: usize,
    key: *mut abi::Str,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let (slot, index) = state.container(obj)?;
            let (objects, arena, _) = state.objects(index)?;
            let holder = arena.holder(slot, objects)?;
            let dict = holder
                .dict()
                .ok_or_else(|| Fault::not_a("a dictionary", holder.kind()))?;
            let (name, value) = dict.iter().nth(at).ok_or_else(|| {
                Fault::new(
                    abi::E_NOT_FOUND,
                    format!("no entry {at}: the dictionary has {}", dict.len()),
                )
            })?;
            let value = outbound(
                arena,
                objects,
                Parent::Slot(slot),
                StepRef::Key(name),
                value,
                Follow::Nothing,
            );
            if key.is_null() || out.is_null() {
                return Err(Fault::argument("no room for the answer"));
            }
            give(key, abi::Str::new(name))?;
            give(out, value)
        })
    }
}

pub(super) unsafe extern "C" fn array_get(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    item: usize,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            give(out, value_of_item(state, obj, item, Follow::References)?)
        })
    }
}

pub(super) unsafe extern "C" fn array_get_raw(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    item: usize,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            give(out, value_of_item(state, obj, item, Follow::Nothing)?)
        })
    }
}

pub(super) unsafe extern "C" fn view_of(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    out: *mut *const abi::Node,
    n: *mut usize,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let (slot, index) = state.container(obj)?;
            let depth = state.limits.max_depth;
            let (objects, arena, scratch) = state.objects(index)?;
            scratch.view.clear();
            let unread = match arena.whole(slot) {
                Some(Root::Object(id)) => view::unread(&objects.heap, id, depth, &mut scratch.view),
                _ => None,
            };
            if unread.is_none() {
                let holder = arena.holder(slot, objects)?;
                measure(holder, depth)?;
                scratch.view.clear();
                view::flatten(holder, &mut scratch.view);
            }
            if out.is_null() || n.is_null() {
                return Err(Fault::argument("no room for the answer"));
            }
            give(out, scratch.view.as_ptr())?;
            give(n, scratch.view.len())
        })
    }
}

pub(super) unsafe extern "C" fn to_syntax(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    out: *mut abi::Str,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let (slot, index) = state.container(obj)?;
            let depth = state.limits.max_depth;
            let (objects, arena, scratch) = state.objects(index)?;
            scratch.syntax.clear();
            if let Some((Root::Object(id), key)) = arena.entry(slot)
                && depth > MAX_DEPTH
                && let Some(text) = objects.heap.unread(id).and_then(|dict| dict.get(key))
            {
                scratch.syntax.extend_from_slice(text);
                return give(out, abi::Str::new(&scratch.syntax));
            }
            let holder = arena.holder(slot, objects)?;
            measure(holder, depth)?;
            syntax::write(holder, &mut scratch.syntax);
            give(out, abi::Str::new(&scratch.syntax))
        })
    }
}

pub(super) unsafe extern "C" fn release(ctx: *mut abi::Ctx, handle: u64) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| match kind(handle) {
            Some(Kind::Object) => {
                if let Some((document, loose)) = state.arena.release(handle)?
                    && let Ok((objects, _, _)) = state.objects(document as usize)
                {
                    objects.drop_loose(loose);
                }
                Ok(())
            }
            Some(Kind::Document) => state.release_document(handle),
            Some(Kind::Buffer) => {
                *state.buffer(handle)? = None;
                Ok(())
            }
            None if handle == abi::DOCUMENT => Ok(()),
            None => Err(Fault::handle()),
        })
    }
}
