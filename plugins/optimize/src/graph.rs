//! What a document holds and what refers to what: read once, without keeping the objects themselves.

use std::collections::{HashMap, HashSet};

use dropleaf_plugin_sdk::prelude::*;

/// The objects that the trailer leads to.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// Each with its references, in the order of the file.
    pub(crate) references: HashMap<Ref, Vec<Ref>>,
    /// The streams among them, in the order of their numbers.
    pub(crate) streams: Vec<Ref>,
    /// Objects that must stay apart from their equals: the appearances of annotations, which editors change in place.
    pub(crate) pinned: HashSet<Ref>,
    /// Pages and what stands around them in the page tree.
    pub(crate) pages: HashSet<Ref>,
    /// What draws: forms, tiling patterns and Type 3 fonts.
    pub(crate) drawings: Vec<Ref>,
    /// What is given as a soft mask, of an image or of a graphics state.
    masks: Vec<Ref>,
    /// What the trailer refers to.
    roots: Vec<Ref>,
}

impl Graph {
    /// Walks along all references from the trailer.
    pub(crate) fn read(document: &Document<'_>, run: &Run<'_>) -> Result<Self> {
        let mut graph = Self {
            roots: document.trailer()?.tree()?.references(),
            ..Self::default()
        };
        let mut appearances = Vec::new();
        let mut waiting = graph.roots.clone();
        while let Some(reference) = waiting.pop() {
            if graph.references.contains_key(&reference) {
                continue;
            }
            if graph.references.len() % 1024 == 1023 && run.cancelled() {
                return Err(Error::cancelled());
            }
            let value = document.object(reference)?;
            let references = match value.as_object() {
                Some(object) => {
                    let tree = object.tree()?;
                    object.release()?;
                    graph.note(reference, &tree, &mut appearances);
                    tree.references()
                }
                None => match value {
                    Value::Ref(next) => vec![next],
                    _ => Vec::new(),
                },
            };
            waiting.extend(&references);
            graph.references.insert(reference, references);
        }
        graph.streams.sort_unstable();
        graph.pin(appearances);
        Ok(graph)
    }

    /// Whether there is such an object.
    pub(crate) fn holds(&self, reference: Ref) -> bool {
        self.references.contains_key(&reference)
    }

    /// Everything that `start` leads to, itself included, without crossing pages: those are led to from everywhere.
    pub(crate) fn led_to(&self, start: impl IntoIterator<Item = Ref>) -> HashSet<Ref> {
        let mut seen = HashSet::new();
        let mut waiting: Vec<Ref> = start.into_iter().collect();
        while let Some(reference) = waiting.pop() {
            if !self.pages.contains(&reference) && seen.insert(reference) {
                waiting.extend(self.references.get(&reference).into_iter().flatten());
            }
        }
        seen
    }

    fn note(&mut self, reference: Ref, tree: &Tree, appearances: &mut Vec<Ref>) {
        if matches!(tree, Tree::Stream(_)) {
            self.streams.push(reference);
        }
        if let Some(appearance) = tree.get("AP") {
            appearances.extend(appearance.references());
        }
        let is = |key: &str, wanted: &[&[u8]]| matches!(tree.get(key), Some(Tree::Name(name)) if wanted.contains(&&**name));
        if is("Type", &[b"Page", b"Pages"]) {
            self.pages.insert(reference);
        }
        if is("Subtype", &[b"Form", b"Type3"])
            || matches!(tree.get("PatternType"), Some(Tree::Int(1)))
        {
            self.drawings.push(reference);
        }
        note_masks(tree, &mut self.masks);
    }

    /// Whatever soft masks are made of: their samples are no colors.
    pub(crate) fn masking(&self) -> HashSet<Ref> {
        self.led_to(self.masks.iter().copied())
    }

    /// Pins appearances: those referred to at once, and those in dictionaries of states between.
    fn pin(&mut self, mut waiting: Vec<Ref>) {
        while let Some(reference) = waiting.pop() {
            if self.pinned.insert(reference) && self.streams.binary_search(&reference).is_err() {
                waiting.extend(self.references.get(&reference).into_iter().flatten());
            }
        }
    }
}

