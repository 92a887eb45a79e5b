//! What the parts say, in the words of the API.

use crate::http::api::{Fault, FolderEntry, PutRefused, Refused};
use crate::pipeline::fault;
use crate::scheduler::handle;
use crate::store::error::Error as StoreError;

impl From<handle::Refused> for Refused {
    fn from(refused: handle::Refused) -> Self {
        match refused {
            handle::Refused::NotFound(why) => Self::NotFound(why),
            handle::Refused::Conflict(why) => Self::Conflict(why),
            handle::Refused::Invalid(why) => Self::Invalid(why),
            handle::Refused::Unavailable(why) => Self::Unavailable(why),
            handle::Refused::Faults(faults) => Self::Invalid(
                faults
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadQuery(why) => Self::Invalid(why),
            StoreError::Closed | StoreError::Overloaded(_) | StoreError::Full => {
                Self::Unavailable(error.to_string())
            }
            other => Self::Failed(crate::problem::chain(&other)),
        }
    }
}

impl From<handle::Refused> for PutRefused {
    fn from(refused: handle::Refused) -> Self {
        match refused {
            handle::Refused::Faults(faults) => Self::Faults(faults.iter().map(fault).collect()),
            other => Self::Other(other.into()),
        }
    }
}

pub(super) fn fault(fault: &fault::Fault) -> Fault {
    Fault {
        file: fault.file.clone(),
        line: fault.line,
        column: fault.column,
        pointer: fault.pointer.clone(),
        message: fault.message.clone(),
        hint: fault.hint.clone(),
    }
}

pub(super) fn text(yaml: Vec<u8>) -> Result<String, Refused> {
    String::from_utf8(yaml).map_err(|error| {
        Refused::Invalid(format!(
            "the text is not UTF-8 at byte {}",
            error.utf8_error().valid_up_to()
        ))
    })
}

pub(super) fn folder(status: &crate::watch::update::FolderStatus) -> FolderEntry {
    FolderEntry {
        folder: status.folder.clone(),
        state: status.state.word().to_owned(),
        mode: status.mode.to_owned(),
        reason: status.reason.clone(),
        settling: status.files_settling,
        ignored: status.files_ignored,
        changes: status.changes,
        last_scan: status.last_scan,
    }
}
