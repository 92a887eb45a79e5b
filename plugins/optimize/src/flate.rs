//! Deflate again, only where it is exact and smaller (ISO 32000-2, 7.4.4).

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// A stream that inflates to more is left as it is.
pub(crate) const MAX_INFLATED: u64 = 256 << 20;

/// The content of a zlib stream that is whole and sound; `None` where a viewer would have to guess, where it is too large,
/// or where more than an end of line follows it.
pub(crate) fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = ZlibDecoder::new(bytes);
    let mut content = Vec::new();
    decoder
        .by_ref()
        .take(MAX_INFLATED + 1)
        .read_to_end(&mut content)
        .ok()?;
    let read = usize::try_from(decoder.total_in()).ok()?;
    let rest = bytes.get(read..)?;
    (content.len() as u64 <= MAX_INFLATED
        && rest.len() <= 2
        && rest.iter().all(|b| matches!(b, b'\r' | b'\n')))
    .then_some(content)
}

/// `content` as a zlib stream; `level` is 0 to 9.
pub(crate) fn deflate(content: &[u8], level: u8) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(u32::from(level.min(9))));
    encoder
        .write_all(content)
        .and_then(|()| encoder.finish())
        .expect("writing into memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        for content in [&b""[..], b"a", &[7; 100_000]] {
            assert_eq!(inflate(&deflate(content, 9)).as_deref(), Some(content));
        }
        let mut ended = deflate(b"abc", 6);
        ended.extend(b"\r\n");
        assert_eq!(inflate(&ended).as_deref(), Some(&b"abc"[..]));
    }

    #[test]
    fn damaged_streams_are_refused() {
        let good = deflate(&(0..200_u8).collect::<Vec<_>>(), 9);
        assert_eq!(inflate(&good[..good.len() - 1]), None);
        assert_eq!(inflate(&[&good[..], b"abc"].concat()), None);
        let mut bad = good.clone();
        let last = bad.len() - 1;
        bad[last] ^= 1;
        assert_eq!(inflate(&bad), None);
        assert_eq!(inflate(b""), None);
    }
}
