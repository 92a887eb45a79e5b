//! What a process stands on: whatever a library can leave behind in it without anybody's seeing it in a result.

use std::ffi::{CStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

/// Descriptors that are looked at where there is no limit on them.
const MOST_DESCRIPTORS: u64 = 4096;
/// Signals of Linux, the real-time ones too.
const SIGNALS: i32 = 64;

/// Descriptors, working directory, environment, signals, clocks, locale, arithmetic and the like of this process at one moment.
///
/// Two that are equal say that what happened in between has left nothing of this kind. Memory and threads are not in it: they
/// are counted from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footing {
    /// Each open one, which file it is (device and inode), and how it is read and written.
    descriptors: Vec<(i32, u64, u64, i32)>,
    folder: Option<(u64, u64)>,
    environment: Vec<(OsString, OsString)>,
    /// What each signal does.
    actions: Vec<usize>,
    /// Which signals this thread does not hear.
    blocked: Vec<bool>,
    /// Whether a signal is on its way.
    alarm: bool,
    /// How many timers have ever been made, but for those made here to find out.
    timers: Option<i32>,
    /// Which rights new files do not get.
    mask: u32,
    locale: (Vec<u8>, usize),
    arithmetic: u32,
    processors: Vec<u8>,
}

impl Footing {
    /// As it is now. What the C library has been told to print and has not printed yet is printed first.
    #[must_use]
    pub fn now() -> Self {
        crate::flush_prints();
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
            timers: timers(),
            mask: mask(),
            locale: locale(),
            arithmetic: arithmetic(),
            processors: processors(),
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

fn descriptors() -> Vec<(i32, u64, u64, i32)> {
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
        .filter_map(|one| {
            let (fd, device, inode) = identity(one.fd)?;
            // SAFETY: the call only tells the flags.
            let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
            Some((fd, device, inode, flags))
        })
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

/// The kernel numbers a process's timers one after the other and never anew, so that one more tells how many there have been.
fn timers() -> Option<i32> {
    static OURS: AtomicI32 = AtomicI32::new(0);
    let mut number: libc::c_int = 0;
    let mut quiet = MaybeUninit::<libc::sigevent>::zeroed();
    // SAFETY: all zeros is a value of the structure; the kernel reads it, and writes one number.
    let made = unsafe {
        (*quiet.as_mut_ptr()).sigev_notify = libc::SIGEV_NONE;
        libc::syscall(
            libc::SYS_timer_create,
            libc::CLOCK_MONOTONIC,
            quiet.as_ptr(),
            &raw mut number,
        )
    };
    if made != 0 {
        return None;
    }
    // SAFETY: the timer was just made, and nobody else knows its number.
    unsafe { libc::syscall(libc::SYS_timer_delete, number) };
    Some(number - OURS.fetch_add(1, Ordering::Relaxed))
}

fn mask() -> u32 {
    // SAFETY: neither call can fail. Who makes a file on another thread in between gets it with all rights that he asks for.
    unsafe {
        let mask = libc::umask(0o077);
        libc::umask(mask);
        mask
    }
}

/// The C library's, by name, and the one that this thread has instead.
fn locale() -> (Vec<u8>, usize) {
    // SAFETY: without a name the call only tells the one that is; the text lasts until the next call.
    unsafe {
        let name = libc::setlocale(libc::LC_ALL, std::ptr::null());
        let name = match name.is_null() {
            true => Vec::new(),
            false => CStr::from_ptr(name).to_bytes().to_vec(),
        };
        (name, libc::uselocale(std::ptr::null_mut()) as usize)
    }
}

/// How this thread rounds, and what of that traps.
#[cfg(target_arch = "x86_64")]
fn arithmetic() -> u32 {
    let (mut vector, mut old) = (0u32, 0u16);
    // SAFETY: each instruction stores a register in a place of its size.
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut vector, options(nostack, preserves_flags));
        std::arch::asm!("fnstcw [{}]", in(reg) &raw mut old, options(nostack, preserves_flags));
    }
    // The lowest six bits tell what has happened, not what is set.
    (vector & !0x3F) << 16 | u32::from(old)
}

#[cfg(not(target_arch = "x86_64"))]
fn arithmetic() -> u32 {
    unsafe extern "C" {
        fn fegetround() -> libc::c_int;
    }
    // SAFETY: the C library's, without arguments.
    unsafe { fegetround() }.unsigned_abs()
}

/// Which processors this thread may run on.
fn processors() -> Vec<u8> {
    let mut set = vec![0u8; size_of::<libc::cpu_set_t>()];
    // SAFETY: the pointer and the length are those of the vector, which is as large as the structure.
    unsafe { libc::sched_getaffinity(0, set.len(), set.as_mut_ptr().cast()) };
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_are_seen_by_number_and_by_what_they_are() -> std::io::Result<()> {
        // Other tests open files meanwhile, so that only this one's own can be looked for.
        let file = std::fs::File::open("/dev/null")?;
        let number = file.as_raw_fd();
        let has = |list: &[(i32, u64, u64, i32)]| list.iter().any(|(fd, ..)| *fd == number);
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
