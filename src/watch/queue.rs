//! The files of a folder that have settled, in the order in which they did, and how many of them the scheduler has in hand.
//! Pure: it reads no clock and no disk.
//!
//! A folder offers a few files at a time and the next ones as those are answered. So a burst waits here, where a file costs its name,
//! and not in what all folders share: the journal's next unit, the threads for file work. Where the scheduler has no room the folder is
//! held for a while as a whole; a file of it that comes back goes first afterwards.

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Offers of a folder that may be unanswered at a time. They are taken in batches of 16, of which a pipeline has four at work.
pub(crate) const UNANSWERED: usize = 64;
/// Files of a folder that may wait alone, each for itself. Of more it is taken that the folder is why they cannot be taken.
const ALONE: usize = 16;
/// How often the pause of who is refused again and again doubles, and what it comes to at most.
const DOUBLED: u32 = 5;
const MOST_PAUSES: u32 = 30;
/// The same for one that waits alone. Each try is a job that ends at once, and who makes it takeable mostly changes it, which is seen.
const DOUBLED_ALONE: u32 = 11;
const MOST_PAUSES_ALONE: u32 = 1200;

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The longest first. One that has changed or gone meanwhile is passed over when its turn comes.
    waiting: VecDeque<Arc<Path>>,
    /// Refused for now.
    back: VecDeque<Arc<Path>>,
    unanswered: HashSet<Arc<Path>>,
    /// They cannot be taken for reasons of their own, and nobody waits for them.
    alone: HashSet<Arc<Path>>,
    /// No offer before this.
    held: Option<Instant>,
    /// Refusals since a file was taken; those of one round are one.
    refused: u32,
}

impl Queue {
    /// Whether a file that settles now is offered now.
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        self.waiting.is_empty() && self.back.is_empty() && self.may_offer(now)
    }

    /// A file has settled and waits for its offer.
    pub(crate) fn push(&mut self, file: Arc<Path>) {
        self.waiting.push_back(file);
    }

    /// Whose turn it is, if anybody may be offered now.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Arc<Path>> {
        if !self.may_offer(now) {
            return None;
        }
        let next = self.back.pop_front().or_else(|| self.waiting.pop_front());
        if self.waiting.len() < self.waiting.capacity() / 8 {
            self.waiting.shrink_to(self.waiting.len() * 2);
        }
        next
    }

    /// A file was offered.
    pub(crate) fn offered(&mut self, file: Arc<Path>) {
        self.unanswered.insert(file);
    }

    /// The scheduler took a file; not all are answers, files come to it in other ways, too.
    pub(crate) fn taken(&mut self, file: &Path) {
        self.unanswered.remove(file);
        self.refused = 0;
    }

    /// A file was answered and is not taken.
    pub(crate) fn answered(&mut self, file: &Path) {
        self.unanswered.remove(file);
    }

    /// There is no room for this file now: it waits, and the whole folder for `pause`, longer where it is refused again.
    pub(crate) fn refused(&mut self, file: Arc<Path>, now: Instant, pause: Duration) {
        self.unanswered.remove(&file);
        self.back.push_back(file);
        if self.held.is_none_or(|until| until <= now) {
            self.held = Some(now + pause * pauses(self.refused));
            self.refused += 1;
        }
    }

    /// This file cannot be taken now: it waits for itself, if not too many do; else as one that there is no room for.
    pub(crate) fn refused_alone(&mut self, file: &Arc<Path>) -> bool {
        let may = self.alone.len() < ALONE;
        if may {
            self.unanswered.remove(file);
            self.alone.insert(Arc::clone(file));
        }
        may
    }

    /// Its time has come, whether it is still there or not.
    pub(crate) fn no_more_alone(&mut self, file: &Path) {
        self.alone.remove(file);
    }

    /// When the next file may be offered without anybody's answer, if one waits.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let waits = !self.waiting.is_empty() || !self.back.is_empty();
        self.held
            .filter(|_| waits && self.unanswered.len() < UNANSWERED)
    }

    /// How many files wait before this one.
    pub(crate) fn place(&self, file: &Path) -> Option<usize> {
        let mut all = self.back.iter().chain(&self.waiting);
        all.position(|waiting| **waiting == *file)
    }

    fn may_offer(&self, now: Instant) -> bool {
        self.unanswered.len() < UNANSWERED && self.held.is_none_or(|until| until <= now)
    }
}

