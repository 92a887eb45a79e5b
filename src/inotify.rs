//! The kernel's limits of events about files (inotify), and what to do where one is reached.

use notify::ErrorKind;
use std::fs;

/// Each user's limit of watched folders.
pub const WATCHES: &str = "max_user_watches";
/// Each user's limit of watchers: programs that watch, a daemon once for every folder of a pipeline.
pub const INSTANCES: &str = "max_user_instances";

/// One of the limits, where there is inotify.
#[must_use]
pub fn limit(name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
    text.trim().parse().ok()
}

/// That no more folders can be watched, and what to do.
#[must_use]
pub fn no_more_watches() -> String {
    reached("watches", WATCHES)
}

/// Why there are no events, and what to do.
#[must_use]
pub fn refused(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => no_more_watches(),
        ErrorKind::Io(io)
            if io.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error())
                && may_open_files() =>
        {
            reached("watchers", INSTANCES)
        }
        _ => format!("events cannot be had: {error}"),
    }
}

/// The kernel has one error for too many watchers of a user and too many open files of a process.
fn may_open_files() -> bool {
    fs::File::open("/dev/null").is_ok()
}

fn reached(of: &str, name: &str) -> String {
    let value = limit(name).map_or_else(|| "unknown".to_owned(), |limit| limit.to_string());
    format!("the kernel's limit of {of} is reached (sysctl fs.inotify.{name} = {value}; raise it)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_named_with_what_to_raise() {
        let of_user = std::io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
        for (error, expected) in [
            (
                notify::Error::io(of_user),
                "fs.inotify.max_user_instances = ",
            ),
            (
                notify::Error::new(ErrorKind::MaxFilesWatch),
                "fs.inotify.max_user_watches = ",
            ),
            (notify::Error::generic("odd"), "events cannot be had: odd"),
        ] {
            let said = refused(&error);
            assert!(said.contains(expected), "{said}");
        }
    }
}
