//! Layers, and how they are shown (ISO 32000-2, 8.11.4).
//!
//! Configurations come along, cut to the layers that have come. A document that has layers of its own, or of another one,
//! keeps its configuration, which is told of the others what theirs said of them.

mod config;

use lopdf::{Dictionary, Object, ObjectId};

use super::{append, catalog, references};
use crate::document::carry::layers::config::{Base, Config, Reader};
use crate::document::copy::Copy;
use crate::document::ids::{IdMap, IdSet};
use crate::document::objects::Objects;
use crate::document::place::{Holder, Place};
use crate::fault::Result;

/// Enters the layers that have come.
pub(crate) fn layers(copy: &mut Copy<'_>) -> Result<()> {
    let Some(theirs) =
        catalog(copy.from).and_then(|catalog| copy.from.below(&catalog, b"OCProperties"))
    else {
        return Ok(());
    };
    let mut mine = IdSet::default();
    let mut come: Vec<(ObjectId, ObjectId)> = Vec::new();
    for there in references(copy.from, &theirs, b"OCGs") {
        if let Some(here) = copy.here(there)
            && mine.insert(here)
        {
            come.push((there, here));
        }
    }
    let Some(ours) = catalog(copy.to).filter(|_| !come.is_empty()) else {
        return Ok(());
    };
    let properties = properties(copy.to, &ours)?;
    let known: IdSet = references(copy.to, &properties, b"OCGs")
        .into_iter()
        .collect();
    if mine.is_subset(&known) {
        return Ok(());
    }
    let here: IdMap<ObjectId> = come.iter().copied().collect();
    let mut theirs = Configs::read(copy.from, &theirs, |id| here.get(&id).copied());
    let configs = if known.is_subset(&mine) {
        theirs
    } else {
        let groups: Vec<ObjectId> = come.iter().map(|(_, here)| *here).collect();
        theirs.make_explicit(&groups);
        // Those that came with earlier pages are entered anew, so that all stand in the order that they had.
        let all = Configs::read(copy.to, &properties, Some);
        let rest = |id| (!mine.contains(&id)).then_some(id);
        let mut joined = Configs::read(copy.to, &properties, rest);
        joined.forget_those_that_were_of_others(&all);
        joined.join(theirs);
        joined
    };
    for (_, id) in come.iter().filter(|(_, id)| !known.contains(id)) {
        append(copy.to, &properties, b"OCGs", *id)?;
    }
    let default = Object::Dictionary(configs.default.into_dictionary());
    copy.to.put(properties.clone(), b"D", default)?;
    let others = configs.others.into_iter();
    let others: Vec<Object> = others
        .map(|config| Object::Dictionary(config.into_dictionary()))
        .collect();
    if !others.is_empty() || copy.to.below(&properties, b"Configs").is_some() {
        copy.to.put(properties, b"Configs", Object::Array(others))?;
    }
    Ok(())
}

/// The place of what a document says of its layers, made where there is none.
fn properties(to: &mut Objects, catalog: &Place) -> Result<Place> {
    let key = b"OCProperties".as_slice();
    let found = to.below(catalog, key);
    match found.filter(|place| matches!(to.holder(place), Some(Holder::Dict(_)))) {
        Some(place) => Ok(place),
        None => {
            let empty = Object::Dictionary(Dictionary::new());
            to.put(catalog.clone(), key, empty)?;
            Ok(catalog.clone().key(key))
        }
    }
}

/// All configurations of a document.
struct Configs {
    default: Config,
    others: Vec<Config>,
}

impl Configs {
    /// Reads those in the properties at `place`, with the groups for which `name` knows a name.
    fn read(objects: &Objects, place: &Place, name: impl Fn(ObjectId) -> Option<ObjectId>) -> Self {
        let mut reader = Reader::new(objects, &name);
        let properties = objects.holder(place).and_then(Holder::dict);
        let value = |key: &[u8]| objects.lookup(properties?, key);
        let default = value(b"D").and_then(|default| default.as_dict().ok());
        let default = default.map(|default| reader.config(default));
        let others = match value(b"Configs") {
            Some(Object::Array(items)) => reader.configs(items),
            _ => Vec::new(),
        };
        Self {
            default: default.unwrap_or_default(),
            others,
        }
    }

    /// Says of each of `groups` whether it is visible, so that it does not matter what is said of all others.
    fn make_explicit(&mut self, groups: &[ObjectId]) {
        // The default configuration has no state before it that could stay unchanged.
        let base = self.default.base().unwrap_or(Base::On);
        self.default.make_explicit(base, groups);
        for config in &mut self.others {
            if let Some(base) = config.base() {
                config.make_explicit(base, groups);
                config.leave_the_rest();
            }
        }
    }

    /// Drops configurations without groups that have some in `all`, which are the same ones uncut.
    fn forget_those_that_were_of_others(&mut self, all: &Self) {
        let mut whole = all.others.iter();
        self.others.retain(|config| {
            let whole = whole.next().is_some_and(Config::has_groups);
            config.has_groups() || !whole
        });
    }

    /// Takes in what another document says of its groups.
    fn join(&mut self, others: Self) {
        self.default.join(others.default);
        let with_groups = others.others.into_iter().filter(Config::has_groups);
        self.others.extend(with_groups);
    }
}
