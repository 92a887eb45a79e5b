//! What work beside the loop brings back to it, other than what becomes of jobs under way.

use crate::job::state::Job;
use crate::scheduler::handle::{Answer, Refused};
use crate::scheduler::pipelines::Reloaded;
use crate::store::ledger::LedgerEntry;
use tokio::sync::{mpsc, oneshot};

/// So much waits to be heard; whoever brings more waits with it.
pub(super) const BROUGHT: usize = 64;

/// Something that was brought.
#[derive(Debug)]
pub(super) enum Brought {
    /// These files are to be left where they (will) lie; answered once a restart would not forget it.
    Kept(Vec<LedgerEntry>, oneshot::Sender<()>),
    /// An original was fetched back for a retry; who asked, unless answered already, is told once the journal knows.
    Fetched(Box<Job>, Option<Answer<()>>),
    /// The folders of this pipeline are swept.
    Swept(String),
    /// The pipeline files were read again.
    Reloaded(Reloaded, After),
}

/// Where work beside the loop brings it.
pub(super) type Bring = mpsc::Sender<Brought>;

/// Who waits for a reload, and for what he is told then.
pub(super) enum After {
    /// Nobody.
    Nobody,
    /// Who saved a pipeline: whether it is new.
    Saved(Answer<bool>, bool),
    /// Who removed one.
    Deleted(Answer<()>),
}

impl std::fmt::Debug for After {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("After")
    }
}

impl After {
    /// It is done; or it was done, but could not be read again.
    pub(super) fn tell(self, result: Result<(), Refused>) {
        // Who asked may have gone.
        match self {
            Self::Nobody => {}
            Self::Saved(answer, new) => drop(answer.send(result.map(|()| new))),
            Self::Deleted(answer) => drop(answer.send(result)),
        }
    }
}

/// The loop as whoever moves originals sees it.
#[derive(Clone, Debug)]
pub(super) struct Ledger(pub(super) Bring);

impl Ledger {
    /// Has these files left where they (will) lie, and waits until a restart would not forget it.
    pub(super) async fn keep(&self, entries: Vec<LedgerEntry>) {
        if entries.is_empty() {
            return;
        }
        let (done, known) = oneshot::channel();
        if self.0.send(Brought::Kept(entries, done)).await.is_ok() {
            // A sender that is gone has said what it had to say.
            let _ = known.await;
        }
    }

    /// The same for file work. Blocking.
    pub(super) fn keep_blocking(&self, entries: Vec<LedgerEntry>) {
        let (done, known) = oneshot::channel();
        if self.0.blocking_send(Brought::Kept(entries, done)).is_ok() {
            // As there.
            let _ = known.blocking_recv();
        }
    }
}
