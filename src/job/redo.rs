//! The redo list of a delivery: journalled before the first rename, idempotent ever after.

use crate::problem::Problem;
use crate::raw_path::RawPath;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// Every move that ends a job, in order. *Temp absent from its folder = its move has happened.*
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redo {
    /// How the job ends once the moves are done.
    pub verdict: Verdict,
    /// Outputs and notes first, the original last. Shared: a job of thousands of outputs is passed on many times.
    pub moves: Arc<[Move]>,
}

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Outputs go out, the original to the archive.
    Succeed,
    /// The original goes to `failed/` with its notes.
    Fail {
        /// Why.
        problem: Problem,
    },
    /// The original goes to `failed/` with its notes, because a person said so.
    Cancel,
}

/// One move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// What the thing is.
    pub kind: MoveKind,
    /// Where it is now: a temp beside its destination, or the claimed original.
    pub from: RawPath,
    /// The mark of the folder that it was put into; earlier versions left none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// Where it goes; `None` deletes it (an original under `original: delete`).
    pub to: Option<RawPath>,
    /// How many of the last parts of `to` lie below the folder that the operator named: no link may lead out of that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// How many bytes.
    pub size: u64,
    /// BLAKE3 of the content, in hex.
    pub blake3: String,
    /// What happens if `to` exists when the move is made.
    pub collision: Collision,
    /// Media type of an output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// Pages of an output document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u64>,
}

/// How many parts of a path lie below a folder; `None` where it does not lie there.
#[must_use]
pub fn depth(folder: &Path, path: &Path) -> Option<u32> {
    let below = path.strip_prefix(folder).ok()?;
    u32::try_from(below.components().count()).ok()
}

/// The folder above so many of a path's last parts.
fn above(path: &RawPath, depth: Option<u32>) -> Option<&Path> {
    path.0.ancestors().nth(usize::try_from(depth?).ok()?)
}

impl Move {
    /// The folder that `to` must not leave, as far as it is known: earlier versions did not record it.
    #[must_use]
    pub fn root(&self) -> Option<&Path> {
        above(self.to.as_ref()?, self.depth)
    }
}

impl Delivered {
    /// The folder that `path` must not leave, as far as it is known.
    #[must_use]
    pub fn root(&self) -> Option<&Path> {
        above(self.path.as_ref()?, self.depth)
    }
}

/// What a move moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveKind {
    /// A resulting document.
    Document,
    /// A side artifact: text, JSON, an image.
    Artifact,
    /// `<name>.json` beside an output.
    Receipt,
    /// A note beside a failed original.
    Note,
    /// The original.
    Original,
}

/// What a move does about a file that already has its name. A same-named file with the same content counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collision {
    /// Take the next free `name-1`, `name-2`, ...
    Number,
    /// Replace it.
    Overwrite,
    /// Leave it and drop ours.
    Skip,
}

/// One move as it really happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// What the thing is.
    pub kind: MoveKind,
    /// Where it lies now; `None` where it was deleted or dropped.
    pub path: Option<RawPath>,
    /// How many of the last parts of `path` lie below the folder that the operator named: no link may lead out of that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// How many bytes.
    pub size: u64,
    /// BLAKE3 of the content, in hex.
    pub blake3: String,
    /// Media type of an output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// Pages of an output document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u64>,
}
