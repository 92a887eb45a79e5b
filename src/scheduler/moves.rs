//! From what an attempt brought to the redo list of its delivery: final names, receipts, notes, the original's way.

use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::redo::{Collision, Move, MoveKind, Redo, Verdict};
use crate::job::state::Job;
use crate::pipeline::checked::{IfExists, Original, Pipeline};
use crate::problem::{Code, Problem};
use crate::raw_path::RawPath;
use crate::scheduler::input::{EndOf, Start};
use crate::spool::{self, Spool, Staged};
use crate::time::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A result that lies staged beside its destination.
#[derive(Debug)]
pub struct Outcome {
    /// The temp.
    pub staged: Staged,
    /// Document or side artifact.
    pub kind: MoveKind,
    /// Where it goes.
    pub folder: PathBuf,
    /// Under which name.
    pub name: String,
    /// Media type.
    pub mime: String,
    /// Pages of a document.
    pub pages: Option<u64>,
}

/// What a successful attempt left.
#[derive(Debug)]
pub struct Brought<'a> {
    /// What it was started with.
    pub start: &'a Start,
    /// Every result, in order.
    pub outcomes: &'a [Outcome],
    /// What it cost.
    pub bill: &'a Bill,
    /// The plugins it used, for receipts.
    pub plugins: serde_json::Value,
}

/// The redo list of a success. Blocking: looks for free names and writes receipts.
///
/// # Errors
/// A name cannot be used or is taken under `if_exists: fail`, or a receipt cannot be written.
pub fn success(spool: &Spool, brought: &Brought<'_>) -> Result<Redo, Problem> {
    let pipeline = &brought.start.pipeline;
    let mut taken = BTreeSet::new();
    let mut moves = Vec::new();
    for (number, result) in brought.outcomes.iter().enumerate() {
        let planned = plan(&result.folder, pipeline, &result.name, &mut taken)?;
        moves.push(Move {
            kind: result.kind,
            from: result.staged.temp.clone().into(),
            to: Some(planned.clone().into()),
            size: result.staged.size,
            blake3: result.staged.blake3.clone(),
            collision: collision(pipeline.output.if_exists),
            mime: Some(result.mime.clone()),
            pages: result.pages,
        });
        if pipeline.output.receipt && result.kind == MoveKind::Document {
            moves.push(receipt(spool, brought, result, &planned, number)?);
        }
    }
    moves.push(original(&brought.start.accepted, &brought.start.blake3, &pipeline.original));
    Ok(Redo { verdict: Verdict::Succeed, moves })
}

/// The final name of one result; results of one job never take each other's.
fn plan(folder: &Path, pipeline: &Pipeline, name: &str, taken: &mut BTreeSet<PathBuf>) -> Result<PathBuf, Problem> {
    let wanted = spool::final_path(&pipeline.output.root, folder, name).map_err(|error| {
        Problem::new(Code::OutputName, error.to_string()).hint("look at `output.name` and `output.folder` of the pipeline")
    })?;
    let exists = |path: &Path| path.symlink_metadata().is_ok();
    if pipeline.output.if_exists == IfExists::Fail && exists(&wanted) {
        let detail = format!("the output `{}` already exists", wanted.display());
        return Err(Problem::new(Code::OutputExists, detail).hint("remove it, or set `output.if_exists` to number, overwrite or skip"));
    }
    let mut path = wanted.clone();
    let mut number = 0;
    while !taken.insert(path.clone()) || (pipeline.output.if_exists == IfExists::Number && exists(&path)) {
        number += 1;
        path = spool::numbered(&wanted, number);
    }
    Ok(path)
}

fn collision(if_exists: IfExists) -> Collision {
    match if_exists {
        IfExists::Overwrite => Collision::Overwrite,
        IfExists::Skip => Collision::Skip,
        // A name that was free when it was planned is not given up for one that appears meanwhile.
        IfExists::Number | IfExists::Fail => Collision::Number,
    }
}

