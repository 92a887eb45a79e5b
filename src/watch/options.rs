//! The times and bounds of watching. The defaults are for people; tests shorten them.

use std::time::Duration;

/// The times and bounds of watching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How files settle.
    pub settling: Settling,
    /// Between full scans of folders whose changes are reported; longer where a scan is slow.
    pub scan_reported: Duration,
    /// Between scans of folders whose changes may go unreported.
    pub scan_polled: Duration,
    /// The longest pause between scans of a folder that is slow to scan.
    pub scan_polled_max: Duration,
    /// Between two looks at a folder that is offline or blocked.
    pub look_again: Duration,
    /// Between two proofs that events still come.
    pub canary_every: Duration,
    /// How long the report of a canary may take.
    pub canary_within: Duration,
    /// Before an arrival that was declined for later is offered again; doubles up to 30 times this, for one that cannot be taken for a
    /// reason of its own up to 1,200 times.
    pub offer_again: Duration,
    /// Watch without events, whatever the file system and the pipeline say.
    pub polling_only: bool,
    /// How many changed paths are remembered between two rounds; beyond that the folder is scanned as a whole.
    pub hints: usize,
    /// How deep folders below a watched one are followed.
    pub depth: usize,
}

/// How long files are waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settling {
    /// Rest of a file that arrived by rename.
    pub renamed: Duration,
    /// Rest after its writer closed it.
    pub closed: Duration,
    /// Rest of a file that a scan found.
    pub found: Duration,
    /// Rest on a network file system.
    pub remote: Duration,
    /// A file without a PDF header is offered after four times its rest, but not before this.
    pub not_pdf: Duration,
    /// A truncated PDF is offered when it did not change for this long and nobody is known to write it.
    pub truncated: Duration,
    /// A writer that has not closed the file is waited for this long after his last change.
    pub writer: Duration,
    /// A file that has been waited for this long is reported as incomplete. It stays waited for.
    pub incomplete: Duration,
    /// Before a file that cannot be read, or may not be taken, is looked at again.
    pub unreadable: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settling: Settling::default(),
            scan_reported: Duration::from_secs(60),
            scan_polled: Duration::from_secs(5),
            scan_polled_max: Duration::from_secs(60),
            look_again: Duration::from_secs(5),
            // Each one writes to the disk, which lets no disk sleep; a lost watcher is found by the full scans meanwhile.
            canary_every: Duration::from_secs(300),
            canary_within: Duration::from_secs(2),
            offer_again: Duration::from_millis(500),
            polling_only: false,
            hints: 65_536,
            depth: 16,
        }
    }
}

impl Default for Settling {
    fn default() -> Self {
        Self {
            renamed: Duration::ZERO,
            closed: Duration::from_secs(1),
            found: Duration::from_secs(2),
            remote: Duration::from_secs(5),
            not_pdf: Duration::from_secs(10),
            truncated: Duration::from_secs(60),
            writer: Duration::from_secs(60),
            incomplete: Duration::from_secs(600),
            unreadable: Duration::from_secs(5),
        }
    }
}
