//! Compressing the streams that a document is saved with.

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::document::save_error::SaveError;

/// Deflate effort, zlib's scale.
const EFFORT: u32 = 6;

/// Deflates one thing after another: setting a compressor up costs more than a small stream takes.
pub(crate) struct Deflater(Compress);

impl Deflater {
    pub(crate) fn new() -> Self {
        Self(Compress::new(Compression::new(EFFORT), true))
    }

    pub(crate) fn deflate(&mut self, bytes: &[u8]) -> Result<Vec<u8>, SaveError> {
        let failed = |error| SaveError::Io(std::io::Error::other(error));
        self.0.reset();
        let mut deflated = Vec::with_capacity(bytes.len() / 2 + 64);
        loop {
            let rest = &bytes[(self.0.total_in() as usize).min(bytes.len())..];
            let status = self
                .0
                .compress_vec(rest, &mut deflated, FlushCompress::Finish)
                .map_err(failed)?;
            if status == Status::StreamEnd {
                return Ok(deflated);
            }
            deflated.reserve(deflated.capacity());
        }
    }
}
