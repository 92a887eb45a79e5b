//! A file that came from a worker: taken only if nobody can change it any more.

use rustix::fs::{SealFlags, fcntl_get_seals, fstat};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;

/// Without these a worker could still shrink the file under our reading of it.
const NEEDED: SealFlags = SealFlags::SHRINK
    .union(SealFlags::GROW)
    .union(SealFlags::WRITE)
    .union(SealFlags::SEAL);

/// Takes any sealed file.
pub(crate) fn sealed(descriptor: OwnedFd) -> Result<File, &'static str> {
    match fcntl_get_seals(&descriptor) {
        Ok(seals) if seals.contains(NEEDED) => Ok(File::from(descriptor)),
        Ok(_) => Err("it sent a file that it can still change"),
        Err(_) => Err("it sent something that is no sealed memory file"),
    }
}

/// Takes a sealed file that begins as a PDF does (ISO 32000-2, 7.5.2; readers look at the first kibibyte).
pub(crate) fn document(descriptor: OwnedFd) -> Result<File, &'static str> {
    let file = sealed(descriptor)?;
    let mut start = [0; 1024];
    let count = file.read_at(&mut start, 0).unwrap_or(0);
    let size = fstat(&file).map_or(0, |stat| stat.st_size);
    if size == 0 || !start[..count].windows(5).any(|bytes| bytes == b"%PDF-") {
        return Err("it sent an output that is no PDF");
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, fcntl_add_seals, memfd_create};
    use std::io::Write as _;

    fn memory(content: &[u8], seals: SealFlags) -> OwnedFd {
        let flags = MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC;
        let mut file = File::from(memfd_create("test", flags).expect("memfd_create works"));
        file.write_all(content).expect("it can be written");
        fcntl_add_seals(&file, seals).expect("it can be sealed");
        file.into()
    }

    #[test]
    fn only_sealed_pdfs_are_documents() {
        assert!(document(memory(b"junk\n%PDF-1.7 ...", NEEDED)).is_ok());
        assert!(document(memory(b"PK", NEEDED)).is_err());
        assert!(document(memory(b"", NEEDED)).is_err());
        assert!(document(memory(b"%PDF-1.7", SealFlags::SHRINK)).is_err());
        assert!(sealed(memory(b"", NEEDED)).is_ok());
        let plain = tempfile::tempfile().expect("a temporary file");
        assert!(sealed(plain.into()).is_err());
        let null = File::open("/dev/null").expect("/dev/null");
        assert!(sealed(null.into()).is_err());
    }
}
