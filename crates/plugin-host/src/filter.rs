//! Installs a system call filter, and answers for the calls that it holds up.
//!
//! A filter can refuse a call by itself, silently, or hold it up until whoever has the filter's *listener* has answered
//! (seccomp_unotify(2)). The latter can be counted by a process that the filtered one cannot reach.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

/// One instruction of a filter, as `linux/filter.h` has it.
pub type Instruction = libc::sock_filter;

/// Which calls are held up by a filter of this process, and the way to answer them.
#[derive(Debug)]
pub struct Listener(OwnedFd);

/// A call that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldUp {
    id: u64,
    /// The call's number.
    pub call: i64,
    /// Its arguments.
    pub arguments: [u64; 6],
}

/// Filters the calls of this thread, and of all threads and processes that it starts from now on. It must have given up new
/// privileges.
///
/// # Errors
/// Where the kernel has no such filters or does not take this one.
pub fn install(program: &[Instruction]) -> io::Result<()> {
    apply(program, 0).map(|_| ())
}

/// The same for a filter that holds calls up; they wait until they are answered through the listener, and fail with
/// `ENOSYS` once nobody has it any more.
///
/// # Errors
/// As for [`install`], and where the kernel has no listeners (before Linux 5.0) or this process has one already.
pub fn install_with_listener(program: &[Instruction]) -> io::Result<OwnedFd> {
    let descriptor = apply(program, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)?;
    let descriptor = RawFd::try_from(descriptor).map_err(io::Error::other)?;
    // SAFETY: the call has just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn apply(program: &[Instruction], flags: libc::c_ulong) -> io::Result<libc::c_long> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_ptr().cast_mut(),
    };
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    // SAFETY: the kernel copies `len` instructions from `filter`, which is that long, and changes nothing.
    let answer = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) };
    match answer {
        0.. => Ok(answer),
        _ => Err(io::Error::last_os_error()),
    }
}

impl Listener {
    /// The listener that a filtered process has sent.
    #[must_use]
    pub fn of(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// The next call that waits; `None` where none does. Only one thread may ask.
    ///
    /// # Errors
    /// What was sent is no listener, or nobody is left whose calls it could hold up.
    pub fn next(&self) -> io::Result<Option<HeldUp>> {
        // The question below would wait for a call, so it is only asked where there is one.
        let mut poll = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one valid place.
        let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
        if ready <= 0 || poll.revents & libc::POLLIN == 0 {
            return match poll.revents & (libc::POLLHUP | libc::POLLERR) {
                0 => Ok(None),
                _ => Err(io::ErrorKind::BrokenPipe.into()),
            };
        }
        // SAFETY: a plain structure of numbers, which the kernel wants zeroed.
        let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the request writes one such structure.
        if unsafe { libc::ioctl(self.0.as_raw_fd(), RECEIVE, &raw mut call) } == 0 {
            let held_up = HeldUp {
                id: call.id,
                call: i64::from(call.data.nr),
                arguments: call.data.args,
            };
            return Ok(Some(held_up));
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            // Who made the call is dead, or we were disturbed: there may be another.
            Some(libc::ENOENT | libc::EINTR) => Ok(None),
            _ => Err(error),
        }
    }

    /// Lets the call fail with this error's number; whether there was still one to fail. A call that a signal interrupts is gone,
    /// and comes again as another.
    #[must_use]
    pub fn refuse(&self, held_up: HeldUp, error: i32) -> bool {
        let answer = libc::seccomp_notif_resp {
            id: held_up.id,
            val: 0,
            error: -error,
            flags: 0,
        };
        // SAFETY: the request reads one such structure. An error means that the call waits no more.
        unsafe { libc::ioctl(self.0.as_raw_fd(), SEND, &raw const answer) == 0 }
    }

    /// Lets the kernel go on with the call, with its arguments as they are by now (Linux 5.5). A call that is gone needs no answer.
    pub fn let_go(&self, held_up: HeldUp) {
        let answer = libc::seccomp_notif_resp {
            id: held_up.id,
            val: 0,
            error: 0,
            flags: GO_ON,
        };
        // SAFETY: the request reads one such structure. An error means that the call waits no more.
        unsafe { libc::ioctl(self.0.as_raw_fd(), SEND, &raw const answer) };
    }

    /// Lets the call succeed with a copy of this descriptor as its answer (Linux 5.14). The caller keeps its own.
    ///
    /// # Errors
    /// The call is gone, or its process may open no more.
    pub fn give(&self, held_up: HeldUp, descriptor: BorrowedFd<'_>, flags: i32) -> io::Result<()> {
        let (send, source) = (libc::SECCOMP_ADDFD_FLAG_SEND, descriptor.as_raw_fd());
        let answer = libc::seccomp_notif_addfd {
            id: held_up.id,
            flags: u32::try_from(send).map_err(io::Error::other)?,
            srcfd: u32::try_from(source).map_err(io::Error::other)?,
            newfd: 0,
            newfd_flags: u32::try_from(flags).map_err(io::Error::other)?,
        };
        // SAFETY: the request reads one such structure.
        match unsafe { libc::ioctl(self.0.as_raw_fd(), GIVE, &raw const answer) } {
            0.. => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE` of `linux/seccomp.h`.
const GO_ON: u32 = 1;

/// `SECCOMP_IOCTL_NOTIF_RECV`, `SECCOMP_IOCTL_NOTIF_SEND` and `SECCOMP_IOCTL_NOTIF_ADDFD` of `linux/seccomp.h`.
const RECEIVE: libc::Ioctl = request(3, 0, size_of::<libc::seccomp_notif>());
const SEND: libc::Ioctl = request(3, 1, size_of::<libc::seccomp_notif_resp>());
const GIVE: libc::Ioctl = request(1, 3, size_of::<libc::seccomp_notif_addfd>());

/// `_IOWR('!', number, size)` for the way 3, `_IOW` for 1.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the sizes are 80 and 24 bytes"
)]
const fn request(way: u32, number: u32, size: usize) -> libc::Ioctl {
    (way << 30 | (size as u32) << 16 | (b'!' as u32) << 8 | number) as libc::Ioctl
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requests_have_the_kernels_numbers() {
        assert_eq!(
            (RECEIVE, SEND, GIVE),
            (0xc050_2100, 0xc018_2101, 0x4018_2103)
        );
    }

    #[test]
    fn what_is_no_listener_says_so() -> io::Result<()> {
        let null = std::fs::File::open("/dev/null")?;
        assert!(Listener::of(null.into()).next().is_err());
        Ok(())
    }
}
