//! One daemon a home: a lock on `state/lock` for as long as the journal is open.

use crate::store::error::Error;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::process::Pid;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a lock of a dead process is waited for. A child that it was just starting when it was killed has a copy of the
/// lock until its own program begins.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

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
            .mode(0o600)
            .open(path)
            .map_err(files("open the lock file"))?;
        let end = Instant::now() + PATIENCE;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) => {
                    let pid = holder(&mut file);
                    if pid.is_some_and(lives) || Instant::now() >= end {
                        let path = path.to_path_buf();
                        return Err(Error::Locked { path, pid });
                    }
                    std::thread::park_timeout(PAUSE);
                }
                Err(errno) => return Err(files("lock")(errno.into())),
            }
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(files("write the lock file"))?;
        Ok(Self { _file: file })
    }
}

/// Whether a process is there and has not just been killed.
fn lives(process: u32) -> bool {
    // Without `/proc`, or with a holder that we may not see, it counts as alive if it can be signalled.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
    let zombie = stat.is_ok_and(|stat| {
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
    });
    let id = i32::try_from(process).ok().and_then(Pid::from_raw);
    !zombie && id.is_some_and(|id| rustix::process::test_kill_process(id) != Err(Errno::SRCH))
}

fn holder(file: &mut File) -> Option<u32> {
    file.rewind().ok()?;
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

    #[test]
    fn a_lock_that_outlives_its_holder_for_a_moment_is_waited_for() {
        let folder = tempfile::tempdir().expect("a temp folder");
        let path = folder.path().join("lock");
        let first = Lock::take(&path).expect("the first lock");
        let mut dead = std::process::Command::new("true")
            .spawn()
            .expect("it starts");
        std::fs::write(&path, dead.id().to_string()).expect("the file is ours");
        // It has ended and is not reaped: what its number belongs to is certain.
        while lives(dead.id()) {
            std::thread::yield_now();
        }
        let waiting = std::thread::spawn(move || Lock::take(&path));
        std::thread::park_timeout(PAUSE * 3);
        drop(first);
        waiting.join().expect("no panic").expect("free soon");
        dead.wait().expect("it is our child");
    }
}
