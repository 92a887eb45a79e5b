//! Other processes, as a test sees and ends them; and numbers that look random but come again.

use std::path::Path;
use std::process::Command;

/// The living children of a process.
///
/// # Panics
/// There is no `/proc`.
#[must_use]
pub fn children(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("/proc is there");
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    let state = words.next()?;
    let parent = words.next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}

/// The name and the nice value (proc_pid_stat(5), field 19) of a process or thread, by its folder in `/proc`; none where it has ended.
#[must_use]
pub fn name_and_nice(process: &Path) -> Option<(String, i32)> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    let (name, rest) = stat.split_once(" (")?.1.rsplit_once(") ")?;
    let nice = rest.split(' ').nth(16)?.parse().ok()?;
    Some((name.to_owned(), nice))
}

/// Whether a child of ours has ended and waits to be reaped.
pub(crate) fn ended(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_none_or(|(_, rest)| rest.starts_with('Z'))
}

/// Copies a program that is to be started. Another process writes it: a child that another test starts in that moment would hold our
/// descriptor for a while, and a file that somebody can write to is not started ("text file busy").
///
/// # Panics
/// It cannot be copied.
pub fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg(from).arg(to).status();
    assert!(
        copied.is_ok_and(|status| status.success()),
        "{from:?} to {to:?}"
    );
}

/// SIGKILL to a process that may have ended already.
///
/// # Panics
/// There is no `kill` program.
pub fn kill(pid: u32) {
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).output();
    killed.expect("kill runs");
}

/// Halts a process for as long as `meanwhile` takes: it hears nothing, and what the kernel keeps for it fills up.
///
/// # Panics
/// There is no `kill` program, or the process is gone.
pub fn halted<T>(pid: u32, meanwhile: impl FnOnce() -> T) -> T {
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &pid.to_string()]).status();
        assert!(sent.is_ok_and(|sent| sent.success()), "{name} to {pid}");
    };
    signal("-STOP");
    let result = meanwhile();
    signal("-CONT");
    result
}

/// A sequence of numbers, the same for the same seed.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next number below `bound`.
    pub fn roll(&mut self, bound: u64) -> u64 {
        // Knuth's constants for a linear congruential generator; the high bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }
}
