//! `leaf.cos/1`: objects and pages. The header says what each function promises.

use dropleaf_plugin_abi as abi;
use lopdf::Object;

use crate::document::import;
use crate::document::place::{Holder, Root};
use crate::document::syntax;
use crate::fault::{Fault, Result};
use crate::run::arena::{Kind, Slot, StepRef, kind};
use crate::run::shell::{bytes, enter, give};
use crate::run::state::State;
use crate::run::value::{Follow, Parent, indirect, measure, name, object_id, outbound};
use crate::run::view;

pub(crate) static TABLE: abi::CosV1 = abi::CosV1 {
    struct_size: size_of::<abi::CosV1>() as u32,
    reserved: 0,
    page_count,
    page,
    page_attr,
    trailer,
    catalog,
    object,
    object_next,
    object_id: object_id_of,
    len,
    dict_get,
    dict_get_raw,
    dict_at,
    array_get,
    array_get_raw,
    view: view_of,
    to_syntax,
    from_syntax,
    dict_put,
    dict_remove,
    array_put,
    array_insert,
    array_remove,
    replace,
    add,
    remove,
    page_insert,
    page_remove,
    page_move,
    import_pages,
    release,
};

// SAFETY (all `unsafe` blocks of this file): the plugin keeps to the header. Its context is the one it was given, its
// texts and values stay as they are during the call, and where it asks for an answer there is room for one. What it
// can get wrong with integers alone (handles, indexes, object numbers) is checked.

unsafe extern "C" fn page_count(ctx: *mut abi::Ctx, doc: abi::Doc, out: *mut u32) -> abi::Status {
    // SAFETY: as said at the top of the file; so below.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let count = state.objects(index)?.0.pages()?.len();
            give(out, u32::try_from(count).unwrap_or(u32::MAX))
        })
    }
}

unsafe extern "C" fn page(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    number: u32,
    out: *mut abi::Obj,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let (objects, arena, _) = state.objects(index)?;
            let id = objects.page(number)?;
            give(out, arena.root(index as u32, Root::Object(id)))
        })
    }
}

unsafe extern "C" fn page_attr(
    ctx: *mut abi::Ctx,
    page: abi::Obj,
    key: abi::Str,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let key = bytes(key)?;
            let (slot, index) = state.container(page)?;
            let (objects, arena, _) = state.objects(index)?;
            let Some(Root::Object(id)) = arena.whole(slot) else {
                return Err(Fault::not_a("a page", "a direct object"));
            };
            if arena.holder(slot, objects)?.dict().is_none() {
                return Err(Fault::not_a("a page", "an array"));
            }
            // The list puts the tree in order, so that what is inherited is found.
            objects.pages()?;
            let (owner, value) = objects
                .page_attribute(id, key)
                .ok_or_else(|| Fault::no_key(key))?;
            let owner = Parent::Object(index as u32, owner);
            let value = outbound(
                arena,
                objects,
                owner,
                StepRef::Key(key),
                value,
                Follow::References,
            );
            give(out, value)
        })
    }
}

unsafe extern "C" fn trailer(ctx: *mut abi::Ctx, doc: abi::Doc, out: *mut abi::Obj) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let (_, arena, _) = state.objects(index)?;
            give(out, arena.root(index as u32, Root::Trailer))
        })
    }
}

unsafe extern "C" fn catalog(ctx: *mut abi::Ctx, doc: abi::Doc, out: *mut abi::Obj) -> abi::Status {
    // SAFETY: see above.
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

unsafe extern "C" fn object(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    num: u32,
    generation: u32,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let id = object_id(num, generation)?;
            let (objects, arena, _) = state.objects(index)?;
            if !objects.pdf.objects.contains_key(&id) {
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

fn no_object(id: lopdf::ObjectId) -> Fault {
    Fault::new(
        abi::E_NOT_FOUND,
        format!("the document has no object {} {}", id.0, id.1),
    )
}

unsafe extern "C" fn object_next(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    num: *mut u32,
    generation: *mut u32,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let (Some(at), Some(at_generation)) = (num.as_ref(), generation.as_ref()) else {
                return Err(Fault::argument("no room for the answer"));
            };
            let after = object_id(*at, *at_generation)?;
            let (objects, _, _) = state.objects(index)?;
            let from = std::ops::Bound::Excluded(after);
            let next = objects
                .pdf
                .objects
                .range((from, std::ops::Bound::Unbounded))
                .next()
                .map(|(id, _)| *id);
            let next =
                next.ok_or_else(|| Fault::new(abi::E_NOT_FOUND, "that was the last object"))?;
            give(num, next.0)?;
            give(generation, u32::from(next.1))
        })
    }
}

