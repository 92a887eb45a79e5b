//! Why a document was not opened, or what its owner should know of it.

use dropleaf_plugin_abi as abi;

/// Why a document was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The file is something else; the text says what it looks like.
    #[error("not a PDF: {0}")]
    NotPdf(String),
    /// Encrypted, and no password was given.
    #[error("the document is encrypted and needs a password")]
    NeedsPassword,
    /// Encrypted, and none of the passwords fits.
    #[error("none of the passwords opens the document")]
    WrongPassword,
    /// Encrypted in a way that cannot be read.
    #[error("the document is encrypted in a way that is not supported: {0}")]
    Unsupported(String),
    /// Not readable, not even by repair.
    #[error("the document is damaged beyond repair: {0}")]
    Damaged(String),
    /// Larger than what is opened.
    #[error("the file is too large: {size} bytes, at most {limit} are opened")]
    TooLarge {
        /// How large it is.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A limit that protects the process was reached.
    #[error("the document exceeds a limit: {0}")]
    Limit(String),
}

impl OpenError {
    /// The status that a plugin is answered.
    pub(crate) fn status(&self) -> abi::Status {
        match self {
            Self::TooLarge { .. } | Self::Limit(_) => abi::E_LIMIT,
            Self::Unsupported(_) => abi::E_UNSUPPORTED,
            _ => abi::E_SYNTAX,
        }
    }
}

/// Something about a document that its owner should know, though it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// A word for machines: `repaired`.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}
