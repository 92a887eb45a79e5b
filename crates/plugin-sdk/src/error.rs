//! Why an operation did not do its work, in a form that the host understands.

use std::error::Error as StdError;
use std::fmt;

use dropleaf_plugin_abi as abi;

/// What an operation's functions answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure: a status that tells the host what to do, and a text for people.
///
/// Whatever the kind, the host undoes all changes of the run. Texts are lower case, without a full stop, and name the
/// thing in backticks: "page `12` does not exist: the document has 8 pages".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    status: abi::Status,
    message: String,
}

impl Error {
    /// The document's own fault, now and later: the job is not tried again.
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::new(abi::E_REJECTED, message)
    }

    /// Something went wrong that may go right another time: the pipeline's `retry` decides.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(abi::E_FAIL, message)
    }

    /// The parameters contradict each other in a way that the JSON Schema cannot say.
    pub fn parameters(message: impl Into<String>) -> Self {
        Self::new(abi::E_PARAMETERS, message)
    }

    /// This host, or this build of the plugin, cannot do it.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(abi::E_UNSUPPORTED, message)
    }

    /// The work was given up because the host asked for it.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(abi::E_CANCELLED, "cancelled")
    }

    /// Any status of the ABI (`LEAF_E_...` of the header) with a text.
    pub fn new(status: abi::Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// Says what was being done: `context: message`. The status stays.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// The status as the ABI has it; always negative.
    #[must_use]
    pub fn status(&self) -> abi::Status {
        if self.status < abi::OK {
            self.status
        } else {
            abi::E_FAIL
        }
    }

    /// The text.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the host asked for the end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.status == abi::E_CANCELLED
    }

    /// Whether a key, an index or an object is absent.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status == abi::E_NOT_FOUND
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::failed(error.to_string())
    }
}

/// What a status means, for a host that gave no text.
pub(crate) fn describe(status: abi::Status) -> &'static str {
    match status {
        abi::E_ARG => "an argument is out of range",
        abi::E_TYPE => "the object has another type",
        abi::E_NOT_FOUND => "no such key, index or object",
        abi::E_HANDLE => "the handle is stale",
        abi::E_THREAD => "called from a thread that does not run the operation",
        abi::E_LIMIT => "a limit of memory, size or depth was reached",
        abi::E_UNSUPPORTED => "the host does not support this",
        abi::E_CANCELLED => "cancelled",
        abi::E_SYNTAX => "not valid PDF syntax",
        abi::E_DENIED => "not granted by the operator",
        abi::E_REJECTED => "the document cannot be processed",
        _ => "the host reported a failure without a reason",
    }
}
