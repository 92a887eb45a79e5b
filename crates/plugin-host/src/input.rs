//! The bytes of a document, wherever they live.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

use memmap2::Mmap;

/// The bytes of a document: owned, or mapped from a file. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Input(Source);

#[derive(Clone, Debug)]
enum Source {
    Owned(Arc<Vec<u8>>),
    Mapped(Arc<Mmap>),
}

impl Input {
    /// Maps `file`, which nobody may truncate or write while the answer lives: a sealed memfd, a file that the
    /// daemon has claimed, or one that only this process can reach.
    ///
    /// # Errors
    /// What the system says; an empty file gives no bytes.
    pub fn map(file: &File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self::from(Vec::new()));
        }
        // SAFETY: the caller's promise. Where it is broken the process gets SIGBUS, which costs the worker its attempt.
        let map = unsafe { Mmap::map(file)? };
        Ok(Self(Source::Mapped(Arc::new(map))))
    }
}

impl From<Vec<u8>> for Input {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Source::Owned(Arc::new(bytes)))
    }
}

impl From<&[u8]> for Input {
    fn from(bytes: &[u8]) -> Self {
        Self::from(bytes.to_vec())
    }
}

impl Deref for Input {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Source::Owned(bytes) => bytes,
            Source::Mapped(map) => map,
        }
    }
}

impl AsRef<[u8]> for Input {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
