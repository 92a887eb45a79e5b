//! A page's resources with something added, without a word to the other pages that share them.

use std::rc::Rc;

use dropleaf_plugin_sdk::prelude::*;
use rustc_hash::FxHashMap;

/// What is to be added: the category and the object.
pub(crate) type Needed = Vec<(&'static str, Ref)>;

/// The names under which the needed objects stand in a page's resources, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extended {
    pub(crate) names: Vec<String>,
}

/// Resources that several pages share.
#[derive(Clone, Debug)]
struct Shared {
    reference: Ref,
    extended: Rc<Extended>,
}

/// The name that what is needed has where that name is free.
pub(crate) const STAMP: &str = "Stamp";

/// Where resources come from; pages with the same source share the copy too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// A direct dictionary of the page.
    Own,
    /// An indirect dictionary.
    Indirect(Ref),
    /// Inherited from this node of the page tree, or from above it.
    Inherited(Ref),
    /// None at all.
    Missing,
}

/// Where the resources of a page come from, whose value is `tree`.
pub(crate) fn source(tree: &Tree) -> Source {
    match (tree.get("Resources"), tree.get("Parent")) {
        (Some(Tree::Dict(_)), _) => Source::Own,
        (Some(Tree::Ref(reference)), _) => Source::Indirect(*reference),
        (None | Some(Tree::Null), Some(Tree::Ref(parent))) => Source::Inherited(*parent),
        _ => Source::Missing,
    }
}

/// Copies shared resources on write, each once.
pub(crate) struct Extender {
    needed: Needed,
    made: FxHashMap<Source, Shared>,
}

impl Extender {
    pub(crate) fn new(needed: Needed) -> Self {
        Self {
            needed,
            made: FxHashMap::default(),
        }
    }

    /// Resources for `page`, whose value is `tree`, in which the needed objects stand under names that were free: the
    /// page's own, extended, or others that it is to get.
    pub(crate) fn extend(
        &mut self,
        document: &Document<'_>,
        page: &Object<'_>,
        tree: &Tree,
    ) -> Result<(Rc<Extended>, Option<Ref>)> {
        let source = source(tree);
        if let (Source::Own, Some(own)) = (source, tree.get("Resources")) {
            let extended = self.extend_own(document, page, own)?;
            return Ok((extended, None));
        }
        let shared = match self.made.get(&source) {
            Some(shared) => shared.clone(),
            None => self.share(document, page, source)?,
        };
        Ok((shared.extended, Some(shared.reference)))
    }

    /// A copy for all pages with this source.
    fn share(
        &mut self,
        document: &Document<'_>,
        page: &Object<'_>,
        source: Source,
    ) -> Result<Shared> {
        let found = page.attr("Resources")?.and_then(|value| match value {
            Value::Dict(dict) => Some(dict),
            _ => None,
        });
        // One dictionary, whether it is inherited or named by the page.
        let target = match &found {
            None => Source::Missing,
            Some(found) => found.id()?.map_or(source, Source::Indirect),
        };
        let shared = match self.made.get(&target) {
            Some(shared) => shared.clone(),
            None => self.copy(document, found.as_ref())?,
        };
        self.made.insert(target, shared.clone());
        self.made.insert(source, shared.clone());
        Ok(shared)
    }

    /// A direct dictionary of the page's own is nobody else's: it is extended where it stands.
    fn extend_own(
        &self,
        document: &Document<'_>,
        page: &Object<'_>,
        tree: &Tree,
    ) -> Result<Rc<Extended>> {
        let Some(resources) = page.object("Resources")? else {
            return Err(Error::failed("the page's resources are gone"));
        };
        let mut names = Vec::with_capacity(self.needed.len());
        for (category, reference) in &self.needed {
            let own = tree
                .get(category)
                .filter(|own| matches!(own, Tree::Dict(_)));
            let (inner, name) = match own.and(resources.object(category)?) {
                Some(inner) => (inner, free_name_in(&inner)?),
                None => {
                    let old = resources.get(category)?.and_then(|value| match value {
                        Value::Dict(dict) => Some(dict),
                        _ => None,
                    });
                    resources.put(category, shallow(document, old.as_ref())?)?;
                    let Some(inner) = resources.object(category)? else {
                        return Err(Error::failed("the page's resources are gone"));
                    };
                    let name = free_name_in(&inner)?;
                    (inner, name)
                }
            };
            inner.put(&name, Value::Ref(*reference))?;
            inner.release()?;
            names.push(name);
        }
        resources.release()?;
        Ok(Rc::new(Extended { names }))
    }

    fn copy(&self, document: &Document<'_>, found: Option<&Object<'_>>) -> Result<Shared> {
        let copy = shallow(document, found)?;
        let mut names = Vec::with_capacity(self.needed.len());
        for (category, reference) in &self.needed {
            let old = copy.get(category)?.and_then(|value| match value {
                Value::Dict(dict) => Some(dict),
                _ => None,
            });
            let inner = shallow(document, old.as_ref())?;
            let name = free_name_in(&inner)?;
            inner.put(&name, Value::Ref(*reference))?;
            copy.put(category, inner)?;
            names.push(name);
        }
        Ok(Shared {
            reference: document.add(copy)?,
            extended: Rc::new(Extended { names }),
        })
    }
}

/// A direct copy of a dictionary: references stay references.
fn shallow<'r>(document: &Document<'r>, dict: Option<&Object<'_>>) -> Result<Object<'r>> {
    match dict {
        Some(dict) => document.dict(dict.entries()?),
        None => document.parse("<<>>"),
    }
}

fn free_name_in(dict: &Object<'_>) -> Result<String> {
    let tree = dict.tree()?;
    Ok(free_name(|name| tree.get(name).is_some()))
}

fn free_name(is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = STAMP.to_owned();
    let mut number = 1_u32;
    while is_taken(&name) {
        number += 1;
        name = format!("{STAMP}{number}");
    }
    name
}