fn note_masks(tree: &Tree, masks: &mut Vec<Ref>) {
    match tree {
        Tree::Dict(entries) | Tree::Stream(entries) => {
            for (key, value) in entries {
                if key == b"SMask" {
                    masks.extend(value.references());
                } else {
                    note_masks(value, masks);
                }
            }
        }
        Tree::Array(items) => items.iter().for_each(|item| note_masks(item, masks)),
        _ => {}
    }
}

/// Drops every object that `graph` does not hold; answers how many. Streams that only laid out the file are left to the host,
/// which writes its own.
pub(crate) fn drop_unreferenced(document: &Document<'_>, graph: &Graph) -> Result<u64> {
    let mut dropped = 0;
    for reference in document.objects()? {
        if graph.holds(reference) {
            continue;
        }
        if let Value::Stream(stream) = document.object(reference)?
            && is_layout(&stream)?
        {
            continue;
        }
        document.remove(reference)?;
        dropped += 1;
    }
    Ok(dropped)
}

/// Whether `stream` says where objects stand in the file it came from, and nothing about the document.
pub(crate) fn is_layout(stream: &Object<'_>) -> Result<bool> {
    Ok(stream
        .get("Type")?
        .is_some_and(|kind| kind.is_name("XRef") || kind.is_name("ObjStm")))
}

/// Makes every reference to a key of `map` one to its value.
pub(crate) fn redirect(
    document: &Document<'_>,
    graph: &mut Graph,
    map: &HashMap<Ref, Ref>,
) -> Result<()> {
    let touched = |references: &Vec<Ref>| {
        references
            .iter()
            .any(|reference| map.contains_key(reference))
    };
    if touched(&graph.roots) {
        let trailer = document.trailer()?;
        redirect_in(&trailer, &trailer.tree()?, map)?;
        graph.roots = trailer.tree()?.references();
    }
    let holders: Vec<Ref> = graph
        .references
        .iter()
        .filter(|(holder, references)| !map.contains_key(holder) && touched(references))
        .map(|(holder, _)| *holder)
        .collect();
    for holder in holders {
        let Some(object) = document.object(holder)?.as_object() else {
            continue;
        };
        redirect_in(&object, &object.tree()?, map)?;
        object.release()?;
        if let Some(references) = graph.references.get_mut(&holder) {
            for reference in references {
                *reference = map.get(reference).copied().unwrap_or(*reference);
            }
        }
    }
    for noted in graph.masks.iter_mut().chain(&mut graph.drawings) {
        *noted = map.get(noted).copied().unwrap_or(*noted);
    }
    for gone in map.keys() {
        document.remove(*gone)?;
        graph.references.remove(gone);
    }
    graph.streams.retain(|stream| !map.contains_key(stream));
    Ok(())
}

fn redirect_in(object: &Object<'_>, tree: &Tree, map: &HashMap<Ref, Ref>) -> Result<()> {
    match tree {
        Tree::Dict(entries) | Tree::Stream(entries) => {
            for (key, value) in entries {
                match value {
                    Tree::Ref(reference) => {
                        if let Some(target) = map.get(reference) {
                            object.put(key, Value::Ref(*target))?;
                        }
                    }
                    inner if leads_into(inner, map) => {
                        if let Some(child) =
                            object.get_raw(key)?.and_then(|value| value.as_object())
                        {
                            redirect_in(&child, inner, map)?;
                        }
                    }
                    _ => {}
                }
            }
        }
        Tree::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                match value {
                    Tree::Ref(reference) => {
                        if let Some(target) = map.get(reference) {
                            object.set(index, Value::Ref(*target))?;
                        }
                    }
                    inner if leads_into(inner, map) => {
                        if let Some(child) =
                            object.at_raw(index)?.and_then(|value| value.as_object())
                        {
                            redirect_in(&child, inner, map)?;
                        }
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn leads_into(tree: &Tree, map: &HashMap<Ref, Ref>) -> bool {
    matches!(tree, Tree::Array(_) | Tree::Dict(_))
        && tree
            .references()
            .iter()
            .any(|reference| map.contains_key(reference))
}
