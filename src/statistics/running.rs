//! One running job: what its steps took so far, and when it should be done.

use crate::job::event::{JobEvent, StepName};
use crate::statistics::pace::Paces;
use crate::time::Timestamp;
use std::time::Duration;

/// A step that takes more than this many times what is usual is like none before.
const LIKE_NONE: u32 = 2;
/// Below this, taking longer means nothing.
const NOISE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) pipeline: String,
    started: Timestamp,
    steps: Vec<Step>,
    /// The step at work.
    current: usize,
}

#[derive(Debug)]
struct Step {
    id: String,
    /// Milliseconds of the documents that are done.
    ms: u64,
    /// Since when it is at work on its first document.
    began: Option<Timestamp>,
    /// How much it said that there is to do.
    total: Option<u64>,
}

impl Running {
    pub(crate) fn new(pipeline: &str, started: Timestamp, steps: &[StepName]) -> Self {
        let step = |step: &StepName| Step {
            id: step.id.clone(),
            ms: 0,
            began: None,
            total: None,
        };
        Self {
            pipeline: pipeline.to_owned(),
            started,
            steps: steps.iter().map(step).collect(),
            current: 0,
        }
    }

    /// Hears what happens to its steps.
    pub(crate) fn observe(&mut self, at: Timestamp, what: &JobEvent) {
        let (place, ms, is_over) = match what {
            JobEvent::StepStarted(place) => (place, 0, false),
            JobEvent::StepFinished(finished) => (&finished.place, finished.ms, true),
            JobEvent::StepFailed(failed) => (&failed.place, failed.ms, true),
            JobEvent::StepSkipped(skipped) => (&skipped.place, 0, true),
            _ => return,
        };
        let index = place.index as usize;
        let Some(step) = self.steps.get_mut(index) else {
            return;
        };
        step.ms = step.ms.saturating_add(ms);
        step.began.get_or_insert(at);
        self.current = if is_over && place.part >= place.parts {
            index + 1
        } else {
            index
        };
    }

    pub(crate) fn ran_ms(&self, now: Timestamp) -> u64 {
        u64::try_from(now.since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    /// What each step took, and how much it said that there was to do.
    pub(crate) fn taken(&self) -> impl Iterator<Item = (&str, u64, Option<u64>)> {
        self.steps
            .iter()
            .map(|step| (step.id.as_str(), step.ms, step.total))
    }

    /// A step says how much there is to do on its one document.
    pub(crate) fn hear(&mut self, index: u32, total: u64) {
        if let Some(step) = self.steps.get_mut(index as usize) {
            step.total = (total > 0).then_some(total);
        }
    }

    /// How many pages there are, if a step that counts pages has said so.
    fn pages(&self, paces: &Paces) -> Option<u64> {
        let said = self
            .steps
            .iter()
            .find(|step| step.total.is_some() && paces.counts_pages(&step.id));
        said?.total
    }

    /// How long it still takes; `step_left` is what the running step says of itself.
    pub(crate) fn left(
        &self,
        paces: &Paces,
        now: Timestamp,
        step_left: Option<Duration>,
    ) -> Option<Duration> {
        match step_left {
            None => Some(self.end(paces, now)?.since(now)),
            Some(left) => Some(left + self.after(paces, self.pages(paces))?),
        }
    }

    /// When it should be done.
    pub(crate) fn end(&self, paces: &Paces, now: Timestamp) -> Option<Timestamp> {
        let pages = self.pages(paces);
        let (since, usual) = match self.steps.get(self.current) {
            Some(step) => (step.began.unwrap_or(now), paces.expected(&step.id, pages)?),
            None => (now, Duration::ZERO),
        };
        if now.since(since) > usual * LIKE_NONE + NOISE {
            return None;
        }
        let done = since.plus(usual).max(now);
        Some(done.plus(self.after(paces, pages)?))
    }

    /// What the steps after the running one take.
    fn after(&self, paces: &Paces, pages: Option<u64>) -> Option<Duration> {
        let rest = self.steps.iter().skip(self.current + 1);
        rest.map(|step| paces.expected(&step.id, pages)).sum()
    }
}
