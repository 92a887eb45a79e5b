//! How long the steps of a pipeline take, from the last jobs that succeeded.
//!
//! With the pages known, a step takes so long a page; without, as long as it took before, if that was about the same each
//! time. Otherwise nobody knows, and nothing is said.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Jobs that are remembered.
const REMEMBERED: usize = 20;
/// Times that lie further apart than this say nothing about the next one.
const SPREAD: u64 = 3;
/// Differences below this many milliseconds do not count as such.
const NOISE_MS: u64 = 500;

/// What a step took once.
#[derive(Clone, Copy, Debug)]
struct Sample {
    ms: u64,
    pages: u64,
}

/// What a step took lately.
#[derive(Debug, Default)]
struct Pace {
    samples: VecDeque<Sample>,
    /// Whether what it counts while it is at work are the document's pages.
    counts_pages: bool,
}

/// The steps of one pipeline, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Paces {
    steps: HashMap<String, Pace>,
}

impl Paces {
    /// A step took `ms` in a job of so many pages; `total` is how much it said that there was to do.
    pub(crate) fn add(&mut self, step: &str, ms: u64, pages: u64, total: Option<u64>) {
        let pace = self.steps.entry(step.to_owned()).or_default();
        if pace.samples.len() == REMEMBERED {
            pace.samples.pop_front();
        }
        pace.samples.push_back(Sample { ms, pages });
        if let Some(total) = total {
            pace.counts_pages = total == pages;
        }
    }

    /// Whether the step was seen to count pages.
    pub(crate) fn counts_pages(&self, step: &str) -> bool {
        self.steps.get(step).is_some_and(|pace| pace.counts_pages)
    }

    /// How long a step takes, where that can be said.
    pub(crate) fn expected(&self, step: &str, pages: Option<u64>) -> Option<Duration> {
        let samples = &self.steps.get(step)?.samples;
        let ms = sum(samples.iter().map(|sample| sample.ms));
        let all_pages = sum(samples.iter().map(|sample| sample.pages));
        if let Some(pages) = pages.filter(|_| all_pages > 0) {
            return Some(Duration::from_millis(ms.saturating_mul(pages) / all_pages));
        }
        let least = samples.iter().map(|sample| sample.ms).min()?;
        let most = samples.iter().map(|sample| sample.ms).max()?;
        if most > least.saturating_mul(SPREAD).saturating_add(NOISE_MS) {
            return None;
        }
        Some(Duration::from_millis(ms / samples.len() as u64))
    }
}

/// Journals of earlier versions hold whatever workers have said.
fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_takes_so_long_a_page_or_what_it_took_before() {
        let check = |samples: &[(u64, u64)], pages: Option<u64>, expected: Option<u64>| {
            let mut paces = Paces::default();
            for (ms, pages) in samples {
                paces.add("ocr", *ms, *pages, None);
            }
            let expected = expected.map(Duration::from_millis);
            assert_eq!(paces.expected("ocr", pages), expected, "{samples:?}");
        };
        check(&[], Some(3), None);
        check(&[(1_000, 10)], Some(30), Some(3_000));
        check(&[(1_000, 10), (200, 2)], Some(1), Some(100));
        check(&[(1_000, 10)], None, Some(1_000));
        check(&[(1_000, 0)], Some(7), Some(1_000));
        check(&[(1_000, 10), (2_000, 20)], None, Some(1_500));
        check(&[(1_000, 1), (90_000, 90)], None, None);
        check(&[(1, 1), (300, 1)], None, Some(150));
        let (much, one) = ((u64::MAX, u64::MAX), (u64::MAX, 1));
        check(&[much, much], Some(u64::MAX), Some(1));
        check(&[one, one], None, Some(u64::MAX / 2));
    }

    #[test]
    fn only_the_last_jobs_count() {
        let mut paces = Paces::default();
        for _ in 0..REMEMBERED {
            paces.add("ocr", 9_000, 1, None);
        }
        for _ in 0..REMEMBERED {
            paces.add("ocr", 100, 1, None);
        }
        let expected = paces.expected("ocr", Some(2));
        assert_eq!(expected, Some(Duration::from_millis(200)));
        assert_eq!(paces.expected("other", Some(2)), None);
    }

    #[test]
    fn what_a_step_counts_is_learnt_from_what_it_counted() {
        let mut paces = Paces::default();
        assert!(!paces.counts_pages("ocr"));
        paces.add("ocr", 1, 12, Some(12));
        assert!(paces.counts_pages("ocr"));
        paces.add("ocr", 1, 12, None);
        assert!(paces.counts_pages("ocr"), "it said nothing else");
        paces.add("ocr", 1, 12, Some(4_711));
        assert!(!paces.counts_pages("ocr"), "bytes, or images");
    }
}
