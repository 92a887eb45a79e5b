//! A frame: the length as a little-endian `u32`, then one message as JSON, then nothing.
//!
//! A file descriptor rides on the first byte of its frame. The decoder never asks for bytes past the end of the frame it
//! is in, so that a descriptor it is given always belongs to that frame. Whoever is on the other side is not trusted:
//! every way in which a frame can be wrong is a [`FrameError`], and after the first one nothing more is read.

use crate::wire::message::{ToDaemon, ToWorker};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::os::fd::OwnedFd;

/// The longest body, in bytes. Documents never travel in frames.
pub const MAX_BODY: usize = 1 << 20;

const HEADER: usize = 4;

/// What can be sent in a frame.
pub trait Message: Serialize + DeserializeOwned {
    /// Whether exactly one file descriptor comes with it; otherwise none does.
    fn carries_descriptor(&self) -> bool;
}

impl Message for ToWorker {
    fn carries_descriptor(&self) -> bool {
        matches!(self, Self::Attempt(_) | Self::Inspect(_))
    }
}

impl Message for ToDaemon {
    fn carries_descriptor(&self) -> bool {
        match self {
            Self::Artifact { .. } | Self::Output { .. } | Self::Memory => true,
            Self::Ready { counts, .. } => *counts,
            _ => false,
        }
    }
}

/// A message and the descriptor that came with it.
#[derive(Debug)]
pub struct Frame<M> {
    /// The message.
    pub message: M,
    /// Present exactly where [`Message::carries_descriptor`] says so.
    pub descriptor: Option<OwnedFd>,
}

/// Why a conversation cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The socket failed.
    #[error("failed to {doing} the control socket")]
    Socket {
        /// `read` or `write`.
        doing: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The kernel bounds how many descriptors one user has under way (unix(7), `ETOOMANYREFS`), and there was no room for a long time.
    #[error(
        "the system takes no open file for a result: too many of this user are under way (ETOOMANYREFS)"
    )]
    Crowded,
    /// The length is not one that a frame can have.
    #[error("a frame of `{0}` bytes is not allowed (1 to {MAX_BODY})")]
    Length(u64),
    /// The body is not JSON.
    #[error("a frame holds no JSON: {0}")]
    NotJson(String),
    /// The body is JSON, but no message of this protocol.
    #[error("a frame holds no known message: {0}")]
    Unknown(String),
    /// The other side ended inside a frame.
    #[error("the control socket ended inside a frame ({have} of {of} bytes)")]
    Torn {
        /// Bytes that came.
        have: usize,
        /// Bytes that were announced.
        of: usize,
    },
    /// More descriptors came than any message carries.
    #[error("a frame brought more than one file descriptor")]
    TooManyDescriptors,
    /// A descriptor came, and this process may not have one more.
    #[error("a file could not be taken over: too many files are open")]
    NoDescriptorsLeft,
    /// A descriptor came with a message that carries none.
    #[error("a message that carries no file descriptor brought one")]
    UnexpectedDescriptor,
    /// A message came without the descriptor that belongs to it.
    #[error("a message came without its file descriptor")]
    MissingDescriptor,
}

/// The bytes of one frame.
///
/// # Errors
/// [`FrameError::Length`] where the message is too long to be sent.
pub fn encode<M: Message>(message: &M) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; HEADER];
    serde_json::to_writer(&mut bytes, message).map_err(|e| FrameError::NotJson(e.to_string()))?;
    let length = bytes.len() - HEADER;
    match u32::try_from(length) {
        Ok(header) if length <= MAX_BODY => bytes[..HEADER].copy_from_slice(&header.to_le_bytes()),
        _ => return Err(FrameError::Length(length as u64)),
    }
    Ok(bytes)
}

/// Puts frames together from whatever the socket gives.
#[derive(Debug)]
pub struct Decoder {
    bytes: Vec<u8>,
    filled: usize,
    descriptor: Option<OwnedFd>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            bytes: vec![0; HEADER],
            filled: 0,
            descriptor: None,
        }
    }
}

impl Decoder {
    /// Where the next bytes belong; never empty, never past the end of the frame.
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.bytes[self.filled..]
    }

    /// Whether a frame has begun and not ended.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.filled > 0 || self.descriptor.is_some()
    }

    /// Takes note of `count` bytes in [`Decoder::space`] and of the descriptors that came with them; gives the frame
    /// that they complete.
    ///
    /// # Errors
    /// Every way in which the other side can break the protocol. The decoder is not to be used after that.
    pub fn filled<M: Message>(
        &mut self,
        count: usize,
        descriptors: impl IntoIterator<Item = OwnedFd>,
    ) -> Result<Option<Frame<M>>, FrameError> {
        for descriptor in descriptors {
            if self.descriptor.replace(descriptor).is_some() {
                return Err(FrameError::TooManyDescriptors);
            }
        }
        self.filled = (self.filled + count).min(self.bytes.len());
        if self.filled < self.bytes.len() {
            return Ok(None);
        }
        if self.filled == HEADER {
            self.bytes.resize(HEADER + self.announced()?, 0);
            return Ok(None);
        }
        self.complete().map(Some)
    }

    /// What it means that the other side ended now.
    ///
    /// # Errors
    /// [`FrameError::Torn`] inside a frame.
    pub fn ended(&self) -> Result<(), FrameError> {
        if self.is_inside() {
            return Err(FrameError::Torn {
                have: self.filled,
                of: self.bytes.len(),
            });
        }
        Ok(())
    }

    fn announced(&self) -> Result<usize, FrameError> {
        let mut header = [0; HEADER];
        header.copy_from_slice(&self.bytes[..HEADER]);
        let length = u32::from_le_bytes(header);
        match usize::try_from(length) {
            Ok(body @ 1..=MAX_BODY) => Ok(body),
            _ => Err(FrameError::Length(u64::from(length))),
        }
    }

    fn complete<M: Message>(&mut self) -> Result<Frame<M>, FrameError> {
        let message: M = serde_json::from_slice(&self.bytes[HEADER..]).map_err(refused)?;
        self.bytes.truncate(HEADER);
        self.bytes.shrink_to(64 << 10);
        self.filled = 0;
        let descriptor = self.descriptor.take();
        match (message.carries_descriptor(), descriptor.is_some()) {
            (true, false) => Err(FrameError::MissingDescriptor),
            (false, true) => Err(FrameError::UnexpectedDescriptor),
            _ => Ok(Frame {
                message,
                descriptor,
            }),
        }
    }
}

fn refused(error: serde_json::Error) -> FrameError {
    let text = error.to_string();
    match error.classify() {
        serde_json::error::Category::Data => FrameError::Unknown(text),
        _ => FrameError::NotJson(text),
    }
}

#[cfg(test)]
mod tests;
