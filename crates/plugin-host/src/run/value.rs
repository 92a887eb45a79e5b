//! COS values across the boundary: scalars by value, containers as handles.

use dropleaf_plugin_abi as abi;
use lopdf::{Object, StringFormat};

use crate::document::exact;
use crate::document::heap::Shape;
use crate::document::objects::Objects;
use crate::document::place::{Holder, Root};
use crate::document::unread;
use crate::fault::{Fault, Result};
use crate::run::arena::{Arena, Slot, StepRef};
use crate::run::shell::bytes;
use crate::run::state::State;

/// The most values that are copied at once.
const MAX_NODES: usize = 20_000_000;

/// Whether a reference is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    References,
    Nothing,
}

/// What a value stands in. A handle of it is made only if the value is a container.
#[derive(Clone, Copy)]
pub(crate) enum Parent {
    Slot(Slot),
    /// An indirect object of a document.
    Object(u32, lopdf::ObjectId),
}

/// `object`, which stands at `step` of `parent`, as a value for the plugin.
pub(crate) fn outbound(
    arena: &mut Arena,
    objects: &Objects,
    parent: Parent,
    step: StepRef<'_>,
    object: &Object,
    follow: Follow,
) -> abi::Val {
    let document = match parent {
        Parent::Slot(slot) => arena.document(slot),
        Parent::Object(document, _) => document,
    };
    match object {
        Object::Reference(_) if follow == Follow::References => match objects.resolve(object) {
            Some((Some(id), target)) => indirect(arena, document, id, target),
            _ => scalar(&Object::Null, abi::F_INDIRECT),
        },
        Object::Array(_) | Object::Dictionary(_) | Object::Stream(_) => {
            let slot = match parent {
                Parent::Slot(slot) => slot,
                Parent::Object(document, id) => arena.root_slot(document, Root::Object(id)),
            };
            let handle = arena.child(slot, step);
            container(object, handle, 0)
        }
        _ => scalar(object, 0),
    }
}

/// The indirect object `id`, resolved already, as a value for the plugin.
pub(crate) fn indirect(
    arena: &mut Arena,
    document: u32,
    id: lopdf::ObjectId,
    target: &Object,
) -> abi::Val {
    match target {
        Object::Array(_) | Object::Dictionary(_) | Object::Stream(_) => {
            let handle = arena.root(document, Root::Object(id));
            container(target, handle, abi::F_INDIRECT)
        }
        _ => scalar(target, abi::F_INDIRECT),
    }
}

/// The indirect object `id`, of which the shape is known, as a value for the plugin.
pub(crate) fn resting(
    arena: &mut Arena,
    document: u32,
    id: lopdf::ObjectId,
    shape: Shape,
) -> abi::Val {
    shaped(
        shape,
        arena.root(document, Root::Object(id)),
        abi::F_INDIRECT,
    )
}

/// The value of `key` of an unread dictionary, which has this slot and this text, if it can be told from that.
pub(crate) fn unread_value(
    arena: &mut Arena,
    objects: &Objects,
    slot: Slot,
    key: &[u8],
    text: &[u8],
    follow: Follow,
) -> Option<abi::Val> {
    if let Some(shape) = Shape::of(text) {
        let handle = arena.child(slot, StepRef::Key(key));
        return Some(shaped(shape, handle, 0));
    }
    if let Some(name) = unread::name(text) {
        let u = abi::ValUnion {
            s: abi::Str::new(name),
        };
        return Some(abi::Val {
            type_: abi::NAME,
            flags: 0,
            u,
        });
    }
    match unread::scalar(text)? {
        Object::Reference(id) if follow == Follow::References => {
            let shape = objects.heap.shape(id)?;
            Some(resting(arena, arena.document(slot), id, shape))
        }
        object => Some(scalar(&object, 0)),
    }
}

fn shaped(shape: Shape, handle: abi::Obj, flags: u32) -> abi::Val {
    let type_ = match shape {
        Shape::Array => abi::ARRAY,
        Shape::Dictionary => abi::DICT,
        Shape::Stream => abi::STREAM,
    };
    abi::Val {
        type_,
        flags,
        u: abi::ValUnion { obj: handle },
    }
}

fn container(object: &Object, handle: abi::Obj, flags: u32) -> abi::Val {
    abi::Val {
        type_: kind(object),
        flags,
        u: abi::ValUnion { obj: handle },
    }
}

/// The type number of an object.
pub(crate) fn kind(object: &Object) -> u32 {
    match object {
        Object::Null => abi::NULL,
        Object::Boolean(_) => abi::BOOL,
        Object::Integer(_) => abi::INT,
        Object::Real(_) => abi::REAL,
        Object::Name(name) if exact::wide(name).is_some() => abi::REAL,
        Object::Name(_) => abi::NAME,
        Object::String(..) => abi::STRING,
        Object::Array(_) => abi::ARRAY,
        Object::Dictionary(_) => abi::DICT,
        Object::Stream(_) => abi::STREAM,
        Object::Reference(_) => abi::REF,
    }
}

