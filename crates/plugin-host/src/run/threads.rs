//! Threads that a plugin started and did not join.

use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

/// How many threads this process had before a run.
pub(crate) struct Threads(Option<u64>);

/// How long a thread may take to vanish from the process's list once it has been joined: the kernel wakes the joiner
/// before it takes the thread off the list.
const GRACE: Duration = Duration::from_millis(20);

impl Threads {
    pub(crate) fn now() -> Self {
        Self(count())
    }

    /// How many threads there are that were not there before.
    pub(crate) fn left_over(&self) -> u32 {
        let Some(before) = self.0 else {
            return 0;
        };
        let deadline = Instant::now() + GRACE;
        loop {
            let left = count().map_or(0, |now| now.saturating_sub(before));
            if left == 0 || Instant::now() >= deadline {
                return u32::try_from(left).unwrap_or(u32::MAX);
            }
            // Polled, because nothing tells when a task leaves the list; ends with the grace above.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// How many threads there are, where the system tells: the folder of threads counts each of them as a link, and two of its own
/// (proc(5)). Looking at it needs no right to open it, and takes a tenth of the time that listing it takes.
pub(crate) fn count() -> Option<u64> {
    let links = std::fs::metadata("/proc/self/task").ok()?.nlink();
    links.checked_sub(2).filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_thread_that_goes_on_is_counted() {
        let before = count().expect("`/proc` tells");
        let (hold, held) = mpsc::channel::<()>();
        let (ready, is_ready) = mpsc::channel::<()>();
        let other = std::thread::spawn(move || {
            ready.send(()).expect("the test waits");
            held.recv()
        });
        is_ready.recv().expect("it has begun");
        // Other tests start and end threads meanwhile, so that only this much is sure.
        assert!(before >= 1 && count() >= Some(2));
        drop(hold);
        assert!(other.join().is_ok());
    }
}
