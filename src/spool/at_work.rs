//! For which jobs something is staged in this life, and of which the sweep of a start removes what an earlier life left.
//!
//! A sweep goes by where jobs stood when it began, or by what the journal says; a job that has begun meanwhile stages what looks the
//! same. So whoever stages says so first, and the sweep asks for each file in the moment in which it removes it.

use crate::job::id::JobId;
use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Cloning it gives another handle to the same.
#[derive(Clone, Debug, Default)]
pub(super) struct AtWork(Arc<(Mutex<Jobs>, Condvar)>);

#[derive(Debug, Default)]
struct Jobs {
    staging: HashSet<JobId>,
    swept: HashSet<JobId>,
}

impl AtWork {
    /// From here on what is staged for the job counts. Waits for a file of it that is being removed.
    pub(super) fn begin(&self, job: JobId) {
        let mut jobs = self.jobs();
        while jobs.swept.contains(&job) {
            let woken = self.0.1.wait(jobs);
            jobs = woken.unwrap_or_else(PoisonError::into_inner);
        }
        jobs.staging.insert(job);
    }

    /// Nothing of it is staged any more.
    pub(super) fn end(&self, job: JobId) {
        self.jobs().staging.remove(&job);
    }

    /// Removes something unless it counts; says whether it did.
    pub(super) fn unless_staging(&self, job: JobId, remove: impl FnOnce()) -> bool {
        {
            let mut jobs = self.jobs();
            if jobs.staging.contains(&job) || !jobs.swept.insert(job) {
                return false;
            }
        }
        // Without the lock: the folder may not answer, and others stage elsewhere meanwhile.
        remove();
        self.jobs().swept.remove(&job);
        self.0.1.notify_all();
        true
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        // Each change is one insertion or removal: a panic elsewhere leaves the sets whole.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
