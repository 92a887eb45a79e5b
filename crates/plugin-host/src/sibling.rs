//! A copy of this process that is another child of its parent, so that the parent can wait for it.

use crate::run::threads;
use std::io;

/// Which of the two processes it is that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// The one that asked; the copy has this process id.
    Original(u32),
    /// The copy.
    Copy,
}

/// Copies this process, which must have one thread only. Both go on from here, each in its own memory.
///
/// # Errors
/// More than one thread, or the kernel's: no memory, too many processes.
pub fn fork_sibling() -> io::Result<Forked> {
    match threads::count() {
        Some(1) => {}
        Some(threads) => {
            let text = format!("a process of {threads} threads cannot be copied");
            return Err(io::Error::other(text));
        }
        None => {
            return Err(io::Error::other(
                "`/proc` does not tell how many threads there are",
            ));
        }
    }
    let flags = libc::CLONE_PARENT | libc::SIGCHLD;
    let (flags, cell) = match thread_id_cell() {
        Some(cell) => (
            flags | libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID,
            cell,
        ),
        None => (flags, std::ptr::null_mut()),
    };
    let none = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: without CLONE_VM the copy has its own memory and goes on with a copy of this stack (a null stack means that).
    // There is one thread, so that no lock is held by a thread that the copy lacks. `cell` is where the C library keeps this
    // thread's id, written in the copy only.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "s390x")))]
    let id = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, cell) };
    // SAFETY: as above; this architecture has the last two arguments the other way round.
    #[cfg(target_arch = "x86_64")]
    let id = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, cell, none) };
    // SAFETY: as above; this architecture takes the stack first.
    #[cfg(target_arch = "s390x")]
    let id = unsafe { libc::syscall(libc::SYS_clone, none, flags, none, cell, none) };
    match u32::try_from(id) {
        Err(_) => Err(io::Error::last_os_error()),
        Ok(0) => Ok(Forked::Copy),
        Ok(id) => Ok(Forked::Original(id)),
    }
}

/// Closes every descriptor but the standard three. Whoever started this process may have left some open.
///
/// To be called before anything else has opened one.
pub fn close_inherited() {
    // SAFETY: plain numbers; nothing in this process has a descriptor of its own yet.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    if closed == 0 {
        return;
    }
    // A kernel before 5.9.
    for descriptor in 3..4096 {
        // SAFETY: as above.
        unsafe { libc::close(descriptor) };
    }
}

/// Where the C library keeps the id of this thread, which is the copy's to change. `fork` itself does the same.
fn thread_id_cell() -> Option<*mut libc::c_void> {
    const PR_GET_TID_ADDRESS: libc::c_int = 40;
    if !cfg!(target_env = "gnu") {
        return None;
    }
    let mut cell: *mut libc::c_void = std::ptr::null_mut();
    // SAFETY: the call writes one pointer into `cell`; a kernel that was built without it writes nothing and says so.
    let answer = unsafe { libc::prctl(PR_GET_TID_ADDRESS, &raw mut cell) };
    // SAFETY: `gettid` has no arguments and cannot fail.
    let own = unsafe { libc::gettid() };
    if answer != 0 || cell.is_null() {
        return None;
    }
    // SAFETY: the C library gave this address to the kernel for a thread id that it keeps there as long as the thread lives.
    let kept = unsafe { cell.cast::<libc::pid_t>().read() };
    (kept == own).then_some(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_several_threads_is_not_copied() {
        // The test harness itself has more than one.
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || held.recv());
        assert!(fork_sibling().is_err());
        drop(hold);
        assert!(other.join().is_ok());
    }
}
