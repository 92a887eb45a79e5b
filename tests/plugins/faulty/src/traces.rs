//! What a run can leave behind in a process while it gives a good result.

use crate::Mode;
use dropleaf_plugin_sdk::prelude::*;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

pub(crate) fn leave(mode: Mode, text: &str) -> Result<()> {
    match mode {
        Mode::PrintHalf => {
            // Left in the buffer of the standard library.
            Ok(io::stdout().write_all(text.as_bytes())?)
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
        Mode::Burn => burn(text),
        _ => Err(Error::failed("no such mode")),
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
