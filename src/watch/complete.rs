//! Whether a PDF is all there: its header, its end, and a `startxref` that points inside. Two small reads, nothing parsed.
//!
//! ISO 32000-2 7.5.2 and 7.5.5; the header may be anywhere in the first 1 KiB and junk may follow the end, as all readers
//! allow. A file that was given its full size before its content (SMB clients do that) has no end until it is done.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

const HEAD: usize = 1024;
const TAIL: usize = 2048;

/// What a look into a file found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Header, end and `startxref` are right.
    Complete,
    /// There is no `%PDF-` in the first 1 KiB: it will hardly become a PDF.
    NotPdf,
    /// It begins like a PDF, but this is missing.
    Truncated(String),
}

/// Looks at the first and the last bytes of a file of this size.
///
/// # Errors
/// It cannot be read.
pub fn inspect(file: &File, size: u64) -> io::Result<Finding> {
    let mut buffer = [0; HEAD + TAIL];
    if let Ok(whole) = usize::try_from(size)
        && whole <= buffer.len()
    {
        let all = read_at(file, &mut buffer[..whole], 0)?;
        return Ok(judge(all, all, size));
    }
    let (head, tail) = buffer.split_at_mut(HEAD);
    let head = read_at(file, head, 0)?;
    let tail = read_at(file, tail, size - TAIL as u64)?;
    Ok(judge(head, tail, size))
}

fn read_at<'a>(file: &File, buffer: &'a mut [u8], offset: u64) -> io::Result<&'a [u8]> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&buffer[..filled])
}

fn judge(head: &[u8], tail: &[u8], size: u64) -> Finding {
    if find(&head[..head.len().min(HEAD)], b"%PDF-").is_none() {
        return Finding::NotPdf;
    }
    let Some(end) = rfind(tail, b"%%EOF") else {
        return Finding::Truncated("its end (`%%EOF`) is missing".to_owned());
    };
    let Some(place) = rfind(&tail[..end], b"startxref") else {
        return Finding::Truncated("`startxref` is missing before its end".to_owned());
    };
    match number(&tail[place + b"startxref".len()..end]) {
        Some(offset) if offset < size => Finding::Complete,
        Some(offset) => Finding::Truncated(format!(
            "`startxref` points to byte {offset}, but it has only {size}"
        )),
        None => Finding::Truncated("`startxref` is not followed by a number".to_owned()),
    }
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

fn rfind(within: &[u8], what: &[u8]) -> Option<usize> {
    within
        .windows(what.len())
        .rposition(|window| window == what)
}

/// The number after white space; one that does not fit in 64 bits is as good as endless.
fn number(bytes: &[u8]) -> Option<u64> {
    let bytes = bytes.trim_ascii_start();
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 {
        return None;
    }
    let mut value = 0_u64;
    for digit in &bytes[..digits] {
        value = value
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'));
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn look(bytes: &[u8]) -> Finding {
        let mut file = tempfile::tempfile().expect("a temp file");
        file.write_all(bytes).expect("writable");
        inspect(&file, bytes.len() as u64).expect("readable")
    }

    fn pdf(filling: usize, end: &str) -> Vec<u8> {
        let mut bytes = b"%PDF-1.7\n".to_vec();
        bytes.resize(bytes.len() + filling, b' ');
        bytes.extend_from_slice(end.as_bytes());
        bytes
    }

    #[track_caller]
    fn truncated(bytes: &[u8], part: &str) {
        match look(bytes) {
            Finding::Truncated(what) => assert!(what.contains(part), "{what}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn whole_files_are_complete() {
        for filling in [0, 900, 1024, 3000, 3063, 3072, 100_000] {
            for end in [
                "startxref\n0\n%%EOF",
                "startxref\r\n5\r\n%%EOF\r\n",
                "startxref 7 %%EOF\n\0\0\0\0junk",
                "startxref\n3\n%%EOF\nmore\nstartxref\n8\n%%EOF\n",
            ] {
                assert_eq!(
                    look(&pdf(filling, end)),
                    Finding::Complete,
                    "{filling} {end:?}"
                );
            }
        }
        let mut late = vec![b'x'; 900];
        late.extend(pdf(0, "startxref 1 %%EOF"));
        assert_eq!(look(&late), Finding::Complete);
    }

    #[test]
    fn what_is_missing_is_told() {
        truncated(b"%PDF-1.4", "its end");
        truncated(&pdf(5000, ""), "its end");
        truncated(&pdf(10, "startxref\n0\n%%EO"), "its end");
        truncated(&pdf(10, "%%EOF"), "`startxref` is missing");
        truncated(&pdf(10, "startxref\n%%EOF"), "not followed by a number");
        truncated(
            &pdf(10, "startxref\n4000\n%%EOF"),
            "points to byte 4000, but it has only",
        );
        truncated(
            &pdf(10, "startxref\n99999999999999999999999\n%%EOF"),
            "points to byte",
        );
        // Its size was set before its content came.
        let mut sized = pdf(10, "startxref 0 %%EOF");
        sized.resize(100_000, 0);
        truncated(&sized, "its end");
    }

    #[test]
    fn other_content_is_no_pdf() {
        assert_eq!(look(b"hello"), Finding::NotPdf);
        assert_eq!(look(&[0; 50_000]), Finding::NotPdf);
        let mut late = vec![b'x'; 1024];
        late.extend(pdf(0, "startxref 1 %%EOF"));
        assert_eq!(look(&late), Finding::NotPdf);
    }
}
