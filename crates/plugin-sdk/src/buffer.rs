//! Host memory that a plugin fills and then moves into a stream, so that large contents are never copied.

use std::io;

use dropleaf_plugin_abi as abi;

use crate::error::Result;
use crate::session::{Session, call};

/// A growing buffer in the host's memory: write into it, then [`Object::set_buffer`](crate::Object::set_buffer).
pub struct Buffer<'r> {
    session: &'r Session,
    handle: abi::Buf,
    start: *mut u8,
    capacity: usize,
    length: usize,
}

impl<'r> Buffer<'r> {
    pub(crate) fn new(session: &'r Session, capacity: usize) -> Result<Self> {
        let capacity = capacity.max(1);
        let (mut handle, mut start) = (0, std::ptr::null_mut());
        call!(
            session,
            stream.buf_new(capacity, &raw mut handle, &raw mut start)
        )?;
        Ok(Self {
            session,
            handle,
            start,
            capacity,
            length: 0,
        })
    }

    /// Bytes written so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends `bytes`; an error where the host's limit of memory is reached.
    pub fn extend(&mut self, bytes: &[u8]) -> Result<()> {
        let wanted = self.length.saturating_add(bytes.len());
        if wanted > self.capacity {
            let capacity = wanted.max(self.capacity.saturating_mul(2));
            let handle = self.handle;
            call!(
                self.session,
                stream.buf_grow(handle, capacity, &raw mut self.start)
            )?;
            self.capacity = capacity;
        }
        // SAFETY: the host gave `capacity` writable bytes at `start`, `wanted` fits, and nobody else writes there.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(self.length), bytes.len())
        };
        self.length = wanted;
        Ok(())
    }

    pub(crate) fn into_parts(self) -> (abi::Buf, usize) {
        let parts = (self.handle, self.length);
        // The host takes the buffer over: it must not be released.
        std::mem::forget(self);
        parts
    }

    fn release(&self) -> Result<()> {
        call!(self.session, cos.release(self.handle))
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        // A host that does not take it back now does so at the end of the run.
        let _ = self.release();
    }
}

impl io::Write for Buffer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
