//! How much a document may ask of the process that opens it.

/// Limits on one document. They bound what the engine can bound; the worker's resource limits do the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that one stream may decode to.
    pub max_decoded: u64,
    /// The deepest nesting of direct arrays and dictionaries.
    pub max_depth: u32,
    /// The largest file that is opened at all.
    pub max_input: u64,
    /// The most memory, in bytes, that the process may have come to hold before documents that wait are written and read
    /// again instead of kept as objects. Not a limit that anything is refused for.
    pub roomy: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_decoded: 128 << 20,
            // The engine reads 100 levels and drops what lies deeper.
            max_depth: 96,
            max_input: 1 << 30,
            roomy: 512 << 20,
        }
    }
}

/// Offsets in the engine's cross-reference tables are 32 bits wide, for reading and for writing.
pub(crate) const MAX_FILE: u64 = u32::MAX as u64;
