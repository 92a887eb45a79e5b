//! Progress made bearable: the latest value of each job, at most five a second, only when what is shown has changed.
//!
//! Pure: time is passed in.

use crate::job::id::JobId;
use crate::raw_path::RawPath;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// How far a job's running step is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The job.
    pub job: JobId,
    /// Its pipeline.
    pub pipeline: String,
    /// Where its file lay.
    pub path: RawPath,
    /// The job's `rev` that it belongs to.
    pub rev: u64,
    /// The step's id.
    pub step: String,
    /// The step's place, from 0.
    pub index: u32,
    /// How many steps there are.
    pub steps: u32,
    /// Which document, from 1.
    pub part: u32,
    /// How many documents.
    pub parts: u32,
    /// How much is done, in the operation's units.
    pub done: u64,
    /// Of how much; 0 where it is not known.
    pub total: u64,
    /// Units a second.
    pub rate: Option<f64>,
    /// Milliseconds left.
    pub eta_ms: Option<u64>,
}

/// What people see of it: tenths of a rate and whole seconds.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    place: (String, u32, u32, u32),
    amount: (u64, u64),
    tenths: Option<i64>,
    seconds: Option<u64>,
}

impl Shown {
    fn of(progress: &Progress) -> Self {
        Self {
            place: (
                progress.step.clone(),
                progress.index,
                progress.part,
                progress.parts,
            ),
            amount: (progress.done, progress.total),
            tenths: progress.rate.map(|rate| (rate * 10.0).round() as i64),
            seconds: progress.eta_ms.map(|ms| ms.div_ceil(1_000)),
        }
    }
}

#[derive(Debug, Default)]
struct Entry {
    latest: Option<Progress>,
    shown: Option<Shown>,
    sent: Option<Instant>,
    rev: u64,
    waits: bool,
}

/// The latest progress of each running job.
#[derive(Debug)]
pub(crate) struct Conflation {
    gap: Duration,
    jobs: HashMap<JobId, Entry>,
    ended: Recent,
}

impl Conflation {
    /// At most one progress of a job each `gap`.
    pub(crate) fn new(gap: Duration) -> Self {
        Self {
            gap,
            jobs: HashMap::new(),
            ended: Recent::default(),
        }
    }

    /// Takes a new value; returns it if it is to be sent now.
    pub(crate) fn offer(&mut self, progress: Progress, now: Instant) -> Option<Progress> {
        if self.ended.contains(progress.job) {
            return None;
        }
        let entry = self.jobs.entry(progress.job).or_default();
        if progress.rev < entry.rev {
            return None;
        }
        let shown = Shown::of(&progress);
        entry.latest = Some(progress);
        entry.waits = entry.shown.as_ref() != Some(&shown);
        if !entry.waits || entry.sent.is_some_and(|sent| now < sent + self.gap) {
            return None;
        }
        entry.send(now)
    }

