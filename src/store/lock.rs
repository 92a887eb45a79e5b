//! One daemon a home: a lock on `state/lock` for as long as the journal is open.

use crate::store::error::Error;
use rustix::fs::FlockOperation;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

/// The lock; dropped, it is free. The kernel frees it too when the process dies, however it dies.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock and writes our process id into it.
    ///
    /// # Errors
    /// `Locked` with the process id of the holder; `Files` where the file cannot be used.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        let files = |doing| {
            move |source| Error::Files {
                doing,
                path: path.to_path_buf(),
                source,
            }
        };
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(files("open the lock file"))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(Error::Locked {
                    path: path.to_path_buf(),
                    pid: holder(&mut file),
                });
            }
            Err(errno) => return Err(files("lock")(errno.into())),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(files("write the lock file"))?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_and_names_the_holder() {
        let folder = tempfile::tempdir().expect("a temp folder");
        let path = folder.path().join("lock");
        let first = Lock::take(&path).expect("the first lock");
        let error = Lock::take(&path).expect_err("a second lock");
        assert!(
            error
                .to_string()
                .ends_with(&format!("(process {})", std::process::id())),
            "{error}"
        );
        drop(first);
        Lock::take(&path).expect("free again");
    }
}
