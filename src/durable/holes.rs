//! Copies of files that nobody has read: a file may say that it is as large as it likes, and hold nothing.

use rustix::fs::SeekFrom;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Writes what `source` holds into the new file `to`, which is then as long, with the same holes.
pub(super) fn copy(source: &File, to: &File) -> io::Result<()> {
    let length = source.metadata()?.len();
    let mut buffer = vec![0; super::CHUNK];
    let mut at = 0;
    while let Some(begin) = next(source, SeekFrom::Data(at))? {
        let end = next(source, SeekFrom::Hole(begin))?.unwrap_or(length);
        at = begin;
        while at < end {
            let most =
                usize::try_from(end - at).map_or(buffer.len(), |left| left.min(buffer.len()));
            match source.read_at(&mut buffer[..most], at) {
                // It was cut meanwhile.
                Ok(0) => return to.set_len(length),
                Ok(count) => {
                    to.write_all_at(&buffer[..count], at)?;
                    at += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    to.set_len(length)
}

/// Whether two files of one length hold the same, wherever each has its holes.
pub(super) fn are_alike(one: &File, other: &File) -> io::Result<bool> {
    Ok(has_all_of(other, one)? && has_all_of(one, other)?)
}

/// Whether `file` has what the other one holds.
fn has_all_of(file: &File, other: &File) -> io::Result<bool> {
    let length = other.metadata()?.len();
    let (mut here, mut there) = (vec![0; super::CHUNK], vec![0; super::CHUNK]);
    let mut at = 0;
    while let Some(begin) = next(other, SeekFrom::Data(at))? {
        let end = next(other, SeekFrom::Hole(begin))?.unwrap_or(length);
        at = begin;
        while at < end {
            let most = usize::try_from(end - at).map_or(here.len(), |left| left.min(here.len()));
            other.read_exact_at(&mut there[..most], at)?;
            file.read_exact_at(&mut here[..most], at)?;
            if here[..most] != there[..most] {
                return Ok(false);
            }
            at += most as u64;
        }
    }
    Ok(true)
}

/// Where the next data or hole begins; `None` where there is no more.
fn next(file: &File, from: SeekFrom) -> io::Result<Option<u64>> {
    match rustix::fs::seek(file, from) {
        Ok(at) => Ok(Some(at)),
        Err(Errno::NXIO) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::durable::copy_with_holes;
    use std::fs::File;
    use std::os::unix::fs::{FileExt as _, MetadataExt as _};

    #[test]
    fn a_copy_of_a_file_that_holds_nearly_nothing_takes_nearly_no_room() {
        let home = tempfile::tempdir().expect("a temp folder");
        let from = home.path().join("from");
        let source = File::create_new(&from).expect("made");
        source.set_len(1 << 32).expect("a file system with holes");
        source.write_all_at(b"here", 1 << 31).expect("written");
        let source = File::open(&from).expect("there");
        let to = home.path().join("to");
        copy_with_holes(&source, &to).expect("copied");
        let copy = File::open(&to).expect("there");
        let found = copy.metadata().expect("there");
        assert_eq!(found.len(), 1 << 32);
        assert!(found.blocks() < 1024, "{}", found.blocks());
        let mut word = [0; 4];
        copy.read_exact_at(&mut word, 1 << 31).expect("readable");
        assert_eq!(&word, b"here");
    }
}
