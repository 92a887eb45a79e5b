//! One configuration of layers (ISO 32000-2, 8.11.4.3), read with some of its groups only.

use lopdf::{Dictionary, Object, ObjectId};

use crate::document::ids::IdSet;
use crate::document::objects::Objects;

/// The deepest nesting of `/Order` that is read.
const MAX_DEPTH: usize = 32;
/// Values and bytes of texts that are read for one document: hundreds of times what drawings with thousands of layers have,
/// and bounded where a damaged file names the same list again and again.
const MAX_PARTS: usize = 1 << 18;
/// Entries that are taken as they are, if they are texts, names or lists of names.
const PLAIN: [&[u8]; 5] = [b"Name", b"Creator", b"BaseState", b"Intent", b"ListMode"];

/// What is true of groups that are not listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    On,
    Off,
}

/// A configuration.
#[derive(Default)]
pub(super) struct Config {
    /// What is not about single groups.
    plain: Dictionary,
    on: Vec<ObjectId>,
    off: Vec<ObjectId>,
    locked: Vec<ObjectId>,
    /// `/AS`: what follows from the usage of groups when a document is viewed, printed or exported.
    usage: Vec<Object>,
    /// `/RBGroups`: of each of these only one is visible.
    choices: Vec<Object>,
    /// `/Order`: the list of layers that people see.
    order: Vec<Object>,
}

impl Config {
    /// The base state; `None` where groups that are not listed stay as they were.
    pub(super) fn base(&self) -> Option<Base> {
        match self.plain.get(b"BaseState").and_then(Object::as_name) {
            Ok(b"OFF") => Some(Base::Off),
            Ok(b"Unchanged") => None,
            _ => Some(Base::On),
        }
    }

    /// Lists each of `groups` as visible or hidden. One that is listed as both is hidden.
    pub(super) fn make_explicit(&mut self, base: Base, groups: &[ObjectId]) {
        let on: IdSet = self.on.drain(..).collect();
        let off: IdSet = self.off.drain(..).collect();
        for group in groups {
            let is_hidden = off.contains(group) || base == Base::Off && !on.contains(group);
            match is_hidden {
                true => self.off.push(*group),
                false => self.on.push(*group),
            }
        }
    }

    /// Leaves the groups that are not listed as they are.
    pub(super) fn leave_the_rest(&mut self) {
        let unchanged = Object::Name(b"Unchanged".to_vec());
        self.plain.set("BaseState", unchanged);
    }

    pub(super) fn has_groups(&self) -> bool {
        let lists = [&self.on, &self.off, &self.locked];
        let trees = [&self.usage, &self.choices, &self.order];
        lists.iter().any(|list| !list.is_empty()) || trees.iter().any(|tree| !tree.is_empty())
    }

    /// Takes in what another one says of its groups.
    pub(super) fn join(&mut self, other: Self) {
        self.on.extend(other.on);
        self.off.extend(other.off);
        self.locked.extend(other.locked);
        self.usage.extend(other.usage);
        self.choices.extend(other.choices);
        self.order.extend(other.order);
    }

    pub(super) fn into_dictionary(self) -> Dictionary {
        let mut dict = self.plain;
        let lists = [
            ("ON", listed(self.on)),
            ("OFF", listed(self.off)),
            ("Locked", listed(self.locked)),
            ("AS", self.usage),
            ("RBGroups", self.choices),
            ("Order", self.order),
        ];
        for (key, items) in lists {
            if !items.is_empty() {
                dict.set(key, Object::Array(items));
            }
        }
        dict
    }
}

fn listed(groups: Vec<ObjectId>) -> Vec<Object> {
    groups.into_iter().map(Object::Reference).collect()
}

/// What stands before a branch of `/Order`, which without a label belongs to it.
enum Above {
    Nothing,
    Group,
    LeftOut,
}

