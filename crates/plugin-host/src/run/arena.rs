//! Handles of containers: integers with a generation, and what they lead to.
//!
//! A handle is a slot of this table plus the generation that the slot had when the handle was given. A slot knows its
//! document and either the object it is the whole of, or its parent's slot and the step from there; slots of one
//! container are one slot. Changes of arrays and dictionaries move or end the slots below them, so that a handle
//! always means the container it was given for, or nothing any more.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;

use dropleaf_plugin_abi as abi;

use crate::document::ids::IdHasher;
use crate::document::objects::Objects;
use crate::document::place::{Holder, Place, Root, Step};
use crate::fault::{Fault, Result};

/// What a handle is of; two bits of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object = 1,
    Document = 2,
    Buffer = 3,
}

const GENERATION: u32 = 0x3FFF_FFFF;

/// Builds a handle.
pub(crate) fn handle(kind: Kind, generation: u32, index: usize) -> u64 {
    (kind as u64) << 62 | u64::from(generation & GENERATION) << 32 | (index as u64 + 1)
}

/// Takes a handle apart, if it can be one of `kind`.
pub(crate) fn parts(kind: Kind, handle: u64) -> Option<(u32, usize)> {
    let index = (handle as u32).checked_sub(1)?;
    (handle >> 62 == kind as u64).then_some(((handle >> 32) as u32 & GENERATION, index as usize))
}

/// The kind of a handle, forged or not.
pub(crate) fn kind(handle: u64) -> Option<Kind> {
    match handle >> 62 {
        1 => Some(Kind::Object),
        2 => Some(Kind::Document),
        3 => Some(Kind::Buffer),
        _ => None,
    }
}

/// A slot's number.
pub(crate) type Slot = u32;

/// All container handles of a run.
pub(crate) struct Arena {
    slots: Vec<Entry>,
    free: Vec<Slot>,
    roots: HashMap<(u32, Root), Slot, BuildHasherDefault<IdHasher>>,
    first_generation: u32,
}

struct Entry {
    generation: u32,
    document: u32,
    origin: Origin,
    children: Children,
    /// How often the handle of the slot has been given and not given back; a released parent stays for its children only.
    named: u32,
}

enum Origin {
    Free,
    Root(Root),
    Child(Slot, Step),
}

#[derive(Default)]
enum Children {
    #[default]
    None,
    Keys(HashMap<Box<[u8]>, Slot>),
    Items(BTreeMap<usize, Slot>),
}

/// A step that is not owned yet.
#[derive(Clone, Copy)]
pub(crate) enum StepRef<'a> {
    Key(&'a [u8]),
    Item(usize),
}

