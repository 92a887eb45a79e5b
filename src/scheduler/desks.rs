//! File work of the pipelines: each has a few desks of its own for each kind, and what comes beyond them waits in line.
//!
//! So the threads for file work are bounded by the number of pipelines, and no pipeline ever waits for the work of another one: neither
//! for a burst's, nor for one whose file system hangs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Batches of one kind that a pipeline may have at work at a time: enough that one waits for the disk while others are read.
const AT_ONCE: u32 = 4;

/// All desks of one kind of one pipeline: nobody else works there as long as this lives.
#[derive(Debug)]
pub(super) struct Whole(#[expect(dead_code, reason = "held, not looked at")] OwnedSemaphorePermit);

/// What is done with files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Files are taken.
    Claim,
    /// Jobs are brought to their ends: notes are written, moves made.
    Deliver,
}

/// Where the work of one kind of one pipeline waits for its turn, first come, first served.
#[derive(Clone, Debug)]
pub(super) struct Line(Arc<Semaphore>);

impl Line {
    /// Waits for a free desk; it is free again once what this gives is dropped.
    pub(super) async fn turn(self) -> Option<OwnedSemaphorePermit> {
        // The line is never closed.
        self.0.acquire_owned().await.ok()
    }

    /// Waits until nobody works there any more.
    pub(super) async fn whole(self) -> Option<Whole> {
        self.0.acquire_many_owned(AT_ONCE).await.ok().map(Whole)
    }
}

/// The desks of all pipelines. Cloning it gives another handle to the same ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Desks(Arc<Mutex<HashMap<String, [Line; 2]>>>);

impl Desks {
    /// The line of this kind of work of this pipeline.
    pub(super) fn line(&self, kind: Kind, pipeline: &str) -> Line {
        let [claim, deliver] = self.lines(pipeline);
        match kind {
            Kind::Claim => claim,
            Kind::Deliver => deliver,
        }
    }

    /// All desks of a pipeline at which nobody works yet.
    pub(super) fn take_all(&self, pipeline: &str) -> Vec<Whole> {
        let lines = self.lines(pipeline).into_iter();
        let taken = lines.filter_map(|line| line.0.try_acquire_many_owned(AT_ONCE).ok());
        taken.map(Whole).collect()
    }

    fn lines(&self, pipeline: &str) -> [Line; 2] {
        // Each change is one insertion or removal: a panic elsewhere leaves the map whole.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lines) = all.get(pipeline) {
            return lines.clone();
        }
        // Those of pipelines that are gone; work that is still under way has its own handle.
        all.retain(|_, lines| lines.iter().any(is_in_use));
        let new = || Line(Arc::new(Semaphore::new(AT_ONCE as usize)));
        all.entry(pipeline.to_owned())
            .or_insert_with(|| [new(), new()])
            .clone()
    }
}

fn is_in_use(line: &Line) -> bool {
    Arc::strong_count(&line.0) > 1
}

/// Parts work by the pipelines it is for, in batches of at most so many, each in the order in which it came.
pub(super) fn batches<T>(
    work: Vec<T>,
    most: usize,
    pipeline: impl Fn(&T) -> String,
) -> Vec<(String, Vec<T>)> {
    let mut batches: Vec<(String, Vec<T>)> = Vec::new();
    let mut open: HashMap<String, usize> = HashMap::new();
    for one in work {
        let name = pipeline(&one);
        match open.get(&name).map(|at| &mut batches[*at].1) {
            Some(batch) if batch.len() < most => batch.push(one),
            _ => {
                open.insert(name.clone(), batches.len());
                batches.push((name, vec![one]));
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// The desk that is free at once.
    fn at_once(line: Line) -> Option<OwnedSemaphorePermit> {
        match pin!(line.turn()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => turn,
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_burst_has_a_few_desks_and_keeps_nobody_from_theirs() {
        let desks = Desks::default();
        let burst: Vec<_> = (0..312)
            .filter_map(|_| at_once(desks.line(Kind::Claim, "burst")))
            .collect();
        assert_eq!(burst.len(), AT_ONCE as usize);
        assert!(at_once(desks.line(Kind::Deliver, "burst")).is_some());
        assert!(at_once(desks.line(Kind::Claim, "lone")).is_some());
        // Another pipeline's coming does not give anybody more.
        desks.line(Kind::Claim, "third");
        assert!(at_once(desks.line(Kind::Claim, "burst")).is_none());
        drop(burst);
        assert!(at_once(desks.line(Kind::Claim, "burst")).is_some());
        desks.line(Kind::Claim, "fourth");
        let left = desks.0.lock().expect("nobody panics").len();
        assert_eq!(left, 1, "who has nothing at work is forgotten");
    }

    #[test]
    fn nobody_works_beside_whoever_has_all_desks() {
        let desks = Desks::default();
        let whole = desks.take_all("swept");
        assert!(at_once(desks.line(Kind::Claim, "swept")).is_none());
        assert!(at_once(desks.line(Kind::Deliver, "swept")).is_none());
        assert!(at_once(desks.line(Kind::Claim, "lone")).is_some());
        drop(whole);
        assert!(at_once(desks.line(Kind::Deliver, "swept")).is_some());
    }

    #[test]
    fn no_batch_holds_work_of_two_pipelines() {
        let work: Vec<u32> = (0..40).collect();
        let of = |number: &u32| (if *number == 20 { "lone" } else { "burst" }).to_owned();
        let batches = batches(work, 16, of);
        let sizes: Vec<_> = batches
            .iter()
            .map(|(name, batch)| (name.as_str(), batch.len()))
            .collect();
        let expected = [("burst", 16), ("burst", 16), ("lone", 1), ("burst", 7)];
        assert_eq!(sizes, expected);
        assert_eq!(batches[1].1[3..6], [19, 21, 22]);
    }
}
