//! File work for many jobs at a time, off the async threads: each folder is synced once for all of them.

use crate::durable;
use crate::job::event::{Accepted, Identity, Origin, Queued};
use crate::job::id::JobId;
use crate::job::redo::{Delivered, Redo};
use crate::problem::Problem;
use crate::scheduler::brought::Ledger;
use crate::scheduler::files::{Returning, blocking};
use crate::scheduler::input::{ClaimFailure, Input};
use crate::scheduler::moves;
use crate::spool::claim::{Claim, ClaimError, Claimed};
use crate::spool::redo::RedoError;
use crate::spool::{self, Spool};
use crate::store::Store;
use crate::store::ledger::LedgerEntry;
use crate::store::query::Same;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file that is to be taken.
#[derive(Debug)]
pub(super) struct Taking {
    /// For this job.
    pub(super) job: JobId,
    /// What is known of it.
    pub(super) accepted: Accepted,
    /// Where it lies if somebody sent it.
    pub(super) upload: Option<PathBuf>,
}

impl Taking {
    fn claim(&self) -> Claim {
        let from = match self.accepted.origin {
            Origin::Watch => self.accepted.path.0.clone(),
            Origin::Upload => self
                .upload
                .clone()
                .unwrap_or_else(|| spool::upload_path(&self.accepted.folder.0, self.job)),
        };
        Claim {
            from,
            held: self.accepted.held.0.clone(),
            identity: self.accepted.identity,
        }
    }
}

/// Takes files: the renames, their contents' hashes, and whether the same content was here before.
pub(super) async fn claim(spool: Spool, store: Store, batch: Vec<Taking>) -> Vec<(JobId, Input)> {
    let claims: Vec<Claim> = batch.iter().map(Taking::claim).collect();
    let uploads: Vec<bool> = batch
        .iter()
        .map(|taking| taking.accepted.origin == Origin::Upload)
        .collect();
    let claimed = blocking(move || {
        let claimed = spool.claim_all(&claims);
        for ((claim, result), is_upload) in claims.iter().zip(&claimed).zip(uploads) {
            if let Err(error) = result {
                give_up(&spool, claim, is_upload, error);
            }
        }
        claimed
    })
    .await;
    let claimed = match claimed {
        Ok(claimed) => claimed.into_iter().map(Ok).collect(),
        Err(problem) => batch
            .iter()
            .map(|_| Err(problem.clone()))
            .collect::<Vec<_>>(),
    };
    let earlier = earlier(&store, &batch, &claimed).await;
    let results = batch.into_iter().zip(claimed).zip(earlier);
    let input = |((taking, claimed), same): ((Taking, _), Option<Same>)| {
        let result = match claimed {
            Ok(Ok(Claimed {
                size,
                blake3,
                held_in,
            })) => Ok(Queued {
                blake3,
                size,
                duplicate_of: same.map(|same| same.job),
                held_in: Some(held_in),
            }),
            Ok(Err(error)) => Err(not_taken(&taking, &error)),
            Err(Problem { detail, .. }) => Err(ClaimFailure::Later(detail)),
        };
        let job = taking.job;
        let claimed = Input::Claimed {
            job,
            result,
            was_done: same.is_some_and(|same| same.is_done),
        };
        (job, claimed)
    };
    results.map(input).collect()
}

/// The job of a file that was not taken ends: nothing may be left held for it until the next start. An upload goes, since
/// whoever sent it is told to send it again.
fn give_up(spool: &Spool, claim: &Claim, is_upload: bool, error: &ClaimError) {
    if matches!(error, ClaimError::TooLarge { .. } | ClaimError::Halted) {
        // It is held; only nobody has read it.
        return;
    }
    let undone = if is_upload {
        durable::remove(&claim.held).and_then(|()| durable::remove(&claim.from))
    } else if matches!(error, ClaimError::Vanished(_) | ClaimError::Changed(_)) {
        // It lies in its inbox, or nowhere.
        Ok(())
    } else {
        spool.unclaim(&claim.held, &claim.from).map(drop)
    };
    if let Err(error) = undone {
        tracing::warn!(error = %crate::problem::chain(&error), held = %claim.held.display(), "a file that could not be taken is swept at the next start");
    }
}

/// For each file that was taken, a job that had the same content before: one of this batch, or one of the journal.
async fn earlier(
    store: &Store,
    batch: &[Taking],
    claimed: &[Result<Result<Claimed, ClaimError>, Problem>],
) -> Vec<Option<Same>> {
    let mut here: HashMap<(&str, &str), JobId> = HashMap::new();
    let mut earlier = vec![None; batch.len()];
    let mut questions = Vec::new();
    for (index, (taking, claimed)) in batch.iter().zip(claimed).enumerate() {
        let Ok(Ok(claimed)) = claimed else { continue };
        let key = (taking.accepted.pipeline.as_str(), claimed.blake3.as_str());
        if let Some(first) = here.get(&key) {
            earlier[index] = Some(Same {
                job: *first,
                is_done: false,
            });
            continue;
        }
        here.insert(key, taking.job);
        questions.push((index, (key.0.to_owned(), key.1.to_owned(), taking.job)));
    }
    let (asked, questions): (Vec<usize>, Vec<_>) = questions.into_iter().unzip();
    match store.find_contents(questions).await {
        Ok(answers) => {
            for (index, answer) in asked.into_iter().zip(answers) {
                earlier[index] = answer;
            }
        }
        Err(error) => {
            tracing::warn!(%error, "the journal could not tell whether some contents were here before");
        }
    }
    earlier
}

