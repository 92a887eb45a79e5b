//! The list of pages that was read from the page tree, and what it was read from.

use lopdf::ObjectId;

use crate::document::ids::IdSet;
use crate::document::place::{Place, Root, Step};

/// The attributes that pages inherit (ISO 32000-2, table 31).
pub(crate) const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];
/// The deepest page tree that is followed.
pub(crate) const MAX_DEPTH: usize = 256;

/// The pages in order.
pub(crate) struct PageIndex {
    pub(crate) list: Vec<ObjectId>,
    pub(crate) root: ObjectId,
    /// What the list was built from: catalog, nodes, arrays of kids.
    pub(crate) inner: IdSet,
    pub(crate) leaves: IdSet,
    pub(crate) nodes: Vec<ObjectId>,
    /// How many kids that the tree had and counted are not there.
    pub(crate) absent: usize,
    pub(crate) flat: bool,
    /// The list says more than the root's `/Kids`.
    pub(crate) stale: bool,
}

impl PageIndex {
    /// Whether a change at `place` (of `key`, or of the whole) may change the list.
    pub(crate) fn depends_on(&self, place: &Place, key: Option<&[u8]>) -> bool {
        // The count is not where the list comes from, but a wrong one is put right when the list is built.
        const STRUCTURE: [&[u8]; 5] = [b"Kids", b"Count", b"Type", b"Pages", b"Root"];
        let structural = match (place.steps.first(), key) {
            (None, Some(key)) => STRUCTURE.contains(&key),
            (Some(Step::Key(first)), _) => STRUCTURE.contains(&&**first),
            (None, None) | (Some(Step::Item(_)), _) => true,
        };
        structural
            && match place.root {
                Root::Loose(_) => false,
                Root::Trailer => true,
                Root::Object(id) => self.is_page(id) || self.is_inner(id),
            }
    }

    /// Whether only this happens at `place`: a page comes to say that it is one. It stays where it is in the list.
    pub(crate) fn only_names(&self, place: &Place, key: &[u8], is_page: bool) -> bool {
        let is_leaf = |id| self.is_page(id) && !self.is_inner(id);
        is_page
            && key == b"Type"
            && place.steps.is_empty()
            && matches!(place.root, Root::Object(id) if is_leaf(id))
    }

    /// Whether `id` is part of the tree above the pages.
    pub(crate) fn is_inner(&self, id: ObjectId) -> bool {
        self.inner.contains(&id)
    }

    /// Whether `id` is a page.
    pub(crate) fn is_page(&self, id: ObjectId) -> bool {
        self.leaves.contains(&id)
    }

    /// Whether whoever looks at the object `id` must see the tree as the list has it.
    pub(crate) fn hides(&self, id: ObjectId) -> bool {
        self.stale && id == self.root
    }
}