fn original(accepted: &crate::job::event::Accepted, blake3: &str, rule: &Original) -> Move {
    let to = match rule {
        Original::Archive(folder) => Some(folder.join(&accepted.relative.0)),
        Original::Keep => Some(accepted.path.0.clone()),
        Original::Delete => None,
    };
    Move {
        kind: MoveKind::Original,
        from: accepted.held.clone(),
        to: to.map(RawPath),
        size: accepted.identity.size,
        blake3: blake3.to_owned(),
        collision: Collision::Number,
        mime: Some("application/pdf".to_owned()),
        pages: None,
    }
}

fn receipt(spool: &Spool, brought: &Brought<'_>, result: &Outcome, planned: &Path, number: usize) -> Result<Move, Problem> {
    let Start { job, attempt, pipeline, accepted, blake3, created } = brought.start;
    let text = json!({
        "job": job,
        "attempt": attempt,
        "pipeline": { "id": pipeline.id, "revision": pipeline.revision },
        "input": { "path": accepted.path.display(), "size": accepted.identity.size, "blake3": blake3, "acceptedAt": created.rfc3339() },
        "output": { "path": planned.to_string_lossy(), "size": result.staged.size, "blake3": result.staged.blake3, "pages": result.pages },
        "plugins": brought.plugins,
        "parses": brought.bill.parses,
        "saves": brought.bill.saves,
        "processorMs": brought.bill.cpu_ms,
        "writtenAt": Timestamp::now().rfc3339(),
    });
    let mut name = planned.file_name().unwrap_or_default().to_os_string();
    name.push(".json");
    let folder = planned.parent().unwrap_or(&pipeline.output.root);
    let bytes = pretty(&text);
    let staged = spool.stage_bytes(&bytes, folder, *job, 10_000 + u32::try_from(number).unwrap_or(0)).map_err(|error| stage_problem(&error))?;
    Ok(Move {
        kind: MoveKind::Receipt,
        from: staged.temp.into(),
        to: Some(folder.join(name).into()),
        size: staged.size,
        blake3: staged.blake3,
        collision: collision(pipeline.output.if_exists),
        mime: Some("application/json".to_owned()),
        pages: None,
    })
}

/// The redo list of a failed or cancelled job: its notes and its original. Blocking.
///
/// # Errors
/// The notes cannot be written.
pub fn end(spool: &Spool, about: &EndOf) -> Result<Redo, Problem> {
    let job = &about.job;
    let blake3 = job.blake3.clone().unwrap_or_default();
    if let Some(rule) = &about.archive {
        return Ok(Redo { verdict: Verdict::Succeed, moves: vec![original(&job.accepted, &blake3, rule)] });
    }
    let wanted = about.failed.join(&job.accepted.relative.0);
    let folder = wanted.parent().unwrap_or(&about.failed).to_path_buf();
    // The original and its notes keep together: all take the same number.
    let mut base = wanted.clone();
    let mut number = 0;
    while [base.clone(), with_suffix(&base, ".error.txt"), with_suffix(&base, ".error.json")].iter().any(|path| path.symlink_metadata().is_ok()) {
        number += 1;
        base = spool::numbered(&wanted, number);
    }
    let mut moves = Vec::new();
    let texts = [(".error.txt", plain_note(job, about.problem.as_ref()).into_bytes(), "text/plain"), (".error.json", json_note(job, about.problem.as_ref()), "application/json")];
    for (number, (suffix, bytes, mime)) in (20_000_u32..).zip(texts) {
        let staged = spool.stage_bytes(&bytes, &folder, job.id, number).map_err(|error| stage_problem(&error))?;
        moves.push(Move {
            kind: MoveKind::Note,
            from: staged.temp.into(),
            to: Some(with_suffix(&base, suffix).into()),
            size: staged.size,
            blake3: staged.blake3,
            collision: Collision::Number,
            mime: Some(mime.to_owned()),
            pages: None,
        });
    }
    let mut last = original(&job.accepted, &blake3, &Original::Delete);
    last.to = Some(base.into());
    moves.push(last);
    let verdict = about.problem.clone().map_or(Verdict::Cancel, |problem| Verdict::Fail { problem });
    Ok(Redo { verdict, moves })
}

