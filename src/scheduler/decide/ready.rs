//! The queued jobs of each pipeline, oldest first, and how often a large one was passed by those behind it.

use crate::job::id::JobId;
use std::collections::{BTreeMap, BTreeSet};

/// How often a job that does not fit into the memory that is left may be passed; then memory is kept free for it.
const MOST_PASSED: u32 = 16;

/// The queues.
#[derive(Debug, Default)]
pub(super) struct Ready {
    queues: BTreeMap<String, BTreeSet<JobId>>,
    passed: BTreeMap<JobId, Passed>,
}

#[derive(Debug)]
struct Passed {
    pipeline: String,
    times: u32,
}

impl Ready {
    /// Adds a job.
    pub(super) fn enqueue(&mut self, pipeline: &str, id: JobId) {
        match self.queues.get_mut(pipeline) {
            Some(queue) => _ = queue.insert(id),
            None => {
                _ = self
                    .queues
                    .insert(pipeline.to_owned(), BTreeSet::from([id]))
            }
        }
    }

    /// Takes a job out, wherever it stands.
    pub(super) fn dequeue(&mut self, pipeline: &str, id: JobId) {
        self.passed.remove(&id);
        if let Some(queue) = self.queues.get_mut(pipeline) {
            queue.remove(&id);
            if queue.is_empty() {
                self.queues.remove(pipeline);
            }
        }
    }

    /// The pipelines that have queued jobs.
    pub(super) fn pipelines(&self) -> impl Iterator<Item = &str> {
        self.queues.keys().map(String::as_str)
    }

    /// The jobs of a pipeline, oldest first.
    pub(super) fn of<'a>(&'a self, pipeline: &str) -> impl Iterator<Item = JobId> + use<'a> {
        self.queues.get(pipeline).into_iter().flatten().copied()
    }

    /// How many jobs of the pipeline stand before this one.
    pub(super) fn place(&self, pipeline: &str, id: JobId) -> Option<usize> {
        let queue = self.queues.get(pipeline)?;
        queue.contains(&id).then(|| queue.range(..id).count())
    }

    /// A job behind this one was started before it, because this one did not fit.
    pub(super) fn pass(&mut self, pipeline: &str, id: JobId) {
        let passed = self.passed.entry(id).or_insert_with(|| Passed {
            pipeline: pipeline.to_owned(),
            times: 0,
        });
        passed.times += 1;
    }

    /// The oldest job that must not be passed any more, of the pipelines that may start one.
    pub(super) fn overdue(&self, may_start: impl Fn(&str) -> bool) -> Option<(&str, JobId)> {
        let mut overdue = self
            .passed
            .iter()
            .filter(|(_, passed)| passed.times >= MOST_PASSED && may_start(&passed.pipeline));
        overdue
            .next()
            .map(|(id, passed)| (passed.pipeline.as_str(), *id))
    }
}