pub(crate) fn scalar(object: &Object, flags: u32) -> abi::Val {
    let (flags, u) = match object {
        Object::Boolean(value) => (
            flags,
            abi::ValUnion {
                i: i64::from(*value),
            },
        ),
        Object::Integer(value) => (flags, abi::ValUnion { i: *value }),
        Object::Real(_) | Object::Name(_) => (flags, real_or_name(object)),
        Object::String(text, StringFormat::Literal) => (
            flags,
            abi::ValUnion {
                s: abi::Str::new(text),
            },
        ),
        Object::String(text, StringFormat::Hexadecimal) => (
            flags | abi::F_HEX,
            abi::ValUnion {
                s: abi::Str::new(text),
            },
        ),
        Object::Reference(id) => (
            flags,
            abi::ValUnion {
                reference: reference(*id),
            },
        ),
        _ => (flags, abi::ValUnion { i: 0 }),
    };
    abi::Val {
        type_: kind(object),
        flags,
        u,
    }
}

fn real_or_name(object: &Object) -> abi::ValUnion {
    match (exact::value(object), object) {
        (Some(r), _) => abi::ValUnion { r },
        (None, Object::Name(name)) => abi::ValUnion {
            s: abi::Str::new(name),
        },
        _ => abi::ValUnion { i: 0 },
    }
}

pub(crate) fn reference(id: lopdf::ObjectId) -> abi::Reference {
    abi::Reference {
        num: id.0,
        gen_: u32::from(id.1),
    }
}

/// The id that a plugin names.
pub(crate) fn object_id(num: u32, generation: u32) -> Result<lopdf::ObjectId> {
    let generation = u16::try_from(generation)
        .map_err(|_| Fault::argument(format!("generation {generation} is more than 65535")))?;
    Ok((num, generation))
}

impl State {
    /// A value of the plugin as an object for `document`.
    ///
    /// # Safety
    /// Where `value` is not null it points at a value; its text, if it has one, stays as it is during the call.
    pub(crate) unsafe fn inbound(
        &mut self,
        document: usize,
        value: *const abi::Val,
    ) -> Result<Object> {
        // SAFETY: the caller's promise.
        let Some(value) = (unsafe { value.as_ref() }) else {
            return Err(Fault::argument("the value is null"));
        };
        // SAFETY: `type_` says which member of the union was written; each is plain data, and text is as promised.
        unsafe {
            Ok(match value.type_ {
                abi::NULL => Object::Null,
                abi::BOOL => Object::Boolean(value.u.i != 0),
                abi::INT => Object::Integer(value.u.i),
                abi::REAL => real(value.u.r)?,
                abi::NAME => Object::Name(name(bytes(value.u.s)?)?.to_vec()),
                abi::STRING => {
                    Object::String(bytes(value.u.s)?.to_vec(), string_format(value.flags))
                }
                abi::REF => match object_id(value.u.reference.num, value.u.reference.gen_)? {
                    (0, _) => return Err(Fault::argument("object 0 cannot be referred to")),
                    id => Object::Reference(id),
                },
                abi::ARRAY | abi::DICT | abi::STREAM => {
                    self.inbound_container(document, value.u.obj)?
                }
                other => return Err(Fault::argument(format!("a value has no type {other}"))),
            })
        }
    }

    /// An indirect object as a reference, a direct one as a copy.
    fn inbound_container(&mut self, document: usize, handle: abi::Obj) -> Result<Object> {
        let (slot, from) = self.container(handle)?;
        if from != document {
            return Err(Fault::argument(
                "the object belongs to another document: import its pages, or build it anew",
            ));
        }
        match self.arena.whole(slot) {
            Some(Root::Object(id)) => Ok(Object::Reference(id)),
            Some(Root::Trailer) => Err(Fault::argument(
                "the trailer cannot be put into the document",
            )),
            _ => self.copy(slot, from),
        }
    }

    /// A copy of a container as it stands, within the limits.
    pub(crate) fn copy(&mut self, slot: Slot, document: usize) -> Result<Object> {
        let depth = self.limits.max_depth;
        let (objects, arena, _) = self.objects(document)?;
        let holder = arena.holder(slot, objects)?;
        measure(holder, depth)?;
        Ok(holder.copy())
    }
}

/// Refuses what is nested too deeply or too much to copy.
pub(crate) fn measure(holder: Holder<'_>, max_depth: u32) -> Result<u32> {
    let mut nodes = 0usize;
    let mut deepest = 1;
    let mut waiting = Vec::new();
    let mut next = Some((holder, 1u32));
    while let Some((holder, depth)) = next {
        deepest = deepest.max(depth);
        if depth > max_depth {
            return Err(Fault::limit(format!(
                "the value is nested more than {max_depth} levels"
            )));
        }
        let mut push = |object| {
            nodes += 1;
            if let Some(holder) = Holder::of(object) {
                waiting.push((holder, depth + 1));
            }
        };
        match holder {
            Holder::Array(items) => items.iter().for_each(&mut push),
            Holder::Dict(dict) => dict.iter().for_each(|(_, value)| push(value)),
            Holder::Stream(stream) => stream.dict.iter().for_each(|(_, value)| push(value)),
        }
        if nodes > MAX_NODES {
            return Err(Fault::limit(format!(
                "the value holds more than {MAX_NODES} others"
            )));
        }
        next = waiting.pop();
    }
    Ok(deepest)
}

fn real(value: f64) -> Result<Object> {
    exact::real(value)
        .ok_or_else(|| Fault::argument(format!("{value} is no number that a PDF can hold")))
}

pub(crate) fn name(bytes: &[u8]) -> Result<&[u8]> {
    if bytes.contains(&0) {
        return Err(Fault::argument("a name cannot hold a zero byte"));
    }
    Ok(bytes)
}

fn string_format(flags: u32) -> StringFormat {
    if flags & abi::F_HEX == 0 {
        StringFormat::Literal
    } else {
        StringFormat::Hexadecimal
    }
}
