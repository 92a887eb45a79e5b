//! A page's resources with something added, without a word to the other pages that share them.

use std::collections::HashMap;

use dropleaf_plugin_sdk::prelude::*;

/// What is to be added: the category and the object.
pub(crate) type Needed = Vec<(&'static str, Ref)>;

/// Resources that were made: what the page points at, and the names under which the needed objects stand, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Extended {
    pub(crate) reference: Ref,
    pub(crate) names: Vec<String>,
}

/// Where resources come from; pages with the same source share the copy too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Source {
    /// An indirect dictionary.
    Indirect(Ref),
    /// A direct one, inherited from above this node of the page tree.
    Inherited(Ref),
    /// None at all.
    Missing,
}

/// Copies resources on write, each once.
pub(crate) struct Extender {
    needed: Needed,
    made: HashMap<Source, Extended>,
}

impl Extender {
    pub(crate) fn new(needed: Needed) -> Self {
        Self {
            needed,
            made: HashMap::new(),
        }
    }

    /// Gives `page` a copy of its resources in which the needed objects stand under names that were free.
    pub(crate) fn extend(
        &mut self,
        document: &Document<'_>,
        page: &Object<'_>,
    ) -> Result<Extended> {
        let found = page.attr("Resources")?.and_then(|value| match value {
            Value::Dict(dict) => Some(dict),
            _ => None,
        });
        let source = source(page, found.as_ref())?;
        let known = source.and_then(|source| self.made.get(&source));
        let extended = match known {
            Some(extended) => extended.clone(),
            None => self.copy(document, found.as_ref())?,
        };
        page.put("Resources", Value::Ref(extended.reference))?;
        if let Some(source) = source {
            self.made.insert(source, extended.clone());
        }
        Ok(extended)
    }

    fn copy(&self, document: &Document<'_>, found: Option<&Object<'_>>) -> Result<Extended> {
        let copy = shallow(document, found)?;
        let mut names = Vec::with_capacity(self.needed.len());
        for (category, reference) in &self.needed {
            let old = copy.get(category)?.and_then(|value| match value {
                Value::Dict(dict) => Some(dict),
                _ => None,
            });
            let inner = shallow(document, old.as_ref())?;
            let name = free_name(&inner)?;
            inner.put(&name, Value::Ref(*reference))?;
            copy.put(category, inner)?;
            names.push(name);
        }
        Ok(Extended {
            reference: document.add(copy)?,
            names,
        })
    }
}

fn source(page: &Object<'_>, found: Option<&Object<'_>>) -> Result<Option<Source>> {
    let Some(found) = found else {
        return Ok(Some(Source::Missing));
    };
    if let Some(reference) = found.id()? {
        return Ok(Some(Source::Indirect(reference)));
    }
    // A direct dictionary of the page's own is nobody else's.
    if page.has("Resources")? {
        return Ok(None);
    }
    Ok(match page.get_raw("Parent")? {
        Some(Value::Ref(parent)) => Some(Source::Inherited(parent)),
        _ => None,
    })
}

/// A direct copy of a dictionary: references stay references.
fn shallow<'r>(document: &Document<'r>, dict: Option<&Object<'_>>) -> Result<Object<'r>> {
    match dict {
        Some(dict) => document.dict(dict.entries()?),
        None => document.parse("<<>>"),
    }
}

fn free_name(dict: &Object<'_>) -> Result<String> {
    let mut name = "Stamp".to_owned();
    let mut number = 1_u32;
    while dict.get_raw(&name)?.is_some() {
        number += 1;
        name = format!("Stamp{number}");
    }
    Ok(name)
}