    /// The values whose time has come.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Progress> {
        let gap = self.gap;
        self.jobs
            .values_mut()
            .filter(|entry| entry.waits && entry.sent.is_none_or(|sent| now >= sent + gap))
            .filter_map(|entry| entry.send(now))
            .collect()
    }

    /// When the next value's time comes.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.jobs
            .values()
            .filter(|entry| entry.waits)
            .filter_map(|entry| entry.sent)
            .min()
            .map(|sent| sent + self.gap)
    }

    /// A durable event of a job that goes on: what was to be sent is out of date.
    pub(crate) fn overtake(&mut self, job: JobId, rev: u64) {
        self.ended.remove(job);
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.latest = None;
            entry.waits = false;
            entry.rev = rev;
        }
    }

    /// The job has ended: nothing more of it until it goes on again.
    pub(crate) fn end(&mut self, job: JobId) {
        self.jobs.remove(&job);
        self.ended.insert(job);
    }

    /// What each running job shows just now.
    pub(crate) fn latest(&self) -> impl Iterator<Item = &Progress> {
        self.jobs.values().filter_map(|entry| entry.latest.as_ref())
    }

    /// Forgets the running jobs; who comes later begins anew.
    pub(crate) fn clear(&mut self) {
        self.jobs = HashMap::new();
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

impl Entry {
    fn send(&mut self, now: Instant) -> Option<Progress> {
        let latest = self.latest.clone()?;
        self.waits = false;
        self.sent = Some(now);
        self.shown = Some(Shown::of(&latest));
        Some(latest)
    }
}

/// Jobs that ended lately: a few hundred are enough to outlive any progress that is still on its way.
#[derive(Debug, Default)]
struct Recent {
    young: HashSet<JobId>,
    old: HashSet<JobId>,
}

impl Recent {
    fn insert(&mut self, job: JobId) {
        if self.young.len() >= 256 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(job);
    }

    fn remove(&mut self, job: JobId) {
        self.young.remove(&job);
        self.old.remove(&job);
    }

    fn contains(&self, job: JobId) -> bool {
        self.young.contains(&job) || self.old.contains(&job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const GAP: Duration = Duration::from_millis(200);

    fn progress(done: u64) -> Progress {
        Progress {
            job: JobId(ulid::Ulid::from_parts(1, 1)),
            pipeline: "scan".to_owned(),
            path: RawPath::from(Path::new("/inbox/a.pdf")),
            rev: 3,
            step: "rotate".to_owned(),
            index: 0,
            steps: 2,
            part: 1,
            parts: 1,
            done,
            total: 100,
            rate: Some(3.21),
            eta_ms: Some(4_500),
        }
    }

    #[test]
    fn the_first_goes_at_once_and_the_latest_after_the_gap() {
        let start = Instant::now();
        let mut conflation = Conflation::new(GAP);
        assert!(conflation.offer(progress(1), start).is_some());
        for done in 2..50 {
            let at = start + Duration::from_millis(done);
            assert_eq!(conflation.offer(progress(done), at), None);
        }
        assert_eq!(conflation.next_deadline(), Some(start + GAP));
        assert_eq!(conflation.due(start + GAP / 2), []);
        assert_eq!(conflation.due(start + GAP), [progress(49)]);
        assert_eq!(conflation.next_deadline(), None, "nothing waits");
    }

    #[test]
    fn what_shows_the_same_is_not_sent_again() {
        let start = Instant::now();
        let mut conflation = Conflation::new(GAP);
        conflation.offer(progress(1), start);
        let same = Progress {
            rate: Some(3.24),
            eta_ms: Some(4_100),
            ..progress(1)
        };
        assert_eq!(conflation.offer(same.clone(), start + GAP * 2), None);
        let other = Progress {
            eta_ms: Some(3_900),
            ..same
        };
        assert!(conflation.offer(other, start + GAP * 2).is_some());
    }

    #[test]
    fn an_event_of_the_job_cancels_what_waits() {
        let start = Instant::now();
        let mut conflation = Conflation::new(GAP);
        conflation.offer(progress(1), start);
        conflation.offer(progress(2), start);
        conflation.overtake(progress(1).job, 4);
        assert_eq!(conflation.due(start + GAP), []);
        assert_eq!(conflation.latest().count(), 0);
        assert_eq!(
            conflation.offer(progress(3), start + GAP),
            None,
            "its rev is old"
        );
        let next = Progress {
            rev: 4,
            ..progress(3)
        };
        assert!(conflation.offer(next, start + GAP).is_some());
    }

    #[test]
    fn nothing_comes_after_the_end_until_the_job_goes_on() {
        let start = Instant::now();
        let mut conflation = Conflation::new(GAP);
        let job = progress(1).job;
        conflation.offer(progress(1), start);
        conflation.offer(progress(2), start);
        conflation.end(job);
        assert_eq!(conflation.due(start + GAP), []);
        assert_eq!(conflation.offer(progress(3), start + GAP), None);
        assert!(conflation.is_empty());
        conflation.overtake(job, 9);
        assert!(conflation.offer(progress(4), start + GAP).is_some());
    }
}
