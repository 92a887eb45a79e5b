//! What the decider knows, and the small changes that every rule is made of.

use crate::event::{Draft, Event};
use crate::job::event::JobEvent;
use crate::job::id::JobId;
use crate::pipeline::checked::Pipeline;
use crate::scheduler::decide::obstacles::Obstacles;
use crate::scheduler::decide::open::{OpenJobs, Phase};
use crate::scheduler::decide::ready::Ready;
use crate::scheduler::decide::recent::Recent;
use crate::scheduler::decide::twins::Twins;
use crate::scheduler::fair::Turns;
use crate::scheduler::input::{Closed, Decision, Hold};
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the decider knows.
#[derive(Debug)]
pub struct Scheduler {
    pub(super) capacity: usize,
    pub(super) memory: u64,
    pub(super) pipelines: BTreeMap<String, Known>,
    pub(super) open: OpenJobs,
    pub(super) obstacles: Obstacles,
    pub(super) twins: Twins,
    pub(super) recent: Recent,
    pub(super) ready: Ready,
    pub(super) turns: Turns,
    pub(super) intake_closed: Option<Closed>,
    pub(super) held: BTreeMap<String, Hold>,
    pub(super) draining: bool,
}

/// What is known of a pipeline.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) current: Option<Arc<Pipeline>>,
    pub(super) paused: Option<String>,
    pub(super) running: u32,
}

impl Known {
    pub(super) fn has_room(&self) -> bool {
        self.paused.is_none()
            && self
                .current
                .as_ref()
                .is_some_and(|pipeline| self.running < pipeline.concurrency)
    }
}

impl Scheduler {
    /// A decider for so many attempts at once and so much memory for all of them.
    #[must_use]
    pub fn new(capacity: usize, memory: u64) -> Self {
        Self {
            capacity,
            memory,
            pipelines: BTreeMap::new(),
            open: OpenJobs::default(),
            obstacles: Obstacles::default(),
            twins: Twins::default(),
            recent: Recent::default(),
            ready: Ready::default(),
            turns: Turns::default(),
            intake_closed: None,
            held: BTreeMap::new(),
            draining: false,
        }
    }

    pub(super) fn current(&self, pipeline: &str) -> Option<Arc<Pipeline>> {
        self.pipelines
            .get(pipeline)
            .and_then(|known| known.current.clone())
    }

    /// Whether an attempt of this pipeline may start, as far as the pipeline goes.
    pub(super) fn may_start(&self, pipeline: &str) -> bool {
        !self.held.contains_key(pipeline)
            && self.pipelines.get(pipeline).is_some_and(Known::has_room)
    }

    pub(super) fn running(&self) -> usize {
        self.pipelines
            .values()
            .map(|known| known.running as usize)
            .sum()
    }

    /// Puts a job that nothing is done for into its pipeline's queue.
    pub(super) fn enqueue(&mut self, id: JobId) {
        if let Some(live) = self.open.get(id) {
            self.ready.enqueue(&live.job.accepted.pipeline, id);
        }
    }

    pub(super) fn dequeue(&mut self, id: JobId) {
        if let Some(live) = self.open.get(id) {
            self.ready.dequeue(&live.job.accepted.pipeline, id);
        }
    }

    pub(super) fn set_phase(&mut self, id: JobId, phase: Phase) {
        self.open.set_phase(id, phase);
    }

    /// Changes the job and notes the event for the journal.
    pub(super) fn record(
        &mut self,
        id: JobId,
        now: Timestamp,
        event: JobEvent,
        decision: &mut Decision,
    ) {
        decision.events.extend(self.open.record(id, now, event));
    }
}

/// An event that is about no job.
pub(super) fn draft(at: Timestamp, event: Event) -> Draft {
    Draft { at, event }
}
