//! The trees in which elements are looked up: of parents, by number (ISO 32000-2, 14.7.5.4), and of identifiers.

use std::collections::{HashMap, HashSet};

use dropleaf_plugin_sdk::prelude::*;

/// The deepest tree that is descended.
const MAX_DEPTH: u32 = 32;

pub(super) struct Lookup<'r, 's> {
    document: Document<'r>,
    /// Elements that are gone.
    removed: &'s HashSet<Ref>,
    /// Numbers of pages that are gone.
    numbers: &'s HashSet<i64>,
    /// What became of lists: in a damaged document any number of entries may share one.
    lists: HashMap<Ref, Option<Tree>>,
}

/// The least and the greatest key below a node.
type Limits = Option<(Tree, Tree)>;

impl<'r, 's> Lookup<'r, 's> {
    pub(super) fn new(
        document: Document<'r>,
        removed: &'s HashSet<Ref>,
        numbers: &'s HashSet<i64>,
    ) -> Self {
        Self {
            document,
            removed,
            numbers,
            lists: HashMap::new(),
        }
    }

    /// Takes the entries that lead nowhere any more out of the tree `name` of the root; `pairs` is where a leaf has its entries.
    ///
    /// What is deeper than a tree is or stands in it twice stays, and leads to elements that are not there.
    pub(super) fn prune(&mut self, root: &Object<'r>, name: &str, pairs: &str) -> Result<()> {
        if let Some(tree) = root.object(name)? {
            self.node(&tree, pairs, MAX_DEPTH, &mut HashSet::new())?;
        }
        Ok(())
    }

    fn node(
        &mut self,
        node: &Object<'r>,
        pairs: &str,
        depth: u32,
        seen: &mut HashSet<Ref>,
    ) -> Result<Limits> {
        let mut limits = None;
        if let Some(list) = node.object(pairs)?
            && let Tree::Array(items) = list.tree()?
        {
            let mut left = Vec::with_capacity(items.len());
            for pair in items.chunks_exact(2) {
                if let Some(value) = self.value(&pair[0], &pair[1])? {
                    widen(&mut limits, pair[0].clone(), pair[0].clone());
                    left.extend([pair[0].clone(), value]);
                }
            }
            if left != items {
                let left = self.document.parse(Tree::Array(left).to_syntax())?;
                node.put(pairs, left)?;
            }
        }
        if let Some(kids) = node.object("Kids")?
            && let Some(depth) = depth.checked_sub(1)
        {
            let mut below = Vec::new();
            for index in (0..kids.len()?).rev() {
                let id = kids.at_raw(index)?.and_then(|kid| kid.as_ref());
                if id.is_some_and(|id| !seen.insert(id)) {
                    continue;
                }
                let Some(kid) = kids.at(index)?.and_then(|kid| kid.as_dict()) else {
                    continue;
                };
                let found = self.node(&kid, pairs, depth, seen)?;
                kid.release()?;
                match found {
                    Some(found) => below.push(found),
                    None => kids.remove_at(index)?,
                }
            }
            for (least, greatest) in below.into_iter().rev() {
                widen(&mut limits, least, greatest);
            }
        }
        if let Some((least, greatest)) = &limits
            && node.has("Limits")?
        {
            let bounds = Tree::Array(vec![least.clone(), greatest.clone()]);
            if node
                .object("Limits")?
                .map(|old| old.tree())
                .transpose()?
                .as_ref()
                != Some(&bounds)
            {
                node.put("Limits", self.document.parse(bounds.to_syntax())?)?;
            }
        }
        Ok(limits)
    }

    /// What an entry says from now on; `None` where it goes.
    fn value(&mut self, key: &Tree, value: &Tree) -> Result<Option<Tree>> {
        if matches!(key, Tree::Int(number) if self.numbers.contains(number)) {
            return Ok(None);
        }
        let Tree::Ref(id) = value else {
            return Ok(self.list(value, value));
        };
        if self.removed.contains(id) {
            return Ok(None);
        }
        let left = match self.lists.remove(id) {
            // What is left of it has been written out once, and is shared from now on.
            Some(Some(list @ Tree::Array(_))) => {
                let list = self.document.parse(list.to_syntax())?;
                Some(Tree::Ref(self.document.add(list)?))
            }
            Some(known) => known,
            None => match self.document.object(*id)?.as_array() {
                Some(list) => self.list(value, &list.tree()?),
                None => return Ok(Some(value.clone())),
            },
        };
        self.lists.insert(*id, left.clone());
        Ok(left)
    }

    /// What becomes of an entry with this list.
    fn list(&self, value: &Tree, list: &Tree) -> Option<Tree> {
        let Tree::Array(items) = list else {
            return Some(value.clone());
        };
        let is_gone = |item: &Tree| matches!(item, Tree::Ref(id) if self.removed.contains(id));
        if !items.iter().any(is_gone) {
            return Some(value.clone());
        }
        let left = items.iter().map(|item| match is_gone(item) {
            true => Tree::Null,
            false => item.clone(),
        });
        let left: Vec<Tree> = left.collect();
        let is_empty = left.iter().all(|item| *item == Tree::Null);
        (!is_empty).then_some(Tree::Array(left))
    }
}

/// Keys are in order, or ought to be.
fn widen(limits: &mut Limits, least: Tree, greatest: Tree) {
    match limits {
        Some((_, end)) => *end = greatest,
        None => *limits = Some((least, greatest)),
    }
}
