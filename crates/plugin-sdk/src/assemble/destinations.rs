//! Where things lead to in a document (ISO 32000-2, 12.3.2): destinations, by name or not, and actions.

use std::collections::{HashMap, HashSet};

use crate::document::Document;
use crate::error::Result;
use crate::reference::Ref;
use crate::tree::Tree;
use crate::value::Value;

/// Elements of a destination after its page: the longest, `/FitR`, has five.
const MAX_VIEW: usize = 8;
/// The longest title, and the longest of other short texts: what a string could have before PDF 2.0.
const MAX_TEXT: usize = 32_767;
/// The longest name in a destination.
const MAX_NAME: usize = 127;
/// Values of an action that are taken: a link to another file has about ten.
const MAX_PARTS: usize = 64;
/// How often something leads to something that leads on: an action to a name, a name to a dictionary, this to an array.
const MAX_STEPS: u32 = 4;
/// Elements of the tree of names that are looked at: more than any document has names, and read in a second.
const MAX_LOOKS: usize = 1_000_000;
/// Actions that need nothing else of their document.
const COMPLETE: [&[u8]; 4] = [b"URI", b"GoToR", b"Launch", b"Named"];

/// Where something leads to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Lead {
    /// A place in the document.
    Page(Place),
    /// A destination of that name; not looked up yet.
    Named(Name),
    /// What else is done: an action with all that belongs to it.
    Action(Tree),
    /// Nothing, or nothing that can be found.
    #[default]
    Nowhere,
}

impl Lead {
    /// How much of it there is: bytes of texts, and a few for everything else.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Page(place) => place.view.iter().map(bytes).sum(),
            Self::Named(name) => name.bytes().len(),
            Self::Action(action) => bytes(action),
            Self::Nowhere => 0,
        }
    }
}

/// A page, from 0, and how it is shown: what stands behind the page in an explicit destination.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) page: u32,
    pub(crate) view: Vec<Tree>,
}

/// The name of a destination, which may be either; each kind has a list of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Name {
    Name(Vec<u8>),
    String(Vec<u8>),
}

impl Name {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Name(bytes) | Self::String(bytes) => bytes,
        }
    }
}

/// The destinations of a document. What many things lead to is read once.
pub(crate) struct Destinations<'d, 'r> {
    document: &'d Document<'r>,
    count: u32,
    /// The pages, once they are asked for.
    pages: Option<HashMap<Ref, u32>>,
    leads: HashMap<Ref, Lead>,
    scalars: HashMap<Ref, Option<Tree>>,
    parts: HashMap<Ref, Option<Tree>>,
}

impl<'d, 'r> Destinations<'d, 'r> {
    pub(crate) fn of(document: &'d Document<'r>) -> Result<Self> {
        Ok(Self {
            document,
            count: document.page_count()?,
            pages: None,
            leads: HashMap::new(),
            scalars: HashMap::new(),
            parts: HashMap::new(),
        })
    }

    /// Where a destination or an action leads to; names stay names ([`Destinations::look_up`]).
    pub(crate) fn lead(&mut self, value: &Tree) -> Lead {
        self.lead_within(value, MAX_STEPS)
    }

    fn lead_within(&mut self, value: &Tree, steps: u32) -> Lead {
        match value {
            Tree::Ref(reference) => {
                if let Some(known) = self.leads.get(reference) {
                    return known.clone();
                }
                let Some(steps) = steps.checked_sub(1) else {
                    return Lead::Nowhere;
                };
                let found = self.document.tree(*reference).unwrap_or(Tree::Null);
                let lead = self.lead_within(&found, steps);
                self.leads.insert(*reference, lead.clone());
                lead
            }
            Tree::Name(name) => Lead::Named(Name::Name(name.clone())),
            Tree::String(name) => Lead::Named(Name::String(name.clone())),
            Tree::Array(items) => self.place(items).map_or(Lead::Nowhere, Lead::Page),
            Tree::Dict(_) => {
                let kind = value.get("S").map(|kind| self.small(kind));
                match (kind, steps.checked_sub(1)) {
                    (Some(Tree::Name(kind)), _) if kind != b"GoTo" => self.action(value, &kind),
                    (_, Some(steps)) => value
                        .get("D")
                        .map_or(Lead::Nowhere, |to| self.lead_within(to, steps)),
                    (_, None) => Lead::Nowhere,
                }
            }
            _ => Lead::Nowhere,
        }
    }

