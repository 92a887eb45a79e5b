//! What plugins print through the C library.

use std::ffi::{c_char, c_int};

unsafe extern "C" {
    static stdout: *mut libc::FILE;
    fn setvbuf(stream: *mut libc::FILE, buffer: *mut c_char, mode: c_int, size: usize) -> c_int;
}

/// Of C's `stdio.h`, the same in every C library of Linux.
const LINE_BUFFERED: c_int = 1;
const BUFFER: usize = 1024;

/// From now on each line of standard output goes out when it is whole, as on a terminal: what a plugin has printed before it crashes is
/// not lost. To be called before anything is printed.
pub fn print_by_lines() {
    // SAFETY: the library makes the buffer itself; nobody prints yet. Where it refuses, the prints come out later.
    unsafe {
        setvbuf(stdout, std::ptr::null_mut(), LINE_BUFFERED, BUFFER);
    }
}

/// Prints what the C library has been told to print and has not printed yet, into whichever file.
pub fn flush_prints() {
    // SAFETY: a null stream means all of them; the library takes its own locks.
    unsafe {
        libc::fflush(std::ptr::null_mut());
    }
}