/// Reads the configurations of one document.
pub(super) struct Reader<'a> {
    objects: &'a Objects,
    /// The number that a group is to have; `None` leaves it out.
    name: &'a dyn Fn(ObjectId) -> Option<ObjectId>,
    /// What may still be read.
    left: usize,
    /// Branches of `/Order` that are being read: one that holds itself is read once.
    open: Vec<ObjectId>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        objects: &'a Objects,
        name: &'a dyn Fn(ObjectId) -> Option<ObjectId>,
    ) -> Self {
        Self {
            objects,
            name,
            left: MAX_PARTS,
            open: Vec::new(),
        }
    }

    pub(super) fn configs(&mut self, items: &[Object]) -> Vec<Config> {
        let mut configs = Vec::new();
        for item in items {
            if !self.may_read(1) {
                break;
            }
            if let Some((_, Object::Dictionary(config))) = self.objects.resolve(item) {
                configs.push(self.config(config));
            }
        }
        configs
    }

    pub(super) fn config(&mut self, dict: &Dictionary) -> Config {
        let mut plain = Dictionary::new();
        for key in PLAIN {
            let value = self.objects.lookup(dict, key);
            if let Some(value) = value.and_then(|value| self.plain(value)) {
                plain.set(key, value);
            }
        }
        let order = match self.objects.lookup(dict, b"Order") {
            Some(Object::Array(items)) => self.order(items, MAX_DEPTH),
            _ => Vec::new(),
        };
        Config {
            plain,
            on: self.groups(self.objects.lookup(dict, b"ON")),
            off: self.groups(self.objects.lookup(dict, b"OFF")),
            locked: self.groups(self.objects.lookup(dict, b"Locked")),
            usage: self.usage(self.objects.lookup(dict, b"AS")),
            choices: self.choices(self.objects.lookup(dict, b"RBGroups")),
            order,
        }
    }

    fn may_read(&mut self, parts: usize) -> bool {
        let left = self.left.checked_sub(parts);
        self.left = left.unwrap_or(0);
        left.is_some()
    }

    /// A text, a name, or a list of names.
    fn plain(&mut self, value: &Object) -> Option<Object> {
        match value {
            Object::String(text, _) | Object::Name(text) => {
                self.may_read(text.len()).then(|| value.clone())
            }
            Object::Array(items) => {
                let mut names = Vec::new();
                for item in items {
                    let Some((_, value @ Object::Name(name))) = self.objects.resolve(item) else {
                        continue;
                    };
                    if !self.may_read(1 + name.len()) {
                        break;
                    }
                    names.push(value.clone());
                }
                Some(Object::Array(names))
            }
            _ => None,
        }
    }

    /// The groups in a list, each once.
    fn groups(&mut self, list: Option<&Object>) -> Vec<ObjectId> {
        let Some(Object::Array(items)) = list else {
            return Vec::new();
        };
        let mut seen = IdSet::default();
        let mut groups = Vec::new();
        for item in items {
            if !self.may_read(1) {
                break;
            }
            if let Some(group) = self.group(item).filter(|group| seen.insert(*group)) {
                groups.push(group);
            }
        }
        groups
    }

    fn group(&self, item: &Object) -> Option<ObjectId> {
        (self.name)(item.as_reference().ok()?)
    }

    fn usage(&mut self, list: Option<&Object>) -> Vec<Object> {
        let Some(Object::Array(items)) = list else {
            return Vec::new();
        };
        let mut usage = Vec::new();
        for item in items {
            if !self.may_read(1) {
                break;
            }
            let Some((_, Object::Dictionary(dict))) = self.objects.resolve(item) else {
                continue;
            };
            let groups = self.groups(self.objects.lookup(dict, b"OCGs"));
            if groups.is_empty() {
                continue;
            }
            let mut copy = Dictionary::new();
            for key in [b"Event".as_slice(), b"Category"] {
                let value = self.objects.lookup(dict, key);
                if let Some(value) = value.and_then(|value| self.plain(value)) {
                    copy.set(key, value);
                }
            }
            copy.set("OCGs", Object::Array(listed(groups)));
            usage.push(Object::Dictionary(copy));
        }
        usage
    }

    fn choices(&mut self, list: Option<&Object>) -> Vec<Object> {
        let Some(Object::Array(items)) = list else {
            return Vec::new();
        };
        let mut choices = Vec::new();
        for item in items {
            if !self.may_read(1) {
                break;
            }
            let groups = self.groups(self.objects.resolve(item).map(|(_, value)| value));
            // Of one there is nothing to choose.
            if groups.len() > 1 {
                choices.push(Object::Array(listed(groups)));
            }
        }
        choices
    }

    /// A list of layers without branches that have become empty. What stands below a group that is left out takes its place.
    fn order(&mut self, items: &[Object], depth: usize) -> Vec<Object> {
        let mut order: Vec<Object> = Vec::new();
        let mut above = Above::Nothing;
        for item in items {
            if !self.may_read(1) {
                break;
            }
            if let Some(group) = self.group(item) {
                order.push(Object::Reference(group));
                above = Above::Group;
                continue;
            }
            let (id, branch) = match self.objects.resolve(item) {
                Some((id, Object::Array(branch))) => (id, branch),
                Some((_, Object::Dictionary(_))) => {
                    above = Above::LeftOut;
                    continue;
                }
                _ => continue,
            };
            let above = std::mem::replace(&mut above, Above::Nothing);
            let Some(depth) = depth.checked_sub(1) else {
                continue;
            };
            if id.is_some_and(|id| self.open.contains(&id)) {
                continue;
            }
            let label = self.label(branch);
            self.open.extend(id);
            let below = self.order(branch, depth);
            if id.is_some() {
                self.open.pop();
            }
            if below.is_empty() {
                continue;
            }
            let would_be_below_another = matches!(order.last(), Some(Object::Reference(_)));
            let is_nested = match above {
                Above::Group => true,
                Above::Nothing => label.is_some() || !would_be_below_another,
                Above::LeftOut => label.is_some(),
            };
            if is_nested {
                order.push(Object::Array(label.into_iter().chain(below).collect()));
            } else {
                order.extend(below);
            }
        }
        order
    }

    fn label(&mut self, branch: &[Object]) -> Option<Object> {
        match self.objects.resolve(branch.first()?) {
            Some((_, label @ Object::String(text, _))) => {
                self.may_read(text.len()).then(|| label.clone())
            }
            _ => None,
        }
    }
}