/// A name with a suffix, shortened so that the file system takes it.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    const LONGEST: usize = 255;
    let mut name = path.file_name().unwrap_or_default().as_bytes().to_vec();
    name.truncate(LONGEST - suffix.len());
    while std::str::from_utf8(&name).is_err() && path.file_name().is_some_and(|name| name.to_str().is_some()) {
        name.pop();
    }
    name.extend_from_slice(suffix.as_bytes());
    path.with_file_name(std::ffi::OsString::from_vec(name))
}

fn plain_note(job: &Job, problem: Option<&Problem>) -> String {
    let name = job.name();
    let mut note = match problem {
        Some(problem) => format!("{name} could not be processed.\n\nReason: {}.\n{}\n", problem.code.title(), sentence(&problem.detail)),
        None => format!("{name} was not processed: somebody cancelled it.\n"),
    };
    if let Some(problem) = problem {
        let place = [
            problem.step.as_ref().map(|step| format!("Step: {step}")),
            problem.page.map(|page| format!("Page: {page}")),
            problem.plugin.as_ref().map(|plugin| format!("Plugin: {plugin}")),
        ];
        for line in place.into_iter().flatten() {
            note.push_str(&line);
            note.push('\n');
        }
        if let Some(hint) = &problem.hint {
            note.push_str(&format!("\nWhat to do: {}\n", sentence(hint)));
        }
    }
    note.push_str(&format!(
        "\nThe original lies beside this note, unchanged. To try again, drop it into its inbox once more:\n{}\n\nPipeline: {}\nJob: {}\nAttempts: {}\nTime: {}\n",
        job.accepted.folder,
        job.accepted.pipeline,
        job.id,
        job.attempts,
        Timestamp::now().rfc3339(),
    ));
    note
}

/// Upper case at its start, a full stop at its end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?', '`']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

fn json_note(job: &Job, problem: Option<&Problem>) -> Vec<u8> {
    pretty(&json!({
        "job": job.id,
        "pipeline": job.accepted.pipeline,
        "revision": job.revision,
        "path": job.accepted.path.display(),
        "size": job.accepted.identity.size,
        "blake3": job.blake3,
        "attempts": job.attempts,
        "cancelled": problem.is_none(),
        "problem": problem.map(|problem| json!({
            "type": format!("/problems/{}", problem.code.as_str()),
            "title": problem.code.title(),
            "detail": problem.detail,
            "hint": problem.hint,
            "step": problem.step,
            "page": problem.page,
            "plugin": problem.plugin,
            "permanent": problem.code.is_permanent(),
        })),
        "steps": job.steps,
        "plugins": job.plugins,
        "warnings": job.warnings,
        "acceptedAt": job.created.rfc3339(),
        "writtenAt": Timestamp::now().rfc3339(),
    }))
}

fn pretty(value: &serde_json::Value) -> Vec<u8> {
    // A JSON value always serialises.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// What a failed staging means for the job.
#[must_use]
pub fn stage_problem(error: &spool::StageError) -> Problem {
    match error.kind() {
        crate::durable::Kind::NoSpace => {
            Problem::new(Code::DiskFull, error.to_string()).hint("free some space; the job goes on by itself")
        }
        _ => Problem::new(Code::FolderBlocked, error.to_string()).hint("make the folder writable for the daemon; the job goes on by itself"),
    }
}

/// The failure of an attempt whose result could not be staged.
#[must_use]
pub fn stage_failure(error: &spool::StageError) -> Failure {
    let problem = stage_problem(error);
    let environment = matches!(problem.code, Code::DiskFull | Code::FolderBlocked);
    Failure { ending: if environment { Ending::Environment } else { Ending::Rejected }, problem }
}

/// What a failed move means for the job.
#[must_use]
pub fn redo_problem(error: &spool::RedoError) -> Problem {
    match error.kind() {
        crate::durable::Kind::NoSpace => Problem::new(Code::DiskFull, error.to_string()).hint("free some space; the job goes on by itself"),
        _ => Problem::new(Code::FolderBlocked, error.to_string()).hint("make the folder writable for the daemon; the job goes on by itself"),
    }
}
