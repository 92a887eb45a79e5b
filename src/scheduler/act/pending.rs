//! What a turn of the loop has decided and not done yet.

use crate::event::Draft;
use crate::job::id::JobId;
use crate::job::redo::Redo;
use crate::scheduler::batches::Taking;
use crate::store::ledger::LedgerEntry;

/// What a turn has decided and not done yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) events: Vec<Draft>,
    pub(super) claims: Vec<Taking>,
    pub(super) redos: Vec<(JobId, Redo)>,
    /// Originals that their deliveries put back into an inbox.
    pub(super) kept: Vec<LedgerEntry>,
    /// Jobs of which an attempt told something.
    pub(super) told: Vec<JobId>,
}
