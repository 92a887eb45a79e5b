//! Which pipeline goes next: stride scheduling, so that a pipeline of one file never waits behind a burst of another.

use std::collections::BTreeMap;

/// How far a pipeline of priority 0 moves for each job it starts.
const STRIDE: u64 = 1 << 20;
/// Priorities beyond this act like it.
const STEEPEST: i32 = 8;

/// Virtual time of each pipeline; the one furthest behind goes next.
#[derive(Debug, Default)]
pub struct Turns {
    passes: BTreeMap<String, u64>,
    now: u64,
}

impl Turns {
    /// The candidate whose turn it is; ties go by name.
    pub fn next<'a>(&self, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        candidates.min_by_key(|&name| {
            (
                self.passes.get(name).copied().unwrap_or(0).max(self.now),
                name,
            )
        })
    }

    /// This pipeline started a job.
    pub fn took(&mut self, pipeline: &str, priority: i32) {
        let pass = self.passes.entry(pipeline.to_owned()).or_insert(0);
        // A pipeline that was idle saves up no turns: it starts from where the others are.
        self.now = self.now.max(*pass);
        *pass = self.now + stride(priority);
    }

    /// Forget pipelines that are gone.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.passes.retain(|name, _| keep(name));
    }
}

/// Each step of priority doubles the share.
fn stride(priority: i32) -> u64 {
    let steps = priority.clamp(-STEEPEST, STEEPEST);
    if steps >= 0 {
        STRIDE >> steps
    } else {
        STRIDE << -steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(turns: &mut Turns, pipelines: &[(&'static str, i32)], count: usize) -> String {
        let mut order = String::new();
        for _ in 0..count {
            let next = turns
                .next(pipelines.iter().map(|(name, _)| *name))
                .expect("there are candidates");
            let priority = pipelines
                .iter()
                .find(|(name, _)| *name == next)
                .expect("it is a candidate")
                .1;
            turns.took(next, priority);
            order.push_str(next);
        }
        order
    }

    #[test]
    fn equal_pipelines_take_turns() {
        assert_eq!(
            starts(&mut Turns::default(), &[("a", 0), ("b", 0)], 6),
            "ababab"
        );
    }

    #[test]
    fn a_step_of_priority_doubles_the_share() {
        let order = starts(&mut Turns::default(), &[("a", 1), ("b", 0)], 30);
        assert_eq!(order.matches('a').count(), 20, "{order}");
    }

    #[test]
    fn a_newcomer_goes_at_once_and_does_not_make_up_for_lost_time() {
        let mut turns = Turns::default();
        starts(&mut turns, &[("burst", 0)], 1000);
        let order = starts(&mut turns, &[("burst", 0), ("late", 0)], 6);
        assert!(
            order.starts_with("late") || order.starts_with("burstlate"),
            "{order}"
        );
        assert!(order.matches("late").count() <= 4, "{order}");
    }
}
