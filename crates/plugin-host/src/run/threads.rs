//! Threads that a plugin started and did not join.

use std::collections::HashSet;
use std::time::{Duration, Instant};

/// The threads of this process before a run.
pub(crate) struct Threads(Option<HashSet<u32>>);

/// How long a thread may take to vanish from the process's list once it has been joined: the kernel wakes the joiner
/// before it takes the thread off the list.
const GRACE: Duration = Duration::from_millis(20);

impl Threads {
    pub(crate) fn now() -> Self {
        Self(list())
    }

    /// How many threads there are that were not there before.
    pub(crate) fn left_over(&self) -> u32 {
        let Some(before) = &self.0 else {
            return 0;
        };
        let deadline = Instant::now() + GRACE;
        loop {
            let left = list().map_or(0, |now| now.difference(before).count());
            if left == 0 || Instant::now() >= deadline {
                return u32::try_from(left).unwrap_or(u32::MAX);
            }
            // Polled, because nothing tells when a task leaves the list; ends with the grace above.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The ids of all threads, where the system lists them.
fn list() -> Option<HashSet<u32>> {
    let entries = std::fs::read_dir("/proc/self/task").ok()?;
    Some(
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect(),
    )
}
