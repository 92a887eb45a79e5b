//! File work for many jobs at a time, off the async threads: each folder is synced once for all of them.

use crate::durable;
use crate::durable::spot::Place;
use crate::job::event::{Accepted, Identity, Origin, Queued};
use crate::job::id::JobId;
use crate::job::redo::{Delivered, Redo};
use crate::problem::{Problem, chain};
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
    /// Whether an earlier try may hold it.
    pub(super) again: bool,
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

    fn way(&self) -> Way {
        match self.accepted.origin {
            Origin::Upload => Way::Sent,
            Origin::Watch if self.again => Way::Again,
            Origin::Watch => Way::First,
        }
    }
}

/// How a file is taken.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Out of its inbox.
    First,
    /// The same, where an earlier try may hold it.
    Again,
    /// Somebody sent it, and waits.
    Sent,
}

/// Takes files: the renames, their contents' hashes, and whether the same content was here before.
pub(super) async fn claim(spool: Spool, store: Store, batch: Vec<Taking>) -> Vec<(JobId, Input)> {
    let claims: Vec<Claim> = batch.iter().map(Taking::claim).collect();
    let ways: Vec<Way> = batch.iter().map(Taking::way).collect();
    let claimed = blocking(move || {
        let claimed = spool.claim_all(&claims).into_iter();
        let each = claimed.zip(&claims).zip(ways);
        each.map(|((claimed, claim), way)| {
            claimed.map_err(|error| give_up(&spool, claim, way, error))
        })
        .collect::<Vec<_>>()
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

/// The job of a file that was not taken ends, so nothing may be left held for it: it is put back, and where that cannot be, or is not
/// known, the job goes on ([`ClaimError::Stuck`]). An upload goes, since whoever sent it is told to send it again.
fn give_up(spool: &Spool, claim: &Claim, way: Way, error: ClaimError) -> ClaimError {
    let undone = match (&error, way) {
        // It is held; only nobody has read it.
        (ClaimError::TooLarge { .. } | ClaimError::Halted, _) => return error,
        (_, Way::Sent) => {
            let removed = durable::remove(&claim.held).and_then(|()| durable::remove(&claim.from));
            if let Err(left) = removed {
                tracing::warn!(error = %chain(&left), held = %claim.held.display(), "an upload that could not be taken is removed at the next start");
            }
            return error;
        }
        // It lies in its inbox, or nowhere.
        (ClaimError::Vanished(_) | ClaimError::Changed(_), _) => return error,
        // Nothing gets into a folder of ours that may not be entered.
        (_, Way::First) if is_barred(claim) => return error,
        // What is held lies where nobody can look now.
        (ClaimError::Away(_), Way::Again) => return ClaimError::Stuck(Box::new(error)),
        _ => spool.unclaim(&claim.held, &claim.from),
    };
    match undone {
        Ok(_) => error,
        Err(held) => {
            tracing::warn!(error = %chain(&held), held = %claim.held.display(), "a file that could not be taken could not be put back");
            ClaimError::Stuck(Box::new(error))
        }
    }
}

/// Whether we may not look into the folder of what is held, and the file itself lies in its inbox.
fn is_barred(claim: &Claim) -> bool {
    let held = Place::from(&claim.held).stat();
    let is_denied = held.is_err_and(|error| error.kind() == durable::Kind::Denied);
    is_denied && Place::from(&claim.from).is_taken()
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
        ClaimError::Stuck(_) => ClaimFailure::Stuck(chain(error)),
        ClaimError::TooLarge { size, limit } => ClaimFailure::TooLarge {
            size: *size,
            limit: *limit,
        },
        error => {
            tracing::warn!(error = %chain(error), path = %taking.accepted.path, "a file cannot be taken now");
            ClaimFailure::Later(chain(error))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::failpoint::on::{across_devices, crash_after};
    use crate::mounts::Mounts;
    use crate::owner::Owner;

    #[test]
    fn a_file_that_can_be_neither_taken_nor_put_back_stays_its_jobs() {
        let plain: fn(&mut dyn FnMut()) = |run| run();
        for within in [plain, |run| across_devices(run)] {
            let (mut operations, mut stuck, mut came) = (0, 0, true);
            while came {
                let home = tempfile::tempdir().expect("a temp folder");
                let from = home.path().join("a.pdf");
                std::fs::write(&from, "%PDF").expect("writable");
                let spool = Spool::new(Mounts::default(), Owner::default());
                let claim = Claim {
                    held: spool::held_path(home.path(), JobId::fresh()),
                    identity: Identity::of(&from.metadata().expect("there")),
                    from,
                };
                within(&mut || {
                    let claimed = || {
                        let claimed = spool.claim(&claim);
                        claimed.map_err(|error| give_up(&spool, &claim, Way::First, error))
                    };
                    let (claimed, crashed) = crash_after(operations, claimed);
                    came = crashed;
                    match claimed {
                        Ok(_) => {}
                        Err(ClaimError::Stuck(_)) => stuck += 1,
                        Err(_) => assert!(claim.from.exists() && !claim.held.exists()),
                    }
                    spool.claim(&claim).expect("it is taken again");
                    assert!(!claim.from.exists() && claim.held.exists());
                });
                operations += 1;
            }
            assert!(stuck > 0, "{operations} points");
        }
    }

    #[test]
    fn what_may_be_held_below_a_mount_that_is_away_is_not_given_up() {
        let (spool, path) = (Spool::default(), PathBuf::from("/inbox/a.pdf"));
        let claim = Claim {
            from: path.clone(),
            held: spool::held_path(Path::new("/inbox"), JobId::fresh()),
            identity: crate::store::tests::sample::identity(3),
        };
        let away = || ClaimError::Away(spool::ground::Away::Left(path.clone()));
        let given_up = |way| give_up(&spool, &claim, way, away());
        assert!(matches!(given_up(Way::First), ClaimError::Away(_)));
        assert!(matches!(given_up(Way::Again), ClaimError::Stuck(_)));
    }
}