fn not_taken(taking: &Taking, error: &ClaimError) -> ClaimFailure {
    match error {
        ClaimError::Vanished(_) => ClaimFailure::Vanished,
        ClaimError::Changed(_) => ClaimFailure::Changed,
        ClaimError::Halted => ClaimFailure::Halted,
        ClaimError::TooLarge { size, limit } => ClaimFailure::TooLarge {
            size: *size,
            limit: *limit,
        },
        error => {
            tracing::warn!(error = %crate::problem::chain(error), path = %taking.accepted.path, "a file cannot be taken now");
            ClaimFailure::Later(crate::problem::chain(error))
        }
    }
}

/// A redo list that is to be carried out.
#[derive(Debug)]
pub(super) struct Delivery {
    /// The job.
    pub(super) job: JobId,
    /// The list.
    pub(super) redo: Redo,
    /// The job once more, where its original goes back into its inbox.
    pub(super) returning: Option<Returning>,
}

/// Carries out redo lists. An original that goes back into its inbox is known to the ledger before it is there, or it would be taken
/// again: all of a batch at once where that can be, and each before it gets its name where only then it is known who gets which (its
/// name is taken, or it is copied to another file system).
pub(super) async fn redo(
    spool: Spool,
    batch: Vec<Delivery>,
    ledger: Ledger,
) -> Vec<(JobId, Input)> {
    let jobs: Vec<JobId> = batch.iter().map(|delivery| delivery.job).collect();
    let batch = Arc::new(batch);
    let mut kept: Vec<LedgerEntry> = Vec::new();
    if batch.iter().any(|delivery| delivery.returning.is_some()) {
        let looked = Arc::clone(&batch);
        let look = move || {
            let before = |one: &Delivery| one.returning.as_ref()?.before(&one.redo);
            looked.iter().filter_map(before).collect()
        };
        kept = blocking(look).await.unwrap_or_default();
        ledger.keep(kept.clone()).await;
    }
    let again = ledger.clone();
    let done = blocking(move || {
        let lists: Vec<(JobId, &Redo)> = batch.iter().map(|one| (one.job, &one.redo)).collect();
        let kept = RefCell::new(kept);
        let naming = |job: JobId, path: &Path, identity: Identity| {
            let mut all = batch.iter();
            let of = all.find(|one| one.job == job);
            let returning = of.and_then(|one| one.returning.as_ref());
            let Some(entry) = returning.and_then(|one| one.entry(path, identity)) else {
                return;
            };
            if !kept.borrow().iter().any(|known| is_same(known, &entry)) {
                again.keep_blocking(vec![entry.clone()]);
                kept.borrow_mut().push(entry);
            }
        };
        let results = spool.redo_all_naming(&lists, &naming);
        let kept = kept.into_inner();
        let after = |(one, result): (&Delivery, &Result<Vec<Delivered>, RedoError>)| {
            let is_known = |entry: &LedgerEntry| kept.iter().any(|known| is_same(known, entry));
            let delivered = result.as_ref().ok()?;
            one.returning.as_ref()?.after(delivered, is_known)
        };
        let returned: Vec<LedgerEntry> = batch.iter().zip(&results).filter_map(after).collect();
        (results, returned)
    });
    let done = match done.await {
        Ok((results, returned)) => {
            ledger.keep(returned).await;
            Ok(results)
        }
        Err(problem) => Err(problem),
    };
    let results = match done {
        Ok(results) => results
            .into_iter()
            .map(|result| result.map_err(|error| (moves::redo_problem(&error), is_lost(&error))))
            .collect(),
        Err(problem) => jobs
            .iter()
            .map(|_| Err((problem.clone(), false)))
            .collect::<Vec<_>>(),
    };
    let input = |(job, result)| {
        let input = match result {
            Err((problem, true)) => Input::Lost { job, problem },
            result => Input::Redone {
                job,
                result: result.map_err(|(problem, _)| problem),
            },
        };
        (job, input)
    };
    jobs.into_iter().zip(results).map(input).collect()
}

fn is_lost(error: &RedoError) -> bool {
    matches!(error, RedoError::Lost(_))
}

/// Whether both are about the same file at the same place. A rename changes its ctime.
fn is_same(one: &LedgerEntry, other: &LedgerEntry) -> bool {
    let same = one.identity.same_file(&other.identity);
    same && one.pipeline == other.pipeline && one.relative == other.relative
}