/// The pauses that one waits who was refused so many times before.
pub(crate) fn pauses(refused: u32) -> u32 {
    2_u32.pow(refused.min(DOUBLED)).min(MOST_PAUSES)
}

/// The pauses that one waits who waits alone: ten minutes in the end.
pub(crate) fn pauses_alone(refused: u32) -> u32 {
    2_u32.pow(refused.min(DOUBLED_ALONE)).min(MOST_PAUSES_ALONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_millis(500);

    fn file(number: usize) -> Arc<Path> {
        Path::new(&format!("{number}.pdf")).into()
    }

    fn queue(files: usize) -> Queue {
        let mut queue = Queue::default();
        for number in 0..files {
            queue.push(file(number));
        }
        queue
    }

    /// Offers as many as may be; their numbers.
    fn offer_all(queue: &mut Queue, now: Instant) -> Vec<Arc<Path>> {
        let mut offered = Vec::new();
        while let Some(next) = queue.next(now) {
            queue.offered(Arc::clone(&next));
            offered.push(next);
        }
        offered
    }

    #[test]
    fn of_a_burst_only_so_many_are_in_the_schedulers_hands() {
        let (mut queue, now) = (queue(100_000), Instant::now());
        let first = offer_all(&mut queue, now);
        assert_eq!(first, (0..UNANSWERED).map(file).collect::<Vec<_>>());
        assert_eq!(queue.next_deadline(), None, "an answer is waited for");
        queue.taken(&first[7]);
        queue.answered(&first[9]);
        let next = offer_all(&mut queue, now);
        assert_eq!(next, [file(UNANSWERED), file(UNANSWERED + 1)]);
        assert_eq!(queue.place(&file(UNANSWERED + 2)), Some(0));
        // What was never offered makes no room.
        queue.taken(Path::new("sent.pdf"));
        assert!(offer_all(&mut queue, now).is_empty());
    }

    #[test]
    fn a_folder_that_is_refused_is_held_as_a_whole_and_keeps_its_order() {
        let (mut queue, now) = (queue(200), Instant::now());
        let first = offer_all(&mut queue, now);
        for refused in &first {
            queue.refused(Arc::clone(refused), now, PAUSE);
        }
        assert!(offer_all(&mut queue, now).is_empty());
        assert_eq!(
            queue.next_deadline(),
            Some(now + PAUSE),
            "one pause for all"
        );
        let later = now + PAUSE;
        assert_eq!(offer_all(&mut queue, later), first);
        queue.refused(file(0), later, PAUSE);
        assert_eq!(queue.next_deadline(), Some(later + PAUSE * 2));
        // One that is taken says that there is room again.
        queue.taken(&file(1));
        let later = later + PAUSE * 2;
        assert_eq!(offer_all(&mut queue, later), [file(0), file(UNANSWERED)]);
        queue.refused(file(0), later, PAUSE);
        assert_eq!(queue.next_deadline(), Some(later + PAUSE));
    }

    #[test]
    fn who_cannot_be_taken_holds_up_nobody_unless_there_are_many() {
        let (mut queue, now) = (queue(100), Instant::now());
        let first = offer_all(&mut queue, now);
        for refused in &first[..ALONE] {
            assert!(queue.refused_alone(refused));
        }
        assert_eq!(offer_all(&mut queue, now).len(), ALONE);
        assert!(!queue.refused_alone(&first[ALONE]), "it is the folder");
        queue.no_more_alone(&first[0]);
        assert!(queue.refused_alone(&first[ALONE]));
    }

    #[test]
    fn who_is_refused_alone_is_tried_ever_more_seldom() {
        let pauses: Vec<u32> = [0, 1, 5, 10, 11, 1000].map(pauses_alone).to_vec();
        assert_eq!(pauses, [1, 2, 32, 1024, 1200, 1200]);
    }

    #[test]
    fn it_is_open_only_to_who_need_not_pass_anybody() {
        let (mut queue, now) = (queue(1), Instant::now());
        assert!(!queue.is_open(now));
        offer_all(&mut queue, now);
        assert!(queue.is_open(now));
        queue.refused(file(0), now, PAUSE);
        assert!(!queue.is_open(now + PAUSE * 2));
    }

    #[test]
    fn what_a_burst_has_taken_of_memory_is_given_back() {
        let (mut queue, now) = (queue(100_000), Instant::now());
        while let Some(next) = queue.next(now) {
            queue.offered(Arc::clone(&next));
            queue.taken(&next);
        }
        assert!(queue.waiting.capacity() < 64);
    }
}
