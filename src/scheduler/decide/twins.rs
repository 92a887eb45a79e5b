//! What becomes of a file whose content an earlier job of its pipeline had, under `duplicates: skip` and `fail`. While that job is
//! open nobody knows whether it will have done the work: the later one waits for its end.

use crate::job::event::{JobEvent, Warned};
use crate::job::id::JobId;
use crate::job::redo::Verdict;
use crate::pipeline::checked::{Duplicates, Pipeline};
use crate::problem::{Code, Problem};
use crate::scheduler::decide::open::Phase;
use crate::scheduler::decide::state::Scheduler;
use crate::scheduler::input::{Action, Decision, EndOf};
use crate::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Who waits for whose end.
#[derive(Debug, Default)]
pub(super) struct Twins {
    earlier: HashMap<JobId, JobId>,
    later: HashMap<JobId, BTreeSet<JobId>>,
}

impl Twins {
    /// The job that this one waits for.
    pub(super) fn earlier(&self, id: JobId) -> Option<JobId> {
        self.earlier.get(&id).copied()
    }

    fn wait(&mut self, id: JobId, earlier: JobId) {
        self.earlier.insert(id, earlier);
        self.later.entry(earlier).or_default().insert(id);
    }

    /// This one does not wait any more.
    pub(super) fn forget(&mut self, id: JobId) {
        let Some(earlier) = self.earlier.remove(&id) else {
            return;
        };
        if let Some(later) = self.later.get_mut(&earlier) {
            later.remove(&id);
            if later.is_empty() {
                self.later.remove(&earlier);
            }
        }
    }

    /// Those that waited for this one, the oldest first.
    fn release(&mut self, ended: JobId) -> BTreeSet<JobId> {
        let later = self.later.remove(&ended).unwrap_or_default();
        for id in &later {
            self.earlier.remove(id);
        }
        later
    }
}

impl Scheduler {
    /// Another job about the same content that has done the work or may yet do it, whatever the journal knew when it was asked.
    /// Looked for only where it makes a difference.
    pub(super) fn twin(&self, id: JobId, blake3: &str) -> Option<JobId> {
        let pipeline = &self.open.get(id)?.job.accepted.pipeline;
        if self.current(pipeline)?.duplicates == Duplicates::Process {
            return None;
        }
        let done = self.recent.done(pipeline, blake3);
        done.or_else(|| self.open.twin(id, pipeline, blake3))
    }

    /// Keeps in mind how a job ends, where others may have its content.
    pub(super) fn remember_end(&mut self, id: JobId, was_done: bool) {
        let Some(live) = self.open.get(id) else {
            return;
        };
        let pipeline = &live.job.accepted.pipeline;
        let is_asked = |current: Arc<Pipeline>| current.duplicates != Duplicates::Process;
        if self.current(pipeline).is_some_and(is_asked) {
            let content = live
                .job
                .blake3
                .clone()
                .map(|blake3| (pipeline.clone(), blake3));
            self.recent.remember(id, was_done, content);
        }
    }

    /// Jobs of earlier lives that have done the work, or whose content another one has. To be told before [`Scheduler::recover`].
    pub fn were_done(&mut self, jobs: impl IntoIterator<Item = JobId>) {
        for id in jobs {
            self.recent.remember(id, true, None);
        }
    }

    /// Decides about a job that was taken, `earlier` being the one that had its content; `was_done` says that it had succeeded.
    pub(super) fn weigh_duplicate(
        &mut self,
        id: JobId,
        (earlier, was_done): (JobId, bool),
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let rule = self.pipeline_of(id).map(|current| current.duplicates);
        // One that waits itself does nothing for the content.
        let earlier = self.twins.earlier(earlier).unwrap_or(earlier);
        // The journal may have been asked before it knew of the end.
        let was_done = self.recent.was_done(earlier).unwrap_or(was_done);
        match rule {
            None | Some(Duplicates::Process) => self.enqueue(id),
            _ if self.open.get(earlier).is_some() => self.twins.wait(id, earlier),
            _ if !was_done => self.enqueue(id),
            Some(Duplicates::Fail) => {
                let problem = Problem::new(
                    Code::Duplicate,
                    format!("the same content was processed before, by job {earlier}"),
                );
                let said = Warned::new("duplicate", problem.detail.clone());
                let verdict = Verdict::Fail { problem };
                self.end_duplicate(id, said.ends(verdict), now, decision);
            }
            Some(Duplicates::Skip) => {
                let message =
                    format!("skipped: the same content was processed before, by job {earlier}");
                let said = Warned::new("duplicate-skipped", message);
                self.end_duplicate(id, said.ends(Verdict::Succeed), now, decision);
            }
        }
    }

    /// A queued job of an earlier life. It ends as was decided then. One to which nothing has happened since it was taken may still be
    /// waiting for another one; a person who has said `retry` wants it processed.
    pub(super) fn weigh_again(&mut self, id: JobId, now: Timestamp, decision: &mut Decision) {
        if self.end_as_decided(id, decision) {
            return;
        }
        let Some(live) = self.open.get(id) else {
            return;
        };
        match live.job.duplicate_of {
            Some(earlier) if live.job.is_as_it_was_taken() => {
                self.weigh_duplicate(id, (earlier, false), now, decision);
            }
            _ => self.enqueue(id),
        }
    }

    /// Goes on with those that waited for this job. Where it has not done the work the oldest of them does, and the others wait for
    /// that one.
    pub(super) fn release_twins(
        &mut self,
        ended: JobId,
        was_done: bool,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let mut earlier = ended;
        for id in self.twins.release(ended) {
            self.weigh_duplicate(id, (earlier, was_done), now, decision);
            if earlier == ended && !was_done {
                earlier = id;
            }
        }
    }

    /// What is decided is journalled before anything is done about it: the next life must not process the file after all.
    fn end_duplicate(&mut self, id: JobId, said: Warned, now: Timestamp, decision: &mut Decision) {
        self.record(id, now, JobEvent::Warned(said), decision);
        self.end_as_decided(id, decision);
    }

    /// Prepares the end of a job that is skipped. Where its pipeline is gone nobody says where its original goes: it goes where that of
    /// a cancelled one would.
    pub(super) fn prepare_skip(&mut self, id: JobId, decision: &mut Decision) {
        let (Some(live), Some(pipeline)) = (self.open.get(id), self.pipeline_of(id)) else {
            return self.prepare_cancel(id, decision);
        };
        let about = EndOf {
            job: live.job.clone(),
            problem: None,
            failed: Some(pipeline.failed.clone()),
            done_file: None,
            archive: Some(pipeline.original.clone()),
            staged: Vec::new(),
        };
        self.set_phase(id, Phase::Preparing);
        decision.actions.push(Action::PrepareEnd {
            job: id,
            about: Box::new(about),
        });
    }
}
