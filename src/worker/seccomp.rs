//! The system calls that a plugin has no business with. They answer `EPERM`, so that a library that only tries goes on.
//!
//! A list of what is denied, not of what is allowed: plugins bring libraries whose calls nobody can foresee, while the
//! ways out of a process that may open no file and no socket are few and known. `clone3` answers `ENOSYS`, because its
//! flags lie in memory where a filter cannot see them; the C library then falls back to `clone`, which is filtered.
//!
//! Where the kernel can, a denied call is held up until the daemon has counted it and answered: what a job has tried stands
//! in its events, and nothing in the worker can hide it (`docs/decisions/0014-denied-calls-are-counted-by-the-daemon.md`).

mod denied;
mod loader;
mod program;

use crate::wire::nursery::Reach;
use crate::worker::seccomp::denied::Readers;
use crate::worker::seccomp::program::Denial;
use dropleaf_plugin_host::filter;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;

/// Locks this process and all its copies out of what could hide from a filter. It must have given up new privileges. Gives where the
/// dynamic loader's code lies in them all.
///
/// # Errors
/// Where the kernel has no seccomp.
pub(crate) fn apply_shared() -> io::Result<Range<u64>> {
    let loader = loader::code();
    filter::install(&program::absences())?;
    Ok(loader)
}

/// Locks a worker out of everything that is not within its reach; gives what the daemon answers its denied calls through,
/// where the kernel has that. What others than the loader open for reading is held up, too, where the daemon can look at the names.
///
/// # Errors
/// Where the kernel has no seccomp, or nobody has written down the architecture's mark.
pub(crate) fn apply_own(
    own_process: u32,
    reach: &Reach,
    loader: Option<&Range<u64>>,
) -> io::Result<Option<OwnedFd>> {
    let readers = match loader {
        Some(loader) if gives_files() => Readers::Loader(loader.clone()),
        _ => Readers::All,
    };
    let write = |denial| {
        let mut rules = denied::rules(own_process, reach, &readers);
        if denial == Denial::HoldUp && gives_files() {
            rules.push(denied::memory_files());
        }
        program::write(rules, denial)
            .ok_or_else(|| io::Error::other("no filter for this architecture"))
    };
    if let Ok(listener) = filter::install_with_listener(&write(Denial::HoldUp)?) {
        return Ok(Some(listener));
    }
    filter::install(&write(Denial::Refuse)?)?;
    Ok(None)
}

/// Whether this kernel lets the daemon answer a call with a descriptor (Linux 5.14).
fn gives_files() -> bool {
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy();
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    let mut number = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    number().zip(number()) >= Some((5, 14))
}

/// Where the name begins, in the worker's memory, that a held up call opens for reading; `None` for one that does something else.
#[must_use]
pub(crate) fn name_to_read(call: i64, arguments: &[u64; 6]) -> Option<u64> {
    denied::name_to_read(call, arguments)
}

/// What a denied call fails with.
#[must_use]
pub(crate) fn error_of(call: i64) -> i32 {
    denied::error_of(call)
}

/// What a denied call is called.
#[must_use]
pub(crate) fn name_of(call: i64) -> &'static str {
    denied::name_of(call).unwrap_or("another call")
}
