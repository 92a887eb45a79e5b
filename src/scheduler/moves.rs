//! From what an attempt brought to the redo list of its delivery: final names, receipts, notes, the original's way.

mod notes;
#[cfg(test)]
mod tests;

pub(super) use notes::mark_of;

use crate::durable;
use crate::job::attempt::{Bill, Ending, Failure};
use crate::job::event::Accepted;
use crate::job::id::JobId;
use crate::job::redo::{self, Collision, Move, MoveKind, Redo, Verdict};
use crate::pipeline::checked::Original;
use crate::problem::{Code, Problem, chain};
use crate::raw_path::RawPath;
use crate::scheduler::input::{EndOf, Start};
use crate::spool::Spool;
use crate::spool::plan::{PlanError, Planned, Wanted, companion};
use crate::spool::redo::RedoError;
use crate::spool::stage::{Destination, StageError, Staged};
use crate::time::Timestamp;
use serde_json::json;
use std::fs::File;
use std::path::Path;

/// Numbers of temps: results count from 0, receipts and notes from these.
const RECEIPTS: u32 = 1 << 24;
const NOTES: u32 = 1 << 25;
/// What is put beside a failed original.
const TEXT_NOTE: &str = ".error.txt";
const JSON_NOTE: &str = ".error.json";

/// A result as its worker sent it.
#[derive(Debug)]
pub struct Piece {
    /// The content.
    pub file: File,
    /// The rendered name.
    pub name: String,
    /// The rendered folder, absolute.
    pub folder: String,
    /// Document or side artifact.
    pub kind: MoveKind,
    /// Media type.
    pub mime: String,
    /// Pages of a document.
    pub pages: Option<u64>,
}