    fn place(&mut self, items: &[Tree]) -> Option<Place> {
        let (page, view) = items.split_first()?;
        let page = match page {
            Tree::Ref(page) => *self.pages().get(page)?,
            // That is for other files; some writers put it here, too.
            Tree::Int(page) => u32::try_from(*page)
                .ok()
                .filter(|page| *page < self.count)?,
            _ => return None,
        };
        let view = view.iter().take(MAX_VIEW);
        // Names and numbers; many items may share what else stands there.
        let view = view.map(|item| match self.small(item) {
            Tree::Name(name) if name.len() <= MAX_NAME => Tree::Name(name),
            number @ (Tree::Int(_) | Tree::Real(_)) => number,
            _ => Tree::Null,
        });
        Some(Place {
            page,
            view: view.collect(),
        })
    }

    /// What a value is, references followed, if that is a scalar of usual length or a short array; `Null` otherwise.
    pub(crate) fn small(&mut self, value: &Tree) -> Tree {
        let found = match value {
            Tree::Ref(reference) => self.scalars.entry(*reference).or_insert_with(|| {
                let found = self.document.tree(*reference);
                found.ok().and_then(|found| if_small(&found))
            }),
            direct => &mut if_small(direct),
        };
        found.clone().unwrap_or(Tree::Null)
    }

    fn pages(&mut self) -> &HashMap<Ref, u32> {
        let (document, count) = (self.document, self.count);
        self.pages.get_or_insert_with(|| {
            // The handles are not given back: the caller may hold some of them.
            let page = |index| Some((document.page(index).ok()?.id().ok()??, index));
            (0..count).filter_map(page).collect()
        })
    }

    /// An action that can be done without the rest of the document.
    fn action(&mut self, action: &Tree, kind: &[u8]) -> Lead {
        let Tree::Dict(entries) = action else {
            return Lead::Nowhere;
        };
        if !COMPLETE.contains(&kind) {
            return Lead::Nowhere;
        }
        if let Some(place) = self.named_page(action, kind) {
            return Lead::Page(place);
        }
        let mut room = MAX_PARTS;
        // What comes next may be anything.
        let entries = entries.iter().filter(|(key, _)| key != b"Next");
        let entries: Option<Vec<_>> = entries
            .map(|(key, value)| Some((key.clone(), self.complete(value, &mut room)?)))
            .collect();
        entries.map_or(Lead::Nowhere, |entries| Lead::Action(Tree::Dict(entries)))
    }

    /// The first or the last page, where an action leads to that: in another document it would be another.
    fn named_page(&self, action: &Tree, kind: &[u8]) -> Option<Place> {
        let Some(Tree::Name(name)) = action.get("N").filter(|_| kind == b"Named") else {
            return None;
        };
        let page = match name.as_slice() {
            b"FirstPage" if self.count > 0 => 0,
            b"LastPage" => self.count.checked_sub(1)?,
            _ => return None,
        };
        // As large as it is shown now.
        let mut view = vec![Tree::Name(b"XYZ".to_vec())];
        view.resize(4, Tree::Null);
        Some(Place { page, view })
    }

    /// A value with what it refers to in place of the references; `None` where that is much.
    fn complete(&mut self, value: &Tree, room: &mut usize) -> Option<Tree> {
        *room = room.checked_sub(1)?;
        Some(match value {
            Tree::Ref(reference) => match self.parts.get(reference) {
                Some(Some(known)) => {
                    *room = room.checked_sub(size(known))?;
                    known.clone()
                }
                // Too much, or in the middle of itself.
                Some(None) => return None,
                None => {
                    self.parts.insert(*reference, None);
                    let found = self.document.tree(*reference).unwrap_or(Tree::Null);
                    let found = self.complete(&found, room)?;
                    self.parts.insert(*reference, Some(found.clone()));
                    found
                }
            },
            Tree::Array(items) => {
                let items = items.iter().map(|item| self.complete(item, room));
                Tree::Array(items.collect::<Option<_>>()?)
            }
            Tree::Dict(entries) => {
                let mut complete = Vec::new();
                for (key, value) in entries {
                    complete.push((key.clone(), self.complete(value, room)?));
                }
                Tree::Dict(complete)
            }
            scalar => scalar.clone(),
        })
    }

