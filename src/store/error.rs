//! What can go wrong with the journal, grouped by what the caller will do about it.

use crate::job::id::JobId;
use crate::job::state::Impossible;
use std::path::PathBuf;
use std::sync::Arc;

/// The journal could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another daemon works on this home. Stop it, or choose another home.
    #[error("`{}` is locked by another daemon{}", path.display(), holder(*pid))]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process id written in it.
        pid: Option<u32>,
    },
    /// A newer version wrote the journal; it is left untouched.
    #[error("journal `{}` has format {found}, this version knows up to {known}", path.display())]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its format number.
        found: i32,
        /// [`crate::store::schema::FORMAT`].
        known: i32,
    },
    /// The file is not a journal that can be used. Only `Journal::open` sees this, and keeps the file aside.
    #[error("the journal is damaged: {0}")]
    Damaged(String),
    /// A file or folder of the journal cannot be used.
    #[error("failed to {doing} `{}`", path.display())]
    Files {
        /// What was being done.
        doing: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The unit holds an event that cannot follow its job's state. Nothing of the unit was written.
    #[error("refused by the job's state")]
    Impossible(#[from] Impossible),
    /// The unit is about a job that is not in the journal. Nothing of the unit was written.
    #[error("job {0} is not in the journal")]
    UnknownJob(JobId),
    /// The unit accepts a job that is in the journal already. Nothing of the unit was written.
    #[error("job {0} is in the journal already")]
    JobExists(JobId),
    /// No space left for the journal. Nothing of the unit was written; later units may pass when there is space again.
    #[error("no space left for the journal")]
    Full,
    /// The disk failed under the journal. What is on it is not known any more: stop the daemon and start it again.
    #[error("the journal's disk failed: {0}")]
    Broken(String),
    /// Too many units wait for the disk. Nothing of the unit was taken.
    #[error("the journal is {0} units behind")]
    Overloaded(usize),
    /// The store is closed.
    #[error("the journal is closed")]
    Closed,
    /// The question makes no sense.
    #[error("{0}")]
    BadQuery(String),
    /// A row does not hold what we wrote.
    #[error("failed to read {what} from the journal")]
    Unreadable {
        /// Which row.
        what: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// SQLite refused a statement.
    #[error("failed to {doing} the journal")]
    Database {
        /// `read` or `write`.
        doing: &'static str,
        /// What SQLite says.
        source: Arc<rusqlite::Error>,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// What an error of SQLite means for the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The statement is to blame.
    Statement,
    /// No space.
    Full,
    /// The file or the disk is to blame.
    Disk,
}

/// Sorts SQLite's errors. `EDQUOT` comes as an I/O error of a write and is not told apart from a failing disk; stopping is the
/// safe answer to both.
pub(crate) fn severity(error: &rusqlite::Error) -> Severity {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Severity::Full,
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::FileLockingProtocolFailed,
        ) => Severity::Disk,
        _ => Severity::Statement,
    }
}

/// A failed read.
pub(crate) fn reading(source: rusqlite::Error) -> Error {
    Error::Database {
        doing: "read",
        source: Arc::new(source),
    }
}

/// A failed write that is not the disk's fault.
pub(crate) fn writing(source: rusqlite::Error) -> Error {
    match severity(&source) {
        Severity::Full => Error::Full,
        Severity::Disk => Error::Broken(source.to_string()),
        Severity::Statement => Error::Database {
            doing: "write",
            source: Arc::new(source),
        },
    }
}
