//! Why a document was not saved.

/// Why a document was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The sink failed.
    #[error("failed to write the document")]
    Io(#[source] std::io::Error),
    /// The document does not hold together.
    #[error("the document would be broken: {0}")]
    Broken(String),
    /// Offsets would not fit.
    #[error("the document would be larger than {limit} bytes")]
    TooLarge {
        /// The largest file that can be written.
        limit: u64,
    },
    /// All object numbers are taken.
    #[error("the document has no object numbers left")]
    NoNumbers,
    /// An object could not be encrypted as the document was.
    #[error("failed to encrypt object {object}: {reason}")]
    Encryption {
        /// Its number.
        object: u32,
        /// What the engine said.
        reason: String,
    },
}
