//! The registers in which a call's number, arguments and result stand.

use nix::unistd::Pid;

/// What stands in the registers at a stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    pub(super) number: i64,
    pub(super) arguments: [u64; 6],
    pub(super) result: i64,
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod machine {
    use super::{Pid, Stop};
    use nix::sys::ptrace;

    /// Nothing where the thread has gone.
    pub(in crate::trace) fn read(thread: Pid) -> Option<Stop> {
        let regs = ptrace::getregs(thread).ok()?;
        Some(Stop {
            number: regs.orig_rax.cast_signed(),
            arguments: [regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9],
            result: regs.rax.cast_signed(),
        })
    }

    /// Lets the call that begins be none.
    pub(in crate::trace) fn skip(thread: Pid) {
        change(thread, |regs| regs.orig_rax = u64::MAX);
    }

    /// Puts a result in place of that of the call that has ended.
    pub(in crate::trace) fn answer(thread: Pid, result: i64) {
        change(thread, |regs| regs.rax = result.cast_unsigned());
    }

    fn change(thread: Pid, change: impl FnOnce(&mut nix::libc::user_regs_struct)) {
        // A thread that has been killed meanwhile needs no change.
        if let Ok(mut regs) = ptrace::getregs(thread) {
            change(&mut regs);
            let _ = ptrace::setregs(thread, regs);
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod machine {
    use super::{Pid, Stop};

    pub(in crate::trace) fn read(_: Pid) -> Option<Stop> {
        None
    }

    pub(in crate::trace) fn skip(_: Pid) {}

    pub(in crate::trace) fn answer(_: Pid, _: i64) {}
}

pub(super) use machine::{answer, read, skip};
