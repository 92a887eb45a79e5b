//! What it is called that an attempt takes longer than it may.

use crate::pool::blame::Scene;
use crate::problem::{Code, Problem};
use std::time::Duration;

/// Which of its limits an attempt has passed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Overdue {
    /// The `timeout` of the step at work.
    Step,
    /// The `timeout` of the pipeline.
    Attempt,
    /// `stalled_after`.
    Silence,
}

impl Overdue {
    /// The problem, with the name of the operation at work. While none is, there is no author to be told.
    pub(crate) fn problem(self, scene: &Scene<'_>, limit: Duration) -> Problem {
        let limit = in_words(limit);
        let author = |when: &str| match scene.step {
            Some(step) => format!("; {when}, tell the author of the plugin `{}`", step.plugin),
            None => String::new(),
        };
        let at_work = scene.step.map(|_| format!(" ({})", scene.who()));
        let at_work = at_work.unwrap_or_default();
        let (code, text, hint) = match self {
            Self::Step => (
                Code::TimedOut,
                format!("the step took longer than {limit}{at_work}"),
                format!("raise the step's `timeout`{}", author("if it never ends")),
            ),
            Self::Attempt => (
                Code::TimedOut,
                format!("the attempt took longer than {limit}{at_work}"),
                format!(
                    "raise the pipeline's `timeout`{}",
                    author("if the step never ends")
                ),
            ),
            Self::Silence => (
                Code::Stalled,
                format!("{} made no progress for {limit}", scene.who()),
                format!(
                    "raise the pipeline's `stalled_after` if the operation is only slow{}",
                    author("if it hangs")
                ),
            ),
        };
        Problem::new(code, text).hint(hint)
    }
}

fn in_words(limit: Duration) -> String {
    match limit.as_millis() {
        ms @ ..1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", limit.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::conduct::tests::plan;

    #[test]
    fn who_was_at_work_is_named_and_its_author_is_to_be_told() {
        let plan = plan(1);
        let step = plan.steps.first();
        let at_work = Scene { step, page: None };
        let who = step.map(|step| format!("`{}/{}`", step.plugin, step.operation));
        let who = who.expect("it has a step");
        let limit = Duration::from_secs(25);
        for overdue in [Overdue::Step, Overdue::Attempt, Overdue::Silence] {
            let problem = overdue.problem(&at_work, limit);
            assert!(problem.detail.contains(&who), "{}", problem.detail);
            assert!(problem.detail.contains("25.0 s"), "{}", problem.detail);
            let hint = problem.hint.unwrap_or_default();
            assert!(hint.contains("tell the author of the plugin"), "{hint}");
            // The document is being opened, say.
            let problem = overdue.problem(&Scene::default(), limit);
            assert!(!problem.detail.contains('/'), "{}", problem.detail);
            let hint = problem.hint.unwrap_or_default();
            assert!(!hint.contains("author"), "{hint}");
        }
    }
}
