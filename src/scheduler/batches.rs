//! File work for many jobs at a time, off the async threads: each folder is synced once for all of them.

use crate::durable;
use crate::job::event::{Accepted, Origin, Queued};
use crate::job::id::JobId;
use crate::job::redo::Redo;
use crate::problem::{Code, Problem};
use crate::scheduler::input::{ClaimFailure, Input};
use crate::scheduler::moves;
use crate::spool::claim::{Claim, ClaimError, Claimed};
use crate::spool::{self, Spool};
use crate::store::Store;
use std::collections::HashMap;
use std::path::PathBuf;

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
    let input = |((taking, claimed), duplicate_of): ((Taking, _), Option<JobId>)| {
        let result = match claimed {
            Ok(Ok(Claimed { size, blake3 })) => Ok(Queued {
                blake3,
                size,
                duplicate_of,
            }),
            Ok(Err(error)) => Err(not_taken(&taking, &error)),
            Err(Problem { detail, .. }) => Err(ClaimFailure::Later(detail)),
        };
        let job = taking.job;
        (job, Input::Claimed { job, result })
    };
    results.map(input).collect()
}

/// The job of a file that was not taken ends: nothing may be left held for it until the next start. An upload goes, since
/// whoever sent it is told to send it again.
fn give_up(spool: &Spool, claim: &Claim, is_upload: bool, error: &ClaimError) {
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
) -> Vec<Option<JobId>> {
    let mut here: HashMap<(&str, &str), JobId> = HashMap::new();
    let mut earlier = vec![None; batch.len()];
    let mut questions = Vec::new();
    for (index, (taking, claimed)) in batch.iter().zip(claimed).enumerate() {
        let Ok(Ok(claimed)) = claimed else { continue };
        let key = (taking.accepted.pipeline.as_str(), claimed.blake3.as_str());
        if let Some(first) = here.get(&key) {
            earlier[index] = Some(*first);
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
        error => {
            tracing::warn!(error = %crate::problem::chain(error), path = %taking.accepted.path, "a file cannot be taken now");
            ClaimFailure::Later(crate::problem::chain(error))
        }
    }
}

/// Carries out redo lists.
pub(super) async fn redo(spool: Spool, batch: Vec<(JobId, Redo)>) -> Vec<(JobId, Input)> {
    let jobs: Vec<JobId> = batch.iter().map(|(job, _)| *job).collect();
    let done = blocking(move || {
        let lists: Vec<(JobId, &Redo)> = batch.iter().map(|(job, redo)| (*job, redo)).collect();
        spool.redo_all(&lists)
    });
    let results = match done.await {
        Ok(results) => results
            .into_iter()
            .map(|result| result.map_err(|error| moves::redo_problem(&error)))
            .collect(),
        Err(problem) => jobs
            .iter()
            .map(|_| Err(problem.clone()))
            .collect::<Vec<_>>(),
    };
    jobs.into_iter()
        .zip(results)
        .map(|(job, result)| (job, Input::Redone { job, result }))
        .collect()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Problem::new(Code::Internal, format!("file work panicked: {error}")))
}