impl Arena {
    /// `salt` makes the generations of one run differ from those of another.
    pub(crate) fn new(salt: u32) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            roots: HashMap::default(),
            first_generation: salt & GENERATION,
        }
    }

    // ---- giving ------------------------------------------------------------------------------------------------

    pub(crate) fn root(&mut self, document: u32, root: Root) -> abi::Obj {
        let slot = self.root_slot(document, root);
        self.name(slot)
    }

    /// The slot of a whole object, without a handle for the plugin if there was none.
    pub(crate) fn root_slot(&mut self, document: u32, root: Root) -> Slot {
        if let Some(slot) = self.roots.get(&(document, root)) {
            return *slot;
        }
        let slot = self.new_slot(document, Origin::Root(root));
        self.roots.insert((document, root), slot);
        slot
    }

    pub(crate) fn child(&mut self, parent: Slot, step: StepRef<'_>) -> abi::Obj {
        let known = match (&self.slots[parent as usize].children, step) {
            (Children::Keys(keys), StepRef::Key(key)) => keys.get(key).copied(),
            (Children::Items(items), StepRef::Item(index)) => items.get(&index).copied(),
            _ => None,
        };
        let slot = known.unwrap_or_else(|| self.new_child(parent, step));
        self.name(slot)
    }

    fn new_child(&mut self, parent: Slot, step: StepRef<'_>) -> Slot {
        let document = self.slots[parent as usize].document;
        let owned = match step {
            StepRef::Key(key) => Step::Key(key.into()),
            StepRef::Item(index) => Step::Item(index),
        };
        let slot = self.new_slot(document, Origin::Child(parent, owned));
        let children = &mut self.slots[parent as usize].children;
        match step {
            StepRef::Key(key) => {
                if !matches!(children, Children::Keys(_)) {
                    *children = Children::Keys(HashMap::new());
                }
                if let Children::Keys(keys) = children {
                    keys.insert(key.into(), slot);
                }
            }
            StepRef::Item(index) => {
                if !matches!(children, Children::Items(_)) {
                    *children = Children::Items(BTreeMap::new());
                }
                if let Children::Items(items) = children {
                    items.insert(index, slot);
                }
            }
        }
        slot
    }

    fn new_slot(&mut self, document: u32, origin: Origin) -> Slot {
        let entry = |generation| Entry {
            generation,
            document,
            origin,
            children: Children::None,
            named: 0,
        };
        if let Some(slot) = self.free.pop() {
            let generation = self.slots[slot as usize].generation;
            self.slots[slot as usize] = entry(generation);
            return slot;
        }
        self.slots.push(entry(self.first_generation));
        (self.slots.len() - 1) as Slot
    }

    fn name(&mut self, slot: Slot) -> abi::Obj {
        let entry = &mut self.slots[slot as usize];
        entry.named = entry.named.saturating_add(1);
        handle(Kind::Object, entry.generation, slot as usize)
    }

    // ---- asking ------------------------------------------------------------------------------------------------

    /// The slot that `handle` names now.
    pub(crate) fn slot(&self, handle: abi::Obj) -> Result<Slot> {
        let (generation, index) = parts(Kind::Object, handle).ok_or_else(Fault::handle)?;
        let entry = self.slots.get(index).ok_or_else(Fault::handle)?;
        let live = entry.named > 0
            && entry.generation == generation
            && !matches!(entry.origin, Origin::Free);
        if live {
            Ok(index as Slot)
        } else {
            Err(Fault::handle())
        }
    }

    pub(crate) fn document(&self, slot: Slot) -> u32 {
        self.slots[slot as usize].document
    }

    /// The object that the slot is the whole of.
    pub(crate) fn whole(&self, slot: Slot) -> Option<Root> {
        match &self.slots[slot as usize].origin {
            Origin::Root(root) => Some(*root),
            _ => None,
        }
    }

    /// The object and the key of its dictionary under which the slot's container stands.
    pub(crate) fn entry(&self, slot: Slot) -> Option<(Root, &[u8])> {
        match &self.slots[slot as usize].origin {
            Origin::Child(parent, Step::Key(key)) => Some((self.whole(*parent)?, key)),
            _ => None,
        }
    }

    /// What the slot's path starts at.
    pub(crate) fn start(&self, mut slot: Slot) -> Option<Root> {
        loop {
            match &self.slots[slot as usize].origin {
                Origin::Root(root) => return Some(*root),
                Origin::Child(parent, _) => slot = *parent,
                Origin::Free => return None,
            }
        }
    }

    /// How many steps the container is away from what its path starts at.
    pub(crate) fn depth(&self, mut slot: Slot) -> u32 {
        let mut depth = 0;
        while let Origin::Child(parent, _) = &self.slots[slot as usize].origin {
            depth += 1;
            slot = *parent;
        }
        depth
    }

    /// The container, read.
    pub(crate) fn holder<'d>(&self, slot: Slot, objects: &'d Objects) -> Result<Holder<'d>> {
        self.find(slot, objects).ok_or_else(Fault::handle)
    }

    fn find<'d>(&self, slot: Slot, objects: &'d Objects) -> Option<Holder<'d>> {
        match &self.slots[slot as usize].origin {
            Origin::Free => None,
            Origin::Root(root) => objects.root(*root),
            // As deep as the value is nested, which is bounded.
            Origin::Child(parent, step) => Holder::of(self.find(*parent, objects)?.step(step)?),
        }
    }

    /// The container's path, for changes.
    pub(crate) fn place(&self, mut slot: Slot) -> Result<Place> {
        let mut steps = Vec::new();
        loop {
            match &self.slots[slot as usize].origin {
                Origin::Free => return Err(Fault::handle()),
                Origin::Root(root) => {
                    steps.reverse();
                    return Ok(Place { root: *root, steps });
                }
                Origin::Child(parent, step) => {
                    steps.push(step.clone());
                    slot = *parent;
                }
            }
        }
    }

    // ---- ending ------------------------------------------------------------------------------------------------

    /// The handle is not needed any more where it was given. Answers a loose value that nobody can reach now.
    pub(crate) fn release(&mut self, handle: abi::Obj) -> Result<Option<(u32, u32)>> {
        let slot = self.slot(handle)?;
        self.slots[slot as usize].named -= 1;
        Ok(self.sweep(slot))
    }

    /// Frees `slot` and the parents that stayed only for it.
    fn sweep(&mut self, mut slot: Slot) -> Option<(u32, u32)> {
        loop {
            let entry = &self.slots[slot as usize];
            let childless = match &entry.children {
                Children::None => true,
                Children::Keys(keys) => keys.is_empty(),
                Children::Items(items) => items.is_empty(),
            };
            if entry.named > 0 || !childless {
                return None;
            }
            let document = entry.document;
            match self.end(slot) {
                Origin::Child(parent, step) => {
                    match (&mut self.slots[parent as usize].children, step) {
                        (Children::Keys(keys), Step::Key(key)) => drop(keys.remove(&key)),
                        (Children::Items(items), Step::Item(index)) => drop(items.remove(&index)),
                        _ => {}
                    }
                    slot = parent;
                }
                Origin::Root(Root::Loose(index)) => return Some((document, index)),
                Origin::Root(_) | Origin::Free => return None,
            }
        }
    }

    /// Ends a slot and all below it; the parent must forget it.
    fn end(&mut self, slot: Slot) -> Origin {
        let mut waiting = vec![slot];
        let mut first = None;
        while let Some(slot) = waiting.pop() {
            let entry = &mut self.slots[slot as usize];
            match std::mem::take(&mut entry.children) {
                Children::None => {}
                Children::Keys(keys) => waiting.extend(keys.into_values()),
                Children::Items(items) => waiting.extend(items.into_values()),
            }
            entry.generation = (entry.generation + 1) & GENERATION;
            entry.named = 0;
            let origin = std::mem::replace(&mut entry.origin, Origin::Free);
            if let Origin::Root(root) = &origin {
                self.roots.remove(&(entry.document, *root));
            }
            self.free.push(slot);
            first.get_or_insert(origin);
        }
        first.unwrap_or(Origin::Free)
    }

    fn end_all(&mut self, slots: impl IntoIterator<Item = Slot>) {
        for slot in slots {
            self.end(slot);
        }
    }

    /// `key` of the dictionary has another value now.
    pub(crate) fn key_changed(&mut self, slot: Slot, key: &[u8]) {
        if let Children::Keys(keys) = &mut self.slots[slot as usize].children
            && let Some(child) = keys.remove(key)
        {
            self.end(child);
        }
    }

    /// An item of the array has another value now.
    pub(crate) fn item_changed(&mut self, slot: Slot, index: usize) {
        if let Children::Items(items) = &mut self.slots[slot as usize].children
            && let Some(child) = items.remove(&index)
        {
            self.end(child);
        }
    }

    /// Items from `index` on have moved one down.
    pub(crate) fn item_inserted(&mut self, slot: Slot, index: usize) {
        self.shift(slot, index, |index| index + 1);
    }

    /// The item at `index` is gone, those behind it have moved one up.
    pub(crate) fn item_removed(&mut self, slot: Slot, index: usize) {
        self.item_changed(slot, index);
        self.shift(slot, index, |index| index - 1);
    }

    fn shift(&mut self, slot: Slot, from: usize, to: impl Fn(usize) -> usize) {
        let Children::Items(items) = &mut self.slots[slot as usize].children else {
            return;
        };
        let moved: Vec<(usize, Slot)> = items
            .split_off(&from)
            .into_iter()
            .map(|(index, child)| (to(index), child))
            .collect();
        items.extend(moved.iter().copied());
        for (index, child) in moved {
            if let Origin::Child(_, step) = &mut self.slots[child as usize].origin {
                *step = Step::Item(index);
            }
        }
    }

    /// The container has been replaced: what was in it is gone, it stands.
    pub(crate) fn emptied(&mut self, slot: Slot) {
        let children = std::mem::take(&mut self.slots[slot as usize].children);
        match children {
            Children::None => {}
            Children::Keys(keys) => self.end_all(keys.into_values()),
            Children::Items(items) => self.end_all(items.into_values()),
        }
    }

    /// The object is gone.
    pub(crate) fn object_ended(&mut self, document: u32, root: Root) {
        if let Some(slot) = self.roots.get(&(document, root)).copied() {
            self.end(slot);
        }
    }

    /// The document is another one now, or gone.
    pub(crate) fn document_ended(&mut self, document: u32) {
        let roots: Vec<Slot> = self
            .roots
            .iter()
            .filter(|((of, _), _)| *of == document)
            .map(|(_, slot)| *slot)
            .collect();
        self.end_all(roots);
    }
}
