//! What a run can leave behind in a process while it gives a good result.

use crate::Mode;
use dropleaf_plugin_sdk::prelude::*;
use std::ffi::CString;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

pub(crate) fn leave(mode: Mode, text: &str) -> Result<()> {
    match mode {
        Mode::PrintHalf => {
            // Left in the buffer of the standard library.
            Ok(io::stdout().write_all(text.as_bytes())?)
        }
        Mode::PrintByC => print_by_c(text),
        Mode::PrintByCAndAbort => {
            print_by_c(text)?;
            std::process::abort()
        }
        Mode::LeakFile => {
            std::mem::forget(std::fs::File::open("/dev/null")?);
            Ok(())
        }
        Mode::ChangeFolder => Ok(std::env::set_current_dir("/")?),
        Mode::HandleSignal => {
            // SAFETY: to ignore a signal runs no code.
            let before = unsafe { libc::signal(libc::SIGUSR1, libc::SIG_IGN) };
            match before {
                libc::SIG_ERR => Err(std::io::Error::last_os_error().into()),
                _ => Ok(()),
            }
        }
        Mode::WindTimer => wind(),
        Mode::RoundUp => round_up(),
        Mode::Unmask => {
            // SAFETY: it cannot fail.
            unsafe { libc::umask(0) };
            Ok(())
        }
        // SAFETY: a descriptor's flags, by number.
        Mode::Nonblocking => heed(unsafe { libc::fcntl(1, libc::F_SETFL, libc::O_NONBLOCK) }),
        Mode::ChangeLocale => {
            // SAFETY: the name is a text that lasts; the library has one thread.
            let set = unsafe { libc::setlocale(libc::LC_NUMERIC, c"C.UTF-8".as_ptr()) };
            heed(if set.is_null() { -1 } else { 0 })
        }
        Mode::Burn => burn(text),
        _ => Err(Error::failed("no such mode")),
    }
}

fn heed(answer: libc::c_int) -> Result<()> {
    match answer {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error().into()),
    }
}

fn print_by_c(text: &str) -> Result<()> {
    let text = CString::new(text).map_err(|error| Error::failed(error.to_string()))?;
    // SAFETY: the format takes one text, which lasts.
    heed(unsafe { libc::printf(c"a line of C\n%s".as_ptr(), text.as_ptr()) })
}

fn wind() -> Result<()> {
    let mut timer = std::ptr::null_mut();
    // SAFETY: zeros are times too; the calls write and read these places only.
    unsafe {
        let mut due: libc::itimerspec = std::mem::zeroed();
        due.it_value.tv_sec = 1800;
        heed(libc::timer_create(
            libc::CLOCK_MONOTONIC,
            std::ptr::null_mut(),
            &raw mut timer,
        ))?;
        heed(libc::timer_settime(
            timer,
            0,
            &raw const due,
            std::ptr::null_mut(),
        ))
    }
}

#[link(name = "m")]
unsafe extern "C" {
    fn fegetround() -> libc::c_int;
    fn fesetround(way: libc::c_int) -> libc::c_int;
}

/// `FE_UPWARD`.
#[cfg(target_arch = "x86_64")]
const UPWARD: libc::c_int = 0x800;
#[cfg(target_arch = "aarch64")]
const UPWARD: libc::c_int = 0x40_0000;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const UPWARD: libc::c_int = 3;

fn round_up() -> Result<()> {
    // SAFETY: the C library's, with a number that it knows.
    unsafe {
        fesetround(UPWARD);
        heed(if fegetround() == UPWARD { 0 } else { -1 })
    }
}

fn burn(milliseconds: &str) -> Result<()> {
    let much = milliseconds.parse().map(Duration::from_millis);
    let much = much.map_err(|_| Error::failed("`text` is no number"))?;
    let (start, begun) = (used(), Instant::now());
    while used().saturating_sub(start) < much && begun.elapsed() < Duration::from_secs(50) {
        std::hint::black_box((0..10_000_u64).sum::<u64>());
    }
    Ok(())
}

/// Processor time of this process.
fn used() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call fills the structure.
    unsafe {
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time);
    }
    let (seconds, nanos) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    Duration::from_secs(seconds) + Duration::from_nanos(nanos)
}