unsafe extern "C" fn object_id_of(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    num: *mut u32,
    generation: *mut u32,
) -> abi::Status {
    // SAFETY: see above.
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

unsafe extern "C" fn len(ctx: *mut abi::Ctx, obj: abi::Obj, out: *mut usize) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let (slot, index) = state.container(obj)?;
            let (objects, arena, _) = state.objects(index)?;
            let length = match arena.holder(slot, objects)? {
                Holder::Array(items) => items.len(),
                Holder::Dict(dict) => dict.len(),
                Holder::Stream(stream) => stream.content.len(),
            };
            give(out, length)
        })
    }
}

// ---- reading -------------------------------------------------------------------------------------------------------

fn value_of_key(state: &mut State, obj: abi::Obj, key: &[u8], follow: Follow) -> Result<abi::Val> {
    let (slot, index) = state.container(obj)?;
    let (objects, arena, _) = state.objects(index)?;
    let holder = arena.holder(slot, objects)?;
    let dict = holder
        .dict()
        .ok_or_else(|| Fault::not_a("a dictionary", holder.kind()))?;
    if !dict.has(key) {
        return Err(Fault::no_key(key));
    }
    let value = dict.get(key).map_err(|_| Fault::no_key(key))?;
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

unsafe extern "C" fn dict_get(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    key: abi::Str,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            give(
                out,
                value_of_key(state, obj, bytes(key)?, Follow::References)?,
            )
        })
    }
}

unsafe extern "C" fn dict_get_raw(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    key: abi::Str,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            give(out, value_of_key(state, obj, bytes(key)?, Follow::Nothing)?)
        })
    }
}

unsafe extern "C" fn dict_at(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    at: usize,
    key: *mut abi::Str,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: see above.
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

unsafe extern "C" fn array_get(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    item: usize,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            give(out, value_of_item(state, obj, item, Follow::References)?)
        })
    }
}

unsafe extern "C" fn array_get_raw(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    item: usize,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            give(out, value_of_item(state, obj, item, Follow::Nothing)?)
        })
    }
}

unsafe extern "C" fn view_of(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    out: *mut *const abi::Node,
    n: *mut usize,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let (slot, index) = state.container(obj)?;
            let depth = state.limits.max_depth;
            let (objects, arena, scratch) = state.objects(index)?;
            let holder = arena.holder(slot, objects)?;
            measure(holder, depth)?;
            scratch.view.clear();
            view::flatten(holder, &mut scratch.view);
            if out.is_null() || n.is_null() {
                return Err(Fault::argument("no room for the answer"));
            }
            give(out, scratch.view.as_ptr())?;
            give(n, scratch.view.len())
        })
    }
}

unsafe extern "C" fn to_syntax(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    out: *mut abi::Str,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let (slot, index) = state.container(obj)?;
            let depth = state.limits.max_depth;
            let (objects, arena, scratch) = state.objects(index)?;
            let holder = arena.holder(slot, objects)?;
            measure(holder, depth)?;
            scratch.syntax.clear();
            syntax::write(holder, &mut scratch.syntax)?;
            give(out, abi::Str::new(&scratch.syntax))
        })
    }
}

// ---- writing -------------------------------------------------------------------------------------------------------

unsafe extern "C" fn from_syntax(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    source: abi::Str,
    out: *mut abi::Obj,
) -> abi::Status {
    // SAFETY: see above.
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
fn changed(state: &mut State, slot: Slot, index: usize) -> Result<()> {
    if !matches!(state.arena.start(slot), Some(Root::Loose(_))) {
        state.objects(index)?.0.dirty = true;
    }
    Ok(())
}

/// Refuses a value that would lie too deep where it is put.
fn check_depth(state: &mut State, slot: Slot, value: &Object) -> Result<()> {
    let Some(holder) = Holder::of(value) else {
        return Ok(());
    };
    let above = state.arena.depth(slot) + 1;
    measure(holder, state.limits.max_depth.saturating_sub(above)).map(|_| ())
}

unsafe extern "C" fn dict_put(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    key: abi::Str,
    value: *const abi::Val,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let key = name(bytes(key)?)?;
            let (slot, index) = state.container(obj)?;
            let value = state.inbound(index, value)?;
            check_depth(state, slot, &value)?;
            let place = state.arena.place(slot)?;
            state.objects(index)?.0.put(place, &key, value)?;
            state.arena.key_changed(slot, &key);
            changed(state, slot, index)
        })
    }
}

