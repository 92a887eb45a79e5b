//! How many connections there is room for: each takes a file descriptor, and the journal, the folders and the workers need theirs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that connections never get.
const RESERVE: u64 = 256;

/// Raises the process's limit of open files as far as it may, and says how many of `wanted` connections that lets in.
pub(crate) fn connections(wanted: usize) -> usize {
    let allowed = raised();
    let most = most(allowed, wanted);
    if most < wanted {
        tracing::warn!(
            open_files = allowed,
            "only {most} of {wanted} connections (`max_connections`) are let in at a time: the process may not open more files; \
             raise its limit (`ulimit -n`, `LimitNOFILE=` of systemd)"
        );
    }
    most
}

/// The limit of open files, after asking for all that may be had.
fn raised() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let (soft, hard) = (limit.current.unwrap_or(u64::MAX), limit.maximum);
    let wanted = Rlimit {
        current: hard,
        maximum: hard,
    };
    match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => hard.unwrap_or(u64::MAX),
        // The old limit stands.
        Err(_) => soft,
    }
}

/// Half of what is left may be answers that read files: a descriptor more for each.
fn most(allowed: u64, wanted: usize) -> usize {
    let room = allowed.saturating_sub(RESERVE) / 2;
    usize::try_from(room)
        .unwrap_or(usize::MAX)
        .clamp(1, wanted.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_take_what_the_rest_needs() {
        assert_eq!(most(1024, 1024), 384);
        assert_eq!(most(1_048_576, 1024), 1024);
        assert_eq!(most(u64::MAX, 1024), 1024);
        assert_eq!(most(100, 1024), 1, "one must get through to say so");
        assert_eq!(most(1024, 0), 1);
    }
}
