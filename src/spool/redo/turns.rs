//! Deliveries that replace files take turns: two jobs whose files have the same names would leave some of each.

use crate::job::redo::{Collision, MoveKind, Redo};
use crate::spool::redo::root_of;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Whose turn it is, by the folder that nothing leaves. There are as many as outboxes.
#[derive(Clone, Debug, Default)]
pub(in crate::spool) struct Turns(Arc<Mutex<HashMap<PathBuf, Arc<Mutex<()>>>>>);

impl Turns {
    /// What is to be held while the results of such a delivery get their names; none where it replaces nothing.
    pub(super) fn of(&self, redo: &Redo) -> Option<Arc<Mutex<()>>> {
        let replaces = redo.moves.iter().find(|step| {
            step.kind != MoveKind::Original && step.collision == Collision::Overwrite
        })?;
        let root = root_of(replaces, &replaces.to.as_ref()?.0);
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(turns.entry(root).or_default()))
    }
}
