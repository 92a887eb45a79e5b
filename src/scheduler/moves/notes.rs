//! What is put beside an original that failed or was cancelled: why, where, and what to do.

use crate::job::state::{Job, StepRecord};
use crate::problem::{Code, Problem};
use crate::scheduler::input::EndOf;
use crate::scheduler::moves::pretty;
use crate::time::Timestamp;
use serde_json::json;
use std::path::Path;

/// For people.
pub(super) fn plain(about: &EndOf, vanished: bool) -> String {
    let (job, problem) = (&about.job, about.problem.as_ref());
    let name = job.name();
    let mut note = match problem {
        Some(problem) => format!(
            "{name} could not be processed.\n\nReason: {}.\n{}\n",
            problem.code.title(),
            sentence(&problem.detail)
        ),
        None => format!("{name} was not processed: somebody cancelled it.\n"),
    };
    if let Some(problem) = problem {
        let place = [
            problem.step.as_ref().map(|step| format!("Step: {step}")),
            problem.page.map(|page| format!("Page: {page}")),
            problem
                .plugin
                .as_ref()
                .map(|plugin| format!("Plugin: {plugin}")),
        ];
        for line in place.into_iter().flatten() {
            note.push_str(&line);
            note.push('\n');
        }
        if let Some(hint) = &problem.hint {
            note.push_str(&format!("\nWhat to do: {}\n", sentence(hint)));
        }
    }
    let original = if vanished {
        format!(
            "The original is gone: it was taken away from where it was held ({}).",
            job.accepted.held
        )
    } else {
        "The original lies beside this note, unchanged.".to_owned()
    };
    note.push_str(&format!(
        "\n{original} {}\nPipeline: {}\nJob: {}\nAttempts: {}\nTime: {}\n",
        again(about),
        job.accepted.pipeline,
        job.id,
        job.attempts,
        Timestamp::now().rfc3339(),
    ));
    // Plugins write some of it, and people look at it in terminals.
    let clean = |c: char| {
        if c.is_control() && !"\n\t".contains(c) {
            ' '
        } else {
            c
        }
    };
    note.chars().map(clean).collect()
}

/// How it is tried once more. A duplicate is one again in its inbox.
fn again(about: &EndOf) -> String {
    let job = &about.job;
    if matches!(&about.problem, Some(problem) if problem.code == Code::Duplicate) {
        let id = job.id;
        return format!(
            "In its inbox it would be a duplicate once more. To process it all the same, retry its job:\ndropleaf retry {id}\n"
        );
    }
    let folder = &job.accepted.folder;
    format!(
        "To try again, drop it into its inbox once more:\n{folder}\n{}",
        mark(about)
    )
}

/// What a file needs beside it to be taken, in words.
fn mark(about: &EndOf) -> String {
    let Some(done_file) = &about.done_file else {
        return String::new();
    };
    let mark = mark_of(done_file, &about.job.name());
    format!(
        "It is taken only once `{mark}` lies beside it there (`done_file`); the one that lay there was removed when it was taken.\n"
    )
}

/// The name of the mark of a file with this name.
pub(in crate::scheduler) fn mark_of(done_file: &str, name: &str) -> String {
    // It has one of the two.
    if done_file.contains("{name}") {
        return done_file.replace("{name}", name);
    }
    let stem = Path::new(name).file_stem().unwrap_or_default();
    done_file.replace("{stem}", &stem.to_string_lossy())
}

/// Upper case at its start, a full stop at its end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().collect::<String>())
        .unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?', '`']) {
        ""
    } else {
        "."
    };
    format!("{first}{}{end}", letters.as_str())
}

/// For programs.
pub(super) fn json(job: &Job, problem: Option<&Problem>) -> Vec<u8> {
    let is_cancelled = problem.is_none();
    let problem = problem.cloned().unwrap_or_else(Problem::cancelled);
    // The step that was at work ends with its job.
    let mut job = job.clone();
    job.close_steps(Timestamp::now(), Some(&problem));
    pretty(&json!({
        "job": job.id,
        "pipeline": job.accepted.pipeline,
        "revision": job.revision,
        "path": job.accepted.path.display(),
        "size": job.accepted.identity.size,
        "blake3": job.blake3,
        "attempts": job.attempts,
        "cancelled": is_cancelled,
        "problem": json!({
            "type": format!("/problems/{}", problem.code.as_str()),
            "title": problem.code.title(),
            "detail": problem.detail,
            "hint": problem.hint,
            "step": problem.step,
            "page": problem.page,
            "plugin": problem.plugin,
            "permanent": problem.code.is_permanent(),
        }),
        "steps": job.steps.iter().map(step).collect::<Vec<_>>(),
        "plugins": job.plugins,
        "warnings": job.warnings,
        "acceptedAt": job.created.rfc3339(),
        "writtenAt": Timestamp::now().rfc3339(),
    }))
}

/// A step for people and their scripts: with its times as they are written everywhere.
fn step(step: &StepRecord) -> serde_json::Value {
    let mut told = json!(step);
    if let Some(started) = step.started {
        told["started"] = started.rfc3339().into();
    }
    told
}
