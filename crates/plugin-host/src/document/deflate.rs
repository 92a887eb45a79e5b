//! Compressing the streams that a document is saved with.

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::document::save_error::SaveError;

/// Deflate effort, zlib's scale.
const EFFORT: u32 = 6;

/// Deflates one thing after another: setting a compressor up costs more than a small stream takes, and more than writing a small
/// file that needs none.
#[derive(Default)]
pub(crate) struct Deflater(Option<Compress>);

impl Deflater {
    pub(crate) fn deflate(&mut self, bytes: &[u8]) -> Result<Vec<u8>, SaveError> {
        let failed = |error| SaveError::Io(std::io::Error::other(error));
        let compressor = self
            .0
            .get_or_insert_with(|| Compress::new(Compression::new(EFFORT), true));
        compressor.reset();
        let mut deflated = Vec::with_capacity(bytes.len() / 2 + 64);
        loop {
            let rest = &bytes[(compressor.total_in() as usize).min(bytes.len())..];
            let status = compressor
                .compress_vec(rest, &mut deflated, FlushCompress::Finish)
                .map_err(failed)?;
            if status == Status::StreamEnd {
                return Ok(deflated);
            }
            deflated.reserve(deflated.capacity());
        }
    }
}