/// A result that lies staged beside its destination.
#[derive(Debug)]
pub struct Outcome {
    /// Where it goes.
    pub planned: Planned,
    /// The temp.
    pub staged: Staged,
    /// Document or side artifact.
    pub kind: MoveKind,
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

/// Plans a result's name and stages its content beside it. Blocking.
///
/// # Errors
/// The name cannot be used or is taken under `if_exists: fail`, or the folder cannot be written.
pub fn stage(spool: &Spool, start: &Start, number: u32, piece: Piece) -> Result<Outcome, Failure> {
    let output = &start.pipeline.output;
    let below = Path::new(&piece.folder)
        .strip_prefix(&output.root)
        .map_err(|_| {
            let detail = format!(
                "the output folder `{}` lies outside of `{}`",
                piece.folder,
                output.root.display()
            );
            rejected(
                Problem::new(Code::OutputName, detail)
                    .hint("look at `output.folder` of the pipeline"),
            )
        })?;
    let receipts: &[&str] = if output.receipt && piece.kind == MoveKind::Document {
        &[".json"]
    } else {
        &[]
    };
    let wanted = Wanted {
        job: start.job,
        root: &output.root,
        folder: &below.to_string_lossy(),
        name: &piece.name,
        if_exists: output.if_exists,
        companions: receipts,
    };
    let planned = spool
        .plan(&wanted)
        .map_err(|error| rejected(plan_problem(&error)))?;
    let to = Destination {
        root: &output.root,
        path: &planned.path,
        job: start.job,
        number,
    };
    let staged = spool
        .stage(&piece.file, &to)
        .map_err(|error| stage_failure(&error))?;
    Ok(Outcome {
        planned,
        staged,
        kind: piece.kind,
        mime: piece.mime,
        pages: piece.pages,
    })
}

fn rejected(problem: Problem) -> Failure {
    Failure {
        ending: Ending::Rejected,
        problem,
    }
}

fn plan_problem(error: &PlanError) -> Problem {
    match error {
        PlanError::Exists(_) => Problem::new(Code::OutputExists, error.to_string())
            .hint("remove it, or set `output.if_exists` to number, overwrite or skip"),
        PlanError::Name(_) => Problem::new(Code::OutputName, error.to_string())
            .hint("look at `output.name` and `output.folder` of the pipeline"),
    }
}

/// The redo list of a success. Blocking: writes receipts.
///
/// # Errors
/// A receipt cannot be written.
pub fn success(spool: &Spool, brought: &Brought<'_>) -> Result<Redo, Failure> {
    let start = brought.start;
    let mut moves = Vec::new();
    for (number, outcome) in (0..).zip(brought.outcomes) {
        moves.push(Move {
            kind: outcome.kind,
            from: outcome.staged.temp.clone().into(),
            mark: Some(outcome.staged.mark.clone()),
            to: Some(outcome.planned.path.clone().into()),
            depth: redo::depth(&start.pipeline.output.root, &outcome.planned.path),
            size: outcome.staged.size,
            blake3: outcome.staged.blake3.clone(),
            collision: outcome.planned.collision,
            mime: Some(outcome.mime.clone()),
            pages: outcome.pages,
        });
        if start.pipeline.output.receipt && outcome.kind == MoveKind::Document {
            moves.push(receipt(spool, brought, outcome, number)?);
        }
    }
    moves.push(original(
        spool,
        start.job,
        &start.accepted,
        (&start.blake3, start.held_in.as_deref()),
        &start.pipeline.original,
    ));
    Ok(Redo {
        verdict: Verdict::Succeed,
        moves: moves.into(),
    })
}

fn original(
    spool: &Spool,
    job: JobId,
    accepted: &Accepted,
    (blake3, held_in): (&str, Option<&str>),
    rule: &Original,
) -> Move {
    let held_in = held_in.map(str::to_owned);
    let planned = |folder| Some(spool.plan_original(job, folder, &accepted.relative.0, &[]));
    let (root, to) = match rule {
        // Planned, so that equal files of one name are two here as well.
        Original::Archive(folder) => (folder, planned(folder)),
        // Its name may have been given to another file meanwhile. The one that it gets must be known before it lies there
        // (`files::kept_original`).
        Original::Keep => (&accepted.folder.0, planned(&accepted.folder.0)),
        Original::Delete => (&accepted.folder.0, None),
    };
    Move {
        kind: MoveKind::Original,
        from: accepted.held.clone(),
        mark: held_in.or_else(|| spool.mark_of(&accepted.held.0)),
        depth: to.as_ref().and_then(|to| redo::depth(root, to)),
        to: to.map(RawPath),
        size: accepted.identity.size,
        blake3: blake3.to_owned(),
        collision: Collision::Number,
        mime: Some("application/pdf".to_owned()),
        pages: None,
    }
}

fn receipt(
    spool: &Spool,
    brought: &Brought<'_>,
    outcome: &Outcome,
    number: u32,
) -> Result<Move, Failure> {
    let Start {
        job,
        attempt,
        pipeline,
        accepted,
        blake3,
        held_in: _,
        created,
        given_up: _,
    } = brought.start;
    let text = json!({
        "job": job,
        "attempt": attempt,
        "pipeline": { "id": pipeline.id, "revision": pipeline.revision },
        "input": { "path": accepted.path.display(), "size": accepted.identity.size, "blake3": blake3, "acceptedAt": created.rfc3339() },
        "output": {
            "path": outcome.planned.path.to_string_lossy(),
            "size": outcome.staged.size,
            "blake3": outcome.staged.blake3,
            "pages": outcome.pages,
        },
        "plugins": brought.plugins,
        "parses": brought.bill.parses,
        "saves": brought.bill.saves,
        "processorMs": brought.bill.cpu_ms,
        "writtenAt": Timestamp::now().rfc3339(),
    });
    let path = companion(&outcome.planned.path, ".json");
    let to = Destination {
        root: &pipeline.output.root,
        path: &path,
        job: *job,
        number: RECEIPTS + number,
    };
    let staged = spool
        .stage_bytes(&pretty(&text), &to)
        .map_err(|error| stage_failure(&error))?;
    Ok(Move {
        kind: MoveKind::Receipt,
        from: staged.temp.into(),
        mark: Some(staged.mark),
        depth: redo::depth(&pipeline.output.root, &path),
        to: Some(path.into()),
        size: staged.size,
        blake3: staged.blake3,
        collision: outcome.planned.collision,
        mime: Some("application/json".to_owned()),
        pages: None,
    })
}

/// The redo list of a failed or cancelled job: its notes and its original, both for the folder `failed`. Blocking.
///
/// # Errors
/// The notes cannot be written.
pub fn end(spool: &Spool, about: &EndOf, failed: &Path) -> Result<Redo, Problem> {
    let job = &about.job;
    let blake3 = job.blake3.clone().unwrap_or_default();
    let held_in = job.held_in.as_deref();
    // Nothing else of it goes anywhere any more, and an earlier try of this may have planned the name already.
    spool.discard(job.id, &about.staged);
    if let Some(rule) = &about.archive {
        return Ok(Redo {
            verdict: Verdict::Succeed,
            moves: [original(
                spool,
                job.id,
                &job.accepted,
                (&blake3, held_in),
                rule,
            )]
            .into(),
        });
    }
    // The original and its notes keep together: all take the same number.
    let path = spool.plan_original(
        job.id,
        failed,
        &job.accepted.relative.0,
        &[TEXT_NOTE, JSON_NOTE],
    );
    let mut moves = Vec::new();
    let problem = about.problem.as_ref();
    let vanished = spool.has_vanished(&job.accepted.held.0, held_in);
    let notes = [
        (
            TEXT_NOTE,
            notes::plain(about, vanished).into_bytes(),
            "text/plain; charset=utf-8",
        ),
        (JSON_NOTE, notes::json(job, problem), "application/json"),
    ];
    for (number, (ending, bytes, mime)) in (NOTES..).zip(notes) {
        let note = companion(&path, ending);
        let to = Destination {
            root: failed,
            path: &note,
            job: job.id,
            number,
        };
        let staged = spool
            .stage_bytes(&bytes, &to)
            .map_err(|error| stage_problem(&error, "a note on the original"))?;
        moves.push(Move {
            kind: MoveKind::Note,
            from: staged.temp.into(),
            mark: Some(staged.mark),
            depth: redo::depth(failed, &note),
            to: Some(note.into()),
            size: staged.size,
            blake3: staged.blake3,
            collision: Collision::Number,
            mime: Some(mime.to_owned()),
            pages: None,
        });
    }
    // One that is not there any more is not told of as if it were.
    if !vanished {
        let known = (blake3.as_str(), held_in);
        let mut last = original(spool, job.id, &job.accepted, known, &Original::Delete);
        last.depth = redo::depth(failed, &path);
        last.to = Some(path.into());
        moves.push(last);
    }
    let verdict = about
        .problem
        .clone()
        .map_or(Verdict::Cancel, |problem| Verdict::Fail { problem });
    Ok(Redo {
        verdict,
        moves: moves.into(),
    })
}

fn pretty(value: &serde_json::Value) -> Vec<u8> {
    // A JSON value always serialises.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// What a failed staging of `what` means for the job.
fn stage_problem(error: &StageError, what: &str) -> Problem {
    let detail = match error {
        StageError::NoSpace(cause) => format!("no space for {what}: {}", chain(cause)),
        StageError::Io(cause) => format!("{what} could not be written: {}", chain(cause)),
        other => chain(other),
    };
    match error {
        StageError::NoSpace(full) => no_room(full, detail),
        StageError::Away(_) | StageError::Went(_) => Problem::new(Code::FolderBlocked, detail)
            .hint("mount it again; the job goes on by itself"),
        StageError::Blocked(_) => Problem::new(Code::FolderBlocked, detail)
            .hint("the job goes on by itself when the folder can be used"),
        StageError::Io(error) => Problem::new(Code::FolderBlocked, detail).hint(format!(
            "{}; the job goes on by itself",
            durable::remedy(error.io())
        )),
        StageError::Leaves { .. } => {
            Problem::new(Code::OutputName, detail).hint("look at `output.folder` of the pipeline")
        }
    }
}

fn no_room(error: &durable::Error, detail: String) -> Problem {
    Problem::new(Code::DiskFull, detail).hint(format!(
        "free some space ({}); the job goes on by itself",
        durable::lack(error.io())
    ))
}

fn stage_failure(error: &StageError) -> Failure {
    let ending = if matches!(error, StageError::Leaves { .. }) {
        Ending::Rejected
    } else {
        Ending::Environment
    };
    Failure {
        ending,
        problem: stage_problem(error, "an output"),
    }
}

/// What a failed move means for the job.
#[must_use]
pub fn redo_problem(error: &RedoError) -> Problem {
    let detail = chain(error);
    match error {
        RedoError::NoSpace(full) => no_room(full, detail),
        RedoError::Lost(_) => Problem::new(Code::FolderBlocked, detail)
            .hint("nothing: the job begins again and delivers into the folder that is there now"),
        RedoError::Replaced(_) => {
            Problem::new(Code::FolderBlocked, detail).hint("the job goes on by itself then")
        }
        _ => Problem::new(Code::FolderBlocked, detail)
            .hint("put the folder right; the job goes on by itself"),
    }
}