unsafe extern "C" fn dict_remove(ctx: *mut abi::Ctx, obj: abi::Obj, key: abi::Str) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let key = bytes(key)?;
            let (slot, index) = state.container(obj)?;
            let place = state.arena.place(slot)?;
            state.objects(index)?.0.remove_key(place, key)?;
            state.arena.key_changed(slot, key);
            changed(state, slot, index)
        })
    }
}

unsafe extern "C" fn array_put(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    item: usize,
    value: *const abi::Val,
) -> abi::Status {
    // SAFETY: see above.
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

unsafe extern "C" fn array_insert(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    item: usize,
    value: *const abi::Val,
) -> abi::Status {
    // SAFETY: see above.
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

unsafe extern "C" fn array_remove(ctx: *mut abi::Ctx, obj: abi::Obj, item: usize) -> abi::Status {
    // SAFETY: see above.
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

unsafe extern "C" fn replace(
    ctx: *mut abi::Ctx,
    obj: abi::Obj,
    value: *const abi::Val,
) -> abi::Status {
    // SAFETY: see above.
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

unsafe extern "C" fn add(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    value: *const abi::Val,
    num: *mut u32,
    generation: *mut u32,
) -> abi::Status {
    // SAFETY: see above.
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

unsafe extern "C" fn remove(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    num: u32,
    generation: u32,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let id = object_id(num, generation)?;
            let (objects, arena, _) = state.objects(index)?;
            if !objects.pdf.objects.contains_key(&id) {
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

// ---- pages ---------------------------------------------------------------------------------------------------------

unsafe extern "C" fn page_insert(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    at: u32,
    page: abi::Obj,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let (slot, from) = state.container(page)?;
            if from != index {
                return Err(Fault::argument(
                    "the page belongs to another document: use import_pages",
                ));
            }
            let whole = state.arena.whole(slot);
            let value = state.copy(slot, from)?;
            let Object::Dictionary(mut dict) = value else {
                return Err(Fault::not_a("a page dictionary", "another object"));
            };
            let (objects, _, _) = state.objects(index)?;
            let total = objects.pages()?.len();
            if at as usize > total {
                return Err(Fault::argument(format!(
                    "cannot insert at {at}: the document has {total} pages"
                )));
            }
            let id = match whole {
                Some(Root::Object(id)) => {
                    if !dict.has_type(b"Page") {
                        let place = crate::document::place::Place::object(id);
                        objects.put(place, b"Type", Object::Name(b"Page".to_vec()))?;
                    }
                    id
                }
                _ => {
                    dict.set("Type", Object::Name(b"Page".to_vec()));
                    objects.add(Object::Dictionary(dict))?
                }
            };
            objects.insert_pages(at, &[id])?;
            objects.dirty = true;
            Ok(())
        })
    }
}

unsafe extern "C" fn page_remove(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    at: u32,
    count: u32,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let (objects, _, _) = state.objects(index)?;
            objects.remove_pages(at, count)?;
            objects.dirty |= count > 0;
            Ok(())
        })
    }
}

unsafe extern "C" fn page_move(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    from: u32,
    to: u32,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let (objects, _, _) = state.objects(index)?;
            objects.move_page(from, to)?;
            objects.dirty |= from != to;
            Ok(())
        })
    }
}

unsafe extern "C" fn import_pages(
    ctx: *mut abi::Ctx,
    to: abi::Doc,
    at: u32,
    from: abi::Doc,
    first: u32,
    count: u32,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        enter(ctx, |state| {
            let (to, from) = (state.document_index(to)?, state.document_index(from)?);
            if to == from {
                let (objects, _, _) = state.objects(to)?;
                import::repeat_pages(objects, at, first, count)?;
                objects.dirty |= count > 0;
                return Ok(());
            }
            let imported = state.imported.entry((to as u32, from as u32)).or_default();
            let pair = state
                .documents
                .get_disjoint_mut([to, from])
                .map_err(|_| Fault::handle())?;
            let [Some(to), Some(from)] = pair.map(|held| held.document.as_mut()) else {
                return Err(Fault::handle());
            };
            let objects = to.objects()?;
            import::import_pages(objects, at, from.objects()?, first, count, imported)?;
            objects.dirty |= count > 0;
            Ok(())
        })
    }
}

unsafe extern "C" fn release(ctx: *mut abi::Ctx, handle: u64) -> abi::Status {
    // SAFETY: see above.
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
