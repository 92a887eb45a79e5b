//! Pages: counted, read, inserted, removed, moved, imported.

use dropleaf_plugin_abi as abi;
use lopdf::Object;

use crate::document::import;
use crate::document::pages::Attribute;
use crate::document::place::{Place, Root};
use crate::fault::Fault;
use crate::run::arena::StepRef;
use crate::run::shell::{bytes, enter, give};
use crate::run::value::{Follow, Parent, outbound, scalar};

pub(super) unsafe extern "C" fn page_count(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    out: *mut u32,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let count = state.objects(index)?.0.pages()?.len();
            give(out, u32::try_from(count).unwrap_or(u32::MAX))
        })
    }
}

pub(super) unsafe extern "C" fn page(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    number: u32,
    out: *mut abi::Obj,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let index = state.document_index(doc)?;
            let (objects, arena, _) = state.objects(index)?;
            let id = objects.page(number)?;
            give(out, arena.root(index as u32, Root::Object(id)))
        })
    }
}

pub(super) unsafe extern "C" fn page_attr(
    ctx: *mut abi::Ctx,
    page: abi::Obj,
    key: abi::Str,
    out: *mut abi::Val,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
    unsafe {
        enter(ctx, |state| {
            let key = bytes(key)?;
            let (slot, index) = state.container(page)?;
            let (objects, arena, _) = state.objects(index)?;
            let Some(Root::Object(id)) = arena.whole(slot) else {
                return Err(Fault::not_a("a page", "a direct object"));
            };
            let is_dict = objects.heap.unread(id).is_some();
            if !is_dict && arena.holder(slot, objects)?.dict().is_none() {
                return Err(Fault::not_a("a page", "an array"));
            }
            // The list puts the tree in order, so that what is inherited is found.
            objects.pages()?;
            if let Some(Attribute::Own(value)) = objects.unread_attribute(id, key) {
                return give(out, scalar(&value, 0));
            }
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

pub(super) unsafe extern "C" fn page_insert(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    at: u32,
    page: abi::Obj,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
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
            let id = match whole {
                Some(Root::Object(id)) => {
                    objects.may_insert(at, &[id])?;
                    if !dict.has_type(b"Page") {
                        let place = Place::object(id);
                        objects.put(place, b"Type", Object::Name(b"Page".to_vec()))?;
                    }
                    id
                }
                _ => {
                    objects.may_insert(at, &[])?;
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

pub(super) unsafe extern "C" fn page_remove(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    at: u32,
    count: u32,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
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

pub(super) unsafe extern "C" fn page_move(
    ctx: *mut abi::Ctx,
    doc: abi::Doc,
    from: u32,
    to: u32,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
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

pub(super) unsafe extern "C" fn import_pages(
    ctx: *mut abi::Ctx,
    to: abi::Doc,
    at: u32,
    from: abi::Doc,
    first: u32,
    count: u32,
) -> abi::Status {
    // SAFETY: as said at the top of `ext_cos`.
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