    /// Looks up all names among `leads`: the lists of names are read once, if at all.
    pub(crate) fn look_up<'l>(&mut self, leads: impl Iterator<Item = &'l mut Lead>) -> Result<()> {
        let mut named: Vec<&mut Lead> = leads
            .filter(|lead| matches!(lead, Lead::Named(_)))
            .collect();
        let wanted: HashSet<Vec<u8>> = named.iter().map(|lead| name(lead).to_vec()).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let catalog = self.document.catalog()?;
        let mut by_name = Found::new(&wanted);
        if let Some(Value::Dict(list)) = catalog.get("Dests")?
            && let Ok(Tree::Dict(entries)) = list.tree()
        {
            for (name, value) in &entries {
                by_name.take(self, name, value);
            }
        }
        let mut by_string = Found::new(&wanted);
        if let Some(Value::Dict(names)) = catalog.get("Names")?
            && let Some(Value::Dict(root)) = names.get("Dests")?
        {
            let seen = root.id()?.into_iter().collect();
            if let Ok(root) = root.tree() {
                self.names(root, seen, &mut by_string);
            }
        }
        for lead in &mut named {
            // Some writers use the list of the other kind.
            let lists = match lead {
                Lead::Named(Name::Name(_)) => [&by_name, &by_string],
                _ => [&by_string, &by_name],
            };
            let found = lists.iter().find_map(|list| list.leads.get(name(lead)));
            **lead = found.cloned().unwrap_or_default();
        }
        Ok(())
    }

    /// Reads a tree of names (7.9.6), each node once and without recursion. All of it is read, so that limits of nodes, which
    /// may be wrong, do not matter.
    fn names(&mut self, root: Tree, mut seen: HashSet<Ref>, found: &mut Found<'_>) {
        let (mut waiting, mut looks) = (vec![root], 0);
        while let Some(node) = waiting.pop() {
            let names = node.get("Names").map(|names| self.list(names));
            let names = names.unwrap_or_default();
            let kids = node.get("Kids").map(|kids| self.list(kids));
            let kids = kids.unwrap_or_default();
            looks += 1 + names.len() + kids.len();
            if looks > MAX_LOOKS {
                return;
            }
            for pair in names.chunks_exact(2) {
                if let Tree::String(name) = &pair[0] {
                    found.take(self, name, &pair[1]);
                }
            }
            for kid in kids.into_iter().rev() {
                waiting.extend(match kid {
                    Tree::Ref(kid) if !seen.insert(kid) => None,
                    Tree::Ref(kid) => self.document.tree(kid).ok(),
                    kid => Some(kid),
                });
            }
        }
    }

    fn list(&self, value: &Tree) -> Vec<Tree> {
        let found = match value {
            Tree::Ref(reference) => self.document.tree(*reference).ok(),
            direct => Some(direct.clone()),
        };
        match found {
            Some(Tree::Array(items)) => items,
            _ => Vec::new(),
        }
    }
}

/// What names of a list lead to.
struct Found<'w> {
    wanted: &'w HashSet<Vec<u8>>,
    leads: HashMap<Vec<u8>, Lead>,
}

impl<'w> Found<'w> {
    fn new(wanted: &'w HashSet<Vec<u8>>) -> Self {
        Self {
            wanted,
            leads: HashMap::new(),
        }
    }

    fn take(&mut self, destinations: &mut Destinations<'_, '_>, name: &[u8], value: &Tree) {
        if self.wanted.contains(name) && !self.leads.contains_key(name) {
            let lead = match destinations.lead(value) {
                lead @ Lead::Page(_) => lead,
                _ => Lead::Nowhere,
            };
            self.leads.insert(name.to_vec(), lead);
        }
    }
}

fn name(lead: &Lead) -> &[u8] {
    match lead {
        Lead::Named(name) => name.bytes(),
        _ => b"",
    }
}

/// `value`, if it is a scalar of usual length or a short array.
fn if_small(value: &Tree) -> Option<Tree> {
    let is_small = match value {
        Tree::Name(bytes) | Tree::String(bytes) => bytes.len() <= MAX_TEXT,
        Tree::Array(items) => items.len() <= MAX_VIEW,
        Tree::Dict(_) | Tree::Stream(_) | Tree::Ref(_) => false,
        _ => true,
    };
    is_small.then(|| value.clone())
}

fn bytes(tree: &Tree) -> usize {
    match tree {
        Tree::Name(bytes) | Tree::String(bytes) => bytes.len(),
        Tree::Array(items) => items.iter().map(bytes).sum(),
        Tree::Dict(entries) => entries
            .iter()
            .map(|(key, value)| key.len() + bytes(value))
            .sum(),
        _ => 8,
    }
}

/// How many values a value has in it, itself among them.
fn size(tree: &Tree) -> usize {
    1 + match tree {
        Tree::Array(items) => items.iter().map(size).sum(),
        Tree::Dict(entries) => entries.iter().map(|(_, value)| size(value)).sum(),
        _ => 0,
    }
}
