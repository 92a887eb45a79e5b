//! What became of a job, in words.

use crate::job::redo::{MoveKind, Redo, Verdict};
use crate::job::state::{Job, State};
use crate::raw_path::RawPath;
use crate::scheduler::files;
use crate::scheduler::handle::Link;
use crate::time::Timestamp;

/// Where a job stands and what became of it, link by link.
pub(super) fn story(job: &Job) -> Vec<Link> {
    let mut links = Vec::new();
    let mut say = |ok: bool, text: String| links.push(Link { ok, text });
    if let Some(earlier) = job.duplicate_of {
        say(
            true,
            format!("its content is the same as that of job {earlier}"),
        );
    }
    for warning in &job.warnings {
        say(true, format!("warning: {warning}"));
    }
    let seconds = |since: Timestamp| Timestamp::now().since(since).as_secs();
    if let Some(verdict) = &job.decided {
        let moved = match **verdict {
            Verdict::Succeed => "its original is being put away",
            _ => "its notes and its original are being put into its `failed` folder",
        };
        say(false, end(verdict, moved));
        return links;
    }
    match &job.state {
        State::Claiming => say(false, "it is being taken out of the inbox".to_owned()),
        State::Queued { since } => say(
            false,
            format!("it has been waiting in the queue for {} s", seconds(*since)),
        ),
        State::Running { since } => {
            let step = job
                .steps
                .iter()
                .find(|step| step.status == crate::job::attempt::StepStatus::Running);
            let at = step.map_or_else(
                || "opening the document".to_owned(),
                |step| format!("in step `{}`", step.id),
            );
            say(
                false,
                format!(
                    "attempt {} has been running for {} s, {at}",
                    job.attempts,
                    seconds(*since)
                ),
            );
        }
        State::Waiting { failure, until } => {
            say(
                false,
                format!(
                    "attempt {} failed: {}",
                    job.attempts, failure.problem.detail
                ),
            );
            say(false, format!("it is tried again at {}", until.rfc3339()));
        }
        State::Delivering { redo } => say(false, delivery(redo)),
        State::Succeeded => {
            for written in job.delivered.iter().filter_map(|moved| moved.path.as_ref()) {
                say(true, format!("written: {}", written.encode()));
            }
            say(true, format!("it succeeded at {}", job.updated.rfc3339()));
        }
        State::Failed | State::Cancelled => ended_badly(job, &mut say),
    }
    links
}

/// What a delivery moves where.
fn delivery(redo: &Redo) -> String {
    let original = redo
        .moves
        .iter()
        .find(|next| next.kind == MoveKind::Original);
    let place = original.and_then(|next| next.to.as_ref()?.0.parent());
    let moved = match place {
        Some(folder) => {
            let folder = RawPath::from(folder).encode();
            format!("its original is being moved to `{folder}`")
        }
        None => "its end is being put into effect".to_owned(),
    };
    match &redo.verdict {
        Verdict::Succeed => "its outputs are being moved into place".to_owned(),
        verdict => end(verdict, &moved),
    }
}

/// How a job ends, and what is done about it.
fn end(verdict: &Verdict, moved: &str) -> String {
    match verdict {
        Verdict::Succeed => moved.to_owned(),
        Verdict::Fail { problem } => {
            let place = problem.step.as_ref();
            let place = place.map(|step| format!(" in step `{step}`"));
            let place = place.unwrap_or_default();
            let (detail, title) = (&problem.detail, problem.code.title());
            format!("it failed{place}: {detail} ({title}); {moved}")
        }
        Verdict::Cancel => format!("it is being cancelled; {moved}"),
    }
}

fn ended_badly(job: &Job, say: &mut impl FnMut(bool, String)) {
    match &job.problem {
        Some(problem) if matches!(job.state, State::Failed) => {
            let place = problem
                .step
                .as_ref()
                .map(|step| format!(" in step `{step}`"))
                .unwrap_or_default();
            say(
                false,
                format!(
                    "it failed{place} at {}: {} ({})",
                    job.updated.rfc3339(),
                    problem.detail,
                    problem.code.title()
                ),
            );
            if let Some(hint) = &problem.hint {
                say(false, format!("what to do: {hint}"));
            }
        }
        Some(problem) if !files::was_taken(job) => say(
            false,
            format!(
                "it ended at {}, and the file was not taken: {}",
                job.updated.rfc3339(),
                problem.detail
            ),
        ),
        _ => say(
            false,
            format!("it was cancelled at {}", job.updated.rfc3339()),
        ),
    }
    if let Some(original) = files::original(job) {
        say(true, format!("the original lies at {}", original.encode()));
    }
}

