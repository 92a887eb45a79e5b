//! What a process stands on: whatever a library can leave behind in it without anybody's seeing it in a result.

use std::ffi::OsString;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};

/// Descriptors that are looked at where there is no limit on them.
const MOST_DESCRIPTORS: u64 = 4096;
/// Signals of Linux, the real-time ones too.
const SIGNALS: i32 = 64;

/// Descriptors, working directory, environment, signals and the alarm clock of this process at one moment.
///
/// Two that are equal say that what happened in between has left nothing of this kind. Memory and threads are not in it: they
/// are counted from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footing {
    /// Each open one, and which file it is: device and inode.
    descriptors: Vec<(i32, u64, u64)>,
    folder: Option<(u64, u64)>,
    environment: Vec<(OsString, OsString)>,
    /// What each signal does.
    actions: Vec<usize>,
    /// Which signals this thread does not hear.
    blocked: Vec<bool>,
    /// Whether a signal is on its way.
    alarm: bool,
}

impl Footing {
    /// As it is now. What the C library has been told to print and has not printed yet is printed first.
    #[must_use]
    pub fn now() -> Self {
        // SAFETY: a null stream means all of them; the library takes its own locks.
        unsafe {
            libc::fflush(std::ptr::null_mut());
        }
        Self {
            descriptors: descriptors(),
            folder: std::fs::metadata(".").ok().map(|found| {
                use std::os::unix::fs::MetadataExt as _;
                (found.dev(), found.ino())
            }),
            environment: std::env::vars_os().collect(),
            actions: (1..=SIGNALS).map(action).collect(),
            blocked: blocked(),
            alarm: alarm(),
        }
    }

    /// The same once this descriptor is closed.
    #[must_use]
    pub fn without(mut self, descriptor: &OwnedFd) -> Self {
        let number = descriptor.as_raw_fd();
        self.descriptors.retain(|(known, ..)| *known != number);
        self
    }
}

fn descriptors() -> Vec<(i32, u64, u64)> {
    let most = limit().min(MOST_DESCRIPTORS);
    let ask = |fd| libc::pollfd {
        fd,
        events: 0,
        revents: 0,
    };
    let mut asked: Vec<libc::pollfd> = (0..)
        .take(usize::try_from(most).unwrap_or(0))
        .map(ask)
        .collect();
    // SAFETY: the pointer and the count are those of the vector. One call tells for all of them which are not open.
    let answered = unsafe { libc::poll(asked.as_mut_ptr(), asked.len() as libc::nfds_t, 0) };
    asked
        .iter()
        // Where the call fails, each is asked for itself.
        .filter(|one| answered < 0 || one.revents & libc::POLLNVAL == 0)
        .filter_map(|one| identity(one.fd))
        .collect()
}

fn limit() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call fills the structure.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } {
        0 => limit.rlim_cur,
        _ => MOST_DESCRIPTORS,
    }
}

fn identity(fd: i32) -> Option<(i32, u64, u64)> {
    let mut found = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the call fills the structure or says that it has not; of a number that is no descriptor it says so.
    let answer = unsafe { libc::fstat(fd, found.as_mut_ptr()) };
    if answer != 0 {
        return None;
    }
    // SAFETY: all zeros is a value too, and the call has filled it.
    let found = unsafe { found.assume_init() };
    Some((fd, found.st_dev, found.st_ino))
}

fn action(signal: i32) -> usize {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only tells the old one; of a signal that the C library keeps for itself it
    // leaves the zeros, which are a value too.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), old.as_mut_ptr());
        old.assume_init().sa_sigaction
    }
}

fn blocked() -> Vec<bool> {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: without a new set the call only tells the old one.
    let set = unsafe {
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), set.as_mut_ptr());
        set.assume_init()
    };
    // SAFETY: the set was filled above.
    let has = |signal| unsafe { libc::sigismember(&raw const set, signal) } == 1;
    (1..=SIGNALS).map(has).collect()
}

fn alarm() -> bool {
    let clocks = [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL, libc::ITIMER_PROF];
    clocks.into_iter().any(|clock| {
        let mut left = MaybeUninit::<libc::itimerval>::zeroed();
        // SAFETY: the call fills the structure, for which all zeros are a value too.
        let left = unsafe {
            libc::getitimer(clock, left.as_mut_ptr());
            left.assume_init()
        };
        left.it_value.tv_sec != 0 || left.it_value.tv_usec != 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_are_seen_by_number_and_by_what_they_are() -> std::io::Result<()> {
        // Other tests open files meanwhile, so that only this one's own can be looked for.
        let file = std::fs::File::open("/dev/null")?;
        let number = file.as_raw_fd();
        let has = |list: &[(i32, u64, u64)]| list.iter().any(|(fd, ..)| *fd == number);
        assert!(has(&descriptors()));
        let null = identity(number);
        assert!(null.is_some() && null.map(|found| found.1) != identity(1).map(|found| found.1));
        assert_eq!(identity(-1), None);
        drop(file);
        Ok(())
    }

    #[test]
    fn signals_are_told() {
        assert_eq!(action(libc::SIGUSR2), libc::SIG_DFL);
        assert_eq!(action(libc::SIGPIPE), libc::SIG_IGN, "Rust's start-up");
        let of = |signal: i32| blocked()[usize::try_from(signal - 1).unwrap_or(0)];
        assert!(!of(libc::SIGUSR2));
        // SAFETY: the set is filled before it is used, and this thread ends with the test.
        unsafe {
            let mut set = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGUSR2);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        }
        assert!(of(libc::SIGUSR2));
        assert!(!alarm());
    }
}