/// How a job came to the file at this path, if it put it there.
pub(super) fn origin(job: &Job, path: &RawPath) -> Option<Link> {
    let mut delivered = job.delivered.iter();
    let moved = delivered.find(|moved| moved.path.as_ref() == Some(path))?;
    let what = match moved.kind {
        MoveKind::Original => "the original",
        MoveKind::Document | MoveKind::Artifact => "a result",
        MoveKind::Receipt => "a receipt",
        MoveKind::Note => "a note",
    };
    Some(Link {
        ok: true,
        text: format!(
            "job {} of the pipeline `{}` put it here: it is {what} of `{}`, taken at {}",
            job.id,
            job.accepted.pipeline,
            job.accepted.path.encode(),
            job.created.rfc3339()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::event::{JobEvent, Warned};
    use crate::job::redo::{Collision, Delivered, Move};
    use crate::problem::{Code, Problem};
    use crate::store::tests::sample;
    use std::path::Path;

    fn job(state: State) -> Job {
        let JobEvent::Accepted(accepted) = sample::accepted("p", "/inbox/a.pdf") else {
            unreachable!("it is one");
        };
        let mut job = Job::new(sample::id(1), Timestamp(0), *accepted);
        job.state = state;
        job
    }

    fn told(job: &Job) -> String {
        let texts: Vec<String> = story(job).into_iter().map(|link| link.text).collect();
        texts.join("\n")
    }

    #[test]
    fn a_delivery_says_what_is_moved() {
        let deliver = |verdict| {
            let original = Move {
                kind: MoveKind::Original,
                from: RawPath::decode("/inbox/.dropleaf/claimed/x"),
                mark: None,
                to: Some(RawPath::decode("/failed/p/a.pdf")),
                depth: None,
                size: 3,
                blake3: String::new(),
                collision: Collision::Number,
                mime: None,
                pages: None,
            };
            let redo = Redo {
                verdict,
                moves: [original].into(),
            };
            told(&job(State::Delivering { redo }))
        };
        let problem = Problem::new(Code::PdfDamaged, "no trailer");
        let failed = deliver(Verdict::Fail { problem });
        assert!(
            failed.starts_with("it failed: no trailer (") && !failed.contains("outputs"),
            "{failed}"
        );
        assert!(failed.ends_with("its original is being moved to `/failed/p`"));
        let cancelled = deliver(Verdict::Cancel);
        assert!(cancelled.contains("cancelled") && cancelled.contains("`/failed/p`"));
        assert!(deliver(Verdict::Succeed).contains("its outputs are being moved"));
    }

    #[test]
    fn a_job_whose_notes_cannot_be_written_has_failed_and_does_not_run() {
        let mut job = job(State::Running {
            since: Timestamp(0),
        });
        let problem = Problem::new(Code::PdfDamaged, "no trailer");
        let warned = Warned::new("folder-blocked", "a note could not be written".to_owned()).ends(
            Verdict::Fail {
                problem: problem.clone(),
            },
        );
        let warned = JobEvent::Warned(warned);
        job.apply(Timestamp(1), &warned).expect("it can follow");
        assert_eq!(job.problem, Some(problem), "lists tell it, too");
        let said = told(&job);
        assert!(said.contains("it failed: no trailer"), "{said}");
        assert!(said.contains("`failed` folder"), "{said}");
        assert!(!said.contains("running"), "{said}");
    }

    #[test]
    fn names_that_are_no_text_are_spelled_as_everywhere() {
        let path = RawPath::decode(r"bytes:/outbox/inv\xff.pdf");
        let mut job = job(State::Succeeded);
        job.delivered = vec![Delivered {
            kind: MoveKind::Document,
            path: Some(path.clone()),
            depth: None,
            size: 3,
            blake3: String::new(),
            mime: None,
            pages: None,
        }];
        let said = told(&job);
        assert!(
            said.contains(r"written: bytes:/outbox/inv\xff.pdf"),
            "{said}"
        );
        let from = origin(&job, &path).map(|link| link.text);
        let from = from.unwrap_or_default();
        assert!(from.contains("a result of `/inbox/a.pdf`"), "{from}");
        assert_eq!(
            origin(&job, &RawPath::from(Path::new("/inbox/a.pdf"))),
            None
        );
    }
}
